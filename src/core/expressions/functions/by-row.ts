import { columnBuilder } from "../../columns/builder.ts";
import { columnReader } from "../../columns/read.ts";
import { type DataType, formatType } from "../../types.ts";
import type { Routine } from "../bound.ts";

/**
 * A routine that computes value by value in JavaScript, for text functions that no kernel covers; of a dictionary
 * column, entry by entry.
 * @param compute - Gets the arguments of one row in the forms of `ValueOf`, none of them null; may return null.
 */
export function rowRoutine(
  key: string,
  type: DataType,
  isFallible: boolean,
  compute: (...values: never[]) => unknown,
): Routine {
  return {
    key: `${key}:${formatType(type)}`,
    nulls: "strict",
    isFallible,
    isCostly: true,
    run(frame, args) {
      const readers = args.map(({ column, isSingle }) => {
        const read = columnReader(frame.workspace, column);
        if (!isSingle) return read;
        const value = read(0);
        return () => value;
      });
      const results: unknown[] = [];
      for (let row = 0; row < frame.rowCount; row++) {
        const values = readers.map((read) => read(row));
        results.push(values.includes(null) ? null : compute(...(values as never[])));
      }
      // Readers are used up before the builder allocates: memory that grows would leave them behind.
      const builder = columnBuilder(frame.workspace, type, results.length);
      try {
        for (const result of results) builder.append(result);
        return builder.finish();
      } finally {
        builder.close();
      }
    },
  };
}
