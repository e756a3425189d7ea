import type { DecimalType } from "../../types.ts";
import { formatType } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { type WordOperation, wordArithmetic, wordPair } from "../decimal-words.ts";
import { divideByZero } from "../errors.ts";

const MAXIMUM_PRECISION = 38;

const OPERATION: Readonly<Record<string, WordOperation>> = { add: 0, sub: 1, mul: 2 };

/**
 * add, sub and mod of decimals of the result's scale, or mul of decimals whose scales add up to it.
 * Fails where a result needs more digits than the type has.
 */
export function decimalArithmetic(operation: string, type: DecimalType): Routine {
  // Below the cap, the result type has a digit for every carry.
  const isChecked = type.precision === MAXIMUM_PRECISION;
  return {
    key: `${operation}:${formatType(type)}`,
    nulls: "strict",
    isFallible: isChecked || operation === "mod",
    run(frame, [left, right]) {
      const { kernels } = frame.workspace;
      const words = operation === "mod" ? undefined : wordPair(frame.workspace, left, right);
      const short = words && wordArithmetic(frame, OPERATION[operation], type, ...words);
      if (short !== undefined) return short;
      const data = frame.allocateValues(type);
      const operands = [
        left.column.data,
        left.isSingle,
        right.column.data,
        right.isSingle,
        data.address,
        frame.rowCount,
        frame.validity,
      ] as const;
      if (operation === "mod") {
        const failedRow = kernels.decimalRemainder(...operands);
        if (failedRow >= 0) throw divideByZero(frame, failedRow);
      } else {
        const failedRow = kernels.decimalArithmetic(OPERATION[operation], isChecked, type.precision, ...operands);
        if (failedRow >= 0) throw frame.overflow(failedRow, formatType(type));
      }
      return frame.strictColumn(type, { data });
    },
  };
}
