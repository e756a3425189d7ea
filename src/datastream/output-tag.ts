import type { Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";

/**
 * Names a side output and types its rows.
 * @example const rejected = new OutputTag("rejected", Schema.of({ id: types.int64, reason: types.utf8 }));
 */
export class OutputTag<F extends Fields = Fields> {
  declare readonly $fields: F;
  readonly name: string;
  readonly schema: Schema<F>;

  constructor(name: string, schema: Schema<F>) {
    this.name = name;
    this.schema = schema;
  }
}
