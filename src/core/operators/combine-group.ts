import type { Batch } from "../batch.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import { SortBuffer, type SortedRows } from "../columns/sorted-buffer.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { FunctionLife, FunctionSite } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { type GroupFunction, GroupReduce, type GroupRichFunction } from "./group-reduce.ts";
import type { ResultShape } from "./map-rows.ts";

export type CombineRichFunction = FunctionLife & { combineGroup: GroupFunction };

/** Batches of one chunk: larger chunks find more rows of a key together, and take more memory. */
const CHUNK_BATCHES = 32;
/** Part of the budget that a chunk may take. */
const CHUNK_SHARE = 1 / 8;

/**
 * Calls a function for groups of rows with equal keys as far as they meet in memory: greedy and local to the subtask,
 * so that a key may come up several times. Meant to shrink data before an exchange.
 * Input:     inserts only, in any order; otherwise as GroupReduce.
 * Output:    the columns of the result shape, in no promised order.
 * State:     one chunk of rows, which is sorted and reduced when it is full.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    as GroupReduce.
 */
export class CombineGroup implements Operator {
  readonly outputSchema: Schema;
  readonly #keys: readonly SortKey[];
  readonly #reduce: GroupReduce;
  #context!: OperatorContext;
  #chunk: SortBuffer | undefined;
  #sorted: SortedRows | undefined;
  #isInputEnded = false;
  #isReduceEnded = false;

  constructor(
    combineGroup: GroupFunction | CombineRichFunction,
    inputSchema: Schema,
    keys: readonly SortKey[],
    shape: ResultShape,
    site: FunctionSite,
  ) {
    this.#keys = keys;
    this.outputSchema = shape.schema;
    const given = combineGroup as GroupFunction | GroupRichFunction;
    this.#reduce = new GroupReduce(given, inputSchema, keys, shape, site, "combineGroup");
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#chunk = new SortBuffer(context.workspace, this.#keys);
    this.#reduce.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    assert(batch.rowKinds === undefined, "combineGroup takes inserts only");
    const chunk = this.#chunk;
    if (chunk === undefined || batch.rowCount === 0) return "done";
    const { workspace, batchRows } = this.#context;
    const limit = workspace.governor.limitBytes * CHUNK_SHARE;
    if (chunk.rowCount > 0 && (!chunk.hasRoomFor(batch) || chunk.byteLength > limit)) this.#sorted = chunk.sort();
    chunk.add(batch);
    if (this.#sorted === undefined && chunk.rowCount >= batchRows * CHUNK_BATCHES) this.#sorted = chunk.sort();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    if (this.#isReduceEnded) return this.#reduce.resume(output);
    if (this.#reduce.resume(output) === "more") return "more";
    while (this.#sorted !== undefined) {
      const rows = this.#sorted.next(this.#context.batchRows);
      if (rows === undefined) {
        this.#sorted.close();
        this.#sorted = undefined;
        break;
      }
      try {
        if (this.#reduce.processBatch(rows, output) === "more") return "more";
      } finally {
        rows.release();
      }
    }
    if (!this.#isInputEnded) return "done";
    this.#isReduceEnded = true;
    return this.#reduce.endInput(output);
  }

  endInput(output: Output): Progress {
    this.#isInputEnded = true;
    this.#sorted = this.#chunk?.sort();
    return this.resume(output);
  }

  close(): void {
    this.#sorted?.close();
    this.#sorted = undefined;
    this.#chunk?.close();
    this.#chunk = undefined;
    this.#reduce.close();
  }
}
