/** Cold start: a program that scans one Parquet file, from the start of its process to its end. */
import { DuckDB, DuckDBOracle } from "../engines/duckdb.ts";
import { scanProgram } from "../engines/programs.ts";
import type { BenchCase, Suite } from "../harness/suite.ts";
import { scanNamed, scanSql } from "./parquet-scans.ts";

const names = ["snappy-all", "snappy-numeric4", "snappy-text2", "edges", "zstd-all"];

export const cold: Suite = {
  name: "cold",
  timing: "start of a process -> import, one sum per column of a file in the page cache -> end of the process",
  isolation: "shared",
  cases: () =>
    names.map(scanNamed).map(
      (scan): BenchCase => ({
        name: scan.name,
        group: scan.group,
        sql: scanSql(scan),
        amount: { count: scan.rows * Object.keys(scan.columns).length, unit: "values" },
      }),
    ),
  oracle: async () => {
    const database = await DuckDB.open(2);
    for (const { relation, file } of names.map(scanNamed)) await database.view({ [relation]: await file() });
    return new DuckDBOracle(database);
  },
  contenders: { duckdb: scanProgram("duckdb"), millrace: scanProgram("millrace") },
};
