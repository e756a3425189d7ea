import { beforeAll, expect, it } from "vitest";
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
