/**
 * The questions put to Flink: group-by, join and TPC-H, all from Parquet files to a few result rows.
 * Answers that would be large are themselves counted and added up, so that no engine has to ship millions of rows.
 */
import { tpchQueries } from "./tpch-queries.ts";

export interface FlinkQuery {
  readonly group: string;
  readonly sql: string;
  /** Where Flink's dialect differs: its SUM and AVG of INT are INT. */
  readonly flinkSql?: string;
  readonly orderBy?: readonly string[];
}

const counted = (inner: string): string => `SELECT count(*) AS n, sum(v1) AS v1 FROM (${inner}) AS answer`;
const joined = (inner: string): string =>
  `SELECT count(*) AS n, sum(v1) AS v1, sum(v2) AS v2 FROM (${inner}) AS answer`;
const fromTpch = (name: string): FlinkQuery => ({
  group: "flink tpch",
  sql: tpchQueries[name]?.sql ?? "",
  orderBy: tpchQueries[name]?.orderBy ?? [],
});

export const flinkQueries: Readonly<Record<string, FlinkQuery>> = {
  "job-start": { group: "flink job start", sql: "SELECT count(*) AS n FROM (VALUES (1)) AS single(a)" },
  "group-by-q1": { group: "flink group-by", sql: "SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1" },
  "group-by-q2": { group: "flink group-by", sql: "SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2" },
  "group-by-q3": {
    group: "flink group-by",
    sql: counted("SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM x GROUP BY id3"),
  },
  "group-by-q4": {
    group: "flink group-by",
    sql: "SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM x GROUP BY id4",
    flinkSql: `SELECT id4, avg(CAST(v1 AS DOUBLE)) AS v1, avg(CAST(v2 AS DOUBLE)) AS v2, avg(v3) AS v3
      FROM x GROUP BY id4`,
  },
  "group-by-q5": {
    group: "flink group-by",
    sql: counted("SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6"),
  },
  "group-by-q10": {
    group: "flink group-by",
    sql: `SELECT count(*) AS n, sum(v3) AS v3, max(c) AS c FROM (
      SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS c
      FROM x GROUP BY id1, id2, id3, id4, id5, id6) AS answer`,
  },
  "join-q1": { group: "flink join", sql: joined("SELECT v1, v2 FROM l JOIN small ON l.id1 = small.id1") },
  "join-q2": { group: "flink join", sql: joined("SELECT v1, v2 FROM l JOIN medium ON l.id2 = medium.id2") },
  "join-q3": { group: "flink join", sql: joined("SELECT v1, v2 FROM l LEFT JOIN medium ON l.id2 = medium.id2") },
  "tpch-q01": fromTpch("q01"),
  "tpch-q03": fromTpch("q03"),
  "tpch-q06": fromTpch("q06"),
};
