import type { WrittenRow } from "./transactional-store.ts";
import { valueText } from "./value-text.ts";

/** What is visible of each output, by its name: that of a sink, or the directory of files. */
export type Outputs = Readonly<Record<string, readonly object[]>>;

/** How often each row stands in an output, by its text. */
export type Multiset = Map<string, number>;

/** What one output lacks, and what it has too much, as texts of rows. */
export interface OutputDifference {
  readonly output: string;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
}

export function multisetOf(rows: readonly WrittenRow[]): Multiset {
  const counts: Multiset = new Map();
  for (const { row, change } of rows) {
    const text = valueText(row);
    counts.set(text, (counts.get(text) ?? 0) + change);
  }
  return counts;
}

/** Rows that stand, of a changelog those that nothing has taken back; in the order in which they first came. */
export function standingRows(rows: readonly WrittenRow[]): object[] {
  if (rows.every(({ change }) => change === 1)) return rows.map(({ row }) => row);
  const left = multisetOf(rows);
  const standing: object[] = [];
  for (const { row } of rows) {
    const text = valueText(row);
    const count = left.get(text) ?? 0;
    left.delete(text);
    for (let i = 0; i < count; i++) standing.push(row);
  }
  return standing;
}

/** Every output that differs; those of either side that the other does not know count as empty there. */
export function differences(
  expected: ReadonlyMap<string, Multiset>,
  actual: ReadonlyMap<string, Multiset>,
): OutputDifference[] {
  const found: OutputDifference[] = [];
  for (const output of new Set([...expected.keys(), ...actual.keys()])) {
    const wanted = expected.get(output) ?? new Map<string, number>();
    const given = actual.get(output) ?? new Map<string, number>();
    const lost = missing(wanted, given);
    const duplicated = missing(given, wanted);
    if (lost.length > 0 || duplicated.length > 0) found.push({ output, lost, duplicated });
  }
  return found;
}

/** Rows of one multiset that the other has not, or not as often. */
function missing(these: Multiset, those: Multiset): string[] {
  const rows: string[] = [];
  for (const [text, count] of these) {
    for (let i = those.get(text) ?? 0; i < count; i++) rows.push(text);
    // A row that was taken back more often than it was added.
    for (let i = count; i < Math.min(0, those.get(text) ?? 0); i++) rows.push(`${text}, taken back`);
  }
  return rows;
}
