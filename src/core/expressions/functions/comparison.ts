import * as types from "../../types.ts";
import { type DataType, isVariableLength } from "../../types.ts";
import type { Workspace } from "../../workspace.ts";
import type { BoundNode, Routine } from "../bound.ts";
import { wordPair } from "../decimal-words.ts";
import type { Frame } from "../frame.ts";
import type { Operand } from "../operand.ts";
import type { FunctionDefinition, FunctionTable, TypeBinder } from "./definition.ts";
import { storageKind } from "./kinds.ts";

export const EQUAL = 0;
export const LESS = 1;

interface Comparison {
  operation: number;
  isSwapped: boolean;
  isInverted: boolean;
}

/** Everything is "equal" or "less", with operands swapped or the result inverted: in a total order that is exact. */
const COMPARISONS = {
  eq: { operation: EQUAL, isSwapped: false, isInverted: false },
  ne: { operation: EQUAL, isSwapped: false, isInverted: true },
  lt: { operation: LESS, isSwapped: false, isInverted: false },
  ge: { operation: LESS, isSwapped: false, isInverted: true },
  gt: { operation: LESS, isSwapped: true, isInverted: false },
  le: { operation: LESS, isSwapped: true, isInverted: true },
} as const satisfies Record<string, Comparison>;

export type ComparisonName = keyof typeof COMPARISONS;

/** eq, ne, lt, le, gt, ge, between. */
export const comparisonFunctions: FunctionTable = {
  ...Object.fromEntries(Object.keys(COMPARISONS).map((name) => [name, comparison(name as ComparisonName)])),
  between: {
    arity: [3, 3],
    bind(binder, node, [value, low, high]) {
      const above = bindComparison(binder, "ge", { ...node, fn: "ge", args: [node.args[0], node.args[1]] }, value, low);
      const below = bindComparison(
        binder,
        "le",
        { ...node, fn: "le", args: [node.args[0], node.args[2]] },
        value,
        high,
      );
      return binder.logical(node, false, above, below);
    },
  },
};

function comparison(name: ComparisonName): FunctionDefinition {
  return {
    arity: [2, 2],
    bind: (binder, node, [left, right]) => bindComparison(binder, name, node, left, right),
  };
}

export function bindComparison(
  binder: TypeBinder,
  name: ComparisonName,
  source: BoundNode["source"],
  left: BoundNode,
  right: BoundNode,
): BoundNode {
  const unified = unifyExactly(binder, source, left, right);
  const { type, args } = unified;
  const { operation, isSwapped, isInverted } = COMPARISONS[name];
  const routine = comparisonRoutine(operation, isInverted, type);
  if (routine === undefined)
    throw binder.mismatch(source, [left.type, right.type], "numbers, text, dates, times or bools");
  return binder.call(source, routine, types.bool, isSwapped ? [args[1], args[0]] : args);
}

/** int64 against uint64 has no common integer type: both become decimals. */
function unifyExactly(binder: TypeBinder, source: BoundNode["source"], left: BoundNode, right: BoundNode) {
  const unified = binder.unify(source, [left, right], true);
  const hasUnsigned = left.type.kind === "uint64" || right.type.kind === "uint64";
  if (unified.type.kind !== "int64" || !hasUnsigned) return unified;
  const exact = types.decimal(20, 0);
  return { type: exact, args: [left, right].map((arg) => binder.coerce(arg, exact, source)) };
}

/** Compares two operands of one type. */
export function comparisonRoutine(operation: number, isInverted: boolean, type: DataType): Routine | undefined {
  const invert = isInverted ? 0xff : 0;
  const key = `compare:${operation}:${isInverted}:${type.kind}`;
  const routine = (
    isCostly: boolean,
    write: (frame: Frame, left: Operand, right: Operand, out: number) => void,
  ): Routine => ({
    key,
    nulls: "strict",
    isFallible: false,
    isCostly,
    run(frame, [left, right]) {
      const data = frame.allocateValues(types.bool);
      write(frame, left, right, data.address);
      return frame.strictColumn(types.bool, { data });
    },
  });
  if (isVariableLength(type)) {
    return routine(true, (frame, left, right, out) => {
      frame.workspace.kernels.compareBytesColumns(
        operation,
        left.column.data,
        left.column.offsets,
        left.isSingle,
        right.column.data,
        right.column.offsets,
        right.isSingle,
        invert,
        out,
        frame.rowCount,
      );
    });
  }
  if (type.kind === "bool" || type.kind === "null") {
    return routine(false, (frame, left, right, out) => compareBits(frame, operation, isInverted, left, right, out));
  }
  if (storageKind(type) === undefined) return undefined;
  return routine(false, (frame, left, right, out) => {
    const words = type.kind === "decimal" ? wordPair(frame.workspace, left, right) : undefined;
    if (words !== undefined) {
      const [a, b] = words;
      const { compareI64 } = frame.workspace.kernels;
      compareI64(operation, a.address, a.isSingle, b.address, b.isSingle, invert, out, frame.rowCount);
      return;
    }
    compareKernel(frame.workspace, type)(
      operation,
      left.column.data,
      left.isSingle,
      right.column.data,
      right.isSingle,
      invert,
      out,
      frame.rowCount,
    );
  });
}

/** The kernel that compares values of a type with a `storageKind`; kernels/compare.ts says how. */
export function compareKernel({ kernels }: Workspace, type: DataType) {
  switch (storageKind(type)) {
    case "I8":
      return kernels.compareI8;
    case "U8":
      return kernels.compareU8;
    case "I16":
      return kernels.compareI16;
    case "U16":
      return kernels.compareU16;
    case "I32":
      return kernels.compareI32;
    case "U32":
      return kernels.compareU32;
    case "I64":
      return kernels.compareI64;
    case "U64":
      return kernels.compareU64;
    case "F32":
      return kernels.compareF32;
    case "F64":
      return kernels.compareF64;
    default:
      return kernels.compareI128;
  }
}

/** Bools: equal is the complement of XOR; false < true. */
function compareBits(
  frame: Frame,
  operation: number,
  isInverted: boolean,
  left: Operand,
  right: Operand,
  out: number,
): void {
  const { kernels } = frame.workspace;
  const [a, b] = [frame.spread(left).data, frame.spread(right).data];
  if (operation === EQUAL) kernels.booleanBits(2, a, b, frame.rowCount, out);
  else kernels.booleanBits(3, b, a, frame.rowCount, out);
  if ((operation === EQUAL) !== isInverted) kernels.booleanNot(out, frame.rowCount, out);
}
