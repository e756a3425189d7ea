/** A short-lived DuckDB for generating inputs. */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** Row group size of every generated Parquet file: DuckDB's own default, and the one of the parquet notes. */
export const rowGroupRows = 122_880;

/** Opens an in-memory database, hands its connection to `use` and closes both. */
export async function withDuckDB<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** SQL string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Writes a query's rows, in their order, as one Parquet file. */
export async function copyToParquet(
  connection: DuckDBConnection,
  query: string,
  path: string,
  codec = "SNAPPY",
  extraOptions = "",
): Promise<void> {
  const options = `FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE ${rowGroupRows}${extraOptions}`;
  await connection.run(`COPY (${query}) TO ${quote(path)} (${options})`);
}
