import type { JoinSpec } from "../joins/join-plan.ts";
import type { CoGroupFunction, CoGroupRichFunction } from "../operators/co-group-rows.ts";
import { iterableOnce } from "../rows/row-run.ts";
import type { Row } from "../rows/row-view.ts";
import type { TaggedRow } from "./tagged-row.ts";
import type { ProcessWindowFunction } from "./window-calculation.ts";

// What windows of two streams make of their rows when they fire. A window's rows all have one key.

/**
 * Calls a function with the rows of both sides, as CoGroupRows does: the key under the given names, copies of the rows,
 * each side to iterate once. Either side may be empty.
 */
export function coGroupOfWindow(
  given: CoGroupFunction | CoGroupRichFunction,
  keys: readonly string[],
  where: string,
): ProcessWindowFunction {
  const rich = typeof given === "function" ? { coGroup: given } : given;
  return {
    open: (context) => (rich as CoGroupRichFunction).open?.(context),
    process: (key, { runtime }, rows) => {
      const { left, right } = sidesOf(rows);
      return rich.coGroup(keyRow(keys, key), copies(where, left), copies(where, right), runtime);
    },
    close: () => (rich as CoGroupRichFunction).close?.(),
  };
}

/** An equi-join as the rows of a window have it, with columns for the bounds of the window where they have names. */
export interface WindowPairsSpec extends Pick<JoinSpec, "type" | "leftKeys" | "rightKeys" | "output"> {
  readonly startColumn?: string;
  readonly endColumn?: string;
}

/**
 * The pairs of the rows of both sides, and in outer joins rows without one, whose columns of the other side are null; a
 * key of one name on both sides comes from whichever has the row. Null keys match nothing.
 */
export function pairsOfWindow(spec: WindowPairsSpec): ProcessWindowFunction {
  const { type, leftKeys, rightKeys, output, startColumn, endColumn } = spec;
  const columns = output.map(({ side, column, name }) => {
    const isShared = side === "left" && leftKeys.some((key, i) => key === column && rightKeys[i] === column);
    return { name, column, isLeft: side === "left", isShared };
  });
  const keepsLeft = type === "left" || type === "full" || type === "anti";
  const keepsRight = type === "right" || type === "full";
  return {
    *process(key, { window: { startMs, endMs } }, rows) {
      const { left, right } = sidesOf(rows);
      const pair = (l: Row | undefined, r: Row | undefined): Row => {
        const result: Row = {};
        for (const { name, column, isLeft, isShared } of columns) {
          const row = isLeft ? (l ?? (isShared ? r : undefined)) : r;
          result[name] = row === undefined ? null : row[column];
        }
        if (startColumn !== undefined) result[startColumn] = startMs;
        if (endColumn !== undefined) result[endColumn] = endMs;
        return result;
      };
      if (left.length > 0 && right.length > 0 && !hasNull(key, leftKeys)) {
        if (type === "anti") return;
        for (const l of left) {
          if (type === "semi") yield pair(l, undefined);
          else for (const r of right) yield pair(l, r);
        }
        return;
      }
      if (keepsLeft) for (const l of left) yield pair(l, undefined);
      if (keepsRight) for (const r of right) yield pair(undefined, r);
    },
  };
}

function sidesOf(rows: readonly Row[]): { readonly left: readonly Row[]; readonly right: readonly Row[] } {
  const sides: { left: Row[]; right: Row[] } = { left: [], right: [] };
  for (const { side, row } of rows as readonly TaggedRow[]) sides[side].push(row);
  return sides;
}

/** Windows may fire again, with the same rows: a function gets its own. */
const copies = (where: string, rows: readonly Row[]): Iterable<Row> =>
  iterableOnce(where, () => rows.map((row) => ({ ...row }))[Symbol.iterator]());

const keyRow = (keys: readonly string[], key: unknown): Row =>
  keys.length === 1 ? { [keys[0]]: key } : { ...(key as Row) };

const hasNull = (key: unknown, keys: readonly string[]): boolean =>
  keys.length === 1 ? key === null : keys.some((name) => (key as Row)[name] === null);
