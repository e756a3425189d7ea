/** Queries that join streams without windows: results change as more events arrive. */
import type { NexmarkQuery } from "./query.ts";

const highestPrices = `SELECT max(B.price) AS final, A.category
    FROM auction A JOIN bid B ON A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires
    GROUP BY A.id, A.category`;
/** The columns of bids are named where they are read: Flink's planner drops none of them below a rank. */
const winning = (
  position: string,
  tie: string,
): string => `SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller,
    category, extra, auction, bidder, price, bid_dateTime, bid_extra
  FROM (
    SELECT A.*, B.auction, B.bidder, B.price, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
      ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime ASC${tie}) AS rownum
    FROM auction A JOIN (SELECT auction, bidder, price, dateTime, extra${position} FROM bid) B
      ON A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires
  ) AS ranked
  WHERE rownum <= 1`;

export const joinQueries: Readonly<Record<string, NexmarkQuery>> = {
  q3: {
    group: "stateful",
    question: "Who sells in Oregon, Idaho or California in category 10, and which auctions?",
    check: "rows",
    duckdb: `SELECT P.name, P.city, P.state, A.id FROM auction A JOIN person P ON A.seller = P.id
      WHERE A.category = 10 AND (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA')`,
  },
  q4: {
    group: "stateful",
    question: "Per category, the average of the winning prices: the highest bids while the auctions were open.",
    check: "rows",
    duckdb: `SELECT category, CAST(sum(final) // count(*) AS BIGINT) AS final FROM (${highestPrices}) GROUP BY category`,
    flink: `SELECT category, avg(final) AS final FROM (${highestPrices}) GROUP BY category`,
  },
  q9: {
    group: "stateful",
    question: "Per auction, the winning bid: the highest while it was open, of equal ones the first.",
    check: "rows",
    duckdb: winning(", position", ", B.position ASC"),
    flink: winning("", ""),
  },
  q20: {
    group: "stateful",
    question: "Bids on auctions of category 10, with all that is known of the auctions.",
    check: "rows",
    duckdb: `SELECT B.auction, B.bidder, B.price, B.channel, B.url, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
        A.itemName, A.description, A.initialBid, A.reserve, A.dateTime AS auction_dateTime, A.expires, A.seller,
        A.category, A.extra AS auction_extra
      FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10`,
  },
};
