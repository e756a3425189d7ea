import { resolveType } from "../../src/core/expressions/bind.ts";
import { literalValue } from "../../src/core/expressions/literal.ts";
import type { CallNode, ExpressionNode } from "../../src/core/expressions/node.ts";
import { arithmeticTypes, commonType } from "../../src/core/expressions/promote.ts";
import type { Schema } from "../../src/core/schema.ts";
import * as types from "../../src/core/types.ts";
import { type DataType, isFloat, isInteger } from "../../src/core/types.ts";
import { compareValues, decimalText, divideRounded, roundHalfEven, unscaled, type Value } from "./expression-values.ts";

/** A row for which an expression has no result. */
export class Failure extends Error {}

/**
 * What an expression means for one row, written to be read: one value at a time, no columns, no kernels.
 * Covers arithmetic, comparison, logic, nulls, case, casts between numbers, and a set of functions; operands are
 * expected to be typed (no adapting literals), as the generators of the property tests make them.
 */
export function evaluateReference(node: ExpressionNode, row: Record<string, Value>, schema: Schema): Value {
  const typeOf = (part: ExpressionNode) => resolveType(part, schema);
  const evaluate = (part: ExpressionNode): Value => {
    switch (part.kind) {
      case "column":
        return row[part.name];
      case "literal":
        return literalValue(part);
      case "alias":
        return evaluate(part.input);
      case "cast":
        return castReference(evaluate(part.input), typeOf(part.input), part.to, part.safe);
      case "case": {
        const type = typeOf(part);
        for (const { when, value } of part.branches) {
          if (evaluate(when) === true) return castReference(evaluate(value), typeOf(value), type, false);
        }
        return part.otherwise === undefined
          ? null
          : castReference(evaluate(part.otherwise), typeOf(part.otherwise), type, false);
      }
      case "in": {
        const input = evaluate(part.input);
        const tests = part.values.map((value) => compareOrNull("eq", input, literalValue(value), typeOf(part.input)));
        return tests.includes(true) ? true : tests.includes(null) || input === null ? null : false;
      }
      case "call":
        return call(part);
    }
  };

  const call = (part: CallNode): Value => {
    const { fn, args } = part;
    switch (fn) {
      case "and": {
        const left = evaluate(args[0]);
        if (left === false) return false;
        const right = evaluate(args[1]);
        return right === false ? false : left === null || right === null ? null : true;
      }
      case "or": {
        const left = evaluate(args[0]);
        if (left === true) return true;
        const right = evaluate(args[1]);
        return right === true ? true : left === null || right === null ? null : false;
      }
      case "between": {
        const isAbove = compareAs("ge", evaluate(args[0]), evaluate(args[1]), [args[0], args[1]]);
        if (isAbove === false) return false;
        const isBelow = compareAs("le", evaluate(args[0]), evaluate(args[2]), [args[0], args[2]]);
        return isBelow === false ? false : isAbove === null || isBelow === null ? null : true;
      }
      case "isNull":
        return evaluate(args[0]) === null;
      case "isNotNull":
        return evaluate(args[0]) !== null;
      case "coalesce": {
        const type = typeOf(part);
        for (const arg of args) {
          const value = evaluate(arg);
          if (value !== null) return castReference(value, typeOf(arg), type, false);
        }
        return null;
      }
      case "isDistinctFrom":
      case "isNotDistinctFrom": {
        const [a, b] = args.map(evaluate);
        const isSame = a === null || b === null ? a === b : compareAs("eq", a, b, args) === true;
        return isSame === (fn === "isNotDistinctFrom");
      }
      case "nullIf": {
        const [a, b] = args.map(evaluate);
        return compareAs("eq", a, b, args) === true ? null : a;
      }
      case "concat":
        return args.map((arg) => evaluate(arg) ?? "").join("");
      case "greatest":
      case "least": {
        const type = typeOf(part);
        const present = args.flatMap((arg) => {
          const value = castReference(evaluate(arg), typeOf(arg), type, false);
          return value === null ? [] : [value];
        });
        if (present.length === 0) return null;
        const sign = fn === "greatest" ? 1 : -1;
        return present.reduce((best, value) => (compareValues(best, value, type) * sign >= 0 ? best : value));
      }
    }
    const values = args.map(evaluate);
    // A conversion to the common type fails even where the other operand is null.
    if (ARITHMETIC.has(fn)) return arithmetic(fn, values, args.map(typeOf));
    if (values.includes(null)) return null;
    switch (fn) {
      case "not":
        return !values[0];
      case "eq":
      case "ne":
      case "lt":
      case "le":
      case "gt":
      case "ge":
        return compareAs(fn, values[0], values[1], args);
      case "neg":
        return negate(values[0], typeOf(args[0]));
      case "abs":
        return compareValues(values[0], zeroOf(typeOf(args[0])), typeOf(args[0])) < 0
          ? negate(values[0], typeOf(args[0]))
          : values[0] === 0
            ? 0
            : values[0];
      default:
        return plainFunction(fn, values);
    }
  };

  /** Compares values of two expressions in their common type. */
  const compareAs = (fn: string, a: Value, b: Value, args: readonly ExpressionNode[]): Value => {
    const [left, right] = args.map(typeOf);
    const hasUnsigned = left.kind === "uint64" || right.kind === "uint64";
    let common = commonType(left, right) ?? left;
    if (common.kind === "int64" && hasUnsigned) common = types.decimal(20, 0);
    const [x, y] = [castReference(a, left, common, false), castReference(b, right, common, false)];
    return compareOrNull(fn, x, y, common);
  };

  return evaluate(node);
}

function compareOrNull(fn: string, a: Value, b: Value, type: DataType): Value {
  if (a === null || b === null) return null;
  const order = compareValues(a, b, type);
  return { eq: order === 0, ne: order !== 0, lt: order < 0, le: order <= 0, gt: order > 0, ge: order >= 0 }[fn];
}

const ARITHMETIC = new Set(["add", "sub", "mul", "div", "intDiv", "mod"]);

const zeroOf = (type: DataType): Value =>
  type.kind === "int64" || type.kind === "uint64" ? 0n : type.kind === "decimal" ? "0" : 0;

function negate(value: Value, type: DataType): Value {
  if (isFloat(type)) return -(value as number);
  if (type.kind === "decimal") return decimalText(-unscaled(value, type.scale), type.scale);
  return integerResult(-BigInt(value as number | bigint), type);
}

function integerResult(value: bigint, type: DataType): Value {
  const bits = types.byteWidth(type) * 8;
  const fits = (type.kind.startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)) === value;
  if (!fits) throw new Failure("overflow");
  return bits === 64 ? value : Number(value);
}

function arithmetic(fn: string, values: readonly Value[], operandTypes: readonly DataType[]): Value {
  const found = arithmeticTypes(fn, operandTypes[0], operandTypes[1]);
  if (found === undefined) throw new Error(`no ${fn}`);
  const { result } = found;
  const a = castReference(values[0], operandTypes[0], found.left, false);
  const b = castReference(values[1], operandTypes[1], found.right, false);
  if (a === null || b === null) return null;
  if (isFloat(result)) {
    const [x, y] = [a as number, b as number];
    const exact = { add: x + y, sub: x - y, mul: x * y, div: x / y, mod: x % y }[fn] as number;
    return result.kind === "float32" ? Math.fround(exact) : exact;
  }
  const scaleOf = (type: DataType) => (type.kind === "decimal" ? type.scale : 0);
  const integerOf = (value: Value, type: DataType) =>
    type.kind === "decimal" ? unscaled(value, type.scale) : BigInt(value as number | bigint);
  const x = integerOf(a, found.left);
  const y = integerOf(b, found.right);
  if ((fn === "intDiv" || fn === "mod") && y === 0n) throw new Failure("division by zero");
  const operations: Record<string, () => bigint> = {
    add: () => x + y,
    sub: () => x - y,
    mul: () => x * y,
    intDiv: () => x / y,
    mod: () => x % y,
  };
  const exact = operations[fn]();
  if (result.kind !== "decimal") return integerResult(exact, result);
  return decimalResult(exact, scaleOf(result), result);
}

function decimalResult(value: bigint, scale: number, type: types.DecimalType): string {
  const limit = 10n ** BigInt(type.precision);
  if (value >= limit || value <= -limit) throw new Failure("overflow");
  return decimalText(value, scale);
}

/** Casts among bools, numbers, dates and text of integers. */
export function castReference(value: Value, from: DataType, to: DataType, isSafe: boolean): Value {
  if (value === null || types.sameType(from, to)) return value;
  try {
    return convert(value, from, to);
  } catch (error) {
    if (isSafe && error instanceof Failure) return null;
    throw error;
  }
}

function convert(value: Value, from: DataType, to: DataType): Value {
  if (to.kind === "utf8") return String(value);
  if (from.kind === "bool") return convert(value ? 1 : 0, types.int32, to);
  if (to.kind === "bool") return Number(value) !== 0;
  if (isFloat(to)) {
    const number = from.kind === "decimal" ? decimalToNumber(String(value), from) : Number(value);
    if (to.kind === "float64") return number;
    const single = Math.fround(number);
    if (Number.isFinite(number) && !Number.isFinite(single)) throw new Failure("overflow");
    return single;
  }
  if (to.kind === "decimal") return toDecimal(value, from, to);
  if (!isInteger(to)) throw new Error(`no cast from ${from.kind} to ${to.kind}`);
  if (from.kind === "decimal") {
    const whole = divideRounded(unscaled(value, from.scale), 10n ** BigInt(from.scale));
    return integerResult(whole, to);
  }
  if (!isFloat(from)) return integerResult(BigInt(value as number | bigint), to);
  if (!Number.isFinite(value)) throw new Failure("not finite");
  return integerResult(BigInt(roundHalfEven(value as number)), to);
}

const decimalToNumber = (text: string, type: types.DecimalType): number =>
  Number(unscaled(text, type.scale)) / Number(10n ** BigInt(type.scale));

function toDecimal(value: Value, from: DataType, to: types.DecimalType): Value {
  if (from.kind === "decimal") {
    const shift = to.scale - from.scale;
    const integer = unscaled(value, from.scale);
    const scaled = shift >= 0 ? integer * 10n ** BigInt(shift) : divideRounded(integer, 10n ** BigInt(-shift));
    return decimalResult(scaled, to.scale, to);
  }
  if (!isFloat(from)) return decimalResult(BigInt(value as number | bigint) * 10n ** BigInt(to.scale), to.scale, to);
  const scaled = Math.abs(value as number) * 10 ** to.scale;
  if (!(scaled < 1e38)) throw new Failure("too large");
  const whole = Math.floor(scaled);
  const rounded = BigInt(scaled - whole >= 0.5 ? whole + 1 : whole);
  return decimalResult((value as number) < 0 ? -rounded : rounded, to.scale, to);
}

const points = (text: string) => [...text];

/** Functions whose meaning needs no types. */
function plainFunction(fn: string, values: readonly Value[]): Value {
  const [first, second, third] = values as [string, string, string];
  const number = first as unknown as number;
  switch (fn) {
    case "floor":
      return Math.floor(number);
    case "ceil":
      return Math.ceil(number);
    case "trunc":
      return Math.trunc(number);
    case "sqrt":
      return Math.sqrt(number);
    case "isNaN":
      return Number.isNaN(number);
    case "upper":
      return first.toUpperCase();
    case "lower":
      return first.toLowerCase();
    case "length":
      return points(first).length;
    case "byteLength":
      return Buffer.byteLength(first);
    case "reverse":
      return points(first).reverse().join("");
    case "trim":
      return first.replace(/^ +| +$/g, "");
    case "startsWith":
      return first.startsWith(second);
    case "endsWith":
      return first.endsWith(second);
    case "contains":
      return first.includes(second);
    case "position":
      return first.includes(second) ? points(first.slice(0, first.indexOf(second))).length + 1 : 0;
    case "replace":
      return second === "" ? first : first.split(second).join(third);
    case "left": {
      const count = Number(second);
      return points(first)
        .slice(0, count >= 0 ? count : Math.max(0, points(first).length + count))
        .join("");
    }
    case "right": {
      const count = Number(second);
      const all = points(first);
      return all.slice(count >= 0 ? Math.max(0, all.length - count) : -count).join("");
    }
    case "like":
      return likeReference(first, second);
    default:
      throw new Error(`The reference has no ${fn}.`);
  }
}

/** SQL LIKE by recursion over code points. */
export function likeReference(text: string, pattern: string): boolean {
  const [p, ...restOfPattern] = points(pattern);
  const [t, ...restOfText] = points(text);
  if (p === undefined) return t === undefined;
  const rest = restOfPattern.join("");
  if (p === "%") return likeReference(text, rest) || (t !== undefined && likeReference(restOfText.join(""), pattern));
  if (t === undefined) return false;
  if (p === "_") return likeReference(restOfText.join(""), rest);
  if (p === "\\" && restOfPattern.length > 0) {
    return t === restOfPattern[0] && likeReference(restOfText.join(""), restOfPattern.slice(1).join(""));
  }
  return t === p && likeReference(restOfText.join(""), rest);
}
