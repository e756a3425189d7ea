import type { Batch } from "../batch.ts";
import { concatBatches, haveSameMarks } from "../columns/concat.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import type { Watermark } from "../time/time.ts";

/** A batch of at least this part of `batchRows` is large enough to pass uncopied. */
const LARGE_SHARE = 1 / 2;

/**
 * Joins small batches, such as selective filters leave, until they are worth an operator's fixed cost per batch.
 * Input:     any columns.
 * Output:    the same columns and rows in the same order; row kinds travel with their rows.
 * State:     fewer than `batchRows` rows.
 * Watermark: pushes what is held ahead of itself, then travels on.
 * Late rows: like any other row.
 */
export class Rebatch implements Operator {
  readonly outputSchema: Schema;
  #context!: OperatorContext;
  #held: Batch[] = [];
  #heldRows = 0;

  constructor(schema: Schema) {
    this.outputSchema = schema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { batchRows } = this.#context;
    if (batch.rowCount === 0) return "done";
    const isLarge = batch.rowCount >= batchRows * LARGE_SHARE;
    if (isLarge || this.#heldRows + batch.rowCount > batchRows || this.#mixesMarks(batch)) this.#flush(output);
    if (isLarge) output.emit(batch.retain());
    else {
      this.#held.push(batch.retain());
      this.#heldRows += batch.rowCount;
    }
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#flush(output);
    output.emitWatermark(watermark);
    return "done";
  }

  endInput(output: Output): Progress {
    this.#flush(output);
    return "done";
  }

  close(): void {
    for (const batch of this.#held) batch.release();
    this.#held = [];
    this.#heldRows = 0;
  }

  /** Batches that are joined all have the same marks. */
  #mixesMarks(batch: Batch): boolean {
    const [first] = this.#held;
    return first !== undefined && !haveSameMarks(first, batch);
  }

  #flush(output: Output): void {
    if (this.#held.length === 0) return;
    const joined = concatBatches(this.#context.workspace, this.#held);
    this.close();
    output.emit(joined);
  }
}
