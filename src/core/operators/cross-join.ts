import { Batch } from "../batch.ts";
import { buildBatch } from "../columns/build.ts";
import { gatherColumn } from "../columns/gather.ts";
import { mergeBatches } from "../columns/sorted-buffer.ts";
import { assert } from "../errors.ts";
import type { JoinColumn } from "../joins/join-plan.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";

export interface CrossJoinSpec {
  readonly kind: "crossJoin";
  readonly output: readonly JoinColumn[];
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Pairs every left row with every right row.
 * Input:     0 = left, 1 = right, which is read first and kept.
 * Output:    the columns of the spec, for each left row in order all right rows in order.
 * State:     the right input. It does not spill: a cross join of large inputs is quadratic long before it is large.
 * Watermark: held back until both inputs have ended.
 * Late rows: none; this is a bounded operator.
 */
export class CrossJoinOperator implements Operator {
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #sources: readonly { side: "left" | "right"; column: number }[];
  readonly #rightSchema: Schema;
  #context!: OperatorContext;
  #buffered: Batch[] = [];
  #right: Batch | undefined;
  #left: { batch: Batch; pair: number } | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE */
  constructor(spec: CrossJoinSpec, left: Schema, right: Schema) {
    const sides = { left, right };
    this.#rightSchema = right;
    this.#sources = spec.output.map(({ side, column }) => ({ side, column: sides[side].indexOf(column) }));
    this.outputSchema = new Schema(
      spec.output.map(({ side, column, name }) => ({ name, type: sides[side].typeOf(column) })),
    );
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  wantedInput(): number | "any" {
    return this.#right === undefined ? 1 : "any";
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    if (batch.rowCount === 0) return "done";
    if (input === 1) {
      this.#buffered.push(batch.retain());
      return "done";
    }
    assert(this.#right !== undefined, "the right side of a cross join ends before its left side begins");
    this.#left = { batch: batch.retain(), pair: 0 };
    return this.resume(output);
  }

  processWatermark(): Progress {
    return "done";
  }

  endInput(_: Output, input: number): Progress {
    if (input === 1) {
      const { workspace } = this.#context;
      const batches = this.#buffered.splice(0);
      if (batches.length === 0) batches.push(buildBatch(workspace, this.#rightSchema, []));
      this.#right = mergeBatches(workspace, batches);
    }
    return "done";
  }

  resume(output: Output): Progress {
    if (this.#left === undefined || this.#right === undefined) return "done";
    const { batch } = this.#left;
    const pairCount = batch.rowCount * this.#right.rowCount;
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const count = output.isClosed ? 0 : Math.min(this.#context.batchRows, pairCount - this.#left.pair);
      if (count === 0) {
        this.#left = undefined;
        batch.release();
        return "done";
      }
      output.emit(this.#pairs(batch, this.#right, this.#left.pair, count));
      this.#left.pair += count;
    }
    return "more";
  }

  close(): void {
    for (const batch of this.#buffered.splice(0)) batch.release();
    this.#right?.release();
    this.#left?.batch.release();
    this.#right = undefined;
    this.#left = undefined;
  }

  #pairs(left: Batch, right: Batch, first: number, count: number): Batch {
    const { workspace } = this.#context;
    const rows = { left: workspace.allocate(count * 4), right: workspace.allocate(count * 4) };
    workspace.kernels.joinCross(first, count, right.rowCount, rows.left.address, rows.right.address);
    const sides = { left, right };
    const columns = this.#sources.map(({ side, column }) =>
      gatherColumn(workspace, sides[side].columns[column], rows[side].address, count),
    );
    rows.left.release();
    rows.right.release();
    return new Batch(this.outputSchema, count, columns);
  }
}
