import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";

/**
 * Names a side output and types its rows.
 * @example const rejected = new OutputTag("rejected", Schema.of({ id: types.int64, reason: types.utf8 }));
 */
export class OutputTag<F extends Fields = Fields> {
  declare readonly $fields: F;
  readonly name: string;
  readonly schema: Schema<F>;

  /** @throws {PlanError} ARGUMENT_INVALID */
  constructor(name: string, schema: Schema<F>) {
    if (typeof name !== "string" || name === "" || !(schema instanceof Schema)) {
      throw new PlanError(
        "ARGUMENT_INVALID",
        `An OutputTag was given the name ${JSON.stringify(name)} and ${schema instanceof Schema ? "a" : "no"} schema.`,
        'Give both: new OutputTag("late", Schema.of({ id: types.int64 })).',
      );
    }
    this.name = name;
    this.schema = schema;
  }
}

/** The option sideOutputs of a step. @throws {PlanError} OUTPUT_TAG_INVALID */
export function checkedTags(step: string, given: readonly OutputTag[]): readonly OutputTag[] {
  if (Array.isArray(given) && given.every((tag) => tag instanceof OutputTag)) return given;
  throw new PlanError(
    "OUTPUT_TAG_INVALID",
    `The option sideOutputs of ${step} is ${describeValue(given)}.`,
    'Give an array of tags: [new OutputTag("rejected", schema)].',
  );
}
