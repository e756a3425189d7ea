import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leanFooterParser } from "../../../../src/connectors/parquet/footer-parser.ts";
import { openParquet } from "../../../../src/connectors/parquet/parquet-file.ts";
import { type ParquetWriteOptions, ParquetWriter } from "../../../../src/connectors/parquet/parquet-writer.ts";
import { ParquetRowGroupReader } from "../../../../src/connectors/parquet/row-group-reader.ts";
import { Batch } from "../../../../src/core/batch.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { Duck } from "../../../support/parquet/duckdb.ts";
import { rowsOfFile } from "../../../support/parquet/read-parquet.ts";
import { writeRows } from "../../../support/parquet/write-parquet.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({
  i8: types.int8,
  u16: types.uint16,
  i32: types.int32,
  u32: types.uint32,
  i64: types.int64,
  u64: types.uint64,
  f32: types.float32,
  f64: types.float64,
  flag: types.bool,
  few: types.utf8,
  many: types.utf8,
  raw: types.binary,
  day: types.date,
  clock: types.time("us"),
  seconds: types.timestamp("s"),
  instant: types.timestamp("ms", "UTC"),
  nanos: types.timestamp("ns"),
  d9: types.decimal(9, 2),
  d18: types.decimal(18, 4),
  d38: types.decimal(38, 10),
  tags: types.list(types.utf8),
  pair: types.struct({ a: types.int64, b: types.list(types.float64) }),
  counts: types.map(types.utf8, types.int64),
});

const ROWS = 3000;
const rows = Array.from({ length: ROWS }, (_, i) => {
  const unless = <T>(every: number, value: T): T | null => (i % every === 0 ? null : value);
  return {
    i8: unless(5, (i % 256) - 128),
    u16: i % 65536,
    i32: unless(7, -i * 104_729),
    u32: 4_294_967_295 - i,
    i64: unless(3, 9_007_199_254_740_993n + BigInt(i)),
    u64: 18_446_744_073_709_551_615n - BigInt(i),
    f32: Math.fround(i / 3),
    f64: unless(11, -i / 7),
    flag: unless(13, i % 2 === 0),
    few: unless(4, `word ${i % 9}`),
    many: `row ${i} ${"é".repeat(i % 50)}`,
    raw: Uint8Array.from([i % 256, 0, 255]),
    day: unless(6, i - 1000),
    clock: BigInt(i) * 1_000_003n,
    seconds: unless(9, i * 1_000_000 - 1_000_000_000),
    instant: i * 86_399_999,
    nanos: BigInt(i) * 86_399_999_999_999n - 1n,
    d9: unless(8, `${i}.25`),
    d18: `-${i}.1234`,
    d38: unless(10, `${i}${"7".repeat(20)}.0123456789`),
    tags: unless(
      6,
      Array.from({ length: i % 4 }, (_, j) => (j === 2 ? null : `t${j}`)),
    ),
    pair: unless(5, { a: unless(2, BigInt(i)), b: unless(3, [i, null, -i]) }),
    counts: unless(
      7,
      i % 3 === 0
        ? []
        : [
            ["k", BigInt(i)],
            ["none", null],
          ],
    ),
  };
});

let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => duck.close());

it("reads decimals beyond their declared precision exactly, in 128 bits", () => {
  const path = duck.path("too-long.parquet");
  const declared = Schema.of({ a: types.decimal(10, 0), b: types.decimal(10, 0) });
  withWorkspace((workspace) => {
    const file = nodeHost().files.openWrite(path);
    const writer = new ParquetWriter(workspace, file, declared, { dictionary: false });
    const long = ["-999999999999999999", "1", null];
    const columns = [long, ["9999999999", null, "-9999999999"]].map((values) => {
      const column = buildColumn(workspace, types.decimal(18, 0), values);
      const lying = column.viewAs(types.decimal(10, 0), 3, column.layout);
      column.release();
      return lying;
    });
    const batch = new Batch(declared, 3, columns);
    writer.write(batch);
    batch.release();
    writer.finish();
    writer.close();
    file.close();
    const footer = openParquet(nodeHost().files, path);
    const reader = new ParquetRowGroupReader(workspace, footer, 0, ["a", "b"]);
    const read = reader.next(10);
    expect(read?.columns.map((column) => column.words?.bits)).toEqual([undefined, 34]);
    expect(read && readRows(workspace, read)).toEqual([
      { a: "-999999999999999999", b: "9999999999" },
      { a: "1", b: null },
      { a: null, b: "-9999999999" },
    ]);
    read?.release();
    reader.close();
  });
});

let files = 0;
function write(options: ParquetWriteOptions): string {
  const path = duck.path(`written-${files++}.parquet`);
  withWorkspace((workspace) => writeRows(workspace, nodeHost().files, path, schema, rows, options));
  return path;
}

/** Row by row, so that a difference prints one row. */
function expectSameRows(actual: readonly unknown[], expected: readonly unknown[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, row] of actual.entries()) expect(row, `row ${i}`).toEqual(expected[i]);
}

const VARIANTS: [string, ParquetWriteOptions][] = [
  ["as it does by default", {}],
  ["zstd", { codec: "zstd" }],
  ["gzip, data pages of version 2", { codec: "gzip", dataPageVersion: 2 }],
  ["no codec and no dictionary", { codec: "none", dictionary: false }],
  [
    "small pages and row groups",
    { rowGroupRows: 700, pageRows: 100, dataPageVersion: 2, bloomFilters: ["few", "i64"] },
  ],
];

describe.each(VARIANTS)("a file written with %s", (_, options) => {
  it("is read by DuckDB, value by value", async () => {
    const path = write(options);
    const expected = (value: unknown): string =>
      JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? Number(inner) : inner));
    const read = await duck.rows(`
      SELECT i8, u16, i32, u32, i64, u64, f32::DOUBLE, f64, flag, few, many, hex(raw),
             day - DATE '1970-01-01', epoch_us(clock), epoch_ms(seconds) // 1000, epoch_ms(instant), epoch_ns(nanos),
             d9::VARCHAR, d18::VARCHAR, d38::VARCHAR, to_json(tags)::VARCHAR, replace(to_json(pair)::VARCHAR, '.0', ''),
             map_keys(counts)::VARCHAR, to_json(map_values(counts))::VARCHAR
      FROM '${path}'`);
    const text = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
    expectSameRows(
      read.map((row) => row.map(text)),
      rows.map((row) =>
        [
          row.i8,
          row.u16,
          row.i32,
          row.u32,
          row.i64,
          row.u64,
          row.f32,
          row.f64,
          row.flag,
          row.few,
          row.many,
          Buffer.from(row.raw).toString("hex").toUpperCase(),
          row.day,
          row.clock,
          row.seconds,
          row.instant,
          row.nanos,
          row.d9,
          row.d18,
          row.d38,
          row.tags && expected(row.tags),
          row.pair && expected(row.pair),
          row.counts && `[${row.counts.map(([key]) => key).join(", ")}]`,
          row.counts && expected(row.counts.map(([, value]) => value)),
        ].map(text),
      ),
    );
  });

  it("is read by hyparquet", async () => {
    const bytes = readFileSync(write(options));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const read = await parquetReadObjects({ file, compressors, columns: ["i64", "few", "many", "u16", "tags"] });
    const plain = (value: unknown): unknown => (Array.isArray(value) ? value.map((v) => v ?? null) : (value ?? null));
    expectSameRows(
      read.map((row) => [row.i64, row.few, row.many, row.u16, row.tags].map(plain)),
      rows.map((row) => [row.i64, row.few, row.many, row.u16, row.tags]),
    );
  });

  it("is read back by us", () => {
    const path = write(options);
    withWorkspace((workspace) => {
      const read = rowsOfFile(workspace, nodeHost().files, path, 512);
      // Seconds come back as milliseconds: the format has nothing coarser.
      expectSameRows(
        read,
        rows.map((row) => ({ ...row, seconds: row.seconds === null ? null : row.seconds * 1000 })),
      );
    });
  });
});

it("writes statistics that DuckDB reads and that hold", async () => {
  const path = write({ rowGroupRows: 1000 });
  const columns = ["i8", "i32", "i64", "u64", "f64", "few", "many", "day", "d9", "u32"];
  const read = await duck.rows(`
    SELECT path_in_schema, row_group_id, stats_min_value, stats_max_value, stats_null_count
    FROM parquet_metadata('${path}') WHERE path_in_schema IN (${columns.map((name) => `'${name}'`).join(",")})`);
  expect(read.length).toBe(30);
  for (const [name, group, min, max, nulls] of read) {
    const [[low, high, missing]] = await duck.rows(`
      SELECT min(${name})::VARCHAR, max(${name})::VARCHAR, count(*) - count(${name})
      FROM (SELECT * FROM '${path}' LIMIT 1000 OFFSET ${Number(group) * 1000})`);
    expect(Number(nulls), `${name}`).toBe(Number(missing));
    if (name === "many") {
      expect(String(min) <= String(low) && String(max) >= String(high), "bounds of cut texts").toBe(true);
    } else expect([String(min), String(max)], `${name}`).toEqual([String(low), String(high)]);
  }
});

it("writes footers that parquetjs-lite's own structures agree on", () => {
  const bytes = readFileSync(write({ rowGroupRows: 1000 }));
  const length = bytes.readUInt32LE(bytes.length - 8);
  const footer = bytes.subarray(bytes.length - 8 - length, bytes.length - 8);
  const require = createRequire(import.meta.url);
  const thrift = require("parquetjs-lite/gen-nodejs/parquet_types.js");
  const parsed = new thrift.FileMetaData();
  require("parquetjs-lite/lib/util.js").decodeThrift(parsed, footer);
  const ours = leanFooterParser.parseFooter(footer);
  expect(ours.rowCount).toBe(Number(parsed.num_rows));
  expect(ours.schema.map(({ name }) => name)).toEqual(parsed.schema.map((element: { name: string }) => element.name));
  expect(
    ours.rowGroups.map((group) =>
      group.columns.map((chunk) => [chunk.valueCount, chunk.codec, chunk.compressedSize, chunk.dataPageOffset]),
    ),
  ).toEqual(
    parsed.row_groups.map((group: { columns: { meta_data: Record<string, unknown> }[] }) =>
      group.columns.map(({ meta_data }) =>
        [meta_data.num_values, meta_data.codec, meta_data.total_compressed_size, meta_data.data_page_offset].map(
          Number,
        ),
      ),
    ),
  );
});

it("refuses what Parquet cannot hold, by name", () => {
  const intervals = Schema.of({ gap: types.interval });
  const bad = [{ gap: { months: -1, days: 0, nanoseconds: 0n } }];
  withWorkspace((workspace) => {
    const path = duck.path("refused.parquet");
    expect(() => writeRows(workspace, nodeHost().files, path, intervals, bad)).toThrow(/"gap" has an interval/);
    const good = [{ gap: { months: 3, days: 4, nanoseconds: 5_000_000n } }, { gap: null }];
    writeRows(workspace, nodeHost().files, path, intervals, good);
    expect(rowsOfFile(workspace, nodeHost().files, path)).toEqual(good);
  });
});

it("refuses options that mean nothing", () => {
  withWorkspace((workspace) => {
    const attempt = (options: object) => () =>
      writeRows(workspace, nodeHost().files, duck.path("options.parquet"), schema, [], options);
    expect(attempt({ codec: "lzo" })).toThrow(/codec is "lzo"\. It is one of none, snappy, gzip, zstd/);
    expect(attempt({ rowGroupRows: 0 })).toThrow(/rowGroupRows is 0/);
    expect(attempt({ bloomFilters: ["tags"] })).toThrow(/names "tags", which is no column of values/);
  });
});
