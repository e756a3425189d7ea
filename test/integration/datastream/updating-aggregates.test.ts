import { beforeAll, expect, it } from "vitest";
import { readRows } from "../../../src/core/columns/read.ts";
import {
  type AggregateOptions,
  col,
  count,
  max,
  Schema,
  type Sink,
  StreamExecutionEnvironment,
  sum,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const bids = Array.from({ length: 500 }, (_, i) => ({ auction: i % 7, price: (i * 37) % 101 }));

/** What a changelog leaves, with counts: taken back is -1. */
function remaining(): { readonly sink: Sink; readonly rows: () => unknown[] } {
  const counts = new Map<string, number>();
  const sink: Sink = {
    spec: { kind: "local" },
    description: "remaining rows",
    acceptsUpdates: true,
    begin: () => undefined,
    createWriter: ({ workspace }) => ({
      write: (batch) => {
        for (const [i, row] of readRows(workspace, batch).entries()) {
          const key = JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
          const isTakenBack = batch.rowKinds !== undefined && (workspace.i8[batch.rowKinds.data + i] & 1) === 1;
          const left = (counts.get(key) ?? 0) + (isTakenBack ? -1 : 1);
          if (left === 0) counts.delete(key);
          else counts.set(key, left);
        }
      },
      prepareCommit: () => null,
      close: () => undefined,
    }),
    commit: () => undefined,
    abort: () => undefined,
  };
  return {
    sink,
    rows: () => [...counts].flatMap(([row, left]) => Array.from({ length: left }, () => JSON.parse(row) as unknown)),
  };
}

const byAuction = new Map<number, { auction: number; highest: number; bids: number }>();
for (const { auction, price } of bids) {
  const before = byAuction.get(auction) ?? { auction, highest: 0, bids: 0 };
  byAuction.set(auction, { auction, highest: Math.max(before.highest, price), bids: before.bids + 1 });
}
const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

it.each([
  ["STREAMING", 1],
  ["STREAMING", 2],
  ["BATCH", 1],
] as const)("leaves one row per key, in mode %s at parallelism %d", (runtimeMode, parallelism) =>
  new Simulation({ seed: 3 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, parallelism, runtimeMode, batchRows: 64 });
    const { sink, rows } = remaining();
    env
      .fromCollection(bids)
      .keyBy("auction")
      .aggregate({ highest: max("price"), bids: count() })
      .addSink(sink);
    await env.execute();
    expect(sorted(rows())).toEqual(sorted([...byAuction.values()]));
  }),
);

it("aggregates a changelog", () =>
  new Simulation({ seed: 4 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, batchRows: 64 });
    const { sink, rows } = remaining();
    const highest = env
      .fromCollection(bids)
      .keyBy("auction")
      .aggregate({ highest: max("price") });
    const parity = col("auction").mod(2);
    highest
      .keyBy({ parity })
      .aggregate({ total: sum("highest"), auctions: count() })
      .addSink(sink);
    await env.execute();
    const total = (odd: number): number =>
      [...byAuction.values()].filter(({ auction }) => auction % 2 === odd).reduce((a, b) => a + b.highest, 0);
    expect(sorted(rows())).toEqual(
      sorted([
        { parity: 0, total: total(0), auctions: 4 },
        { parity: 1, total: total(1), auctions: 3 },
      ]),
    );
  }));

it("names a mistake while the plan is built", async () => {
  const env = StreamExecutionEnvironment.create();
  const keyed = env.fromCollection(bids).keyBy("auction");
  await expect(async () => keyed.aggregate({}).plan.resolve()).rejects.toMatchObject({ code: "AGGREGATES_EMPTY" });
});

it.each([
  ["STREAMING", [2, 2]],
  ["BATCH", [4]],
] as const)("forgets keys after their time to live, in mode %s", (runtimeMode, counts) =>
  new Simulation({ seed: 4 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, runtimeMode });
    const visits = Schema.of({ user: types.utf8, at: types.int64 });
    const strategy = WatermarkStrategy.monotonous<typeof visits.$fields>().withTimestamps("at");
    const given = [0n, 5n, 100n, 103n].map((at) => ({ user: "ann", at }));
    const byUser = env.fromCollection(given, visits, strategy).keyBy("user");
    const { sink, rows } = remaining();
    byUser.count({ ttl: { ttlMs: 50, timeDomain: "event" } }).addSink(sink);
    await env.execute();
    expect(sorted(rows())).toEqual(counts.map((count) => JSON.stringify({ user: "ann", count })));
  }),
);

it("refuses a time to live that is none", () => {
  const byAuction = StreamExecutionEnvironment.create().fromCollection(bids).keyBy("auction");
  const refused = (options: unknown, code: string) =>
    expect(() => byAuction.aggregate({ bids: count() }, options as AggregateOptions)).toThrow(
      expect.objectContaining({ code }),
    );
  refused({ ttl: { ttlMs: 0 } }, "STATE_TTL_INVALID");
  refused({ ttl: { ttlMs: 10, timeDomain: "row" } }, "STATE_TTL_INVALID");
  refused({ ttl: { ttlMs: 10, updateOn: "read" } }, "OPTION_UNKNOWN");
  refused({ ttlMs: 10 }, "OPTION_UNKNOWN");
});
