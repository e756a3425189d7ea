import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openParquet } from "../../../src/connectors/parquet/parquet-file.ts";
import type { ParquetWriteOptions } from "../../../src/connectors/parquet/parquet-writer.ts";
import { DataError, ExternalError, MemoryExhaustedError } from "../../../src/core/errors.ts";
import { Schema } from "../../../src/core/schema.ts";
import { bool, decimal, float64, int16, int64, list, map, struct, timestamp, utf8 } from "../../../src/core/types.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { rowsOfGroup } from "../../support/parquet/read-parquet.ts";
import { writeRows } from "../../support/parquet/write-parquet.ts";
import { withWorkspace } from "../../support/workspace.ts";

const PATH = "hostile.parquet";
const BUDGET_BYTES = 64 * 1024 * 1024;

const schema = Schema.of({
  id: int64,
  small: int16,
  flag: bool,
  price: float64,
  exact: decimal(30, 3),
  at: timestamp("us"),
  word: utf8,
  text: utf8,
  tags: list(utf8),
  pair: struct({ a: int64, b: utf8 }),
  counts: map(utf8, int64),
});

const rows = Array.from({ length: 300 }, (_, i) => ({
  id: BigInt(i) * 1_000_003n,
  small: i % 7 === 0 ? null : i % 100,
  flag: i % 3 === 0,
  price: i / 7,
  exact: i % 5 === 0 ? null : `${i}.125`,
  at: BigInt(i) * 86_400_000_000n,
  word: ["red", "green", null, "blue"][i % 4],
  text: `text number ${i} ${"x".repeat(i % 30)}`,
  tags: i % 6 === 0 ? null : Array.from({ length: i % 4 }, (_, j) => (j === 1 ? null : `tag${j}`)),
  pair: i % 8 === 0 ? null : { a: BigInt(i), b: i % 2 === 0 ? null : `b${i}` },
  counts: [[`k${i % 3}`, BigInt(i)]],
}));

// Without checksums: with them nearly every flip is found before anything is decoded.
const VARIANTS: ParquetWriteOptions[] = [
  { codec: "snappy", rowGroupRows: 100 },
  { codec: "none", checksums: false },
  { codec: "snappy", checksums: false, rowGroupRows: 100 },
  { codec: "gzip", checksums: false, dataPageVersion: 2 },
  { codec: "zstd", checksums: false },
  { codec: "none", checksums: false, dataPageVersion: 2, dictionary: false, pageRows: 64 },
];

const written = VARIANTS.map((options) =>
  withWorkspace((workspace) => {
    const files = new MemoryFiles();
    writeRows(workspace, files, PATH, schema, rows, options);
    return Buffer.concat(files.contents.get(PATH) ?? []);
  }),
);

// All encodings, codecs and layouts that other writers have.
const fixtures = ["delta", "split", "fallback", "index", "lz4", "brotli", "nested", "nested-v1", "types"].map((name) =>
  readFileSync(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url)),
);

const originals = [...written, ...fixtures];

/** Reads everything that the file claims to hold. Returns the row count, or the error. */
function readAll(bytes: Buffer): number | Error {
  const files = new MemoryFiles();
  files.contents.set(PATH, [bytes]);
  return withWorkspace((workspace) => {
    try {
      const file = openParquet(files, PATH);
      let count = 0;
      for (let group = 0; group < file.rowGroups.length; group++) {
        count += rowsOfGroup(workspace, file, group, 77).length;
      }
      expect(count).toBe(file.numRows);
      return count;
    } catch (error) {
      return error as Error;
    } finally {
      expect(files.openHandles).toBe(0);
    }
  }, BUDGET_BYTES);
}

/** An error of ours that names the file, or the right number of rows: nothing else. */
function expectSafe(bytes: Buffer): void {
  const started = process.cpuUsage();
  const result = readAll(bytes);
  const { user, system } = process.cpuUsage(started);
  expect(user + system, "microseconds of processor time").toBeLessThan(2_000_000);
  if (typeof result === "number") return;
  if (!(result instanceof DataError || result instanceof MemoryExhaustedError || result instanceof ExternalError))
    throw result;
  if (result instanceof DataError) {
    expect(result.code).toMatch(/^PARQUET_/);
    expect(result.message).toContain(PATH);
  }
}

const variants = fc.constantFrom(...originals);
const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe("a damaged Parquet file", () => {
  it("is read whole when it is not damaged", () => {
    for (const bytes of written) expect(readAll(bytes)).toBe(rows.length);
    for (const bytes of fixtures) expect(readAll(bytes)).toBeTypeOf("number");
  });

  it(
    "gives a typed error or its row count when bits are flipped",
    () =>
      fc.assert(
        fc.property(
          variants,
          fc.array(fc.tuple(position, fc.nat(7)), { minLength: 1, maxLength: 4 }),
          (original, flips) => {
            const bytes = Buffer.from(original);
            for (const [at, bit] of flips) bytes[Math.floor(at * bytes.length)] ^= 1 << bit;
            expectSafe(bytes);
          },
        ),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 500) },
      ),
    120_000,
  );

  it(
    "gives a typed error or its row count when bytes of its footer are overwritten",
    () =>
      fc.assert(
        fc.property(
          variants,
          fc.array(fc.tuple(position, fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x15, 0x1c)), {
            minLength: 1,
            maxLength: 3,
          }),
          (original, writes) => {
            const bytes = Buffer.from(original);
            const footer = bytes.readUInt32LE(bytes.length - 8);
            const start = bytes.length - 8 - footer;
            for (const [at, value] of writes) bytes[start + Math.floor(at * (footer + 4))] = value;
            expectSafe(bytes);
          },
        ),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 500) },
      ),
    120_000,
  );

  it(
    "gives a typed error when it is cut off or has a hole",
    () =>
      fc.assert(
        fc.property(variants, position, position, (original, from, to) => {
          const a = Math.floor(Math.min(from, to) * original.length);
          const b = Math.ceil(Math.max(from, to) * original.length);
          expectSafe(Buffer.concat([original.subarray(0, a), original.subarray(b)]));
          expectSafe(original.subarray(0, a));
        }),
        { numRuns: 200 },
      ),
    60_000,
  );

  it(
    "gives a typed error when a part of it is replaced by another part",
    () =>
      fc.assert(
        fc.property(variants, position, position, fc.integer({ min: 1, max: 200 }), (original, from, to, length) => {
          const bytes = Buffer.from(original);
          const source = Math.floor(from * (bytes.length - length));
          const target = Math.floor(to * (bytes.length - length));
          original.copy(bytes, Math.max(0, target), Math.max(0, source), Math.max(0, source) + length);
          expectSafe(bytes);
        }),
        { numRuns: 300 },
      ),
    60_000,
  );
});
