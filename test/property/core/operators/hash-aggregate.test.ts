import fc from "fast-check";
import { expect, it } from "vitest";
import type { PartialPolicyOptions } from "../../../../src/core/aggregates/partial-policy.ts";
import type { AggregateFunction, AggregateSpec } from "../../../../src/core/aggregates/spec.ts";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { HashAggregateOperator } from "../../../../src/core/operators/hash-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { aggregateRows } from "../../../reference/aggregates.ts";
import { groupRows, keyText } from "../../../reference/groups.ts";
import { anyType, keyTypes } from "../../../support/arbitrary-column.ts";
import { anyTable, forEachBatch, type TableSample } from "../../../support/arbitrary-table.ts";
import { type RunOptions, runBatches } from "../../../support/run-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

type Row = Record<string, unknown>;

// Wider integers leave few digits of a variance, and their sums overflow by design: they have their own test.
const numeric: types.DataType[] = [types.int8, types.int16, types.uint8, types.uint16];
const floats: types.DataType[] = [types.float32, types.float64];

/** Aggregates by what their columns may be. */
const ofNumbers: AggregateFunction[] = [
  "sum",
  "avg",
  "varianceSample",
  "variancePopulation",
  "stddevSample",
  "stddevPopulation",
  "median",
];
const ofAnything: AggregateFunction[] = ["count", "countDistinct", "first", "last", "list"];
const ofOrdered: AggregateFunction[] = ["min", "max"];

const spec = (fn: AggregateFunction, column: string, params?: AggregateSpec["params"]): AggregateSpec => ({
  fn,
  column,
  as: `${fn} ${column} ${JSON.stringify(params ?? "")}`,
  ...(params === undefined ? {} : { params }),
});

const specs: AggregateSpec[] = [
  { fn: "countAll", as: "rows" },
  ...ofNumbers.map((fn) => spec(fn, "number")),
  { ...spec("sum", "number"), distinct: true, as: "distinct sum" },
  { ...spec("list", "any"), distinct: true, as: "distinct list" },
  spec("quantile", "number", { fraction: 0.3 }),
  spec("quantiles", "number", { fractions: [0, 0.25, 1] }),
  spec("corr", "number", { other: "second" }),
  spec("covarianceSample", "number", { other: "second" }),
  spec("covariancePopulation", "number", { other: "second" }),
  spec("largest", "number", { k: 2 }),
  spec("smallest", "second", { k: 3 }),
  ...ofAnything.map((fn) => spec(fn, "any")),
  ...ofOrdered.map((fn) => spec(fn, "ordered")),
  ...ofOrdered.map((fn) => spec(fn, "number")),
  spec("minBy", "any", { by: "ordered" }),
  spec("maxBy", "any", { by: "ordered" }),
  spec("boolAnd", "flag"),
  spec("boolOr", "flag"),
];

const valueNames = ["number", "second", "any", "ordered", "flag"];
const anyColumns = fc.record({
  keys: fc.array(anyType, { maxLength: 3, size: "max" }),
  number: fc.constantFrom(...numeric),
  any: anyType,
  ordered: fc.constantFrom(...keyTypes),
});
const anySample = anyColumns.chain(({ keys, number, any, ordered }) =>
  fc.record({
    keyCount: fc.constant(keys.length),
    table: anyTable(fc.constant([...keys, number, types.int16, any, ordered, types.bool]), 40),
  }),
);

const namesOf = (keyCount: number): string[] => [
  ...Array.from({ length: keyCount }, (_, i) => `key ${i}`),
  ...valueNames,
];
const schemaOf = (keyCount: number, { types: all }: TableSample): Schema =>
  new Schema(namesOf(keyCount).map((name, i) => ({ name, type: all[i] })));

function rowsOf(schema: Schema, { columns, rowCount }: TableSample): Row[] {
  return Array.from({ length: rowCount }, (_, row) =>
    Object.fromEntries(schema.names.map((name, i) => [name, columns[i][row]])),
  );
}

/** One row per group, keys first, in the order of first occurrence. */
function expectedRows(keyCount: number, schema: Schema, rows: Row[], aggregates: AggregateSpec[]): Row[] {
  const keyNames = schema.names.slice(0, keyCount);
  const { groups, keys } = groupRows(rows.map((row) => keyNames.map((name) => row[name])));
  const members: Row[][] = keys.map(() => []);
  for (const [i, row] of rows.entries()) members[groups[i]].push(row);
  if (keyCount === 0 && members.length === 0) members.push([]);
  return members.map((group) => ({
    ...Object.fromEntries(keyNames.map((name) => [name, group[0][name]])),
    ...Object.fromEntries(aggregates.map((each) => [each.as, aggregateRows(each, group, (n) => schema.typeOf(n))])),
  }));
}

/** Compares floats up to rounding, everything else exactly. */
function expectSameValue(actual: unknown, expected: unknown, where: string): void {
  if (typeof expected === "number" && typeof actual === "number" && !Number.isNaN(expected)) {
    const tolerance = 1e-7 * Math.max(1, Math.abs(expected));
    if (Object.is(actual, expected) || Math.abs(actual - expected) <= tolerance) return;
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    expected.forEach((value, i) => {
      expectSameValue(actual[i], value, where);
    });
    return;
  }
  expect(keyText(actual), where).toBe(keyText(expected));
}

function expectSameRows(actual: Row[], expected: Row[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((row, i) => {
    expect(Object.keys(row)).toEqual(Object.keys(expected[i]));
    for (const [name, value] of Object.entries(row)) expectSameValue(value, expected[i][name], name);
  });
}

/** Batches of a sample that are built when the operator asks for them. */
function batchesOf(ws: Workspace, schema: Schema, sample: TableSample): (() => Batch)[] {
  const batches: Batch[] = [];
  forEachBatch(ws, sample, (columns, rowCount) => {
    batches.push(
      new Batch(
        schema,
        rowCount,
        columns.map((column) => column.retain()),
      ),
    );
  });
  return batches.map((batch) => () => batch);
}

function aggregate(
  ws: Workspace,
  schema: Schema,
  keys: string[],
  aggregates: AggregateSpec[],
  batches: (() => Batch)[],
  options?: RunOptions,
): Row[] {
  const operator = new HashAggregateOperator({ kind: "aggregate", keys, aggregates, mode: "complete" }, schema);
  return runBatches(ws, operator, [batches], options);
}

it("gives what the reference gives, in the order of first occurrence", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(anySample, fc.integer({ min: 1, max: 20 }), ({ keyCount, table }, batchRows) =>
      withWorkspace((ws) => {
        const schema = schemaOf(keyCount, table);
        const keys = schema.names.slice(0, keyCount);
        const actual = aggregate(ws, schema, keys, specs, batchesOf(ws, schema, table), { batchRows });
        expectSameRows(actual, expectedRows(keyCount, schema, rowsOf(schema, table), specs));
      }),
    ),
    { numRuns: 250 },
  );
});

it("merges partial states into the same results", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(anySample, fc.integer({ min: 1, max: 20 }), ({ keyCount, table }, batchRows) =>
      withWorkspace((ws) => {
        const schema = schemaOf(keyCount, table);
        const keys = schema.names.slice(0, keyCount);
        const partials: Row[] = [];
        let stateSchema = schema;
        // Every batch has a partial operator of its own, as if each ran on another worker.
        for (const batch of batchesOf(ws, schema, table)) {
          const partial = new HashAggregateOperator(
            { kind: "aggregate", keys, aggregates: specs, mode: "partial" },
            schema,
          );
          stateSchema = partial.outputSchema;
          partials.push(...runBatches(ws, partial, [[batch]], { batchRows }));
        }
        const final = new HashAggregateOperator(
          { kind: "aggregate", keys, aggregates: specs, mode: "final", inputFields: schema.fields },
          stateSchema,
        );
        const cut = Math.floor(partials.length / 2);
        const states = [partials.slice(0, cut), partials.slice(cut)].map(
          (rows) => () => buildBatch(ws, stateSchema, rows),
        );
        const actual = runBatches(ws, final, [states], { batchRows });
        expectSameRows(actual, expectedRows(keyCount, schema, rowsOf(schema, table), specs));
      }),
    ),
    { numRuns: 150 },
  );
});

/** Every way to leave grouping: never, at any batch for any reason, and back. */
const anySwitch: fc.Arbitrary<PartialPolicyOptions> = fc.record({
  cacheBytes: fc.constantFrom(0, 4000, Number.POSITIVE_INFINITY),
  maximumBytes: fc.constantFrom(0, Number.POSITIVE_INFINITY),
  emittedShare: fc.constantFrom(0, 0.6, 1),
  passedRows: fc.integer({ min: 1, max: 40 }),
  expectedRows: fc.integer({ min: 0, max: 100 }),
});

it("may send groups or rows on at any moment", { timeout: 60_000 }, () => {
  const anyRun = fc.record({
    sample: anySample,
    partial: anySwitch,
    batchRows: fc.integer({ min: 1, max: 20 }),
    subtasks: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(anyRun, ({ sample: { keyCount, table }, partial, batchRows, subtasks }) =>
      withWorkspace((ws) => {
        const schema = schemaOf(keyCount, table);
        const keys = schema.names.slice(0, keyCount);
        const common = { kind: "aggregate", keys, aggregates: specs } as const;
        const batches = batchesOf(ws, schema, table);
        const share = Math.ceil(batches.length / subtasks);
        let stateSchema = schema;
        // The subtasks' rows follow each other, since some aggregates tell their order.
        const states = Array.from({ length: subtasks }, (_, i) => {
          const operator = new HashAggregateOperator({ ...common, mode: "partial", partial }, schema);
          stateSchema = operator.outputSchema;
          return runBatches(ws, operator, [batches.slice(i * share, i * share + share)], { batchRows });
        });
        const final = new HashAggregateOperator({ ...common, mode: "final", inputFields: schema.fields }, stateSchema);
        const inputs = states.map((rows) => () => buildBatch(ws, stateSchema, rows));
        expectSameRows(
          runBatches(ws, final, [inputs], { batchRows }),
          expectedRows(keyCount, schema, rowsOf(schema, table), specs),
        );
      }),
    ),
    { numRuns: 200 },
  );
});

const byKey = (rows: Row[]): Row[] => [...rows].sort((a, b) => (keyText(a.key) < keyText(b.key) ? -1 : 1));

it("gives the same groups when state is spilled", { timeout: 60_000 }, () => {
  const keyPool = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(keyPool, fc.integer(), fc.integer({ min: 20_000, max: 400_000 }), (distinct, seed, limit) => {
      const schema = Schema.of({ key: types.utf8, value: types.int32, other: types.float64, text: types.utf8 });
      const aggregates: AggregateSpec[] = [
        { fn: "countAll", as: "rows" },
        spec("sum", "value"),
        spec("avg", "other"),
        spec("median", "other"),
        spec("min", "text"),
        spec("first", "text"),
        spec("last", "value"),
        spec("list", "value"),
        spec("countDistinct", "value"),
        spec("largest", "value", { k: 2 }),
        spec("maxBy", "text", { by: "other" }),
      ];
      const rows: Row[] = Array.from({ length: 2000 }, (_, i) => {
        const random = Math.imul(i + seed, 2654435761) >>> 0;
        return {
          key: random % 7 === 0 ? null : `a key, ${random % distinct}`,
          value: random % 11 === 0 ? null : (random >>> 8) % 100,
          other: random % 13 === 0 ? null : (random >>> 3) / 7,
          text: random % 17 === 0 ? null : `text ${(random >>> 5) % 1000}`,
        };
      });
      const metrics = new Map<string, number>();
      const actual = withWorkspace((ws) => {
        const batches = Array.from(
          { length: 20 },
          (_, i) => () => buildBatch(ws, schema, rows.slice(i * 100, i * 100 + 100)),
        );
        return aggregate(ws, schema, ["key"], aggregates, batches, { batchRows: 64, metrics });
      }, limit);
      if (limit < 60_000 && distinct > 1000) expect(metrics.get("spillFiles") ?? 0).toBeGreaterThan(0);
      expectSameRows(byKey(actual), byKey(expectedRows(1, schema, rows, aggregates)));
    }),
    { numRuns: 6 },
  );
});

it("sums 64-bit integers, decimals and floats exactly or to the last place", () => {
  const wide = fc.constantFrom<types.DataType>(
    types.int32,
    types.uint32,
    types.int64,
    types.decimal(38, 4),
    types.uint64,
    ...floats,
  );
  fc.assert(
    fc.property(anyTable(fc.tuple(wide, wide), 30), (sample) =>
      withWorkspace((ws) => {
        const schema = new Schema(sample.types.map((type, i) => ({ name: `c${i}`, type })));
        const rows = rowsOf(schema, sample);
        const aggregates = ["c0", "c1"].flatMap((name) => [spec("avg", name), spec("min", name), spec("max", name)]);
        const actual = aggregate(ws, schema, [], aggregates, batchesOf(ws, schema, sample));
        const [expected] = expectedRows(0, schema, rows, aggregates);
        for (const [name, value] of Object.entries(actual[0])) {
          const wanted = expected[name];
          if (typeof wanted !== "number" || !Number.isFinite(wanted) || name.startsWith("m")) {
            // A naive sum may leave the range of floats where the compensated one does too.
            if (name.startsWith("m")) expect(keyText(value), name).toBe(keyText(wanted));
          } else
            expect(Math.abs((value as number) - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 1e-9 + 1e300 * 1e-9);
        }
      }),
    ),
    { numRuns: 200 },
  );
});

it("sums a whole column to the same bits however it is cut", () => {
  const values = fc.array(
    fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.constantFrom(1e16, -1e16, 1, null)),
    { maxLength: 60, size: "max" },
  );
  const schema = Schema.of({ f: types.float64, i: types.int32, w: types.int64 });
  const aggregates = ["f", "i", "w"].flatMap((name) => [
    spec("sum", name),
    spec("min", name),
    spec("max", name),
    spec("count", name),
  ]);
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 60 }), (fs, cut) => {
      const rows = fs.map((f, i) => ({
        f,
        i: f === null ? null : (i * 0x12345678) | 0,
        w: f === null ? null : BigInt.asIntN(60, BigInt(i) * 0x123456789abcdefn),
      }));
      const runCut = (size: number) =>
        withWorkspace((ws) => {
          const cuts = Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
            rows.slice(i * size, i * size + size),
          );
          return aggregate(
            ws,
            schema,
            [],
            aggregates,
            cuts.map((part) => () => buildBatch(ws, schema, part)),
          )[0];
        });
      const whole = runCut(1000);
      expect(runCut(cut)).toEqual(whole);
      const [expected] = expectedRows(0, schema, rows, aggregates);
      for (const [name, value] of Object.entries(whole)) {
        // The naive float sum loses what the compensated one keeps.
        if (name.startsWith("sum f")) continue;
        expect(keyText(value), name).toBe(keyText(expected[name]));
      }
    }),
    { numRuns: 300 },
  );
});
