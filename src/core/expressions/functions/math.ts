import * as types from "../../types.ts";
import { byteWidth, type DataType, formatType, isFloat, isInteger, isNumeric } from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import { shiftCountInvalid } from "../errors.ts";
import type { CallNode } from "../node.ts";
import { bindComparison } from "./comparison.ts";
import { constantInteger } from "./constant.ts";
import { type FunctionDefinition, type FunctionTable, isFlexible, type TypeBinder } from "./definition.ts";
import { bindIsNotNull } from "./null.ts";

/** Numbers of the exact kernels. */
const ROUNDINGS = { abs: 0, ceil: 1, floor: 2, trunc: 3, sqrt: 4 } as const;
type Rounding = "ceil" | "floor" | "trunc";

/** Numbers of `mathFunction`, by position. */
const FUNCTIONS = [
  ["exp", "ln", "log10", "log2", "sin", "cos", "tan"],
  ["asin", "acos", "atan", "sinh", "cosh", "tanh", "cbrt"],
].flat();

/** How `decimalScaleDown` rounds. */
const DECIMAL_ROUNDING = { round: 0, trunc: 1, floor: 2, ceil: 3 } as const;

/** abs, sign, ceil, floor, trunc, round, sqrt, exp, ..., pow, atan2, isNaN, greatest, least, bit operations. */
export const mathFunctions: FunctionTable = {
  abs: unary((binder, node, arg) => {
    if (isFloat(arg.type)) return binder.call(node, exactRoutine("abs", arg.type), arg.type, [arg]);
    if (arg.type.kind.startsWith("uint")) return arg;
    return binder.call(node, absRoutine(arg.type), arg.type, [arg]);
  }),
  sign: unary((binder, node, arg) => {
    const zero = literalLike(binder, arg.type, 0);
    const positive = { when: bindComparison(binder, "gt", node, arg, zero), value: literalLike(binder, arg.type, 1) };
    if (arg.type.kind.startsWith("uint")) return binder.caseOf(node, [positive], arg);
    const negative = { when: bindComparison(binder, "lt", node, arg, zero), value: literalLike(binder, arg.type, -1) };
    if (!isFloat(arg.type)) return binder.caseOf(node, [positive, negative], arg);
    const notNumber = { when: isNotANumber(binder, node, arg), value: arg };
    return binder.caseOf(node, [notNumber, positive, negative], arg);
  }),
  ceil: unary((binder, node, arg) => rounding(binder, node, "ceil", arg)),
  floor: unary((binder, node, arg) => rounding(binder, node, "floor", arg)),
  trunc: unary((binder, node, arg) => rounding(binder, node, "trunc", arg)),
  round: {
    arity: [1, 2],
    bind(binder, node, [arg, digitsArg]) {
      const digits = digitsArg === undefined ? 0 : constantInteger(node, digitsArg, "number of digits");
      return bindRound(binder, node, requireNumber(binder, node, arg), digits);
    },
  },
  sqrt: unary((binder, node, arg) =>
    binder.call(node, exactRoutine("sqrt", types.float64), types.float64, [asFloat(binder, arg)]),
  ),
  ...Object.fromEntries(FUNCTIONS.map((name, number) => [name, floatFunction(name, number)])),
  pow: floatPair("pow", 0),
  atan2: floatPair("atan2", 1),
  isNaN: unary((binder, node, arg) => {
    if (!isFloat(arg.type)) throw binder.mismatch(node, [arg.type], "a float");
    return isNotANumber(binder, node, arg);
  }),
  greatest: extreme("ge"),
  least: extreme("le"),
  bitAnd: bitOperation("bitAnd", 0),
  bitOr: bitOperation("bitOr", 1),
  bitXor: bitOperation("bitXor", 2),
  shiftLeft: shift("shiftLeft", 3),
  shiftRight: shift("shiftRight", 4),
};

function requireNumber(binder: TypeBinder, node: CallNode, arg: BoundNode): BoundNode {
  if (arg.type.kind === "null") return binder.coerce(arg, types.float64);
  if (!isNumeric(arg.type)) throw binder.mismatch(node, [arg.type], "a number");
  // A plain literal settles on its own type here.
  return isFlexible(arg) ? binder.coerce(arg, arg.type) : arg;
}

function unary(bind: (binder: TypeBinder, node: CallNode, arg: BoundNode) => BoundNode): FunctionDefinition {
  return { arity: [1, 1], bind: (binder, node, [arg]) => bind(binder, node, requireNumber(binder, node, arg)) };
}

const asFloat = (binder: TypeBinder, arg: BoundNode): BoundNode => binder.coerce(arg, types.float64);

const literalLike = (binder: TypeBinder, type: DataType, value: number): BoundNode =>
  binder.literal({ kind: "literal", type, value: isFloat(type) ? value : String(value) });

function isNotANumber(binder: TypeBinder, node: CallNode, arg: BoundNode): BoundNode {
  const nan = binder.literal({ kind: "literal", type: arg.type, value: "NaN" });
  return bindComparison(binder, "eq", node, arg, nan);
}

/** Vector kernels on float columns. */
function exactRoutine(operation: keyof typeof ROUNDINGS, type: DataType): Routine {
  return {
    key: `${operation}:${type.kind}`,
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }]) {
      const { kernels } = frame.workspace;
      const data = frame.allocateValues(type);
      const kernel = type.kind === "float32" ? kernels.mathRoundF32 : kernels.mathRoundF64;
      kernel(ROUNDINGS[operation], column.data, frame.rowCount, data.address);
      return frame.strictColumn(type, { data });
    },
  };
}

function rounding(binder: TypeBinder, node: CallNode, mode: Rounding, arg: BoundNode): BoundNode {
  const { type } = arg;
  if (isInteger(type)) return arg;
  if (type.kind !== "decimal") return binder.call(node, exactRoutine(mode, type), type, [arg]);
  const result = types.decimal(Math.min(38, Math.max(1, type.precision - type.scale + 1)), 0);
  return binder.call(node, decimalRounding(mode, type.scale, result), result, [arg]);
}

/** Decimals with `digits` fewer places. */
function decimalRounding(mode: keyof typeof DECIMAL_ROUNDING, digits: number, result: types.DecimalType): Routine {
  return {
    key: `${mode}:${digits}`,
    nulls: "strict",
    isFallible: result.precision === 38,
    run(frame, [{ column }]) {
      const { kernels } = frame.workspace;
      const data = frame.allocateValues(result);
      const { rowCount, validity } = frame;
      const failedRow = kernels.decimalScaleDown(
        column.data,
        digits,
        DECIMAL_ROUNDING[mode],
        result.precision,
        rowCount,
        validity,
        0,
        data.address,
      );
      if (failedRow >= 0) throw frame.overflow(failedRow, formatType(result));
      return frame.strictColumn(result, { data });
    },
  };
}

function bindRound(binder: TypeBinder, node: CallNode, arg: BoundNode, digits: number): BoundNode {
  const { type } = arg;
  if (type.kind === "decimal") {
    if (digits >= type.scale) return arg;
    const scale = Math.max(0, digits);
    const result = types.decimal(Math.min(38, Math.max(1, type.precision - type.scale + scale + 1)), scale);
    const rounded = binder.call(node, decimalRounding("round", type.scale - scale, result), result, [arg]);
    return digits >= 0
      ? rounded
      : binder.coerce(bindRoundInteger(binder, node, binder.coerce(rounded, types.int64), digits), result);
  }
  if (isInteger(type)) {
    if (digits >= 0 || type.kind === "uint64") return arg;
    return binder.coerce(bindRoundInteger(binder, node, binder.coerce(arg, types.int64), digits), type);
  }
  const routine: Routine = {
    key: `round:${digits}`,
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }]) {
      const data = frame.allocateValues(types.float64);
      frame.workspace.kernels.mathRoundDigits(column.data, digits, frame.rowCount, data.address);
      return frame.strictColumn(types.float64, { data });
    },
  };
  return binder.coerce(binder.call(node, routine, types.float64, [asFloat(binder, arg)]), type);
}

function bindRoundInteger(binder: TypeBinder, node: CallNode, arg: BoundNode, digits: number): BoundNode {
  if (digits < -18) return binder.literal({ kind: "literal", type: types.int64, value: "0" });
  const unit = 10n ** BigInt(-digits);
  const routine: Routine = {
    key: `roundInteger:${digits}`,
    nulls: "strict",
    isFallible: true,
    run(frame, [{ column }]) {
      const data = frame.allocateValues(types.int64);
      const { rowCount, validity } = frame;
      const failedRow = frame.workspace.kernels.mathRoundI64(column.data, unit, rowCount, validity, data.address);
      if (failedRow >= 0) throw frame.overflow(failedRow, "int64");
      return frame.strictColumn(types.int64, { data });
    },
  };
  return binder.call(node, routine, types.int64, [arg]);
}

function floatFunction(name: string, number: number): FunctionDefinition {
  const routine: Routine = {
    key: name,
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }]) {
      const data = frame.allocateValues(types.float64);
      frame.workspace.kernels.mathFunction(number, column.data, frame.rowCount, data.address);
      return frame.strictColumn(types.float64, { data });
    },
  };
  return unary((binder, node, arg) => binder.call(node, routine, types.float64, [asFloat(binder, arg)]));
}

function floatPair(name: string, number: number): FunctionDefinition {
  const routine: Routine = {
    key: name,
    nulls: "strict",
    isFallible: false,
    run(frame, [left, right]) {
      const data = frame.allocateValues(types.float64);
      frame.workspace.kernels.mathBinary(
        number,
        left.column.data,
        left.isSingle,
        right.column.data,
        right.isSingle,
        frame.rowCount,
        data.address,
      );
      return frame.strictColumn(types.float64, { data });
    },
  };
  return {
    arity: [2, 2],
    bind: (binder, node, args) =>
      binder.call(
        node,
        routine,
        types.float64,
        args.map((arg) => asFloat(binder, requireNumber(binder, node, arg))),
      ),
  };
}

/** The greatest or least of several values, nulls left out. */
function extreme(comparison: "ge" | "le"): FunctionDefinition {
  return {
    arity: [1, Number.POSITIVE_INFINITY],
    bind(binder, node, values) {
      const { args } = binder.unify(node, values);
      return args.reduce((best, next) => {
        // Where one side is null, the comparison is null, and the other side is taken.
        const keeps = bindComparison(binder, comparison, node, best, next);
        const branches = [
          { when: keeps, value: best },
          { when: bindIsNotNull(binder, node, next), value: next },
        ];
        return binder.caseOf(node, branches, best);
      });
    },
  };
}

/** |x| of signed integers and decimals. */
function absRoutine(type: DataType): Routine {
  return {
    key: `abs:${formatType(type)}`,
    nulls: "strict",
    isFallible: type.kind !== "decimal",
    run(frame, [{ column }]) {
      const { kernels } = frame.workspace;
      const data = frame.allocateValues(type);
      if (type.kind === "decimal") kernels.decimalAbs(column.data, frame.rowCount, data.address);
      else {
        const { rowCount, validity } = frame;
        const failedRow = kernels.mathAbsInteger(byteWidth(type), column.data, rowCount, validity, data.address);
        if (failedRow >= 0) throw frame.overflow(failedRow, formatType(type));
      }
      return frame.strictColumn(type, { data });
    },
  };
}

/** Bitwise operation of two integers of their common type. */
function bitOperation(name: string, operation: number): FunctionDefinition {
  return {
    arity: [2, 2],
    bind(binder, node, values) {
      const { type, args } = binder.unify(node, values);
      if (!isInteger(type)) throw binder.mismatch(node, [values[0].type, values[1].type], "two integers");
      const routine: Routine = {
        key: `${name}:${type.kind}`,
        nulls: "strict",
        isFallible: false,
        run(frame, [left, right]) {
          const data = frame.allocateValues(type);
          frame.workspace.kernels.arithmeticBits(
            operation,
            byteWidth(type),
            left.column.data,
            left.isSingle,
            right.column.data,
            right.isSingle,
            data.address,
            frame.rowCount,
          );
          return frame.strictColumn(type, { data });
        },
      };
      return binder.call(node, routine, type, args);
    },
  };
}

/** Shifts of int32 and int64. */
function shift(name: string, operation: number): FunctionDefinition {
  return {
    arity: [2, 2],
    bind(binder, node, [value, count]) {
      const { type } = value;
      if (type.kind !== "int32" && type.kind !== "int64") throw binder.mismatch(node, [type], "int32 or int64");
      const routine: Routine = {
        key: `${name}:${type.kind}`,
        nulls: "strict",
        isFallible: true,
        run(frame, [left, right]) {
          const { kernels } = frame.workspace;
          const data = frame.allocateValues(type);
          const failedRow = (type.kind === "int32" ? kernels.arithmeticShift32 : kernels.arithmeticShift64)(
            operation,
            left.column.data,
            left.isSingle,
            right.column.data,
            right.isSingle,
            data.address,
            frame.rowCount,
            frame.validity,
          );
          if (failedRow >= 0) throw shiftCountInvalid(frame, failedRow, byteWidth(type) * 8);
          return frame.strictColumn(type, { data });
        },
      };
      return binder.call(node, routine, type, [binder.coerce(value, type), binder.coerce(count, type, node)]);
    },
  };
}
