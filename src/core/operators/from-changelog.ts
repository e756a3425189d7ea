import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { columnReader } from "../columns/read.ts";
import { EvaluationError, PlanError } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";
import { formatType, int8, utf8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { ROW_KIND_NAMES } from "./to-changelog.ts";

export interface FromChangelogSpec {
  readonly kind: "fromChangelog";
  /** Name of the utf8 column of row kinds. */
  readonly column: string;
}

const KINDS: readonly unknown[] = ROW_KIND_NAMES;

/**
 * Makes a changelog of rows that say what they do.
 * Input:     inserts, with a utf8 column of "insert", "update-before", "update-after" and "delete".
 * Output:    a changelog of the other columns.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class FromChangelog implements Operator {
  readonly outputSchema: Schema;
  readonly #column: string;
  readonly #index: number;
  #workspace!: Workspace;
  /** Names that were seen, and the kind of each as int8; there are as many as kinds at most. */
  #seen: { readonly names: GroupTable; readonly kinds: Block; count: number } | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, ROW_KIND_TYPE */
  constructor({ column }: FromChangelogSpec, input: Schema) {
    this.#column = column;
    this.#index = input.indexOf(column);
    const type = input.typeOf(column);
    if (type.kind !== "utf8") {
      throw new PlanError(
        "ROW_KIND_TYPE",
        `The row kinds of fromChangelog are in the column "${column}" of type ${formatType(type)}.`,
        `Give a utf8 column of ${ROW_KIND_NAMES.join(", ")}.`,
      );
    }
    this.outputSchema = new Schema(input.fields.filter((_, i) => i !== this.#index));
  }

  open({ workspace }: OperatorContext): void {
    this.#workspace = workspace;
    const names = new GroupTable(workspace, [utf8]);
    this.#seen = { names, kinds: workspace.allocate(ROW_KIND_NAMES.length), count: 0 };
  }

  /** @throws {EvaluationError} ROW_KIND_UNKNOWN */
  processBatch(batch: Batch, output: Output): Progress {
    const { rowCount, rowTimes } = batch;
    if (rowCount === 0) return "done";
    const kinds = this.#kindsOf(batch.columns[this.#index], rowCount);
    const columns = batch.columns.filter((_, i) => i !== this.#index).map((column) => column.retain());
    const times = rowTimes === undefined ? {} : { times: rowTimes.retain() };
    output.emit(new Batch(this.outputSchema, rowCount, columns, { kinds, ...times }));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#seen?.names.release();
    this.#seen?.kinds.release();
    this.#seen = undefined;
  }

  #kindsOf(names: Column, rowCount: number): Column {
    const workspace = this.#workspace;
    if (this.#seen === undefined) throw new RangeError("the operator is closed");
    const { names: table, kinds, count } = this.#seen;
    const groups = table.assign([names], rowCount);
    try {
      const [added] = table.keyColumns(count, table.groupCount - count);
      const name = columnReader(workspace, added);
      const found = Array.from({ length: added.length }, (_, i) => name(i));
      added.release();
      for (const [i, each] of found.entries()) workspace.u8[kinds.address + count + i] = this.#kind(each);
      this.#seen.count = table.groupCount;
      const data = workspace.allocate(rowCount);
      workspace.kernels.gather8(kinds.address, groups.address, rowCount, data.address);
      return columnOf(workspace, int8, rowCount, { data });
    } finally {
      groups.release();
    }
  }

  #kind(name: unknown): number {
    const kind = KINDS.indexOf(name);
    if (kind >= 0) return kind;
    throw new EvaluationError(
      "ROW_KIND_UNKNOWN",
      `A row of the changelog has the row kind ${JSON.stringify(name)} in the column "${this.#column}".`,
      `Row kinds are ${ROW_KIND_NAMES.join(", ")}: bring others to these names before fromChangelog.`,
    );
  }
}
