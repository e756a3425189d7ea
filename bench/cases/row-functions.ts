/** TypeScript closures over numeric columns: map, then filter, then one sum, from a table in memory. */
import { groupByTable } from "../data/group-by-tables.ts";
import { rowFunctionsArquero } from "../engines/arquero-row-functions.ts";
import { rowFunctionsArray } from "../engines/array-row-functions.ts";
import { rowFunctionsMillrace } from "../engines/millrace-row-functions.ts";
import { SharedDuckDB } from "../engines/shared-duckdb.ts";
import type { BenchCase, Suite } from "../harness/suite.ts";

const database = new SharedDuckDB(async (duckdb, { rows }) => duckdb.load({ x: await groupByTable(rows) }));

const questions: Readonly<Record<string, string>> = {
  // Both with two closures: (row) => ({ score: ... }) and (row) => row.score > threshold.
  "map-filter": `SELECT count(*) AS n, sum(score) AS total FROM (SELECT v1 * v2 + v3 AS score FROM x) WHERE score > 60`,
  filter: "SELECT count(*) AS n, sum(v3) AS total FROM x WHERE v3 > 50 AND v1 <> 3",
};

export const rowFunctions: Suite = {
  name: "row-functions",
  timing: "table in memory -> count and sum of what the closures keep; DuckDB runs the same as SQL expressions",
  isolation: "shared",
  cases: ({ rows }) =>
    Object.entries(questions).map(
      ([name, sql]): BenchCase => ({ name, group: "row functions", sql, amount: { count: rows, unit: "rows" } }),
    ),
  oracle: (options) => database.oracle(options),
  contenders: {
    duckdb: (options) => database.session(options, 1),
    millrace: rowFunctionsMillrace,
    array: rowFunctionsArray,
    arquero: rowFunctionsArquero,
  },
};
