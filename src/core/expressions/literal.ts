import { parseDecimal } from "../columns/values.ts";
import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import * as types from "../types.ts";
import { type DataType, type DecimalType, formatType, isInteger } from "../types.ts";
import type { LiteralJson, LiteralNode } from "./node.ts";
import { parseDate, parseTime, parseTimestamp } from "./temporal.ts";

/** What a user may write where an expression is expected. */
export type Literal = null | boolean | number | bigint | string | Date | Uint8Array;

/** Inclusive bounds of the integer types. */
export const INTEGER_RANGE: Readonly<Record<types.IntKind, readonly [low: bigint, high: bigint]>> = {
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-2_147_483_648n, 2_147_483_647n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65_535n],
  uint32: [0n, 4_294_967_295n],
  uint64: [0n, 2n ** 64n - 1n],
};

/**
 * The node of a JavaScript value: integers are int32 or, past its range, float64 as other numbers, bigint int64, Date timestamp(ms, UTC). It adapts to the type that it meets; see `adaptLiteral`.
 */
export function literalNode(value: Literal): LiteralNode {
  const flexible = true;
  if (value === null) return { kind: "literal", type: types.nullType, value: null, flexible };
  switch (typeof value) {
    case "boolean":
      return { kind: "literal", type: types.bool, value };
    case "string":
      return { kind: "literal", type: types.utf8, value, flexible };
    case "bigint": {
      const type = fitsInteger(value, types.int64) ? types.int64 : types.uint64;
      if (fitsInteger(value, type)) return { kind: "literal", type, value: String(value), flexible };
      throw new PlanError(
        "LITERAL_INVALID",
        `The literal ${value} fits no 64-bit integer.`,
        "Give it a type: lit(value, decimal(38, 0)).",
      );
    }
    case "number": {
      const isInt32 = (value | 0) === value && !Object.is(value, -0);
      return { kind: "literal", type: isInt32 ? types.int32 : types.float64, value: floatJson(value), flexible };
    }
  }
  if (value instanceof Uint8Array) {
    return { kind: "literal", type: types.binary, value: Buffer.from(value).toString("hex") };
  }
  if (value instanceof Date && Number.isFinite(value.getTime())) {
    return { kind: "literal", type: types.timestamp("ms", "UTC"), value: String(value.getTime()), flexible };
  }
  throw new PlanError(
    "LITERAL_INVALID",
    `A literal is ${describeValue(value)}.`,
    "Use null, a boolean, number, bigint, string, Date or Uint8Array, or col(name) for a column.",
  );
}

/** A literal of a stated type, which it keeps. Dates and times may also be counts of their unit, as in `ValueOf`. */
export function typedLiteral(value: Literal, type: DataType): LiteralNode {
  const isCount = typeof value === "bigint" || Number.isSafeInteger(value);
  if (isCount && type.kind === "date" && fitsInteger(BigInt(value as number), types.int32)) {
    return { kind: "literal", type, value: Number(value) };
  }
  if (
    isCount &&
    (type.kind === "timestamp" || type.kind === "time") &&
    fitsInteger(BigInt(value as number), types.int64)
  ) {
    return { kind: "literal", type, value: String(value) };
  }
  const adapted =
    typeof value === "bigint"
      ? adaptLiteral({ kind: "literal", type: types.decimal(38, 0), value: String(value), flexible: true }, type)
      : adaptLiteral({ ...literalNode(value), flexible: true }, type);
  if (adapted === undefined) {
    throw new PlanError(
      "LITERAL_INVALID",
      `The value ${describeValue(value)} is no ${formatType(type)}.`,
      "Give a value of that type, or leave the type away.",
    );
  }
  const { kind, value: json } = adapted;
  return { kind, type, value: json };
}

/** JSON has no NaN, infinities or -0: those are text. */
const floatJson = (value: number): LiteralJson =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);

/** The value of a literal in the form of `ValueOf` (bigint, decimal text, ...), ready for `buildColumn`. */
export function literalValue({ type, value }: LiteralNode): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "int64":
    case "uint64":
    case "timestamp":
      return BigInt(value as string | number);
    case "time":
      return types.byteWidth(type) === 8 ? BigInt(value as string | number) : Number(value);
    case "int8":
    case "int16":
    case "int32":
    case "uint8":
    case "uint16":
    case "uint32":
    case "date":
    case "float32":
    case "float64":
      return Number(value);
    case "decimal":
      return String(value);
    case "binary":
      return Uint8Array.from(Buffer.from(String(value), "hex"));
    default:
      return value;
  }
}

/** The node of a value in the form of `ValueOf`. */
export function literalOfValue(value: unknown, type: DataType): LiteralNode {
  const json = (): LiteralJson => {
    if (value === null || value === undefined) return null;
    if (typeof value === "number") return types.isFloat(type) ? floatJson(value) : value;
    if (typeof value === "bigint") return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    return value as LiteralJson;
  };
  return { kind: "literal", type, value: json() };
}

/**
 * The literal read as another type, where it stands for exactly one value of it: an integral number fits integers in
 * range, any number fits floats, a number with few enough digits fits a decimal, text fits what it can be parsed as.
 * Undefined where it does not fit, or where the literal has a type of its own.
 */
export function adaptLiteral(node: LiteralNode, to: DataType): LiteralNode | undefined {
  if (types.sameType(node.type, to)) return { kind: "literal", type: to, value: node.value };
  if (node.value === null && (node.flexible || node.type.kind === "null")) {
    return { kind: "literal", type: to, value: null };
  }
  if (!node.flexible) return undefined;
  const json = node.type.kind === "utf8" ? parseText(String(node.value), to) : convert(node, to);
  return json === undefined ? undefined : { kind: "literal", type: to, value: json };
}

export const fitsInteger = (value: bigint, type: DataType): boolean => {
  const range = INTEGER_RANGE[type.kind as types.IntKind];
  return range !== undefined && value >= range[0] && value <= range[1];
};

const integerJson = (value: bigint, type: DataType): LiteralJson =>
  type.kind === "int64" || type.kind === "uint64" ? String(value) : Number(value);

function convert({ type, value }: LiteralNode, to: DataType): LiteralJson | undefined {
  if (type.kind === "timestamp") {
    const ms = BigInt(value as string);
    if (to.kind === "date") return ms % 86_400_000n === 0n ? Number(ms / 86_400_000n) : undefined;
    if (to.kind !== "timestamp") return undefined;
    if (to.unit === "s") return ms % 1000n === 0n ? String(ms / 1000n) : undefined;
    return String(ms * (to.unit === "ms" ? 1n : to.unit === "us" ? 1000n : 1_000_000n));
  }
  if (typeof value === "boolean") return undefined;
  const number = Number(value);
  if (isInteger(to)) {
    if (!Number.isInteger(number)) return undefined;
    const integer = BigInt(type.kind === "float64" ? number : (value as string | number));
    return fitsInteger(integer, to) ? integerJson(integer, to) : undefined;
  }
  if (types.isFloat(to)) return floatJson(number);
  if (to.kind === "decimal") return parseDecimal(value, to) === undefined ? undefined : String(value);
  return undefined;
}

/** Text as a value of another type, in JSON form. */
export function parseText(text: string, to: DataType): LiteralJson | undefined {
  const optional = (value: bigint | undefined) => (value === undefined ? undefined : String(value));
  switch (to.kind) {
    case "date":
      return parseDate(text);
    case "time":
      return optional(parseTime(text, to.unit));
    case "timestamp":
      return optional(parseTimestamp(text, to.unit, to.timezone));
    case "decimal":
      return parseDecimal(text, to) === undefined ? undefined : text.trim();
    default:
      return undefined;
  }
}

/** The smallest decimal type that holds a number exactly as it is written; undefined past 38 digits. */
export function decimalTypeOfLiteral({ type, value }: LiteralNode): DecimalType | undefined {
  if (type.kind === "decimal") return type;
  if (value === null || !types.isNumeric(type) || !Number.isFinite(Number(value))) return undefined;
  const match = /^-?(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) return undefined;
  const [, whole, fraction = "", exponent = "0"] = match;
  const scale = Math.max(0, fraction.length - Number(exponent));
  const wholeDigits = Math.max(whole === "0" ? 0 : whole.length + Number(exponent), 0);
  const precision = Math.max(wholeDigits + scale, 1);
  return precision <= 38 ? types.decimal(precision, scale) : undefined;
}
