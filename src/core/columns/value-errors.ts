import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import { type DataType, formatType } from "../types.ts";

/** VALUE_INVALID: a value that is none of its column's type. */
export function invalidValue(value: unknown, type: DataType): EvaluationError {
  return new EvaluationError(
    "VALUE_INVALID",
    `The value is ${describeValue(value)}, which does not fit the type ${formatType(type)}.`,
    "Give values of the declared type, or declare another type for the column.",
  );
}

/** VALUE_INVALID: maps, as Arrow's, have no null among their keys. */
export const nullKey = (type: DataType): EvaluationError =>
  new EvaluationError(
    "VALUE_INVALID",
    `A value of the type ${formatType(type)} has null as a key.`,
    "Give every entry of a map a key that is not null, or use a list of structs.",
  );

/** VALUE_INVALID: a property that would be lost. */
export function unknownField(value: object, names: readonly string[], type: DataType): EvaluationError {
  const name = Object.keys(value).find((each) => !names.includes(each));
  return new EvaluationError(
    "VALUE_INVALID",
    `A value has the property ${JSON.stringify(name)}, which is no field of the type ${formatType(type)}.`,
    "Leave the property out, or add a field for it to the type.",
  );
}
