import { beforeAll, describe, expect, it } from "vitest";
import { AsyncIterableSource } from "../../../src/connectors/iterable/async-iterable-source.ts";
import {
  avg,
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountEvictor,
  CountTrigger,
  count,
  type DataStream,
  DeltaEvictor,
  DeltaTrigger,
  EventTimeSessionWindows,
  EventTimeTrigger,
  GlobalWindows,
  list,
  NeverTrigger,
  OutputTag,
  PlanError,
  PurgingTrigger,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  sum,
  TimeEvictor,
  TriggerResult,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const clicks = Schema.of({ user: types.utf8, cost: types.int32, time: types.timestamp("ms") });
const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof clicks.$fields>(0).withTimestamps("time");
/** A row every second; users take turns. */
const rows = Array.from({ length: 20 }, (_, i) => ({
  user: i % 2 === 0 ? "ann" : "bob",
  cost: i,
  time: new Date(i * 1000),
}));

type Clicks = DataStream<typeof clicks.$fields>;

const OPTIONS = [
  { parallelism: 1 },
  { parallelism: 1, batchRows: 3, bufferTimeoutMs: 0 },
  { parallelism: 2 },
  { parallelism: 2, runtimeMode: "BATCH" as const },
] as const;

/** What a stream over the rows gives, as text in order. */
const result = <R>(options: object, body: (stream: Clicks) => { executeAndCollect(): AsyncGenerator<R> }) =>
  new Simulation({ seed: 5 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, ...options });
    const lines: string[] = [];
    for await (const row of body(env.fromCollection(rows, clicks, strategy)).executeAndCollect()) {
      lines.push(
        Object.values(row as object)
          .map((value) => (value instanceof Date ? value.getTime() : value))
          .join(" "),
      );
    }
    return lines.sort();
  });

describe.each(OPTIONS)("windows by functions with %j", (options) => {
  const tumbling = (stream: Clicks) => stream.keyBy("user").window(TumblingEventTimeWindows.of(10_000));

  it("reduce gives a row of the input, or what a process function makes of it", async () => {
    const cheapest = (a: (typeof rows)[0], b: (typeof rows)[0]) => (a.cost >= b.cost ? a : b);
    expect(await result(options, (stream) => tumbling(stream).reduce(cheapest as never))).toEqual([
      "ann 18 18000",
      "ann 8 8000",
      "bob 19 19000",
      "bob 9 9000",
    ]);
    const processed = await result(options, (stream) =>
      tumbling(stream).reduce(
        { reduce: cheapest as never },
        (user, { window }, [row]) => [{ user: user ?? "", start: window.startMs, cost: row.cost ?? 0 }],
        { name: "dearest" },
      ),
    );
    expect(processed).toEqual(["ann 0 8", "ann 10000 18", "bob 0 9", "bob 10000 19"]);
  });

  const total = {
    createAccumulator: () => ({ sum: 0, n: 0 }),
    add: (state: { sum: number; n: number }, row: { readonly cost: number | null }) => ({
      sum: state.sum + (row.cost ?? 0),
      n: state.n + 1,
    }),
    getResult: ({ sum, n }: { sum: number; n: number }) => ({ sum, n }),
    merge: (a: { sum: number; n: number }, b: { sum: number; n: number }) => ({ sum: a.sum + b.sum, n: a.n + b.n }),
  };

  it("aggregate gives what an accumulator holds, alone or with the key", async () => {
    expect(await result(options, (stream) => tumbling(stream).aggregate(total))).toEqual([
      "20 5",
      "25 5",
      "70 5",
      "75 5",
    ]);
    const named = await result(options, (stream) =>
      tumbling(stream).aggregate(total, (user, _, [{ sum }]) => [{ user, sum }], {
        schema: Schema.of({ user: types.utf8, sum: types.int64 }),
      }),
    );
    expect(named).toEqual(["ann 20", "ann 70", "bob 25", "bob 75"]);
  });

  it("process sees all rows, its state and side outputs", async () => {
    const odd = new OutputTag("odd", Schema.of({ cost: types.int32 }));
    const seen = valueState("seen", types.int32);
    const main: string[] = [];
    const side: number[] = [];
    await new Simulation({ seed: 5 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, ...options });
      const processed = tumbling(env.fromCollection(rows, clicks, strategy)).process(
        {
          process(user, context, given) {
            const times = (context.globalState(seen).get() ?? 0) + 1;
            context.globalState(seen).set(times);
            for (const { cost } of given) if ((cost ?? 0) % 2 === 1) context.output(odd, { cost });
            return [{ user, times, costs: given.map(({ cost }) => cost).join("+") }];
          },
        },
        { sideOutputs: [odd], schema: Schema.of({ user: types.utf8, times: types.int32, costs: types.utf8 }) },
      );
      processed.forEach((row) => void main.push(Object.values(row).join(" ")));
      processed.getSideOutput(odd).forEach((row) => void side.push(row.cost ?? -1));
      await env.execute();
    });
    expect(main.sort()).toEqual(["ann 1 0+2+4+6+8", "ann 2 10+12+14+16+18", "bob 1 1+3+5+7+9", "bob 2 11+13+15+17+19"]);
    expect(side.sort((a, b) => a - b)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  });

  it("apply gets key, window and rows; without a key, all rows together", async () => {
    const applied = await result(options, (stream) =>
      stream
        .windowAll(TumblingEventTimeWindows.of(10_000))
        .apply((key, { endMs }, given) => [{ hasKey: key !== undefined, endMs, rows: given.length }]),
    );
    expect(applied).toEqual(["false 10000 10", "false 20000 10"]);
  });

  it("evictors choose the rows of a firing", async () => {
    const costs = (evicted: (stream: Clicks) => ReturnType<typeof tumbling>) =>
      result(options, (stream) =>
        evicted(stream).process((user, _, given) => [
          { user: user ?? "", costs: given.map(({ cost }) => cost).join("+") },
        ]),
      );
    expect(await costs((stream) => tumbling(stream).evictor(CountEvictor.of(2)))).toEqual([
      "ann 16+18",
      "ann 6+8",
      "bob 17+19",
      "bob 7+9",
    ]);
    expect(await costs((stream) => tumbling(stream).evictor(TimeEvictor.of(3000)))).toEqual([
      "ann 16+18",
      "ann 6+8",
      "bob 17+19",
      "bob 7+9",
    ]);
    const near = DeltaEvictor.of(5, (row: { cost: number }, last: { cost: number }) => last.cost - row.cost);
    expect(await costs((stream) => tumbling(stream).evictor(near as never))).toEqual([
      "ann 14+16+18",
      "ann 4+6+8",
      "bob 15+17+19",
      "bob 5+7+9",
    ]);
    const summed = await result(options, (stream) => tumbling(stream).evictor(CountEvictor.of(1)).aggregate(total));
    expect(summed).toEqual(["18 1", "19 1", "8 1", "9 1"]);
  });

  it("sessions have gaps by function, windows may be of one's own", async () => {
    const sessions = await result(options, (stream) =>
      stream
        .keyBy("user")
        .window(EventTimeSessionWindows.withDynamicGap((row: { cost: number }) => (row.cost < 10 ? 3000 : 1000)))
        .process((user, { window }, given) => [{ user: user ?? "", start: window.startMs, rows: given.length }]),
    );
    expect(sessions).toEqual([
      ...["ann 0 6", "ann 12000 1", "ann 14000 1", "ann 16000 1", "ann 18000 1"],
      ...["bob 1000 6", "bob 13000 1", "bob 15000 1", "bob 17000 1", "bob 19000 1"],
    ]);
    const own = await result(options, (stream) =>
      stream
        .keyBy("user")
        .window({ assignWindows: ({ cost }) => [{ startMs: 0, endMs: (cost ?? 0) < 4 ? 60_000 : 90_000 }] })
        .process((user, { window }, given) => [{ user: user ?? "", end: window.endMs, rows: given.length }]),
    );
    expect(own).toEqual(["ann 60000 2", "ann 90000 8", "bob 60000 2", "bob 90000 8"]);
  });
});

describe.each(OPTIONS)("built-in aggregates with %j", (options) => {
  it("over count windows: complete ones alone", async () => {
    const keyed = (rowCount: number, slide?: number) =>
      result(options, (stream) =>
        stream
          .keyBy("user")
          .countWindow(rowCount, slide)
          .aggregate({ costs: list("cost"), n: count() }),
      );
    expect(await keyed(4)).toEqual(["ann 0,2,4,6 4", "ann 8,10,12,14 4", "bob 1,3,5,7 4", "bob 9,11,13,15 4"]);
    expect(await keyed(4, 3)).toEqual([
      ...["ann 0,2,4 3", "ann 10,12,14,16 4", "ann 4,6,8,10 4"],
      ...["bob 1,3,5 3", "bob 11,13,15,17 4", "bob 5,7,9,11 4"],
    ]);
    const all = await result({ ...options, parallelism: 1 }, (stream) => stream.countWindowAll(8).sum("cost"));
    expect(all).toEqual(["28", "92"]);
  });

  it("over a global window: at the end, or as triggers count", async () => {
    const global = (stream: Clicks) => stream.keyBy("user").window(GlobalWindows.create());
    expect(await result(options, (stream) => global(stream).sum("cost"))).toEqual(["ann 90", "bob 100"]);
    expect(await result(options, (stream) => global(stream).trigger(EventTimeTrigger.create()).count())).toEqual([
      "ann 10",
      "bob 10",
    ]);
    const everyFour = (stream: Clicks) => global(stream).trigger(PurgingTrigger.of(CountTrigger.of(4)));
    expect(await result(options, (stream) => everyFour(stream).sum("cost"))).toEqual([
      "ann 12",
      "ann 44",
      "bob 16",
      "bob 48",
    ]);
    const lastTwo = (stream: Clicks) => global(stream).trigger(CountTrigger.of(5)).evictor(CountEvictor.of(2));
    expect(await result(options, (stream) => lastTwo(stream).sum("cost"))).toEqual([
      "ann 14",
      "ann 34",
      "bob 16",
      "bob 36",
    ]);
    expect(await result(options, (stream) => global(stream).reduce((_, b) => b))).toEqual([
      "ann 18 18000",
      "bob 19 19000",
    ]);
  });

  it("minBy, maxBy and avg", async () => {
    const tumbling = (stream: Clicks) => stream.keyBy("user").window(TumblingEventTimeWindows.of(20_000));
    expect(await result(options, (stream) => tumbling(stream).minBy("cost"))).toEqual([
      "ann 0 20000 0 0",
      "bob 0 20000 1 1000",
    ]);
    expect(await result(options, (stream) => tumbling(stream).maxBy("time"))).toEqual([
      "ann 0 20000 18 18000",
      "bob 0 20000 19 19000",
    ]);
    expect(await result(options, (stream) => tumbling(stream).avg("cost"))).toEqual([
      "ann 0 20000 9",
      "bob 0 20000 10",
    ]);
    expect(await result(options, (stream) => stream.keyBy("user").countWindow(5).maxBy("cost"))).toEqual([
      "ann 18 18000",
      "ann 8 8000",
      "bob 19 19000",
      "bob 9 9000",
    ]);
  });
});

it("triggers fire when they say, also one's own", async () => {
  const fired = (stream: (all: Clicks) => { executeAndCollect(): AsyncGenerator<unknown> }) =>
    result({ batchRows: 1, bufferTimeoutMs: 0 }, stream);
  const costs = (_: unknown, __: unknown, given: readonly { readonly cost: number | null }[]) => [
    { costs: given.map(({ cost }) => cost).join("+") },
  ];
  const windows = (stream: Clicks) => stream.windowAll(TumblingEventTimeWindows.of(20_000));
  const everyEight = PurgingTrigger.of(ContinuousEventTimeTrigger.of(8000));
  expect(await fired((stream) => windows(stream).trigger(everyEight).process(costs))).toEqual([
    "0+1+2+3+4+5+6+7+8+9",
    "10+11+12+13+14+15+16+17",
    "18+19",
  ]);
  const jumps = DeltaTrigger.of(6, (last: { cost: number }, row: { cost: number }) => row.cost - last.cost);
  expect(
    await fired((stream) =>
      windows(stream)
        .trigger(jumps as never)
        .process(costs),
    ),
  ).toEqual(["0+1+2+3+4+5+6+7", "0+1+2+3+4+5+6+7+8+9+10+11+12+13+14"]);
  const atThirteen = {
    onElement: ({ cost }: { cost: number | null }) =>
      cost === 3 ? TriggerResult.PURGE : cost === 13 ? TriggerResult.FIRE_AND_PURGE : TriggerResult.CONTINUE,
    onEventTime: () => TriggerResult.CONTINUE,
    onProcessingTime: () => TriggerResult.CONTINUE,
    clear: () => undefined,
  };
  expect(await fired((stream) => windows(stream).trigger(atThirteen).process(costs))).toEqual([
    "4+5+6+7+8+9+10+11+12+13",
  ]);
  const never = await fired((stream) =>
    windows(stream)
      .trigger(NeverTrigger.create())
      .process(costs, { schema: Schema.of({ costs: types.utf8 }) }),
  );
  expect(never).toEqual([]);
});

it("keeps late rows of functions, too: those of windows and those of the side output are all rows", () =>
  new Simulation({ seed: 5 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, batchRows: 3, bufferTimeoutMs: 0 });
    const late = new OutputTag("too late", clicks);
    const jumbled = rows.map((_, i) => rows[(i * 7) % rows.length]);
    const counted = env
      .fromCollection(jumbled, clicks, strategy)
      .keyBy("user")
      .window(TumblingEventTimeWindows.of(4000))
      .allowedLateness(1000)
      .sideOutputLateData(late)
      .process((_user, { window }, given) => [{ start: window.startMs, costs: given.map(({ cost }) => cost ?? -1) }], {
        schema: Schema.of({ start: types.int64, costs: types.list(types.int32) }),
      });
    const seen = new Set<unknown>();
    let lateCount = 0;
    counted.forEach((row) => {
      for (const cost of row.costs ?? []) seen.add(cost);
    });
    counted.getSideOutput(late).forEach(({ cost }) => {
      lateCount++;
      seen.add(cost);
    });
    await env.execute();
    expect(lateCount).toBeGreaterThan(0);
    expect(seen.size).toBe(rows.length);
  }));

it("gives early results of built-in aggregates by the clock", () =>
  new Simulation({ seed: 5 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0 });
    const slowly = async function* () {
      for (const row of rows.slice(0, 6)) {
        yield row;
        await new Promise<void>((resolve) => void host.scheduler.after(1000, resolve));
      }
    };
    const found: bigint[] = [];
    env
      .fromSource(new AsyncIterableSource(slowly, { schema: clicks }) as never, strategy as never)
      .windowAll(TumblingEventTimeWindows.of(60_000))
      .trigger(ContinuousProcessingTimeTrigger.of(2000))
      .count()
      .forEach((row) => void found.push(row.count ?? 0n));
    await env.execute();
    expect(found[found.length - 1]).toBe(6n);
    expect(found.length).toBeGreaterThan(2);
    expect([...found].sort()).toEqual(found);
  }));

describe("refuses with a typed error", () => {
  const env = StreamExecutionEnvironment.create();
  const keyed = () => env.fromCollection(rows, clicks, strategy).keyBy("user");
  const tumbling = () => keyed().window(TumblingEventTimeWindows.of(10_000));
  const cases: Record<string, [string, () => unknown]> = {
    "a trigger that is none": ["TRIGGER_INVALID", () => tumbling().trigger({} as never)],
    "no trigger": ["TRIGGER_INVALID", () => tumbling().trigger(undefined as never)],
    "an evictor that is none": ["EVICTOR_INVALID", () => tumbling().evictor({} as never)],
    "a trigger of no trigger": ["TRIGGER_INVALID", () => PurgingTrigger.of(5 as never)],
    "windows that are none": ["WINDOW_INVALID", () => keyed().window({} as never)],
    "no windows": ["WINDOW_INVALID", () => keyed().window(undefined as never)],
    "a domain that is none": [
      "WINDOW_INVALID",
      () => keyed().window({ domain: "x", assignWindows: () => [] } as never),
    ],
    "no function": ["FUNCTION_INVALID", () => tumbling().process(undefined as never)],
    "an async function": ["FUNCTION_INVALID", () => tumbling().apply((async () => []) as never)],
    "half an aggregate": ["FUNCTION_INVALID", () => tumbling().aggregate({ createAccumulator: () => 0 } as never)],
    "a misspelt option": ["OPTION_UNKNOWN", () => tumbling().reduce((a) => a, { nam: "x" } as never)],
    "a lateness below 0": ["WINDOW_LATENESS_INVALID", () => tumbling().allowedLateness(-1)],
    "a tag that is none": ["OUTPUT_TAG_INVALID", () => tumbling().sideOutputLateData("late" as never)],
    "count windows of no rows": ["WINDOW_ROWS_INVALID", () => keyed().countWindow(0)],
    "too many pieces": [
      "WINDOW_PIECES_EXCEEDED",
      () =>
        keyed()
          .countWindow(2 ** 40, 1)
          .count(),
    ],
    "an evictor for built-in aggregates": [
      "WINDOW_AGGREGATE_UNSUPPORTED",
      () => tumbling().evictor(CountEvictor.of(1)).count(),
    ],
    "a trigger for built-in aggregates": [
      "WINDOW_AGGREGATE_UNSUPPORTED",
      () => tumbling().trigger(CountTrigger.of(1)).count(),
    ],
    "windows of one's own for built-in aggregates": [
      "WINDOW_AGGREGATE_UNSUPPORTED",
      () =>
        keyed()
          .window({ assignWindows: () => [] })
          .aggregate({ n: count() }),
    ],
    "no aggregates": ["AGGREGATES_EMPTY", () => tumbling().aggregate({})],
    "a column that is not there": ["COLUMN_UNKNOWN", () => tumbling().minBy("coast" as never)],
    "a trigger that cannot merge": [
      "WINDOW_TRIGGER_UNMERGEABLE",
      () =>
        keyed()
          .window(EventTimeSessionWindows.withGap(5))
          .trigger(DeltaTrigger.of(1, () => 1))
          .reduce((a) => a),
    ],
    "a trigger on count windows": [
      "WINDOW_TRIGGER_INVALID",
      () =>
        keyed()
          .countWindow(5)
          .trigger(CountTrigger.of(1))
          .reduce((a) => a),
    ],
  };
  it.each(Object.entries(cases))("%s", (_, [code, make]) => {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PlanError);
    expect((thrown as PlanError).code).toBe(code);
  });
  it("columns that no window shows", async () => {
    const unknown = env
      .fromCollection(rows, clicks, strategy)
      .keyBy("user")
      .countWindow(500)
      .process(() => [{ a: 1 }]);
    await expect(unknown.executeAndCollect().next()).rejects.toMatchObject({ code: "SCHEMA_UNKNOWN" });
  });
});

// Both go by the clock, which a bounded input does not wait for: they need no more than to be built.
it("is there for windows of processing time and slides", () => {
  const env = StreamExecutionEnvironment.create();
  const stream = env.fromCollection(rows, clicks, strategy).keyBy("user");
  expect(() => stream.window(TumblingProcessingTimeWindows.of(1000)).aggregate({ mean: avg("cost") })).not.toThrow();
  expect(() => stream.window(SlidingEventTimeWindows.of(1000, 10)).aggregate({ total: sum("cost") })).not.toThrow();
});
