import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import type { EngineError } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { twoRegions, writtenBy } from "../../support/two-regions.ts";

beforeAll(loadEngine);

const simulated = (seed = 1) => new Simulation({ seed, parallelism: 4 });
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
/** What has become of it after an hour at the latest. */
const outcomeOf = (host: Host, asked: Promise<unknown>): Promise<string> =>
  Promise.race([
    asked.then(
      () => "resolved",
      (error: EngineError) => error.code,
    ),
    pause(host, 3_600_000).then(() => "no answer"),
  ]);

describe("checkpoints of a job whose regions are started again by themselves", () => {
  const moments = ["checkpoint.complete", "checkpoint.committed", "savepoint.storing", "savepoint.stopping"];
  const cases = moments.flatMap((label) =>
    [1, 2, 3, 4, 5, 6].flatMap((nth) => [
      { label, nth, drain: false },
      { label, nth, drain: true },
    ]),
  );

  it.each(cases)("stop all of it or nothing: $label $nth fails, drained: $drain", async ({ label, nth, drain }) => {
    const simulation = new Simulation({ seed: 5, parallelism: 4, faults: [{ label, nth, kind: "io-error" }] });
    await simulation.run(async (host) => {
      const job = await twoRegions(host, { directory: "/checkpoints" }).executeAsync();
      await pause(host, 500);
      const stopped = await outcomeOf(host, job.stopWithSavepoint("/savepoint", { drain }));
      await job.result();
      if (stopped === "resolved") {
        for (const region of [0, 1]) expect(writtenBy(host, region).length).toBeLessThan(100);
        await twoRegions(host, { directory: "/next" }).execute({ restoreFrom: "/savepoint" });
      } else {
        expect(stopped).toBe("FILE_IO");
      }
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(200));
    });
  });

  it("are not complete where they are stored after their region has failed, and nothing of them is committed", () =>
    simulated(5).run(async (host) => {
      let isSlow = false;
      const storeCheckpoint = async () => {
        if (isSlow) await pause(host, 250);
      };
      const counts = [50, 300] as const;
      const failing = { fails: [95], failingRegion: 1, delayMs: 10 };
      const given = { ...failing, counts, intervalMs: 400, checkpointing: { storeCheckpoint } };
      const job = await twoRegions(host, given).executeAsync();
      await pause(host, 700);
      isSlow = true;
      await pause(host, 490);
      expect(job.failures.length).toBeGreaterThan(0);
      await job.cancel();
      const next = await twoRegions(host, { counts, intervalMs: 400 }).executeAsync({ restore: job.latestCheckpoint });
      await next.result();
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(counts[region]));
    }));

  it("are committed by another attempt where the last commit of a drained region fails", async () => {
    const simulation = simulated(5);
    await simulation.run(async (host) => {
      const job = await twoRegions(host, { directory: "/checkpoints" }).executeAsync();
      await pause(host, 500);
      for (const nth of numbers(4))
        simulation.addFault({ label: "disk.rename", nth, path: "/out/0", kind: "io-error" });
      await job.stopWithSavepoint("/savepoint", { drain: true });
      expect(simulation.struck).toHaveLength(4);
      expect(job).toMatchObject({ status: "FINISHED", restarts: 1 });
      for (const region of [0, 1]) {
        const written = writtenBy(host, region);
        expect(written).toEqual(numbers(written.length));
        expect(written.length).toBeGreaterThan(45);
      }
    });
  });

  it("are held up no longer than they may take by one that is never stored, and neither is the end of the job", () =>
    simulated().run(async (host) => {
      let stores = 0;
      const storeCheckpoint = () => (++stores === 1 ? new Promise<void>(() => undefined) : undefined);
      const checkpointing = { timeoutMs: 1000, tolerableFailures: 100, storeCheckpoint };
      const job = await twoRegions(host, { counts: [1000, 1000], checkpointing }).executeAsync();
      await pause(host, 700);
      expect(stores).toBe(1);
      await pause(host, 1100);
      expect(job.checkpointStatistics?.completed).toBeGreaterThan(0);
      expect(await outcomeOf(host, job.cancel())).toBe("resolved");
    }));

  it("of which nobody knows whether one was stored take all of the job with a region that fails", () =>
    simulated().run(async (host) => {
      let isSilent = false;
      const storeCheckpoint = () => (isSilent ? new Promise<void>(() => undefined) : undefined);
      const checkpointing = { timeoutMs: 100, tolerableFailures: 100, storeCheckpoint };
      const job = await twoRegions(host, { counts: [300, 300], fails: [60, 160], checkpointing }).executeAsync();
      await pause(host, 900);
      isSilent = true;
      await pause(host, 1500);
      isSilent = false;
      await job.result();
      expect(job.failures.map(({ region }) => region !== undefined)).toEqual([true, false]);
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(300));
    }));

  it("are not waited for to be stored where the job is cancelled", () =>
    simulated().run(async (host) => {
      const storeCheckpoint = () => new Promise<void>(() => undefined);
      const job = await twoRegions(host, { checkpointing: { storeCheckpoint } }).executeAsync();
      await pause(host, 700);
      expect(await outcomeOf(host, job.cancel())).toBe("resolved");
      expect(job.status).toBe("CANCELED");
    }));

  it.each([0, 300])("are refused where a region has failed for good (interval %i)", (intervalMs) =>
    simulated(5).run(async (host) => {
      const given = { counts: [200, 20] as const, fails: numbers(9).map((i) => 150 + i), attempts: 1, intervalMs };
      const job = await twoRegions(host, given).executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
      const completed = job.checkpointStatistics?.completed ?? 0;
      if (intervalMs > 0) expect(completed).toBeGreaterThan(2); // of the attempt that failed for good, too
      expect(await outcomeOf(host, job.snapshot())).toBe("CHECKPOINT_ABORTED");
      expect(await outcomeOf(host, job.savepoint("/savepoint"))).toBe("CHECKPOINT_ABORTED");
      expect(await outcomeOf(host, job.stopWithSavepoint("/stopped"))).toBe("CHECKPOINT_ABORTED");
    }),
  );

  it("are refused where all of it has ended", () =>
    simulated(5).run(async (host) => {
      const job = await twoRegions(host, { counts: [20, 20] }).executeAsync();
      await job.result();
      expect(await outcomeOf(host, job.snapshot())).toBe("CHECKPOINT_ABORTED");
      expect(await outcomeOf(host, job.stopWithSavepoint("/stopped"))).toBe("CHECKPOINT_ABORTED");
    }));

  it("are whole in savepoints, also while a region waits to be started again", () =>
    simulated(5).run(async (host) => {
      const given = { counts: [400, 1000] as const, fails: [150], delayMs: 2500, keys: 1_000_000n };
      const job = await twoRegions(host, { ...given, directory: "/checkpoints" }).executeAsync();
      await pause(host, 1800);
      expect(job.failures).toHaveLength(1);
      await job.savepoint("/savepoint");
      await job.cancel();
      const rows: [number[], number[]] = [[], []];
      await twoRegions(host, { counts: [400, 1000], rows, keys: 1_000_000n }).execute({ restoreFrom: "/savepoint" });
      for (const region of [0, 1]) expect(rows[region].length).toBeLessThan([400, 1000][region]);
      expect(rows.map((each) => each.at(-1))).toEqual([399, 999]);
    }));

  it("are taken of every region for the first, however long the interval is", () =>
    simulated(5).run(async (host) => {
      const checkpointing = { timeoutMs: 2000, directory: "/checkpoints" };
      const job = await twoRegions(host, { counts: [20, 2000], intervalMs: 10_000, checkpointing }).executeAsync();
      await pause(host, 1000);
      expect(writtenBy(host, 0)).toEqual(numbers(20));
      await job.result();
      expect(job.failures).toEqual([]);
      expect(writtenBy(host, 1)).toEqual(numbers(2000));
    }));

  it("are taken for the first of a region that has yet to be started again, too", () =>
    simulated(5).run(async (host) => {
      const checkpointing = { timeoutMs: 5000, directory: "/checkpoints" };
      const given = { counts: [200, 50] as const, intervalMs: 100_000, fails: [30], delayMs: 1000, checkpointing };
      const job = await twoRegions(host, given).executeAsync();
      await pause(host, 1600);
      expect(writtenBy(host, 1)).toEqual(numbers(50));
      await job.result();
      expect(job.failures).toHaveLength(1);
      expect(writtenBy(host, 0)).toEqual(numbers(200));
    }));

  it("leave the counts of a region that has failed to be counted once", () =>
    simulated(5).run(async (host) => {
      const job = await twoRegions(host, { counts: [200, 5], fails: [150], delayMs: 5000 }).executeAsync();
      await pause(host, 4000);
      const rows = job.metrics.filter(({ name }) => name.includes("process")).map(({ rowsIn }) => rowsIn);
      expect(rows[0]).toBeLessThan(160);
      expect(rows[1]).toBe(5);
      await job.cancel();
    }));
});
