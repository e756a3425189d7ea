import { EvaluationError, PlanError } from "../errors.ts";
import { type DataType, formatType } from "../types.ts";
import { formatExpression } from "./format.ts";
import type { Frame } from "./frame.ts";
import type { ExpressionNode } from "./node.ts";

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

export function literalOutOfRange(
  source: ExpressionNode,
  literal: { source: ExpressionNode },
  type: DataType,
): PlanError {
  return new PlanError(
    "LITERAL_OUT_OF_RANGE",
    `In ${formatExpression(source)}, the literal ${formatExpression(literal.source)} does not fit ${formatType(type)}.`,
    "Cast the other operand to a wider type first, for example .cast(int64).",
  );
}

export function shiftCountInvalid(frame: Frame, row: number, bits: number): EvaluationError {
  return new EvaluationError(
    "SHIFT_COUNT_INVALID",
    `${frame.text} shifts by a count outside 0 to ${bits - 1} (row ${row} of the batch).`,
    "Limit the count, or use mul and intDiv by powers of two.",
  );
}
