import { DuckDBInstance } from "@duckdb/node-api";

/** Rows of a query on a fresh in-memory DuckDB, as the oracle of what other engines read. */
export async function duckdbRows(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
