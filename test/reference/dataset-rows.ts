import { compareValues, groupText, type Row, rowText, type Value } from "./plan-rows.ts";

/** What the steps of a dataset mean, over plain rows: written to be read, not to be fast. */

export const pickRow = (row: Row, names: readonly string[]): Row =>
  Object.fromEntries(names.map((name) => [name, row[name]]));

export function groupRows(rows: readonly Row[], keys: readonly string[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = rowText(row, keys);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

export interface RowOrder {
  readonly column: string;
  readonly descending?: boolean;
  readonly nullsFirst?: boolean;
}

/** Nulls last unless said. */
export function sortRows(rows: readonly Row[], order: readonly RowOrder[]): Row[] {
  return [...rows].sort((a, b) => {
    for (const { column, descending = false, nullsFirst = false } of order) {
      const [x, y] = [a[column], b[column]];
      if (x === null || y === null) {
        const difference = Number(x === null) - Number(y === null);
        if (difference !== 0) return nullsFirst ? -difference : difference;
        continue;
      }
      const difference = compareValues(x, y);
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  });
}

export type ReferenceJoin = "inner" | "left" | "right" | "full" | "semi" | "anti";

/**
 * Pairs of rows with equal keys; undefined stands for a side without match. Null keys match nothing.
 * Gives up, with undefined for all, above `most` pairs.
 */
export function joinRows(
  left: readonly Row[],
  right: readonly Row[],
  type: ReferenceJoin,
  leftKeys: readonly string[],
  rightKeys: readonly string[],
  most: number,
): [left: Row | undefined, right: Row | undefined][] | undefined {
  const keyOf = (row: Row, keys: readonly string[]): string | undefined =>
    keys.some((key) => row[key] === null) ? undefined : keys.map((key) => groupText(row[key])).join("|");
  const byKey = new Map<string, Row[]>();
  for (const row of right) {
    const key = keyOf(row, rightKeys);
    if (key === undefined) continue;
    const rows = byKey.get(key);
    if (rows === undefined) byKey.set(key, [row]);
    else rows.push(row);
  }
  const matchesOf = (row: Row): readonly Row[] => byKey.get(keyOf(row, leftKeys) ?? "no key") ?? [];
  if (type === "semi" || type === "anti") {
    return left.filter((row) => matchesOf(row).length > 0 === (type === "semi")).map((row) => [row, undefined]);
  }
  const pairs: [Row | undefined, Row | undefined][] = [];
  const matched = new Set<Row>();
  for (const row of left) {
    const matches = matchesOf(row);
    if (pairs.length + matches.length > most) return undefined;
    for (const other of matches) {
      matched.add(other);
      pairs.push([row, other]);
    }
    if (matches.length === 0 && (type === "left" || type === "full")) pairs.push([row, undefined]);
  }
  if (type === "right" || type === "full") {
    for (const row of right) if (!matched.has(row)) pairs.push([undefined, row]);
  }
  return pairs;
}

export type ReferenceAggregate = "count" | "sum" | "min" | "max" | "avg" | "countDistinct";

/** One aggregate over the values of a group; sums of integers are bigint. */
export function aggregateValues(fn: ReferenceAggregate, values: readonly Value[], isInteger: boolean): Value {
  const present = values.filter((value) => value !== null);
  if (fn === "count") return BigInt(present.length);
  if (fn === "countDistinct") return BigInt(new Set(present.map(groupText)).size);
  if (present.length === 0) return null;
  switch (fn) {
    case "min":
      return present.reduce((least, value) => (compareValues(value, least) < 0 ? value : least));
    case "max":
      return present.reduce((most, value) => (compareValues(value, most) > 0 ? value : most));
    case "sum":
      if (isInteger) return present.reduce((sum: bigint, value) => sum + BigInt(value as number | bigint), 0n);
      return present.reduce((sum: number, value) => sum + Number(value), 0);
    case "avg":
      return present.reduce((sum: number, value) => sum + Number(value), 0) / present.length;
  }
}
