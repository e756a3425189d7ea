import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { Schema, StreamExecutionEnvironment, types } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const answers = Schema.of({ n: types.float64, answer: types.utf8 });

interface Rows {
  executeAndCollect(): AsyncIterable<object>;
}

async function all<T>(stream: { executeAndCollect(): AsyncIterable<T> }): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of stream.executeAndCollect()) rows.push(row);
  return rows;
}

describe("asking something outside for each row", () => {
  const asked = (host: Host) =>
    StreamExecutionEnvironment.create({ host }).fromCollection(Array.from({ length: 20 }, (_, n) => ({ n })));
  const slow = (host: Host) => async (row: { n: number | null }) => {
    await pause(host, (20 - (row.n ?? 0)) * 10);
    return { n: row.n, answer: `answer ${row.n}` };
  };

  it("keeps the order of the rows, or gives answers as they come", async () => {
    const simulation = new Simulation({ seed: 1 });
    await simulation.run(async (host) => {
      const ordered = await all(asked(host).asyncMap(slow(host), { schema: answers }));
      expect(ordered.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(ordered[3].answer).toBe("answer 3");
      const first = await all(asked(host).asyncMap(slow(host), { schema: answers, ordered: false }));
      expect(first.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => 19 - n));
    });
    // Many at a time: one after the other would take four times as long for each run.
    expect(simulation.elapsedMs).toBeLessThan(1000);
  });

  it("asks for no more rows at a time than allowed, retries, and gives any number of rows", () =>
    new Simulation({ seed: 2 }).run(async (host) => {
      let open = 0;
      let most = 0;
      const attempts = new Map<unknown, number>();
      const stream = asked(host).asyncMap(
        async ({ n }, { attempt }) => {
          most = Math.max(most, ++open);
          attempts.set(n, attempt);
          await pause(host, 10);
          open--;
          if (n === 5 && attempt < 3) throw new Error("busy");
          return n === 6
            ? null
            : n === 7
              ? [
                  { n, answer: "a" },
                  { n, answer: "b" },
                ]
              : { n, answer: "" };
        },
        { schema: answers, capacity: 4, retry: { attempts: 3, delayMs: 5, backoff: 2 } },
      );
      const rows = await all(stream);
      expect(most).toBeLessThanOrEqual(4);
      expect(attempts.get(5)).toBe(3);
      expect(rows.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 7, 7, ...Array.from({ length: 12 }, (_, i) => i + 8)]);
    }));

  it("gives up in time, or takes what stands in", () =>
    new Simulation({ seed: 3 }).run(async (host) => {
      const never = () => new Promise<never>(() => undefined);
      const options = { schema: answers, timeoutMs: 50 };
      await expect(all(asked(host).asyncMap(never, options))).rejects.toMatchObject({ code: "ASYNC_TIMEOUT" });
      const standIn = { asyncInvoke: never, timeout: ({ n }: { n: number | null }) => ({ n, answer: "none" }) };
      const rows = await all(asked(host).asyncMap(standIn, options));
      expect(rows.every(({ answer }) => answer === "none")).toBe(true);
      expect(rows).toHaveLength(20);
    }));
});

describe("folding the rows of a key", () => {
  const payments = [
    { account: "a", amount: 5, day: 1n },
    { account: "b", amount: 2, day: 2n },
    { account: "a", amount: 7, day: 3n },
    { account: "a", amount: 3, day: 4n },
    { account: "b", amount: 2, day: 5n },
  ];
  const keyed = (host: Host, runtimeMode: "STREAMING" | "BATCH" = "STREAMING", parallelism = 1) =>
    StreamExecutionEnvironment.create({ host, runtimeMode, parallelism, batchRows: 2 })
      .fromCollection(payments)
      .keyBy("account");
  const simulated = <T>(body: (host: Host) => Promise<T>) => new Simulation({ seed: 4, parallelism: 4 }).run(body);

  it("gives the result so far for every row, and in batch mode the last one", () =>
    simulated(async (host) => {
      const total = (mode: "STREAMING" | "BATCH") =>
        all(
          keyed(host, mode).reduce((left, right) => ({
            ...right,
            amount: (left.amount ?? 0) + (right.amount ?? 0),
          })),
        );
      expect((await total("STREAMING")).map(({ account, amount }) => `${account}${amount}`)).toEqual([
        "a5",
        "b2",
        "a12",
        "a15",
        "b4",
      ]);
      expect((await total("BATCH")).map(({ account, amount }) => `${account}${amount}`).sort()).toEqual(["a15", "b4"]);
    }));

  it("finds the row with the least and the greatest value so far, the first of equal ones", () =>
    simulated(async (host) => {
      const days = async (stream: Rows) => (await all(stream)).map((row) => Number((row as { day: bigint }).day));
      expect(await days(keyed(host).maxBy("amount"))).toEqual([1, 2, 3, 3, 2]);
      expect(await days(keyed(host).minBy("amount"))).toEqual([1, 2, 1, 4, 2]);
      expect(await days(keyed(host).minBy("day"))).toEqual([1, 2, 1, 1, 2]);
    }));

  it.each([1, 2])("counts, sums, and finds bounds and means as a changelog, at parallelism %d", (parallelism) =>
    simulated(async (host) => {
      const final = async (stream: Rows): Promise<string[]> =>
        (await all(stream)).map((row) => Object.values(row).join(" ")).sort();
      const on = () => keyed(host, "BATCH", parallelism);
      expect(await final(on().count())).toEqual(["a 3", "b 2"]);
      expect(await final(on().sum("amount"))).toEqual(["a 15", "b 4"]);
      expect(await final(on().min("amount"))).toEqual(["a 3", "b 2"]);
      expect(await final(on().max("day"))).toEqual(["a 4", "b 5"]);
      expect(await final(on().avg("amount"))).toEqual(["a 5", "b 2"]);
    }),
  );
});
