import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../src/core/batch.ts";
import { SortOperator } from "../../src/core/operators/sort.ts";
import { Schema } from "../../src/core/schema.ts";
import * as types from "../../src/core/types.ts";
import { compareKeys } from "../reference/sort.ts";
import { anyKeyType, anyShape, nullable, shapedColumn, valueOfType } from "../support/arbitrary-column.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { runBatches, runOperator } from "../support/run-operator.ts";
import { withWorkspace } from "../support/workspace.ts";

const anyDirection = fc.record({ descending: fc.boolean(), nullsFirst: fc.boolean() });
const anyInput = fc.array(fc.tuple(anyKeyType, anyDirection, anyShape), { minLength: 1, maxLength: 3 }).chain((keys) =>
  fc.record({
    keys: fc.constant(keys),
    batches: fc.array(
      fc.array(fc.tuple(...keys.map(([type]) => nullable(valueOfType(type)))), { maxLength: 25, size: "max" }),
      { maxLength: 8 },
    ),
    limitBytes: fc.constantFrom(undefined, 1, 20_000),
    batchRows: fc.integer({ min: 1, max: 30 }),
  }),
);

it("sorts stably, in memory and spilled, however the input is cut into batches", () =>
  fc.assert(
    fc.property(anyInput, ({ keys, batches, limitBytes, batchRows }) => {
      const metrics = new Map<string, number>();
      const files = new MemoryFiles();
      const schema = new Schema([
        ...keys.map(([type], i) => ({ name: `k${i}`, type })),
        { name: "id", type: types.int32 },
      ]);
      const order = keys.map(([, direction], column) => ({ column, ...direction }));
      let id = 0;
      const numbered = batches.map((rows) => rows.map((row) => [...row, id++]));
      const actual = withWorkspace((ws) => {
        const inputs = numbered.map((rows) => () => {
          const column = (i: number) => rows.map((row) => row[i]);
          const columns = keys.map(([type, , shape], i) => shapedColumn(ws, type, column(i), shape));
          const plain = { isEncoded: false, before: 0, after: 0 };
          columns.push(shapedColumn(ws, types.int32, column(keys.length), plain));
          return new Batch(schema, rows.length, columns);
        });
        const operator = new SortOperator(schema, { kind: "sort", keys: order });
        return runBatches(ws, operator, [inputs], { files, batchRows, metrics });
      }, limitBytes);
      const keyTypes = keys.map(([type]) => type);
      const expected = numbered.flat().sort((a, b) => compareKeys(keyTypes, order, a, b));
      expect(actual.map((row) => row.id)).toEqual(expected.map((row) => row[keys.length]));
      expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
      if (limitBytes === 1)
        expect(metrics.get("spillFiles") ?? 0).toBe(Math.max(0, numbered.filter((rows) => rows.length > 0).length - 1));
    }),
    { numRuns: 300 },
  ));

it("merges more runs than it opens at once", () =>
  withWorkspace((ws) => {
    const schema = Schema.of({ key: types.int32, id: types.int32 });
    const batches = Array.from({ length: 200 }, (_, b) =>
      Array.from({ length: 5 }, (_, i) => ({ key: ((b * 5 + i) * 7919) % 100, id: b * 5 + i })),
    );
    const files = new MemoryFiles();
    const operator = new SortOperator(schema, { kind: "sort", keys: [{ column: 0 }] });
    const rows = runOperator(ws, operator, [{ schema, batches }], { files, batchRows: 7 });
    const expected = batches.flat().sort((a, b) => a.key - b.key);
    expect(rows).toEqual(expected);
    expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
  }, 1));

it("stops where nobody needs more rows", () =>
  withWorkspace((ws) => {
    const schema = Schema.of({ key: types.int32 });
    const batches = [Array.from({ length: 100 }, (_, key) => ({ key }))];
    const operator = new SortOperator(schema, { kind: "sort", keys: [{ column: 0, descending: true }] });
    const rows = runOperator(ws, operator, [{ schema, batches }], { batchRows: 10, closeAfter: 15 });
    expect(rows.map((row) => row.key)).toEqual(Array.from({ length: 20 }, (_, i) => 99 - i));
  }));

it("leaves nothing behind where the disk is full", () =>
  withWorkspace((ws) => {
    const schema = Schema.of({ key: types.int32 });
    const files = new MemoryFiles();
    files.writableBytes = 2000;
    const batches = Array.from({ length: 20 }, () => Array.from({ length: 100 }, (_, key) => ({ key })));
    const operator = new SortOperator(schema, { kind: "sort", keys: [{ column: 0 }] });
    expect(() => runOperator(ws, operator, [{ schema, batches }], { files })).toThrow(
      expect.objectContaining({ code: "SPILL_DISK_FULL" }),
    );
    expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
  }, 1));

it("refuses keys without an order", () => {
  const schema = Schema.of({ tags: types.list(types.utf8) });
  expect(() => new SortOperator(schema, { kind: "sort", keys: [{ column: 0 }] })).toThrow(
    expect.objectContaining({ code: "SORT_KEY_UNSUPPORTED" }),
  );
});
