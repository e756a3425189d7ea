import type { RankedRowsSpec } from "../../src/core/operators/ranked-rows.ts";
import type { Row } from "../support/stream-harness.ts";

/** A row of a changelog as it comes; `time` is its event time, `nowMs` when it comes by the clock. */
export interface ChangedRow {
  readonly row: Row;
  readonly time: number;
  readonly kind?: number;
  readonly nowMs?: number;
}

interface Key {
  /** In the order of arrival. */
  rows: ChangedRow[];
  renewedMs: number;
}

/** Equal for rows that a changelog takes for one: -0 is 0, and all NaN are one value. */
export const contentText = (row: Row, columns: readonly string[] = Object.keys(row)): string =>
  JSON.stringify(columns.map((name) => [typeof row[name], String(row[name] === 0 ? 0 : row[name])]));

/** What a changelog of ranked rows leaves: sorts all rows of each key that are there as a whole and takes the first. */
export function rankedReference(changes: readonly ChangedRow[], spec: RankedRowsSpec): Row[] {
  const keys = new Map<string, Key>();
  const standing: Row[] = [];
  for (const change of changes) {
    const name = contentText(change.row, spec.keys);
    const nowMs = spec.ttl?.timeDomain === "event" ? change.time : (change.nowMs ?? 0);
    const key = keys.get(name) ?? { rows: [], renewedMs: nowMs };
    keys.set(name, key);
    if (spec.ttl !== undefined && key.renewedMs + spec.ttl.ttlMs <= nowMs) {
      standing.push(...firstRows(key.rows, spec));
      key.rows = [];
    }
    key.renewedMs = Math.max(key.renewedMs, nowMs);
    if (change.kind !== 1 && change.kind !== 3) key.rows.push(change);
    else {
      const content = contentText(change.row);
      const at = key.rows.findLastIndex(({ row }) => contentText(row) === content);
      if (at >= 0) key.rows.splice(at, 1);
      // It begins anew.
      if (key.rows.length === 0) keys.delete(name);
    }
  }
  return [...standing, ...[...keys.values()].flatMap(({ rows }) => firstRows(rows, spec))];
}

function firstRows(rows: readonly ChangedRow[], { order, count, prefersLater, rankColumn }: RankedRowsSpec): Row[] {
  const compare = (a: ChangedRow, b: ChangedRow): number => {
    for (const { column, descending, nullsFirst } of order) {
      const [x, y] = [a, b].map(({ row, time }) => (column === undefined ? time : row[column]));
      if (x === null && y === null) continue;
      if (x === null || y === null) return (x === null) === (nullsFirst === true) ? -1 : 1;
      const found = compareValues(x, y);
      if (found !== 0) return descending === true ? -found : found;
    }
    return 0;
  };
  const inOrder = (prefersLater ? [...rows].reverse() : rows).toSorted(compare).slice(0, count);
  return inOrder.map(({ row }, i) => (rankColumn === undefined ? row : { ...row, [rankColumn]: BigInt(i + 1) }));
}

function compareValues(a: unknown, b: unknown): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a)) return 1;
  if (Number.isNaN(b)) return -1;
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
