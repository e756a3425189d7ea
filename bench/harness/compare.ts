/** Compares an engine's answer with DuckDB's. */
import type { Cell, Summary } from "./summary.ts";

/** Relative tolerance of floating-point values: engines add in different orders. */
const tolerance = 1e-8;

/** Returns null if the answers agree, otherwise what differs. */
export function difference(expected: Summary, actual: Summary, orderBy: readonly string[] = []): string | null {
  if (actual.rowCount !== expected.rowCount) return `${actual.rowCount} rows instead of ${expected.rowCount}`;
  for (const [index, { name }] of expected.columns.entries()) {
    const [want, got] = [expected.totals?.[index] ?? null, actual.totals?.[index] ?? null];
    if (!sameCell(want, got)) return `column ${name} adds up to ${got} instead of ${want}`;
  }
  const inOrder = orderBy.map((name) => expected.columns.findIndex((column) => column.name === name));
  for (const [row, want] of expected.rows.entries()) {
    const wrong = inOrder.find((column) => !sameCell(want[column] ?? null, actual.rows[row]?.[column] ?? null));
    if (wrong !== undefined) {
      return `row ${row} is out of order: ${show(actual.rows[row])} instead of ${show(want)}`;
    }
  }
  if (actual.rows.length !== expected.rows.length) {
    return `${actual.rows.length} sampled rows instead of ${expected.rows.length}`;
  }
  const [wanted, got] = [sorted(expected), sorted(actual)];
  for (const [index, want] of wanted.entries()) {
    const found = got[index] ?? [];
    if (want.some((cell, column) => !sameCell(cell, found[column] ?? null))) {
      return `${show(found)} instead of ${show(want)}`;
    }
  }
  return null;
}

function sameCell(want: Cell, got: Cell): boolean {
  if (want === got) return true;
  if (typeof want !== "number" || typeof got !== "number") return false;
  if (Number.isNaN(want) || Number.isNaN(got)) return Number.isNaN(want) && Number.isNaN(got);
  return Math.abs(want - got) <= tolerance * Math.max(1, Math.abs(want), Math.abs(got));
}

/** Rows ordered by their exact columns first, so that equal rows meet in spite of rounding in the others. */
function sorted(summary: Summary): (readonly Cell[])[] {
  const exact = summary.columns.flatMap(({ kind }, index) => (kind === "float" ? [] : [index]));
  const inexact = summary.columns.flatMap(({ kind }, index) => (kind === "float" ? [index] : []));
  const keyed = summary.rows.map((row) => ({ key: JSON.stringify(exact.map((index) => row[index])), row }));
  keyed.sort((left, right) => {
    if (left.key !== right.key) return left.key < right.key ? -1 : 1;
    for (const index of inexact) {
      const [a, b] = [
        Number(left.row[index] ?? Number.NEGATIVE_INFINITY),
        Number(right.row[index] ?? Number.NEGATIVE_INFINITY),
      ];
      if (!sameCell(a, b)) return a - b;
    }
    return 0;
  });
  return keyed.map(({ row }) => row);
}

function show(row: readonly Cell[] | undefined): string {
  return `(${(row ?? []).join(", ")})`;
}
