import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  col,
  type JobSnapshot,
  restartStrategies,
  Schema,
  StreamExecutionEnvironment,
  types,
  valueState,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { visibleNumbers } from "../../support/visible-lines.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Fails at rows, each so many times. */
function failing(at: Readonly<Record<number, number>>) {
  const left = new Map(Object.entries(at).map(([n, times]) => [Number(n), times]));
  return (n: bigint | null): boolean => {
    const times = left.get(Number(n)) ?? 0;
    if (times > 0) {
      left.set(Number(n), times - 1);
      throw new Error(`row ${n} is bad`);
    }
    return true;
  };
}

interface Given {
  readonly count?: number;
  readonly fails?: Readonly<Record<number, number>>;
  readonly intervalMs?: number;
  readonly directory?: string;
  readonly parallelism?: number;
}

/** 100 rows a second through a function that fails, into files. */
function program(host: Host, { count = 200, fails = {}, intervalMs = 300, directory, parallelism = 1 }: Given) {
  const env = StreamExecutionEnvironment.create({ host, parallelism, batchRows: 8 });
  if (intervalMs > 0) env.enableCheckpointing(intervalMs, directory === undefined ? {} : { directory });
  const check = failing(fails);
  env
    .fromGenerator({ n: col("n") }, { count, rowsPerSecond: 100 })
    .uid("numbers")
    .filter(({ n }) => check(n))
    .writeToFiles("/out", { format: "text", roll: { rows: 20 }, uid: "files" });
  return env;
}

const simulated = (seed = 1) => new Simulation({ seed, parallelism: 4 });
const hidden = (host: Host) => host.files.list("/out").filter((name) => name.startsWith("."));

describe("a stream that fails", () => {
  it.each([undefined, "/checkpoints"])("goes on from its newest checkpoint (directory: %s)", (directory) =>
    simulated().run(async (host) => {
      const job = await program(host, { fails: { 70: 1, 120: 2 }, directory }).executeAsync();
      const { metrics } = await job.result();
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));
      expect(hidden(host)).toEqual([]);
      expect(job.status).toBe("FINISHED");
      expect(job.restarts).toBe(3);
      expect(job.failures.map(({ attempt, restoredCheckpointId }) => [attempt, restoredCheckpointId])).toEqual([
        [1, 2],
        [2, expect.any(Number)],
        [3, expect.any(Number)],
      ]);
      for (const { error, restartDelayMs } of job.failures) {
        expect(error).toMatchObject({ code: "USER_FUNCTION_FAILED" });
        expect(restartDelayMs).toBeGreaterThan(850);
      }
      // Rows that were read again count again.
      expect(metrics[0].rowsIn).toBeGreaterThan(200);
      expect(job.checkpointStatistics?.completed).toBeGreaterThan(5);
    }),
  );

  it("tells of it on standard error, where nobody else would hear of it", () =>
    simulated(15).run(async (simulatedHost) => {
      const lines: string[] = [];
      const stream = { write: (line: string) => lines.push(line) };
      const host = { ...simulatedHost, terminal: { stream, environment: {} } };
      await (await program(host, { fails: { 70: 1 } }).executeAsync()).result();
      expect(lines).toEqual([
        expect.stringMatching(
          /^millrace: attempt 1 of the job failed; the next one begins in \d\.\d s\. USER_F.*row 70.*\n$/,
        ),
      ]);
    }));

  it("begins anew where no checkpoint was complete", () =>
    simulated(2).run(async (host) => {
      const job = await program(host, { fails: { 10: 1, 25: 1 }, intervalMs: 1000 }).executeAsync();
      await job.result();
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));
      expect(job.failures.map(({ restoredCheckpointId }) => restoredCheckpointId)).toEqual([null, null]);
    }));

  it("fails with its first failure without checkpoints, or where it is told to", () =>
    simulated(3).run(async (host) => {
      for (const given of [{ intervalMs: 0 }, {}]) {
        const env = program(host, { ...given, fails: { 70: 1 } });
        if (given.intervalMs !== 0) env.setRestartStrategy(restartStrategies.none());
        const job = await env.executeAsync();
        await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
        expect(job).toMatchObject({ status: "FAILED", restarts: 0, failures: [{ attempt: 1 }] });
      }
    }));

  it("gives up with the error of the last attempt behind the promised number of them", () =>
    simulated(4).run(async (host) => {
      const startMs = host.clock.nowMs();
      const job = await program(host, { fails: { 70: 1000 } }).executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
      expect(job).toMatchObject({ status: "FAILED", restarts: 10 });
      expect(job.failures.map(({ attempt }) => attempt)).toEqual(numbers(11).map((i) => i + 1));
      expect(job.failures.at(-1)?.restartDelayMs).toBeUndefined();
      const minutes = (host.clock.nowMs() - startMs) / 60_000;
      expect(minutes).toBeGreaterThan(4);
      expect(minutes).toBeLessThan(6);
      // What the newest checkpoint held is committed, and nothing behind it.
      const seen = visibleNumbers(host.files, "/out");
      expect(seen).toEqual(numbers(seen.length));
      expect(seen.length).toBeLessThan(70);
    }));

  it("is not started again where that cannot be right", async () => {
    const simulation = simulated(5);
    await simulation.run(async (host) => {
      const job = await program(host, { directory: "/checkpoints" }).executeAsync();
      while (job.latestCheckpoint === undefined) await pause(host, 10);
      const other = await program(host, { directory: "/checkpoints" }).executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      expect(job.restarts).toBe(0);
      await other.result();
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));
    });
  });

  it("does not take over from another run that was started while it waited", () =>
    simulated(6).run(async (host) => {
      const job = await program(host, { directory: "/checkpoints", fails: { 70: 1 } }).executeAsync();
      while (job.status !== "RESTARTING") await pause(host, 10);
      const other = await program(host, { directory: "/checkpoints" }).executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      expect(job).toMatchObject({ restarts: 1, failures: [{ error: { code: "USER_FUNCTION_FAILED" } }, {}] });
      await other.result();
      expect(other.restarts).toBe(0);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));
    }));

  it("survives that its disk is gone for minutes, and its claims with it", async () => {
    const simulation = simulated(7);
    for (let nth = 40; nth < 90; nth++) {
      for (const label of ["disk.sync", "disk.open-write", "disk.list"]) {
        simulation.addFault({ label, nth, kind: "io-error", path: "/checkpoints" });
      }
    }
    await simulation.run(async (host) => {
      const env = program(host, { count: 400, directory: "/checkpoints" });
      env.setRestartStrategy(restartStrategies.exponentialDelay({ attempts: Number.POSITIVE_INFINITY }));
      const job = await env.executeAsync();
      await job.result();
      expect(job.restarts).toBeGreaterThan(10);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(400));
      expect(hidden(host)).toEqual([]);
    });
  });

  it("ends at once where it is cancelled while it waits", () =>
    simulated(8).run(async (host) => {
      const env = program(host, { fails: { 70: 1 } });
      env.setRestartStrategy(restartStrategies.fixedDelay({ attempts: 1, delayMs: 3_600_000 }));
      const job = await env.executeAsync();
      while (job.status !== "RESTARTING") await pause(host, 10);
      const atMs = host.clock.nowMs();
      await job.cancel();
      expect(host.clock.nowMs() - atMs).toBeLessThan(1);
      expect(job).toMatchObject({ status: "CANCELED", restarts: 0 });
    }));

  it("answers what it is asked meanwhile when it runs again, or tells that it has ended", () =>
    simulated(9).run(async (host) => {
      const total = valueState("total", types.int64);
      const check = failing({ 70: 1, 130: 1 });
      const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100);
      env
        .fromGenerator({ n: col("n"), key: col("n").mod(2n) }, { count: 200, rowsPerSecond: 100 })
        .keyBy("key")
        .process(
          {
            processElement({ n }, { state }, out) {
              check(n);
              state(total).set((state(total).get() ?? 0n) + 1n);
              out.collect({ n });
            },
          },
          { schema: Schema.of({ n: types.int64 }) },
        )
        .uid("totals")
        .blackhole();
      env.setRestartStrategy(restartStrategies.fixedDelay({ attempts: 1, delayMs: 500 }));
      const job = await env.executeAsync();
      while (job.status !== "RESTARTING") await pause(host, 10);
      expect(job.metrics[0].rowsIn).toBeGreaterThan(0);
      expect(job.checkpointStatistics?.completed).toBeGreaterThan(3);
      const [count, explanation, snapshot] = await Promise.all([
        job.queryState("totals", "total", 1n),
        job.explainWatermarks(),
        job.snapshot(),
      ]);
      expect(count).toBeGreaterThanOrEqual(25n);
      expect(explanation).toBeDefined();
      expect(snapshot.checkpointId).toBeGreaterThan(6);
      await job.result();
      await expect(job.queryState("totals", "total", 1n)).rejects.toMatchObject({ code: "JOB_NOT_RUNNING" });
    }));

  it("replaces worker threads that died", async () => {
    const simulation = simulated(10);
    await simulation.run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, parallelism: 2 }).enableCheckpointing(200);
      env
        .fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100, splitCount: 2 })
        .writeToFiles("/out", { format: "text" });
      const job = await env.executeAsync();
      for (const name of ["thread-1", "thread-4"]) {
        while (!simulation.threads().includes(name) || job.status !== "RUNNING") await pause(host, 10);
        await pause(host, 500);
        simulation.killThread(name);
      }
      await job.result();
      expect(simulation.threads()).toEqual([]);
      expect(job.failures.map(({ error }) => error.code)).toEqual(["SIMULATED_CRASH", "SIMULATED_CRASH"]);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(300));
      expect(hidden(host)).toEqual([]);
    });
  });

  it("ends a worker thread that does not stop", async () => {
    const simulation = simulated(11);
    await simulation.run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, parallelism: 2 }).enableCheckpointing(200, {
        timeoutMs: 1000,
      });
      env
        .fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100, splitCount: 2 })
        .writeToFiles("/out", { format: "text" });
      const job = await env.executeAsync();
      while (job.latestCheckpoint === undefined) await pause(host, 10);
      // Nobody hears of it any more, and it of nobody: like a thread that works on something for ever.
      simulation.links.cut("thread-2");
      await job.result();
      expect(job.failures.map(({ error }) => error.code)).toEqual(["CHECKPOINTS_FAILED"]);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(300));
    });
  });

  it("ends for good where what it has begun on the calling thread does not end", () =>
    simulated(12).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(200, { timeoutMs: 1000 });
      const never = async (): Promise<void> => {
        await new Promise(() => undefined);
      };
      env.fromGenerator({ n: col("n") }, { count: 300 }).forEach(never);
      const job = await env.executeAsync();
      await expect(job.result()).rejects.toMatchObject({
        code: "JOB_NOT_STOPPED",
        cause: expect.objectContaining({ code: "CHECKPOINTS_FAILED" }),
      });
      expect(job.restarts).toBe(0);
    }));

  it("leaves nothing behind: no thread, no timer", async () => {
    const simulation = simulated(13);
    await simulation.run(async (host) => {
      const job = await program(host, { fails: { 70: 1000 }, parallelism: 2 }).executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
    });
    expect(simulation.threads()).toEqual([]);
    await simulation.runUntilIdle();
    const { steps } = simulation;
    await simulation.advance(10 * 86_400_000);
    expect(simulation.steps).toBe(steps);
  });

  it("goes on where a savepoint with which it was to stop has failed, and not behind one that is complete", () =>
    simulated(16).run(async (host) => {
      let timersFail = 1;
      const timed = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100);
      timed
        .fromGenerator({ n: col("n"), key: col("n").mod(1n) }, { count: 200, rowsPerSecond: 100 })
        .keyBy("key")
        .process(
          {
            processElement({ n }, { timers }, out) {
              timers.registerEventTime(1e9);
              out.collect({ n });
            },
            // Where the input ends, as it does for a savepoint that drains.
            onTimer() {
              if (timersFail-- > 0) throw new Error("the end is bad");
            },
          },
          { schema: Schema.of({ n: types.int64 }) },
        )
        .writeToFiles("/out", { format: "text" });
      const running = await timed.executeAsync();
      await pause(host, 500);
      const stopped = running.stopWithSavepoint("/savepoint", { drain: true });
      await expect(stopped).rejects.toMatchObject({ code: "CHECKPOINT_ABORTED" });
      await running.result();
      expect(running.restarts).toBe(1);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));

      const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100);
      env.fromGenerator({ n: col("n") }, { count: 1000, rowsPerSecond: 100 }).addSink({
        spec: { kind: "own" },
        description: "own",
        begin: () => undefined,
        createWriter: () => ({
          write: () => undefined,
          prepareCheckpoint: () => [],
          prepareCommit: () => null,
          close: () => undefined,
        }),
        commit: (_, isLast) => {
          if (isLast === true) throw new Error("too late");
        },
        abort: () => undefined,
      });
      const job = await env.executeAsync();
      await pause(host, 500);
      await expect(job.stopWithSavepoint("/other")).rejects.toMatchObject({ code: "SINK_FAILED" });
      expect(job).toMatchObject({ status: "FAILED", restarts: 0 });
      expect(host.files.list("/other")).toContain("manifest.json");
    }));

  it("is restored from what it was started with, before its first checkpoint", () =>
    simulated(14).run(async (host) => {
      const first = await program(host, {}).executeAsync();
      while (first.latestCheckpoint === undefined) await pause(host, 10);
      await first.cancel();
      const restore = first.latestCheckpoint as JobSnapshot;
      const second = await program(host, { fails: { 40: 1 }, intervalMs: 5000 }).executeAsync({ restore });
      await second.result();
      expect(second.failures).toMatchObject([{ restoredCheckpointId: restore.checkpointId }]);
      expect(visibleNumbers(host.files, "/out")).toEqual(numbers(200));
    }));
});

describe("restart strategies are refused", () => {
  it("where they are none", () => {
    const env = StreamExecutionEnvironment.create();
    expect(() => env.setRestartStrategy("fixedDelay" as never)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });

  it("where rows go to the caller, or can be read only once", () =>
    simulated().run(async (host) => {
      const strategy = restartStrategies.fixedDelay({ attempts: 1, delayMs: 1 });
      const env = StreamExecutionEnvironment.create({ host }).setRestartStrategy(strategy);
      const stream = env.fromGenerator({ n: col("n") }, { count: 10 });
      expect(() => stream.executeAndCollect()).toThrow(expect.objectContaining({ code: "RESTART_IMPOSSIBLE" }));
      const once = [{ n: 1 }][Symbol.iterator]();
      env.fromIterable(once, { schema: Schema.of({ n: types.float64 }) }).blackhole();
      await expect(env.execute()).rejects.toMatchObject({ code: "RESTART_IMPOSSIBLE" });
    }));

  it("never by themselves", () =>
    simulated().run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100);
      const once = [{ n: 1 }][Symbol.iterator]();
      env.fromIterable(once, { schema: Schema.of({ n: types.float64 }) }).forEach(() => {
        throw new Error("bad");
      });
      const job = await env.executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
      expect(job.restarts).toBe(0);
    }));
});
