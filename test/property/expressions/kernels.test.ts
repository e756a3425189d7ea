import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { columnReader } from "../../../src/core/columns/read.ts";
import { EvaluationError } from "../../../src/core/errors.ts";
import { compileExpression } from "../../../src/core/expressions/evaluate.ts";
import { typedLiteral } from "../../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../../src/core/expressions/node.ts";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import { evaluateReference, Failure, likeReference } from "../../reference/expressions.ts";
import { newWorkspace } from "../../support/workspace.ts";
import { anyValue } from "./arbitraries.ts";

/** Two vectors of every width and a rest, and whole bitmaps words and a rest. */
const LONGEST = 130;

const TYPES = [
  types.int8,
  types.uint8,
  types.int16,
  types.uint16,
  types.int32,
  types.uint32,
  types.int64,
  types.uint64,
  types.float32,
  types.float64,
  types.decimal(12, 2),
  types.decimal(38, 4),
  types.utf8,
  types.bool,
  types.date,
];

const workspace = newWorkspace();

/** The values of a node over rows, or "failure"; every block is released. */
function run(node: ExpressionNode, schema: Schema, rows: readonly Record<string, unknown>[]): unknown[] | "failure" {
  const batch = buildBatch(workspace, schema, rows);
  const compiled = compileExpression(node, schema);
  try {
    const column = compiled.evaluate(workspace, batch);
    const read = columnReader(workspace, column);
    const values = rows.map((_, row) => read(row));
    column.release();
    return values;
  } catch (error) {
    if (error instanceof EvaluationError) return "failure";
    throw error;
  } finally {
    compiled.close();
    batch.release();
    expect(workspace.allocator.liveBlocks).toBe(0);
  }
}

function reference(
  node: ExpressionNode,
  schema: Schema,
  rows: readonly Record<string, unknown>[],
): unknown[] | "failure" {
  try {
    return rows.map((row) => evaluateReference(node, row, schema));
  } catch (error) {
    if (error instanceof Failure) return "failure";
    throw error;
  }
}

const stored = (value: unknown) => (typeof value === "string" ? Buffer.from(value).toString() : value);

/** Rows with two values of a type; nulls never, sometimes or always. */
function anyPairs(type: types.DataType) {
  const value = anyValue(type).map(stored);
  return fc
    .record({
      length: fc.nat(LONGEST),
      nulls: fc.constantFrom(0, 3, 1),
      values: fc.array(fc.tuple(value, value), { minLength: 1, maxLength: LONGEST, size: "max" }),
    })
    .map(({ length, nulls, values }) =>
      Array.from({ length }, (_, i) => {
        const [a, b] = values[i % values.length];
        const isNull = nulls === 1 || (nulls === 3 && i % 3 === 0);
        return { a: isNull ? null : a, b: nulls === 3 && i % 5 === 0 ? null : b };
      }),
    );
}

const COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge", "isDistinctFrom"];

describe.each(TYPES.map((type) => ({ name: types.formatType(type), type })))("kernels of $name", ({ type }) => {
  const schema = Schema.of({ a: type, b: type });
  const arithmetic = types.isInteger(type)
    ? ["add", "sub", "mul", "div", "intDiv", "mod"]
    : types.isNumeric(type)
      ? ["add", "sub", "mul", "div", "mod"]
      : [];
  const shapes = (literal: ExpressionNode) =>
    fc.constantFrom<readonly [ExpressionNode, ExpressionNode]>(
      [columnNode("a"), columnNode("b")],
      [columnNode("a"), literal],
      [literal, columnNode("b")],
    );

  it("compute what the scalar reference computes, at every length and operand shape", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...COMPARISONS, ...arithmetic),
        anyPairs(type),
        anyValue(type).chain((value) => shapes(typedLiteral(stored(value) as never, type))),
        (fn, rows, [left, right]) => {
          const node = callNode(fn, left, right);
          expect(run(node, schema, rows), fn).toEqual(reference(node, schema, rows));
        },
      ),
      { numRuns: 250 },
    ));
});

describe("kernels of text", () => {
  const schema = Schema.of({ a: types.utf8, b: types.utf8 });
  const short = anyValue(types.utf8).map((value) => String(stored(value)));
  const long = fc
    .tuple(short, fc.constantFrom(65_535, 65_536, 65_537))
    .map(([text, length]) =>
      (text === "" ? "ab" : text).repeat(Math.ceil(length / Math.max(1, text.length))).slice(0, length),
    )
    .map((text) => String(stored(text)));

  it.each(["upper", "lower", "reverse", "trim", "length", "byteLength"])("%s takes texts of 64 KiB", (fn) =>
    fc.assert(
      fc.property(fc.oneof(short, long), (text) => {
        const node = callNode(fn, columnNode("a"));
        const rows = [
          { a: "x", b: null },
          { a: text, b: null },
        ];
        expect(run(node, schema, rows)).toEqual(reference(node, schema, rows));
      }),
      { numRuns: 25 },
    ),
  );

  it.each(["contains", "startsWith", "endsWith", "position", "eq", "lt", "concat"])(
    "%s takes two texts of any length",
    (fn) =>
      fc.assert(
        fc.property(fc.oneof(short, long), short, fc.nat(70_000), (text, other, at) => {
          const node = callNode(fn, columnNode("a"), columnNode("b"));
          const rows = [
            { a: text, b: other },
            { a: text, b: String(stored(text.slice(at))) },
            { a: other, b: text },
          ];
          expect(run(node, schema, rows)).toEqual(reference(node, schema, rows));
        }),
        { numRuns: 40 },
      ),
  );

  const letters = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀"), maxLength: 8 });
  const patterns = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "%", "_", "\\"), maxLength: 6 });

  it("like matches what the recursive definition matches", () =>
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 20 }), patterns, (texts, pattern) => {
        const node = callNode("like", columnNode("a"), typedLiteral(pattern, types.utf8));
        const rows = texts.map((a) => ({ a, b: null }));
        expect(run(node, schema, rows)).toEqual(texts.map((text) => likeReference(text, pattern)));
      }),
      { numRuns: 1500 },
    ));
});
