import type { Batch } from "./batch.ts";
import { RunMerge } from "./columns/run-merge.ts";
import type { SortKey } from "./columns/sort-keys.ts";
import type { SortedRows } from "./columns/sorted-buffer.ts";
import type { SpillFile, SpillReader } from "./spill-file.ts";
import type { SpillSpace } from "./spill-space.ts";
import type { Workspace } from "./workspace.ts";

/** Rows in order, batch by batch. */
export interface RowSource {
  /** The next rows, which the caller owns; undefined at the end. */
  next(): Batch | undefined;
  close(): void;
}

/** Sorted rows in memory. */
export class BufferedRun implements RowSource {
  readonly #rows: SortedRows;
  readonly #batchRows: number;

  /** Takes over `rows`. */
  constructor(rows: SortedRows, batchRows: number) {
    this.#rows = rows;
    this.#batchRows = batchRows;
  }

  next(): Batch | undefined {
    return this.#rows.next(this.#batchRows);
  }

  close(): void {
    this.#rows.close();
  }
}

/** A sorted spill file, which is removed once it is read. */
export class SpilledRun implements RowSource {
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  readonly #file: SpillFile;
  #reader: SpillReader | undefined;

  constructor(workspace: Workspace, space: SpillSpace, file: SpillFile) {
    this.#workspace = workspace;
    this.#space = space;
    this.#file = file;
  }

  next(): Batch | undefined {
    this.#reader ??= this.#file.open();
    return this.#reader.next(this.#workspace);
  }

  close(): void {
    this.#reader?.close();
    this.#space.remove(this.#file);
  }
}

/** Several runs as one; equal rows leave in the order of their runs. */
export class MergedRuns implements RowSource {
  readonly #runs: readonly RowSource[];
  readonly #merge: RunMerge;
  readonly #batchRows: number;

  /** Takes over the runs. */
  constructor(workspace: Workspace, keys: readonly SortKey[], runs: readonly RowSource[], batchRows: number) {
    this.#runs = runs;
    this.#batchRows = batchRows;
    this.#merge = new RunMerge(workspace, keys, runs.length);
  }

  next(): Batch | undefined {
    for (let run = this.#merge.wanted; run !== undefined; run = this.#merge.wanted) {
      const batch = this.#runs[run].next();
      if (batch !== undefined) this.#merge.offer(run, batch);
      else this.#merge.end(run);
    }
    return this.#merge.next(this.#batchRows);
  }

  close(): void {
    this.#merge.close();
    for (const run of this.#runs) run.close();
  }
}
