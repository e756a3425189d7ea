import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { nodeHost } from "../../../src/host/node-host.ts";
import { col, Schema, StreamExecutionEnvironment, startJobModule, types } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { withDirectory } from "../../support/host.ts";
import { type TwoRegions, twoRegions, writtenBy } from "../../support/two-regions.ts";
import { visibleNumbers } from "../../support/visible-lines.ts";

beforeAll(loadEngine);
afterAll(() => StreamExecutionEnvironment.shutdown());

const simulated = (seed = 1) => new Simulation({ seed, parallelism: 4 });
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

describe("regions of a job that are started again by themselves", () => {
  it.each([undefined, "/checkpoints"])("leave the others alone (directory: %s)", (directory) =>
    simulated().run(async (host) => {
      const rows: [number[], number[]] = [[], []];
      const job = await twoRegions(host, { directory, fails: [70, 120], rows }).executeAsync();
      const { metrics, accumulators } = await job.result();
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(200));
      expect(rows[1]).toEqual(numbers(200)); // nothing is read again there
      expect(rows[0].length).toBeGreaterThan(200);
      expect(job).toMatchObject({ status: "FINISHED", restarts: 2 });
      expect(job.failures).toEqual([
        expect.objectContaining({ attempt: 1, restoredCheckpointId: expect.any(Number), region: expect.any(Array) }),
        expect.objectContaining({ attempt: 2, restoredCheckpointId: expect.any(Number) }),
      ]);
      expect(job.failures[0].region?.join()).toMatch(/numbers 0|generator/);
      // Every region is counted, and the one that failed over all of its attempts.
      expect(metrics.map(({ vertex }) => vertex)).toEqual([...metrics.keys()]);
      const sums = metrics.filter(({ name }) => name.includes("process"));
      expect(sums.map(({ rowsIn }) => rowsIn > 200)).toEqual([true, false]);
      // Of the last attempt of each region.
      expect(accumulators.rows).toBeGreaterThan(200);
      expect(accumulators.rows).toBeLessThan(400);
    }),
  );

  it("take all of the job with them where that is the strategy, which it is by default", () =>
    simulated(2).run(async (host) => {
      const rows: [number[], number[]] = [[], []];
      const job = await twoRegions(host, { failover: "full", fails: [70], rows }).executeAsync();
      await job.result();
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(200));
      expect(rows[1].length).toBeGreaterThan(200);
      expect(job.failures[0].region).toBeUndefined();
    }));

  it("end the job where one of them fails too often, and remove what was not committed", () =>
    simulated(3).run(async (host) => {
      const env = twoRegions(host, { directory: "/checkpoints", counts: [100_000, 100_000] });
      const always = Schema.of({ n: types.int64 });
      env
        .fromGenerator({ n: col("n") }, { count: 200, rowsPerSecond: 100 })
        .process(
          {
            processElement({ n }) {
              throw new Error(`row ${n} is bad`);
            },
          },
          { schema: always },
        )
        .writeToFiles("/out/bad", { format: "text", uid: "bad" });
      const job = await env.executeAsync();
      await expect(job.result()).rejects.toMatchObject({ code: expect.any(String) });
      expect(job.status).toBe("FAILED");
      expect(job.restarts).toBe(2);
      expect(host.files.list("/out/1").filter((name) => name.startsWith("."))).toEqual([]);
    }));

  it("go on from one checkpoint of the job in another process, also as one job again", () =>
    simulated(4).run(async (host) => {
      const job = await twoRegions(host, { directory: "/checkpoints", fails: [70] }).executeAsync();
      await pause(host, 1500);
      await job.cancel();
      const before = writtenBy(host, 1).length;
      expect(before).toBeGreaterThan(0);
      for (const failover of ["full", "region"] as const) {
        const next = await twoRegions(host, { directory: "/checkpoints", failover }).executeAsync();
        await (failover === "full" ? pause(host, 400).then(() => next.cancel()) : next.result());
      }
      for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers(200));
    }));

  it("give savepoints and snapshots of the whole job, also where one of them has ended", () =>
    simulated(5).run(async (host) => {
      const given: TwoRegions = { directory: "/checkpoints", counts: [60, 200] };
      const job = await twoRegions(host, given).executeAsync();
      await pause(host, 1200);
      expect((await job.snapshot()).operators).toHaveProperty(["numbers 0"]);
      await job.savepoint("/savepoint");
      expect(await job.queryState("seen 1", "seen", 0n)).toBeGreaterThan(10n);
      await expect(job.queryState("nobody", "seen", 0n)).rejects.toMatchObject({ code: "UID_UNKNOWN" });
      await job.stopWithSavepoint("/stopped");
      expect(job.status).toBe("FINISHED");
      for (const [i, restoreFrom] of ["/stopped", "/savepoint"].entries()) {
        const rows: [number[], number[]] = [[], []];
        await twoRegions(host, { ...given, directory: `/next-${i}`, rows }).execute({ restoreFrom });
        expect(rows[0]).toEqual([]);
        expect(rows[1].length).toBeLessThan(150);
        expect(rows[1].at(-1)).toBe(199);
        if (i === 0) for (const region of [0, 1]) expect(writtenBy(host, region)).toEqual(numbers([60, 200][region]));
      }
    }));

  it("stop together, drained or not, and go on together where the savepoint cannot be written", () =>
    simulated(6).run(async (host) => {
      const job = await twoRegions(host, { directory: "/checkpoints" }).executeAsync();
      await pause(host, 500);
      host.files.makeDirectory("/taken");
      host.files.makeDirectory("/taken/by");
      await expect(job.stopWithSavepoint("/taken")).rejects.toMatchObject({ code: "SAVEPOINT_EXISTS" });
      await pause(host, 300);
      expect(job.status).toBe("RUNNING");
      await job.stopWithSavepoint("/drained", { drain: true });
      const counts = [0, 1].map((region) => writtenBy(host, region).length);
      for (const [region, count] of counts.entries()) {
        expect(count).toBeGreaterThan(50);
        expect(writtenBy(host, region)).toEqual(numbers(count));
      }
    }));

  it("wait for each other with the first checkpoint only", () =>
    simulated(7).run(async (host) => {
      const job = await twoRegions(host, { directory: "/checkpoints", counts: [5, 200] }).executeAsync();
      await pause(host, 1000);
      expect(writtenBy(host, 0)).toEqual(numbers(5));
      expect(job.checkpointStatistics).toMatchObject({ failed: 0, completed: expect.any(Number) });
      await job.result();
      expect(writtenBy(host, 1)).toEqual(numbers(200));
    }));

  it("run on threads of their own where the job is a module", () =>
    withDirectory(async (directory) => {
      const args = { out: join(directory, "out"), mark: join(directory, "mark"), count: 600 };
      const module = new URL("../../fixtures/modules/two-regions.ts", import.meta.url);
      const job = await startJobModule(module, { args, parallelism: 2 });
      const { accumulators } = await job.result();
      expect(job.failures).toEqual([expect.objectContaining({ region: expect.any(Array) })]);
      for (const region of [0, 1]) {
        expect(visibleNumbers(nodeHost().files, join(args.out, String(region)))).toEqual(numbers(600));
      }
      expect(accumulators["region 1"]).toBe(600);
    }));

  it("is one of the two strategies", () => {
    expect(() => StreamExecutionEnvironment.create().setFailoverStrategy("regional" as never)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});
