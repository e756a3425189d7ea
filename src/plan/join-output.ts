import { PlanError } from "../core/errors.ts";
import { callNode, columnNode } from "../core/expressions/node.ts";
import type { Schema } from "../core/schema.ts";
import { formatType, sameType } from "../core/types.ts";
import type { JoinColumn, JoinType, NamedExpression } from "./logical.ts";

/** Keys and columns of a join, as every API that joins gives them. */
export interface JoinOutput {
  readonly leftKeys: readonly string[];
  readonly rightKeys: readonly string[];
  readonly output: readonly JoinColumn[];
  /** To put behind the join: keys of one name come from whichever side has the row. */
  readonly projection?: readonly NamedExpression[];
}

/**
 * The left columns, and the right ones without keys of the same name; other names that are taken get "_right".
 * @throws {PlanError} JOIN_KEYS_MISMATCH, COLUMN_UNKNOWN
 */
export function joinOutput(
  left: Schema,
  right: Schema,
  on: { readonly type: JoinType; readonly leftKeys: readonly string[]; readonly rightKeys: readonly string[] },
): JoinOutput {
  const { type } = on;
  checkKeys(left, right, on.leftKeys, on.rightKeys);
  // A pair of keys that is given twice says nothing new.
  const isFirst = (key: string, i: number) =>
    on.leftKeys.findIndex((other, j) => other === key && on.rightKeys[j] === on.rightKeys[i]) === i;
  const leftKeys = on.leftKeys.filter(isFirst);
  const rightKeys = on.rightKeys.filter((_, i) => isFirst(on.leftKeys[i], i));
  const isShared = (name: string) => leftKeys.some((key, i) => key === name && rightKeys[i] === name);
  const output = joinedColumns(left, right, type, (name) => !isShared(name));
  const shared = [...new Set(leftKeys.filter((key) => isShared(key)))];
  if (shared.length === 0 || (type !== "right" && type !== "full")) return { leftKeys, rightKeys, output };
  // A key of one name comes from whichever side has the row.
  const hidden = (key: string) => `${key} of the right side`;
  return {
    leftKeys,
    rightKeys,
    output: [...output, ...shared.map((key) => ({ side: "right", column: key, name: hidden(key) }) as const)],
    projection: output.map(({ name, side, column }) => ({
      name,
      expression:
        side === "left" && shared.includes(column)
          ? callNode("coalesce", columnNode(name), columnNode(hidden(column)))
          : columnNode(name),
    })),
  };
}

export function joinedColumns(
  left: Schema,
  right: Schema,
  type: JoinType,
  keepsRight: (name: string) => boolean,
): JoinColumn[] {
  const output: JoinColumn[] = left.names.map((name) => ({ side: "left", column: name, name }));
  if (type === "semi" || type === "anti") return output;
  const taken = new Set(left.names);
  for (const column of right.names.filter(keepsRight)) {
    let name = column;
    while (taken.has(name)) name += "_right";
    taken.add(name);
    output.push({ side: "right", column, name });
  }
  return output;
}

function checkKeys(left: Schema, right: Schema, leftKeys: readonly string[], rightKeys: readonly string[]): void {
  if (leftKeys.length === 0 || leftKeys.length !== rightKeys.length) {
    throw new PlanError(
      "JOIN_KEYS_MISMATCH",
      `The join has ${leftKeys.length} keys on its left and ${rightKeys.length} on its right side.`,
      "Give as many columns to equalTo as to where, at least one.",
    );
  }
  for (const [i, key] of leftKeys.entries()) {
    const [a, b] = [left.typeOf(key), right.typeOf(rightKeys[i])];
    if (sameType(a, b)) continue;
    throw new PlanError(
      "JOIN_KEYS_MISMATCH",
      `The join compares "${key}" of type ${formatType(a)} with "${rightKeys[i]}" of type ${formatType(b)}.`,
      "Cast one of them, so that both have one type.",
    );
  }
}
