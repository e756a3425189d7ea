/** db-benchmark joins, questions 1 to 5, from tables in memory; all columns of both sides are materialised. */
import { joinTables } from "../data/join-tables.ts";
import { joinMillrace } from "../engines/millrace-join.ts";
import { joinPolars } from "../engines/polars-join.ts";
import { SharedDuckDB } from "../engines/shared-duckdb.ts";
import type { BenchCase, BenchOptions, Suite } from "../harness/suite.ts";

const questions: Readonly<Record<string, string>> = {
  "q1-small-inner": `SELECT x.*, small.id4 AS id4_right, v2 FROM x JOIN small USING (id1)`,
  "q2-medium-inner": `SELECT x.*, medium.id1 AS id1_right, medium.id4 AS id4_right, medium.id5 AS id5_right, v2
    FROM x JOIN medium USING (id2)`,
  "q3-medium-outer": `SELECT x.*, medium.id1 AS id1_right, medium.id4 AS id4_right, medium.id5 AS id5_right, v2
    FROM x LEFT JOIN medium USING (id2)`,
  "q4-medium-text": `SELECT x.*, medium.id1 AS id1_right, medium.id2 AS id2_right, medium.id4 AS id4_right, v2
    FROM x JOIN medium USING (id5)`,
  "q5-big-inner": `SELECT x.*, big.id1 AS id1_right, big.id2 AS id2_right, big.id4 AS id4_right, big.id5 AS id5_right,
      big.id6 AS id6_right, v2
    FROM x JOIN big USING (id3)`,
};

const database = new SharedDuckDB(async (duckdb, { rows }) => {
  const { left, ...right } = await joinTables(rows);
  await duckdb.load({ x: left, ...right });
});

export const join: Suite = {
  name: "join",
  timing: "tables in the engine's memory -> complete joined table in the engine's memory",
  isolation: "shared",
  cases: ({ rows }: BenchOptions): BenchCase[] =>
    Object.entries(questions).map(([name, sql]) => ({
      name,
      group: "join",
      sql,
      amount: { count: rows, unit: "rows" },
      sampleBy: "id3",
    })),
  oracle: (options) => database.oracle(options),
  contenders: {
    duckdb: (options) => database.session(options, 1),
    "duckdb-2": (options) => database.session(options, 2),
    millrace: joinMillrace(1),
    "millrace-2": joinMillrace(2),
    polars: joinPolars,
  },
};
