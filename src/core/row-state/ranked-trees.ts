import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { encodeKeyRows } from "../columns/key-rows.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { binary, type DataType } from "../types.ts";
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

export interface RankedTreesOptions extends RankedOptions {
  /** Columns of the rows that a row and the one that takes it back have in common: the first ones. */
  readonly contentColumns: number;
  /** Rows that have gone are worth a move once they are this many, and more than those that are left. */
  readonly fewestGone: number;
  /** Rows were to be taken back that are not there. */
  onMissed(count: number): void;
}

/**
 * All rows of each group in an order, where rows may be taken back, see kernels/ranked-tree.ts. A row that is taken back
 * is found by its content; of equal ones the last that came goes.
 */
export class RankedTrees implements Ranking {
  readonly store: RowStore;
  readonly #workspace: Workspace;
  readonly #options: RankedTreesOptions;
  readonly #trees: GroupArray;
  readonly #flags: GroupArray;
  readonly #nodes: GroupArray;
  readonly #contents: GroupArray;
  readonly #positions: GroupArray;
  readonly #words: GroupArray;
  readonly #table: GroupTable;
  readonly #heads: GroupArray;
  readonly #deltas: GroupArray;
  #groupCount = 0;
  #livingRows = 0;

  constructor(workspace: Workspace, types: readonly DataType[], options: RankedTreesOptions) {
    this.#workspace = workspace;
    this.#options = options;
    this.store = new RowStore(workspace, types);
    this.#trees = new GroupArray(workspace, 8);
    this.#flags = new GroupArray(workspace, 1);
    this.#nodes = new GroupArray(workspace, 16);
    this.#contents = new GroupArray(workspace, 4);
    this.#positions = new GroupArray(workspace, 4);
    this.#words = new GroupArray(workspace, 8);
    this.#table = new GroupTable(workspace, [binary]);
    this.#heads = new GroupArray(workspace, 4);
    this.#deltas = new GroupArray(workspace, 4);
  }

  get memoryBytes(): number {
    const bytes = this.#arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return bytes + this.store.memoryBytes + this.#table.memoryBytes;
  }

  get livingGroups(): number {
    return this.#workspace.kernels.rankedLivingGroups(this.#trees.address, this.#groupCount);
  }

  get rowCounts(): RowCounts {
    return { address: this.#trees.address + 4, stride: this.#trees.stride, isWide: false };
  }

  get isMostlyGone(): boolean {
    return this.store.rowCount - this.#livingRows > Math.max(this.#options.fewestGone, this.#livingRows);
  }

  growthBytes({ rowCount, groupCount, keys }: RankedBatch): number {
    const rows = this.store.rowCount + rowCount;
    const contents = this.#table.groupCount + rowCount;
    return (
      this.#trees.growthBytes(groupCount) +
      this.#nodes.growthBytes(rows) +
      this.#contents.growthBytes(rows) +
      this.#positions.growthBytes(rows + 1) +
      this.#words.growthBytes(this.#wordCount + (keys.words.byteLength >>> 3)) +
      this.#table.growthBytes(rowCount) +
      this.#heads.growthBytes(contents) +
      this.#deltas.growthBytes(contents) +
      this.store.growthBytes(rowCount)
    );
  }

  change(batch: RankedBatch): RankedChanges | undefined {
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const { limit, hasRanks } = this.#options;
    const { touched, count } = this.#touched(batch);
    const before = this.#rowsOf(touched.address, count, limit);
    this.#apply(batch);
    const after = this.#rowsOf(touched.address, count, limit);
    const room = before.total + after.total;
    const rows = workspace.allocate(room * 4);
    const kinds = workspace.allocate(room);
    const ranks = workspace.allocate(room * 8);
    const size = kernels.rankedTreeChanges(
      before.starts.address,
      before.rows.address,
      after.starts.address,
      after.rows.address,
      count,
      this.#contents.address,
      this.#deltas.ensure(this.#table.groupCount),
      limit === 1,
      hasRanks,
      rows.address,
      kinds.address,
      ranks.address,
    );
    for (const owned of [before.starts, before.rows, after.starts, after.rows, touched]) owned.release();
    return { count: size, rows, kinds, ranks };
  }

  take(batch: RankedBatch): void {
    this.#ensureGroups(batch.groupCount);
    this.#apply(batch);
  }

  restore(batch: RankedBatch): void {
    this.take(batch);
  }

  *pieces(limit: number): Generator<RankedPiece, void, void> {
    for (let from = 0; from < this.#groupCount; from += limit) {
      const count = Math.min(limit, this.#groupCount - from);
      yield* rankedPieces(this.#workspace, this.#rowsOf(0, count, this.#options.limit, from), count, limit);
    }
  }

  /** In the order in which they came: of equal rows the newest is the first that is taken back. */
  *all(limit: number): Generator<RankedPiece, void, void> {
    const workspace = this.#workspace;
    const { rowCount } = this.store;
    const contentCount = this.#table.groupCount;
    const heads = this.#heads.ensure(contentCount);
    const rows = workspace.allocate(rowCount * 4 + 4);
    const flags = workspace.allocateZeroed(rowCount);
    const nodes = this.#nodes.address;
    const { rankedTreeLiving } = workspace.kernels;
    const count = rankedTreeLiving(heads, contentCount, nodes, rowCount, flags.address, rows.address);
    flags.release();
    try {
      for (let at = 0; at < count; at += limit) {
        yield { rows: rows.address + at * 4, ranks: 0, count: Math.min(limit, count - at) };
      }
    } finally {
      rows.release();
    }
  }

  clear(groups: Address, count: number, groupCount: number): void {
    this.#ensureGroups(groupCount);
    const { kernels } = this.#workspace;
    const { address: contents } = this.#contents;
    const { address: heads } = this.#heads;
    this.#livingRows -= kernels.rankedTreeClear(
      groups,
      count,
      this.#trees.address,
      this.#nodes.address,
      contents,
      heads,
    );
  }

  clearAway(): void {
    // What has gone is left behind when the rows move.
  }

  release(): void {
    for (const owned of [...this.#arrays, this.#table, this.store]) owned.release();
  }

  get #arrays(): GroupArray[] {
    const byRow = [this.#nodes, this.#contents, this.#positions, this.#words];
    return [this.#trees, this.#flags, ...byRow, this.#heads, this.#deltas];
  }

  /** Words of the keys of all rows. */
  get #wordCount(): number {
    const { address } = this.#positions;
    return address === 0 ? 0 : this.#workspace.u32[(address >>> 2) + this.store.rowCount];
  }

  #ensureGroups(groupCount: number): void {
    this.#trees.ensure(groupCount);
    this.#groupCount = Math.max(this.#groupCount, groupCount);
  }

  /** The distinct groups of the rows; the caller owns the block. */
  #touched({ groups, groupCount, rowCount }: RankedBatch): { touched: Block; count: number } {
    const touched = this.#workspace.allocate(rowCount * 4 + 4);
    const firstRows = this.#workspace.allocate(rowCount * 4 + 4);
    this.#ensureGroups(groupCount);
    const flags = this.#flags.ensure(groupCount);
    const { changelogTouched } = this.#workspace.kernels;
    const count = changelogTouched(groups, rowCount, flags, touched.address, firstRows.address);
    firstRows.release();
    return { touched, count };
  }

  /** Up to `limit` rows of the groups u32[count] at `groups`, or of groups [from, from + count) where that is 0. */
  #rowsOf(groups: Address, count: number, limit: number, from = 0): GroupedRows {
    const { kernels } = this.#workspace;
    const trees = this.#trees.address + from * this.#trees.stride;
    const total = kernels.rankedTreeTotal(groups, count, trees, limit);
    const starts = this.#workspace.allocate(count * 4 + 4);
    const rows = this.#workspace.allocate(total * 4);
    const nodes = this.#nodes.address;
    kernels.rankedTreeRows(groups, count, trees, nodes, limit, starts.address, rows.address);
    return { starts, rows, total };
  }

  #apply({ groups, rowCount, keys, columns, kinds }: RankedBatch): void {
    const workspace = this.#workspace;
    const first = this.store.rowCount;
    const contents = this.#contentsOf(columns, rowCount);
    const rows = workspace.allocate(rowCount * 4);
    const sizes = workspace.allocate(8);
    const wordCount = this.#wordCount;
    workspace.kernels.rankedTreeApply(
      groups,
      contents.address,
      kinds,
      rowCount,
      keys.words.address,
      keys.positions?.address ?? 0,
      keys.stride,
      this.#trees.address,
      this.#nodes.ensure(first + rowCount),
      this.#contents.ensure(first + rowCount),
      this.#heads.ensure(this.#table.groupCount),
      this.#positions.ensure(first + rowCount + 1),
      this.#words.ensure(wordCount + (keys.words.byteLength >>> 3)),
      first,
      this.#options.prefersLater,
      rows.address,
      sizes.address,
    );
    const [taken, missed] = workspace.u32.subarray(sizes.address / 4);
    const isWhole = taken === rowCount;
    const kept = isWhole ? columns : columns.map((column) => gatherColumn(workspace, column, rows.address, taken));
    this.store.append(kept, taken);
    if (!isWhole) for (const column of kept) column.release();
    for (const owned of [contents, rows, sizes]) owned.release();
    this.#livingRows += taken - (rowCount - taken - missed);
    if (missed > 0) this.#options.onMissed(missed);
  }

  /** u32 per row: equal ones for rows of equal columns. The caller owns the block. */
  #contentsOf(columns: readonly Column[], rowCount: number): Block {
    const encoded = encodeKeyRows(this.#workspace, columns.slice(0, this.#options.contentColumns), rowCount);
    const contents = this.#table.assign([encoded], rowCount);
    encoded.release();
    return contents;
  }
}
