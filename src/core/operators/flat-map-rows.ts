import type { Batch } from "../batch.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { ResultRows } from "../rows/result-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import type { ResultShape } from "./map-rows.ts";

export type FlatMapFunction = (row: Row, context: RuntimeContext) => Iterable<object>;
export type FlatMapRichFunction = FunctionLife & { flatMap: FlatMapFunction };

/**
 * Replaces each row by the rows of the iterable that a function returns for it; generators run step by step, so one
 * may give any number of rows.
 * Input:     any columns, as row views: valid until the iterable is exhausted.
 * Output:    the columns of the result shape; each row has the kind and time of the row that it was made of.
 * State:     the batch and the iterable at which it stopped.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it gives.
 */
export class FlatMapRows implements Operator {
  readonly outputSchema: Schema;
  readonly #inputSchema: Schema;
  readonly #shape: ResultShape;
  readonly #user: UserFunction<FlatMapFunction>;
  #workspace!: Workspace;
  #reader!: RowReader;
  #results: ResultRows | undefined;
  #batch: Batch | undefined;
  #row = 0;
  #view: Row | undefined;

  constructor(
    flatMap: FlatMapFunction | FlatMapRichFunction,
    inputSchema: Schema,
    shape: ResultShape,
    site: FunctionSite,
  ) {
    this.#user = new UserFunction<FlatMapFunction>(flatMap, "flatMap", site);
    this.#inputSchema = inputSchema;
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows } = context;
    this.#workspace = workspace;
    this.#reader = createRowReader(workspace, this.#inputSchema);
    const writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where: this.#user.where });
    this.#results = new ResultRows(this.#user, writer, batchRows);
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    this.#batch = batch.retain();
    this.#row = 0;
    this.#results?.mark(this.#workspace, batch);
    this.#reader.bind(batch);
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const { call, context } = this.#user;
    const batch = this.#batch;
    const results = this.#results;
    if (batch === undefined || results === undefined) return "done";
    for (;;) {
      if (results.drain(output) === "more") return "more";
      if (this.#view !== undefined) this.#reader.retire(this.#view);
      this.#view = undefined;
      if (this.#row === batch.rowCount) break;
      const row = this.#row++;
      const view = this.#reader.viewAt(row);
      this.#view = view;
      results.start(
        this.#user.guard(() => call(view, context)),
        row,
      );
    }
    results.flush(output);
    this.#batch = undefined;
    batch.release();
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    try {
      results?.close();
    } finally {
      this.#batch?.release();
      this.#batch = undefined;
      this.#user.close();
    }
  }
}
