import { beforeAll, expect, it } from "vitest";
import { and, col, max, Schema, StreamExecutionEnvironment, sum, types } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { fold } from "../../support/stream-script.ts";

beforeAll(loadEngine);

const inSimulation = <T>(
  options: { parallelism?: number; runtimeMode?: "STREAMING" | "BATCH" },
  body: (env: StreamExecutionEnvironment) => Promise<T>,
): Promise<T> =>
  new Simulation({ seed: 7 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, batchRows: 32, ...options })),
  );

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};

const KINDS = ["insert", "update-before", "update-after", "delete"];
/** What the rows of a changelog, with their kinds, leave. */
const leftOf = (rows: readonly { readonly rowKind: string | null }[]): string[] =>
  fold(rows.map(({ rowKind, ...row }) => ({ row, kind: KINDS.indexOf(String(rowKind)) })))
    .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)))
    .sort();
const sorted = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

const auctions = Array.from({ length: 60 }, (_, id) => ({ id, category: id % 4, reserve: (id * 31) % 90 }));
const bids = Array.from({ length: 400 }, (_, i) => ({ auction: (i * 7) % 75, price: (i * 37) % 101 }));
const auctionSchema = Schema.of({ id: types.int32, category: types.int32, reserve: types.int32 });
const bidSchema = Schema.of({ auction: types.int32, price: types.int32 });
const pairs = auctions.flatMap((a) => bids.filter((b) => b.auction === a.id).map((b) => ({ ...a, ...b })));

it.each([
  ["STREAMING", 1],
  ["STREAMING", 2],
  ["BATCH", 1],
] as const)("joins all rows of two streams, in mode %s at parallelism %d", (runtimeMode, parallelism) =>
  inSimulation({ runtimeMode, parallelism }, async (env) => {
    const left = env.fromCollection(auctions, auctionSchema).keyBy("id");
    const right = env.fromCollection(bids, bidSchema).keyBy("auction");
    const inner = left.join(right).updating();
    expect((await inner.plan.resolve()).isUpdating).toBe(false);
    expect(sorted(await collect(inner.executeAndCollect()))).toEqual(sorted(pairs));
  }),
);

it.each([
  ["STREAMING", 1],
  ["STREAMING", 2],
  ["BATCH", 1],
] as const)("keeps unmatched rows of both sides, in mode %s at parallelism %d", (runtimeMode, parallelism) =>
  inSimulation({ runtimeMode, parallelism }, async (env) => {
    const left = env.fromCollection(auctions, auctionSchema).keyBy("id");
    const right = env
      .fromCollection(bids, bidSchema)
      .select({ id: col("auction"), price: col("price") })
      .keyBy("id");
    const joined = left.join(right, { type: "full" }).updating({ on: col("price").ge(col("reserve")) });
    const rows = await collect(joined.toChangelog().executeAndCollect());
    const matches = pairs.filter(({ price, reserve }) => price >= reserve);
    expect(leftOf(rows)).toEqual(
      sorted([
        ...matches.map(({ auction: _, ...row }) => row),
        ...auctions.filter(({ id }) => !matches.some((row) => row.id === id)).map((row) => ({ ...row, price: null })),
        ...bids
          .filter(({ auction, price }) => !matches.some((row) => row.id === auction && row.price === price))
          .map(({ auction, price }) => ({ id: auction, category: null, reserve: null, price })),
      ]),
    );
  }),
);

it("joins a changelog with a stream, and aggregates the result", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const highest = env
      .fromCollection(bids, bidSchema)
      .keyBy("auction")
      .aggregate({ highest: max("price") });
    const totals = env
      .fromCollection(auctions, auctionSchema)
      .keyBy("id")
      .join(highest.keyBy("auction"))
      .updating({ on: and(col("highest").ge(col("reserve")), col("category").ne(3)) })
      .keyBy("category")
      .aggregate({ total: sum("highest") });
    const expected = [0, 1, 2].map((category) => {
      const winning = auctions
        .filter((auction) => auction.category === category)
        .flatMap(({ id, reserve }) => {
          const prices = bids.filter(({ auction }) => auction === id).map(({ price }) => price);
          const best = Math.max(...prices);
          return prices.length > 0 && best >= reserve ? [best] : [];
        });
      return { category, total: winning.reduce((a, b) => a + b, 0) };
    });
    expect(leftOf(await collect(totals.toChangelog().executeAndCollect()))).toEqual(sorted(expected));
  }));

it("keeps or leaves out rows by whether they have a match", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const left = env.fromCollection(auctions, auctionSchema).keyBy("id");
    const right = env.fromCollection(bids, bidSchema).keyBy("auction");
    const isBidOn = ({ id }: { id: number }): boolean => bids.some(({ auction }) => auction === id);
    const semi = left.join(right, { type: "semi" }).updating();
    expect((await semi.plan.resolve()).isUpdating).toBe(false);
    expect(sorted(await collect(semi.executeAndCollect()))).toEqual(sorted(auctions.filter(isBidOn)));
    const anti = left.join(right, { type: "anti" }).updating();
    expect(leftOf(await collect(anti.toChangelog().executeAndCollect()))).toEqual(
      sorted(auctions.filter((row) => !isBidOn(row))),
    );
  }));

it("makes rows of a changelog, and a changelog of rows", () =>
  inSimulation({}, async (env) => {
    const changes = [
      { rowKind: "insert", account: "a", amount: 5 },
      { rowKind: "insert", account: "a", amount: 7 },
      { rowKind: "update-before", account: "a", amount: 5 },
      { rowKind: "update-after", account: "a", amount: 6 },
      { rowKind: "insert", account: "b", amount: 1 },
      { rowKind: "delete", account: "b", amount: 1 },
    ];
    const balances = env
      .fromCollection(changes)
      .fromChangelog()
      .keyBy("account")
      .aggregate({ balance: sum("amount") })
      .toChangelog({ column: "op" });
    const rows = await collect(balances.executeAndCollect());
    expect(leftOf(rows.map(({ op, ...row }) => ({ ...row, rowKind: op })))).toEqual(
      sorted([{ account: "a", balance: 13 }]),
    );
    const again = env.fromCollection(changes).fromChangelog().toChangelog();
    expect((await collect(again.executeAndCollect())).map(({ rowKind }) => rowKind)).toEqual(
      changes.map(({ rowKind }) => rowKind),
    );
  }));

it("names mistakes while the plan is built, and row kinds that do not exist", () =>
  inSimulation({}, async (env) => {
    const left = env.fromCollection(auctions, auctionSchema);
    const right = env.fromCollection(bids, bidSchema).keyBy("auction");
    const joined = left.keyBy("id").join(right);
    const codeOf = async (make: () => { plan: { resolve(): Promise<unknown> } }): Promise<unknown> => {
      try {
        return await make().plan.resolve();
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const anything = (value: unknown): never => value as never;
    expect(await codeOf(() => joined.updating({ on: anything("price > 1") }))).toBe("OPTION_INVALID");
    expect(await codeOf(() => joined.updating({ on: anything(col("prize").gt(1)) }))).toBe("COLUMN_UNKNOWN");
    expect(await codeOf(() => joined.updating({ on: anything(col("price")) }))).toBe("TYPE_MISMATCH");
    expect(await codeOf(() => joined.updating({ ttl: { ttlMs: 0 } }))).toBe("STATE_TTL_INVALID");
    expect(await codeOf(() => joined.updating({ ttl: { ttlMs: 5, timeDomain: anything("evnt") } }))).toBe(
      "STATE_TTL_INVALID",
    );
    expect(await codeOf(() => joined.updating(anything({ onn: 1 })))).toBe("OPTION_UNKNOWN");
    expect(await codeOf(() => left.toChangelog({ column: "id" }))).toBe("COLUMN_DUPLICATE");
    expect(await codeOf(() => left.toChangelog({ column: anything(5) }))).toBe("OPTION_INVALID");
    expect(await codeOf(() => left.fromChangelog({ column: "id" }))).toBe("ROW_KIND_TYPE");
    const unknown = env.fromCollection([{ rowKind: "upsert", id: 1 }]).fromChangelog();
    await expect(collect(unknown.toChangelog().executeAndCollect())).rejects.toMatchObject({
      code: "ROW_KIND_UNKNOWN",
    });
  }));
