import { GroupArray } from "../aggregates/group-array.ts";
import { gatherColumn } from "../columns/gather.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { RowCounts } from "./key-times.ts";
import {
  type GroupedRows,
  type RankedBatch,
  type RankedChanges,
  type RankedOptions,
  type RankedPiece,
  type Ranking,
  rankedPieces,
} from "./ranking.ts";
import { RowStore } from "./row-store.ts";

/** Rows that have gone are cleared away once they are this many, and more than those that are left. */
const FEWEST_GONE = 8192;

/**
 * The best rows of each group, see kernels/ranked.ts. Rows beside them lie in `store` until they are cleared away, so
 * that what has gone can still be told.
 */
export class RankedGroups implements Ranking {
  readonly #workspace: Workspace;
  readonly #options: RankedOptions;
  readonly #lists: GroupArray;
  readonly #flags: GroupArray;
  #next: GroupArray;
  #positions: GroupArray;
  #words: GroupArray;
  #store: RowStore;
  #groupCount = 0;
  /** Rows in the lists. */
  #livingRows = 0;

  constructor(workspace: Workspace, types: readonly DataType[], options: RankedOptions) {
    this.#workspace = workspace;
    this.#options = options;
    this.#lists = new GroupArray(workspace, 8);
    this.#flags = new GroupArray(workspace, 1);
    this.#next = new GroupArray(workspace, 4);
    this.#positions = new GroupArray(workspace, 4);
    this.#words = new GroupArray(workspace, 8);
    this.#store = new RowStore(workspace, types);
  }

  get store(): RowStore {
    return this.#store;
  }

  get memoryBytes(): number {
    const arrays = [this.#lists, this.#flags, this.#next, this.#positions, this.#words];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, this.#store.memoryBytes);
  }

  growthBytes({ rowCount, groupCount, keys }: RankedBatch): number {
    const rows = this.#store.rowCount + rowCount;
    const words = this.#wordCount + (keys.words.byteLength >>> 3);
    return (
      this.#lists.growthBytes(groupCount) +
      this.#next.growthBytes(rows) +
      this.#positions.growthBytes(rows + 1) +
      this.#words.growthBytes(words) +
      this.#store.growthBytes(rowCount)
    );
  }

  change(batch: RankedBatch): RankedChanges | undefined {
    const workspace = this.#workspace;
    const { touched, count } = this.#touched(batch);
    const first = this.#store.rowCount;
    const before = this.#rowsOf(touched.address, count);
    let changes: RankedChanges | undefined;
    if (this.#insert(batch, touched.address, count, this.#options.prefersLater)) {
      const after = this.#rowsOf(touched.address, count);
      const room = before.total + after.total;
      const rows = workspace.allocate(room * 4);
      const kinds = workspace.allocate(room);
      const ranks = workspace.allocate(room * 8);
      const size = workspace.kernels.rankedChanges(
        before.starts.address,
        before.rows.address,
        after.starts.address,
        after.rows.address,
        count,
        first,
        this.#options.limit,
        this.#options.hasRanks,
        rows.address,
        kinds.address,
        ranks.address,
      );
      changes = { count: size, rows, kinds, ranks };
      for (const owned of [after.starts, after.rows]) owned.release();
    }
    for (const owned of [before.starts, before.rows, touched]) owned.release();
    return changes;
  }

  take(batch: RankedBatch, { prefersLater } = this.#options): void {
    const { touched, count } = this.#touched(batch);
    this.#insert(batch, touched.address, count, prefersLater);
    touched.release();
    this.clearAway();
  }

  restore(batch: RankedBatch): void {
    // Of equal ones the first ranks first, as in `pieces`.
    this.take(batch, { ...this.#options, prefersLater: false });
  }

  get livingGroups(): number {
    return this.#workspace.kernels.rankedLivingGroups(this.#lists.address, this.#groupCount);
  }

  get rowCounts(): RowCounts {
    return { address: this.#lists.address + 4, stride: this.#lists.stride, isWide: false };
  }

  get isMostlyGone(): boolean {
    return false;
  }

  clear(groups: Address, count: number, groupCount: number): void {
    this.#lists.ensure(groupCount);
    this.#livingRows -= this.#workspace.kernels.rankedClear(groups, count, this.#lists.address);
  }

  all(limit: number): Generator<RankedPiece, void, void> {
    return this.pieces(limit);
  }

  *pieces(limit: number): Generator<RankedPiece, void, void> {
    for (let from = 0; from < this.#groupCount; from += limit) {
      const count = Math.min(limit, this.#groupCount - from);
      yield* rankedPieces(this.#workspace, this.#rowsOf(0, count, from), count, limit);
    }
  }

  clearAway(): void {
    const { rowCount } = this.#store;
    if (rowCount - this.#livingRows <= Math.max(FEWEST_GONE, this.#livingRows)) return;
    const workspace = this.#workspace;
    const living = this.#livingRows;
    const next = new GroupArray(workspace, 4);
    const positions = new GroupArray(workspace, 4);
    const words = new GroupArray(workspace, 8);
    const store = new RowStore(workspace, this.#store.types);
    const rows = workspace.allocate(living * 4);
    workspace.kernels.rankedCompact(
      this.#lists.address,
      this.#groupCount,
      this.#next.address,
      this.#positions.address,
      this.#words.address,
      rows.address,
      next.ensure(living),
      positions.ensure(living + 1),
      words.ensure(this.#wordCount),
    );
    for (let from = 0; from < living; from += FEWEST_GONE) {
      const count = Math.min(FEWEST_GONE, living - from);
      const columns = this.#store.gatherAll(rows.address + from * 4, count);
      store.append(columns, count);
      for (const column of columns) column.release();
    }
    rows.release();
    this.#releaseRows();
    this.#next = next;
    this.#positions = positions;
    this.#words = words;
    this.#store = store;
  }

  release(): void {
    this.#lists.release();
    this.#flags.release();
    this.#releaseRows();
  }

  #releaseRows(): void {
    for (const owned of [this.#next, this.#positions, this.#words, this.#store]) owned.release();
  }

  /** Words of the keys of all rows. */
  get #wordCount(): number {
    const { address } = this.#positions;
    return address === 0 ? 0 : this.#workspace.u32[(address >>> 2) + this.#store.rowCount];
  }

  /** The distinct groups of the rows; the caller owns the block. */
  #touched({ groups, groupCount, rowCount }: RankedBatch): { touched: Block; count: number } {
    const touched = this.#workspace.allocate(rowCount * 4 + 4);
    const firstRows = this.#workspace.allocate(rowCount * 4 + 4);
    this.#lists.ensure(groupCount);
    this.#groupCount = Math.max(this.#groupCount, groupCount);
    const flags = this.#flags.ensure(groupCount);
    const { changelogTouched } = this.#workspace.kernels;
    const count = changelogTouched(groups, rowCount, flags, touched.address, firstRows.address);
    firstRows.release();
    return { touched, count };
  }

  /** The rows of the groups u32[count] at `groups`, or of groups [from, from + count) where that is 0; best first. */
  #rowsOf(groups: Address, count: number, from = 0): GroupedRows {
    const { kernels } = this.#workspace;
    const lists = this.#lists.address + from * this.#lists.stride;
    const total = kernels.rankedTotal(groups, count, lists);
    const starts = this.#workspace.allocate(count * 4 + 4);
    const rows = this.#workspace.allocate(total * 4);
    kernels.rankedRows(groups, count, lists, this.#next.address, starts.address, rows.address);
    return { starts, rows, total };
  }

  /** Puts rows in, but does not store those that later ones displaced. False where none was good enough. */
  #insert(batch: RankedBatch, touched: Address, count: number, prefersLater: boolean): boolean {
    const { keys, rowCount, groups } = batch;
    const workspace = this.#workspace;
    const first = this.#store.rowCount;
    const wordCount = this.#wordCount;
    const next = this.#next.ensure(first + rowCount);
    const positions = this.#positions.ensure(first + rowCount + 1);
    const words = this.#words.ensure(wordCount + (keys.words.byteLength >>> 3));
    const lists = this.#lists.address;
    const rows = workspace.allocate(rowCount * 4);
    const dropped = workspace.allocateZeroed(rowCount);
    const { kernels } = workspace;
    const livingBefore = kernels.rankedTotal(touched, count, lists);
    const taken = kernels.rankedInsert(
      groups,
      rowCount,
      keys.words.address,
      keys.positions?.address ?? 0,
      keys.stride,
      lists,
      next,
      positions,
      words,
      first,
      this.#options.limit,
      prefersLater,
      rows.address,
      dropped.address,
    );
    if (taken > 0) {
      const numbers = workspace.allocate(taken * 4);
      const left = workspace.kernels.rankedSettle(
        touched,
        count,
        lists,
        next,
        positions,
        words,
        first,
        taken,
        dropped.address,
        rows.address,
        numbers.address,
      );
      numbers.release();
      this.#livingRows += kernels.rankedTotal(touched, count, lists) - livingBefore;
      const isWhole = left === rowCount;
      const columns = isWhole
        ? batch.columns
        : batch.columns.map((column) => gatherColumn(workspace, column, rows.address, left));
      this.#store.append(columns, left);
      if (!isWhole) for (const column of columns) column.release();
    }
    rows.release();
    dropped.release();
    return taken > 0;
  }
}
