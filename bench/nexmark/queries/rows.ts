/** Queries that look at one bid at a time. */
import type { NexmarkQuery } from "./query.ts";

const inDollars = "CAST(0.908 * price AS DECIMAL(23, 3))";
const hour = (sqlHour: string): string => `CASE
    WHEN ${sqlHour} >= 8 AND ${sqlHour} <= 18 THEN 'dayTime'
    WHEN ${sqlHour} <= 6 OR ${sqlHour} >= 20 THEN 'nightTime'
    ELSE 'otherTime' END AS bidTimeType`;
const calculation = (
  counts: string,
): string => `SELECT auction, bidder, ${inDollars} AS price, ${hour("HOUR(dateTime)")},
    dateTime, extra, ${counts} AS c_counts
  FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000`;
const folders = (part: (number: number) => string): string =>
  `SELECT auction, bidder, price, channel, ${part(3)} AS dir1, ${part(4)} AS dir2, ${part(5)} AS dir3 FROM bid`;

export const rowQueries: Readonly<Record<string, NexmarkQuery>> = {
  q0: {
    group: "stateless",
    question: "All bids, passed through.",
    check: "rows",
    duckdb: "SELECT auction, bidder, price, dateTime, extra FROM bid",
  },
  q1: {
    group: "stateless",
    question: "All bids with their prices converted to another currency.",
    check: "rows",
    duckdb: `SELECT auction, bidder, ${inDollars} AS price, dateTime, extra FROM bid`,
  },
  q2: {
    group: "stateless",
    question: "Bids on some auctions.",
    check: "rows",
    duckdb: "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0",
  },
  q14: {
    group: "other",
    question: "Bids in a range of prices, with the time of day and the letters c in the filler, by a user function.",
    check: "rows",
    duckdb: calculation("length(extra) - length(replace(extra, 'c', ''))"),
    flink: calculation("count_char(extra, 'c')"),
  },
  q22: {
    group: "other",
    question: "All bids with the three folders of their URLs.",
    check: "rows",
    duckdb: folders((number) => `split_part(url, '/', ${number + 1})`),
    flink: folders((number) => `SPLIT_INDEX(url, '/', ${number})`),
  },
};
