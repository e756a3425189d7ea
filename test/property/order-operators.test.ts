import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../src/core/batch.ts";
import { buildBatch } from "../../src/core/columns/build.ts";
import { RangePartitioner, sampleBounds } from "../../src/core/columns/range-partition.ts";
import { CrossJoinOperator } from "../../src/core/operators/cross-join.ts";
import { LimitOperator } from "../../src/core/operators/limit.ts";
import { MergeSortedOperator } from "../../src/core/operators/merge-sorted.ts";
import { TopNOperator } from "../../src/core/operators/top-n.ts";
import { Schema } from "../../src/core/schema.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { compareKeys } from "../reference/sort.ts";
import { anyKeyType, anyShape, nullable, shapedColumn, valueOfType } from "../support/arbitrary-column.ts";
import { runBatches, runOperator } from "../support/run-operator.ts";
import { withWorkspace } from "../support/workspace.ts";

const anyDirection = fc.record({ descending: fc.boolean(), nullsFirst: fc.boolean() });
const anyInput = fc.array(fc.tuple(anyKeyType, anyDirection, anyShape), { minLength: 1, maxLength: 2 }).chain((keys) =>
  fc.record({
    keys: fc.constant(keys),
    batches: fc.array(
      fc.array(fc.tuple(...keys.map(([type]) => nullable(valueOfType(type)))), { maxLength: 20, size: "max" }),
      { minLength: 1, maxLength: 6 },
    ),
    batchRows: fc.integer({ min: 1, max: 12 }),
    count: fc.integer({ min: 0, max: 30 }),
    offset: fc.integer({ min: 0, max: 10 }),
  }),
);
type Input = typeof anyInput extends fc.Arbitrary<infer T> ? T : never;

/** Schema, order and rows of an input; the last column numbers the rows through. */
function prepare({ keys, batches }: Pick<Input, "keys" | "batches">) {
  const schema = new Schema([...keys.map(([type], i) => ({ name: `k${i}`, type })), { name: "id", type: types.int32 }]);
  const order = keys.map(([, direction], column) => ({ column, ...direction }));
  let id = 0;
  const numbered = batches.map((rows) => rows.map((row) => [...row, id++]));
  const keyTypes = keys.map(([type]) => type);
  const compare = (a: readonly unknown[], b: readonly unknown[]) => compareKeys(keyTypes, order, a, b);
  const toBatch = (ws: Workspace, rows: readonly (readonly unknown[])[]): Batch => {
    const column = (i: number) => rows.map((row) => row[i]);
    const columns = keys.map(([type, , shape], i) => shapedColumn(ws, type, column(i), shape));
    columns.push(shapedColumn(ws, types.int32, column(keys.length), { isEncoded: false, before: 0, after: 0 }));
    return new Batch(schema, rows.length, columns);
  };
  return { schema, order, numbered, compare, toBatch };
}

const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.id);

it("top-n equals sort and limit", () =>
  fc.assert(
    fc.property(anyInput, ({ batchRows, count, offset, ...input }) => {
      const { schema, order, numbered, compare, toBatch } = prepare(input);
      const actual = withWorkspace((ws) => {
        const operator = new TopNOperator({ kind: "topN", keys: order, count, offset }, schema);
        const inputs = numbered.map((rows) => () => toBatch(ws, rows));
        return runBatches(ws, operator, [inputs], { batchRows });
      });
      const expected = numbered
        .flat()
        .sort(compare)
        .slice(offset, offset + count);
      expect(ids(actual)).toEqual(expected.map((row) => row.at(-1)));
    }),
    { numRuns: 300 },
  ));

it("top-n of very many rows is a sort", () =>
  withWorkspace((ws) => {
    const schema = Schema.of({ id: types.int32 });
    const batches = [
      [{ id: 3 }, { id: 1 }],
      [{ id: 2 }, { id: 0 }],
    ];
    const operator = new TopNOperator({ kind: "topN", keys: [{ column: 0 }], count: 2 ** 20, offset: 1 }, schema);
    expect(ids(runOperator(ws, operator, [{ schema, batches }], { batchRows: 2 }))).toEqual([1, 2, 3]);
  }));

it("merging sorted inputs equals sorting them one after the other", () =>
  fc.assert(
    fc.property(anyInput, ({ batchRows, ...input }) => {
      const { schema, order, numbered, compare, toBatch } = prepare(input);
      const sorted = numbered.map((rows) => [...rows].sort(compare));
      const actual = withWorkspace((ws) => {
        const operator = new MergeSortedOperator({ kind: "mergeSorted", keys: order, inputs: sorted.length }, schema);
        const inputs = sorted.map((rows) => {
          const cuts: (() => Batch)[] = [];
          for (let at = 0; at < rows.length; at += 3) cuts.push(() => toBatch(ws, rows.slice(at, at + 3)));
          return cuts;
        });
        return runBatches(ws, operator, inputs, { batchRows });
      });
      expect(ids(actual)).toEqual(
        sorted
          .flat()
          .sort(compare)
          .map((row) => row.at(-1)),
      );
    }),
    { numRuns: 200 },
  ));

it("range partitions are in order, and equal keys meet in one", () =>
  fc.assert(
    fc.property(anyInput, fc.integer({ min: 1, max: 6 }), (input, partitionCount) =>
      withWorkspace((ws) => {
        const { order, numbered, compare, toBatch } = prepare(input);
        const [sampled, ...others] = numbered;
        const sample = toBatch(ws, sampled);
        const bounds = sampleBounds(ws, sample, order, partitionCount);
        expect(bounds.rowCount).toBeLessThan(partitionCount);
        const partitioner = new RangePartitioner(ws, bounds, order);
        const rows = [sampled, ...others].flatMap((batchRows) => {
          const batch = toBatch(ws, batchRows);
          const numbers = partitioner.numbers(batch);
          const placed = batchRows.map((row, i) => ({ row, number: ws.u32[(numbers.address >>> 2) + i] }));
          numbers.release();
          batch.release();
          return placed;
        });
        for (const a of rows) {
          expect(a.number).toBeLessThan(partitionCount);
          for (const b of rows) if (compare(a.row, b.row) <= 0) expect(a.number).toBeLessThanOrEqual(b.number);
          for (const b of rows) if (compare(a.row, b.row) === 0) expect(a.number).toBe(b.number);
        }
        partitioner.release();
        bounds.release();
        sample.release();
      }),
    ),
    { numRuns: 100 },
  ));

it("spreads a sample evenly over the ranges", () =>
  withWorkspace((ws) => {
    const schema = Schema.of({ key: types.int32 });
    const rows = Array.from({ length: 1000 }, (_, i) => ({ key: (i * 7919) % 1000 }));
    const batch = buildBatch(ws, schema, rows);
    const bounds = sampleBounds(ws, batch, [{ column: 0 }], 4);
    const partitioner = new RangePartitioner(ws, bounds, [{ column: 0 }]);
    const numbers = partitioner.numbers(batch);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 1000; i++) counts[ws.u32[(numbers.address >>> 2) + i]]++;
    expect(counts).toEqual([250, 250, 250, 250]);
    for (const owned of [numbers, bounds, batch]) owned.release();
    partitioner.release();
  }));

it("limit lets rows offset to offset + count - 1 pass, and is satisfied then", () =>
  fc.assert(
    fc.property(anyInput, ({ count, offset, batches }) => {
      let id = 0;
      const schema = Schema.of({ id: types.int32 });
      const numbered = batches.map((rows) => rows.map(() => ({ id: id++ })));
      const operator = new LimitOperator({ kind: "limit", count, offset }, schema);
      const actual = withWorkspace((ws) => runOperator(ws, operator, [{ schema, batches: numbered }]));
      expect(ids(actual)).toEqual(ids(numbered.flat()).slice(offset, offset + count));
      expect(operator.isSatisfied).toBe(id >= offset + count || count === 0);
    }),
    { numRuns: 100 },
  ));

it("a cross join pairs every left row with every right row, in order", () =>
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 }), { maxLength: 4 }),
      fc.array(fc.array(fc.option(fc.string({ maxLength: 3 })), { maxLength: 5 }), { maxLength: 3 }),
      fc.integer({ min: 1, max: 9 }),
      (left, right, batchRows) => {
        const leftSchema = Schema.of({ a: types.int32 });
        const rightSchema = Schema.of({ a: types.utf8 });
        const operator = new CrossJoinOperator(
          {
            kind: "crossJoin",
            output: [
              { side: "right", column: "a", name: "r" },
              { side: "left", column: "a", name: "l" },
            ],
          },
          leftSchema,
          rightSchema,
        );
        const actual = withWorkspace((ws) =>
          runOperator(
            ws,
            operator,
            [
              { schema: leftSchema, batches: left.map((rows) => rows.map((a) => ({ a }))) },
              { schema: rightSchema, batches: right.map((rows) => rows.map((a) => ({ a }))) },
            ],
            { batchRows },
          ),
        );
        expect(actual).toEqual(left.flat().flatMap((l) => right.flat().map((r) => ({ r, l }))));
      },
    ),
    { numRuns: 200 },
  ));

it("top-n of numbers without nulls keeps ties in order, whichever way the first key is compared", () =>
  fc.assert(
    fc.property(
      fc.constantFrom<types.DataType>(
        types.int8,
        types.uint32,
        types.int64,
        types.uint64,
        types.float32,
        types.float64,
      ),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 40, size: "max" }), {
        minLength: 2,
        maxLength: 8,
      }),
      (type, descending, count, batches) => {
        const values = TIED_VALUES[type.kind] ?? [];
        const schema = Schema.of({ key: type, id: types.int32 });
        const order = [{ column: 0, descending }];
        let id = 0;
        const numbered = batches.map((batch) => batch.map((choice) => [values[choice % values.length], id++]));
        const actual = withWorkspace((ws) => {
          const operator = new TopNOperator({ kind: "topN", keys: order, count, offset: 0 }, schema);
          const inputs = numbered.map((rows) => rows.map(([key, number]) => ({ key, id: number })));
          return runOperator(ws, operator, [{ schema, batches: inputs }], { batchRows: 5 });
        });
        const expected = numbered
          .flat()
          .sort((a, b) => compareKeys([type], order, a, b))
          .slice(0, count);
        expect(ids(actual)).toEqual(expected.map((row) => row[1]));
      },
    ),
    { numRuns: 300 },
  ));

const FLOATS = [Number.NaN, -0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -1.5, 2];
const TIED_VALUES: Partial<Record<string, readonly unknown[]>> = {
  int8: [-128, 127, 0, -1],
  uint32: [0, 4_294_967_295, 2_147_483_648],
  int64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n],
  uint64: [0n, 2n ** 64n - 1n, 2n ** 63n],
  float32: FLOATS,
  float64: FLOATS,
};
