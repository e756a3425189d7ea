import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildColumn } from "../columns/builder.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";
import { utf8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

export interface ToChangelogSpec {
  readonly kind: "toChangelog";
  /** Name of the column of row kinds. */
  readonly column: string;
}

/** Names of the row kinds, in the order of `RowKind`. */
export const ROW_KIND_NAMES = ["insert", "update-before", "update-after", "delete"] as const;

/**
 * Makes plain rows of the changes of a changelog.
 * Input:     any columns.
 * Output:    the same rows, all of them inserts, with a utf8 column behind that names what the row did.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class ToChangelog implements Operator {
  readonly outputSchema: Schema;
  #workspace!: Workspace;
  #names: Column | undefined;

  /** @throws {PlanError} COLUMN_DUPLICATE */
  constructor({ column }: ToChangelogSpec, input: Schema) {
    this.outputSchema = new Schema([...input.fields, { name: column, type: utf8 }]);
  }

  open({ workspace }: OperatorContext): void {
    this.#workspace = workspace;
    this.#names = buildColumn(workspace, utf8, [...ROW_KIND_NAMES]);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { rowCount, rowKinds, rowTimes } = batch;
    if (this.#names === undefined) return "done";
    const data = this.#workspace.allocate(rowCount * 4);
    this.#workspace.kernels.changelogIndices(rowKinds?.data ?? 0, rowCount, data.address);
    const kinds = columnOf(this.#workspace, utf8, rowCount, { data, dictionary: this.#names.retain() });
    const columns = [...batch.columns.map((column) => column.retain()), kinds];
    const marks = rowTimes === undefined ? {} : { times: rowTimes.retain() };
    output.emit(new Batch(this.outputSchema, rowCount, columns, marks));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#names?.release();
    this.#names = undefined;
  }
}
