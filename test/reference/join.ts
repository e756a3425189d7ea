import type { DataType } from "../../src/core/types.ts";
import { compareValues } from "./sort.ts";

export type ReferenceRow = readonly unknown[];
export type ReferenceJoinType = "inner" | "left" | "right" | "full" | "semi" | "anti";

/** Whether two values that are not null are equal; nulls inside of them equal each other. */
export function equalValues(type: DataType, a: unknown, b: unknown): boolean {
  const equalParts = (part: DataType, x: unknown, y: unknown) =>
    x === null || y === null ? x === y : equalValues(part, x, y);
  switch (type.kind) {
    case "list":
    case "map": {
      const [x, y] = [a as unknown[], b as unknown[]];
      const element: DataType =
        type.kind === "list" ? type.element : { kind: "struct", fields: { 0: type.key, 1: type.value } };
      return x.length === y.length && x.every((value, i) => equalParts(element, value, y[i]));
    }
    case "struct": {
      const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
      return Object.entries(type.fields).every(([name, field]) => equalParts(field, x[name], y[name]));
    }
    case "interval": {
      const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
      return ["months", "days", "nanoseconds"].every((name) => x[name] === y[name]);
    }
    default:
      return compareValues(type, a, b) === 0;
  }
}

/** A nested loop over both sides; a missing side is undefined. */
export function joinReference(
  type: ReferenceJoinType,
  keyTypes: readonly DataType[],
  left: readonly ReferenceRow[],
  right: readonly ReferenceRow[],
  options: { nullEquals?: boolean; residual?: (left: ReferenceRow, right: ReferenceRow) => boolean } = {},
): [ReferenceRow | undefined, ReferenceRow | undefined][] {
  const equal = (a: unknown, b: unknown, keyType: DataType): boolean => {
    if (a === null || b === null) return options.nullEquals === true && a === b;
    return equalValues(keyType, a, b);
  };
  const matches = (a: ReferenceRow, b: ReferenceRow): boolean =>
    keyTypes.every((keyType, i) => equal(a[i], b[i], keyType)) && (options.residual?.(a, b) ?? true);
  const pairs = left.flatMap((a) =>
    right.filter((b) => matches(a, b)).map((b): [ReferenceRow, ReferenceRow] => [a, b]),
  );
  const lonelyLeft = left.filter((a) => !pairs.some(([b]) => a === b));
  const lonelyRight = right.filter((a) => !pairs.some(([, b]) => a === b));
  if (type === "semi") return left.filter((a) => !lonelyLeft.includes(a)).map((a) => [a, undefined]);
  if (type === "anti") return lonelyLeft.map((a) => [a, undefined]);
  return [
    ...pairs,
    ...(type === "left" || type === "full" ? lonelyLeft.map((a): [ReferenceRow, undefined] => [a, undefined]) : []),
    ...(type === "right" || type === "full" ? lonelyRight.map((b): [undefined, ReferenceRow] => [undefined, b]) : []),
  ];
}
