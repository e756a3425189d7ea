import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { Duck } from "../../../support/parquet/duckdb.ts";
import { type Row, rowsOfFile } from "../../../support/parquet/read-parquet.ts";
import { withWorkspace } from "../../../support/workspace.ts";

// Written by test/fixtures/parquet/generate.py with pyarrow: what DuckDB does not write.
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/parquet/${name}.parquet`, import.meta.url));

const ours = (name: string, batchRows: number): Row[] =>
  withWorkspace((workspace) => rowsOfFile(workspace, nodeHost().files, fixture(name), batchRows));

/** What hyparquet reads; it gives undefined where we give null, and maps as objects. */
async function theirs(name: string): Promise<Row[]> {
  const bytes = readFileSync(fixture(name));
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  return parquetReadObjects({ file, compressors, utf8: true });
}

/** One form for both readers: nulls as null, bytes as hex, maps as lists of pairs, integers as texts. */
function normal(value: unknown, key?: string): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint" || typeof value === "number") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) {
    if (key === "m")
      return value.map((entry) => (Array.isArray(entry) ? entry : [entry.key, entry.value]).map((v) => normal(v)));
    return value.map((element) => normal(element));
  }
  if (typeof value === "object") {
    if (key === "m") return Object.entries(value).map(([k, v]) => [k, normal(v)]);
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, normal(field, name)]));
  }
  return value;
}

describe("reads what pyarrow writes, as hyparquet does", () => {
  const names = ["delta", "split", "fallback", "index", "lz4", "brotli", "gzip", "nested", "nested-v1"];
  it.each(names.flatMap((name) => [[name, 10_000] as const, [name, 61] as const]))(
    "%s, batches of %i",
    async (name, batchRows) => {
      const read = ours(name, batchRows);
      expect(read.length).toBe(700);
      expect(read.map((row) => normal(row))).toEqual((await theirs(name)).map((row) => normal(row)));
    },
  );
});

describe("reads rare types, as DuckDB does", () => {
  let duck: Duck;
  beforeAll(async () => {
    duck = await Duck.open();
  });
  afterAll(() => duck.close());

  it("INT96, decimals as bytes, half floats, times and nulls", async () => {
    const expected = await duck.rows(
      `SELECT epoch_ns(ts96::TIMESTAMP_NS), dec5::VARCHAR, dec30::VARCHAR, f16::DOUBLE, epoch_ms(t32), dic
       FROM '${fixture("types")}'`,
    );
    const rows = ours("types", 37);
    expect(rows.map((row) => [String(row.ts96), row.dec5, row.dec30, row.f16, row.t32, row.dic])).toEqual(
      expected.map(([ts, a, b, f, t, d]) => [String(ts), a, b, f, Number(t), d]),
    );
    expect(rows.map((row) => row.t64n)).toEqual(rows.map((_, i) => BigInt(i) * 1_000_000_000n + 7n));
    expect(rows.every((row) => row.nul === null)).toBe(true);
  });

  it("decimals as integers", async () => {
    const expected = await duck.rows(`SELECT dec5::VARCHAR, dec30::VARCHAR FROM '${fixture("int-decimals")}'`);
    expect(ours("int-decimals", 50).map((row) => [row.dec5, row.dec30])).toEqual(expected);
  });
});

it("reads three million flights that Polars wrote, with dictionaries that its footer does not mention", async () => {
  const path = fileURLToPath(
    new URL("../../../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url),
  );
  const duck = await Duck.open();
  const [[count, delay, distance, origins, ticks]] = await duck.rows(
    `SELECT count(*), sum(delay), sum(distance), count(DISTINCT origin), sum(epoch_us(date) // 60000000) FROM '${path}'`,
  );
  duck.close();
  const totals = { count: 0n, delay: 0n, distance: 0n, ticks: 0n, origins: new Set<unknown>() };
  withWorkspace((workspace) => {
    for (const row of rowsOfFile(workspace, nodeHost().files, path, 65_536)) {
      totals.count++;
      totals.delay += (row.delay as bigint | null) ?? 0n;
      totals.distance += (row.distance as bigint | null) ?? 0n;
      totals.ticks += (row.date as bigint) / 60_000_000n;
      if (row.origin !== null) totals.origins.add(row.origin);
    }
  });
  expect([totals.count, totals.delay, totals.distance, BigInt(totals.origins.size), totals.ticks].map(String)).toEqual(
    [count, delay, distance, origins, ticks].map(String),
  );
}, 60_000);
