import type { Batch } from "../batch.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { BatchKeys, compareKeys, type KeyWords } from "../rows/key-cuts.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRowWriter, type RowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";

export type ReduceFunction = (left: Row, right: Row, context: RuntimeContext) => Row;
export type ReduceRichFunction = FunctionLife & { reduce: ReduceFunction };

/**
 * Folds all rows, or the rows of each key, into one by a function of two rows. It starts with the first row as it is,
 * so one row alone never meets the function. The function is associative: parts are reduced apart, then together.
 * Input:     inserts only; with keys, sorted by them. `left` is a copy that the function may change and return,
 *            `right` a view that is valid during the call; returning `right` itself is fine.
 * Output:    the columns of the input; one row per key, or one in all (none for no rows).
 * State:     one row.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns.
 */
export class ReduceRows implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<ReduceFunction>;
  readonly #keys: readonly SortKey[];
  #context!: OperatorContext;
  #reader!: RowReader;
  #writer: RowWriter | undefined;
  #result: unknown;
  #resultKey: KeyWords | undefined;
  #hasResult = false;

  constructor(
    reduce: ReduceFunction | ReduceRichFunction,
    inputSchema: Schema,
    keys: readonly SortKey[],
    site: FunctionSite,
  ) {
    this.#user = new UserFunction<ReduceFunction>(reduce, "reduce", site);
    this.#keys = keys;
    this.outputSchema = inputSchema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#reader = createRowReader(context.workspace, this.outputSchema);
    this.#writer = createRowWriter(context.workspace, this.outputSchema, { where: this.#user.where });
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    assert(batch.rowKinds === undefined, "reduce takes inserts only");
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    this.#reader.bind(batch);
    try {
      if (this.#keys.length === 0) this.#fold(0, rowCount);
      else this.#foldGroups(batch, output);
    } finally {
      this.#reader.unbind();
    }
    return "done";
  }

  endInput(output: Output): Progress {
    this.#finishGroup();
    const writer = this.#writer;
    if (writer !== undefined && writer.length > 0) output.emit(writer.take());
    return "done";
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
    this.#user.close();
  }

  #foldGroups(batch: Batch, output: Output): void {
    const keys = new BatchKeys(this.#context.workspace, batch, this.#keys);
    try {
      if (this.#resultKey !== undefined && compareKeys(this.#resultKey, keys.at(0)) !== 0) this.#finishGroup();
      let start = 0;
      for (const cut of keys.cuts()) {
        this.#fold(start, cut);
        this.#finishGroup();
        start = cut;
      }
      this.#fold(start, batch.rowCount);
      this.#resultKey = keys.at(start).slice();
    } finally {
      keys.release();
    }
    const writer = this.#writer;
    if (writer !== undefined && writer.length >= this.#context.batchRows) output.emit(writer.take());
  }

  #fold(start: number, end: number): void {
    const reader = this.#reader;
    const { call } = this.#user;
    let result = this.#hasResult ? this.#result : reader.copyAt(start);
    const first = this.#hasResult ? start : start + 1;
    try {
      reader.each<void, RuntimeContext>(
        (row, context) => {
          const next = call(result as Row, row, context);
          result = next === result ? next : reader.settle(next);
        },
        this.#user.context,
        first,
        end,
        ignore,
      );
    } catch (thrown) {
      throw this.#user.wrap(thrown, reader.row);
    }
    this.#result = result;
    this.#hasResult = true;
  }

  #finishGroup(): void {
    if (this.#hasResult) this.#writer?.writeChecked(this.#result);
    this.#hasResult = false;
    this.#resultKey = undefined;
  }
}

const ignore = (): void => {};
