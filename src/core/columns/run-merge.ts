import type { Batch } from "../batch.ts";
import { assert } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { concatBatches } from "./concat.ts";
import { gatherBatch } from "./gather.ts";
import { sliceBatch } from "./slice.ts";
import { type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "./sort-keys.ts";

/** The present batch of a run: rows [at, batch.rowCount) are left. */
interface Cursor {
  batch: Batch;
  keys: EncodedKeys;
  at: number;
}

/**
 * Merges sorted runs of one schema, which are fed batch by batch. Rows with equal keys leave in the order of their
 * runs, so merging the runs of consecutive input keeps a stable sort stable.
 */
export class RunMerge {
  readonly #workspace: Workspace;
  readonly #keys: readonly SortKey[];
  readonly #cursors: (Cursor | undefined)[];
  readonly #ended: boolean[];
  readonly #table: Block;
  readonly #tree: Block;

  constructor(workspace: Workspace, keys: readonly SortKey[], runCount: number) {
    assert(runCount > 0, "a merge has a run");
    this.#workspace = workspace;
    this.#keys = keys;
    this.#cursors = new Array(runCount).fill(undefined);
    this.#ended = new Array(runCount).fill(false);
    this.#table = workspace.allocate(runCount * workspace.kernels.mergeCursorBytes());
    this.#tree = workspace.allocate(2 * 2 ** Math.ceil(Math.log2(runCount)) * 4);
  }

  /** The first run whose next rows are not known; nothing can be taken before it is offered a batch or ended. */
  get wanted(): number | undefined {
    const run = this.#cursors.findIndex((cursor, i) => cursor === undefined && !this.#ended[i]);
    return run < 0 ? undefined : run;
  }

  /** The next rows of a run that has none left. Takes over the reference. */
  offer(run: number, batch: Batch): void {
    assert(this.#cursors[run] === undefined && !this.#ended[run], "a run is offered rows when it has none");
    if (batch.rowCount === 0) {
      batch.release();
      return;
    }
    const columns = this.#keys.map((key) => batch.columns[key.column]);
    const keys = encodeKeys(this.#workspace, columns, this.#keys, batch.rowCount, "absolute");
    this.#cursors[run] = { batch, keys, at: 0 };
  }

  /** No more rows come from a run. */
  end(run: number): void {
    this.#ended[run] = true;
  }

  /** Rows in order, up to `maximumRows` or to where a run is wanted; undefined at the end. The caller owns them. */
  next(maximumRows: number): Batch | undefined {
    assert(this.wanted === undefined, "every run has rows or has ended");
    if (this.#cursors.every((cursor) => cursor === undefined)) return undefined;
    const picks = this.#workspace.allocate(maximumRows * 4);
    try {
      const count = this.#pick(picks, maximumRows);
      return this.#gather(picks, count);
    } finally {
      picks.release();
    }
  }

  close(): void {
    for (const run of this.#cursors.keys()) this.#drop(run);
    this.#table.release();
    this.#tree.release();
  }

  #pick(picks: Block, maximumRows: number): number {
    const { kernels } = this.#workspace;
    const view = new Uint32Array(this.#workspace.memory.buffer, this.#table.address, this.#table.byteLength >> 2);
    const width = kernels.mergeCursorBytes() / 4;
    this.#cursors.forEach((cursor, run) => {
      if (cursor === undefined) {
        view.fill(0, run * width, (run + 1) * width);
        return;
      }
      const { batch, keys, at } = cursor;
      const { words, positions, stride } = keys;
      view.set([0, 0, words.address, positions?.address ?? 0, stride, at, batch.rowCount, 0], run * width);
    });
    const { address: table } = this.#table;
    return kernels.mergePick(table, this.#cursors.length, maximumRows, this.#tree.address, picks.address);
  }

  /** Puts the pieces that the runs contribute behind each other and gathers the picks from there. */
  #gather(picks: Block, count: number): Batch {
    const { kernels } = this.#workspace;
    const view = new Uint32Array(this.#workspace.memory.buffer, this.#table.address, this.#table.byteLength >> 2);
    const width = kernels.mergeCursorBytes() / 4;
    const ends = this.#cursors.map((_, run) => view[run * width + 5]);
    const pieces: Batch[] = [];
    const starts: number[] = [];
    let start = 0;
    this.#cursors.forEach((cursor, run) => {
      starts.push(start);
      if (cursor === undefined || ends[run] === cursor.at) return;
      pieces.push(sliceBatch(this.#workspace, cursor.batch, cursor.at, ends[run] - cursor.at));
      start += ends[run] - cursor.at;
      cursor.at = ends[run];
      if (cursor.at === cursor.batch.rowCount) this.#drop(run);
    });
    if (pieces.length === 1) return pieces[0];
    const whole = concatBatches(this.#workspace, pieces);
    for (const piece of pieces) piece.release();
    // The table is scratch until the next pick.
    new Uint32Array(this.#workspace.memory.buffer, this.#table.address, starts.length).set(starts);
    const indices = this.#workspace.allocate(count * 4);
    kernels.mergeIndices(picks.address, count, this.#table.address, indices.address);
    const merged = gatherBatch(this.#workspace, whole, indices.address, count);
    indices.release();
    whole.release();
    return merged;
  }

  #drop(run: number): void {
    const cursor = this.#cursors[run];
    if (cursor === undefined) return;
    cursor.batch.release();
    releaseKeys(cursor.keys);
    this.#cursors[run] = undefined;
  }
}
