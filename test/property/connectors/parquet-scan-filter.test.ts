import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParquetWriteOptions, ParquetWriter } from "../../../src/connectors/parquet/parquet-writer.ts";
import { ScanFilter } from "../../../src/connectors/parquet/scan-filter.ts";
import { Batch } from "../../../src/core/batch.ts";
import { literalOfValue } from "../../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../../src/core/expressions/node.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { DataType } from "../../../src/core/types.ts";
import * as types from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { anyType } from "../../support/arbitrary-column.ts";
import { anyTable, forEachBatch, type TableSample } from "../../support/arbitrary-table.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { readFiltered } from "../../support/parquet/read-filtered.ts";
import { withWorkspace } from "../../support/workspace.ts";

const anyWriteOptions: fc.Arbitrary<ParquetWriteOptions> = fc.record({
  codec: fc.constantFrom("none", "snappy", "gzip", "zstd"),
  dataPageVersion: fc.constantFrom(1, 2),
  rowGroupRows: fc.integer({ min: 1, max: 200 }),
  pageRows: fc.integer({ min: 1, max: 60 }),
  dictionary: fc.boolean(),
});

/** What conditions compare; other types are tested for null, and carried along. */
const comparable: readonly DataType[] = [
  types.int8,
  types.int16,
  types.int32,
  types.int64,
  types.uint8,
  types.float32,
  types.float64,
  types.bool,
  types.utf8,
  types.binary,
  types.date,
  types.decimal(9, 2),
  types.decimal(15, 2),
  types.decimal(30, 4),
];
const isComparable = (type: DataType): boolean => comparable.some((other) => types.sameType(type, other));

const anyColumnType = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...comparable) },
  { weight: 1, arbitrary: anyType.filter(({ kind }) => kind !== "interval") },
);
const anyColumnTypes = fc.array(anyColumnType, { minLength: 1, maxLength: 4 });

/** A condition on the columns of a table, with literals out of its own values. */
function anyCondition(table: TableSample): fc.Arbitrary<ExpressionNode> {
  const { rowCount } = table;
  const onColumn = (index: number): fc.Arbitrary<ExpressionNode> => {
    const column = columnNode(`c${index}`);
    const type = table.types[index];
    const nulls = fc.constantFrom("isNull", "isNotNull").map((fn) => callNode(fn, column));
    const values = table.columns[index].filter((value) => value !== null);
    if (!isComparable(type) || values.length === 0 || rowCount === 0) return nulls;
    const compared = fc
      .tuple(fc.constantFrom("eq", "ne", "lt", "le", "gt", "ge"), fc.constantFrom(...values))
      .map(([fn, value]) => callNode(fn, column, literalOfValue(value, type)));
    const others = table.types.flatMap((other, i) => (i !== index && types.sameType(other, type) ? [i] : []));
    const both =
      others.length === 0
        ? []
        : [fc.constantFrom(...others).map((other) => callNode("lt", column, columnNode(`c${other}`)))];
    return fc.oneof({ weight: 4, arbitrary: compared }, nulls, ...both);
  };
  const one = fc.nat(table.types.length - 1).chain(onColumn);
  const either = fc.tuple(one, one).map(([a, b]) => callNode("or", a, b));
  const negated = one.map((condition) => callNode("not", condition));
  return fc
    .array(fc.oneof({ weight: 3, arbitrary: one }, either, negated), { minLength: 1, maxLength: 3 })
    .map((conditions) => conditions.reduce((left, right) => callNode("and", left, right)));
}

const schemaOf = (table: TableSample): Schema => new Schema(table.types.map((type, i) => ({ name: `c${i}`, type })));

function write(workspace: Workspace, table: TableSample, options: ParquetWriteOptions): MemoryFiles {
  const files = new MemoryFiles();
  const file = files.openWrite("t.parquet");
  const writer = new ParquetWriter(workspace, file, schemaOf(table), options);
  forEachBatch(workspace, table, (columns, rowCount) => {
    const batch = new Batch(
      schemaOf(table),
      rowCount,
      columns.map((column) => column.retain()),
    );
    writer.write(batch);
    batch.release();
  });
  writer.finish();
  file.close();
  return files;
}

const isFlat = ({ kind }: DataType): boolean => kind !== "list" && kind !== "struct" && kind !== "map";

describe("a scan with conditions", () => {
  it("leaves out no row that passes, whatever the types, pages, encodings, nulls and conditions", () => {
    let [all, given] = [0, 0];
    fc.assert(
      fc.property(
        anyTable(anyColumnTypes, 300).chain((table) => fc.tuple(fc.constant(table), anyCondition(table))),
        anyWriteOptions,
        fc.integer({ min: 1, max: 130 }),
        ([table, condition], options, batchRows) =>
          withWorkspace((workspace) => {
            const schema = schemaOf(table);
            const files = write(workspace, table, options);
            const flat = new Set(schema.names.filter((_, i) => isFlat(table.types[i])));
            const filter = ScanFilter.of(condition, schema, flat);
            const whole = readFiltered(workspace, files, "t.parquet", condition, batchRows);
            const late = readFiltered(workspace, files, "t.parquet", condition, batchRows, filter);
            expect(late.rows).toEqual(whole.rows);
            all += whole.given;
            given += late.given;
            expect(files.openHandles).toBe(0);
          }),
      ),
      { numRuns: 500 },
    );
    // The law would hold of a scan that leaves out nothing, too.
    expect(given).toBeLessThan(all * 0.8);
  }, 60_000);
});
