import type { DataType } from "../../src/core/types.ts";

/** How a key orders: see SortKey. */
export interface ReferenceKey {
  descending?: boolean;
  nullsFirst?: boolean;
}

/** Order of two values of a type that are not null: below 0, 0 or above 0. */
export function compareValues(type: DataType, a: unknown, b: unknown): number {
  switch (type.kind) {
    case "float32":
    case "float64": {
      const [x, y] = [a as number, b as number];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case "utf8":
      return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string));
    case "binary":
      return Buffer.compare(a as Uint8Array, b as Uint8Array);
    case "decimal": {
      const unscaled = (text: unknown) => BigInt((text as string).replace(".", ""));
      return unscaled(a) < unscaled(b) ? -1 : unscaled(a) > unscaled(b) ? 1 : 0;
    }
    default:
      return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
  }
}

export function compareKeys(
  types: readonly DataType[],
  order: readonly ReferenceKey[],
  a: readonly unknown[],
  b: readonly unknown[],
): number {
  for (const [i, type] of types.entries()) {
    const { descending = false, nullsFirst = false } = order[i];
    if (a[i] === null || b[i] === null) {
      const nullsDifference = Number(a[i] === null) - Number(b[i] === null);
      if (nullsDifference !== 0) return nullsFirst ? -nullsDifference : nullsDifference;
      continue;
    }
    const difference = compareValues(type, a[i], b[i]);
    if (difference !== 0) return descending ? -difference : difference;
  }
  return 0;
}

/** Row numbers in order; Array.prototype.sort is stable. */
export const sortReference = (
  types: readonly DataType[],
  order: readonly ReferenceKey[],
  rows: readonly (readonly unknown[])[],
): number[] => rows.map((_, row) => row).sort((a, b) => compareKeys(types, order, rows[a], rows[b]));
