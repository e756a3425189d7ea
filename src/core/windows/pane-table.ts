import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, int32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { PaneGrid, PaneRange } from "./pane-grid.ts";

/** A table of so many slots (1 MiB) is always worth its memory; beyond that, while so many per group are. */
const SLOTS = 2 ** 18;
const SLOTS_PER_GROUP = 8;
const SMALLEST_SHIFT = 4;

/** Groups of some panes, in the order of panes: u32 of their number, key and, per pane, where they end. */
export interface PaneRows {
  readonly count: number;
  readonly groups: Block;
  readonly keys: Block;
  readonly ends: Uint32Array;
}

/** One slot per pane and key. */
interface Slots {
  readonly block: Block;
  readonly shift: number;
}

/**
 * Maps the keys and panes of rows to dense groups 0, 1, 2, ... in the order of first occurrence. Keys are numbered by
 * themselves. While keys and panes are few enough for a slot each, a group then costs one load, and the groups of a pane
 * are found without looking at others; else the pane becomes a column of the key.
 */
export class PaneTable {
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #range: PaneRange;
  readonly #keyTypes: readonly DataType[];
  /** Numbers keys; absent where there is but one, or where `#hashed` is there. */
  #keys: GroupTable | undefined;
  #slots: Slots | undefined;
  /** { u32 key, u32 pane } of each group; where there are slots. */
  readonly #owners: GroupArray;
  #ownerCount = 0;
  /** Groups by key and pane. */
  #hashed: GroupTable | undefined;

  constructor(workspace: Workspace, grid: PaneGrid, range: PaneRange, keyTypes: readonly DataType[]) {
    this.#workspace = workspace;
    this.#grid = grid;
    this.#range = range;
    this.#keyTypes = keyTypes;
    this.#keys = keyTypes.length === 0 ? undefined : new GroupTable(workspace, keyTypes);
    this.#owners = new GroupArray(workspace, 8);
  }

  /** With one pane the groups are the keys. Without keys its one group is there from the start. */
  get #isSingle(): boolean {
    return this.#paneCount === 1;
  }

  get #paneCount(): number {
    return this.#range.end - this.#range.first;
  }

  get #keyCount(): number {
    return this.#keyTypes.length === 0 ? 1 : (this.#keys?.groupCount ?? 0);
  }

  get groupCount(): number {
    if (this.#isSingle) return this.#keyCount;
    return this.#hashed?.groupCount ?? this.#ownerCount;
  }

  get memoryBytes(): number {
    const tables = (this.#keys?.memoryBytes ?? 0) + (this.#hashed?.memoryBytes ?? 0);
    return tables + this.#owners.byteLength + (this.#slots?.block.byteLength ?? 0);
  }

  /** Bytes that it may take on top for `rowCount` more rows. */
  growthBytes(rowCount: number): number {
    if (this.#hashed !== undefined) return this.#hashed.growthBytes(rowCount);
    const keys = this.#keys?.growthBytes(rowCount) ?? 0;
    if (this.#isSingle) return keys;
    const slots = Math.min(SLOTS, this.#paneCount * 2 * (this.#keyCount + rowCount));
    return keys + this.#owners.growthBytes(this.#ownerCount + rowCount) + slots * 4;
  }

  /** u32[rowCount]: the group of each row, whose time i64 at `times` lies in the range. The caller owns the block. */
  assign(times: Address, keys: readonly Column[], rowCount: number): Block {
    if (this.#hashed === undefined) {
      const numbers = this.#keys?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
      if (this.#isSingle) return numbers;
      const slots = this.#slotsForKeys();
      if (slots !== undefined) return this.#assignSlots(slots, times, numbers, rowCount);
      numbers.release();
      this.#hashed = this.#hash();
    }
    const panes = this.#paneColumn(times, rowCount);
    const groups = this.#hashed.assign([...keys, panes], rowCount);
    panes.release();
    return groups;
  }

  /** Keys of groups [from, from + count), then their panes, int32 from the first of the range; the caller owns the columns. */
  keyColumns(from: number, count: number): Column[] {
    if (this.#hashed !== undefined) return this.#hashed.keyColumns(from, count);
    if (this.#isSingle) {
      const panes = this.#workspace.allocateZeroed(count * 4);
      const keys = this.#keys?.keyColumns(from, count) ?? [];
      return [...keys, columnOf(this.#workspace, int32, count, { data: panes })];
    }
    return this.#ownerColumns(this.#owners.address + from * 8, count);
  }

  /** Of { u32 key, u32 pane }[count]. */
  #ownerColumns(owners: Address, count: number): Column[] {
    const [numbers, panes] = [this.#workspace.allocate(count * 4), this.#workspace.allocate(count * 4)];
    this.#workspace.kernels.windowPaneOwners(owners, count, numbers.address, panes.address);
    const keys = this.#keys?.gatherKeys(numbers.address, count) ?? [];
    numbers.release();
    return [...keys, columnOf(this.#workspace, int32, count, { data: panes })];
  }

  /** Keys and panes, as of `keyColumns`, of the groups u32[count]; the caller owns the columns. */
  gatherKeys(groups: Address, count: number): Column[] {
    if (this.#hashed !== undefined) return this.#hashed.gatherKeys(groups, count);
    if (this.#isSingle) {
      const panes = this.#workspace.allocateZeroed(count * 4);
      const keys = this.#keys?.gatherKeys(groups, count) ?? [];
      return [...keys, columnOf(this.#workspace, int32, count, { data: panes })];
    }
    const owners = this.#workspace.allocate(count * 8);
    this.#workspace.kernels.gather64(this.#owners.address, groups, count, owners.address);
    const columns = this.#ownerColumns(owners.address, count);
    owners.release();
    return columns;
  }

  /** The groups of the panes of `range` that it has; undefined where it has no slots to find them by. The caller owns the blocks. */
  rowsOf(range: PaneRange): PaneRows | undefined {
    if (this.#slots === undefined) return undefined;
    const { kernels, u32 } = this.#workspace;
    const first = Math.max(0, range.first - this.#range.first);
    const end = Math.min(this.#paneCount, range.end - this.#range.first);
    const most = Math.min(this.#ownerCount, (end - first) * this.#keyCount) + 1;
    const [keys, groups] = [this.#workspace.allocate(most * 4), this.#workspace.allocate(most * 4)];
    const ends = this.#workspace.allocate((end - first) * 4);
    const { block, shift } = this.#slots;
    const keyCount = this.#keyCount;
    const count = kernels.windowPaneRows(
      block.address,
      shift,
      keyCount,
      first,
      end,
      keys.address,
      groups.address,
      ends.address,
    );
    const at = ends.address >>> 2;
    const endsCopy = u32.slice(at, at + end - first);
    ends.release();
    return { count, groups, keys, ends: endsCopy };
  }

  /** What `table` numbers the keys that `rowsOf` gives numbers of: u32 for each; the caller owns the block. */
  numbersIn(table: GroupTable | undefined): Block {
    const count = this.#keyCount;
    if (table === undefined || this.#keys === undefined) return this.#workspace.allocateZeroed(count * 4);
    const keys = this.#keys.keyColumns(0, count);
    const numbers = table.assign(keys, count);
    for (const key of keys) key.release();
    return numbers;
  }

  release(): void {
    this.#keys?.release();
    this.#hashed?.release();
    this.#owners.release();
    this.#slots?.block.release();
    this.#slots = undefined;
  }

  /** Slots for all keys that there are; undefined where these would take too much. */
  #slotsForKeys(): Slots | undefined {
    const keyCount = this.#keyCount;
    if (this.#slots !== undefined && keyCount <= 2 ** this.#slots.shift) return this.#slots;
    const shift = this.#keyTypes.length === 0 ? 0 : Math.max(SMALLEST_SHIFT, Math.ceil(Math.log2(keyCount)));
    const size = this.#paneCount * 2 ** shift;
    if (size > Math.max(SLOTS, SLOTS_PER_GROUP * this.#ownerCount)) return undefined;
    const block = this.#workspace.allocateZeroed(size * 4);
    this.#workspace.kernels.windowPaneEnter(this.#owners.address, this.#ownerCount, shift, block.address);
    this.#slots?.block.release();
    this.#slots = { block, shift };
    return this.#slots;
  }

  /** Writes the groups of rows over the numbers of their keys. */
  #assignSlots({ block, shift }: Slots, times: Address, numbers: Block, rowCount: number): Block {
    const { kernels } = this.#workspace;
    const { offsetMs, periodMs, cutMs } = this.#grid;
    const fresh = this.#workspace.allocate(rowCount * 8);
    const count = kernels.windowPaneGroups(
      times,
      numbers.address,
      rowCount,
      offsetMs,
      periodMs,
      cutMs,
      this.#range.first,
      block.address,
      shift,
      this.#ownerCount,
      fresh.address,
      numbers.address,
    );
    const owners = this.#owners.ensure(count);
    kernels.copyBytes(owners + this.#ownerCount * 8, fresh.address, (count - this.#ownerCount) * 8);
    this.#ownerCount = count;
    fresh.release();
    return numbers;
  }

  /** The groups so far, under their numbers: keys and panes are distinct, so a new table numbers them in this order. */
  #hash(): GroupTable {
    const hashed = new GroupTable(this.#workspace, [...this.#keyTypes, int32]);
    if (this.#ownerCount > 0) {
      const columns = this.keyColumns(0, this.#ownerCount);
      hashed.assign(columns, this.#ownerCount).release();
      for (const column of columns) column.release();
    }
    this.#keys?.release();
    this.#keys = undefined;
    this.#owners.release();
    this.#ownerCount = 0;
    this.#slots?.block.release();
    this.#slots = undefined;
    return hashed;
  }

  #paneColumn(times: Address, rowCount: number): Column {
    const panes = this.#workspace.allocate(rowCount * 4);
    const { offsetMs, periodMs, cutMs } = this.#grid;
    const { windowPanes } = this.#workspace.kernels;
    windowPanes(times, rowCount, offsetMs, periodMs, cutMs, this.#range.first, panes.address);
    return columnOf(this.#workspace, int32, rowCount, { data: panes });
  }
}
