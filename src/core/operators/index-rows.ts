import type { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import { EvaluationError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";
import { int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** The number of a subtask's first row, and from one row to the next. */
export interface Numbering {
  readonly start: number;
  readonly step: number;
}

/**
 * Appends an int64 column that numbers the rows.
 * Input:     any columns, none of the new name.
 * Output:    the same columns, then the number; row kinds travel with their rows.
 * State:     the next number.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    EvaluationError INDEX_TOO_LARGE past 2^53 - 1.
 */
export class IndexRows implements Operator {
  readonly outputSchema: Schema;
  readonly #numberingOf: (context: OperatorContext) => Numbering;
  #workspace!: Workspace;
  #next = 0;
  #step = 1;

  /** @throws {PlanError} COLUMN_DUPLICATE */
  constructor(inputSchema: Schema, columnName: string, numberingOf: (context: OperatorContext) => Numbering) {
    this.outputSchema = new Schema([...inputSchema.fields, { name: columnName, type: int64 }]);
    this.#numberingOf = numberingOf;
  }

  open(context: OperatorContext): void {
    const { start, step } = this.#numberingOf(context);
    this.#workspace = context.workspace;
    this.#next = start;
    this.#step = step;
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { rowCount } = batch;
    if (!Number.isSafeInteger(this.#next + rowCount * this.#step)) {
      throw new EvaluationError(
        "INDEX_TOO_LARGE",
        "A row number would pass 2^53 - 1.",
        "Number fewer rows, or start lower.",
      );
    }
    const numbers = this.#workspace.allocate(rowCount * 8);
    const halves = new Uint32Array(this.#workspace.memory.buffer, numbers.address, rowCount * 2);
    let number = this.#next;
    for (let at = 0; at < halves.length; at += 2) {
      halves[at] = number;
      halves[at + 1] = Math.floor(number / 4294967296);
      number += this.#step;
    }
    this.#next = number;
    const columns = batch.columns.map((column) => column.retain());
    columns.push(columnOf(this.#workspace, int64, rowCount, { data: numbers }));
    output.emit(batch.withColumns(this.outputSchema, columns));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {}
}

/** Numbers 0, 1, 2, ... in the order of subtasks; `starts` holds how many rows lie before each subtask's. */
export const zipWithIndex = (inputSchema: Schema, columnName: string, starts: readonly number[]): IndexRows =>
  new IndexRows(inputSchema, columnName, ({ subtask }) => ({ start: starts[subtask] ?? 0, step: 1 }));

/** Numbers that are unique over all subtasks, without counting them first: subtask + n * parallelism. */
export const zipWithUniqueId = (inputSchema: Schema, columnName: string): IndexRows =>
  new IndexRows(inputSchema, columnName, ({ subtask, parallelism }) => ({ start: subtask, step: parallelism }));
