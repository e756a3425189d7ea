import * as types from "../../types.ts";
import { type DataType, formatType, isVariableLength } from "../../types.ts";
import type { BoundLiteral, BoundNode, Routine } from "../bound.ts";
import type { InNode } from "../node.ts";
import { bindComparison } from "./comparison.ts";
import type { TypeBinder } from "./definition.ts";
import { type StorageKind, storageKind } from "./kinds.ts";

/** Up to here, one comparison per value is faster than hashing. */
const LONGEST_SHORT_LIST = 4;

/** `input in (values)`: any value equals it; null where none does and a value or the input is null. */
export function bindMembership(binder: TypeBinder, node: InNode): BoundNode {
  const input = binder.bind(node.input);
  const present = node.values.filter((value) => value.value !== null);
  const found = bindPresent(
    binder,
    node,
    input,
    present.map((value) => binder.bind(value)),
  );
  if (present.length === node.values.length) return found;
  const unknown = binder.literal({ kind: "literal", type: types.bool, value: null });
  return binder.logical(node, true, found, unknown);
}

function bindPresent(binder: TypeBinder, node: InNode, input: BoundNode, values: readonly BoundNode[]): BoundNode {
  if (values.length === 0) {
    // Still null for null inputs, like any other list.
    const isFalse = binder.literal({ kind: "literal", type: types.bool, value: false });
    const comparable = bindComparison(binder, "ne", node, input, input);
    return binder.logical(node, false, comparable, isFalse);
  }
  if (values.length > LONGEST_SHORT_LIST) {
    const { type, args } = binder.unify(node, [input, ...values], true);
    const literals = args.slice(1);
    const isHashable = isVariableLength(type) || storageKind(type) !== undefined;
    if (isHashable && literals.every((value): value is BoundLiteral => value.kind === "literal")) {
      const list = binder.list(
        node,
        type,
        literals.map((value) => value.literal),
      );
      const table = binder.call(node, tableRoutine(type), types.binary, [list]);
      return binder.call(node, testRoutine(type), types.bool, [args[0], list, table]);
    }
  }
  const tests = values.map((value) => bindComparison(binder, "eq", node, input, value));
  return tests.reduce((left, right) => binder.logical(node, true, left, right));
}

/** Kinds of kernels/membership.ts. */
const KEY_KIND: Readonly<Record<StorageKind, number>> = {
  I8: 0,
  U8: 0,
  I16: 1,
  U16: 1,
  I32: 2,
  U32: 2,
  I64: 3,
  U64: 3,
  F32: 4,
  F64: 5,
  I128: 6,
};

const keyKind = (type: DataType): number => KEY_KIND[storageKind(type) ?? "I64"];

/** Slots of the table of a list: a power of two, at most half full. */
const slotCount = (length: number): number => 2 ** Math.ceil(Math.log2(length * 2));

/** The hash table of a list, as one binary value. */
function tableRoutine(type: DataType): Routine {
  return {
    key: `membershipTable:${formatType(type)}`,
    nulls: "own",
    isFallible: false,
    run(frame, [{ column: list }]) {
      const { kernels } = frame.workspace;
      const slots = slotCount(list.length);
      const table = frame.allocate(slots * 4);
      kernels.fillBytes(table.address, 0, slots * 4);
      if (isVariableLength(type)) {
        kernels.membershipBuildBytes(list.data, list.offsets, list.length, table.address, slots - 1);
      } else kernels.membershipBuild(keyKind(type), list.data, list.length, table.address, slots - 1);
      const offsets = frame.allocate(8);
      frame.workspace.i32[offsets.address >>> 2] = 0;
      frame.workspace.i32[(offsets.address >>> 2) + 1] = slots * 4;
      return frame.column(types.binary, { data: table, offsets });
    },
  };
}

function testRoutine(type: DataType): Routine {
  return {
    key: `membership:${formatType(type)}`,
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }, { column: list }, { column: table }]) {
      const { kernels } = frame.workspace;
      const data = frame.allocateValues(types.bool);
      const mask = slotCount(list.length) - 1;
      if (isVariableLength(type)) {
        kernels.membershipTestBytes(
          column.data,
          column.offsets,
          frame.rowCount,
          list.data,
          list.offsets,
          table.data,
          mask,
          data.address,
        );
      } else {
        kernels.membershipTest(keyKind(type), column.data, frame.rowCount, list.data, table.data, mask, data.address);
      }
      return frame.strictColumn(types.bool, { data });
    },
  };
}
