import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** Rows of a query on a fresh in-memory DuckDB, as the oracle of what other engines read. */
export const duckdbRows = (sql: string): Promise<unknown[][]> =>
  withDuckdb(async (connection) => (await connection.runAndReadAll(sql)).getRowsJS());

/** Rows as objects, in the forms that Millrace gives: int64 as bigint, dates as days. */
export const duckdb = (sql: string): Promise<Record<string, unknown>[]> =>
  withDuckdb(async (connection) => {
    const rows = (await connection.runAndReadAll(sql)).getRowObjects();
    return rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          typeof value === "object" && value !== null && "days" in value ? Number(value.days) : value,
        ]),
      ),
    );
  });

async function withDuckdb<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
