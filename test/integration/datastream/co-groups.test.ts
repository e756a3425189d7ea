import { beforeAll, describe, expect, it } from "vitest";
import {
  OutputTag,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const fields = Schema.of({ item: types.utf8, at: types.int64, pieces: types.int32 });
type Row = { readonly item: string | null; readonly at: bigint; readonly pieces: number };
const kept = Schema.of({ item: types.utf8, sold: types.int32, back: types.int32 });
const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof fields.$fields>(10_000).withTimestamps("at");

const rows = (seed: number, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    item: (i * seed) % 11 === 0 ? null : `item ${(i * seed) % 5}`,
    at: BigInt(i * 400 + ((i * seed * 37) % 9_000)),
    pieces: (i * seed) % 7,
  }));
const coded = (code: string) => expect.objectContaining({ code });
const total = (given: Iterable<{ readonly pieces: number | null }>): number =>
  [...given].reduce((sum, { pieces }) => sum + (pieces ?? 0), 0);

/** Pieces per key and window by brute force, as "item sold back". */
function expected(sales: readonly Row[], returns: readonly Row[], sizeMs: number, slideMs: number): string[] {
  const groups = new Map<string, { item: string | null; sold: number; back: number }>();
  for (const [side, given] of [
    ["sold", sales],
    ["back", returns],
  ] as const) {
    for (const { item, at, pieces } of given) {
      const last = Math.floor(Number(at) / slideMs) * slideMs;
      for (let start = last; start > Number(at) - sizeMs; start -= slideMs) {
        const group = groups.get(`${start} ${item}`) ?? { item, sold: 0, back: 0 };
        group[side] += pieces;
        groups.set(`${start} ${item}`, group);
      }
    }
  }
  return [...groups.values()].map((group) => JSON.stringify(group)).sort();
}

const run = <T>(
  options: { parallelism?: number; runtimeMode?: "STREAMING" | "BATCH" },
  body: (env: StreamExecutionEnvironment) => Promise<T>,
): Promise<T> =>
  new Simulation({ seed: 11 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, batchRows: 16, ...options })),
  );

describe("coGroup of streams", () => {
  const [sales, returns] = [rows(3, 200), rows(13, 120)];

  it.each([
    ["tumbling", "STREAMING", 1],
    ["tumbling", "STREAMING", 2],
    ["tumbling", "BATCH", 1],
    ["sliding", "STREAMING", 2],
  ] as const)(
    "gives both sides of each key and %s window, in mode %s at parallelism %d",
    (kind, runtimeMode, parallelism) =>
      run({ runtimeMode, parallelism }, async (env) => {
        const [sizeMs, slideMs] = kind === "tumbling" ? [20_000, 20_000] : [20_000, 5_000];
        const windows =
          kind === "tumbling" ? TumblingEventTimeWindows.of(sizeMs) : SlidingEventTimeWindows.of(sizeMs, slideMs);
        const groups = env
          .fromCollection(sales, fields, strategy)
          .keyBy("item")
          .coGroup(env.fromCollection(returns, fields, strategy).keyBy("item"))
          .window(windows)
          .apply(({ item }, sold, back) => [{ item, sold: total(sold), back: total(back) }], { schema: kept });
        const given: string[] = [];
        for await (const row of groups.executeAndCollect()) given.push(JSON.stringify(row));
        expect(given.sort()).toEqual(expected(sales, returns, sizeMs, slideMs));
      }),
  );

  it("gives rows that come too late to side outputs", () =>
    run({}, async (env) => {
      const exact = WatermarkStrategy.monotonous<typeof fields.$fields>().withTimestamps("at");
      const late = [0, 50_000, 100_000, 1_000].map((at) => ({ item: "a", at: BigInt(at), pieces: 1 }));
      const groups = env
        .fromCollection(late, fields, exact)
        .rebalance()
        .keyBy("item")
        .coGroup(env.fromCollection(late.slice(0, 3), fields, exact).keyBy("item"))
        .window(TumblingEventTimeWindows.of(10_000))
        .apply(({ item }, sold, back) => [{ item, sold: total(sold), back: total(back) }], { schema: kept });
      const tooLate: unknown[] = [];
      const given: unknown[] = [];
      groups.getSideOutput(new OutputTag("lateLeft", fields)).forEach((row) => void tooLate.push(row.at));
      groups.forEach((row) => void given.push(row.sold));
      await env.execute();
      expect(given.reduce((sum: number, sold) => sum + Number(sold), 0) + tooLate.length).toBe(4);
    }));

  it("refuses what it cannot do, where it is asked for", () => {
    const env = StreamExecutionEnvironment.create();
    const left = env.fromCollection(sales, fields).keyBy("item");
    const both = left.coGroup(env.fromCollection(returns, fields).keyBy("item"));
    expect(() => left.coGroup(env.fromCollection(returns, fields).keyBy("item", "pieces"))).toThrow(
      coded("KEY_COUNT_DIFFERS"),
    );
    expect(() => left.coGroup(1 as never)).toThrow(coded("ARGUMENT_INVALID"));
    expect(() => both.window(TumblingEventTimeWindows.of(5), { allowedLatenessMs: -1 })).toThrow(
      coded("WINDOW_LATENESS_INVALID"),
    );
    expect(() => both.window(TumblingEventTimeWindows.of(5)).apply(1 as never, { schema: kept })).toThrow(
      coded("FUNCTION_INVALID"),
    );
  });
});
