import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { col, count, EngineError, ExecutionEnvironment, sum } from "../../src/index.ts";
import { endlessSource, NotingSink } from "../support/custom-connectors.ts";

const HUGE = 2_000_000_000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-cancel-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ExecutionEnvironment.shutdown();
});

const after = (delayMs: number): AbortSignal => AbortSignal.timeout(delayMs);

/** Runs what never ends by itself, and expects that the signal ends it soon. */
async function expectCancelled(run: (signal: AbortSignal) => Promise<unknown>, delayMs = 100): Promise<void> {
  const start = performance.now();
  await expect(run(after(delayMs))).rejects.toSatisfy(
    (error) => error instanceof EngineError && error.code === "JOB_CANCELLED" && error.retryable,
  );
  expect(performance.now() - start).toBeLessThan(delayMs + 8000);
}

describe.each([1, 2])("a job on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, memoryBytes: 64 << 20 });
  const works = async () => expect(await env.sequence(0, 1000).count()).toBe(1000);

  it("does not start when it was cancelled before, and the next one works", async () => {
    for (let i = 0; i < 5; i++) {
      await expect(env.sequence(0, HUGE).collect({ signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: "JOB_CANCELLED",
      });
    }
    await works();
  });

  it("stops while it reads", async () => {
    await expectCancelled((signal) =>
      env
        .sequence(0, HUGE)
        .aggregate({ n: sum("value") })
        .collect({ signal }),
    );
    await works();
  });

  it("stops while it builds groups", async () => {
    const groups = env.sequence(0, HUGE).groupBy("value").aggregate({ n: count() });
    await expectCancelled((signal) => groups.collect({ signal }), 300);
    await works();
  });

  it("stops while it sorts and spills", async () => {
    const sorted = env
      .sequence(0, HUGE)
      .select({ v: col("value").mod(1000), value: col("value") })
      .orderBy("v");
    await expectCancelled((signal) => sorted.collect({ signal }), 400);
    await works();
  });

  it("stops while it joins", async () => {
    const few = env.sequence(0, 10);
    const joined = env.sequence(0, HUGE).join(few).on("value");
    await expectCancelled((signal) => joined.aggregate({ n: count() }).collect({ signal }));
    await works();
  });

  it("stops while a function runs", async () => {
    const mapped = env.sequence(0, HUGE).filter((row) => row.value === -1n);
    await expectCancelled((signal) => mapped.collect({ signal }));
    await works();
  });

  it("stops while it writes, and nothing of it is seen", async () => {
    const target = join(folder, `written-${parallelism}`);
    env.sequence(0, HUGE).writeParquet(target);
    await expectCancelled((signal) => env.execute({ signal }), 300);
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    await works();
  });

  it("stops between the steps of an iteration", async () => {
    const looped = env.sequence(0, 1000).iterate(100_000, (loop) => loop.select({ value: col("value").add(1n) }));
    await expectCancelled((signal) => looped.collect({ signal }));
    // A cancelled plan is no failed one: it can run again.
    const short = env.sequence(0, 10).iterate(3, (loop) => loop.select({ value: col("value").add(1n) }));
    await expect(short.collect({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    expect(await short.count()).toBe(10);
  });

  it("stops while it tries a function on the first rows", async () => {
    const inferred = env.sequence(0, HUGE).reduceGroup(function* (rows) {
      for (const _ of rows);
      yield { n: 1 };
    });
    // A function that never gives up its turn cannot be stopped: the signal is aborted before.
    await expect(inferred.collect({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "JOB_CANCELLED" });
  });

  it("stops although a source of one's own answers at once, always", async () => {
    const endless = env.fromSource(endlessSource(async (give) => give()));
    await expectCancelled((signal) => endless.aggregate({ n: count() }).collect({ signal }));
  });

  it("lets timers run while its rows are taken one by one", async () => {
    let hasFired = false;
    setTimeout(() => {
      hasFired = true;
    }, 50);
    for await (const _ of env.sequence(0, HUGE)) if (hasFired) break;
    expect(hasFired).toBe(true);
  });

  it("gives a sink of one's own all rows, then commits or aborts", async () => {
    const sink = new NotingSink();
    env.sequence(0, 100_000).output(sink);
    await env.execute();
    expect([sink.rows, ...sink.notes.slice(0, 3)]).toEqual([100_000, "begin", "prepare", "commit"]);
    const aborted = new NotingSink();
    env.sequence(0, HUGE).output(aborted);
    await expectCancelled((signal) => env.execute({ signal }));
    expect(aborted.notes.at(-1)).toBe("abort");
    expect(aborted.notes).not.toContain("commit");
  });
});
