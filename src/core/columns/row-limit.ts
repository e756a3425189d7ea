import type { Batch } from "../batch.ts";
import type { Workspace } from "../workspace.ts";
import { sliceBatch } from "./slice.ts";

/** Lets rows offset .. offset + count - 1 of a sequence of batches pass. */
export class RowLimit {
  #toSkip: number;
  #left: number;

  constructor(count: number, offset: number) {
    this.#left = count;
    this.#toSkip = offset;
  }

  /** True once all rows have passed. */
  get isReached(): boolean {
    return this.#left === 0;
  }

  /** The part of the next batch that passes, which the caller owns; undefined where none does. Borrows the batch. */
  take(workspace: Workspace, batch: Batch): Batch | undefined {
    const start = Math.min(this.#toSkip, batch.rowCount);
    this.#toSkip -= start;
    const count = Math.min(this.#left, batch.rowCount - start);
    this.#left -= count;
    return count === 0 ? undefined : sliceBatch(workspace, batch, start, count);
  }
}
