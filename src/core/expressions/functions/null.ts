import { bitmapBytes } from "../../columns/allocate.ts";
import * as types from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import type { ExpressionNode } from "../node.ts";
import { bindComparison } from "./comparison.ts";
import type { FunctionTable, TypeBinder } from "./definition.ts";

/** isNull, isNotNull, isDistinctFrom, isNotDistinctFrom, coalesce, ifNull, nullIf. */
export const nullFunctions: FunctionTable = {
  isNull: { arity: [1, 1], bind: (binder, node, [arg]) => bindIsNull(binder, node, arg) },
  isNotNull: { arity: [1, 1], bind: (binder, node, [arg]) => bindIsNotNull(binder, node, arg) },
  isDistinctFrom: {
    arity: [2, 2],
    bind: (binder, node, [left, right]) => bindDistinct(binder, node, left, right, true),
  },
  isNotDistinctFrom: {
    arity: [2, 2],
    bind: (binder, node, [left, right]) => bindDistinct(binder, node, left, right, false),
  },
  coalesce: { arity: [1, Number.POSITIVE_INFINITY], bind: bindCoalesce },
  ifNull: { arity: [2, 2], bind: bindCoalesce },
  nullIf: {
    arity: [2, 2],
    bind(binder, node, [value, other]) {
      const equal = bindComparison(binder, "eq", node, value, other);
      const none = binder.literal({ kind: "literal", type: types.nullType, value: null, flexible: true });
      return binder.caseOf(node, [{ when: equal, value: none }], value);
    },
  },
};

const nullTest = (isNull: boolean): Routine => ({
  key: `isNull:${isNull}`,
  nulls: "own",
  isFallible: false,
  takesDictionaries: true,
  run(frame, [{ column }]) {
    const { kernels } = frame.workspace;
    const data = frame.allocateValues(types.bool);
    const isAllNull = column.nullCount === column.length && column.length > 0;
    if (column.nullCount === 0 || isAllNull) {
      kernels.fillBytes(data.address, isAllNull === isNull ? 0xff : 0, data.byteLength);
    } else if (isNull) kernels.booleanNot(column.validity, frame.rowCount, data.address);
    else kernels.copyBytes(data.address, column.validity, bitmapBytes(frame.rowCount));
    return frame.column(types.bool, { data });
  },
});

const IS_NULL = nullTest(true);
const IS_NOT_NULL = nullTest(false);

const bindIsNull = (binder: TypeBinder, source: ExpressionNode, arg: BoundNode): BoundNode =>
  binder.call(source, IS_NULL, types.bool, [arg]);

export const bindIsNotNull = (binder: TypeBinder, source: ExpressionNode, arg: BoundNode): BoundNode =>
  binder.call(source, IS_NOT_NULL, types.bool, [arg]);

/** Equality where two nulls are equal: never null itself. */
function bindDistinct(
  binder: TypeBinder,
  source: ExpressionNode,
  left: BoundNode,
  right: BoundNode,
  isDistinct: boolean,
): BoundNode {
  const compared = bindComparison(binder, isDistinct ? "ne" : "eq", source, left, right);
  const truth = (value: boolean) => binder.literal({ kind: "literal", type: types.bool, value });
  const isNull = [left, right].map((arg) => bindIsNull(binder, source, arg));
  const bothNull = binder.logical(source, false, isNull[0], isNull[1]);
  const eitherNull = binder.logical(source, true, isNull[0], isNull[1]);
  const branches = [
    { when: bothNull, value: truth(!isDistinct) },
    { when: eitherNull, value: truth(isDistinct) },
  ];
  return binder.caseOf(source, branches, compared);
}

/** The first value that is not null. */
function bindCoalesce(binder: TypeBinder, source: ExpressionNode, values: readonly BoundNode[]): BoundNode {
  const { args } = binder.unify(source, values);
  const last = args[args.length - 1];
  if (args.length === 1) return last;
  const branches = args.slice(0, -1).map((arg) => ({ when: bindIsNotNull(binder, source, arg), value: arg }));
  return binder.caseOf(source, branches, last);
}
