import { Batch, mapMarks } from "../batch.ts";
import { gatherColumn } from "../columns/gather.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { Output, Progress } from "../operator.ts";
import type { Workspace } from "../workspace.ts";
import type { RowWriter } from "./row-writer.ts";
import type { UserFunction } from "./user-function.ts";

/** Batches that one call emits at most before it lets others work. */
const BATCHES_PER_CALL = 4;

/**
 * The rows that user functions give as iterables: takes them row by row, emits full batches and stops after a few, so
 * that a generator of any length needs the memory of one batch.
 */
export class ResultRows {
  readonly #user: UserFunction<(...args: never[]) => unknown>;
  readonly #writer: RowWriter;
  readonly #batchRows: number;
  /** What a row is before it is written: views of an operator's input are copied, say. */
  readonly #settle: (row: unknown) => unknown;
  #current: Iterator<unknown> | undefined;
  #emitted = 0;
  /** The batch whose rows the results are made of, and of each result since the last batch its row there. */
  #source: { readonly workspace: Workspace; readonly batch: Batch } | undefined;
  #sourceRow = 0;
  #sourceRows: Uint32Array = new Uint32Array(0);

  constructor(
    user: UserFunction<(...args: never[]) => unknown>,
    writer: RowWriter,
    batchRows: number,
    settle: (row: unknown) => unknown = (row) => row,
  ) {
    this.#user = user;
    this.#writer = writer;
    this.#batchRows = batchRows;
    this.#settle = settle;
  }

  /**
   * From now on results are made of rows of this batch, one after the other, and get their marks. The caller holds it,
   * and flushes before the next one.
   */
  mark(workspace: Workspace, batch: Batch): void {
    const hasMarks = batch.rowKinds !== undefined || batch.rowTimes !== undefined;
    this.#source = hasMarks ? { workspace, batch } : undefined;
    if (hasMarks && this.#sourceRows.length === 0) this.#sourceRows = new Uint32Array(this.#batchRows);
  }

  /** Starts to take rows from what a function returned, of that row; the one before is exhausted. */
  start(result: unknown, sourceRow = 0): void {
    this.#sourceRow = sourceRow;
    const iterate = (result as Iterable<unknown> | null | undefined)?.[Symbol.iterator];
    if (typeof result !== "object" || typeof iterate !== "function") {
      throw new EvaluationError(
        "RESULT_NOT_ITERABLE",
        `${this.#user.where} gave ${describeValue(result)}, where an array or another iterable of rows is needed.`,
        "Return an array (an empty one for no rows) or make the function a generator (function*).",
      );
    }
    this.#current = this.#user.guard(() => iterate.call(result));
  }

  /** Takes rows until the iterable ends ("done") or enough batches went out ("more"). */
  drain(output: Output): Progress {
    const iterator = this.#current;
    if (iterator === undefined) return "done";
    const writer = this.#writer;
    try {
      for (;;) {
        const next = iterator.next();
        if (next.done) {
          this.#current = undefined;
          return "done";
        }
        const row = this.#settle(next.value);
        if (writer.wantsCheck) writer.writeChecked(row);
        else writer.write(row);
        if (this.#source !== undefined) this.#sourceRows[writer.length - 1] = this.#sourceRow;
        if (writer.length >= this.#batchRows) {
          output.emit(this.#take());
          if (++this.#emitted % BATCHES_PER_CALL === 0) return "more";
        }
      }
    } catch (thrown) {
      throw this.#user.wrap(thrown);
    }
  }

  /** Emits what is left of a batch. */
  flush(output: Output): void {
    if (this.#writer.length > 0) output.emit(this.#take());
  }

  /** Ends a generator that is not exhausted, so that its `finally` runs. */
  close(): void {
    const iterator = this.#current;
    this.#current = undefined;
    this.#writer.close();
    if (iterator !== undefined) this.#user.guard(() => iterator.return?.());
  }

  #take(): Batch {
    const { length } = this.#writer;
    const rows = this.#writer.take();
    if (this.#source === undefined) return rows;
    const { workspace, batch } = this.#source;
    const indices = workspace.allocate(length * 4);
    workspace.u32.set(this.#sourceRows.subarray(0, length), indices.address >>> 2);
    const marks = mapMarks(batch.marks, (column) => gatherColumn(workspace, column, indices.address, length));
    indices.release();
    const columns = rows.columns.map((column) => column.retain());
    rows.release();
    return new Batch(rows.schema, length, columns, marks);
  }
}
