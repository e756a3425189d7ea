import { GroupArray } from "../aggregates/group-array.ts";
import type { Batch } from "../batch.ts";
import { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { sortRows } from "../columns/sort-rows.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { RowStore } from "./row-store.ts";

/** Versions and keys that are of no use any more are cleared away once they are this many, and more than the others. */
const FEWEST_DEAD = 4096;

/** Rows of one side: batches whose columns at `keys` are the key. */
export interface KeyedRows {
  readonly batches: readonly Batch[];
  readonly keys: readonly number[];
  /** All count as of one time, in the order in which they come; otherwise they have event times. */
  readonly isTimeless?: boolean;
}

/** The same of all batches, one behind the other. */
interface Sequence {
  readonly count: number;
  /** u32: row numbers in the order of time. */
  readonly order: Block;
  /** i64 */
  readonly times: Block;
  /** u32 */
  readonly groups: Block;
  /** int8, or undefined where all rows are inserts. */
  readonly kinds: Block | undefined;
}

/** The newest version of the row of each key, see kernels/temporal.ts; older ones are there until `clearAway`. */
export class VersionTable {
  readonly #workspace: Workspace;
  readonly #types: readonly DataType[];
  readonly #keys: readonly number[];
  #table: GroupTable;
  #store: RowStore;
  #current: GroupArray;
  #times: GroupArray;
  #keyCount = 0;

  /** Versions have columns of these types, of which those at `keys` are the key. */
  constructor(workspace: Workspace, types: readonly DataType[], keys: readonly number[]) {
    this.#workspace = workspace;
    this.#types = types;
    this.#keys = keys;
    this.#table = this.#newTable();
    this.#store = new RowStore(workspace, types);
    this.#current = new GroupArray(workspace, 4);
    this.#times = new GroupArray(workspace, 8);
  }

  /** All versions, those included that are not the newest any more. */
  get store(): RowStore {
    return this.#store;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes + this.#store.memoryBytes + this.#current.byteLength + this.#times.byteLength;
  }

  /**
   * Takes versions in and tells which one was valid for each row, both in the order of time, versions first. Gives u32
   * per row, NO_ROW where there was none; the caller owns the block. Borrows all.
   */
  advance(rows: KeyedRows, versions: KeyedRows): Block {
    const workspace = this.#workspace;
    const probes = this.#sequence(rows);
    const fresh = this.#sequence(versions);
    const first = this.#store.rowCount;
    for (const batch of versions.batches) this.#store.append(batch.columns, batch.rowCount);
    const current = this.#current.ensure(this.#table.groupCount);
    const times = this.#times.ensure(first + fresh.count);
    const matches = workspace.allocate(probes.count * 4);
    const { kernels } = workspace;
    kernels.copyBytes(times + first * 8, fresh.times.address, fresh.count * 8);
    this.#keyCount += kernels.temporalSweep(
      probes.order.address,
      probes.times.address,
      probes.groups.address,
      probes.count,
      fresh.order.address,
      fresh.times.address,
      fresh.groups.address,
      fresh.kinds?.address ?? 0,
      fresh.count,
      first,
      current,
      times,
      matches.address,
    );
    for (const { order, times: own, groups, kinds } of [probes, fresh]) {
      for (const block of [order, own, groups, kinds]) block?.release();
    }
    return matches;
  }

  /** Takes versions in. Borrows all. */
  know(versions: KeyedRows): void {
    this.advance({ batches: [], keys: [], isTimeless: true }, versions).release();
  }

  /** The newest versions and their times (int64, last), up to about `limit` at a time; the caller owns the columns. */
  *newest(limit: number): Generator<{ columns: Column[]; count: number }, void, void> {
    const { groupCount } = this.#table;
    for (let from = 0; from < groupCount; from += limit) {
      const to = Math.min(groupCount, from + limit);
      const rows = this.#workspace.allocate((to - from) * 4 + 4);
      const { kernels } = this.#workspace;
      const count = kernels.temporalNewest(this.#current.ensure(groupCount), from, to, rows.address);
      const columns = count === 0 ? [] : this.#store.gatherAll(rows.address, count);
      const data = this.#workspace.allocate(count * 8);
      this.#workspace.kernels.gather64(this.#times.address, rows.address, count, data.address);
      rows.release();
      if (count === 0) data.release();
      else yield { columns: [...columns, columnOf(this.#workspace, int64, count, { data })], count };
    }
  }

  /** Forgets versions that are not the newest, and keys without a version, once they are the most. */
  clearAway(): void {
    const most = Math.max(FEWEST_DEAD, this.#keyCount * 2);
    if (this.#store.rowCount <= most && this.#table.groupCount <= most) return;
    const workspace = this.#workspace;
    const table = this.#newTable();
    const store = new RowStore(workspace, this.#types);
    const times = new GroupArray(workspace, 8);
    for (const { columns, count } of this.newest(FEWEST_DEAD)) {
      const first = store.append(columns.slice(0, -1), count);
      const keys = this.#keys.map((key) => columns[key]);
      table.assign(keys, count).release();
      workspace.kernels.copyBytes(times.ensure(first + count) + first * 8, columns[columns.length - 1].data, count * 8);
      for (const column of columns) column.release();
    }
    this.release();
    const current = new GroupArray(workspace, 4);
    // Each key is new, so that the groups have the numbers of the rows.
    workspace.kernels.groupSequence(1, store.rowCount, current.ensure(store.rowCount));
    this.#table = table;
    this.#store = store;
    this.#times = times;
    this.#current = current;
  }

  release(): void {
    for (const owned of [this.#table, this.#store, this.#current, this.#times]) owned.release();
  }

  #newTable(): GroupTable {
    return new GroupTable(
      this.#workspace,
      this.#keys.map((key) => this.#types[key]),
    );
  }

  #sequence({ batches, keys, isTimeless = false }: KeyedRows): Sequence {
    const workspace = this.#workspace;
    const count = batches.reduce((sum, { rowCount }) => sum + rowCount, 0);
    const hasKinds = batches.some(({ rowKinds }) => rowKinds !== undefined);
    const times = workspace.allocateZeroed(count * 8);
    const groups = workspace.allocate(count * 4);
    const kinds = hasKinds ? workspace.allocateZeroed(count) : undefined;
    let at = 0;
    for (const { columns, rowCount, rowTimes, rowKinds } of batches) {
      const found = this.#table.assign(
        keys.map((key) => columns[key]),
        rowCount,
      );
      const copy = (to: Block, from: Address, width: number) =>
        workspace.kernels.copyBytes(to.address + at * width, from, rowCount * width);
      copy(groups, found.address, 4);
      found.release();
      if (!isTimeless && rowTimes !== undefined) copy(times, rowTimes.data, 8);
      if (kinds !== undefined && rowKinds !== undefined) copy(kinds, rowKinds.data, 1);
      at += rowCount;
    }
    return { count, order: this.#timeOrder(times, count, isTimeless), times, groups, kinds };
  }

  #timeOrder(times: Block, count: number, isTimeless: boolean): Block {
    const workspace = this.#workspace;
    if (!isTimeless && count > 1) {
      const column = new Column(int64, count, { data: times.address }, [times.retain()]);
      const order = sortRows(workspace, [column], [{}], count);
      column.release();
      return order;
    }
    const order = workspace.allocate(count * 4);
    workspace.kernels.groupSequence(0, count, order.address);
    return order;
  }
}
