import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParquetWriteOptions, ParquetWriter } from "../../../src/connectors/parquet/parquet-writer.ts";
import { Batch } from "../../../src/core/batch.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { DataType } from "../../../src/core/types.ts";
import { anyType } from "../../support/arbitrary-column.ts";
import { anyTable, forEachBatch, type TableSample } from "../../support/arbitrary-table.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { type Row, rowsOfFile } from "../../support/parquet/read-parquet.ts";
import { withWorkspace } from "../../support/workspace.ts";

const anyWriteOptions: fc.Arbitrary<ParquetWriteOptions> = fc.record({
  codec: fc.constantFrom("none", "snappy", "gzip", "zstd"),
  dataPageVersion: fc.constantFrom(1, 2),
  rowGroupRows: fc.integer({ min: 1, max: 100 }),
  pageRows: fc.integer({ min: 1, max: 40 }),
  dictionary: fc.boolean(),
});

/** Parquet's intervals are whole milliseconds above 0; its coarsest time is the millisecond. */
const isWritable = (type: DataType): boolean => type.kind !== "interval";
const writableTypes = fc.array(anyType.filter(isWritable), { minLength: 1, maxLength: 4 });

function roundTrip(
  table: TableSample,
  options: ParquetWriteOptions,
  batchRows: number,
): { written: Row[]; read: Row[] } {
  const files = new MemoryFiles();
  const schema = new Schema(table.types.map((type, i) => ({ name: `c${i}`, type })));
  return withWorkspace((workspace) => {
    const file = files.openWrite("t.parquet");
    const writer = new ParquetWriter(workspace, file, schema, options);
    const written: Row[] = [];
    forEachBatch(workspace, table, (columns, rowCount) => {
      const batch = new Batch(
        schema,
        rowCount,
        columns.map((column) => column.retain()),
      );
      written.push(...readRows(workspace, batch));
      writer.write(batch);
      batch.release();
    });
    expect(writer.finish().rowCount).toBe(table.rowCount);
    file.close();
    const read = rowsOfFile(workspace, files, "t.parquet", batchRows);
    expect(files.openHandles).toBe(0);
    return { written, read };
  });
}

describe("writing and reading a Parquet file", () => {
  it(
    "gives the same rows, whatever the types, shapes, cuts and options",
    () =>
      fc.assert(
        fc.property(
          anyTable(writableTypes, 120),
          anyWriteOptions,
          fc.integer({ min: 1, max: 130 }),
          (table, options, batchRows) => {
            const { written, read } = roundTrip(table, options, batchRows);
            expect(read).toEqual(written);
          },
        ),
        { numRuns: 300 },
      ),
    60_000,
  );
});
