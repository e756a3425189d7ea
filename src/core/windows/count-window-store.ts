import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { CountPanes } from "./count-panes.ts";

/** Bytes of a key; see kernels/count-window.ts. */
const KEY_BYTES = 16;
/** Keys and panes that nobody needs any more are cleared away once there are so many, and as many as are needed. */
const FEWEST_CLEARED = 8192;
/** Panes that are merged at a time, about. */
const MERGED_PANES = 65_536;

/** Windows that give their result: the newest pane and the key of each, u32[count]. */
export interface CountFirings {
  readonly count: number;
  readonly panes: Block;
  readonly keys: Block;
}

/** Results or states by key; the caller owns the columns. */
export interface KeyedColumns {
  readonly count: number;
  readonly keys: Column[];
  readonly values: Column[];
}

/** What windows to come need, as blocks of `countWindowLiving`. */
interface Living {
  readonly keyCount: number;
  readonly paneCount: number;
  /** u32[keyCount] */
  readonly keys: Block;
  readonly records: Block;
  /** u32[paneCount] */
  readonly panes: Block;
  readonly previous: Block;
}

/**
 * Aggregates over the last rows of each key. Rows are aggregated once, in the pane that they are in; the panes of a
 * window are merged when it is complete.
 */
export class CountWindowStore {
  readonly #workspace: Workspace;
  readonly #grid: CountPanes;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  #table: GroupTable | undefined;
  #keys: GroupArray;
  #previous: GroupArray;
  #aggregates: AggregateSet;
  #paneCount = 0;
  #clearAt = FEWEST_CLEARED;

  constructor(workspace: Workspace, grid: CountPanes, keyTypes: readonly DataType[], plan: AggregatePlan) {
    this.#workspace = workspace;
    this.#grid = grid;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#table = this.#newTable();
    this.#keys = new GroupArray(workspace, KEY_BYTES);
    this.#previous = new GroupArray(workspace, 4);
    this.#aggregates = new AggregateSet(workspace, plan);
  }

  get memoryBytes(): number {
    const own = this.#keys.byteLength + this.#previous.byteLength;
    return own + (this.#table?.memoryBytes ?? 0) + this.#aggregates.memoryBytes;
  }

  /** Takes rows in and gives the windows that are complete with them, by their last row; `columns` are those of the plan. */
  add(keys: readonly Column[], columns: readonly Column[], rowCount: number, what: string): CountFirings {
    const workspace = this.#workspace;
    const { slideRows, splitRows, skips } = this.#grid;
    this.#reserve(rowCount, what);
    const groups = this.#assign(keys, rowCount);
    const [rows, fired, firedKeys] = [0, 1, 2].map(() => workspace.allocate(rowCount * 4));
    const state = workspace.allocate(8);
    workspace.u32[state.address >>> 2] = this.#paneCount;
    const count = workspace.kernels.countWindowAssign(
      groups.address,
      rowCount,
      slideRows,
      splitRows,
      skips,
      this.#keys.ensure(this.#keyCount),
      this.#previous.ensure(this.#paneCount + rowCount),
      state.address,
      rows.address,
      groups.address,
      fired.address,
      firedKeys.address,
    );
    const [paneCount, taken] = workspace.u32.subarray(state.address >>> 2, (state.address >>> 2) + 2);
    this.#paneCount = paneCount;
    const all = taken === rowCount;
    const values = all ? columns : columns.map((column) => gatherColumn(workspace, column, rows.address, taken));
    this.#aggregates.update({ groups: groups.address, rowCount: taken, groupCount: paneCount }, values);
    if (!all) for (const column of values) column.release();
    for (const block of [groups, rows, state]) block.release();
    return { count, panes: fired, keys: firedKeys };
  }

  /** Results of complete windows, at most `rowLimit` at a time, before further rows come. Takes the firings over. */
  *results(firings: CountFirings, rowLimit: number): Generator<KeyedColumns, void, void> {
    const { perWindow } = this.#grid;
    const limit = Math.max(1, Math.min(rowLimit, Math.floor(MERGED_PANES / perWindow)));
    try {
      for (let from = 0; from < firings.count; from += limit) {
        const count = Math.min(limit, firings.count - from);
        const panes = firings.panes.address + from * 4;
        const values =
          perWindow === 1 ? this.#aggregates.resultsOf(panes, count, this.#paneCount) : this.#merged(panes, count);
        yield { count, keys: this.#keysOf(firings.keys.address + from * 4, count), values };
      }
    } finally {
      firings.panes.release();
      firings.keys.release();
    }
  }

  /** The newest pane of each key that has one, as if its window were complete. */
  unfinished(): CountFirings {
    const { keys, panes, paneCount, ...others } = this.#living();
    for (const block of [others.records, others.previous]) block.release();
    return { count: paneCount, panes, keys };
  }

  /** Clears away what no window to come needs, where it is much. */
  clear(): void {
    if (this.#paneCount + this.#keyCount < this.#clearAt) return;
    const living = this.#living();
    const { keyCount, paneCount } = living;
    const { copyBytes } = this.#workspace.kernels;
    const states = this.#aggregates.gatherStates(living.panes.address, paneCount, this.#paneCount);
    const keys = this.#keysOf(living.keys.address, keyCount);
    this.release();
    this.#table = this.#newTable();
    this.#assign(keys, keyCount).release();
    copyBytes(this.#keys.ensure(keyCount), living.records.address, keyCount * KEY_BYTES);
    copyBytes(this.#previous.ensure(paneCount), living.previous.address, paneCount * 4);
    this.#aggregates = new AggregateSet(this.#workspace, this.#plan);
    this.#mergeNew(states, paneCount);
    for (const column of [...states, ...keys]) column.release();
    releaseLiving(living);
    this.#clearAt = Math.max(FEWEST_CLEARED, (keyCount + paneCount) * 2);
  }

  /** Keys within a period or with panes, with the rows of their period (int64), and then their panes, oldest first. */
  *states(rowLimit: number): Generator<{ readonly of: "keys" | "panes" } & KeyedColumns, void, void> {
    const workspace = this.#workspace;
    const living = this.#living();
    try {
      for (let from = 0; from < living.keyCount; from += rowLimit) {
        const count = Math.min(rowLimit, living.keyCount - from);
        const data = workspace.allocate(count * 8);
        workspace.kernels.countWindowPositions(living.records.address + from * KEY_BYTES, count, data.address);
        const values = [columnOf(workspace, int64, count, { data })];
        yield { of: "keys", count, keys: this.#keysOf(living.keys.address + from * 4, count), values };
      }
      const owners = workspace.allocate(living.paneCount * 4);
      const { records, keys, keyCount, paneCount } = living;
      workspace.kernels.countWindowOwners(records.address, keys.address, keyCount, owners.address);
      try {
        for (let from = 0; from < paneCount; from += rowLimit) {
          const count = Math.min(rowLimit, paneCount - from);
          const values = this.#aggregates.gatherStates(living.panes.address + from * 4, count, this.#paneCount);
          yield { of: "panes", count, keys: this.#keysOf(owners.address + from * 4, count), values };
        }
      } finally {
        owners.release();
      }
    } finally {
      releaseLiving(living);
    }
  }

  /** Takes back what `states` gave, in its order; borrows the columns. */
  restore(of: "keys" | "panes", { count, keys, values }: KeyedColumns, what: string): void {
    this.#reserve(count, what);
    const groups = this.#assign(keys, count);
    const records = this.#keys.ensure(this.#keyCount);
    const { kernels } = this.#workspace;
    if (of === "keys") kernels.countWindowRestore(groups.address, count, values[0].data, records);
    else {
      const previous = this.#previous.ensure(this.#paneCount + count);
      kernels.countWindowAppend(groups.address, count, records, previous, this.#paneCount);
      this.#mergeNew(values, count);
    }
    groups.release();
  }

  /** Forgets all keys. */
  release(): void {
    for (const owned of [this.#table, this.#keys, this.#previous, this.#aggregates]) owned?.release();
    this.#paneCount = 0;
  }

  get #keyCount(): number {
    return this.#table?.groupCount ?? 1;
  }

  #newTable(): GroupTable | undefined {
    return this.#keyTypes.length === 0 ? undefined : new GroupTable(this.#workspace, this.#keyTypes);
  }

  #assign(keys: readonly Column[], rowCount: number): Block {
    return this.#table?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
  }

  /** The keys u32[count] at `numbers`. */
  #keysOf(numbers: number, count: number): Column[] {
    if (this.#table === undefined) return [];
    const own = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.copyBytes(own.address, numbers, count * 4);
    const keys = this.#table.gatherKeys(own, count);
    own.release();
    return keys;
  }

  #reserve(rowCount: number, what: string): void {
    const aggregates = this.#aggregates.growthBytes(this.#paneCount + rowCount, rowCount);
    const bytes = aggregates + (this.#table?.growthBytes(rowCount) ?? 0) + rowCount * (KEY_BYTES + 5 * 4);
    this.#workspace.governor.reserve(bytes, what, { required: true });
  }

  /** Results of the windows that end with the panes u32[count] at `newest`. */
  #merged(newest: number, count: number): Column[] {
    const workspace = this.#workspace;
    const { perWindow } = this.#grid;
    const [panes, windows] = [0, 1].map(() => workspace.allocate(count * perWindow * 4));
    const found = workspace.kernels.countWindowPanes(
      newest,
      count,
      perWindow,
      this.#previous.address,
      panes.address,
      windows.address,
    );
    const states = this.#aggregates.gatherStates(panes.address, found, this.#paneCount);
    const merged = new AggregateSet(workspace, this.#plan);
    merged.merge({ groups: windows.address, rowCount: found, groupCount: count }, states);
    const results = merged.results(0, count);
    for (const owned of [panes, windows, merged, ...states]) owned.release();
    return results;
  }

  /** Adds panes behind those that are here. */
  #mergeNew(states: readonly Column[], count: number): void {
    const groups = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.groupSequence(this.#paneCount, count, groups.address);
    this.#paneCount += count;
    this.#aggregates.merge({ groups: groups.address, rowCount: count, groupCount: this.#paneCount }, states);
    groups.release();
  }

  #living(): Living {
    const workspace = this.#workspace;
    const { splitRows, skips, perWindow, perPeriod } = this.#grid;
    const keyCount = this.#keyCount;
    const most = Math.min(keyCount * perWindow, this.#paneCount);
    const [keys, panes, previous] = [keyCount, most, most].map((count) => workspace.allocate(count * 4));
    const records = workspace.allocate(keyCount * KEY_BYTES);
    const state = workspace.allocate(4);
    const living = workspace.kernels.countWindowLiving(
      this.#keys.ensure(keyCount),
      keyCount,
      splitRows,
      skips,
      perWindow,
      perPeriod,
      this.#previous.address,
      keys.address,
      records.address,
      panes.address,
      previous.address,
      state.address,
    );
    const paneCount = workspace.u32[state.address >>> 2];
    state.release();
    return { keyCount: living, paneCount, keys, records, panes, previous };
  }
}

function releaseLiving({ keys, records, panes, previous }: Living): void {
  for (const block of [keys, records, panes, previous]) block.release();
}
