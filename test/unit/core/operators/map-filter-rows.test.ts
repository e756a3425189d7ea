import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader, readRows } from "../../../../src/core/columns/read.ts";
import type { Operator } from "../../../../src/core/operator.ts";
import { FilterRows } from "../../../../src/core/operators/filter-rows.ts";
import { canFuse, MapFilterRows } from "../../../../src/core/operators/map-filter-rows.ts";
import { MapRows } from "../../../../src/core/operators/map-rows.ts";
import type { Row } from "../../../../src/core/rows/row-view.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { fuseRowFunctions } from "../../../../src/runtime/fuse-row-functions.ts";
import { operatorContext, runOperator } from "../../../support/run-operator.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const numbers = Schema.of({ n: types.int32, x: types.float64 });
const scored = Schema.of({ score: types.float64 });
const mapSite = { name: "scale", callSite: "job.ts:3:7" };
const filterSite = { name: "large", callSite: "job.ts:4:7" };
const rows = Array.from({ length: 40 }, (_, n) => ({ n, x: n / 4 }));
const score = (row: Row) => ({ score: (row.n as number) * 2 });

const fusedOf = (map: MapRows, filter: FilterRows) => new MapFilterRows(map, filter, "filter");

const makeFused = (map: (row: Row) => object, keeps: (row: Row) => unknown, schema = scored) =>
  fusedOf(
    new MapRows(map, numbers, { schema }, mapSite),
    new FilterRows(keeps as (row: Row) => boolean, schema, filterSite),
  );

const run = (operator: Operator, schema: Schema, batches: readonly (readonly object[])[]) =>
  withWorkspace((ws) => runOperator(ws, operator, [{ schema, batches }]));

function failureOf(operator: Operator): unknown {
  const ws = newWorkspace();
  let failure: unknown;
  try {
    runOperator(ws, operator, [{ schema: numbers, batches: [rows.slice(0, 10), rows.slice(10)] }]);
  } catch (error) {
    failure = error;
  }
  expect(ws.allocator.liveBlocks, "blocks still live").toBe(0);
  return failure;
}

/** Values that a map may return, in the forms that users return them in. */
const VALUES: Readonly<Record<string, { type: types.DataType; values: fc.Arbitrary<unknown> }>> = {
  int8: { type: types.int8, values: fc.integer({ min: -128, max: 127 }) },
  uint16: { type: types.uint16, values: fc.integer({ min: 0, max: 65_535 }) },
  int32: { type: types.int32, values: fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, 7) },
  uint32: { type: types.uint32, values: fc.constantFrom(0, 2 ** 32 - 1, 12) },
  int64: { type: types.int64, values: fc.constantFrom(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 5, -(2 ** 40)) },
  float32: { type: types.float32, values: fc.float() },
  float64: { type: types.float64, values: fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, 1e300)) },
  bool: { type: types.bool, values: fc.boolean() },
  date: { type: types.date, values: fc.constantFrom(0, -1, 19_000) },
  milliseconds: { type: types.timestamp("ms"), values: fc.constantFrom(0, -1, 1.7e12, new Date(86_400_000)) },
  microseconds: { type: types.timestamp("us"), values: fc.constantFrom(0n, -1n, 1_700_000_000_000_000n) },
};

describe("MapFilterRows", () => {
  it("gives what the two operators give apart, whatever the types, the nulls and the cuts into batches", () => {
    const cases = fc.record({
      kinds: fc.uniqueArray(fc.constantFrom(...Object.keys(VALUES)), { minLength: 1, maxLength: 4 }),
      cuts: fc.array(fc.nat(30), { maxLength: 3 }),
      nullShare: fc.constantFrom(0, 0.3, 1),
      isInferred: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, fc.gen(), ({ kinds, cuts, nullShare, isInferred }, draw) => {
        const schema = new Schema(kinds.map((name) => ({ name, type: VALUES[name].type })));
        const results = rows.map(() =>
          Object.fromEntries(
            kinds.map((name) => {
              const isNull = draw(fc.double, { min: 0, max: 1, maxExcluded: true, noNaN: true }) < nullShare;
              return [name, isNull ? null : draw(() => VALUES[name].values)];
            }),
          ),
        );
        const keptRows = rows.map(() => draw(fc.boolean));
        const ends = [...cuts, rows.length].sort((a, b) => a - b);
        const batches = ends.map((end, i) => rows.slice(ends[i - 1] ?? 0, end));
        const shape = { schema, isInferred };
        const map = () => new MapRows((row) => results[row.n as number], numbers, shape, mapSite);
        const seen: { fused: object[]; apart: object[] } = { fused: [], apart: [] };
        const filter = (shown: object[]) =>
          new FilterRows((row) => keptRows[shown.push({ ...row }) - 1], schema, filterSite);

        const mapped = run(map(), numbers, batches);
        const apart = run(filter(seen.apart), schema, [mapped]);
        expect(run(fusedOf(map(), filter(seen.fused)), numbers, batches)).toEqual(apart);
        expect(seen.fused).toEqual(seen.apart);
      }),
      { numRuns: 60 },
    );
  });

  it("emits a batch that is kept whole as it was written, and nothing where no row is kept", () => {
    expect(
      run(
        makeFused(score, () => true),
        numbers,
        [rows, []],
      ),
    ).toEqual(rows.map(({ n }) => ({ score: n * 2 })));
    expect(
      run(
        makeFused(score, () => 0),
        numbers,
        [rows],
      ),
    ).toEqual([]);
  });

  it("lets row kinds travel with their rows", () => {
    withWorkspace((ws) => {
      const operator = makeFused(score, (row) => row.score !== 2);
      operator.open(operatorContext(ws));
      const plain = buildBatch(ws, numbers, rows.slice(0, 3));
      const kinds = buildColumn(ws, types.int8, [0, 1, 3]);
      const batch = new Batch(
        numbers,
        3,
        plain.columns.map((column) => column.retain()),
        { kinds },
      );
      operator.processBatch(batch, {
        emit: (result) => {
          const read = columnReader(ws, result.rowKinds ?? kinds);
          expect([readRows(ws, result), [read(0), read(1)]]).toEqual([
            [{ score: 0 }, { score: 4 }],
            [0, 3],
          ]);
          result.release();
        },
        emitSide: () => {},
        emitWatermark: () => {},
        isClosed: false,
      });
      operator.close();
      batch.release();
      plain.release();
    });
  });

  it("names the function that threw, and its row", () => {
    const fail = (at: number, result: unknown) => (row: Row) => {
      if (row.n === at || row.score === at) throw new RangeError("boom");
      return result as object;
    };
    const inMap = failureOf(makeFused(fail(12, { score: 1 }), () => true));
    expect(inMap).toMatchObject({
      code: "USER_FUNCTION_FAILED",
      message: expect.stringMatching(/scale at job.ts:3:7 \(row 2\)/),
    });
    expect(inMap).not.toHaveProperty("operator", "filter");
    const inFilter = failureOf(makeFused(score, fail(24, true)));
    expect(inFilter).toMatchObject({
      code: "USER_FUNCTION_FAILED",
      operator: "filter",
      message: expect.stringMatching(/large at job.ts:4:7 \(row 2\)/),
    });
    expect(
      failureOf(
        makeFused(
          (row) => ({ score: row.n === 13 ? "x" : 1 }),
          () => true,
        ),
      ),
    ).toMatchObject({
      code: "VALUE_INVALID",
      message: expect.stringContaining("scale at job.ts:3:7 gave row 13"),
    });
    expect(
      failureOf(
        makeFused(
          (row) => (row.n === 5 ? { scores: 1 } : { score: 1 }),
          () => true,
        ),
      ),
    ).toMatchObject({
      code: "ROW_PROPERTY_UNKNOWN",
    });
  });

  it("shows views that end with the call", () => {
    const kept: Row[] = [];
    run(
      makeFused(score, (row) => kept.push(row) > 0),
      numbers,
      [rows.slice(0, 3)],
    );
    expect(() => kept[1].score).toThrow(/read after the call/);
    const within: Row[] = [];
    const failure = failureOf(makeFused(score, (row) => within.push(row) < 2 || within[0].score === 0));
    expect(failure).toMatchObject({ code: "ROW_STALE" });
  });

  it("opens and closes both functions, also after a failure", () => {
    const calls: string[] = [];
    const life = (name: string) => ({
      open: () => calls.push(`open ${name}`),
      close: () => calls.push(`close ${name}`),
    });
    const boom = () => {
      throw new Error("boom");
    };
    const make = (open: object) =>
      fusedOf(
        new MapRows({ ...life("map"), map: score } as never, numbers, { schema: scored }, mapSite),
        new FilterRows({ ...life("filter"), filter: () => true, ...open } as never, scored, filterSite),
      );
    run(make({}), numbers, [rows]);
    expect(calls.splice(0)).toEqual(["open map", "open filter", "close map", "close filter"]);
    expect(failureOf(make({ open: boom }))).toMatchObject({ code: "USER_FUNCTION_FAILED", operator: "filter" });
    expect(calls.splice(0)).toEqual(["open map", "close map", "close filter"]);
    expect(failureOf(make({ filter: boom }))).toMatchObject({ code: "USER_FUNCTION_FAILED" });
    expect(calls.splice(0)).toEqual(["open map", "open filter", "close map", "close filter"]);
  });
});

describe("fuseRowFunctions", () => {
  const named = (operator: Operator) => ({ name: operator.constructor.name, operator });
  const texts = Schema.of({ text: types.utf8 });
  const map = (schema: Schema = scored) => named(new MapRows(score, numbers, { schema }, mapSite));
  const filter = (schema: Schema = scored) => named(new FilterRows(() => true, schema, filterSite));
  const names = (...operators: { name: string; operator: Operator }[]) =>
    fuseRowFunctions(operators).map(({ operator }) => operator.constructor.name);

  it("joins a map and the filter behind it, one filter only", () => {
    expect(names(filter(), map(), filter(), filter(), map())).toEqual([
      "FilterRows",
      "MapFilterRows",
      "FilterRows",
      "MapRows",
    ]);
  });

  it("leaves texts alone, which move while they are written", () => {
    expect(canFuse(new MapRows(score, numbers, { schema: texts }, mapSite))).toBe(false);
    expect(names(map(texts), filter(texts))).toEqual(["MapRows", "FilterRows"]);
  });
});
