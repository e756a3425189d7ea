import * as fc from "fast-check";
import type { Column } from "../../src/core/column.ts";
import { Column as ColumnClass } from "../../src/core/column.ts";
import { buildColumn } from "../../src/core/columns/builder.ts";
import { sliceColumn } from "../../src/core/columns/slice.ts";
import type { DataType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { inWords } from "./decimal-words.ts";

const integers = (bits: number, signed: boolean): fc.Arbitrary<bigint> => {
  const min = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const max = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(min, max, min + 1n, max - 1n, 0n, 1n, signed ? -1n : 2n) },
    { weight: 4, arbitrary: fc.bigInt({ min: signed ? -3n : 0n, max: 3n }) },
    { weight: 3, arbitrary: fc.bigInt({ min, max }) },
  );
};
const smallIntegers = (bits: number, signed: boolean) => integers(bits, signed).map(Number);
const floats = fc.oneof(
  fc.constantFrom(NaN, -NaN, 0, -0, Infinity, -Infinity, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 1, -1),
  fc.double(),
);
const strings = fc.oneof(
  fc.constantFrom("", "a", "b", "ab", "abcdefgh", "abcdefghi", "abcdefgh\0", "\0", "é", "\uffff", "😀", "z".repeat(40)),
  fc.string({ maxLength: 20, unit: "binary" }),
);
/** 64 KiB strings and lone surrogates (which UTF-8 turns into U+FFFD) now and then: for small samples. */
export const longStrings = fc.oneof(
  { weight: 30, arbitrary: strings },
  { weight: 1, arbitrary: fc.constantFrom("x".repeat(65_536), "\ud800", "a\udfff") },
);

/** A value of the type that is not null, from its edges and from anywhere. */
export function valueOfType(type: DataType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case "null":
      return fc.constant(null);
    case "bool":
      return fc.boolean();
    case "int8":
    case "int16":
    case "int32":
      return smallIntegers(types.byteWidth(type) * 8, true);
    case "date":
      return smallIntegers(31, true);
    case "uint8":
    case "uint16":
    case "uint32":
      return smallIntegers(types.byteWidth(type) * 8, false);
    case "int64":
      return integers(64, true);
    case "uint64":
      return integers(64, false);
    case "float32":
      return floats.map(Math.fround);
    case "float64":
      return floats;
    case "utf8":
      return strings;
    case "binary":
      return fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 12 }));
    case "decimal": {
      const limit = 10n ** BigInt(type.precision) - 1n;
      const unscaled = fc.oneof(fc.constantFrom(0n, 1n, -1n, limit, -limit), fc.bigInt({ min: -limit, max: limit }));
      return unscaled.map((value) => decimalText(value, type.scale));
    }
    case "time":
      return types.byteWidth(type) === 8 ? integers(40, false) : smallIntegers(26, false);
    case "timestamp":
      return type.unit === "s" || type.unit === "ms" ? smallIntegers(50, true) : integers(64, true);
    case "interval":
      return fc.record({
        months: smallIntegers(32, true),
        days: smallIntegers(32, true),
        nanoseconds: integers(64, true),
      });
    case "list":
      return fc.array(nullable(valueOfType(type.element)), { maxLength: 4 });
    case "map":
      return fc.array(fc.tuple(valueOfType(type.key), nullable(valueOfType(type.value))), { maxLength: 3 });
    case "struct":
      return fc.record(
        Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, nullable(valueOfType(field))])),
      );
  }
}

export const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 5 });

/** Types whose values have an order and an equality: keys of sorts and joins. */
export const keyTypes: readonly DataType[] = [
  types.bool,
  types.int8,
  types.int16,
  types.int32,
  types.int64,
  types.uint8,
  types.uint16,
  types.uint32,
  types.uint64,
  types.float32,
  types.float64,
  types.utf8,
  types.binary,
  types.date,
  types.decimal(38, 4),
  types.decimal(12, 2),
  types.time("ms"),
  types.time("ns"),
  types.timestamp("ms", "UTC"),
  types.timestamp("us"),
];
const flatTypes: readonly DataType[] = [...keyTypes, types.nullType, types.interval];

/** Every type, nested to a small depth. */
export const anyType: fc.Arbitrary<DataType> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...flatTypes) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<DataType>(
      types.list(types.utf8),
      types.list(types.list(types.int16)),
      types.struct({ a: types.int32, b: types.utf8 }),
      types.struct({ a: types.list(types.bool) }),
      types.map(types.utf8, types.float64),
      types.list(types.struct({ a: types.decimal(20, 2) })),
    ),
  },
);
export const anyKeyType: fc.Arbitrary<DataType> = fc.constantFrom(...keyTypes);

/** How a column lies in memory. */
export interface Shape {
  /** Dictionary-encoded, with repeated entries where values repeat and one unused entry. */
  isEncoded: boolean;
  /** Decimals in words, where all values fit and it is not encoded. */
  isShort?: boolean;
  /** Rows that lie before and after in a longer column of which it is a slice. */
  before: number;
  after: number;
}
export const anyShape: fc.Arbitrary<Shape> = fc.record({
  isEncoded: fc.boolean(),
  isShort: fc.boolean(),
  before: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 17 })),
  after: fc.integer({ min: 0, max: 3 }),
});

/** A column of the given values (null = null row) in the given shape. The caller owns it. */
export function shapedColumn(ws: Workspace, type: DataType, values: readonly unknown[], shape: Shape): Column {
  if (type.kind === "null") return new ColumnClass(type, values.length, { nullCount: values.length }, []);
  const filler = (count: number) =>
    Array.from({ length: count }, (_, i) => values[i % Math.max(1, values.length)] ?? null);
  const long = [...filler(shape.before), ...values, ...filler(shape.after)];
  const whole = shape.isEncoded && canEncode(type) ? encodedColumn(ws, type, long) : buildColumn(ws, type, long);
  const stored = shape.isShort === true ? inWords(ws, whole) : whole.retain();
  const slice = sliceColumn(ws, stored, shape.before, values.length);
  stored.release();
  whole.release();
  return slice;
}

const canEncode = (type: DataType): boolean => type.kind !== "null" && !types.isNested(type) && type.kind !== "bool";

/** A dictionary-encoded column: one entry per row that is not null (so entries repeat), or one where all are null. */
export function encodedColumn(ws: Workspace, type: DataType, values: readonly unknown[]): Column {
  const entries = values.filter((value) => value !== null);
  const dictionary = buildColumn(ws, type, entries.length > 0 ? entries : [sample(type)]);
  let next = 0;
  const indices = buildColumn(
    ws,
    types.int32,
    values.map((value) => (value === null ? null : next++)),
  );
  // Invariant: indices of null rows are 0, as buildColumn writes them.
  const { length, nullCount, validity, data } = indices;
  const column = new ColumnClass(type, length, { nullCount, validity, data, dictionary }, indices.retainBlocks());
  indices.release();
  return column;
}

function sample(type: DataType): unknown {
  return fc.sample(valueOfType(type), { numRuns: 1, seed: 1 })[0];
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}
