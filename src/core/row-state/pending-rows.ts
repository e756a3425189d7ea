import type { Batch } from "../batch.ts";
import { batchBytes } from "../columns/size.ts";
import { END_OF_TIME_MS } from "../time/time.ts";
import { splitByTime } from "../windows/row-times.ts";
import type { Workspace } from "../workspace.ts";

interface PendingBatch {
  readonly batch: Batch;
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Rows that wait until the watermark has passed their event time, in the order of arrival. */
export class PendingRows {
  readonly #workspace: Workspace;
  #pending: PendingBatch[] = [];

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  get batches(): readonly Batch[] {
    return this.#pending.map(({ batch }) => batch);
  }

  /** END_OF_TIME_MS where there is none. */
  get earliestMs(): number {
    return this.#pending.reduce((least, { earliestMs }) => Math.min(least, earliestMs), END_OF_TIME_MS);
  }

  get rowCount(): number {
    return this.#pending.reduce((sum, { batch }) => sum + batch.rowCount, 0);
  }

  get memoryBytes(): number {
    return this.#pending.reduce((sum, { batch }) => sum + batchBytes(this.#workspace, batch), 0);
  }

  /** Takes the batch over, whose rows have event times. */
  add(batch: Batch): void {
    const times = batch.rowTimes?.data;
    if (times === undefined || batch.rowCount === 0) {
      batch.release();
      return;
    }
    const { eventTimeMin, eventTimeMax } = this.#workspace.kernels;
    const { rowCount } = batch;
    this.#pending.push({
      batch,
      earliestMs: eventTimeMin(times, rowCount),
      latestMs: eventTimeMax(times, rowCount),
    });
  }

  /** Takes out the rows up to `timeMs`; the caller owns the batches. */
  takeUntil(timeMs: number): Batch[] {
    if (this.earliestMs > timeMs) return [];
    const taken: Batch[] = [];
    const all = this.#pending;
    this.#pending = [];
    for (const one of all) {
      if (one.latestMs <= timeMs) taken.push(one.batch);
      else if (one.earliestMs > timeMs) this.#pending.push(one);
      else {
        const [before, behind] = splitByTime(this.#workspace, one.batch, timeMs + 1);
        if (before !== undefined) taken.push(before);
        if (behind !== undefined) this.add(behind);
      }
    }
    return taken;
  }

  release(): void {
    for (const { batch } of this.#pending.splice(0)) batch.release();
  }
}
