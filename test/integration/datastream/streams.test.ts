import { beforeAll, describe, expect, it } from "vitest";
import { StreamExecutionEnvironment } from "../../../src/datastream/stream-execution-environment.ts";
import { WatermarkStrategy } from "../../../src/datastream/watermark-strategy.ts";
import { col, Schema, types } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

const events = Schema.of({ id: types.int64, time: types.int64 });
const rows = Array.from({ length: 100 }, (_, i) => ({ id: BigInt(i), time: BigInt(i * 1000) }));
const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof events.$fields>(500).withTimestamps("time");

beforeAll(loadEngine);

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};

describe.each([1, 2, 3])("a stream at parallelism %d on virtual time", (parallelism) => {
  const inSimulation = <T>(body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> => {
    const simulation = new Simulation({ seed: parallelism, parallelism: 4 });
    return simulation.run((host) => body(StreamExecutionEnvironment.create({ parallelism, host })));
  };

  it("filters, maps and spreads rows without losing one", () =>
    inSimulation(async (env) => {
      const stream = env
        .fromCollection(rows, events, strategy)
        .filter(col("id").mod(2n).eq(0n))
        .rebalance()
        .map(({ id }) => ({ double: (id ?? 0n) * 2n }), { schema: Schema.of({ double: types.int64 }) })
        .shuffle();
      const found = await collect(stream.executeAndCollect());
      const sorted = found.map(({ double }) => Number(double)).sort((a, b) => a - b);
      expect(sorted).toEqual(Array.from({ length: 50 }, (_, i) => i * 4));
    }));

  it("sends every row to every subtask of a broadcast, and unions keep duplicates", () =>
    inSimulation(async (env) => {
      const numbers = env.fromSequence(0, 10);
      const copies = numbers
        .broadcast()
        .filter(col("value").ge(0n))
        .setParallelism(2)
        .union(numbers.filter(col("value").lt(3n)));
      const found = await collect(copies.executeAndCollect());
      expect(found).toHaveLength(23);
    }));

  it("splits by predicates", () =>
    inSimulation(async (env) => {
      const { small, large } = env
        .fromSequence(0, 100)
        .split({ small: col("value").lt(40n), large: col("value").ge(90n) });
      const counts = { small: 0, large: 0 };
      small.forEach(() => {
        counts.small++;
      });
      large.forEach(() => {
        counts.large++;
      });
      await env.execute();
      expect(counts).toEqual({ small: 40, large: 10 });
    }));
});

it("infers the columns of a function from the first rows, and says so where it cannot", async () => {
  const env = StreamExecutionEnvironment.create();
  const stream = env.fromCollection([{ a: 1 }, { a: 2 }]).map((row) => ({ b: (row.a ?? 0) + 0.5, c: "x" }));
  expect(await collect(stream.executeAndCollect())).toEqual([
    { b: 1.5, c: "x" },
    { b: 2.5, c: "x" },
  ]);
});

it("tells status and metrics of a job, and cancels it", async () => {
  const env = StreamExecutionEnvironment.create();
  let seen = 0;
  env.fromSequence(0, 1_000_000_000).forEach(() => {
    seen++;
  });
  const job = await env.executeAsync();
  while (seen === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(job.status).toBe("RUNNING");
  await job.cancel();
  expect(job.status).toBe("CANCELED");
  await expect(job.result()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
});

it("goes on from a snapshot at another parallelism, without losing or repeating a row", async () => {
  const environment = (parallelism: number) => StreamExecutionEnvironment.create({ parallelism, batchRows: 100 });
  const seenBefore: number[] = [];
  const first = environment(1);
  first
    .fromSequence(0, 200_000)
    .uid("numbers")
    .forEach(async (row) => {
      seenBefore.push(Number(row.value));
      // The stream waits for us, so that the snapshot falls into its middle.
      if (seenBefore.length % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    });
  const job = await first.executeAsync();
  while (seenBefore.length < 5000) await new Promise((resolve) => setTimeout(resolve, 1));
  const snapshot = await job.snapshot();
  await job.cancel();
  const seenAfter: number[] = [];
  const second = environment(2);
  second
    .fromSequence(0, 200_000)
    .uid("numbers")
    .forEach((row) => {
      seenAfter.push(Number(row.value));
    });
  await (await second.executeAsync({ restore: snapshot })).result();
  const start = seenAfter.reduce((least, value) => Math.min(least, value));
  expect(start).toBeGreaterThan(0);
  expect(seenAfter).toHaveLength(200_000 - start);
  // The sink is no part of the state here: rows behind the barrier were seen by the first job already.
  expect(seenBefore.filter((value) => value < start)).toHaveLength(start);
});
