import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { Operator } from "../../../src/core/operator.ts";
import { FilterRows } from "../../../src/core/operators/filter-rows.ts";
import { FlatMapRows } from "../../../src/core/operators/flat-map-rows.ts";
import { GroupReduce } from "../../../src/core/operators/group-reduce.ts";
import { MapPartition } from "../../../src/core/operators/map-partition.ts";
import { MapRows } from "../../../src/core/operators/map-rows.ts";
import { Rebatch } from "../../../src/core/operators/rebatch.ts";
import { SortOperator } from "../../../src/core/operators/sort.ts";
import { inferSchema } from "../../../src/core/rows/infer-schema.ts";
import { createRowReader, type Row } from "../../../src/core/rows/row-view.ts";
import { createRowWriter } from "../../../src/core/rows/row-writer.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { anyKeyType, anyType } from "../../support/arbitrary-column.ts";
import { anyTable, forEachBatch, type TableSample } from "../../support/arbitrary-table.ts";
import { runBatches } from "../../support/run-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const site = { name: "law" };
const names = ["__proto__", "constructor", "a b", "d"];
const schemaOf = ({ types }: TableSample): Schema => new Schema(types.map((type, i) => ({ name: names[i], type })));

/** The rows of a table as plain objects, and its batches. */
function rowsAndBatches(ws: Workspace, table: TableSample): { rows: Row[]; batches: (() => Batch)[] } {
  const schema = schemaOf(table);
  const rows: Row[] = [];
  const batches: (() => Batch)[] = [];
  forEachBatch(ws, table, (columns, rowCount) => {
    const batch = new Batch(
      schema,
      rowCount,
      columns.map((column) => column.retain()),
    );
    rows.push(...readRows(ws, batch));
    batches.push(() => batch);
  });
  return { rows, batches };
}

const anyRows = anyTable(fc.array(anyType, { minLength: 1, maxLength: 4, size: "max" }));
const anyBatchRows = fc.constantFrom(1, 7, 1024);

it("functions over columns give what the methods of arrays give", () => {
  fc.assert(
    fc.property(anyRows, anyBatchRows, fc.nat({ max: 5 }), (table, batchRows, modulus) => {
      const schema = schemaOf(table);
      const shape = { schema };
      const last = names[table.types.length - 1];
      const text = (value: unknown) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v)) ?? "";
      const keeps = (row: Row) => text(row[last]).length % (modulus + 1) === 0;
      const blanked = (row: Row) => ({ ...row, [last]: null });
      const several = (row: Row) => (keeps(row) ? [row, { ...row }] : []);
      const laws: [() => Operator, (rows: Row[]) => Row[]][] = [
        [() => new MapRows((row) => row, schema, shape, site), (rows) => rows],
        [() => new MapRows((row) => ({ ...row }), schema, shape, site), (rows) => rows],
        [() => new MapRows(blanked, schema, shape, site), (rows) => rows.map(blanked)],
        [() => new FilterRows(keeps, schema, site), (rows) => rows.filter(keeps)],
        [() => new FlatMapRows(several, schema, shape, site), (rows) => rows.flatMap(several)],
        [() => new MapPartition((rows) => [...rows].reverse(), schema, shape, site), (rows) => rows.toReversed()],
        [() => new Rebatch(schema), (rows) => rows],
      ];
      for (const [create, expected] of laws) {
        withWorkspace((ws) => {
          const { rows, batches } = rowsAndBatches(ws, table);
          expect(runBatches(ws, create(), [batches], { batchRows })).toEqual(expected(rows));
        });
      }
    }),
    { numRuns: 120 },
  );
});

it("rows are read and written the same with and without generated code", () => {
  fc.assert(
    fc.property(anyRows, (table) =>
      withWorkspace((ws) => {
        const schema = schemaOf(table);
        const { rows, batches } = rowsAndBatches(ws, table);
        const copies: Row[][] = [[], []];
        const written: Row[][] = [[], []];
        for (const create of batches) {
          const batch = create();
          for (const generate of [true, false]) {
            const reader = createRowReader(ws, schema, { generate });
            const writer = createRowWriter(ws, schema, { where: "law", generate });
            reader.bind(batch);
            reader.each((row) => row, null, 0, batch.rowCount, writer.writeChecked);
            for (let row = 0; row < batch.rowCount; row++) copies[Number(generate)].push(reader.copyAt(row));
            const result = writer.take();
            written[Number(generate)].push(...readRows(ws, result));
            result.release();
            writer.close();
          }
          batch.release();
        }
        expect([...copies, ...written]).toEqual([rows, rows, rows, rows]);
      }),
    ),
    { numRuns: 150 },
  );
});

it("grouping after a sort gives each key once with all its rows", () => {
  fc.assert(
    fc.property(
      anyTable(fc.array(anyKeyType, { minLength: 1, maxLength: 3, size: "max" })),
      anyBatchRows,
      (table, batchRows) =>
        withWorkspace((ws) => {
          const schema = schemaOf(table);
          const keys = table.types.map((_, column) => ({ column, descending: column % 2 === 1 }));
          const { rows, batches } = rowsAndBatches(ws, table);
          const sorted = runBatches(ws, new SortOperator(schema, { kind: "sort", keys }), [batches], { batchRows });
          const shape = { schema: new Schema([...schema.fields, { name: "count", type: int32 }]) };
          const count = (key: Row, group: Iterable<Row>) => [{ ...key, count: [...group].length }];
          const operator = new GroupReduce(count, schema, keys, shape, site);
          const writer = createRowWriter(ws, schema, { where: "law" });
          const cuts = table.cuts.map((size, i) => {
            const start = table.cuts.slice(0, i).reduce((a, b) => a + b, 0);
            return () => {
              for (const row of sorted.slice(start, start + size)) writer.write(row);
              return writer.take();
            };
          });
          const groups = runBatches(ws, operator, [cuts], { batchRows });
          writer.close();
          const expected = new Map<string, number>();
          for (const row of rows) expected.set(keyText(row), (expected.get(keyText(row)) ?? 0) + 1);
          expect(new Map(groups.map(({ count, ...key }) => [keyText(key), count]))).toEqual(expected);
          expect(groups.length).toBe(expected.size);
        }),
    ),
    { numRuns: 120 },
  );
});

/** Equal for equal keys: -0 equals 0, and NaN itself. */
function keyText(row: Row): string {
  return Object.values(row)
    .map((value) =>
      value instanceof Uint8Array ? `bytes ${[...value]}` : `${typeof value} ${JSON.stringify(String(value))}`,
    )
    .join("|");
}

it("an inferred schema takes the rows that it was inferred from", () => {
  const anyValues = fc.record(
    {
      n: fc.oneof(fc.double(), fc.integer()),
      b: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      s: fc.string({ unit: "grapheme" }),
      t: fc.boolean(),
      l: fc.array(fc.option(fc.double())),
      o: fc.record({ x: fc.option(fc.string()), y: fc.array(fc.boolean()) }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(anyValues, { maxLength: 12 }), (rows) =>
      withWorkspace((ws) => {
        const schema = inferSchema(rows);
        const writer = createRowWriter(ws, schema, { where: "law", isInferred: true });
        for (const row of rows) writer.writeChecked(row);
        const batch = writer.take();
        const blank = Object.fromEntries(schema.names.map((name) => [name, null]));
        expect(readRows(ws, batch)).toEqual(rows.map((row) => ({ ...blank, ...row })));
        batch.release();
        writer.close();
      }),
    ),
    { numRuns: 150 },
  );
});
