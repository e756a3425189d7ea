import * as types from "../types.ts";
import { byteWidth, type DataType, type DecimalType, isFloat, isInteger, isNumeric, sameType } from "../types.ts";

const MAXIMUM_PRECISION = 38;
const FINENESS = ["s", "ms", "us", "ns"] as const;

/**
 * The type that values of both types can be read as, for comparisons, case branches, coalesce, greatest:
 * integers to the wider (mixed signs to the next wider signed, int64 at most), an integer with a float to float64,
 * decimals to the larger whole part and the larger scale, dates to timestamps, times and timestamps to the finer unit.
 * Undefined where there is none.
 */
export function commonType(a: DataType, b: DataType): DataType | undefined {
  if (sameType(a, b)) return a;
  if (a.kind === "null") return b;
  if (b.kind === "null") return a;
  if (isNumeric(a) && isNumeric(b)) return commonNumeric(a, b);
  if (a.kind === "timestamp" && b.kind === "timestamp") {
    if ((a.timezone === undefined) !== (b.timezone === undefined)) return undefined;
    return types.timestamp(finer(a.unit, b.unit), a.timezone);
  }
  if (a.kind === "time" && b.kind === "time") return types.time(finer(a.unit, b.unit));
  if (a.kind === "date" && b.kind === "timestamp" && b.timezone === undefined) return b;
  if (b.kind === "date" && a.kind === "timestamp" && a.timezone === undefined) return a;
  return undefined;
}

const finer = (a: types.TimeUnit, b: types.TimeUnit): types.TimeUnit =>
  FINENESS[Math.max(FINENESS.indexOf(a), FINENESS.indexOf(b))];

function commonNumeric(a: DataType, b: DataType): DataType | undefined {
  if (isFloat(a) || isFloat(b)) return types.float64;
  if (a.kind === "decimal" || b.kind === "decimal") {
    const left = asDecimal(a);
    const right = asDecimal(b);
    const scale = Math.max(left.scale, right.scale);
    const whole = Math.max(left.precision - left.scale, right.precision - right.scale);
    return types.decimal(Math.min(whole + scale, MAXIMUM_PRECISION), scale);
  }
  return commonInteger(a, b);
}

function commonInteger(a: DataType, b: DataType): DataType {
  const isSigned = (type: DataType) => !type.kind.startsWith("u");
  if (isSigned(a) === isSigned(b)) return byteWidth(a) >= byteWidth(b) ? a : b;
  const [signed, unsigned] = isSigned(a) ? [a, b] : [b, a];
  const width = Math.min(8, Math.max(byteWidth(signed), byteWidth(unsigned) * 2));
  return { kind: `int${width * 8}` as types.IntKind };
}

/** An integer type as the decimal that holds all its values. */
export function asDecimal(type: DataType): DecimalType {
  if (type.kind === "decimal") return type;
  const digits: Partial<Record<string, number>> = { int8: 3, uint8: 3, int16: 5, uint16: 5, int32: 10, uint32: 10 };
  return types.decimal(digits[type.kind] ?? (type.kind === "int64" ? 19 : 20), 0);
}

/** The type of an arithmetic result, and the types that its operands are brought to. */
export interface ArithmeticTypes {
  result: DataType;
  left: DataType;
  right: DataType;
}

/**
 * Types of `left operation right`; undefined where the operation has none for these operands.
 * Decimals follow SQL: sums get one more digit, products the sum of digits and scales, both capped at 38 digits;
 * division is float64.
 */
export function arithmeticTypes(operation: string, left: DataType, right: DataType): ArithmeticTypes | undefined {
  if (left.kind === "null" && right.kind === "null") return arithmeticTypes(operation, types.float64, types.float64);
  if (left.kind === "null") return arithmeticTypes(operation, right, right);
  if (right.kind === "null") return arithmeticTypes(operation, left, left);
  if (!isNumeric(left) || !isNumeric(right)) return undefined;
  if (operation === "div") {
    const type = left.kind === "float32" && right.kind === "float32" ? types.float32 : types.float64;
    return { result: type, left: type, right: type };
  }
  const common = commonNumeric(left, right);
  if (common === undefined) return undefined;
  if (operation === "intDiv" && !isInteger(common)) return undefined;
  if (common.kind !== "decimal") return { result: common, left: common, right: common };
  if (operation === "mul") {
    const [a, b] = [asDecimal(left), asDecimal(right)];
    const scale = a.scale + b.scale;
    if (scale > MAXIMUM_PRECISION) return undefined;
    const precision = Math.min(a.precision + b.precision, MAXIMUM_PRECISION);
    return { result: types.decimal(precision, scale), left: a, right: b };
  }
  if (operation === "mod") return { result: common, left: common, right: common };
  const sum = types.decimal(Math.min(common.precision + 1, MAXIMUM_PRECISION), common.scale);
  return { result: sum, left: sum, right: sum };
}
