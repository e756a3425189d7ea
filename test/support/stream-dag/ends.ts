import fc from "fast-check";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import type { WindowedStream } from "../../../src/datastream/windowed-stream.ts";
import type { NoBounds } from "../../../src/datastream/windows.ts";
import {
  ContinuousEventTimeTrigger,
  col,
  count,
  desc,
  GlobalWindows,
  max,
  Schema,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
} from "../../../src/index.ts";
import { anyDeltaEnd } from "./delta-ends.ts";
import { big, byKey, type DagEnd, type Event, type EventFields, rowText } from "./events.ts";
import { anyRankedEnd } from "./ranked-ends.ts";
import { anyUpdatingJoin } from "./updating-joins.ts";

// Last steps: their rows depend on the order of arrival, their final rows, or what they are without times, do not.

const totals = fc.record({ isFiltered: fc.boolean(), isTwice: fc.boolean() }).map(
  ({ isFiltered, isTwice }): DagEnd => ({
    inputs: 1,
    text: ([s]) =>
      `${s}.keyBy("k").aggregate(sum, count, max)${isFiltered ? ".filter(rows > 1)" : ""}${isTwice ? '.keyBy("rows").aggregate(sum, count)' : ""}`,
    meaning: ([rows]) => {
      const groups = [...byKey(rows)]
        .map(([k, group]) => ({
          k,
          total: group.reduce((all, { v }) => all + v, 0),
          rows: group.length,
          highest: Math.max(...group.map(({ v }) => v)),
        }))
        .filter((group) => !isFiltered || group.rows > 1);
      if (!isTwice) return groups.map(rowText);
      const again = new Map<number, { rows: number; total: number; keys: number }>();
      for (const { rows: n, total } of groups) {
        const before = again.get(n) ?? { rows: n, total: 0, keys: 0 };
        again.set(n, { rows: n, total: before.total + total, keys: before.keys + 1 });
      }
      return [...again.values()].map(rowText);
    },
    build: ([s], at) => {
      const first = at(s.keyBy("k").aggregate({ total: sum("v"), rows: count(), highest: max("v") }));
      const kept = isFiltered ? first.filter(col("rows").gt(1n)) : first;
      const last = isTwice ? at(kept.keyBy("rows").aggregate({ total: sum("total"), keys: count() })) : kept;
      return last as never as DataStream;
    },
  }),
);

const seen = valueState("seen", types.int64);

const numbered = fc.constant<DagEnd>({
  inputs: 1,
  text: ([s]) => `${s}.keyBy("k").process(number of the row among those of its key)`,
  meaning: ([rows]) => [...byKey(rows)].flatMap(([k, group]) => group.map((_, i) => rowText({ k, n: i + 1 }))),
  build: ([s], at) =>
    at(
      s.keyBy("k").process(
        {
          processElement(_, { key, state }, out) {
            const n = (state(seen).get() ?? 0n) + 1n;
            state(seen).set(n);
            out.collect({ k: key as string | null, n });
          },
        },
        { schema: Schema.of({ k: types.utf8, n: types.int64 }) },
      ),
    ) as never as DataStream,
});

/** How many windows of so many rows there are, or how often a function sees so many, in whatever order they come. */
const counted = fc
  .record({
    size: fc.integer({ min: 1, max: 5 }),
    slide: fc.integer({ min: 1, max: 5 }),
    how: fc.constantFrom("aggregate" as const, "process" as const),
  })
  .map(
    ({ size, slide, how }): DagEnd => ({
      inputs: 1,
      text: ([s]) => `${s}.keyBy("k").countWindow(${size}, ${slide}).${how}(rows)`,
      meaning: ([rows]) =>
        [...byKey(rows)].flatMap(([k, group]) =>
          Array.from({ length: Math.floor(group.length / slide) }, (_, i) =>
            rowText({ k, n: Math.min(size, (i + 1) * slide) }),
          ),
        ),
      build: ([s], at) => {
        const windows = s.keyBy("k").countWindow(size, slide);
        const built =
          how === "aggregate"
            ? windows.aggregate({ n: count() })
            : windows.process((k, _, rows) => [{ k, n: BigInt(rows.length) }], {
                schema: Schema.of({ k: types.utf8, n: types.int64 }),
              });
        return at(built as never as DataStream);
      },
    }),
  );

/**
 * One window of all rows of a key, which fires at the end. Its results have the time of its newest row, behind a
 * watermark that has passed it: no step of event time may follow.
 */
const whole = fc.record({ isKeyed: fc.boolean(), isFunction: fc.boolean() }).map(
  ({ isKeyed, isFunction }): DagEnd => ({
    inputs: 1,
    text: ([s]) =>
      `${s}${isKeyed ? '.keyBy("k").window' : ".windowAll"}(global).${isFunction ? "process" : "aggregate"}(sum, count)`,
    meaning: ([rows]) => {
      const groups = new Map<string | null, readonly Event[]>(rows.length === 0 ? [] : [[null, rows]]);
      return [...(isKeyed ? byKey(rows) : groups)].map(([k, group]) => {
        const total = group.reduce((all, { v }) => all + v, 0);
        return rowText({ ...(isKeyed ? { k } : {}), total, n: group.length });
      });
    },
    build: ([s], at) => {
      const windows = isKeyed
        ? s.keyBy("k").window(GlobalWindows.create())
        : (s.windowAll(GlobalWindows.create()) as unknown as WindowedStream<EventFields, "k", NoBounds>);
      if (!isFunction) return at(windows.aggregate({ total: sum("v"), n: count() }) as never as DataStream);
      const numbers = { total: types.int64, n: types.int64 };
      const schema = (isKeyed ? Schema.of({ k: types.utf8, ...numbers }) : Schema.of(numbers)) as Schema;
      const summed = windows.process(
        (k, _, rows) => {
          const total = rows.reduce((all, { v }) => all + big(v), 0n);
          return [{ ...(isKeyed ? { k } : {}), total, n: BigInt(rows.length) }];
        },
        { schema },
      );
      return at(summed as never as DataStream);
    },
  }),
);

/** How often a window fires before its end depends on the run; that it does at its end, with all its rows, does not. */
const continuous = fc.record({ size: fc.integer({ min: 5, max: 30 }), every: fc.integer({ min: 1, max: 10 }) }).map(
  ({ size, every }): DagEnd => ({
    inputs: 1,
    text: ([s]) =>
      `${s}.keyBy("k").window(tumbling(${size})).trigger(ContinuousEventTimeTrigger(${every})).process(rows).keyBy("k", "start").aggregate(max)`,
    meaning: ([rows]) => {
      const windows = new Map<string, { k: string | null; start: number; n: number }>();
      for (const { k, t } of rows) {
        const start = Math.floor(t / size) * size;
        const before = windows.get(`${k} ${start}`);
        windows.set(`${k} ${start}`, { k, start, n: (before?.n ?? 0) + 1 });
      }
      return [...windows.values()].map(rowText);
    },
    build: ([s], at) => {
      const fired = at(
        s
          .keyBy("k")
          .window(TumblingEventTimeWindows.of(size))
          .trigger(ContinuousEventTimeTrigger.of(every))
          .process((k, { window }, rows) => [{ k, start: BigInt(window.startMs), n: BigInt(rows.length) }], {
            schema: Schema.of({ k: types.utf8, start: types.int64, n: types.int64 }),
          }),
      );
      return (fired as never as DataStream<CountFields>)
        .keyBy("k", "start")
        .aggregate({ n: max("n") }) as never as DataStream;
    },
  }),
);
type CountFields = {
  readonly k: typeof types.utf8;
  readonly start: typeof types.int64;
  readonly n: typeof types.int64;
};

const best = fc.record({ n: fc.integer({ min: 1, max: 3 }), ranks: fc.boolean() }).map(
  ({ n, ranks }): DagEnd => ({
    inputs: 1,
    text: ([s]) => `${s}.keyBy("k").topN(${n}, desc("v"), "id", "t"${ranks ? ', { rank: "place" }' : ""})`,
    meaning: ([rows]) =>
      [...byKey(rows).values()].flatMap((group) =>
        group
          .toSorted((a, b) => b.v - a.v || a.id - b.id || a.t - b.t)
          .slice(0, n)
          .map(({ id, k, v, t }, i) => rowText({ id, k, v, t, ...(ranks ? { place: i + 1 } : {}) })),
      ),
    build: ([s], at) => {
      const keyed = s.keyBy("k");
      const order = [desc("v"), "id", "t"] as const;
      return at((ranks ? keyed.topN(n, ...order, { rank: "place" }) : keyed.topN(n, ...order)) as never as DataStream);
    },
  }),
);

/** Which of several rows of one time stays depends on the order of arrival, when they are does not. */
const newest = fc.record({ keep: fc.constantFrom("first" as const, "last" as const) }).map(
  ({ keep }): DagEnd => ({
    inputs: 1,
    text: ([s]) => `${s}.keyBy("k").deduplicate({ keep: "${keep}", by: "eventTime" }).select("k", "t")`,
    meaning: ([rows]) =>
      [...byKey(rows)].map(([k, group]) => {
        const times = group.map(({ t }) => t);
        return rowText({ k, t: keep === "first" ? Math.min(...times) : Math.max(...times) });
      }),
    build: ([s], at) => at(s.keyBy("k").deduplicate({ keep, by: "eventTime" })).select("k", "t") as never as DataStream,
  }),
);

const lastOfKey = fc.record({ by: fc.constantFrom("arrival" as const, "eventTime" as const) }).map(
  ({ by }): DagEnd => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) => `${s}.keyBy("k").deduplicate({ keep: "last", by: "${by}" })`,
    meaning: ([rows]) =>
      [...byKey(rows).values()].map((group) => {
        const sorted = by === "arrival" ? group : group.toSorted((a, b) => a.t - b.t);
        const { id, k, v, t } = sorted[sorted.length - 1];
        return rowText({ id, k, v, t });
      }),
    build: ([s], at) => at(s.keyBy("k").deduplicate({ keep: "last", by })) as never as DataStream,
  }),
);

export const anyEnd: fc.Arbitrary<DagEnd> = fc.oneof(
  totals,
  numbered,
  counted,
  whole,
  continuous,
  best,
  newest,
  lastOfKey,
  anyUpdatingJoin,
  anyRankedEnd,
  anyDeltaEnd,
);
