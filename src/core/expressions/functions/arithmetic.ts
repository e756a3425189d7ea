import type { EvaluationError } from "../../errors.ts";
import { type DataType, formatType, isFloat, isInteger, isNumeric } from "../../types.ts";
import type { Workspace } from "../../workspace.ts";
import type { BoundNode, Routine } from "../bound.ts";
import { divideByZero, literalOutOfRange } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { adaptLiteral, decimalTypeOfLiteral } from "../literal.ts";
import type { CallNode } from "../node.ts";
import type { Operand } from "../operand.ts";
import { arithmeticTypes } from "../promote.ts";
import { decimalArithmetic } from "./decimal.ts";
import { type FunctionDefinition, type FunctionTable, isFlexible, type TypeBinder } from "./definition.ts";
import { ARITHMETIC, type BinaryKernel, storageKind } from "./kinds.ts";

type Operation = keyof typeof ARITHMETIC;

/** add, sub, mul, div, intDiv, mod, neg. */
export const arithmeticFunctions: FunctionTable = {
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  intDiv: binary("intDiv"),
  mod: binary("mod"),
  neg: {
    arity: [1, 1],
    bind(binder, node, [arg]) {
      if (!isNumeric(arg.type)) throw binder.mismatch(node, [arg.type], "a number");
      if (isFloat(arg.type)) {
        // 0 - x would lose the sign of zero.
        const minusOne = binder.literal({ kind: "literal", type: arg.type, value: -1 });
        return binder.call(node, arithmeticRoutine("mul", arg.type), arg.type, [arg, minusOne]);
      }
      const zero = binder.coerce(binder.literal({ kind: "literal", type: arg.type, value: "0" }), arg.type);
      const routine =
        arg.type.kind === "decimal" ? decimalArithmetic("sub", arg.type) : arithmeticRoutine("sub", arg.type);
      return binder.call(node, routine, arg.type, [zero, arg]);
    },
  },
};

function binary(operation: Operation): FunctionDefinition {
  return {
    arity: [2, 2],
    bind(binder, node, args) {
      const [left, right] = adaptPair(binder, node, operation, args[0], args[1]);
      const found = arithmeticTypes(operation, left.type, right.type);
      if (found === undefined) {
        const expected = operation === "intDiv" ? "two integers" : "two numbers; for dates see dateAdd and dateDiff";
        throw binder.mismatch(node, [left.type, right.type], expected);
      }
      const operands = [binder.coerce(left, found.left, node), binder.coerce(right, found.right, node)];
      const { result } = found;
      const routine =
        result.kind === "decimal" ? decimalArithmetic(operation, result) : arithmeticRoutine(operation, result);
      return binder.call(node, routine, result, operands);
    },
  };
}

/**
 * A plain literal takes the other side's type. Where an integer literal does not fit an integer column, the result's
 * type would depend on the literal's size, so that is refused.
 */
function adaptPair(binder: TypeBinder, node: CallNode, operation: Operation, left: BoundNode, right: BoundNode) {
  const adapt = (literal: BoundNode, other: BoundNode): BoundNode => {
    if (!isFlexible(literal) || isFlexible(other)) return literal;
    const { type } = other;
    if (!isNumeric(type) || !(isNumeric(literal.type) || literal.type.kind === "null")) return literal;
    if (operation === "div") return binder.coerce(literal, type.kind === "float32" ? type : literal.type);
    if (type.kind === "decimal") {
      const exact = decimalTypeOfLiteral(literal.literal);
      return exact === undefined ? literal : binder.coerce(literal, exact);
    }
    const adapted = adaptLiteral(literal.literal, type);
    if (adapted !== undefined) return binder.coerce(literal, type);
    if (isInteger(type) && Number.isInteger(Number(literal.literal.value))) {
      throw literalOutOfRange(node, literal, type);
    }
    return literal;
  };
  return [adapt(left, right), adapt(right, left)] as const;
}

/** Arithmetic of two operands of one non-decimal type, which is also the type of the result. */
export function arithmeticRoutine(operation: Operation, type: DataType): Routine {
  const isExact = isFloat(type);
  return {
    key: `${operation}:${type.kind}`,
    nulls: "strict",
    isFallible: !isExact,
    run(frame, [left, right]) {
      const data = frame.allocateValues(type);
      const failedRow = kernelOf(frame.workspace, type)(
        ARITHMETIC[operation],
        left.column.data,
        left.isSingle,
        right.column.data,
        right.isSingle,
        data.address,
        frame.rowCount,
        frame.validity,
      );
      if (typeof failedRow === "number" && failedRow >= 0) {
        throw failure(frame, operation, type, right, failedRow);
      }
      return frame.strictColumn(type, { data });
    },
  };
}

export function kernelOf({ kernels }: Workspace, type: DataType): BinaryKernel {
  switch (storageKind(type)) {
    case "I8":
      return kernels.arithmeticI8;
    case "U8":
      return kernels.arithmeticU8;
    case "I16":
      return kernels.arithmeticI16;
    case "U16":
      return kernels.arithmeticU16;
    case "I32":
      return kernels.arithmeticI32;
    case "U32":
      return kernels.arithmeticU32;
    case "I64":
      return kernels.arithmeticI64;
    case "U64":
      return kernels.arithmeticU64;
    case "F32":
      return kernels.arithmeticF32;
    default:
      return kernels.arithmeticF64;
  }
}

function failure(frame: Frame, operation: Operation, type: DataType, right: Operand, row: number): EvaluationError {
  if (operation !== "intDiv" && operation !== "mod") return frame.overflow(row, formatType(type));
  const width = widthOf(type);
  const at = right.column.data + (right.isSingle ? 0 : row * width);
  const bytes = frame.workspace.bytes(at, width);
  return bytes.every((byte) => byte === 0) ? divideByZero(frame, row) : frame.overflow(row, formatType(type));
}

const widthOf = (type: DataType): number => Number(/\d+/.exec(type.kind)?.[0] ?? 64) / 8;
