/** A value of the types that the plan interpreter knows: bool, int32, int64, float64, utf8. */
export type Value = null | boolean | number | bigint | string;
export type Row = Readonly<Record<string, Value>>;

/** The engine's total order of values that are not null: NaN above all numbers, -0 equal to 0, text by code points. */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  const [x, y] = [a ?? 0, b ?? 0];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Equal texts for values that are one group: nulls, all NaN, 0 and -0, and integers of any width. */
export function groupText(value: Value): string {
  if (typeof value === "bigint") return `n${value}`;
  return typeof value === "number" ? `n${value === 0 ? 0 : value}` : `${typeof value}${String(value)}`;
}

/** A row as text, with columns in the given order. */
export const rowText = (row: Row, names: readonly string[]): string =>
  names.map((name) => groupText(row[name])).join("|");
