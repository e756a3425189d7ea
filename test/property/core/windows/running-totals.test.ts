import fc from "fast-check";
import { expect, it } from "vitest";
import { AggregatePlan, AggregateSet } from "../../../../src/core/aggregates/aggregate-set.ts";
import { Batch } from "../../../../src/core/batch.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, int64 } from "../../../../src/core/types.ts";
import { PaneGrid } from "../../../../src/core/windows/pane-grid.ts";
import { PaneStore } from "../../../../src/core/windows/pane-store.ts";
import { RunningTotals } from "../../../../src/core/windows/running-totals.ts";
import { ROW_COUNT } from "../../../../src/core/windows/window-partials.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ key: int32, value: int32 });
const WHAT = "A test";

interface Row {
  readonly key: number;
  readonly timeMs: number;
}

const batchOf = (ws: Workspace, rows: readonly Row[]): Batch => {
  const keys = rows.map(({ key }) => key);
  const columns = [buildColumn(ws, int32, keys), buildColumn(ws, int32, keys)];
  const times = rows.map(({ timeMs }) => BigInt(timeMs));
  return new Batch(SCHEMA, rows.length, columns, { times: buildColumn(ws, int64, times) });
};

/** Windows that are given at once, and the rows that come ahead of them, by pane from the first that is open on and key. */
const anyBursts = fc.array(
  fc.record({
    windows: fc.integer({ min: 1, max: 90 }),
    rows: fc.array(fc.tuple(fc.nat(95), fc.nat(9)), { maxLength: 60, size: "max" }),
  }),
  { maxLength: 8 },
);

// Old keys go out of use and new ones come, so that keys are numbered anew all the time.
it("totals are those of the window's panes, in bursts of windows, however many panes are kept and keys forgotten", () => {
  fc.assert(
    fc.property(
      fc.record({ slideMs: fc.integer({ min: 1, max: 4 }), sizeMs: fc.integer({ min: 1, max: 30 }) }),
      fc.record({
        idleKeys: fc.constantFrom(0, 3, 1024),
        keptRows: fc.constantFrom(0, 5, 40, 2 ** 16),
        aheadRows: fc.constantFrom(1, 9, 4096),
      }),
      anyBursts,
      ({ slideMs, sizeMs }, limits, bursts) => {
        fc.pre(slideMs <= sizeMs);
        withWorkspace((ws) => {
          const grid = new PaneGrid({ kind: "sliding", slideMs, sizeMs });
          const plan = new AggregatePlan([ROW_COUNT, { fn: "sum", column: "value", as: "total" }], SCHEMA);
          const store = new PaneStore(ws, grid, [0], [int32], plan);
          const totals = new RunningTotals(ws, [int32], plan, (range, table) => store.load(range, table), limits);
          const all: Row[] = [];
          let next = 0;
          for (const { windows, rows } of bursts) {
            const open = grid.panesOf(next - 1).end;
            const fresh = rows.map(([pane, key]) => ({
              key: key + 2 * (open + pane),
              timeMs: grid.startMs(open + pane),
            }));
            all.push(...fresh);
            const batch = batchOf(ws, fresh);
            store.update(batch, WHAT);
            batch.release();
            const before = next + windows;
            const limit = grid.panesOf(before - 1).end;
            for (; next < before; next++) {
              totals.moveTo(grid.panesOf(next), limit);
              const inWindow = all.filter(
                ({ timeMs }) => timeMs >= grid.windowStartMs(next) && timeMs < grid.windowEndMs(next),
              );
              const wanted = new Map<number, [bigint, bigint]>();
              for (const { key } of inWindow) {
                const [count, sum] = wanted.get(key) ?? [0n, 0n];
                wanted.set(key, [count + 1n, sum + BigInt(key)]);
              }
              expect(read(ws, totals, plan)).toEqual([...wanted].sort(([a], [b]) => a - b));
            }
            const live = grid.panesOf(next).first;
            totals.dropBefore(live);
            store.dropBefore(live);
          }
          totals.forget();
          store.release();
        });
      },
    ),
  );
});

/** Keys with their count and sum, of keys that have rows. */
function read(ws: Workspace, totals: RunningTotals, plan: AggregatePlan): [number, [bigint, bigint]][] {
  const target = new AggregateSet(ws, plan);
  const numbers = ws.allocate((totals.keyCount + 1) * 4);
  const count = totals.addTo(target, 0, numbers.address);
  const columns = [...totals.keyColumns(numbers.address, count), ...target.results(0, count)];
  const [key, rows, sum] = columns.map((column) => columnReader(ws, column));
  const found = Array.from({ length: count }, (_, i): [number, [bigint, bigint]] => [
    Number(key(i)),
    [BigInt(rows(i) as bigint), BigInt(sum(i) as bigint)],
  ]);
  for (const held of [target, numbers, ...columns]) held.release();
  return found.sort(([a], [b]) => a - b);
}
