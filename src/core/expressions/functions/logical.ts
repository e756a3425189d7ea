import * as types from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import type { CallNode } from "../node.ts";
import type { FunctionDefinition, FunctionTable, TypeBinder } from "./definition.ts";

const notRoutine: Routine = {
  key: "not",
  nulls: "strict",
  isFallible: false,
  run(frame, [{ column }]) {
    const data = frame.allocateValues(types.bool);
    frame.workspace.kernels.booleanNot(column.data, frame.rowCount, data.address);
    return frame.strictColumn(types.bool, { data });
  },
};

/** and, or, not: three-valued logic, a null being "unknown". */
export const logicalFunctions: FunctionTable = {
  and: logical(false),
  or: logical(true),
  not: {
    arity: [1, 1],
    bind: (binder, node, [arg]) => binder.call(node, notRoutine, types.bool, [condition(binder, node, arg)]),
  },
};

function logical(isOr: boolean): FunctionDefinition {
  return {
    arity: [1, Number.POSITIVE_INFINITY],
    bind(binder, node, args) {
      const conditions = args.map((arg) => condition(binder, node, arg));
      return conditions.reduce((left, right) => binder.logical(node, isOr, left, right));
    },
  };
}

function condition(binder: TypeBinder, node: CallNode, arg: BoundNode): BoundNode {
  if (arg.type.kind !== "bool" && arg.type.kind !== "null")
    throw binder.mismatch(node, [arg.type], "conditions (bool)");
  return binder.coerce(arg, types.bool);
}
