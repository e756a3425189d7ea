import type { Batch } from "../batch.ts";

/** A batch of which some rows are still asked for; released with the last of them. */
export class HeldBatch {
  readonly batch: Batch;
  #rowsLeft: number;

  /** Takes a further reference. */
  constructor(batch: Batch) {
    this.batch = batch.retain();
    this.#rowsLeft = batch.rowCount;
  }

  releaseRow(): void {
    if (--this.#rowsLeft === 0) this.batch.release();
  }

  /** Drops all rows at once. */
  close(): void {
    if (this.#rowsLeft > 0) this.batch.release();
    this.#rowsLeft = 0;
  }
}

/** A row that waits for its answer, or whose answer waits for its turn. */
export interface AsyncEntry {
  readonly held: HeldBatch;
  readonly row: number;
  /** NaN where it has none. */
  readonly timeMs: number;
  readonly segment: Segment;
  results: readonly object[] | undefined;
  /** Ends what is under way for it: its timeout, the wait for a further attempt. */
  cancel: (() => void) | undefined;
}

/** The rows between two watermarks. */
export interface Segment {
  /** Rows whose results were not given yet, in their order. */
  readonly entries: Set<AsyncEntry>;
  /** Those that were answered, in the order of their answers. */
  readonly answered: AsyncEntry[];
  /** Behind its last row; undefined while rows are added. */
  watermarkMs: number | undefined;
}

/**
 * Rows and watermarks in the order in which they came. Results leave in that order, or unordered as they are answered,
 * but never past a watermark, and no watermark leaves before the rows in front of it.
 */
export class AsyncQueue {
  readonly #isOrdered: boolean;
  readonly #segments: Segment[] = [];
  #unasked: AsyncEntry[] = [];
  #nextUnasked = 0;
  /** Rows that were asked for and whose results were not given yet. */
  inFlight = 0;

  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get hasUnasked(): boolean {
    return this.#nextUnasked < this.#unasked.length;
  }

  addRow(held: HeldBatch, row: number, timeMs: number): void {
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.watermarkMs !== undefined) {
      segment = { entries: new Set(), answered: [], watermarkMs: undefined };
      this.#segments.push(segment);
    }
    const entry: AsyncEntry = { held, row, timeMs, segment, results: undefined, cancel: undefined };
    segment.entries.add(entry);
    this.#unasked.push(entry);
  }

  /** Behind the rows so far. The queue is not empty. */
  addWatermark(timeMs: number): void {
    const last = this.#segments.at(-1);
    // One that waits behind no rows of its own replaces the one before.
    if (last !== undefined) last.watermarkMs = timeMs;
  }

  /** The next row to ask for. */
  takeUnasked(): AsyncEntry | undefined {
    if (!this.hasUnasked) return undefined;
    const entry = this.#unasked[this.#nextUnasked++];
    if (this.#nextUnasked === this.#unasked.length) {
      this.#unasked = [];
      this.#nextUnasked = 0;
    }
    this.inFlight++;
    return entry;
  }

  answer(entry: AsyncEntry, results: readonly object[]): void {
    entry.results = results;
    entry.segment.answered.push(entry);
  }

  /** The next thing that may leave: an answered row, or a watermark once all rows before it have left. */
  takeReady(): AsyncEntry | { readonly watermarkMs: number } | undefined {
    const [segment] = this.#segments;
    if (segment === undefined) return undefined;
    const { entries, answered, watermarkMs } = segment;
    const entry = this.#isOrdered ? firstOf(entries) : answered.shift();
    if (entry?.results !== undefined) {
      entries.delete(entry);
      this.inFlight--;
      if (entries.size === 0 && watermarkMs === undefined) this.#segments.shift();
      return entry;
    }
    if (entries.size > 0 || watermarkMs === undefined) return undefined;
    this.#segments.shift();
    return { watermarkMs };
  }

  /** All rows that have not left, in the order in which they came. */
  *entries(): Generator<AsyncEntry, void, void> {
    for (const { entries } of this.#segments) yield* entries;
  }

  close(): void {
    for (const { cancel, held } of this.entries()) {
      cancel?.();
      held.close();
    }
    this.#segments.length = 0;
    this.#unasked = [];
    this.#nextUnasked = 0;
  }
}

const firstOf = (entries: ReadonlySet<AsyncEntry>): AsyncEntry | undefined => {
  for (const entry of entries) return entry;
  return undefined;
};
