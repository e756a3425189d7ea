import type { Column } from "./column.ts";
import { assert } from "./errors.ts";
import type { Schema } from "./schema.ts";
import type { Fields } from "./types.ts";

/** What a row of a changelog stream does; the values of the row-kind column. */
export const RowKind = { insert: 0, updateBefore: 1, updateAfter: 2, delete: 3 } as const;
export type RowKind = (typeof RowKind)[keyof typeof RowKind];

/**
 * Side columns that travel with the rows through every step, whatever happens to the columns of the schema.
 * Neither has nulls.
 */
export interface RowMarks {
  /** int8 `RowKind`; absent means that every row is an insert. */
  readonly kinds?: Column;
  /** int64 event time, epoch milliseconds. */
  readonly times?: Column;
}

const NO_MARKS: RowMarks = {};

/** New marks of which each column is made from the old one; the caller owns what `make` returns. */
export function mapMarks({ kinds, times }: RowMarks, make: (column: Column) => Column): RowMarks {
  if (kinds === undefined && times === undefined) return NO_MARKS;
  return {
    ...(kinds === undefined ? {} : { kinds: make(kinds) }),
    ...(times === undefined ? {} : { times: make(times) }),
  };
}

/**
 * Rows in columns: a schema and one column per field, all of `rowCount` rows, in one workspace.
 * `toArrow` in src/core/arrow.ts makes the apache-arrow RecordBatch over the same memory on demand: operators and
 * kernels need only addresses, so a batch that no user looks at never pays for it.
 *
 * Reference-counted like its columns: born with one reference; it takes over one reference on each column.
 */
export class Batch<F extends Fields = Fields> {
  readonly schema: Schema<F>;
  readonly rowCount: number;
  readonly columns: readonly Column[];
  /** What the stream knows of each row beside its columns. */
  readonly marks: RowMarks;
  #references = 1;

  constructor(schema: Schema<F>, rowCount: number, columns: readonly Column[], marks: RowMarks = NO_MARKS) {
    assert(columns.length === schema.fields.length, "a batch has one column per field");
    for (const column of columns) assert(column.length === rowCount, "columns of a batch are equally long");
    this.schema = schema;
    this.rowCount = rowCount;
    this.columns = columns;
    this.marks = marks;
  }

  /** int8 `RowKind` per row of a changelog stream; undefined means that every row is an insert. */
  get rowKinds(): Column | undefined {
    return this.marks.kinds;
  }

  /** int64 event time per row, in epoch milliseconds; undefined where rows have none. */
  get rowTimes(): Column | undefined {
    return this.marks.times;
  }

  column(name: keyof F & string): Column {
    return this.columns[this.schema.indexOf(name)];
  }

  retain(): this {
    assert(this.#references > 0, "a released batch is not retained");
    this.#references++;
    return this;
  }

  release(): void {
    assert(this.#references > 0, "a batch is released once per reference");
    if (--this.#references > 0) return;
    for (const column of this.columns) column.release();
    this.marks.kinds?.release();
    this.marks.times?.release();
  }

  /** The given columns under another schema; shares them. */
  project<G extends Fields>(schema: Schema<G>, indices: readonly number[]): Batch<G> {
    const columns = indices.map((index) => this.columns[index].retain());
    return this.withColumns(schema, columns);
  }

  /** The same rows with other columns, whose references it takes over; marks are shared. */
  withColumns<G extends Fields>(schema: Schema<G>, columns: readonly Column[]): Batch<G> {
    return new Batch(
      schema,
      this.rowCount,
      columns,
      mapMarks(this.marks, (column) => column.retain()),
    );
  }
}
