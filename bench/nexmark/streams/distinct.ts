/** Queries that keep statistics, most of them of distinct values, for ever. */
import { and, col, count, countDistinct, type Expression, max, min, sum, types, when } from "../../../dist/index.js";
import { bids, type NexmarkStream } from "./stream.ts";

const price = col("price");
const ranks = {
  rank1: price.lt(10_000),
  rank2: and(price.ge(10_000), price.lt(1_000_000)),
  rank3: price.ge(1_000_000),
};
const entries = Object.entries(ranks);
const day = col("dateTime").cast(types.date);
const dayText = col("day").cast(types.utf8);

type Aggregate = ReturnType<typeof countDistinct>;

/** An aggregate of all bids, and of those in each range of prices. */
function perRank(what: string, all: Aggregate, of: (condition: Expression) => Aggregate): Record<string, Aggregate> {
  return Object.fromEntries([
    [`total_${what}`, all],
    ...entries.map(([rank, condition]) => [`${rank}_${what}`, of(condition)] as const),
  ]);
}

const bidCounts = perRank(
  "bids",
  count() as unknown as Aggregate,
  (condition) => count(when(condition).then(1)) as unknown as Aggregate,
);
const distinct = (what: string, column: string): Record<string, Aggregate> =>
  perRank(what, countDistinct(column), (condition) => countDistinct(when(condition).then(col(column))));
const statistics = { ...bidCounts, ...distinct("bidders", "bidder"), ...distinct("auctions", "auction") };
const statisticNames = Object.keys(statistics);
const asColumns = (names: readonly string[]): Record<string, Expression> =>
  Object.fromEntries(names.map((name) => [name, col(name)]));

const q15: NexmarkStream = (environment, events) =>
  bids(environment, events, "auction", "bidder", "price", "dateTime")
    .keyBy({ day })
    .aggregate(statistics as never)
    .select({ bid_day: dayText, ...asColumns(statisticNames) } as never);

const q16: NexmarkStream = (environment, events) =>
  bids(environment, events, "auction", "bidder", "price", "channel", "dateTime")
    .withColumn("day", day)
    .keyBy("channel", "day")
    .aggregate({ ...statistics, last: max("dateTime") } as never)
    .select({
      channel: col("channel"),
      bid_day: dayText,
      // Of a day's times, the last one has the last minute.
      bid_minute: col("last").cast(types.utf8).substring(12, 5),
      ...asColumns(statisticNames),
    } as never);

const q17: NexmarkStream = (environment, events) =>
  bids(environment, events, "auction", "price", "dateTime")
    .withColumn("day", day)
    .keyBy("auction", "day")
    .aggregate({ ...bidCounts, min: min("price"), max: max("price"), sum: sum("price") } as never)
    .select({
      auction: col("auction"),
      bid_day: dayText,
      ...asColumns(Object.keys(bidCounts)),
      min: col("min"),
      max: col("max"),
      avg: col("sum").intDiv(col("total_bids")),
      sum: col("sum"),
    } as never);

export const distinctStreams: Readonly<Record<string, NexmarkStream>> = { q15, q16, q17 };
