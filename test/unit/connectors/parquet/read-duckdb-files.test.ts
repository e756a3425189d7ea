import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openParquet } from "../../../../src/connectors/parquet/parquet-file.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { Duck } from "../../../support/parquet/duckdb.ts";
import { rowsOfFile } from "../../../support/parquet/read-parquet.ts";
import { withWorkspace } from "../../../support/workspace.ts";

// Every value is cast so that both sides agree on one exact form: integers and ticks as they are, floats as doubles.
const TYPES: Record<string, { sql: string; exact: string; type: string }> = {
  b: { sql: "i % 3 = 0", exact: "b", type: "bool" },
  i8: { sql: "((i * 7) % 256 - 128)::TINYINT", exact: "i8", type: "int8" },
  i16: { sql: "((i * 977) % 65536 - 32768)::SMALLINT", exact: "i16", type: "int16" },
  i32: { sql: "(i * 104729 - 2000000000)::INTEGER", exact: "i32", type: "int32" },
  i64: { sql: "9007199254740993 + i * 1000003", exact: "i64", type: "int64" },
  u8: { sql: "((i * 7) % 256)::UTINYINT", exact: "u8", type: "uint8" },
  u16: { sql: "((i * 977) % 65536)::USMALLINT", exact: "u16", type: "uint16" },
  u32: { sql: "(4294967295 - i)::UINTEGER", exact: "u32", type: "uint32" },
  u64: { sql: "(18446744073709551615 - i::HUGEINT)::UBIGINT", exact: "u64", type: "uint64" },
  f32: { sql: "(i / 7)::FLOAT", exact: "f32::DOUBLE", type: "float32" },
  f64: { sql: "i / 7", exact: "f64", type: "float64" },
  d4: { sql: "((i % 999) / 10)::DECIMAL(4, 1)", exact: "d4::VARCHAR", type: "decimal(4,1)" },
  d9: { sql: "(-i * 3.25)::DECIMAL(9, 2)", exact: "d9::VARCHAR", type: "decimal(9,2)" },
  d18: { sql: "(i * 1000000007.125)::DECIMAL(18, 3)", exact: "d18::VARCHAR", type: "decimal(18,3)" },
  d38: { sql: "(i * -123456789012345678901234567.5)::DECIMAL(38, 4)", exact: "d38::VARCHAR", type: "decimal(38,4)" },
  s: { sql: "'value ' || (i % 50)", exact: "s", type: "utf8" },
  t: { sql: "repeat('é', (i % 40)::INTEGER) || i", exact: "t", type: "utf8" },
  x: { sql: "encode('b' || i)", exact: "hex(x)", type: "binary" },
  da: { sql: "DATE '1969-06-01' + (i % 4000)::INTEGER", exact: "(da - DATE '1970-01-01')::BIGINT", type: "date" },
  ti: { sql: "TIME '00:00:00' + to_microseconds(i * 40000003 % 86400000000)", exact: "epoch_us(ti)", type: "time(us)" },
  tsm: { sql: "make_timestamp(i * 86399000)::TIMESTAMP_MS", exact: "epoch_ms(tsm)", type: "timestamp(ms)" },
  ts: { sql: "make_timestamp(-i * 86399999999)", exact: "epoch_us(ts)", type: "timestamp(us)" },
  tsn: { sql: "make_timestamp_ns(i * 86399999999123)", exact: "epoch_ns(tsn)", type: "timestamp(ns)" },
  tz: { sql: "make_timestamp(i * 3600000001)::TIMESTAMPTZ", exact: "epoch_us(tz)", type: "timestamp(us, UTC)" },
  uu: { sql: "(lpad(to_hex(i), 32, 'a'))::UUID", exact: "replace(uu::VARCHAR, '-', '')", type: "binary" },
  e: { sql: "(['red', 'green', 'blue'][1 + i % 3])::colour", exact: "e::VARCHAR", type: "utf8" },
  iv: {
    sql: "to_months((i % 30)::INTEGER) + to_days((i % 9)::INTEGER) + to_milliseconds(i)",
    exact: "iv",
    type: "interval",
  },
};

const names = Object.keys(TYPES);
const table = (rows: number, nullEvery: number): string =>
  `SELECT ${names
    .map((name) => {
      const { sql } = TYPES[name];
      return nullEvery === 0
        ? `${sql} AS ${name}`
        : `CASE WHEN hash(i, '${name}') % ${nullEvery} = 0 THEN NULL ELSE ${sql} END AS ${name}`;
    })
    .join(", ")} FROM range(${rows}) AS source(i)`;

let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
  await duck.run("CREATE TYPE colour AS ENUM ('red', 'green', 'blue')");
});
afterAll(() => duck.close());

/** A value of ours as text, and DuckDB's exact expression as text. */
function ourText(name: string, value: unknown): string | null {
  if (value === null) return null;
  if (name === "x" || name === "uu") {
    const hex = Buffer.from(value as Uint8Array).toString("hex");
    return name === "x" ? hex.toUpperCase() : hex;
  }
  if (name === "iv") {
    const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
    return `${months} ${days} ${nanoseconds / 1000n}`;
  }
  return String(value);
}

function theirText(name: string, value: unknown): string | null {
  if (value === null) return null;
  if (name === "iv") {
    const { months, days, micros } = value as { months: number; days: number; micros: bigint };
    return `${months} ${days} ${micros}`;
  }
  return String(value);
}

async function expectSameRows(path: string, batchRows: number): Promise<void> {
  const expected = await duck.rows(`SELECT ${names.map((name) => TYPES[name].exact).join(", ")} FROM '${path}'`);
  withWorkspace((workspace) => {
    const rows = rowsOfFile(workspace, nodeHost().files, path, batchRows);
    expect(rows.length).toBe(expected.length);
    for (const [column, name] of names.entries()) {
      const ours = rows.map((row) => ourText(name, row[name]));
      const theirs = expected.map((row) => theirText(name, row[column]));
      expect(ours, name).toEqual(theirs);
    }
  });
}

describe("reads what DuckDB writes", () => {
  const codecs = ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4_raw"];
  it.each(codecs)("with codec %s, every type, a fifth of it null", async (codec) => {
    // Brotli compresses at about 1 MB/s there.
    const path = await duck.copy(table(codec === "brotli" ? 300 : 3000, 5), `${codec}.parquet`, `CODEC ${codec}`);
    await expectSameRows(path, 1000);
  });

  it.each(["V1", "V2"])("with format version %s: the encodings of that version", async (version) => {
    const path = await duck.copy(table(20_000, 0), `${version}.parquet`, `PARQUET_VERSION ${version}`);
    await expectSameRows(path, 8192);
  });

  it.each(["V1", "V2"])("with version %s, nulls and several row groups", async (version) => {
    const options = `PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048`;
    const path = await duck.copy(table(5000, 3), `groups-${version}.parquet`, options);
    await expectSameRows(path, 333);
  });

  it("maps every type", async () => {
    const path = await duck.copy(table(10, 0), "types.parquet");
    const { schema } = openParquet(nodeHost().files, path);
    expect(String(schema)).toBe(names.map((name) => `${name} ${TYPES[name].type}`).join(", "));
  });

  it("without rows", async () => {
    const path = await duck.copy(table(0, 0), "empty.parquet");
    await expectSameRows(path, 100);
  });

  it("all null", async () => {
    const path = await duck.copy(table(1000, 1), "all-null.parquet");
    await expectSameRows(path, 300);
  });
});

describe("reads nested columns as DuckDB writes them", () => {
  const nested = `
    SELECT CASE WHEN i % 5 = 0 THEN NULL ELSE [x FOR x IN range(i % 4) IF true] END AS numbers,
           CASE WHEN i % 7 = 0 THEN NULL ELSE {'a': i, 'b': CASE WHEN i % 3 = 0 THEN NULL ELSE 'b' || i END} END AS pair,
           CASE WHEN i % 6 = 0 THEN NULL ELSE [[i, NULL], [], NULL, [i + 1]] END AS deep,
           CASE WHEN i % 4 = 0 THEN [] ELSE [{'k': 'k' || (i % 3), 'v': [i::DOUBLE]}, NULL] END AS structs,
           CASE WHEN i % 9 = 0 THEN NULL ELSE MAP {'one': i, 'two': NULL} END AS m,
           {'inner': {'x': CASE WHEN i % 2 = 0 THEN NULL ELSE i END}} AS twice,
           i AS flat
    FROM range(0, 4000) AS source(i)`;

  it.each([4000, 97])("in batches of %i rows", async (batchRows) => {
    const path = await duck.copy(nested, `nested-${batchRows}.parquet`, "ROW_GROUP_SIZE 2048");
    const expected = (await duck.jsonRows(`SELECT * FROM '${path}'`)).map((json) => JSON.parse(json));
    withWorkspace((workspace) => {
      const rows = rowsOfFile(workspace, nodeHost().files, path, batchRows).map((row) =>
        JSON.parse(
          JSON.stringify(
            { ...row, m: row.m === null ? null : Object.fromEntries(row.m as [string, unknown][]) },
            (_, value) => (typeof value === "bigint" ? Number(value) : value),
          ),
        ),
      );
      expect(rows).toEqual(expected);
    });
  });
});
