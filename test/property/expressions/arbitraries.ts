import fc from "fast-check";
import { typedLiteral } from "../../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../../src/core/expressions/node.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { DataType } from "../../../src/core/types.ts";
import * as types from "../../../src/core/types.ts";

/** One column of each kind that expressions compute with; two where pairs matter. */
export const schema = Schema.of({
  i32: types.int32,
  j32: types.int32,
  i8: types.int8,
  u8: types.uint8,
  i16: types.int16,
  u16: types.uint16,
  u32: types.uint32,
  i64: types.int64,
  j64: types.int64,
  u64: types.uint64,
  f32: types.float32,
  f64: types.float64,
  g64: types.float64,
  d: types.decimal(12, 2),
  e: types.decimal(20, 5),
  b: types.bool,
  c: types.bool,
  s: types.utf8,
  t: types.utf8,
  day: types.date,
});

const EDGE_INTS = [
  0, 1, -1, 2, 3, 7, 10, 127, -128, 255, 32_767, -32_768, 65_535, 2_147_483_647, -2_147_483_648, 4_294_967_295,
];
const EDGE_BIGINTS = [
  0n,
  1n,
  -1n,
  3n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
];
const EDGE_FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -2.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  2 ** 53,
  0.1,
];
const EDGE_TEXTS = [
  "",
  " ",
  "a",
  "A",
  "abc",
  " abc ",
  "%",
  "_",
  "aXbXc",
  "žluťoučký",
  "😀",
  "a😀b",
  "\u0000",
  "日本語",
  "\ud800",
  "ß",
];

const within = (type: DataType): ((value: bigint) => boolean) => {
  const bits = types.byteWidth(type) * 8;
  return (value) => (type.kind.startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)) === value;
};

/** Values of a type without null, edges at least a third of the time. */
export function anyValue(type: DataType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "float64":
      return fc.oneof(fc.constantFrom(...EDGE_FLOATS), fc.double(), fc.integer({ min: -100, max: 100 }));
    case "float32":
      return fc.oneof(
        fc.constantFrom(...EDGE_FLOATS.map(Math.fround)),
        fc.float(),
        fc.integer({ min: -100, max: 100 }),
      );
    case "utf8":
      return fc.oneof(
        fc.constantFrom(...EDGE_TEXTS),
        fc.string({ maxLength: 12 }),
        fc.string({ unit: "binary", maxLength: 8 }),
      );
    case "date":
      return fc.oneof(fc.constantFrom(0, -1, 59, 365, 19_782, -719_468), fc.integer({ min: -200_000, max: 200_000 }));
    case "decimal": {
      const limit = 10n ** BigInt(type.precision) - 1n;
      const small = limit < 10_000n ? limit : 10_000n;
      return fc
        .oneof(
          fc.constantFrom(0n, 1n, -1n, limit, -limit, 50n, 149n, 150n),
          fc.bigInt({ min: -small, max: small }),
          fc.bigInt({ min: -limit, max: limit }),
        )
        .map((integer) => decimalOf(integer, type.scale));
    }
    case "int64":
    case "uint64":
      return fc.oneof(
        fc.constantFrom(...EDGE_BIGINTS.filter(within(type))),
        fc.bigInt({ min: type.kind === "int64" ? -1000n : 0n, max: 1000n }),
        fc.bigInt({
          min: type.kind === "int64" ? -(2n ** 63n) : 0n,
          max: type.kind === "int64" ? 2n ** 63n - 1n : 2n ** 64n - 1n,
        }),
      );
    default: {
      const fits = EDGE_INTS.filter((value) => within(type)(BigInt(value)));
      const low = type.kind.startsWith("u") ? 0 : -100;
      return fc.oneof(fc.constantFrom(...fits), fc.integer({ min: low, max: 100 }));
    }
  }
}

function decimalOf(integer: bigint, scale: number): string {
  const digits = (integer < 0n ? -integer : integer).toString().padStart(scale + 1, "0");
  return `${integer < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Text as it is after a column: UTF-8 has no lone surrogates. */
const stored = (value: unknown) => (typeof value === "string" ? Buffer.from(value).toString() : value);

export const anyRow: fc.Arbitrary<Record<string, unknown>> = fc
  .record(Object.fromEntries(schema.fields.map(({ name, type }) => [name, fc.option(anyValue(type), { freq: 5 })])))
  .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, stored(value)])));

/** Few rows often: of many, one nearly always overflows something, and then only the failure is compared. */
export const anyRows = fc.oneof(
  { weight: 2, arbitrary: fc.array(anyRow, { maxLength: 3, size: "max" }) },
  { weight: 1, arbitrary: fc.array(anyRow, { maxLength: 40, size: "max" }) },
);

const INTEGERS = [types.int8, types.uint8, types.int16, types.uint16, types.int32, types.uint32, types.int64];
const NUMBERS: readonly DataType[] = [...INTEGERS, types.float32, types.float64, types.decimal(12, 2)];

const columnsOf = (accepts: (type: DataType) => boolean) =>
  fc.constantFrom(...schema.fields.filter(({ type }) => accepts(type)).map(({ name }) => columnNode(name)));

const literalOf = (type: DataType): fc.Arbitrary<ExpressionNode> =>
  anyValue(type).map((value) => typedLiteral(stored(value) as never, type));

/** Expressions whose value is a number, a bool or text, `depth` calls deep. */
export interface Expressions {
  number: ExpressionNode;
  condition: ExpressionNode;
  text: ExpressionNode;
}

export const anyExpression = (depth: number): { [K in keyof Expressions]: fc.Arbitrary<ExpressionNode> } => {
  const numberLeaf = fc.oneof(columnsOf(types.isNumeric), fc.constantFrom(...NUMBERS).chain(literalOf));
  const conditionLeaf: fc.Arbitrary<ExpressionNode> = fc.oneof(
    columnsOf((type) => type.kind === "bool"),
    literalOf(types.bool),
  );
  const textLeaf: fc.Arbitrary<ExpressionNode> = fc.oneof(
    columnsOf((type) => type.kind === "utf8"),
    literalOf(types.utf8),
  );
  if (depth === 0) return { number: numberLeaf, condition: conditionLeaf, text: textLeaf };
  const { number, condition, text } = anyExpression(depth - 1);
  const pair = (fns: readonly string[], operand: fc.Arbitrary<ExpressionNode>) =>
    fc.tuple(fc.constantFrom(...fns), operand, operand).map(([fn, a, b]) => callNode(fn, a, b));
  const comparisons = ["eq", "ne", "lt", "le", "gt", "ge", "isDistinctFrom", "isNotDistinctFrom"];
  const caseOf = (value: fc.Arbitrary<ExpressionNode>) =>
    fc
      .record({
        branches: fc.array(fc.record({ when: condition, value }), { minLength: 1, maxLength: 3 }),
        otherwise: fc.option(value, { nil: undefined }),
      })
      .map(
        ({ branches, otherwise }): ExpressionNode => ({
          kind: "case",
          branches,
          ...(otherwise === undefined ? {} : { otherwise }),
        }),
      );
  const float = number.map((input): ExpressionNode => ({ kind: "cast", input, to: types.float64, safe: false }));
  return {
    number: fc.oneof(
      { maxDepth: depth },
      numberLeaf,
      pair(["add", "sub", "mul", "div"], number),
      pair(["intDiv", "mod"], columnsOf(types.isInteger)),
      number.map((arg) => callNode("neg", arg)),
      number.map((arg) => callNode("abs", arg)),
      pair(["coalesce", "greatest", "least", "nullIf"], number),
      caseOf(number),
      fc
        .tuple(number, fc.constantFrom(...NUMBERS), fc.boolean())
        .map(([input, to, safe]): ExpressionNode => ({ kind: "cast", input, to, safe })),
      fc.tuple(fc.constantFrom("floor", "ceil", "trunc", "sqrt"), float).map(([fn, arg]) => callNode(fn, arg)),
      fc.tuple(fc.constantFrom("length", "byteLength"), text).map(([fn, arg]) => callNode(fn, arg)),
    ),
    condition: fc.oneof(
      { maxDepth: depth },
      conditionLeaf,
      pair(["and", "or"], condition),
      condition.map((arg) => callNode("not", arg)),
      pair(comparisons, number),
      pair(comparisons, text),
      pair(["startsWith", "endsWith", "contains"], text),
      fc
        .tuple(fc.constantFrom("isNull", "isNotNull"), fc.oneof(number, text, condition))
        .map(([fn, arg]) => callNode(fn, arg)),
      fc.tuple(number, number, number).map((args) => callNode("between", ...args)),
      fc
        .tuple(
          columnsOf((type) => type.kind === "utf8"),
          fc.array(literalOf(types.utf8), { minLength: 1, maxLength: 9 }),
        )
        .map(([input, values]): ExpressionNode => ({ kind: "in", input, values: values as never })),
      fc
        .tuple(
          columnsOf((type) => type.kind === "int32"),
          fc.array(literalOf(types.int32), { minLength: 1, maxLength: 9 }),
        )
        .map(([input, values]): ExpressionNode => ({ kind: "in", input, values: values as never })),
      fc
        .tuple(
          columnsOf((type) => type.kind === "float64"),
          fc.array(literalOf(types.float64), { minLength: 1, maxLength: 9 }),
        )
        .map(([input, values]): ExpressionNode => ({ kind: "in", input, values: values as never })),
    ),
    text: fc.oneof(
      { maxDepth: depth },
      textLeaf,
      pair(["concat", "coalesce", "greatest", "least", "nullIf"], text),
      fc.tuple(fc.constantFrom("upper", "lower", "reverse", "trim"), text).map(([fn, arg]) => callNode(fn, arg)),
      fc.tuple(text, text, text).map((args) => callNode("replace", ...args)),
      caseOf(text),
    ),
  };
};
