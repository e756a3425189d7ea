import { beforeAll, describe, expect, it } from "vitest";
import {
  CumulateEventTimeWindows,
  count,
  OutputTag,
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

const clicks = Schema.of({ user: types.utf8, cost: types.int64, time: types.timestamp("ms") });
const strategy = (delayMs: number) =>
  WatermarkStrategy.boundedOutOfOrderness<typeof clicks.$fields>(delayMs).withTimestamps("time");
const rows = Array.from({ length: 1000 }, (_, i) => ({
  user: `u${i % 7}`,
  cost: BigInt(i),
  // Up to 5 s out of order.
  time: new Date(Date.UTC(2026, 0, 1) + (i + ((i * 37) % 6)) * 1000),
}));

const inSimulation = <T>(options: object, body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 3 }).run((host) => body(StreamExecutionEnvironment.create({ host, ...options })));

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};

/** Sums by user and every window that [start, start + size) with start in `starts` gives. */
function expected(windowsOf: (timeMs: number) => readonly (readonly [number, number])[]): string[] {
  const sums = new Map<string, bigint>();
  for (const { user, cost, time } of rows) {
    for (const [start, end] of windowsOf(time.getTime())) {
      const key = `${user} ${start} ${end}`;
      sums.set(key, (sums.get(key) ?? 0n) + cost);
    }
  }
  return [...sums].map(([key, total]) => `${key} ${total}`).sort();
}

const MINUTE = 60_000;
const floor = (timeMs: number, step: number) => Math.floor(timeMs / step) * step;

describe.each([
  { parallelism: 1, batchRows: 8192 },
  { parallelism: 1, batchRows: 10, bufferTimeoutMs: 0 },
  { parallelism: 2, batchRows: 50 },
  { parallelism: 2, runtimeMode: "BATCH" as const },
])("windows with %j", (options) => {
  it.each([
    {
      name: "tumbling",
      assigner: TumblingEventTimeWindows.of(MINUTE),
      windowsOf: (t: number) => [[floor(t, MINUTE), floor(t, MINUTE) + MINUTE] as const],
    },
    {
      name: "sliding",
      assigner: SlidingEventTimeWindows.of(MINUTE, 20_000),
      windowsOf: (t: number) =>
        [0, 1, 2].map((i) => [floor(t, 20_000) - i * 20_000, floor(t, 20_000) - i * 20_000 + MINUTE] as const),
    },
    {
      name: "cumulate",
      assigner: CumulateEventTimeWindows.of(MINUTE, 20_000),
      windowsOf: (t: number) =>
        [20_000, 40_000, 60_000]
          .map((size) => [floor(t, MINUTE), floor(t, MINUTE) + size] as const)
          .filter(([, end]) => end > t),
    },
  ])("equals a group-by over the whole input: $name", ({ assigner, windowsOf }) =>
    inSimulation(options, async (env) => {
      const stream = env
        .fromCollection(rows, clicks, strategy(6000))
        .keyBy("user")
        .window(assigner)
        .aggregate({ total: sum("cost") });
      const found = await collect(stream.executeAndCollect());
      const lines = found.map(
        ({ user, windowStart, windowEnd, total }) => `${user} ${Number(windowStart)} ${Number(windowEnd)} ${total}`,
      );
      expect(lines.sort()).toEqual(expected(windowsOf));
    }),
  );
});

it("keeps late rows: those of windows and those of the side output are all rows", () =>
  inSimulation({ batchRows: 10, bufferTimeoutMs: 0 }, async (env) => {
    const late = new OutputTag("too late", clicks);
    const counted = env
      .fromCollection(rows, clicks, strategy(0))
      .keyBy("user")
      .window(TumblingEventTimeWindows.of(2000))
      .sideOutputLateData(late)
      .aggregate({ clicks: count() });
    let onTime = 0n;
    let tooLate = 0n;
    counted.forEach((row) => {
      onTime += row.clicks ?? 0n;
    });
    counted.getSideOutput(late).forEach(() => {
      tooLate++;
    });
    await env.execute();
    expect(tooLate).toBeGreaterThan(0n);
    expect(onTime + tooLate).toBe(1000n);
  }));

it("says why a window has not fired", async () => {
  const env = StreamExecutionEnvironment.create({ batchRows: 10 });
  const seen: unknown[] = [];
  env
    .fromCollection(rows.slice(0, 100), clicks, strategy(3_600_000))
    .uid("clicks")
    .map((row) => ({ ...row }), { schema: clicks })
    .forEach(async (row) => {
      seen.push(row);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  const job = await env.executeAsync();
  while (seen.length < 15) await new Promise((resolve) => setTimeout(resolve, 5));
  const explanation = await job.explainWatermarks();
  await job.cancel();
  const source = explanation.operators[0];
  expect(source?.inputs[0]?.status).toBe("ACTIVE");
  expect(source?.heldBackBy?.name).toBe(source?.inputs[0]?.name);
  expect(source?.watermarkMs).toBeLessThan(rows[0].time.getTime());
  expect(String(explanation)).toMatch(/ACTIVE/);
});
