/** TPC-H scale factor 1: Parquet files in, ordered answer out. */
import { tpch as tpchFiles } from "../data/tpch.ts";
import { DuckDB, DuckDBOracle, DuckDBSession } from "../engines/duckdb.ts";
import { tpchMillrace } from "../engines/millrace-tpch.ts";
import { tpchPolars } from "../engines/polars-tpch.ts";
import type { BenchCase, BenchOptions, Suite } from "../harness/suite.ts";
import { lineitemRowsAtOne, tpchQueries } from "./tpch-queries.ts";

async function openDuckDB({ money }: BenchOptions, threads: number): Promise<DuckDB> {
  const database = await DuckDB.open(threads);
  await database.view(await tpchFiles(1, money));
  return database;
}

const duckdb = (threads: number) => async (options: BenchOptions) =>
  new DuckDBSession(await openDuckDB(options, threads), threads);

export const tpch: Suite = {
  name: "tpch",
  timing: "Parquet files in the page cache -> ordered rows of the answer",
  isolation: "shared",
  cases: () =>
    Object.entries(tpchQueries).map(
      ([name, { sql, orderBy }]): BenchCase => ({
        name,
        group: "tpch",
        sql,
        orderBy,
        amount: { count: lineitemRowsAtOne, unit: "rows" },
      }),
    ),
  oracle: async (options) => new DuckDBOracle(await openDuckDB(options, 2)),
  contenders: {
    duckdb: duckdb(1),
    "duckdb-2": duckdb(2),
    millrace: tpchMillrace(1),
    "millrace-2": tpchMillrace(2),
    polars: tpchPolars,
  },
};
