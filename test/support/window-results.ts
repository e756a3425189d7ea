import { expect } from "vitest";
import type { WindowAggregateSpec } from "../../src/core/operators/window-aggregate.ts";
import { type WindowedRows, windowId } from "../reference/windowed-rows.ts";
import type { Emitted } from "./stream-harness.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * The last result of each key and window is what its rows give, with the last millisecond of the window as its time; and
 * it is the only one where late rows do not change it.
 */
export function expectResults<R extends { readonly key: string; readonly time: number }>(
  emitted: readonly Emitted[],
  wanted: WindowedRows<R>,
  /** All aggregates, of which only some may be asked for. */
  resultOf: (rows: readonly R[]) => Values,
  { aggregates, allowedLatenessMs }: WindowAggregateSpec,
): void {
  const results = new Map<string, Values>();
  for (const { row, time } of emitted) {
    const { key = "", windowStart, windowEnd, ...values } = row;
    expect(time, "results carry the last millisecond of their window").toBe(Number(windowEnd) - 1);
    results.set(windowId(key as string, Number(windowStart), Number(windowEnd)), values);
  }
  if (allowedLatenessMs === 0) expect(emitted.length, "one result per key and window").toBe(results.size);
  expect([...results.keys()].sort()).toEqual([...wanted.windows.keys()].sort());
  for (const [id, rows] of wanted.windows) {
    const values = resultOf(rows);
    expect(results.get(id)).toEqual(Object.fromEntries(aggregates.map(({ as }) => [as, values[as]])));
  }
}
