import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  type CheckpointOptions,
  col,
  type JobSnapshot,
  restartStrategies,
  Schema,
  type SinkWriter,
  StreamExecutionEnvironment,
  types,
  valueState,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { visibleNumbers } from "../../support/visible-lines.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

interface Stored {
  readonly id: number;
  readonly atMs: number;
  readonly isFinal: boolean;
}

/** Runs 3 s of rows with checkpoints that take `storeMs` to store. */
async function run(
  simulation: Simulation,
  intervalMs: number,
  options: CheckpointOptions = {},
  store: (host: Host, snapshot: JobSnapshot) => Promise<void> = async () => undefined,
): Promise<Stored[]> {
  const stored: Stored[] = [];
  await simulation.run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, parallelism: 2 })
      .enableCheckpointing(intervalMs, {
        ...options,
        storeCheckpoint: async (snapshot) => {
          const atMs = simulation.elapsedMs;
          await store(host, snapshot);
          stored.push({ id: snapshot.checkpointId, atMs, isFinal: snapshot.isFinal === true });
        },
      })
      .setRestartStrategy(restartStrategies.none());
    env
      .fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100 })
      .rebalance()
      .blackhole();
    await env.execute();
  });
  return stored;
}

const simulated = (seed = 1) => new Simulation({ seed, parallelism: 4 });

describe("checkpoints at an interval", () => {
  it("come one after the other, with a last one at the end of bounded input", async () => {
    const stored = await run(simulated(), 500);
    expect(stored.map(({ id, isFinal }) => [id, isFinal])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, false],
      [5, false],
      [6, true],
    ]);
    for (const [i, { atMs }] of stored.slice(0, -1).entries()) {
      expect(atMs).toBeGreaterThan((i + 1) * 500 - 1);
      expect(atMs).toBeLessThan((i + 1) * 500 + 60);
    }
  });

  it("never overlap, and keep their pause", async () => {
    let underWay = 0;
    const slow = async (host: Host, snapshot: JobSnapshot) => {
      expect(++underWay).toBe(1);
      await pause(host, snapshot.isFinal === true ? 0 : 400);
      underWay--;
    };
    const stored = await run(simulated(2), 100, { minPauseMs: 250 }, slow);
    const starts = stored.slice(0, -1).map(({ atMs }) => atMs);
    for (const [i, atMs] of starts.entries()) if (i > 0) expect(atMs - starts[i - 1]).toBeGreaterThan(649);
  });

  it("may fail so many times in a row, and no more", async () => {
    const failing =
      (failures: readonly number[]) =>
      async (_: Host, { checkpointId }: JobSnapshot) => {
        if (failures.includes(checkpointId)) throw new Error("the disk is full");
      };
    const stored = await run(simulated(3), 300, { tolerableFailures: 2 }, failing([1, 2, 4, 5]));
    expect(stored.slice(0, 3).map(({ id }) => id)).toEqual([3, 6, 7]);
    await expect(run(simulated(3), 300, { tolerableFailures: 2 }, failing([2, 3, 4]))).rejects.toMatchObject({
      code: "CHECKPOINTS_FAILED",
      message: expect.stringContaining("the disk is full"),
    });
    await expect(run(simulated(3), 300, {}, failing([2]))).rejects.toMatchObject({ code: "CHECKPOINTS_FAILED" });
  });

  it("are given up where a barrier takes too long", () =>
    simulated(4).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, batchRows: 1 })
        .enableCheckpointing(100, { timeoutMs: 200 })
        .setRestartStrategy(restartStrategies.none());
      // The sink takes its first row for ever, as it seems.
      env.fromGenerator({ n: col("n") }, { count: 100 }).forEach(async () => {
        await pause(host, 100_000);
      });
      const job = await env.executeAsync();
      await expect(job.result()).rejects.toMatchObject({
        code: "CHECKPOINTS_FAILED",
        cause: expect.objectContaining({ code: "CHECKPOINT_TIMEOUT" }),
      });
      expect(job.latestCheckpoint).toBeUndefined();
    }));

  it("are given up where storing takes too long, and go on where that is tolerated", async () => {
    const signals: AbortSignal[] = [];
    const hanging = (ids: readonly number[]) => ({
      timeoutMs: 200,
      storeCheckpoint: (snapshot: JobSnapshot, { signal }: { signal: AbortSignal }) => {
        signals.push(signal);
        return ids.includes(snapshot.checkpointId) ? new Promise<void>(() => undefined) : Promise.resolve();
      },
    });
    const start = (host: Host, options: CheckpointOptions) => {
      const env = StreamExecutionEnvironment.create({ host })
        .enableCheckpointing(300, options)
        .setRestartStrategy(restartStrategies.none());
      env.fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100 }).blackhole();
      return env.executeAsync();
    };
    await simulated(8).run(async (host) => {
      const job = await start(host, { ...hanging([2, 3]), tolerableFailures: 2 });
      await pause(host, 700);
      expect(job.checkpointStatistics).toMatchObject({
        completed: 1,
        failed: 0,
        underWay: { checkpointId: 2, phase: "storing" },
      });
      await pause(host, 450);
      expect(job.checkpointStatistics).toMatchObject({
        completed: 1,
        failed: 2,
        failedInARow: 2,
        lastCompleted: { checkpointId: 1, bytes: expect.any(Number), inFlightBytes: 0 },
        lastFailed: { checkpointId: 3, error: { code: "CHECKPOINT_TIMEOUT" } },
      });
      expect(job.latestCheckpoint?.checkpointId).toBe(1);
      await job.result();
      expect(signals.map(({ aborted }) => aborted).slice(0, 4)).toEqual([false, true, true, false]);
      const { completed, failed, failedInARow, underWay } = job.checkpointStatistics ?? {};
      expect({ completed, failed, failedInARow, underWay }).toEqual({
        completed: signals.length - 2,
        failed: 2,
        failedInARow: 0,
        underWay: undefined,
      });
    });
    await simulated(8).run(async (host) => {
      const job = await start(host, hanging([1]));
      await expect(job.result()).rejects.toMatchObject({
        code: "CHECKPOINTS_FAILED",
        cause: expect.objectContaining({ code: "CHECKPOINT_TIMEOUT" }),
      });
      expect(job.checkpointStatistics).toMatchObject({ completed: 0, failed: 1 });
    });
    // The one behind the end of the input too: the job could not be restored without it.
    await simulated(8).run(async (host) => {
      const job = await start(host, hanging([10]));
      await expect(job.result()).rejects.toMatchObject({ code: "CHECKPOINT_TIMEOUT" });
    });
  });

  it("do not hold up a job that is cancelled while one is being stored", () =>
    simulated(9).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100, {
        timeoutMs: 1_000_000,
        storeCheckpoint: () => new Promise(() => undefined),
      });
      env.fromGenerator({ n: col("n") }, { rowsPerSecond: 100 }).blackhole();
      const job = await env.executeAsync();
      await pause(host, 500);
      const startMs = host.clock.nowMs();
      await job.cancel();
      expect(job.status).toBe("CANCELED");
      expect(host.clock.nowMs() - startMs).toBeLessThan(100);
      expect(job.checkpointStatistics).toMatchObject({ completed: 0, failed: 0 });
    }));

  it("wait for each other where they are asked for at the same moment", () =>
    simulated(5).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, parallelism: 2 });
      env
        .fromGenerator({ n: col("n") }, { count: 200, rowsPerSecond: 100 })
        .rebalance()
        .blackhole();
      const job = await env.executeAsync();
      await pause(host, 200);
      const taken = await Promise.all([job.snapshot(), job.snapshot(), job.snapshot()]);
      expect(taken.map(({ checkpointId }) => checkpointId)).toEqual([1, 2, 3]);
      await job.result();
    }));

  it("are there none of in batch mode", () =>
    simulated(6).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, runtimeMode: "BATCH" }).enableCheckpointing(1);
      env.fromGenerator({ n: col("n") }, { count: 100, rowsPerSecond: 100 }).blackhole();
      const job = await env.executeAsync();
      await job.result();
      expect(job.latestCheckpoint).toBeUndefined();
    }));
});

it("a job goes on from its latest checkpoint, and again from there where it fails before the next", () =>
  simulated(7).run(async (host) => {
    const total = valueState("total", types.int64);
    const given: [number, bigint][] = [];
    const start = async (restore?: JobSnapshot) => {
      const env = StreamExecutionEnvironment.create({ host, batchRows: 4 }).enableCheckpointing(100);
      env
        .fromGenerator({ n: col("n"), key: col("n").mod(3n) }, { count: 300, rowsPerSecond: 100 })
        .keyBy("key")
        .process(
          {
            processElement({ n }, { state }, out) {
              const sum = (state(total).get() ?? 0n) + (n ?? 0n);
              state(total).set(sum);
              out.collect({ n, sum });
            },
          },
          { schema: Schema.of({ n: types.int64, sum: types.int64 }) },
        )
        .uid("sums")
        .forEach(({ n, sum }) => void given.push([Number(n), sum ?? 0n]));
      return env.executeAsync(restore === undefined ? {} : { restore });
    };
    const first = await start();
    await pause(host, 1050);
    await first.cancel();
    const { latestCheckpoint } = first;
    expect(latestCheckpoint?.checkpointId).toBe(10);
    const second = await start(latestCheckpoint);
    expect(second.latestCheckpoint).toBe(latestCheckpoint);
    await pause(host, 20);
    await second.cancel();
    expect(second.latestCheckpoint).toBe(latestCheckpoint);
    const third = await start(second.latestCheckpoint);
    await third.result();
    expect(third.latestCheckpoint?.isFinal).toBe(true);
    // Sums are those of an undisturbed run, whichever attempt gave them.
    const sums = new Map<number, bigint>();
    for (const [n, sum] of given) {
      if (sums.has(n)) expect(sums.get(n)).toBe(sum);
      sums.set(n, sum);
    }
    expect(sums.size).toBe(300);
    let expected = 0n;
    for (let n = 0; n < 300; n += 3) {
      expected += BigInt(n);
      expect(sums.get(n)).toBe(expected);
    }
    // What has ended is not run again.
    const fourth = await start(third.latestCheckpoint);
    const before = given.length;
    await fourth.result();
    expect(given.length).toBe(before);
  }));

describe("a job that finds checkpoints in its directory", () => {
  const environment = (host: Host, maxParallelism = 128, uid = "numbers") => {
    const env = StreamExecutionEnvironment.create({ host, maxParallelism });
    env.enableCheckpointing(10, { directory: "/job" });
    env
      .fromGenerator({ n: col("n") }, { count: 30, rowsPerSecond: 100 })
      .uid(uid)
      .blackhole();
    return env;
  };

  it.each([
    ["of other key groups", "MAX_PARALLELISM_CHANGED", (host: Host) => environment(host, 64)],
    ["of steps that it has not", "STATE_NOT_IN_JOB", (host: Host) => environment(host, 128, "others")],
  ])("%s does not start", async (_, code, other) => {
    const simulation = simulated();
    await simulation.run((host) => environment(host).execute());
    await expect(simulation.run((host) => other(host).execute())).rejects.toMatchObject({ code });
    // It is as it was for the job whose it is.
    await simulation.run((host) => environment(host).execute());
  });

  it("of an earlier job of its own environment does not start", async () => {
    await simulated().run(async (host) => {
      const env = environment(host);
      await env.execute();
      env.fromSequence(0, 3).blackhole();
      await expect(env.execute()).rejects.toMatchObject({ code: "CHECKPOINT_DIRECTORY_TAKEN" });
    });
  });
});

describe("a job that goes on from a checkpoint", () => {
  const environment = (host: Host) => {
    const env = StreamExecutionEnvironment.create({ host });
    env.enableCheckpointing(100);
    const rows = env.fromGenerator({ n: col("n") }, { count: 50, rowsPerSecond: 100 });
    return { env, rows };
  };
  const stopped = async (host: Host, env: StreamExecutionEnvironment) => {
    const job = await env.executeAsync();
    await pause(host, 250);
    await job.cancel();
    return job.latestCheckpoint as JobSnapshot;
  };

  it("does not take files that it cannot find for files that were moved", () =>
    simulated().run(async (host) => {
      const into = (path: string, uid = "files") => {
        const { env, rows } = environment(host);
        rows.writeToFiles(path, { format: "json", uid });
        return env;
      };
      const restore = await stopped(host, into("/out"));
      await expect(into("/elsewhere").execute({ restore })).rejects.toMatchObject({
        code: "OUTPUT_ELSEWHERE",
        message: expect.stringContaining('below "/out"'),
      });
      await expect(into("/out", "others").execute({ restore })).rejects.toMatchObject({ code: "STATE_NOT_IN_JOB" });
      host.files.remove("/out");
      await expect(into("/out").execute({ restore })).rejects.toMatchObject({ code: "OUTPUT_ELSEWHERE" });
    }));

  it("fails where a sink prepares all of its output at the end only", () =>
    simulated().run(async (host) => {
      const committed: unknown[] = [];
      const once = () => {
        const { env, rows } = environment(host);
        let count = 0;
        const writer: SinkWriter = {
          write: (batch) => {
            count += batch.rowCount;
          },
          prepareCommit: () => ({ count }),
          close: () => undefined,
        };
        rows.addSink({
          spec: { kind: "once" },
          description: "once",
          begin: () => undefined,
          createWriter: () => writer,
          commit: (committables) => void committed.push(...committables),
          abort: () => undefined,
        });
        return env;
      };
      await once().execute();
      expect(committed).toEqual([{ count: 50 }]);
      const restore = await stopped(host, once());
      await expect(once().execute({ restore })).rejects.toMatchObject({ code: "SINK_NOT_RESTORABLE" });
      expect(committed).toHaveLength(1);
    }));
});

describe("checkpoints of a job that is cancelled", () => {
  const start = (host: Host, onCancel: "retain" | "delete", failover: "full" | "region" = "full") => {
    const env = StreamExecutionEnvironment.create({ host, batchRows: 8 }).setFailoverStrategy(failover);
    env.enableCheckpointing(200, { directory: "/checkpoints", onCancel });
    for (const out of ["/out/a", "/out/b"]) {
      env
        .fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100 })
        .writeToFiles(out, { format: "text", roll: { rows: 50 } });
    }
    return env.executeAsync();
  };
  const everything = (host: Host) => ["/out/a", "/out/b"].flatMap((out) => host.files.list(out));

  it.each(["full", "region"] as const)("go where they are to, with output that nobody would commit (%s)", (failover) =>
    simulated(21).run(async (host) => {
      const job = await start(host, "delete", failover);
      await pause(host, 1150);
      expect(everything(host).some((name) => name.startsWith("."))).toBe(true);
      await job.cancel();
      expect(job.status).toBe("CANCELED");
      expect(everything(host).filter((name) => name.startsWith("."))).toEqual([]);
      expect(host.files.list("/checkpoints")).toEqual(["attempts", "state"]);
      expect(host.files.list("/checkpoints/state")).toEqual([]);
      expect(host.files.list("/checkpoints/attempts")).toEqual(["000001"]);
      const rows = () => visibleNumbers(host.files, "/out/a").length;
      const committed = rows();
      expect(committed).toBeGreaterThan(0);
      // It begins anew, with files beside those that were committed.
      const again = await start(host, "retain");
      await again.result();
      expect(rows()).toBe(committed + 300);
    }),
  );

  it("stay by default, and where the job fails", () =>
    simulated(22).run(async (host) => {
      for (const ending of ["cancel", "fail"]) {
        const env = StreamExecutionEnvironment.create({ host });
        const directory = `/${ending}`;
        env.enableCheckpointing(100, { directory, ...(ending === "fail" ? { onCancel: "delete" } : {}) });
        env.setRestartStrategy(restartStrategies.none());
        env.fromGenerator({ n: col("n") }, { count: 300, rowsPerSecond: 100 }).forEach(({ n }) => {
          if (ending === "fail" && n === 100n) throw new Error("no more");
        });
        const job = await env.executeAsync();
        await (ending === "fail" ? job.result().catch(() => undefined) : pause(host, 500).then(() => job.cancel()));
        expect(host.files.list(directory).filter((name) => name.startsWith("chk-"))).toHaveLength(2);
      }
    }));

  it("are kept in a directory", () => {
    const env = StreamExecutionEnvironment.create();
    expect(() => env.enableCheckpointing(100, { onCancel: "delete" })).toThrow(/onCancel is given without a directory/);
    expect(() => env.enableCheckpointing(100, { directory: "/x", onCancel: "remove" as never })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});
