import type { Batch } from "../batch.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { ResultRows } from "../rows/result-rows.ts";
import { RowRun } from "../rows/row-run.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { SpillSpace } from "../spill-space.ts";
import type { ResultShape } from "./map-rows.ts";

export type PartitionFunction = (rows: Iterable<Row>, context: RuntimeContext) => Iterable<object>;
export type PartitionRichFunction = FunctionLife & { mapPartition: PartitionFunction };

/**
 * Calls a function once per subtask with all its rows, and gives on the rows of the iterable that it returns.
 * Input:     any columns, inserts only, as copies that may be kept, to be iterated once.
 * Output:    the columns of the result shape.
 * State:     all rows until the input ends, over budget on disk: JavaScript cannot wait for a row inside an iteration.
 *            From then on input is read and output made batch by batch, so a generator holds one row of either.
 * Watermark: travels on, ahead of all results: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it gives; ROWS_CONSUMED.
 */
export class MapPartition implements Operator {
  readonly outputSchema: Schema;
  readonly #inputSchema: Schema;
  readonly #shape: ResultShape;
  readonly #user: UserFunction<PartitionFunction>;
  #reader!: RowReader;
  #space: SpillSpace | undefined;
  #rows: RowRun | undefined;
  #results: ResultRows | undefined;

  constructor(
    mapPartition: PartitionFunction | PartitionRichFunction,
    inputSchema: Schema,
    shape: ResultShape,
    site: FunctionSite,
    method = "mapPartition",
  ) {
    this.#user = new UserFunction<PartitionFunction>(mapPartition, method, site);
    this.#inputSchema = inputSchema;
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows } = context;
    this.#reader = createRowReader(workspace, this.#inputSchema);
    this.#space = new SpillSpace(context, "partition");
    this.#rows = new RowRun(workspace, this.#space);
    const writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where: this.#user.where });
    this.#results = new ResultRows(this.#user, writer, batchRows);
    this.#user.open(context);
  }

  processBatch(batch: Batch): Progress {
    assert(batch.rowKinds === undefined, "mapPartition takes inserts only");
    this.#rows?.add(batch, 0, batch.rowCount);
    return "done";
  }

  endInput(output: Output): Progress {
    const rows = this.#rows?.rows(this.#reader, this.#user.where);
    if (rows === undefined) return "done";
    const { call, context } = this.#user;
    this.#results?.start(this.#user.guard(() => call(rows, context)));
    return this.resume(output);
  }

  resume(output: Output): Progress {
    if (this.#results?.drain(output) === "more") return "more";
    this.#results?.flush(output);
    return "done";
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    try {
      results?.close();
    } finally {
      this.#rows?.close();
      this.#rows = undefined;
      this.#space?.close();
      this.#user.close();
    }
  }
}
