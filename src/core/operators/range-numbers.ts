import type { Batch } from "../batch.ts";
import { BatchBuffer } from "../batch-buffer.ts";
import { Column } from "../column.ts";
import { concatBatches } from "../columns/concat.ts";
import { gatherBatch } from "../columns/gather.ts";
import { RangePartitioner, sampleBounds } from "../columns/range-partition.ts";
import { checkSortable, type SortKey } from "../columns/sort-keys.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";
import { int32 } from "../types.ts";

export interface RangeNumbersSpec {
  readonly kind: "rangeNumbers";
  readonly keys: readonly SortKey[];
  /** Name of the added column. */
  readonly column: string;
  readonly partitionCount: number;
}

/** Rows of each batch that go into the sample, evenly spaced. */
const SAMPLED_PER_BATCH = 32;
/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Adds the number of the key range that each row falls into; the ranges hold nearly equally many rows.
 * Input:     any columns, among them the keys.
 * Output:    the same rows in the same order, with an int32 column of range numbers 0..partitionCount-1.
 * State:     all rows until the input ends, since bounds come from a sample of them; over budget they go to disk.
 * Watermark: held back until the input has ended.
 * Late rows: none; this is a bounded operator.
 */
export class RangeNumbersOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #inputSchema: Schema;
  readonly #spec: RangeNumbersSpec;
  #context!: OperatorContext;
  #buffer: BatchBuffer | undefined;
  #sample: Batch[] = [];
  #partitioner: RangePartitioner | undefined;

  /** @throws {PlanError} SORT_KEY_UNSUPPORTED, COLUMN_DUPLICATE */
  constructor(spec: RangeNumbersSpec, inputSchema: Schema) {
    for (const { column } of spec.keys) {
      checkSortable(inputSchema.fields[column].type, inputSchema.fields[column].name);
    }
    this.#spec = spec;
    this.#inputSchema = inputSchema;
    this.outputSchema = new Schema([...inputSchema.fields, { name: spec.column, type: int32 }]);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#buffer = new BatchBuffer("range partition", context);
  }

  processBatch(batch: Batch): Progress {
    this.#takeSample(batch);
    this.#buffer?.push(batch.retain());
    return "done";
  }

  endInput(output: Output): Progress {
    const { workspace } = this.#context;
    const { keys, partitionCount } = this.#spec;
    if (this.#sample.length === 0) return "done";
    const sample = concatBatches(workspace, this.#sample);
    const bounds = sampleBounds(workspace, sample, keys, partitionCount);
    this.#partitioner = new RangePartitioner(workspace, bounds, keys);
    bounds.release();
    sample.release();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let i = 0; i < BATCHES_PER_CALL; i++) {
      const batch = this.#buffer?.shift();
      if (batch === undefined || this.#partitioner === undefined) return "done";
      const numbers = this.#partitioner.numbers(batch);
      const column = new Column(int32, batch.rowCount, { data: numbers.address }, [numbers]);
      const columns = [...batch.columns.map((each) => each.retain()), column];
      output.emit(batch.withColumns(this.outputSchema, columns));
      batch.release();
    }
    return "more";
  }

  close(): void {
    this.#buffer?.close();
    this.#buffer = undefined;
    for (const part of this.#sample) part.release();
    this.#sample = [];
    this.#partitioner?.release();
    this.#partitioner = undefined;
  }

  #takeSample(batch: Batch): void {
    const { workspace } = this.#context;
    const count = Math.min(batch.rowCount, SAMPLED_PER_BATCH);
    const rows = workspace.allocate(count * 4);
    for (let i = 0; i < count; i++) {
      workspace.u32[(rows.address >>> 2) + i] = Math.floor((i * batch.rowCount) / count);
    }
    const { keys } = this.#spec;
    // Only keys are sampled, under their own positions: other columns may be large.
    const isKey = (index: number) => keys.some((key) => key.column === index);
    const slim = batch.project(
      this.#inputSchema,
      this.#inputSchema.fields.map((_, index) => (isKey(index) ? index : keys[0].column)),
    );
    this.#sample.push(gatherBatch(workspace, slim, rows.address, count));
    slim.release();
    rows.release();
  }
}
