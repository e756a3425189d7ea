import type { Column } from "../../column.ts";
import { bitmapBytes } from "../../columns/allocate.ts";
import { decodeDictionary } from "../../columns/dictionary.ts";
import { gatherColumn } from "../../columns/gather.ts";
import { sliceColumn } from "../../columns/slice.ts";
import { PlanError } from "../../errors.ts";
import * as types from "../../types.ts";
import type { Routine } from "../bound.ts";
import { formatExpression } from "../format.ts";
import { Frame } from "../frame.ts";
import { nearestNames } from "../suggest.ts";
import { comparisonRoutine, EQUAL } from "./comparison.ts";
import { constantText } from "./constant.ts";
import type { FunctionTable } from "./definition.ts";

/** field of structs, at of lists, get of maps: values inside nested ones, taken by slices and gathers of children. */
export const nestedFunctions: FunctionTable = {
  field: {
    arity: [2, 2],
    bind(binder, node, [struct, nameArg]) {
      const { type } = struct;
      const name = constantText(node, nameArg, "field name");
      if (type.kind !== "struct") throw binder.mismatch(node, [type], "a struct");
      const names = Object.keys(type.fields);
      const index = names.indexOf(name);
      if (index >= 0) return binder.call(node, fieldRoutine(index), type.fields[name], [struct]);
      const near = nearestNames(name, names).map((each) => `"${each}"`);
      throw new PlanError(
        "FIELD_UNKNOWN",
        `${formatExpression(struct.source)} has no field "${name}".`,
        `${near.length === 0 ? "" : `Did you mean ${near.join(" or ")}? `}Its fields are ${names.map((each) => `"${each}"`).join(", ")}.`,
      );
    },
  },
  at: {
    arity: [2, 2],
    bind(binder, node, [list, position]) {
      const isPosition = types.isInteger(position.type) || position.type.kind === "null";
      if (list.type.kind !== "list" || !isPosition)
        throw binder.mismatch(node, [list.type, position.type], "a list and an integer");
      return binder.call(node, atRoutine, list.type.element, [list, binder.coerce(position, types.int32, node)]);
    },
  },
  get: {
    arity: [2, 2],
    bind(binder, node, [map, keyArg]) {
      if (map.type.kind !== "map") throw binder.mismatch(node, [map.type, keyArg.type], "a map and a key");
      const key = binder.coerce(keyArg, map.type.key, node);
      const equal = comparisonRoutine(EQUAL, false, map.type.key);
      if (equal === undefined) throw binder.mismatch(node, [map.type], "a map whose keys can be compared");
      if (key.kind !== "literal") {
        throw new PlanError(
          "ARGUMENT_INVALID",
          `${formatExpression(node)} needs a constant key.`,
          "Give a literal; unnest the map to look up keys of a column.",
        );
      }
      return binder.call(node, getRoutine(equal), map.type.value, [map, key]);
    },
  },
};

/** A struct's child under the validity of both. */
const fieldRoutine = (index: number): Routine => ({
  key: `field:${index}`,
  nulls: "own",
  isFallible: false,
  run(frame, [operand]) {
    const struct = frame.spread(operand);
    const child = struct.children[index];
    if (struct.nullCount === 0 || child.type.kind === "null") return child.retain();
    const { kernels } = frame.workspace;
    const { length } = struct;
    const bits = frame.allocate(bitmapBytes(length));
    if (child.nullCount === 0) kernels.copyBytes(bits.address, struct.validity, bitmapBytes(length));
    else kernels.bitmapAnd(child.validity, struct.validity, length, bits.address);
    const nullCount = length - kernels.bitmapCount(bits.address, length);
    const layout = { ...child.layout, nullCount, validity: bits.address };
    if (child.dictionary === undefined) return child.view(length, layout, [frame.take(bits)]);
    // Indices of null rows are 0.
    const data = frame.allocate(length * 4);
    kernels.copyBytes(data.address, child.data, length * 4);
    kernels.zeroNulls32(data.address, bits.address, length);
    return child.view(length, { ...layout, data: data.address }, [frame.take(bits), frame.take(data)]);
  },
});

/** The element at a position from 0, or from the end where it is negative; null where there is none. */
const atRoutine: Routine = {
  key: "at",
  nulls: "own",
  isFallible: false,
  run(frame, [operand, position]) {
    const list = frame.spread(operand);
    const elements = frame.allocate(frame.rowCount * 4);
    frame.workspace.kernels.listElements(
      list.offsets,
      list.validity,
      position.column.data,
      position.column.validity,
      position.isSingle,
      frame.rowCount,
      elements.address,
    );
    return gatherColumn(frame.workspace, list.children[0], elements.address, frame.rowCount, true);
  },
};

/** The value of a key; of equal keys the first, null where there is none. */
const getRoutine = (equal: Routine): Routine => ({
  key: `get:${equal.key}`,
  nulls: "own",
  isFallible: false,
  isCostly: true,
  run(frame, [operand, key]) {
    const { workspace, rowCount } = frame;
    const map = frame.spread(operand);
    const [keys, values] = map.children[0].children;
    const first = workspace.i32[map.offsets >>> 2];
    const count = workspace.i32[(map.offsets >>> 2) + rowCount] - first;
    const used = frame.keep(sliceColumn(workspace, keys, first, count));
    const isKey = frame.keep(equalTo(frame, used, equal, key.column));
    const elements = frame.allocate(rowCount * 4);
    workspace.kernels.listFind(
      map.offsets,
      map.validity,
      isKey.data,
      isKey.validity,
      first,
      rowCount,
      elements.address,
    );
    return gatherColumn(workspace, values, elements.address, rowCount, true);
  },
});

/** For each of the keys whether it is the one looked for; the caller owns the result. */
function equalTo(frame: Frame, keys: Column, equal: Routine, key: Column): Column {
  const operands = [
    { column: frame.keep(decodeDictionary(frame.workspace, keys)), isSingle: false },
    { column: key, isSingle: true },
  ];
  const onKeys = new Frame(frame.workspace, keys.length, frame.source, operands);
  try {
    return equal.run(onKeys, operands);
  } finally {
    onKeys.close();
  }
}
