import type { DataType } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { nullCast } from "./null.ts";
import { numericCast } from "./numeric.ts";
import { temporalCast } from "./temporal.ts";
import { textCast } from "./text.ts";

/**
 * The conversion between two types; undefined where there is none.
 * A value that cannot be converted raises CAST_FAILED or, with `isSafe`, gives null.
 */
export function castRoutine(from: DataType, to: DataType, isSafe: boolean): Routine | undefined {
  return (
    nullCast(from, to) ?? numericCast(from, to, isSafe) ?? temporalCast(from, to, isSafe) ?? textCast(from, to, isSafe)
  );
}
