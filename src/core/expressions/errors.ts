import { EvaluationError } from "../errors.ts";
import type { Frame } from "./frame.ts";

export function divideByZero(frame: Frame, row: number): EvaluationError {
  return new EvaluationError(
    "EXPRESSION_DIVIDE_BY_ZERO",
    `${frame.text} divides by zero (row ${row} of the batch).`,
    "Divide by nullIf(divisor, 0) to get null instead, or use div for floating point division.",
  );
}

export function castFailed(frame: Frame, row: number, value: string, type: string): EvaluationError {
  return new EvaluationError(
    "CAST_FAILED",
    `The value ${value} in row ${row} of the batch cannot be converted to ${type} by ${frame.text}.`,
    "Use tryCast to get null for such values, or filter them out first.",
  );
}
