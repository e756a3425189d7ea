/** Queries that keep statistics, most of them of distinct values, for ever. */
import type { NexmarkQuery } from "./query.ts";

const ranks = [
  ["total", ""],
  ["rank1", " FILTER (WHERE price < 10000)"],
  ["rank2", " FILTER (WHERE price >= 10000 AND price < 1000000)"],
  ["rank3", " FILTER (WHERE price >= 1000000)"],
] as const;
const perRank = (what: string, aggregate: string): string =>
  ranks.map(([rank, filter]) => `${aggregate}${filter} AS ${rank}_${what}`).join(", ");
const bids = perRank("bids", "count(*)");
const statistics = [bids, perRank("bidders", "count(DISTINCT bidder)"), perRank("auctions", "count(DISTINCT auction)")];

interface Dialect {
  readonly format: (pattern: "day" | "minute") => string;
  readonly average: string;
}

const duckdb: Dialect = {
  format: (pattern) => `strftime(dateTime, '${pattern === "day" ? "%Y-%m-%d" : "%H:%M"}')`,
  average: "CAST(sum(price) // count(*) AS BIGINT)",
};
const flink: Dialect = {
  format: (pattern) => `DATE_FORMAT(dateTime, '${pattern === "day" ? "yyyy-MM-dd" : "HH:mm"}')`,
  average: "avg(price)",
};

const q15 = ({ format }: Dialect): string =>
  `SELECT ${format("day")} AS bid_day, ${statistics.join(", ")} FROM bid GROUP BY ${format("day")}`;
const q16 = ({ format }: Dialect): string =>
  `SELECT channel, ${format("day")} AS bid_day, max(${format("minute")}) AS bid_minute, ${statistics.join(", ")}
    FROM bid GROUP BY channel, ${format("day")}`;
const q17 = ({ format, average }: Dialect): string =>
  `SELECT auction, ${format("day")} AS bid_day, ${bids}, min(price) AS min_price, max(price) AS max_price,
    ${average} AS avg_price, sum(price) AS sum_price
    FROM bid GROUP BY auction, ${format("day")}`;

const query = (question: string, sql: (dialect: Dialect) => string): NexmarkQuery => ({
  group: "stateful",
  question,
  check: "rows",
  duckdb: sql(duckdb),
  flink: sql(flink),
});

export const distinctQueries: Readonly<Record<string, NexmarkQuery>> = {
  q15: query("Per day and range of prices, the bids, bidders and auctions.", q15),
  q16: query("Per channel, day and range of prices, the bids, bidders and auctions.", q16),
  q17: query("Per auction and day, the bids and their prices.", q17),
};
