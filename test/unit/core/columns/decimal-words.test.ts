import { describe, expect, it } from "vitest";
import { SumAccumulator } from "../../../../src/core/aggregates/sum.ts";
import { Batch } from "../../../../src/core/batch.ts";
import type { Column } from "../../../../src/core/column.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { concatColumns } from "../../../../src/core/columns/concat.ts";
import { copyBatch, describeBatch } from "../../../../src/core/columns/copy.ts";
import { gatherColumn, NO_ROW } from "../../../../src/core/columns/gather.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { columnBytes } from "../../../../src/core/columns/size.ts";
import { sliceColumn } from "../../../../src/core/columns/slice.ts";
import { col, lit } from "../../../../src/core/expressions/builders.ts";
import { bitLength } from "../../../../src/core/expressions/decimal-words.ts";
import { compileExpression } from "../../../../src/core/expressions/evaluate.ts";
import type { Expression } from "../../../../src/core/expressions/expression.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { type DecimalType, decimal } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { inWords } from "../../../support/decimal-words.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const money = decimal(15, 2);

/** A column in words; the caller owns it. */
function short(ws: Workspace, values: readonly (string | null)[], type: DecimalType = money): Column {
  const wide = buildColumn(ws, type, values);
  const words = inWords(ws, wide);
  wide.release();
  expect(words.words).toBeDefined();
  return words;
}

/** Reads and releases a column. */
function valuesOf(ws: Workspace, column: Column): unknown[] {
  const read = columnReader(ws, column);
  const values = Array.from({ length: column.length }, (_, row) => read(row));
  column.release();
  return values;
}

describe("a decimal column in words", () => {
  it("gives 128 bits to whoever asks, also from inside a slice, and frees them", () =>
    withWorkspace((ws) => {
      const column = short(ws, ["1.25", null, "-3.00", "-0.01"]);
      const slice = sliceColumn(ws, column, 1, 3);
      column.release();
      expect(valuesOf(ws, slice)).toEqual([null, "-3.00", "-0.01"]);
    }));

  it("keeps 128 bits that were made once in views of it", () =>
    withWorkspace((ws) => {
      const column = short(ws, ["7.00", "8.00"]);
      const { data } = column;
      const view = column.view(2, column.layout);
      column.release();
      expect(view.data).toBe(data);
      expect(valuesOf(ws, view)).toEqual(["7.00", "8.00"]);
    }));

  it("stays in words when it is gathered, concatenated and copied to another memory", () =>
    withWorkspace((ws) =>
      withWorkspace((other) => {
        const column = short(ws, ["1.00", "-2.00", null]);
        expect(columnBytes(ws, column)).toBe(3 * 8 + 1);
        const rows = ws.allocate(12);
        ws.u32.set([2, NO_ROW, 1], rows.address >>> 2);
        const gathered = gatherColumn(ws, column, rows.address, 3, true);
        rows.release();
        const both = concatColumns(ws, [gathered, column]);
        gathered.release();
        column.release();
        const batch = new Batch(Schema.of({ x: money }), 6, [both]);
        const copy = copyBatch(other, ws.u8, batch.schema, describeBatch(ws, batch));
        batch.release();
        const [received] = copy.columns;
        expect(received.words?.bits).toBe(bitLength(200n));
        expect(valuesOf(other, received.retain())).toEqual([null, null, "-2.00", "1.00", "-2.00", null]);
        copy.release();
      }),
    ));

  it("is concatenated with one in 128 bits", () =>
    withWorkspace((ws) => {
      const parts = [short(ws, ["1.00"]), buildColumn(ws, money, ["2.00"])];
      const both = concatColumns(ws, parts);
      for (const part of parts) part.release();
      expect(valuesOf(ws, both)).toEqual(["1.00", "2.00"]);
    }));
});

describe("arithmetic of decimals in words", () => {
  const schema = Schema.of({ a: decimal(18, 0), b: decimal(18, 0) });
  const run = (ws: Workspace, expression: Expression, a: (string | null)[], b: (string | null)[]): Column => {
    const batch = new Batch(schema, a.length, [short(ws, a, decimal(18, 0)), short(ws, b, decimal(18, 0))]);
    const compiled = compileExpression(expression.node, schema);
    const column = compiled.evaluate(ws, batch);
    compiled.close();
    batch.release();
    return column;
  };

  it("stays in words as long as no result can pass them", () =>
    withWorkspace((ws) => {
      const product = run(ws, col("a").mul(col("b")), ["2147483647", null, "-3"], ["-2147483647", "5", "0"]);
      expect(product.words?.bits).toBe(62);
      expect(valuesOf(ws, product)).toEqual(["-4611686014132420609", null, "0"]);
      const difference = run(ws, col("a").sub(col("b")), ["999999999999999999", "0"], ["-999999999999999999", "1"]);
      expect(difference.words).toBeDefined();
      expect(valuesOf(ws, difference)).toEqual(["1999999999999999998", "-1"]);
      const scaled = run(ws, col("a").cast(decimal(38, 6)), ["1234", "-1"], ["0", "0"]);
      expect(scaled.words).toBeDefined();
      expect(valuesOf(ws, scaled)).toEqual(["1234.000000", "-1.000000"]);
    }));

  it("goes on in 128 bits where a result could pass a word", () =>
    withWorkspace((ws) => {
      const product = run(ws, col("a").mul(col("b")), ["999999999999999999", "2"], ["999999999999999999", "3"]);
      expect(product.words).toBeUndefined();
      expect(valuesOf(ws, product)).toEqual(["999999999999999998000000000000000001", "6"]);
      const scaled = run(ws, col("a").cast(decimal(38, 6)), ["999999999999999999"], ["0"]);
      expect(scaled.words).toBeUndefined();
      expect(valuesOf(ws, scaled)).toEqual(["999999999999999999.000000"]);
    }));

  it("compares with literals that are no words", () =>
    withWorkspace((ws) => {
      const below = run(ws, col("a").lt(lit("99999999999999999999999", decimal(38, 0))), ["5", null], ["0", "0"]);
      expect(valuesOf(ws, below)).toEqual([true, null]);
    }));
});

describe("sums of decimals in words", () => {
  const values = ["999999999999999999", "-999999999999999999", "-5", null, "7", "-999999999999999999"];
  const type = decimal(18, 0);

  it("equal those of 128 bits for few groups of many rows, whose sums are made in lanes", () =>
    withWorkspace((ws) => {
      const rowCount = 1003;
      const many = Array.from({ length: rowCount }, (_, row) => `${row % 7 === 0 ? -row : row * 3}.${10 + (row % 90)}`);
      const groups = ws.allocate(rowCount * 4);
      for (let row = 0; row < rowCount; row++) ws.u32[(groups.address >>> 2) + row] = (row * row) % 5;
      const rows = { groups: groups.address, rowCount, groupCount: 6 };
      const results = [short(ws, many), buildColumn(ws, money, many)].map((column) => {
        const sum = new SumAccumulator(ws, money, "x");
        for (let times = 0; times < 3; times++) sum.update(rows, [column]);
        column.release();
        const result = [valuesOf(ws, sum.sum(0, 6)), valuesOf(ws, sum.count(0, 6))];
        sum.release();
        return result;
      });
      groups.release();
      expect(results[0]).toEqual(results[1]);
      expect(results[0][1]).toEqual([603n, 1203n, 0n, 0n, 1203n, 0n]);
    }));

  it.each([[true], [false]])("equal those of 128 bits (all rows one group: %s)", (isWhole) =>
    withWorkspace((ws) => {
      const groupOf = (row: number) => (isWhole ? 0 : row & 1);
      const groups = ws.allocate(values.length * 4);
      const columns = [short(ws, values, type), buildColumn(ws, type, values)];
      const noNulls = values.map((value) => value ?? "0");
      columns.push(short(ws, noNulls, type), buildColumn(ws, type, noNulls));
      const results = columns.map((column) => {
        const sum = new SumAccumulator(ws, type, "x");
        for (let times = 0; times < 40; times++) {
          for (let row = 0; row < values.length; row++) ws.u32[(groups.address >>> 2) + row] = groupOf(row);
          const rows = { groups: groups.address, rowCount: values.length, groupCount: isWhole ? 1 : 2, isWhole };
          sum.update(rows, [column]);
        }
        const count = isWhole ? 1 : 2;
        const result = [
          valuesOf(ws, sum.sum(0, count)),
          valuesOf(ws, sum.mean(0, count)),
          valuesOf(ws, sum.count(0, count)),
        ];
        sum.release();
        column.release();
        return result;
      });
      groups.release();
      expect(results[0]).toEqual(results[1]);
      expect(results[2]).toEqual(results[3]);
    }),
  );
});

it("finds the greatest magnitude, of the least integer too", () => {
  const ws = newWorkspace();
  const block = ws.allocate(24);
  const magnitude = (...values: bigint[]) => {
    for (const [i, value] of values.entries()) ws.i64[(block.address >>> 3) + i] = value;
    return BigInt.asUintN(64, ws.kernels.decimalWordsMagnitude(block.address, values.length));
  };
  expect(magnitude()).toBe(0n);
  expect(magnitude(-3n, 2n)).toBe(3n);
  expect(magnitude(1n, 0n, 9_223_372_036_854_775_807n)).toBe(9_223_372_036_854_775_807n);
  expect(magnitude(-9_223_372_036_854_775_808n, 5n, 1n)).toBe(9_223_372_036_854_775_808n);
  block.release();
});
