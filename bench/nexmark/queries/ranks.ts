/** Queries that keep the last or the best rows per key. */
import type { NexmarkQuery } from "./query.ts";

const columns = "auction, bidder, price, channel, url, dateTime, extra";
const last = (bid: string, tie: string): string => `SELECT ${columns} FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC${tie}) AS rank_number FROM ${bid}
  ) AS ranked WHERE rank_number <= 1`;
const best = (bid: string, tie: string): string => `SELECT ${columns}, rank_number FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC${tie}) AS rank_number FROM ${bid}
  ) AS ranked WHERE rank_number <= 10`;

export const rankQueries: Readonly<Record<string, NexmarkQuery>> = {
  q18: {
    group: "stateful",
    question: "The last bid of every bidder on every auction; of bids at the same time, the one that arrives last.",
    check: "rows",
    duckdb: last("bid", ", position DESC"),
    flink: last("only_bid", ""),
  },
  q19: {
    group: "stateful",
    question: "The ten highest bids of every auction; of equal ones, those that arrive first.",
    check: "rows",
    duckdb: best("bid", ", position ASC"),
    flink: best("only_bid", ""),
  },
};
