import type { Batch } from "../batch.ts";
import { RunMerge } from "../columns/run-merge.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";

export interface MergeSortedSpec {
  readonly kind: "mergeSorted";
  readonly keys: readonly SortKey[];
  /** Number of inputs. */
  readonly inputs: number;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Merges sorted inputs into one sorted output: the last step of a parallel sort.
 * Input:     any number of inputs of one schema, each sorted by the keys.
 * Output:    all rows, sorted; equal rows in the order of their inputs.
 * State:     a batch of each input, and what arrives before it is wanted.
 * Watermark: held back until the inputs have ended, since an input may wait long for its turn.
 * Late rows: none; this is a bounded operator.
 */
export class MergeSortedOperator implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount: number;
  readonly #keys: readonly SortKey[];
  readonly #waiting: Batch[][];
  readonly #hasEnded: boolean[];
  #context!: OperatorContext;
  #merge: RunMerge | undefined;

  constructor(spec: MergeSortedSpec, inputSchema: Schema) {
    this.outputSchema = inputSchema;
    this.inputCount = spec.inputs;
    this.#keys = spec.keys;
    this.#waiting = Array.from({ length: spec.inputs }, () => []);
    this.#hasEnded = new Array(spec.inputs).fill(false);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#merge = new RunMerge(context.workspace, this.#keys, this.inputCount);
  }

  wantedInput(): number | "any" {
    return this.#merge?.wanted ?? "any";
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    if (batch.rowCount > 0) this.#waiting[input].push(batch.retain());
    return this.resume(output);
  }

  processWatermark(): Progress {
    return "done";
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[input] = true;
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const merge = this.#merge;
    if (merge === undefined || output.isClosed) return "done";
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      this.#feed(merge);
      if (merge.wanted !== undefined) return "done";
      const batch = merge.next(this.#context.batchRows);
      if (batch === undefined) return "done";
      output.emit(batch);
    }
    return "more";
  }

  close(): void {
    for (const batch of this.#waiting.flat()) batch.release();
    for (const queue of this.#waiting) queue.length = 0;
    this.#merge?.close();
    this.#merge = undefined;
  }

  #feed(merge: RunMerge): void {
    for (let input = merge.wanted; input !== undefined; input = merge.wanted) {
      const batch = this.#waiting[input].shift();
      if (batch !== undefined) merge.offer(input, batch);
      else if (this.#hasEnded[input]) merge.end(input);
      else return;
    }
  }
}
