import type { DuckDBConnection } from "@duckdb/node-api";

/** How a column of the tables is made in DuckDB: its type, and SQL texts of the values that it has. */
interface ColumnValues {
  readonly type: string;
  readonly values: readonly string[];
}

const texts = (...values: string[]) => values.map((value) => `'${value.replaceAll("'", "''")}'`);

/** Few values, so that groups and joins meet, edges among them. Sums of doubles are exact: order cannot change them. */
const COLUMNS: Readonly<Record<string, ColumnValues>> = {
  i8: { type: "TINYINT", values: ["-128", "127", "0", "1", "-1", "5"] },
  u8: { type: "UTINYINT", values: ["0", "255", "1", "7"] },
  i16: { type: "SMALLINT", values: ["-32768", "32767", "0", "3", "-7"] },
  u16: { type: "USMALLINT", values: ["0", "65535", "9"] },
  i32: { type: "INTEGER", values: ["0", "1", "2", "3", "-1", "100000", "-2147483648", "2147483647"] },
  u32: { type: "UINTEGER", values: ["0", "1", "4294967295", "77"] },
  i64: { type: "BIGINT", values: ["0", "1", "-1", "7", "9007199254740993", "-9007199254740993"] },
  wide: { type: "BIGINT", values: ["-9223372036854775808", "9223372036854775807", "0", "-1"] },
  u64: { type: "UBIGINT", values: ["18446744073709551615", "9223372036854775808", "0", "1"] },
  f32: { type: "FLOAT", values: ["0", "'-0'", "1.5", "-2.25", "'nan'", "'inf'"] },
  f64: { type: "DOUBLE", values: ["0", "'-0'", "1.5", "-2.25", "1024.015625", "'nan'", "'inf'", "'-inf'"] },
  x: { type: "DOUBLE", values: ["0", "0.5", "-3.75", "12.25", "1e6"] },
  d: { type: "DECIMAL(12,2)", values: ["0", "1.50", "-1.50", "9999999999.99", "-0.01"] },
  e: { type: "DECIMAL(38,6)", values: ["0", "0.000001", "-12345678901234567890123456789012.654321", "7"] },
  b: { type: "BOOLEAN", values: ["true", "false"] },
  s: {
    type: "VARCHAR",
    values: [
      ...texts("", "a", "ab", "aXb", "b,c", "it's", " a ", "Zürich", "日本語", "😀", "a longer text than twelve bytes"),
      "repeat('long ', 30)",
    ],
  },
  t: { type: "VARCHAR", values: texts("red", "green", "blue") },
  bin: { type: "BLOB", values: ["''::BLOB", "'\\x00\\xFF'::BLOB", "'abc'::BLOB"] },
  day: { type: "DATE", values: ["DATE '1970-01-01'", "DATE '2024-02-29'", "DATE '1899-12-31'", "DATE '2023-12-31'"] },
  moment: {
    type: "TIMESTAMP",
    values: ["TIMESTAMP '1970-01-01'", "TIMESTAMP '2024-02-29 23:59:59.999999'", "TIMESTAMP '1914-07-28 00:00:00.5'"],
  },
  nothing: { type: "INTEGER", values: ["NULL"] },
  items: { type: "INTEGER[]", values: ["[]", "[1]", "[NULL, 2]", "[3, 3, 3]"] },
};

/**
 * Makes a table of `rows` rows, the same for the same seed: `id` is unique, of each other column an eighth is null.
 * Values follow each other in random order, in runs (as sorted data has them) or are one value for long stretches.
 */
export async function makeTable(connection: DuckDBConnection, name: string, rows: number, seed: number): Promise<void> {
  const columns = Object.entries(COLUMNS).map(([column, { type, values }], at) => {
    const random = `(hash(n * 131 + ${seed * 1009 + at}) >> 7)`;
    const index = ["n", `${random}`, `(n // 37 + ${at})`][(seed + at) % 3];
    const branches = values.map((value, i) => `WHEN ${i} THEN (${value})::${type}`);
    return `CASE WHEN ${random} % 8 = 0 THEN NULL ELSE CASE ${index} % ${values.length} ${branches.join(" ")} END END AS ${column}`;
  });
  await connection.run(
    `CREATE TABLE ${name} AS SELECT n::BIGINT AS id, ${columns.join(", ")} FROM range(${rows}) AS numbers(n)`,
  );
}
