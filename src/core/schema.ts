import { PlanError } from "./errors.ts";
import { unknownColumn } from "./expressions/suggest.ts";
import type { DataType, Fields, ValueOf } from "./types.ts";
import { checkedFields, formatType, sameType } from "./types.ts";

/** One named column of a schema. */
export interface Field {
  readonly name: string;
  readonly type: DataType;
}

/** A row as user code sees it: values by column name; every column may be null. */
export type RowOf<F> = { [N in keyof F]: ValueOf<F[N]> | null };

/** An ordered list of named, typed columns. Names are unique; any string is a name. */
export class Schema<F extends Fields = Fields> {
  readonly fields: readonly Field[];
  /** Carries the column types for inference only; never set. */
  declare readonly $fields: F;
  readonly #indexByName: ReadonlyMap<string, number>;

  constructor(fields: readonly Field[]) {
    this.fields = fields;
    const indexByName = new Map<string, number>();
    for (const [index, field] of fields.entries()) {
      if (indexByName.has(field.name)) {
        throw new PlanError(
          "COLUMN_DUPLICATE",
          `The schema has two columns named "${field.name}".`,
          "Rename one of them.",
        );
      }
      indexByName.set(field.name, index);
    }
    this.#indexByName = indexByName;
  }

  /**
   * Schema.of({ id: int64, name: utf8 }).
   * @throws {PlanError} TYPE_INVALID
   */
  static of<const F extends Fields>(fields: F): Schema<F> {
    return new Schema(Object.entries(checkedFields(fields)).map(([name, type]) => ({ name, type })));
  }

  static fromJSON(fields: readonly Field[]): Schema {
    return new Schema(fields);
  }

  toJSON(): readonly Field[] {
    return this.fields;
  }

  get names(): string[] {
    return this.fields.map((field) => field.name);
  }

  has(name: string): boolean {
    return this.#indexByName.has(name);
  }

  /** Position of a column; a PlanError COLUMN_UNKNOWN names the nearest columns. */
  indexOf(name: string): number {
    const index = this.#indexByName.get(name);
    if (index === undefined) throw unknownColumn(name, this.names);
    return index;
  }

  typeOf(name: string): DataType {
    return this.fields[this.indexOf(name)].type;
  }

  /** The given columns in the given order. */
  pick(names: readonly string[]): Schema {
    return new Schema(names.map((name) => this.fields[this.indexOf(name)]));
  }

  equals(other: Schema): boolean {
    return (
      this.fields.length === other.fields.length &&
      this.fields.every((field, i) => field.name === other.fields[i].name && sameType(field.type, other.fields[i].type))
    );
  }

  toString(): string {
    return this.fields.map((field) => `${field.name} ${formatType(field.type)}`).join(", ");
  }
}
