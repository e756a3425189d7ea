/** db-benchmark group-by, questions 1 to 10, from tables in memory. */
import { groupByTable } from "../data/group-by-tables.ts";
import { groupByArquero } from "../engines/arquero-group-by.ts";
import { groupByMillrace } from "../engines/millrace-group-by.ts";
import { groupByPolars } from "../engines/polars-group-by.ts";
import { SharedDuckDB } from "../engines/shared-duckdb.ts";
import type { BenchCase, BenchOptions, Suite } from "../harness/suite.ts";

const questions: Readonly<Record<string, string>> = {
  q1: "SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1",
  q2: "SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2",
  q3: "SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM x GROUP BY id3",
  q4: "SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM x GROUP BY id4",
  q5: "SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6",
  q6: "SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM x GROUP BY id4, id5",
  q7: "SELECT id3, max(v1) - min(v2) AS range_v1_v2 FROM x GROUP BY id3",
  q8: "SELECT id6, unnest(max(v3, 2)) AS largest2_v3 FROM x GROUP BY id6",
  q9: "SELECT id2, id4, pow(corr(v1, v2), 2) AS r2 FROM x GROUP BY id2, id4",
  q10: `SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS count
        FROM x GROUP BY id1, id2, id3, id4, id5, id6`,
};

const database = new SharedDuckDB(async (duckdb, { rows }) => duckdb.load({ x: await groupByTable(rows) }));

export const groupBy: Suite = {
  name: "group-by",
  timing: "table in the engine's memory -> complete answer in the engine's memory",
  isolation: "shared",
  cases: ({ rows }: BenchOptions): BenchCase[] =>
    Object.entries(questions).map(([name, sql]) => ({
      name,
      group: "group-by",
      sql,
      amount: { count: rows, unit: "rows" },
      sampleBy: "id6",
    })),
  oracle: (options) => database.oracle(options),
  contenders: {
    duckdb: (options) => database.session(options, 1),
    "duckdb-2": (options) => database.session(options, 2),
    millrace: groupByMillrace(1),
    "millrace-2": groupByMillrace(2),
    polars: groupByPolars,
    arquero: groupByArquero,
  },
};
