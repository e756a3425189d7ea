import { beforeAll, describe, expect, it } from "vitest";
import {
  ContinuousEventTimeTrigger,
  CumulateEventTimeWindows,
  col,
  count,
  EventTimeSessionWindows,
  GlobalWindows,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const events = Schema.of({ k: types.utf8, v: types.int64, t: types.int64 });
type Columns = typeof events.$fields;
// The newest row of "a" is long past when the input ends: the watermark is 199 then.
const rows = [
  { k: "a", v: 1n, t: 5n },
  { k: "b", v: 2n, t: 100n },
  { k: "b", v: 3n, t: 200n },
];

/** A row per key and global window of all rows, by built-in aggregates or by a function. */
function totals(env: StreamExecutionEnvironment, isFunction: boolean) {
  const windows = env
    .fromCollection(rows, events, WatermarkStrategy.monotonous<Columns>().withTimestamps("t"))
    .keyBy("k")
    .window(GlobalWindows.create());
  const all = isFunction ? windows.reduce((a, b) => ({ ...b, v: (a.v ?? 0n) + (b.v ?? 0n) })) : windows.sum("v");
  return all.select("k", "v");
}

const run = (body: (env: StreamExecutionEnvironment) => Promise<void>) =>
  new Simulation({ seed: 1, stepLimit: 20_000 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0, batchRows: 1 })),
  );

const windowsOf = {
  tumbling: [TumblingEventTimeWindows.of(10), 1],
  "tumbling with an offset": [TumblingEventTimeWindows.of(3_600_000, 7), 1],
  sliding: [SlidingEventTimeWindows.of(100, 10), 10],
  cumulating: [CumulateEventTimeWindows.of(100, 10), undefined],
  session: [EventTimeSessionWindows.withGap(10), 1],
} as const;

describe.each([
  ["built-in aggregates", false],
  ["a function", true],
])("the results of global windows by %s, at the end of the input", (_, isFunction) => {
  it.each(Object.entries(windowsOf))("are all in %s windows behind them", (_name, [assigner, times]) =>
    run(async (env) => {
      const given: { k: string | null; n: bigint | null; windowStart: Date | null; windowEnd: Date | null }[] = [];
      const counted: string[] = [];
      const windows = totals(env, isFunction).keyBy("k").window(assigner);
      windows.aggregate({ n: count() }).forEach((row) => void given.push(row as never));
      windows
        .process((k, { window }, all) => [{ k, n: BigInt(all.length), ms: BigInt(window.endMs) }], {
          schema: Schema.of({ k: types.utf8, n: types.int64, ms: types.int64 }),
        })
        .forEach(({ k, n, ms }) => void counted.push(`${k} ${n} ${ms}`));
      await env.execute();
      for (const key of ["a", "b"]) {
        const own = given.filter(({ k }) => k === key);
        expect(own.length).toBe(times ?? own.length);
        expect(own.length).toBeGreaterThan(0);
        for (const { n, windowStart, windowEnd } of own) {
          expect(n).toBe(1n);
          expect(Number(windowEnd)).toBeGreaterThan(Number(windowStart)); // dates that exist
        }
      }
      expect(counted.sort()).toEqual(given.map(({ k, n, windowEnd }) => `${k} ${n} ${Number(windowEnd)}`).sort());
    }),
  );

  it("meet each other in joins of event time", () =>
    run(async (env) => {
      const joined: string[] = [];
      const left = totals(env, isFunction).keyBy("k");
      const right = totals(env, isFunction)
        .select({ key: col("k"), w: col("v") })
        .keyBy("key");
      const note = (name: string) => (row: { k: string | null; v: bigint | null; w: bigint | null }) =>
        void joined.push(`${name} ${row.k} ${row.v} ${row.w}`);
      left.join(right).window(TumblingEventTimeWindows.of(10)).forEach(note("window"));
      left.intervalJoin(right).between(-5, 5).forEach(note("interval"));
      left.temporalJoin(right).forEach(note("temporal"));
      await env.execute();
      expect(joined.sort()).toEqual(
        ["interval", "temporal", "window"].flatMap((name) => [`${name} a 1 1`, `${name} b 5 5`]),
      );
    }));
});

it("a global window that a timer of event time fires gives its result the time of the timer", () =>
  run(async (env) => {
    const given: string[] = [];
    env
      .fromCollection(rows, events, WatermarkStrategy.monotonous<Columns>().withTimestamps("t"))
      .keyBy("k")
      .window(GlobalWindows.create())
      .trigger(ContinuousEventTimeTrigger.of(50))
      .reduce((a, b) => ({ ...b, v: (a.v ?? 0n) + (b.v ?? 0n) }))
      .keyBy("k")
      .window(TumblingEventTimeWindows.of(50))
      .aggregate({ total: sum("v") })
      .forEach(({ k, total, windowStart }) => void given.push(`${k} ${total} @${Number(windowStart)}`));
    await env.execute();
    // Of "a" there is one row, of 5: none of its results is late, though the watermark is 99, then 199, then at its end.
    expect(given.filter((text) => text.startsWith("a"))).toEqual(["a 1 @50", "a 1 @100", "a 1 @8615994624000000"]);
  }));
