import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import { encodeKeyRows } from "../columns/key-rows.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { JoinKeys } from "../joins/join-keys.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { binary, type DataType, int64, uint32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { ChainIndex, type ChainKeys } from "./chain-index.ts";
import { RowStore } from "./row-store.ts";

/** What a side of an updating join is made of. */
export interface JoinedRowsPlan {
  readonly types: readonly DataType[];
  /** Positions of the key columns. */
  readonly keys: readonly number[];
  readonly chainKeys: ChainKeys;
  /** Rows may be taken back. */
  readonly isChangelog: boolean;
  /** Whether it is known how many matches a row has. */
  readonly isTracked: boolean;
  /** Rows expire. */
  readonly isTimed: boolean;
}

/** Rows of a batch that a side took over, or gave up. */
export interface RowChange {
  readonly columns: readonly Column[];
  readonly rowCount: number;
  readonly keys: JoinKeys;
  /** u32 per row: how often it came or went; 0 = once each. */
  readonly weights: Address;
  /** u32 per row: its number in the side; 0 = firstRow and those that follow. */
  readonly rows: Address;
  /** Rows numbered from here on are new. */
  readonly firstRow: number;
  release(): void;
}

/** The changes of a batch that remain once those that undo each other are left out; the caller releases both. */
export interface NetChange {
  readonly removed: RowChange | undefined;
  readonly added: RowChange | undefined;
  /** Rows that were to be taken back and are not there. */
  readonly missedCount: number;
}

/** What comes with the rows of a batch; addresses, of which 0 means none. */
export interface ChangeMarks {
  /** int8 `RowKind`. */
  readonly kinds?: Address;
  /** int64, where rows expire. */
  readonly times?: Address;
  /** u32: how often each row is there. */
  readonly weights?: Address;
  /** u32: how many matches each row has. */
  readonly matches?: Address;
}

const LISTS = 7;

/**
 * The rows of one side of an updating join, found by key (kernels/updating-join.ts). Where rows may be taken back, equal
 * ones are kept once, with their number: a taken-back row is found by its content, however many have its key.
 * Rows that have gone keep their place until the living ones are moved to a new side.
 */
export class JoinedRows {
  readonly plan: JoinedRowsPlan;
  readonly #workspace: Workspace;
  readonly #store: RowStore;
  readonly #index: ChainIndex;
  readonly #counts: GroupArray | undefined;
  readonly #matches: GroupArray | undefined;
  readonly #times: GroupArray | undefined;
  /** By content: its living row + 1, and scratch. */
  readonly #contents: { table: GroupTable; rowOf: GroupArray; deltas: GroupArray; flags: GroupArray } | undefined;

  constructor(workspace: Workspace, plan: JoinedRowsPlan) {
    this.plan = plan;
    this.#workspace = workspace;
    this.#store = new RowStore(workspace, plan.types);
    this.#index = new ChainIndex(workspace, plan.chainKeys.form);
    if (plan.isTracked) this.#matches = new GroupArray(workspace, 4);
    if (plan.isTimed) this.#times = new GroupArray(workspace, 8);
    if (!plan.isChangelog) return;
    this.#counts = new GroupArray(workspace, 4);
    this.#contents = {
      table: new GroupTable(workspace, [binary]),
      rowOf: new GroupArray(workspace, 4),
      deltas: new GroupArray(workspace, 4),
      flags: new GroupArray(workspace, 1),
    };
  }

  /** Rows that have gone included. */
  get rowCount(): number {
    return this.#store.rowCount;
  }

  /** Whether rows can go at all. */
  get canShrink(): boolean {
    return this.#counts !== undefined || this.#times !== undefined;
  }

  get memoryBytes(): number {
    const arrays = [this.#counts, this.#matches, this.#times, this.#contents?.rowOf, this.#contents?.deltas];
    const bytes = arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0);
    return bytes + this.#store.memoryBytes + this.#index.memoryBytes + (this.#contents?.table.memoryBytes ?? 0);
  }

  // Arrays by row, see the kernels; 0 where there is none. Ask again after a change.

  get next(): Address {
    return this.#index.next;
  }

  get counts(): Address {
    return this.#counts?.address ?? 0;
  }

  get times(): Address {
    return this.#times?.address ?? 0;
  }

  get matches(): Address {
    return this.#matches?.address ?? 0;
  }

  /** Takes rows in and back. Borrows all. Rows with a time up to `boundMs` have expired. */
  change(columns: readonly Column[], rowCount: number, marks: ChangeMarks, boundMs: number): NetChange {
    if (this.#contents !== undefined) return this.#net(columns, rowCount, marks, boundMs);
    const keys = this.#keysOf(columns, rowCount);
    const firstRow = this.#append(columns, keys, marks);
    const kept = columns.map((column) => column.retain());
    const added = rowChange(kept, keys, { weights: 0, rows: 0, firstRow }, []);
    return { removed: undefined, added, missedCount: 0 };
  }

  /** Takes in rows of a snapshot. Borrows all. */
  restore(columns: readonly Column[], rowCount: number, marks: Required<Omit<ChangeMarks, "kinds">>): void {
    if (rowCount === 0) return;
    const copies = this.#counts === undefined ? this.#copiesOf(marks.weights, rowCount) : rowCount;
    if (copies !== rowCount) {
      this.#restoreCopies(columns, rowCount, marks, copies);
      return;
    }
    this.change(columns, rowCount, marks, Number.MIN_SAFE_INTEGER).added?.release();
  }

  /** Newest row of each key's chain + 1, or 0: u32 per key. The caller owns the block. */
  find(keys: JoinKeys): Block {
    return this.#index.find(keys);
  }

  /** Column `field` of the rows u32[count]; the caller owns it. */
  gather(field: number, rows: Address, count: number): Column {
    return this.#store.gather(field, rows, count);
  }

  /** Numbers of the rows that are there, from up to `limit` rows at a time; the blocks are borrowed. */
  *living(limit: number, boundMs: number): Generator<{ rows: Address; count: number }, void, void> {
    const { rowCount } = this;
    for (let from = 0; from < rowCount; from += limit) {
      const size = Math.min(limit, rowCount - from);
      const block = this.#workspace.allocate(size * 4);
      try {
        const { kernels } = this.#workspace;
        const count = kernels.updatingJoinLiving(this.counts, this.times, boundMs, from, size, block.address);
        if (count > 0) yield { rows: block.address, count };
      } finally {
        block.release();
      }
    }
  }

  /** Rows u32[count] as changes that were all new; the caller releases it. */
  asAdded(rows: Address, count: number): RowChange {
    const columns = this.#store.gatherAll(rows, count);
    const keys = this.#keysOf(columns, count);
    if (this.#counts === undefined) return rowChange(columns, keys, { weights: 0, rows, firstRow: 0 }, []);
    const weights = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.gather32(this.#counts.address, rows, count, weights.address);
    return rowChange(columns, keys, { weights: weights.address, rows, firstRow: 0 }, [weights]);
  }

  /** The rows u32[count] with how often they are there, their matches and times; the caller owns the columns. */
  snapshot(rows: Address, count: number): Column[] {
    return [
      ...this.#store.gatherAll(rows, count),
      this.#gatherWords(this.#counts, rows, count, 1),
      this.#gatherWords(this.#matches, rows, count, 0),
      this.#gatherTimes(rows, count),
    ];
  }

  /** The same rows without those that have gone. This side is released. */
  compacted(limit: number, boundMs: number): JoinedRows {
    const fresh = new JoinedRows(this.#workspace, this.plan);
    for (const { rows, count } of this.living(limit, boundMs)) {
      const all = this.snapshot(rows, count);
      const [weights, matches, times] = all.slice(-3).map(({ data }) => data);
      fresh.restore(all.slice(0, -3), count, { weights, matches, times });
      for (const column of all) column.release();
    }
    this.release();
    return fresh;
  }

  release(): void {
    const { table, rowOf, deltas, flags } = this.#contents ?? {};
    const arrays = [this.#counts, this.#matches, this.#times, table, rowOf, deltas, flags];
    for (const owned of [this.#store, this.#index, ...arrays]) owned?.release();
  }

  #copiesOf(weights: Address, rowCount: number): number {
    const { u32 } = this.#workspace;
    return u32.subarray(weights / 4, weights / 4 + rowCount).reduce((sum, weight) => sum + weight, 0);
  }

  /** Rows that a changelog had several times, in a side whose rows are no longer taken back. */
  #restoreCopies(
    columns: readonly Column[],
    rowCount: number,
    { weights, matches, times }: Required<Omit<ChangeMarks, "kinds">>,
    copies: number,
  ): void {
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const [numbers, rows, someMatches, someTimes] = [rowCount, copies, copies, copies * 2].map((words) =>
      workspace.allocate(words * 4),
    );
    const state = workspace.allocateZeroed(16);
    kernels.groupSequence(0, rowCount, numbers.address);
    kernels.updatingJoinRepeat(numbers.address, 0, rowCount, weights, 0, copies, state.address, rows.address, 0);
    kernels.gather32(matches, rows.address, copies, someMatches.address);
    kernels.gather64(times, rows.address, copies, someTimes.address);
    const repeated = columns.map((column) => gatherColumn(workspace, column, rows.address, copies));
    const marks = { matches: someMatches.address, times: someTimes.address };
    this.change(repeated, copies, marks, Number.MIN_SAFE_INTEGER).added?.release();
    for (const owned of [numbers, rows, someMatches, someTimes, state, ...repeated]) owned.release();
  }

  #keysOf(columns: readonly Column[], rowCount: number): JoinKeys {
    const { keys, chainKeys } = this.plan;
    return chainKeys.of(
      keys.map((key) => columns[key]),
      rowCount,
    );
  }

  /** Appends rows; returns the number of the first. Borrows all. */
  #append(columns: readonly Column[], keys: JoinKeys, { times = 0, matches = 0 }: ChangeMarks): number {
    const { length } = keys;
    const first = this.#store.append(columns, length);
    this.#index.insert(keys);
    const { kernels } = this.#workspace;
    const put = (array: GroupArray | undefined, values: Address): void => {
      if (array === undefined) return;
      const target = array.ensure(first + length) + first * array.stride;
      if (values !== 0) kernels.copyBytes(target, values, length * array.stride);
    };
    put(this.#times, this.#contents === undefined ? times : 0);
    put(this.#matches, matches);
    return first;
  }

  #net(columns: readonly Column[], rowCount: number, marks: ChangeMarks, boundMs: number): NetChange {
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const contents = this.#contents;
    if (contents === undefined) throw new RangeError("rows are never taken back here");
    const encoded = encodeKeyRows(workspace, columns, rowCount);
    const ids = contents.table.assign([encoded], rowCount);
    encoded.release();
    const { groupCount } = contents.table;
    const touched = workspace.allocate(rowCount * 4 + 4);
    const firstRows = workspace.allocate(rowCount * 4 + 4);
    const flags = contents.flags.ensure(groupCount);
    const touchedCount = kernels.changelogTouched(ids.address, rowCount, flags, touched.address, firstRows.address);
    const firstRow = this.rowCount;
    const lists = workspace.allocate(LISTS * rowCount * 4);
    const sizes = workspace.allocate(16);
    kernels.updatingJoinNet(
      ids.address,
      marks.kinds ?? 0,
      marks.weights ?? 0,
      marks.times ?? 0,
      rowCount,
      touched.address,
      firstRows.address,
      touchedCount,
      contents.rowOf.ensure(groupCount),
      contents.deltas.ensure(groupCount),
      this.#counts?.ensure(firstRow + touchedCount) ?? 0,
      this.#times?.ensure(firstRow + touchedCount) ?? 0,
      boundMs,
      firstRow,
      lists.address,
      sizes.address,
    );
    for (const block of [ids, touched, firstRows]) block.release();
    const [removedCount, addedCount, newCount, missedCount] = workspace.u32.subarray(sizes.address / 4);
    sizes.release();
    const list = (number: number): Address => lists.address + number * rowCount * 4;
    const changed = (number: number, count: number): RowChange | undefined => {
      if (count === 0) return undefined;
      const taken = columns.map((column) => gatherColumn(workspace, column, list(number), count));
      const at = { rows: list(number + 1), weights: list(number + 2), firstRow };
      return rowChange(taken, this.#keysOf(taken, count), at, [lists.retain()]);
    };
    const removed = changed(0, removedCount);
    const added = changed(3, addedCount);
    if (added !== undefined && newCount === addedCount) this.#appendNew(added, list(6), marks.matches);
    else if (newCount > 0) {
      const rows = columns.map((column) => gatherColumn(workspace, column, list(6), newCount));
      const fresh = rowChange(rows, this.#keysOf(rows, newCount), { rows: 0, weights: 0, firstRow }, []);
      this.#appendNew(fresh, list(6), marks.matches);
      fresh.release();
    }
    lists.release();
    return { removed, added, missedCount };
  }

  /** Appends rows that are new, from the places u32 in their batch. */
  #appendNew({ columns, keys, rowCount }: RowChange, places: Address, matches: Address | undefined): void {
    if (matches === undefined || matches === 0) {
      this.#append(columns, keys, {});
      return;
    }
    const taken = this.#workspace.allocate(rowCount * 4);
    this.#workspace.kernels.gather32(matches, places, rowCount, taken.address);
    this.#append(columns, keys, { matches: taken.address });
    taken.release();
  }

  #gatherWords(array: GroupArray | undefined, rows: Address, count: number, otherwise: number): Column {
    const { kernels } = this.#workspace;
    const data = this.#workspace.allocate(count * 4);
    if (array === undefined) kernels.sortKeyFill(data.address, count, otherwise);
    else kernels.gather32(array.address, rows, count, data.address);
    return columnOf(this.#workspace, uint32, count, { data });
  }

  #gatherTimes(rows: Address, count: number): Column {
    const data = this.#workspace.allocateZeroed(count * 8);
    if (this.#times !== undefined) {
      this.#workspace.kernels.gather64(this.#times.address, rows, count, data.address);
    }
    return columnOf(this.#workspace, int64, count, { data });
  }
}

/** Takes over the columns, the keys and what is owned. */
function rowChange(
  columns: readonly Column[],
  keys: JoinKeys,
  at: Pick<RowChange, "weights" | "rows" | "firstRow">,
  owned: readonly { release(): void }[],
): RowChange {
  return {
    columns,
    rowCount: keys.length,
    keys,
    ...at,
    release: () => {
      for (const each of [keys, ...columns, ...owned]) each.release();
    },
  };
}
