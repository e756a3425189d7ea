import fc from "fast-check";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { DeltaEvictor, DeltaTrigger, GlobalWindows, PurgingTrigger, Schema, types } from "../../../src/index.ts";
import { idsOf } from "./arrival-steps.ts";
import { byKey, type DagEnd, type Event, type EventRow, rowText } from "./events.ts";

// One window of all rows of a key, which fires when a row is far from the one that fired last.

const far = (last: { readonly v: unknown }, current: { readonly v: unknown }): number =>
  Math.abs(Number(current.v) - Number(last.v));

export const anyDeltaEnd: fc.Arbitrary<DagEnd> = fc
  .record({
    threshold: fc.integer({ min: 0, max: 8 }),
    isPurging: fc.boolean(),
    nearest: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  })
  .map(
    ({ threshold, isPurging, nearest }): DagEnd => ({
      inputs: 1,
      needsOrder: true,
      text: ([s]) =>
        `${s}.keyBy("k").window(global).trigger(${isPurging ? `PurgingTrigger(DeltaTrigger(${threshold}))` : `DeltaTrigger(${threshold})`})${nearest === undefined ? "" : `.evictor(DeltaEvictor(${nearest}))`}.process(ids in order)`,
      meaning: ([rows]) =>
        [...byKey(rows)].flatMap(([k, group]) => {
          let last: Event | undefined;
          let inside: Event[] = [];
          return group.flatMap((row) => {
            inside.push(row);
            const fires = last !== undefined && far(last, row) > threshold;
            if (last === undefined || fires) last = row;
            if (!fires) return [];
            if (nearest !== undefined) inside = inside.filter((each) => far(each, row) < nearest);
            const fired = rowText({ k, n: inside.length, ids: idsOf(inside.map(({ id }) => id)) });
            if (isPurging) inside = [];
            return [fired];
          });
        }),
      build: ([s], at) => {
        const trigger = DeltaTrigger.of<EventRow>(threshold, far);
        const windows = s.keyBy("k").window(GlobalWindows.create());
        const triggered = isPurging ? windows.trigger(PurgingTrigger.of(trigger)) : windows.trigger(trigger);
        const kept =
          nearest === undefined ? triggered : triggered.evictor(DeltaEvictor.of<EventRow>(nearest, far) as never);
        const process = (k: string | null, _: unknown, rows: readonly EventRow[]) => [
          { k, n: BigInt(rows.length), ids: BigInt(idsOf(rows.map(({ id }) => Number(id)))) },
        ];
        const schema = Schema.of({ k: types.utf8, n: types.int64, ids: types.int64 });
        return at(kept.process(process, { schema }) as never as DataStream);
      },
    }),
  );
