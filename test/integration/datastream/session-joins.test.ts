import { beforeAll, describe, expect, it } from "vitest";
import type { WindowAssigner } from "../../../src/datastream/windows.ts";
import {
  col,
  count,
  EventTimeSessionWindows,
  OutputTag,
  ProcessingTimeSessionWindows,
  Schema,
  StreamExecutionEnvironment,
  sum,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { joinWindows, sessionsInOrder } from "../../reference/joined-windows.ts";

beforeAll(loadEngine);

const fields = Schema.of({ user: types.utf8, at: types.int64, n: types.int32 });
type Row = { readonly user: string | null; readonly at: bigint; readonly n: number };
const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof fields.$fields>(9_000).withTimestamps("at");
const coded = (code: string) => expect.objectContaining({ code });

const rows = (seed: number, length: number): Row[] =>
  Array.from({ length }, (_, i) => ({
    user: (i * seed) % 13 === 0 ? null : `user ${(i * seed) % 6}`,
    at: BigInt(i * 700 + ((i * seed * 37) % 8_000)),
    n: i,
  }));
const [views, orders] = [rows(3, 150), rows(17, 60)];

const run = <T>(
  options: { parallelism?: number; runtimeMode?: "STREAMING" | "BATCH" },
  body: (env: StreamExecutionEnvironment) => Promise<T>,
): Promise<T> =>
  new Simulation({ seed: 5 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, batchRows: 16, ...options })),
  );

const gapOf = (row: { readonly n: number | null }): number => 1_000 + (Number(row.n) % 4) * 1_000;
const GAPS: Record<string, readonly [WindowAssigner, (row: Row) => number]> = {
  "one gap": [EventTimeSessionWindows.withGap(2_500), () => 2_500],
  "gaps of an expression": [EventTimeSessionWindows.withDynamicGap(col("n").mod(4).mul(1_000).add(1_000)), gapOf],
  "gaps of a function": [EventTimeSessionWindows.withDynamicGap(gapOf), gapOf],
};
const sessionsOf = (gap: (row: Row) => number) =>
  sessionsInOrder(
    [...views.map((row) => ({ row, isLeft: true })), ...orders.map((row) => ({ row, isLeft: false }))].map(
      ({ row, isLeft }) => ({ key: row.user, time: Number(row.at), gap: gap(row), isLeft, row }),
    ),
    0,
  ).windows;

describe("sessions of two streams", () => {
  const cases = Object.keys(GAPS).flatMap((name) =>
    [
      ["STREAMING", 1],
      ["STREAMING", 2],
      ["BATCH", 2],
    ].map(([mode, parallelism]) => [name, mode, parallelism] as const),
  );

  it.each(cases)(
    "join what is in one session of both, with %s, in mode %s at parallelism %d",
    (name, mode, parallelism) =>
      run({ runtimeMode: mode as "BATCH", parallelism: parallelism as number }, async (env) => {
        const [windows, gap] = GAPS[name];
        const joined = env
          .fromCollection(views, fields, strategy)
          .keyBy("user")
          .join(env.fromCollection(orders, fields, strategy).keyBy("user"), { type: "full" })
          .window(windows);
        const found: string[] = [];
        for await (const { user, n, n_right, windowStart, windowEnd, ...others } of joined.executeAndCollect()) {
          found.push(`${user} ${n} ${n_right} [${Number(windowStart)}, ${Number(windowEnd)})`);
          expect(Object.keys(others).sort()).toEqual(["at", "at_right"]);
        }
        const expected = joinWindows(
          sessionsOf(gap),
          "full",
          (left, right) => left.user !== null && left.user === right.user,
          (left, right, { start, end }) =>
            `${(left ?? right)?.user} ${left?.n ?? null} ${right?.n ?? null} [${start}, ${end})`,
        );
        expect(found.sort()).toEqual(expected.sort());
      }),
  );

  it.each(cases)("are co-grouped, with %s, in mode %s at parallelism %d", (name, mode, parallelism) =>
    run({ runtimeMode: mode as "BATCH", parallelism: parallelism as number }, async (env) => {
      const [windows, gap] = GAPS[name];
      const groups = env
        .fromCollection(views, fields, strategy)
        .keyBy("user")
        .coGroup(env.fromCollection(orders, fields, strategy).keyBy("user"))
        .window(windows)
        .apply(
          (key, left, right) => {
            const seen = [...left];
            for (const row of seen) expect(Object.keys(row)).toEqual(["user", "at", "n"]);
            expect(Object.keys(key)).toEqual(["user"]);
            const ids = (given: Iterable<{ readonly n: number | null }>) =>
              [...given]
                .map(({ n }) => Number(n))
                .sort((a, b) => a - b)
                .join();
            return [{ user: key.user, left: ids(seen), right: ids(right) }];
          },
          { schema: Schema.of({ user: types.utf8, left: types.utf8, right: types.utf8 }) },
        );
      const found: string[] = [];
      for await (const row of groups.executeAndCollect()) found.push(`${row.user}: ${row.left} / ${row.right}`);
      const ids = (given: readonly Row[]) =>
        given
          .map(({ n }) => n)
          .sort((a, b) => a - b)
          .join();
      const expected = sessionsOf(gap).map(
        ({ left, right }) => `${[...left, ...right][0].user}: ${ids(left)} / ${ids(right)}`,
      );
      expect(found.sort()).toEqual(expected.sort());
    }),
  );

  it("are aggregated in kernels, too, where a function gives the gaps", () =>
    run({ parallelism: 2 }, async (env) => {
      const windows = (given: WindowAssigner) =>
        env.fromCollection(views, fields, strategy).keyBy("user").window(given);
      const [byFunction, byExpression] = [GAPS["gaps of a function"][0], GAPS["gaps of an expression"][0]];
      const sorted = async (stream: { executeAndCollect(): AsyncIterable<object> }) => {
        const found: string[] = [];
        for await (const row of stream.executeAndCollect()) found.push(JSON.stringify(Object.values(row).map(String)));
        return found.sort();
      };
      const aggregates = { rows: count(), total: sum(col("n").add(1)) };
      expect(await sorted(windows(byFunction).aggregate(aggregates))).toEqual(
        await sorted(windows(byExpression).aggregate(aggregates)),
      );
      expect(await sorted(windows(byFunction).maxBy("n"))).toEqual(await sorted(windows(byExpression).maxBy("n")));
    }));

  it("close by the clock where they are of processing time", () =>
    run({}, async (env) => {
      const paced = (rowsPerSecond: number) =>
        env.fromGenerator((n) => ({ key: "k", n: Number(n) }), {
          count: 6,
          rowsPerSecond,
          schema: Schema.of({ key: types.utf8, n: types.int32 }),
        });
      const joined = paced(10)
        .keyBy("key")
        .join(paced(5).keyBy("key"))
        .window(ProcessingTimeSessionWindows.withGap(150));
      const found: string[] = [];
      for await (const { n, n_right, windowStart } of joined.executeAndCollect()) {
        found.push(`${n} ${n_right} ${Number(windowStart)}`);
      }
      // The left rows, every 100 ms, hold the session together until 500 ms; the right ones are 200 ms apart.
      expect(found.length).toBeGreaterThan(6 * 2);
    }));

  it("give rows that come too late to side outputs, those of the other side in mind", () =>
    run({}, async (env) => {
      const exact = WatermarkStrategy.monotonous<typeof fields.$fields>().withTimestamps("at");
      const late = [0, 50_000, 100_000, 1_000].map((at, n) => ({ user: "a", at: BigInt(at), n }));
      const joined = env
        .fromCollection(late, fields, exact)
        .rebalance()
        .keyBy("user")
        .join(env.fromCollection(late.slice(0, 3), fields, exact).keyBy("user"), { type: "left" })
        .window(EventTimeSessionWindows.withGap(10_000));
      const given: number[] = [];
      joined.getSideOutput(new OutputTag("lateLeft", fields)).forEach((row) => void given.push(Number(row.n)));
      joined.forEach((row) => void given.push(Number(row.n)));
      await env.execute();
      expect(new Set(given)).toEqual(new Set([0, 1, 2, 3]));
    }));

  it("say what they do not take, where it is asked for", () => {
    const env = StreamExecutionEnvironment.create();
    const left = env.fromCollection(views, fields).keyBy("user");
    const right = env.fromCollection([{ user: "a", other: 1 }]).keyBy("user");
    const joined = left.join(right);
    const ofOne = EventTimeSessionWindows.withDynamicGap("n");
    expect(() => joined.window(ofOne)).toThrow(coded("COLUMN_UNKNOWN"));
    expect(() =>
      left
        .coGroup(right)
        .window(ofOne)
        .apply(() => [], { schema: Schema.of({ n: types.int32 }) }),
    ).toThrow(coded("COLUMN_UNKNOWN"));
    expect(() => joined.window(EventTimeSessionWindows.withDynamicGap("user"))).toThrow(coded("WINDOW_GAP_INVALID"));
  });

  it("say which gap is none", () =>
    run({}, async (env) => {
      const left = env.fromCollection(views.slice(1, 3), fields, strategy).keyBy("user");
      const bad = (gap: unknown) => EventTimeSessionWindows.withDynamicGap(() => gap as number);
      for (const gap of [0, -1, 1.5, null, "1"]) {
        await expect(async () => {
          for await (const _ of left.join(left).window(bad(gap)).executeAndCollect());
        }).rejects.toThrow(/gap/);
      }
    }));
});
