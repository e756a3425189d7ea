import { createHash } from "node:crypto";
import { hashColumns } from "../../columns/hash.ts";
import * as types from "../../types.ts";
import type { Routine } from "../bound.ts";
import { rowRoutine } from "./by-row.ts";
import { type FunctionDefinition, type FunctionTable, isFlexible } from "./definition.ts";

/** hash64, md5, sha256. */
export const hashFunctions: FunctionTable = {
  hash64: {
    arity: [1, Number.POSITIVE_INFINITY],
    bind: (binder, node, args) =>
      binder.call(
        node,
        hashRoutine,
        types.uint64,
        args.map((arg) => (isFlexible(arg) ? binder.coerce(arg, arg.type) : arg)),
      ),
  },
  md5: digest("md5"),
  sha256: digest("sha256"),
};

/** The hash by which rows are partitioned and grouped: nulls have one, and it does not depend on the encoding. */
const hashRoutine: Routine = {
  key: "hash64",
  nulls: "own",
  isFallible: false,
  takesDictionaries: true,
  run(frame, args) {
    const columns = args.map((arg) => frame.spread(arg));
    const hashes = hashColumns(frame.workspace, columns, frame.rowCount);
    return frame.column(types.uint64, { data: hashes });
  },
};

function digest(algorithm: "md5" | "sha256"): FunctionDefinition {
  const routine = rowRoutine(algorithm, types.utf8, false, (value: string | Uint8Array) =>
    createHash(algorithm).update(value).digest("hex"),
  );
  return {
    arity: [1, 1],
    bind(binder, node, [arg]) {
      const value = arg.type.kind === "null" ? binder.coerce(arg, types.utf8) : arg;
      if (!types.isVariableLength(value.type)) throw binder.mismatch(node, [value.type], "text or binary");
      return binder.call(node, routine, types.utf8, [value]);
    },
  };
}
