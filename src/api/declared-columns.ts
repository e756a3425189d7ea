import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { Schema } from "../core/schema.ts";
import type { Source } from "../core/source.ts";
import { type Fields, formatType, sameType } from "../core/types.ts";

/** What files hold is known from them; a schema declares it for the compiler, and picks columns. */
export interface DeclaredReadOptions<F extends Fields = Fields> {
  readonly schema?: Schema<F>;
}

/**
 * The declared columns of files that name their types, or all where none are declared.
 * @throws {PlanError} SCHEMA_MISMATCH, OPTION_INVALID
 */
export function declaredColumns(method: string, source: Source, { schema }: DeclaredReadOptions): Source {
  if (schema === undefined) return source;
  if (!((schema as unknown) instanceof Schema)) {
    throw new PlanError(
      "OPTION_INVALID",
      `${method} was given ${describeValue(schema)} as schema.`,
      "Give a Schema, for example Schema.of({ word: types.utf8 }).",
    );
  }
  for (const { name, type } of schema.fields) {
    const found = source.schema.has(name) ? source.schema.typeOf(name) : undefined;
    if (found !== undefined && sameType(found, type)) continue;
    throw new PlanError(
      "SCHEMA_MISMATCH",
      `Column "${name}" is declared as ${formatType(type)}, but ${source.description} has ${found === undefined ? "no such column" : formatType(found)}.`,
      `Its columns are (${source.schema}).`,
    );
  }
  return source.withColumns?.(schema.names) ?? source;
}
