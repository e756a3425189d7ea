/** Parquet scan: decode the columns of a file and add them up. */
import { DuckDB, DuckDBOracle, DuckDBSession } from "../engines/duckdb.ts";
import { scanHyparquet } from "../engines/hyparquet.ts";
import { scanMillrace } from "../engines/millrace-scan.ts";
import { scanParquetWasm } from "../engines/parquet-wasm.ts";
import { scanPolars } from "../engines/polars-scan.ts";
import type { BenchCase, Suite } from "../harness/suite.ts";
import { scanSql, scans } from "./parquet-scans.ts";

async function openDuckDB(threads: number): Promise<DuckDB> {
  const database = await DuckDB.open(threads);
  for (const { relation, file } of scans) await database.view({ [relation]: await file() });
  return database;
}

const duckdb = (threads: number) => async () => new DuckDBSession(await openDuckDB(threads), threads);

export const parquet: Suite = {
  name: "parquet",
  timing: "file in the page cache -> one sum per column; every time from a process of its own, after one cold run",
  isolation: "child",
  cases: () =>
    scans.map(
      (scan): BenchCase => ({
        name: scan.name,
        group: scan.group,
        sql: scanSql(scan),
        amount: { count: scan.rows * Object.keys(scan.columns).length, unit: "values" },
      }),
    ),
  oracle: async () => new DuckDBOracle(await openDuckDB(2)),
  contenders: {
    duckdb: duckdb(1),
    "duckdb-2": duckdb(2),
    millrace: scanMillrace(1),
    "millrace-2": scanMillrace(2),
    polars: scanPolars,
    "parquet-wasm": scanParquetWasm,
    hyparquet: scanHyparquet,
  },
};
