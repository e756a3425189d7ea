import * as types from "../../types.ts";
import { byteWidth, type DataType, formatType, isFloat, isInteger, isNumeric } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { powerOfTen, wordArithmetic, wordsOf } from "../decimal-words.ts";
import { INTEGER_RANGE } from "../literal.ts";
import { asDecimal } from "../promote.ts";
import { type Convert, conversion } from "./convert.ts";

/** Numbers of the kernel's number kinds. */
const NUMBER_KINDS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"];

const F64 = NUMBER_KINDS.indexOf("float64");
const HALF_AWAY = 0;
const MULTIPLY = 2;

/** Conversions among bool, integers, floats and decimals. */
export function numericCast(from: DataType, to: DataType, isSafe: boolean): Routine | undefined {
  if (from.kind === "bool" && isNumeric(to)) return conversion(from, to, isSafe, true, fromBool(to));
  if (isNumeric(from) && to.kind === "bool") return conversion(from, to, isSafe, true, toBool(from));
  if (!isNumeric(from) || !isNumeric(to)) return undefined;
  if (from.kind === "decimal" && to.kind === "decimal") return decimalToDecimal(from, to, isSafe);
  if (to.kind === "decimal") {
    return isFloat(from)
      ? conversion(from, to, isSafe, false, floatToDecimal(from, to))
      : conversion(from, to, isSafe, asDecimal(from).precision + to.scale <= to.precision, integerToDecimal(from, to));
  }
  if (from.kind === "decimal") {
    return isFloat(to)
      ? decimalToFloatRoutine(from, to, isSafe)
      : conversion(from, to, isSafe, false, decimalToInteger(from, to));
  }
  return conversion(from, to, isSafe, isWidening(from, to), numberToNumber(from, to));
}

function isWidening(from: DataType, to: DataType): boolean {
  if (isFloat(to)) return isInteger(from) || byteWidth(to) >= byteWidth(from);
  if (isFloat(from)) return false;
  const [low, high] = INTEGER_RANGE[from.kind as types.IntKind];
  const [toLow, toHigh] = INTEGER_RANGE[to.kind as types.IntKind];
  return low >= toLow && high <= toHigh;
}

const numberToNumber =
  (from: DataType, to: DataType): Convert =>
  (frame, source, target, clear) =>
    frame.workspace.kernels.castNumbers(
      NUMBER_KINDS.indexOf(from.kind),
      NUMBER_KINDS.indexOf(to.kind),
      source,
      frame.rowCount,
      frame.validity,
      clear,
      target.address,
    );

const fromBool =
  (to: DataType): Convert =>
  (frame, source, target, clear) => {
    const bytes = frame.allocate(frame.rowCount);
    frame.workspace.kernels.castBitsToBytes(source, frame.rowCount, bytes.address);
    const convert = to.kind === "decimal" ? integerToDecimal(types.uint8, to) : numberToNumber(types.uint8, to);
    return convert(frame, bytes.address, target, clear);
  };

const toBool =
  (from: DataType): Convert =>
  (frame, source, target) => {
    const { kernels } = frame.workspace;
    const zero = frame.allocate(16);
    kernels.fillBytes(zero.address, 0, 16);
    const compare = {
      1: kernels.compareI8,
      2: kernels.compareI16,
      4: from.kind === "float32" ? kernels.compareF32 : kernels.compareI32,
      8: from.kind === "float64" ? kernels.compareF64 : kernels.compareI64,
      16: kernels.compareI128,
    }[byteWidth(from) as 1 | 2 | 4 | 8 | 16];
    compare(0, source, false, zero.address, true, 0xff, target.address, frame.rowCount);
    return -1;
  };

const integerToDecimal =
  (from: DataType, to: types.DecimalType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    let wide = source;
    if (byteWidth(from) < 8) {
      const block = frame.allocate(rowCount * 8);
      kernels.castNumbers(
        NUMBER_KINDS.indexOf(from.kind),
        NUMBER_KINDS.indexOf("int64"),
        source,
        rowCount,
        0,
        0,
        block.address,
      );
      wide = block.address;
    }
    kernels.decimalFromI64(wide, from.kind === "uint64", rowCount, target.address);
    return kernels.decimalScaleUp(target.address, to.scale, to.precision, rowCount, validity, clear, target.address);
  };

const floatToDecimal =
  (from: DataType, to: types.DecimalType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    let wide = source;
    if (from.kind === "float32") {
      const block = frame.allocate(rowCount * 8);
      kernels.castNumbers(NUMBER_KINDS.indexOf("float32"), F64, source, rowCount, 0, 0, block.address);
      wide = block.address;
    }
    return kernels.decimalFromF64(wide, to.scale, to.precision, rowCount, validity, clear, target.address);
  };

function decimalToFloatRoutine(from: types.DecimalType, to: DataType, isSafe: boolean): Routine {
  const routine = conversion(from, to, isSafe, true, decimalToFloat(from, to));
  if (to.kind !== "float64") return routine;
  return {
    ...routine,
    run(frame, args) {
      const { words } = args[0].column;
      if (words === undefined) return routine.run(frame, args);
      const data = frame.allocateValues(to);
      const { kernels } = frame.workspace;
      kernels.decimalWordsToF64(words.address, Number(`1e${from.scale}`), frame.rowCount, data.address);
      return frame.strictColumn(to, { data });
    },
  };
}

const decimalToFloat =
  (from: types.DecimalType, to: DataType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    if (to.kind === "float64") {
      kernels.decimalToF64(source, from.scale, frame.rowCount, target.address);
      return -1;
    }
    const wide = frame.allocate(frame.rowCount * 8);
    kernels.decimalToF64(source, from.scale, frame.rowCount, wide.address);
    return numberToNumber(types.float64, to)(frame, wide.address, target, clear);
  };

const decimalToInteger =
  (from: types.DecimalType, to: DataType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    const whole = frame.allocate(rowCount * 16);
    kernels.decimalScaleDown(source, from.scale, HALF_AWAY, 38, rowCount, 0, 0, whole.address);
    const isUnsigned = to.kind === "uint64";
    if (byteWidth(to) === 8) {
      return kernels.decimalToI64(whole.address, isUnsigned, rowCount, validity, clear, target.address);
    }
    const wide = frame.allocate(rowCount * 8);
    const failedRow = kernels.decimalToI64(whole.address, false, rowCount, validity, clear, wide.address);
    return failedRow >= 0 ? failedRow : numberToNumber(types.int64, to)(frame, wide.address, target, clear);
  };

/** The same bits under another type. */
const rereading = (from: DataType, to: DataType): Routine => ({
  key: `reread:${formatType(from)}:${formatType(to)}`,
  nulls: "strict",
  isFallible: false,
  run: (_frame, [{ column }]) => column.viewAs(to, column.length, column.layout),
});

function decimalToDecimal(from: types.DecimalType, to: types.DecimalType, isSafe: boolean): Routine {
  const isTotal = to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale;
  if (isTotal && to.scale === from.scale) return rereading(from, to);
  const routine = conversion(from, to, isSafe, isTotal, (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    if (to.scale >= from.scale) {
      const digits = to.scale - from.scale;
      return kernels.decimalScaleUp(source, digits, to.precision, rowCount, validity, clear, target.address);
    }
    const digits = from.scale - to.scale;
    return kernels.decimalScaleDown(source, digits, HALF_AWAY, to.precision, rowCount, validity, clear, target.address);
  });
  if (!isTotal) return routine;
  // A total conversion only appends zeros: a multiplication, which may fit words.
  return {
    ...routine,
    run(frame, args) {
      const words = wordsOf(frame.workspace, args[0]);
      const factor = words && powerOfTen(frame, to.scale - from.scale);
      const scaled = words && factor && wordArithmetic(frame, MULTIPLY, to, words, factor);
      return scaled ?? routine.run(frame, args);
    },
  };
}
