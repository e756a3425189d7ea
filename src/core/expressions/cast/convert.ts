import type { Column } from "../../column.ts";
import { bitmapBytes } from "../../columns/allocate.ts";
import { columnReader } from "../../columns/read.ts";
import type { Address } from "../../memory/allocator.ts";
import type { Block } from "../../memory/block.ts";
import { type DataType, formatType } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { castFailed } from "../errors.ts";
import type { Frame } from "../frame.ts";

/**
 * One conversion step over all rows: returns the first failing row or -1, and clears the bits of failing rows in
 * `clear` where that is not 0.
 */
export type Convert = (frame: Frame, source: Address, target: Block, clear: Address) => number;

/** A conversion between fixed-width types as a routine; `isTotal` conversions succeed for every value. */
export function conversion(from: DataType, to: DataType, isSafe: boolean, isTotal: boolean, convert: Convert): Routine {
  return {
    key: `cast:${isSafe}:${formatType(from)}:${formatType(to)}`,
    nulls: "strict",
    isFallible: !isSafe && !isTotal,
    run(frame, [{ column }]) {
      const data = frame.allocateValues(to);
      if (!isSafe || isTotal) {
        const failedRow = convert(frame, column.data, data, 0);
        if (failedRow >= 0) throw castFailed(frame, failedRow, shownValue(frame, column, failedRow), formatType(to));
        return frame.strictColumn(to, { data });
      }
      const validity = safeValidity(frame);
      convert(frame, column.data, data, validity.address);
      return frame.column(to, { data, validity });
    },
  };
}

/** A bitmap of the rows that are not null so far, in which failing rows are cleared. */
export function safeValidity(frame: Frame): Block {
  const { kernels } = frame.workspace;
  const validity = frame.allocate(bitmapBytes(frame.rowCount));
  if (frame.validity === 0) kernels.fillBytes(validity.address, 0xff, validity.byteLength);
  else kernels.copyBytes(validity.address, frame.validity, bitmapBytes(frame.rowCount));
  return validity;
}

/** A value for a message. */
export function shownValue(frame: Frame, column: Column, row: number): string {
  const value = columnReader(frame.workspace, column)(row);
  return typeof value === "string" && column.type.kind === "utf8" ? JSON.stringify(value.slice(0, 80)) : String(value);
}
