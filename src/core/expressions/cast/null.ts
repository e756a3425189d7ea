import { buildColumn } from "../../columns/builder.ts";
import { type DataType, formatType } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { repeatRow } from "../frame.ts";

/** Nulls without a type, as nulls of any type. */
export function nullCast(from: DataType, to: DataType): Routine | undefined {
  if (from.kind !== "null") return undefined;
  return {
    key: `cast:null:${formatType(to)}`,
    nulls: "own",
    isFallible: false,
    run(frame) {
      const one = buildColumn(frame.workspace, to, [null]);
      try {
        return repeatRow(frame.workspace, one, frame.rowCount);
      } finally {
        one.release();
      }
    },
  };
}
