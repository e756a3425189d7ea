import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { col, StreamExecutionEnvironment, sum } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const COUNT = 200;
const KEYS = 8;

/** Totals of 8 keys, kept up to date on two worker threads, of numbers that come from the first of them. */
function totals(host: Host, found: Map<unknown, bigint>): StreamExecutionEnvironment {
  const env = StreamExecutionEnvironment.create({ host, parallelism: 2, maxParallelism: 16, batchRows: 5 });
  env
    .fromGenerator({ n: col("n"), key: col("n").mod(BigInt(KEYS)) }, { count: COUNT, rowsPerSecond: 100 })
    .uid("numbers")
    .setParallelism(1)
    .keyBy("key")
    .aggregate({ total: sum("n") })
    .uid("totals")
    .toChangelog()
    .forEach(({ rowKind, key, total }) => {
      if (rowKind === "insert" || rowKind === "update-after") found.set(key, BigInt(total ?? 0));
    });
  return env;
}

const expected = new Map(
  Array.from({ length: KEYS }, (_, key) => {
    const own = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % KEYS === key);
    return [BigInt(key), BigInt(own.reduce((a, b) => a + b))];
  }),
);

const sorted = (found: Map<unknown, bigint>) => [...found].sort(([a], [b]) => Number(a) - Number(b));

describe("a job that is drained", () => {
  it.each([["thread-1"], ["thread-2"], ["none"]])(
    "keeps the state of all threads, though %s hears of it long after the others",
    async (slow) => {
      const simulation = new Simulation({ seed: 11, parallelism: 2 });
      await simulation.run(async (host) => {
        const found = new Map<unknown, bigint>();
        const job = await totals(host, found).executeAsync();
        await pause(host, 700);
        // What the threads say to each other goes other ways.
        if (slow !== "none") simulation.links.delay(slow, 400);
        await job.stopWithSavepoint("/save", { drain: true });
        if (slow !== "none") simulation.links.delay(slow, 0);
        expect(found.size).toBe(KEYS);
        await totals(host, found).execute({ restoreFrom: "/save" });
        expect(sorted(found)).toEqual(sorted(expected));
      });
    },
  );

  it("fails where a thread dies that was to answer, and nobody waits for ever", async () => {
    const simulation = new Simulation({ seed: 12, parallelism: 2 });
    await simulation.run(async (host) => {
      const job = await totals(host, new Map()).executeAsync();
      await pause(host, 700);
      simulation.links.delay("thread-2", 400);
      const stopped = job.stopWithSavepoint("/save", { drain: true });
      const refused = expect(stopped).rejects.toMatchObject({ code: "SIMULATED_CRASH" });
      await pause(host, 100);
      simulation.killThread("thread-2");
      await refused;
      await expect(job.result()).rejects.toMatchObject({ code: "SIMULATED_CRASH" });
      expect(host.files.stat("/save")).toBeUndefined();
    });
  });
});
