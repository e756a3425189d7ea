import type { Batch } from "../batch.ts";
import { sliceBatch } from "../columns/slice.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Workspace } from "../workspace.ts";

/**
 * The event times of a batch that has rows. Rows in the order of time, as most come and all partial aggregates do, are
 * cut where time passes a bound; only others are looked at one by one.
 */
export class BatchTimes {
  /** i64[rowCount] */
  readonly times: Address;
  readonly rowCount: number;
  readonly leastMs: number;
  readonly greatestMs: number;
  readonly #workspace: Workspace;
  /** No row's time is less than that of the row before. */
  readonly #isAscending: boolean;

  constructor(workspace: Workspace, { rowCount, rowTimes }: Batch) {
    assert(rowTimes !== undefined && rowCount > 0, "rows of windows have times");
    const { eventTimeMin, eventTimeMax, eventTimesAscend } = workspace.kernels;
    this.times = rowTimes.data;
    this.rowCount = rowCount;
    this.#workspace = workspace;
    this.#isAscending = eventTimesAscend(this.times, rowCount);
    this.leastMs = this.#isAscending ? this.#timeAt(0) : eventTimeMin(this.times, rowCount);
    this.greatestMs = this.#isAscending ? this.#timeAt(rowCount - 1) : eventTimeMax(this.times, rowCount);
  }

  /** How many rows lie in [fromMs, toMs). */
  countBetween(fromMs: number, toMs: number): number {
    if (this.#isAscending) return this.#before(toMs) - this.#before(fromMs);
    return this.#workspace.kernels.windowCountBetween(this.times, this.rowCount, fromMs, toMs);
  }

  /** The least time that is not before `fromMs`, which is at most `greatestMs`. */
  firstFrom(fromMs: number): number {
    if (this.#isAscending) return this.#timeAt(this.#before(fromMs));
    return this.#workspace.kernels.windowNextTime(this.times, this.rowCount, fromMs);
  }

  /**
   * The rows of its batch before each bound and not before the one ahead of it; bounds ascend, and the last is behind all
   * rows. The caller owns them. Undefined where rows of different ranges mix.
   */
  cut(batch: Batch, endsMs: readonly number[]): Batch[] | undefined {
    if (!this.#isAscending) return undefined;
    let from = 0;
    return endsMs.map((endMs) => {
      const start = from;
      from = this.#before(endMs);
      return sliceBatch(this.#workspace, batch, start, from - start);
    });
  }

  #timeAt(row: number): number {
    return this.#workspace.kernels.eventTimeMin(this.times + row * 8, 1);
  }

  #before(boundMs: number): number {
    return this.#workspace.kernels.eventTimesBefore(this.times, this.rowCount, boundMs);
  }
}
