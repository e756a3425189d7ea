import { beforeAll, describe, expect, it } from "vitest";
// Compiled, as its users have it: the module imports "millrace", which is this on every thread.
import { type StreamJob, startJobModule } from "../../../dist/index.js";
import * as compiled from "../../../dist/testing.js";
import type { Host } from "../../../src/core/host.ts";
import { col, count, mapState, Schema, StreamExecutionEnvironment, types, valueState } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const seen = valueState("seen", types.int64);
const byParity = mapState("byParity", types.utf8, types.int64);

it.each([1, 3])("state of a running job is asked for by uid, name and key, at parallelism %d", (parallelism) =>
  new Simulation({ seed: 1, parallelism: 4 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, parallelism, bufferTimeoutMs: 1 });
    const numbers = env.fromGenerator({ n: col("n"), key: col("n").mod(10n) }, { count: 1000, rowsPerSecond: 500 });
    numbers
      .keyBy("key")
      .process(
        {
          processElement({ n }, { state }) {
            state(seen).set((state(seen).get() ?? 0n) + 1n);
            const parity = (n ?? 0n) % 2n === 0n ? "even" : "odd";
            state(byParity).set(parity, (state(byParity).get(parity) ?? 0n) + 1n);
          },
        },
        { schema: Schema.of({ n: types.int64 }) },
      )
      .uid("counter")
      .blackhole();
    numbers
      .keyBy({ half: col("n").lt(500n), key: col("key") })
      .reduce((_, right) => ({ ...right }))
      .uid("newest")
      .blackhole();
    numbers.keyBy("key").aggregate({ rows: count() }).uid("table").blackhole();
    numbers
      .process({ processElement: () => undefined }, { schema: Schema.of({ n: types.int64 }) })
      .uid("plain")
      .blackhole();
    const job = await env.executeAsync();
    await pause(host, 1000);
    const early = (await job.queryState("counter", "seen", 3n)) as bigint;
    expect(early).toBeGreaterThan(30n);
    expect(early).toBeLessThan(70n);
    expect(await job.queryState("counter", "byParity", 3n)).toEqual([["odd", early]]);
    expect(await job.queryState("counter", "seen", 77n)).toBeNull();
    const newest = (await job.queryState("newest", "reduced", [true, 4n])) as { row: { n: bigint } };
    expect(newest.row.n % 10n).toBe(4n);
    const refused = async (code: string, ...asked: Parameters<typeof job.queryState>) =>
      expect(job.queryState(...asked)).rejects.toMatchObject({ code });
    await refused("UID_UNKNOWN", "contuer", "seen", 3n);
    await refused("STATE_UNKNOWN", "counter", "sene", 3n);
    await refused("STATE_KEY_INVALID", "counter", "seen", [1n, 2n]);
    await refused("VALUE_INVALID", "counter", "seen", "three");
    await refused("STATE_NOT_QUERYABLE", "table", "rows", 3n);
    await refused("STATE_UNKNOWN", "plain", "seen", 3n);
    await job.result();
    await refused("JOB_NOT_RUNNING", "counter", "seen", 3n);
  }),
);

describe("state on worker threads", () => {
  beforeAll(compiled.loadEngine);

  /** Asks a job of a module that runs on three threads, which goes on meanwhile. */
  async function ask(start: (args: object) => Promise<StreamJob>, wait: (ms: number) => Promise<void>) {
    const job = await start({});
    const asked = (name: string, key: unknown = 3n) => job.queryState("queried", name, key);
    const refused = async (code: string, ...given: Parameters<typeof job.queryState>) =>
      expect(job.queryState(...given)).rejects.toMatchObject({ code });
    // Before its first row the function has asked for no state yet.
    const rows = (key: bigint) =>
      asked("sum", key).catch((error: { code: string }) => {
        if (error.code !== "STATE_UNKNOWN") throw error;
        return null;
      });
    for (let key = 0n; key < 20n; key++) while (Number((await rows(key)) ?? 0n) < 4) await wait(10);
    for (let key = 0n; key < 20n; key++) {
      const [last, sum, parities] = await Promise.all([asked("last", key), asked("sum", key), asked("byParity", key)]);
      expect((last as bigint) % 20n).toBe(key);
      expect(sum).toBeGreaterThan(2n);
      expect((parities as [string, bigint][]).map(([parity]) => parity)).toEqual(["even", "odd"]);
      expect(await asked("average", key)).toBe(Number(key));
      expect(await asked("all", key)).toEqual([key, key + 20n, key + 40n]);
    }
    expect(await asked("last", 77n)).toBeNull();
    await refused("UID_UNKNOWN", "nobody", "last", 3n);
    await refused("STATE_UNKNOWN", "queried", "first", 3n);
    await refused("STATE_NOT_SENDABLE", "queried", "unsendable", 3n);
    await refused("STATE_KEY_INVALID", "queried", "last", [1n, 2n]);
    await refused("VALUE_INVALID", "queried", "last", "three");
    const before = (await asked("sum")) as bigint;
    while (((await asked("sum")) as bigint) === before) await wait(10); // nothing of this has stopped the job
    const unanswered = Array.from({ length: 20 }, (_, key) => asked("last", BigInt(key)).catch((error) => error.code));
    await job.cancel();
    for (const answer of await Promise.all(unanswered)) {
      expect(typeof answer === "bigint" || answer === "JOB_NOT_RUNNING").toBe(true);
    }
    await refused("JOB_NOT_RUNNING", "queried", "last", 3n);
    const bounded = await start({ count: 400 });
    await bounded.result();
    await expect(bounded.queryState("queried", "last", 3n)).rejects.toMatchObject({ code: "JOB_NOT_RUNNING" });
  }

  const module = new URL("../../fixtures/modules/queried.ts", import.meta.url);

  it.each([1, 2, 3])("is asked for while a job module runs, on simulated threads, seed %d", (seed) =>
    new compiled.Simulation({ seed, parallelism: 3 }).run((host) =>
      ask(
        (args) => startJobModule(module, { parallelism: 3, host, args }),
        (ms) => new Promise((resolve) => void host.scheduler.after(ms, resolve)),
      ),
    ),
  );

  it("is asked for while a job module runs, on threads", () =>
    ask(
      (args) => startJobModule(module, { parallelism: 3, args }),
      (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ));
});
