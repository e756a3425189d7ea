import type { Batch } from "../batch.ts";
import { batchBytes } from "../columns/size.ts";
import { checkSortable, type SortKey } from "../columns/sort-keys.ts";
import { SortBuffer } from "../columns/sorted-buffer.ts";
import { assert } from "../errors.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import { BufferedRun, MergedRuns, type RowSource, SpillableRun, SpilledRun, writeRun } from "../sorted-runs.ts";
import type { SpillFile } from "../spill-file.ts";
import { SpillSpace } from "../spill-space.ts";

/** A merge reads this many runs at once at most: each holds a batch, and more of them seek more than they read. */
const MAXIMUM_FAN_IN = 64;
/** Share of the budget that the batches of a merge, one per run, may take; their sort keys take about as much again. */
const MERGE_SHARE = 1 / 8;
/** Smaller batches cost more to read than they save. */
const LEAST_RUN_ROWS = 64;

export interface SortSpec {
  readonly kind: "sort";
  /** Most significant first; at least one. */
  readonly keys: readonly SortKey[];
}

/**
 * Sorts all rows of a bounded input; equal rows keep their order (stable). See SortKey for the order of values.
 * Input:     any schema; the key columns have an order.
 * Output:    the same schema and rows.
 * State:     all rows until the input ends; over budget as sorted runs in spill files, merged at the end. What is in
 *            memory then can still go to disk where those that read the result need the memory.
 * Watermark: held back until the input ends: no row leaves before.
 * Late rows: none; a sort is a bounded operator.
 */
export class SortOperator implements Operator, SpillableState {
  readonly name = "sort";
  readonly outputSchema: Schema;
  readonly #keys: readonly SortKey[];
  #context!: OperatorContext;
  #buffer!: SortBuffer;
  #space!: SpillSpace;
  #runs: SpillFile[] = [];
  #result: RowSource | undefined;
  /** The part of the result that is in memory. */
  #last: SpillableRun | undefined;
  #isInputEnded = false;
  /** Rows per batch of a spilled run: few where rows are long, so that a merge of many runs fits the budget. */
  #runRows = Number.POSITIVE_INFINITY;

  constructor(schema: Schema, spec: SortSpec) {
    assert(spec.keys.length > 0, "a sort has a key");
    for (const { column } of spec.keys) checkSortable(schema.fields[column].type, schema.fields[column].name);
    this.outputSchema = schema;
    this.#keys = spec.keys;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#buffer = new SortBuffer(context.workspace, this.#keys);
    this.#space = new SpillSpace(context, "sort");
    context.workspace.governor.register(this);
  }

  processBatch(batch: Batch): Progress {
    if (batch.rowCount === 0) return "done";
    if (!this.#buffer.hasRoomFor(batch)) this.spill();
    // Room for sorting is kept free, so that a spill, which sorts, stays inside the budget as well.
    const { workspace } = this.#context;
    const needed = this.#buffer.sortingBytes(batch.rowCount) + batchBytes(workspace, batch);
    workspace.governor.reserve(needed, "Sorting");
    this.#buffer.add(batch);
    return "done";
  }

  processWatermark(): Progress {
    return "done";
  }

  spillableBytes(): number {
    return this.#isInputEnded ? (this.#last?.byteLength ?? 0) : this.#buffer.byteLength;
  }

  spill(): void {
    if (this.#isInputEnded) {
      this.#last?.spill(this.#space, this.outputSchema);
      return;
    }
    const { byteLength, rowCount } = this.#buffer;
    const rows = this.#buffer.sort();
    if (rows === undefined) return;
    const { workspace, batchRows } = this.#context;
    const batchBytes = (workspace.governor.limitBytes * MERGE_SHARE) / MAXIMUM_FAN_IN;
    const fitting = Math.max(LEAST_RUN_ROWS, Math.floor((batchBytes * rowCount) / byteLength));
    this.#runRows = Math.min(this.#runRows, batchRows, fitting);
    const run = new BufferedRun(rows, this.#runRows);
    try {
      this.#runs.push(this.#write(run));
    } finally {
      run.close();
    }
  }

  endInput(output: Output): Progress {
    this.#isInputEnded = true;
    const { workspace, batchRows } = this.#context;
    const { byteLength } = this.#buffer;
    const rows = this.#buffer.sort();
    const last = rows && new SpillableRun(workspace, rows, byteLength, Math.min(batchRows, this.#runRows));
    this.#last = last;
    if (this.#runs.length === 0) {
      this.#result = last;
      return this.resume(output);
    }
    // Neighbours are merged, oldest first, which keeps the sort stable.
    while (this.#runs.length >= MAXIMUM_FAN_IN) {
      const merged: SpillFile[] = [];
      while (this.#runs.length > 0) {
        const source = this.#merge(this.#runs.splice(0, MAXIMUM_FAN_IN), this.#runRows);
        try {
          merged.push(this.#write(source));
        } finally {
          source.close();
        }
      }
      this.#runs = merged;
    }
    this.#result = this.#merge(this.#runs.splice(0), batchRows, last);
    return this.resume(output);
  }

  resume(output: Output): Progress {
    if (this.#result === undefined) return "done";
    const batch = output.isClosed ? undefined : this.#result.next();
    if (batch !== undefined) {
      output.emit(batch);
      return "more";
    }
    this.#result.close();
    this.#result = undefined;
    return "done";
  }

  close(): void {
    this.#context?.workspace.governor.unregister(this);
    this.#buffer?.close();
    this.#result?.close();
    this.#result = undefined;
    this.#space?.close();
  }

  #merge(files: readonly SpillFile[], batchRows: number, last?: RowSource): RowSource {
    const { workspace } = this.#context;
    const runs: RowSource[] = files.map((file) => new SpilledRun(workspace, this.#space, file));
    if (last !== undefined) runs.push(last);
    return new MergedRuns(workspace, this.#keys, runs, batchRows);
  }

  #write(source: RowSource): SpillFile {
    return writeRun(this.#context.workspace, source, this.#space, this.outputSchema);
  }
}
