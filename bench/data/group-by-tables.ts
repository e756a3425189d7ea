/**
 * The db-benchmark group-by table G1_<rows>_1e2_0_0 (100 small groups, no nulls, unsorted).
 * Schema as in h2oai/duckdblabs db-benchmark `groupby-datagen.R`; the random numbers come from DuckDB's hash()
 * instead of R's generator, so that results are compared with DuckDB and not with the published check sums.
 */
import { cachedOnce } from "./cache.ts";
import { copyToParquet, withDuckDB } from "./duckdb.ts";

const smallKeys = 100;

/** Path of the Parquet file. Columns: id1-id3 utf8, id4-id6 and v1-v2 int32, v3 float64. */
export function groupByTable(rows: number): Promise<string> {
  const largeKeys = Math.max(1, Math.floor(rows / smallKeys));
  const draw = (salt: number, values: number): string => `(1 + hash(i * 16 + ${salt}) % ${values})`;
  const query = `
    SELECT printf('id%03d', ${draw(1, smallKeys)}::BIGINT) AS id1,
           printf('id%03d', ${draw(2, smallKeys)}::BIGINT) AS id2,
           printf('id%010d', ${draw(3, largeKeys)}::BIGINT) AS id3,
           ${draw(4, smallKeys)}::INTEGER AS id4,
           ${draw(5, smallKeys)}::INTEGER AS id5,
           ${draw(6, largeKeys)}::INTEGER AS id6,
           ${draw(7, 5)}::INTEGER AS v1,
           ${draw(8, 15)}::INTEGER AS v2,
           round((hash(i * 16 + 9) % 100000000)::DOUBLE / 1e6, 6) AS v3
    FROM range(${rows}) AS source(i)`;
  return cachedOnce(`group-by/g1-${rows}.parquet`, (path) => withDuckDB((db) => copyToParquet(db, query, path)));
}
