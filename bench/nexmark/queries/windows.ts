/** Queries over windows of time. */
import type { NexmarkQuery } from "./query.ts";

/** Start of the fixed window of so many seconds that a timestamp lies in. */
const windowStart = (seconds: number): string =>
  `make_timestamp((epoch_ms(dateTime) // ${seconds * 1000}) * ${seconds * 1000} * 1000)`;
const tumbling = (view: string): string => `TABLE(TUMBLE(TABLE ${view}, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))`;
const hopping = "TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))";
const hotItems = (counts: string): string => `SELECT A.auction, A.num
  FROM (${counts}) AS A JOIN (
    SELECT max(num) AS maxn, window_start, window_end FROM (${counts}) AS C GROUP BY window_start, window_end
  ) AS M ON A.window_start = M.window_start AND A.window_end = M.window_end AND A.num >= M.maxn`;

export const windowQueries: Readonly<Record<string, NexmarkQuery>> = {
  q5: {
    group: "stateful",
    question: "Every 2 seconds, the auctions with the most bids in the last 10 seconds.",
    check: "rows",
    duckdb: hotItems(`SELECT auction, count(*) AS num, window_start, window_start + INTERVAL 10 SECOND AS window_end
      FROM (SELECT auction, ${windowStart(2)} - INTERVAL 2 SECOND * hop AS window_start FROM bid, range(5) AS hops(hop))
      GROUP BY auction, window_start`),
    flink: hotItems(
      `SELECT auction, count(*) AS num, window_start, window_end FROM ${hopping} GROUP BY auction, window_start, window_end`,
    ),
  },
  q7: {
    group: "stateful",
    question: "Per 10 seconds, the bids with the highest price of them; a bid at their very end counts for them too.",
    check: "rows",
    duckdb: `SELECT B.auction, B.bidder, B.price, B.dateTime, B.extra FROM bid B JOIN (
        SELECT max(price) AS maxprice, ${windowStart(10)} + INTERVAL 10 SECOND AS window_end FROM bid GROUP BY window_end
      ) W ON B.price = W.maxprice
      WHERE B.dateTime BETWEEN W.window_end - INTERVAL 10 SECOND AND W.window_end`,
    flink: `SELECT B.auction, B.bidder, B.price, B.dateTime, B.extra FROM bid B JOIN (
        SELECT max(price) AS maxprice, window_end FROM ${tumbling("bid")} GROUP BY window_start, window_end
      ) W ON B.price = W.maxprice
      WHERE B.dateTime BETWEEN W.window_end - INTERVAL '10' SECOND AND W.window_end`,
  },
  q8: {
    group: "stateful",
    question: "Per 10 seconds, the persons that came and opened an auction in them.",
    check: "rows",
    duckdb: `SELECT P.id, P.name, P.starttime
      FROM (SELECT DISTINCT id, name, ${windowStart(10)} AS starttime FROM person) P
      JOIN (SELECT DISTINCT seller, ${windowStart(10)} AS starttime FROM auction) A
      ON P.id = A.seller AND P.starttime = A.starttime`,
    flink: `SELECT P.id, P.name, P.window_start AS starttime
      FROM (SELECT id, name, window_start, window_end FROM ${tumbling("person")}
        GROUP BY id, name, window_start, window_end) P
      JOIN (SELECT seller, window_start, window_end FROM ${tumbling("auction")}
        GROUP BY seller, window_start, window_end) A
      ON P.id = A.seller AND P.window_start = A.window_start AND P.window_end = A.window_end`,
  },
  q11: {
    group: "stateful",
    question: "Per bidder and session, the bids; a session ends when more than 10 seconds pass without one.",
    check: "rows",
    duckdb: `SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime,
        max(dateTime) + INTERVAL 10 SECOND AS endtime
      FROM (
        SELECT bidder, dateTime, count(*) FILTER (WHERE isFirst) OVER (PARTITION BY bidder ORDER BY dateTime
          RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session
        FROM (SELECT bidder, dateTime, coalesce(dateTime > INTERVAL 10 SECOND
          + lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime), true) AS isFirst FROM bid)
      ) GROUP BY bidder, session`,
    flink: `SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
      FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
      GROUP BY bidder, window_start, window_end`,
  },
  q12: {
    group: "other",
    question: "Per bidder and 10 seconds of processing time, the bids.",
    check: "counts",
    duckdb: "SELECT bidder, count(*) AS bid_count FROM bid GROUP BY bidder",
    flink: `SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
      FROM TABLE(TUMBLE(TABLE timed_bid, DESCRIPTOR(p_time), INTERVAL '10' SECOND))
      GROUP BY bidder, window_start, window_end`,
  },
};
