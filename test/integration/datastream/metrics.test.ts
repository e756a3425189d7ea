import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  col,
  count,
  type DataStream,
  first,
  listState,
  Schema,
  StreamExecutionEnvironment,
  type StreamJob,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const events = Schema.of({ key: types.int64, at: types.int64 });
type Columns = typeof events.$fields;
const strategy = WatermarkStrategy.boundedOutOfOrderness<Columns>(100).withTimestamps("at");

/** So many events, one per millisecond of event time. */
const ticks = (env: StreamExecutionEnvironment, rows: number) =>
  env
    .fromGenerator({ key: col("n").mod(10), at: col("n") }, { count: rows, rowsPerSecond: 1000 })
    .assignTimestampsAndWatermarks(strategy);

const vertexOf = (job: StreamJob, name: string) => {
  const found = job.metrics.find((vertex) => vertex.name.includes(name));
  if (found === undefined) throw new Error(`No vertex ${name} in ${job.metrics.map((each) => each.name).join(", ")}`);
  return found;
};

describe.each([1, 2])("the metrics of a running stream, at parallelism %d", (parallelism) => {
  it("have rows, bytes, watermark, lag and state of each subtask", () =>
    new Simulation({ seed: 1, parallelism }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, parallelism, bufferTimeoutMs: 0 });
      ticks(env, 5000)
        .keyBy("key")
        .window(TumblingEventTimeWindows.of(1_000_000))
        // With the first row of each key, rows are sent one by one and not combined before.
        .aggregate({ n: count(), from: first("at") })
        .name("totals")
        .blackhole({ name: "nowhere" });
      const job = await env.executeAsync();
      await pause(host, 2000);
      const { subtasks = [], ...vertex } = vertexOf(job, "totals");
      expect(vertex.name).toMatch(/totals -> nowhere$/);
      expect(subtasks.map(({ subtask }) => subtask)).toEqual(Array.from({ length: parallelism }, (_, i) => i));
      for (const subtask of subtasks) {
        expect(subtask.rowsIn).toBeGreaterThan(100);
        expect(subtask.watermarkMs).toBeGreaterThan(1000);
        expect(subtask.watermarkMs).toBeLessThan(2000);
        expect(subtask.watermarkLagMs).toBe(host.clock.nowMs() - (subtask.watermarkMs ?? 0));
        expect(subtask.stateBytes).toBeGreaterThan(0);
        expect(subtask.isFinished).toBe(false);
      }
      const sum = (of: (each: (typeof subtasks)[number]) => number) =>
        subtasks.reduce((all, each) => all + of(each), 0);
      expect(vertex.rowsIn).toBe(sum(({ rowsIn }) => rowsIn));
      expect(vertex.stateBytes).toBe(sum(({ stateBytes }) => stateBytes));
      expect(vertex.idleMs).toBe(sum(({ idleMs }) => idleMs));
      const source = job.metrics.find(({ vertex: id }) => id === 0);
      // Two columns of eight bytes.
      expect(source?.bytesOut).toBe((source?.rowsOut ?? 0) * 16);
      const { metrics } = await job.result();
      const ended = metrics.find(({ name }) => name.includes("totals"));
      expect(ended?.rowsIn).toBe(5000);
      for (const { isFinished, watermarkLagMs } of ended?.subtasks ?? []) {
        expect({ isFinished, watermarkLagMs }).toEqual({ isFinished: true, watermarkLagMs: undefined });
      }
    }));
});

describe("the metrics of a stream", () => {
  it("are told though nothing happens any more", () =>
    new Simulation({ seed: 2 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host });
      async function* few() {
        yield { n: 1 };
        yield { n: 2 };
        await pause(host, 1_000_000);
      }
      env.fromAsyncIterable(few(), { schema: Schema.of({ n: types.int32 }) }).blackhole();
      const job = await env.executeAsync();
      await pause(host, 1000);
      expect(job.metrics.reduce((sum, { rowsIn }) => Math.max(sum, rowsIn), 0)).toBe(2);
      await job.cancel();
    }));

  /** A step, and whether its state is still there when the watermark has passed everything. */
  const steps: Record<string, (stream: DataStream<Columns>) => DataStream> = {
    "a process function": (stream) => {
      const all = listState("all", types.int64);
      return stream.keyBy("key").process(
        {
          processElement(row, context) {
            context.state(all).add(row.at ?? 0n);
            context.timers.registerEventTime(1_000_000 + Number(row.at));
          },
          onTimer() {},
        },
        { schema: Schema.of({ n: types.int64 }) },
      );
    },
    reduce: (stream) => stream.keyBy("key").reduce((_, newer) => ({ ...newer })),
    "an updating aggregate": (stream) => stream.keyBy("at").count().toChangelog(),
    topN: (stream) => stream.keyBy("key").topN(100, "at").toChangelog(),
    deduplicate: (stream) => stream.keyBy("at").deduplicate({ keep: "first" }),
    "an updating join": (stream) =>
      stream
        .keyBy("at")
        .join(stream.select({ other: col("at") }).keyBy("other"))
        .updating(),
    "an interval join": (stream) =>
      stream
        .keyBy("key")
        .intervalJoin(stream.select({ other: col("key") }).keyBy("other"))
        .between(-3000, 3000),
    "a window join": (stream) =>
      stream
        .keyBy("key")
        .join(stream.select({ other: col("key") }).keyBy("other"))
        .window(TumblingEventTimeWindows.of(10_000)),
    "a temporal join": (stream) => stream.keyBy("at").temporalJoin(stream.select({ other: col("at") }).keyBy("other")),
    "a window function": (stream) =>
      stream
        .keyBy("key")
        .window(TumblingEventTimeWindows.of(10_000))
        .process((key, _, rows) => [{ key, n: rows.length }], {
          schema: Schema.of({ key: types.int64, n: types.int32 }),
        }),
    "a window of rows": (stream) => stream.keyBy("key").countWindow(5000, 10).aggregate({ n: count() }),
  };

  it.each(Object.keys(steps))("say what the state of %s takes as it grows", (name) =>
    new Simulation({ seed: 3 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0 });
      steps[name](ticks(env, 4000)).blackhole();
      const job = await env.executeAsync();
      const bytes = () => job.metrics.reduce((sum, { stateBytes = 0 }) => sum + stateBytes, 0);
      await pause(host, 500);
      const early = bytes();
      await pause(host, 2500);
      expect(early).toBeGreaterThan(0);
      expect(bytes()).toBeGreaterThanOrEqual(early);
      if (name !== "reduce") expect(bytes()).toBeGreaterThan(early);
      await job.cancel();
    }),
  );

  it("say what sources have found and not read yet", () =>
    new Simulation({ seed: 4 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0, batchRows: 16 });
      const lines = Array.from({ length: 4000 }, (_, i) => `line ${String(i).padStart(5, "0")}\n`).join("");
      const file = host.files.openWrite("/lines.txt");
      file.write(new TextEncoder().encode(lines));
      file.close();
      // A sink that waits holds the sources back.
      let isOpen = false;
      const slow = async () => {
        while (!isOpen) await pause(host, 10);
      };
      const counted = ticks(env, 2000).name("counted");
      counted.forEach(slow);
      env
        .fromGenerator({ key: col("n") }, { rowsPerSecond: 10 })
        .name("endless")
        .blackhole();
      env.readTextFile("/lines.txt").name("lines").forEach(slow);
      const job = await env.executeAsync();
      // Until its connectors are loaded, and a little more.
      while (job.metrics.length === 0) await pause(host, 10);
      await pause(host, 100);
      const { backlog: left, subtasks = [] } = vertexOf(job, "counted");
      expect(left).toMatchObject({ splits: 1 });
      expect(left?.rows).toBeGreaterThan(1000);
      expect(left?.rows).toBeLessThan(2000);
      expect(subtasks[0].backlog).toEqual(left);
      expect(vertexOf(job, "endless").backlog).toEqual({ splits: 1 });
      const { backlog: ofLines } = vertexOf(job, "lines");
      expect(ofLines).toEqual({ splits: 1, bytes: expect.any(Number) });
      expect(ofLines?.bytes).toBeGreaterThan(0);
      expect(ofLines?.bytes).toBeLessThan(lines.length);
      isOpen = true;
      await pause(host, 5000);
      expect(vertexOf(job, "counted").backlog).toEqual({ splits: 0, rows: 0, bytes: 0 });
      expect(vertexOf(job, "lines").backlog).toEqual({ splits: 0, rows: 0, bytes: 0 });
      await job.cancel();
    }));
});
