/** Parquet files with one kind of column each, for decode rates in values per second. */
import { cachedOnce } from "./cache.ts";
import { copyToParquet, withDuckDB } from "./duckdb.ts";

export const columnRows = 10_000_000;

/** SQL of the one column `value` of each file; the comment says how DuckDB stores it. */
const columnSql = {
  // PLAIN: too many distinct values for a dictionary. The upper bytes are zero, so Snappy has work to do.
  int64: "(hash(i) % 1000000000)::BIGINT",
  // PLAIN and incompressible.
  double: "(hash(i) / 18446744073709551616.0)::DOUBLE",
  "int32-dictionary": "(hash(i) % 1000)::INTEGER",
  "string-dictionary": "printf('customer-%05d', (hash(i) % 20000)::BIGINT)",
  // PLAIN: every string is distinct.
  "plain-strings": "printf('%x-%09d', (hash(i) % 4294967296)::BIGINT, i)",
} as const;

export type ColumnKind = keyof typeof columnSql;
export const columnKinds = Object.keys(columnSql) as ColumnKind[];

/** Path of the Parquet file with the one column `value`. */
export function singleTypeColumn(kind: ColumnKind, codec: "SNAPPY" | "ZSTD"): Promise<string> {
  const query = `SELECT ${columnSql[kind]} AS value FROM range(${columnRows}) AS source(i)`;
  return cachedOnce(`columns/${kind}-${codec.toLowerCase()}.parquet`, (path) =>
    withDuckDB((db) => copyToParquet(db, query, path, codec)),
  );
}

export const edgeRows = 10_000_000;

/** Path of a Parquet file of graph edges: src and dst int64, src skewed so that it is stored as a wide dictionary. */
export function edges(): Promise<string> {
  const uniform = (salt: number): string => `(hash(i * 2 + ${salt}) / 18446744073709551616.0)`;
  const query = `
    SELECT floor(20000 * pow(${uniform(0)}, 2))::BIGINT AS src, floor(100000 * pow(${uniform(1)}, 2))::BIGINT AS dst
    FROM range(${edgeRows}) AS source(i)`;
  return cachedOnce("columns/edges.parquet", (path) => withDuckDB((db) => copyToParquet(db, query, path)));
}
