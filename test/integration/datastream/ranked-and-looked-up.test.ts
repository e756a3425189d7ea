import { beforeAll, expect, it } from "vitest";
import {
  col,
  count,
  type DataStream,
  desc,
  OutputTag,
  Schema,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

type Mode = "STREAMING" | "BATCH";
const inSimulation = <T>(
  parallelism: number,
  body: (env: StreamExecutionEnvironment) => Promise<T>,
  runtimeMode: Mode = "STREAMING",
): Promise<T> =>
  new Simulation({ seed: 6 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, parallelism, runtimeMode, batchRows: 32 })),
  );

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};
const text = (rows: readonly unknown[]): string[] =>
  rows
    .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)))
    .sort();

const bids = Schema.of({ auction: types.int32, price: types.int32, at: types.int64 });
const given = Array.from({ length: 400 }, (_, i) => ({
  auction: i % 7,
  price: (i * 37) % 101,
  at: BigInt(i * 10 - (i % 5) * 20),
}));
const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof bids.$fields>(100).withTimestamps("at");
const best = Array.from({ length: 7 }, (_, auction) =>
  given
    .filter((bid) => bid.auction === auction)
    .toSorted((a, b) => b.price - a.price)
    .slice(0, 3)
    .map((bid, i) => ({ ...bid, place: i + 1 })),
).flat();

it.each([1, 2])("gives the final rows alone in batch mode, at parallelism %d", (parallelism) =>
  inSimulation(
    parallelism,
    async (env) => {
      const top = env.fromCollection(given, bids, strategy).keyBy("auction").topN(3, desc("price"), { rank: "place" });
      expect(text(await collect(top.executeAndCollect()))).toEqual(text(best));
    },
    "BATCH",
  ),
);

it("counts each key once in windows, since the first row of a key keeps its time", () =>
  inSimulation(2, async (env) => {
    const counts = env
      .fromCollection(
        [...given, ...given],
        bids,
        WatermarkStrategy.boundedOutOfOrderness<typeof bids.$fields>(1e6).withTimestamps("at"),
      )
      .keyBy("at")
      .deduplicate({ keep: "first" })
      .windowAll(TumblingEventTimeWindows.of(1000))
      .aggregate({ rows: count() })
      .select("rows");
    const rows = await collect(counts.executeAndCollect());
    const distinct = new Set(given.map(({ at }) => at)).size;
    expect(rows.reduce((sum, row) => sum + Number(row.rows), 0)).toBe(distinct);
  }));

const bidders = (env: StreamExecutionEnvironment) =>
  env
    .fromCollection(given, bids, strategy)
    .withColumns({ kind: col("auction").mod(2) })
    .keyBy("auction", "kind")
    .aggregate({ bids: count(), total: sum("price") });

/** What a changelog leaves, as `text`. */
function left(rows: readonly { readonly rowKind: string | null }[]): string[] {
  const counts = new Map<string, number>();
  for (const { rowKind, ...row } of rows) {
    const [name] = text([row]);
    counts.set(name, (counts.get(name) ?? 0) + (rowKind === "delete" || rowKind === "update-before" ? -1 : 1));
  }
  expect(Math.min(0, ...counts.values())).toBe(0);
  return [...counts].flatMap(([name, times]) => Array<string>(times).fill(name)).sort();
}

it.each([1, 2])("ranks the rows of an aggregate that is kept up to date, at parallelism %d", async (parallelism) => {
  const ranked = (env: StreamExecutionEnvironment) => [
    bidders(env).keyBy("kind").topN(2, desc("total"), "auction", { rank: "place" }),
    bidders(env).keyBy("kind").topN(3, "total", "auction"),
    bidders(env).keyBy("kind").topN(1, desc("total")),
    bidders(env).keyBy("bids").deduplicate({ keep: "first" }).select("bids"),
    bidders(env)
      .keyBy("bids")
      .topN(2, "total")
      .keyBy("kind")
      .aggregate({ sum: sum("total"), rows: count() }),
  ];
  for (const at of [0, 1, 2, 3, 4]) {
    const batch = await inSimulation(
      1,
      async (env) => text(await collect((ranked(env)[at] as DataStream).executeAndCollect())),
      "BATCH",
    );
    const stream = await inSimulation(parallelism, async (env) =>
      left((await collect((ranked(env)[at] as DataStream).toChangelog().executeAndCollect())) as never),
    );
    expect(stream).toEqual(batch);
    expect(batch.length).toBeGreaterThan(0);
  }
});

it("ranks the rows of a key anew, and lets its first row pass again, once their time to live is over", () =>
  inSimulation(2, async (env) => {
    const rows = [0, 5, 40, 41].map((at, i) => ({ auction: 1, price: 9 - i, at: BigInt(at) }));
    const keyed = env.fromCollection(rows, bids, strategy).keyBy("auction");
    const ttl = { ttlMs: 30, timeDomain: "event" } as const;
    const top = await collect(keyed.topN(1, desc("price"), { ttl }).toChangelog().executeAndCollect());
    expect(top.map(({ rowKind, price }) => [rowKind, price])).toEqual([
      ["insert", 9],
      ["insert", 7],
    ]);
    const first = await collect(keyed.deduplicate({ keep: "first", ttl }).executeAndCollect());
    expect(first.map(({ price }) => price)).toEqual([9, 7]);
  }));

it("refuses wrong options of ranks while the plan is built", async () => {
  const env = StreamExecutionEnvironment.create();
  const keyed = env.fromCollection(given, bids).keyBy("auction");
  const code = (plan: () => { plan: { resolve(): Promise<unknown> } }) =>
    expect(async () => plan().plan.resolve()).rejects;
  await code(() => keyed.topN(0, "price")).toMatchObject({ code: "LIMIT_INVALID" });
  await code(() => keyed.topN(1, "prize" as never)).toMatchObject({ code: "COLUMN_UNKNOWN" });
  await code(() => keyed.topN(1, ...([] as unknown as ["price"]))).toMatchObject({ code: "SORT_KEYS_EMPTY" });
  await code(() => keyed.topN(1, "price", { rank: 1 as never })).toMatchObject({ code: "OPTION_INVALID" });
  await code(() => keyed.deduplicate({ keep: "best" as never })).toMatchObject({ code: "OPTION_INVALID" });
  const updating = keyed.aggregate({ bids: count() }).keyBy("auction");
  await code(() => keyed.topN(1, "price", { ttl: { ttlMs: 0 } })).toMatchObject({ code: "STATE_TTL_INVALID" });
  await code(() => keyed.topN(1, "price", { rank: "at" })).toMatchObject({ code: "COLUMN_DUPLICATE" });
  await code(() => keyed.deduplicate({ keep: "last", ttl: { ttlMs: 1.5 } })).toMatchObject({
    code: "STATE_TTL_INVALID",
  });
  await code(() => keyed.deduplicate({ keep: "last", ttl: { ms: 1 } as never })).toMatchObject({
    code: "OPTION_UNKNOWN",
  });
  await code(() => updating.temporalJoin(keyed)).toMatchObject({ code: "UPDATES_NOT_ACCEPTED" });
  await code(() => keyed.temporalJoin(keyed, { type: "full" as never })).toMatchObject({ code: "OPTION_INVALID" });
  await keyed.temporalJoin(updating, { time: "processing" }).plan.resolve();
});

const orders = Schema.of({ id: types.int32, currency: types.utf8, at: types.int64 });
const rates = Schema.of({ currency: types.utf8, rate: types.int32, at: types.int64 });

it.each([
  [1, "STREAMING"],
  [2, "STREAMING"],
  [2, "BATCH"],
] as const)("joins orders with the rates of their time, at parallelism %d in mode %s", (parallelism, mode) =>
  inSimulation(
    parallelism,
    async (env) => {
      const changes = Array.from({ length: 60 }, (_, i) => ({
        currency: `C${i % 3}`,
        rate: i,
        at: BigInt(i * 100 + (i % 4) * 30),
      }));
      const sold = Array.from({ length: 200 }, (_, i) => ({ id: i, currency: `C${i % 4}`, at: BigInt(i * 31) }));
      const left = env.fromCollection(
        sold,
        orders,
        WatermarkStrategy.boundedOutOfOrderness<typeof orders.$fields>(0).withTimestamps("at"),
      );
      const right = env.fromCollection(
        changes,
        rates,
        WatermarkStrategy.boundedOutOfOrderness<typeof rates.$fields>(100).withTimestamps("at"),
      );
      const priced = left.keyBy("currency").temporalJoin(right.keyBy("currency"), { type: "left" });
      const expected = sold.map((order) => {
        const version = changes
          .filter(({ currency, at }) => currency === order.currency && at <= order.at)
          .sort((a, b) => Number(a.at - b.at))
          .at(-1);
        return { ...order, rate: version?.rate ?? null, at_right: version?.at ?? null };
      });
      expect(text(await collect(priced.executeAndCollect()))).toEqual(text(expected));
    },
    mode,
  ),
);

it("gives rows that come after their time to the side output", () =>
  inSimulation(1, async (env) => {
    const punctual = WatermarkStrategy.boundedOutOfOrderness<typeof orders.$fields>(0).withTimestamps("at");
    const sold = Array.from({ length: 400 }, (_, i) => ({
      id: i,
      currency: "C",
      at: BigInt(i === 399 ? 5 : i * 1000),
    }));
    const left = env.fromCollection(sold, orders, punctual).keyBy("currency");
    const right = env.fromCollection(
      [{ currency: "C", rate: 1, at: 0n }],
      rates,
      WatermarkStrategy.boundedOutOfOrderness<typeof rates.$fields>(0).withTimestamps("at"),
    );
    const priced = left.temporalJoin(right.keyBy("currency"));
    const late: number[] = [];
    const onTime: number[] = [];
    priced.getSideOutput(new OutputTag("lateLeft", orders)).forEach(({ id }) => void late.push(id as number));
    priced.forEach(({ id }) => void onTime.push(id as number));
    await env.execute();
    expect([...onTime, ...late].sort((a, b) => a - b)).toEqual(sold.map(({ id }) => id));
  }));

it.each(["STREAMING", "BATCH"] as const)("looks keys up in batches, with a cache, in mode %s", (mode) =>
  inSimulation(
    2,
    async (env) => {
      const asked: number[][] = [];
      const find = async (keys: readonly number[]) => {
        asked.push([...keys]);
        return keys.map((key) => (key === 3 ? null : { name: `auction ${key}`, price: key }));
      };
      const named = env.fromCollection(given, bids).lookup("auction", find, {
        schema: Schema.of({ name: types.utf8, price: types.int32 }),
        type: "left",
        cache: { maxRows: 100 },
      });
      const expected = given.map((bid) => ({
        ...bid,
        name: bid.auction === 3 ? null : `auction ${bid.auction}`,
        price_right: bid.auction === 3 ? null : bid.auction,
      }));
      expect(text(await collect(named.executeAndCollect()))).toEqual(text(expected));
      expect(asked.flat().length).toBeLessThanOrEqual(14);
    },
    mode,
  ),
);

it("refuses wrong arguments of lookup where it is called", async () => {
  const stream = StreamExecutionEnvironment.create().fromCollection(given, bids);
  const schema = Schema.of({ name: types.utf8 });
  const find = () => [];
  const refused = (code: string) => expect.objectContaining({ code });
  expect(() => stream.lookup("auction", find, {} as never)).toThrow(refused("SCHEMA_UNKNOWN"));
  expect(() => stream.lookup("auction", 1 as never, { schema })).toThrow(refused("FUNCTION_INVALID"));
  expect(() => stream.lookup([], find, { schema })).toThrow(refused("COLUMNS_EMPTY"));
  expect(() => stream.lookup("auction", find, { schema, type: "full" as never })).toThrow(refused("OPTION_INVALID"));
  expect(() => stream.lookup("auction", find, { schema, ordered: "no" as never })).toThrow(refused("OPTION_INVALID"));
  expect(() => stream.lookup("auction", find, { schema, cashe: 1 } as never)).toThrow(refused("OPTION_UNKNOWN"));
  expect(() => stream.lookup("auction", find, { schema, cache: { rows: 1 } as never })).toThrow(
    refused("OPTION_UNKNOWN"),
  );
  await expect(async () =>
    stream.lookup("auction", find, { schema, batchSize: 0 }).plan.resolve(),
  ).rejects.toMatchObject({ code: "ASYNC_OPTION_INVALID" });
});
