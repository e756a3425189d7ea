/**
 * A table shaped like TPC-H lineitem (16 columns), drawn from DuckDB's hash(): int64 keys, float64 amounts,
 * dates, four dictionary strings and a mostly distinct comment of about 26.7 bytes.
 */
import { cachedOnce } from "./cache.ts";
import { copyToParquet, withDuckDB } from "./duckdb.ts";

export type Codec = "SNAPPY" | "ZSTD" | "UNCOMPRESSED";

/** Rows of the file that is scanned, and of the table that is written. */
export const lineitemRows = 6_000_000;
export const writtenRows = 1_000_000;

const words = (
  "furiously quickly carefully blithely slyly express special pending regular final ironic even bold silent " +
  "packages deposits requests accounts theodolites instructions foxes pinto beans dependencies excuses platelets " +
  "asymptotes courts dolphins sleep haggle nag cajole detect integrate above against along among beyond the after"
).split(" ");

/** SQL that yields the table. */
function lineitemQuery(rows: number): string {
  const pick = (salt: number, values: readonly string[]): string =>
    `[${values.map((value) => `'${value}'`).join(",")}][(1 + hash(i * 32 + ${salt}) % ${values.length})::INTEGER]`;
  const draw = (salt: number, values: number): string => `(hash(i * 32 + ${salt}) % ${values})`;
  const shipDay = `(8035 + ${draw(6, 2520)})::INTEGER`;
  const comment = [20, 21, 22, 23, 24, 25, 26].map((salt) => pick(salt, words)).join(" || ' ' || ");
  return `
    SELECT (1 + (i // 4) * 4 + ${draw(1, 4)})::BIGINT AS l_orderkey,
           (1 + ${draw(2, 200_000)})::BIGINT AS l_partkey,
           (1 + ${draw(3, 10_000)})::BIGINT AS l_suppkey,
           (1 + i % 4)::INTEGER AS l_linenumber,
           (1 + ${draw(4, 50)})::DOUBLE AS l_quantity,
           round(900 + (${draw(5, 9_500_000)})::DOUBLE / 100, 2) AS l_extendedprice,
           (${draw(7, 11)})::DOUBLE / 100 AS l_discount,
           (${draw(8, 9)})::DOUBLE / 100 AS l_tax,
           ${pick(9, ["A", "N", "R"])} AS l_returnflag,
           ${pick(10, ["F", "O"])} AS l_linestatus,
           DATE '1970-01-01' + ${shipDay} AS l_shipdate,
           DATE '1970-01-01' + (${shipDay} + ${draw(11, 60)}::INTEGER - 30) AS l_commitdate,
           DATE '1970-01-01' + (${shipDay} + 1 + ${draw(12, 30)}::INTEGER) AS l_receiptdate,
           ${pick(13, ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"])} AS l_shipinstruct,
           ${pick(14, ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"])} AS l_shipmode,
           substr(${comment}, 1, (10 + ${draw(15, 34)})::INTEGER) AS l_comment
    FROM range(${rows}) AS source(i)`;
}

/** Path of the Parquet file. */
export function lineitemLike(rows: number, codec: Codec): Promise<string> {
  return cachedOnce(`lineitem/${codec.toLowerCase()}-${rows}.parquet`, (path) =>
    withDuckDB((db) => copyToParquet(db, lineitemQuery(rows), path, codec)),
  );
}
