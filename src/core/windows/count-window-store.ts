import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { CountPanes } from "./count-panes.ts";

/** Bytes of a key, a node and a block that is to be made; see kernels/count-window.ts. */
const KEY_BYTES = 16;
const NODE_BYTES = 8;
const BLOCK_BYTES = 16;
/** Windows of so few panes are put together from these alone. */
const FEW_PANES = 16;
/** Keys and nodes that nobody needs any more are cleared away once there are so many, and as many as are needed. */
const FEWEST_CLEARED = 8192;
/** Nodes that are merged at a time, about. */
const MERGED_NODES = 131_072;

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
  readonly positions: Column;
  /** u32[paneCount] */
  readonly panes: Block;
  readonly owners: Block;
}

/**
 * Aggregates over the last rows of each key. Rows are aggregated once, in the pane that they are in, and panes in
 * blocks of two, four, eight and so on; the few nodes that make up a window are merged when it is complete. Where the
 * grouping of merges would show in results there are no blocks, and all panes of a window are merged, oldest first.
 */
export class CountWindowStore {
  readonly #workspace: Workspace;
  readonly #grid: CountPanes;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  #table: GroupTable | undefined;
  #keys: GroupArray;
  #nodes: GroupArray;
  #aggregates: AggregateSet;
  #nodeCount = 0;
  /** Levels of blocks. */
  readonly #levels: number;
  #clearAt = FEWEST_CLEARED;

  constructor(workspace: Workspace, grid: CountPanes, keyTypes: readonly DataType[], plan: AggregatePlan) {
    this.#workspace = workspace;
    this.#grid = grid;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#table = this.#newTable();
    this.#keys = new GroupArray(workspace, KEY_BYTES);
    this.#nodes = new GroupArray(workspace, NODE_BYTES);
    this.#aggregates = new AggregateSet(workspace, plan);
    const { perWindow } = grid;
    this.#levels = this.#aggregates.isAssociative && perWindow > FEW_PANES ? Math.floor(Math.log2(perWindow)) : 0;
  }

  get memoryBytes(): number {
    const own = this.#keys.byteLength + this.#nodes.byteLength;
    return own + (this.#table?.memoryBytes ?? 0) + this.#aggregates.memoryBytes;
  }

  /** Takes rows in and gives the windows that are complete with them, by their last row; `columns` are those of the plan. */
  add(keys: readonly Column[], columns: readonly Column[], rowCount: number, what: string): CountFirings {
    const workspace = this.#workspace;
    const { slideRows, splitRows, skips } = this.#grid;
    this.#reserve(rowCount, what);
    const groups = this.#assign(keys, rowCount);
    const [rows, fired, firedKeys] = [0, 1, 2].map(() => workspace.allocate(rowCount * 4));
    const growth = this.#growth(rowCount);
    const count = workspace.kernels.countWindowAssign(
      groups.address,
      rowCount,
      slideRows,
      splitRows,
      skips,
      this.#levels,
      this.#keys.ensure(this.#keyCount),
      growth.nodes,
      growth.state.address,
      growth.blocks.address,
      rows.address,
      groups.address,
      fired.address,
      firedKeys.address,
    );
    const taken = workspace.u32[(growth.state.address >>> 2) + 1];
    const all = taken === rowCount;
    const values = all ? columns : columns.map((column) => gatherColumn(workspace, column, rows.address, taken));
    this.#grow(growth, (groupCount) => {
      this.#aggregates.update({ groups: groups.address, rowCount: taken, groupCount }, values);
    });
    if (!all) for (const column of values) column.release();
    groups.release();
    rows.release();
    return { count, panes: fired, keys: firedKeys };
  }

  /** Results of complete windows, at most `rowLimit` at a time, before further rows come. Takes the firings over. */
  *results(firings: CountFirings, rowLimit: number): Generator<KeyedColumns, void, void> {
    const { perWindow } = this.#grid;
    const limit = Math.max(1, Math.min(rowLimit, Math.floor(MERGED_NODES / this.#nodesPerWindow)));
    try {
      for (let from = 0; from < firings.count; from += limit) {
        const count = Math.min(limit, firings.count - from);
        const panes = firings.panes.address + from * 4;
        const values =
          perWindow === 1 ? this.#aggregates.resultsOf(panes, count, this.#nodeCount) : this.#merged(panes, count);
        yield { count, keys: this.#keysOf(firings.keys.address + from * 4, count), values };
      }
    } finally {
      firings.panes.release();
      firings.keys.release();
    }
  }

  /** The newest pane of each key that has one, as if its window were complete. */
  unfinished(): CountFirings {
    const { keys, panes, paneCount, positions, owners } = this.#living();
    for (const owned of [positions, owners]) owned.release();
    return { count: paneCount, panes, keys };
  }

  /** Clears away what no window to come needs, where it is much. */
  clear(): void {
    if (this.#nodeCount + this.#keyCount < this.#clearAt) return;
    const living = this.#living();
    const { keyCount, paneCount } = living;
    const states = this.#aggregates.gatherStates(living.panes.address, paneCount, this.#nodeCount);
    const keys = this.#keysOf(living.keys.address, keyCount);
    this.release();
    this.#table = this.#newTable();
    this.#aggregates = new AggregateSet(this.#workspace, this.#plan);
    const groups = this.#assign(keys, keyCount);
    this.#place(groups, living.positions);
    // New keys are numbered in their order: the owner of a pane is its group.
    this.#append(living.owners, states, paneCount);
    groups.release();
    for (const column of [...states, ...keys]) column.release();
    releaseLiving(living);
    this.#clearAt = Math.max(FEWEST_CLEARED, (keyCount + this.#nodeCount) * 2);
  }

  /** Keys within a period or with panes, with the rows of their period (int64), and then their panes, oldest first. */
  *states(rowLimit: number): Generator<{ readonly of: "keys" | "panes" } & KeyedColumns, void, void> {
    const workspace = this.#workspace;
    const living = this.#living();
    try {
      for (let from = 0; from < living.keyCount; from += rowLimit) {
        const count = Math.min(rowLimit, living.keyCount - from);
        const values = [sliceColumn(workspace, living.positions, from, count)];
        yield { of: "keys", count, keys: this.#keysOf(living.keys.address + from * 4, count), values };
      }
      const { owners, panes, keys, paneCount } = living;
      workspace.kernels.gather32(keys.address, owners.address, paneCount, owners.address);
      for (let from = 0; from < paneCount; from += rowLimit) {
        const count = Math.min(rowLimit, paneCount - from);
        const values = this.#aggregates.gatherStates(panes.address + from * 4, count, this.#nodeCount);
        yield { of: "panes", count, keys: this.#keysOf(owners.address + from * 4, count), values };
      }
    } finally {
      releaseLiving(living);
    }
  }

  /** Takes back what `states` gave, in its order; borrows the columns. */
  restore(of: "keys" | "panes", { count, keys, values }: KeyedColumns, what: string): void {
    this.#reserve(count, what);
    const groups = this.#assign(keys, count);
    if (of === "keys") this.#place(groups, values[0]);
    else this.#append(groups, values, count);
    groups.release();
  }

  /** Forgets all keys. */
  release(): void {
    for (const owned of [this.#table, this.#keys, this.#nodes, this.#aggregates]) owned?.release();
    this.#nodeCount = 0;
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
    const keys = this.#table.gatherKeys(own.address, count);
    own.release();
    return keys;
  }

  /** As if blocks took as much room as panes: in the long run they do. */
  #reserve(rowCount: number, what: string): void {
    const nodes = this.#levels === 0 ? rowCount : rowCount * 2;
    const aggregates = this.#aggregates.growthBytes(this.#nodeCount + nodes, nodes);
    const own = rowCount * (KEY_BYTES + 4 * 4) + nodes * (NODE_BYTES + BLOCK_BYTES);
    this.#workspace.governor.reserve(aggregates + own + (this.#table?.growthBytes(rowCount) ?? 0), what, {
      required: true,
    });
  }

  get #nodesPerWindow(): number {
    return this.#levels === 0 ? this.#grid.perWindow : 2 * this.#levels + 3;
  }

  /** Results of the windows that end with the panes u32[count] at `newest`. */
  #merged(newest: number, count: number): Column[] {
    const workspace = this.#workspace;
    const { perWindow } = this.#grid;
    const [nodes, windows] = [0, 1].map(() => workspace.allocate(count * this.#nodesPerWindow * 4));
    const found = workspace.kernels.countWindowNodes(
      newest,
      count,
      perWindow,
      this.#nodes.address,
      nodes.address,
      windows.address,
    );
    const states = this.#aggregates.gatherStates(nodes.address, found, this.#nodeCount);
    const merged = new AggregateSet(workspace, this.#plan);
    merged.merge({ groups: windows.address, rowCount: found, groupCount: count }, states);
    const results = merged.results(0, count);
    for (const owned of [nodes, windows, merged, ...states]) owned.release();
    return results;
  }

  /** Sets how many rows of their period the keys have had; int64. */
  #place(groups: Block, positions: Column): void {
    const { kernels } = this.#workspace;
    kernels.countWindowRestore(groups.address, positions.length, positions.data, this.#keys.ensure(this.#keyCount));
  }

  /** Gives each of the keys u32[count] one more pane. */
  #append(keys: Block, states: readonly Column[], count: number): void {
    const panes = this.#workspace.allocate(count * 4);
    const growth = this.#growth(count);
    this.#workspace.kernels.countWindowAppend(
      keys.address,
      count,
      this.#levels,
      this.#keys.ensure(this.#keyCount),
      growth.nodes,
      growth.state.address,
      growth.blocks.address,
      panes.address,
    );
    this.#grow(growth, (groupCount) => {
      this.#aggregates.merge({ groups: panes.address, rowCount: count, groupCount }, states);
    });
    panes.release();
  }

  /** Room for up to `paneCount` more panes and the blocks that they complete. */
  #growth(paneCount: number): Growth {
    const workspace = this.#workspace;
    const most = paneCount + Math.min(paneCount, this.#keyCount) * this.#levels;
    const nodes = this.#nodes.ensure(this.#nodeCount + (this.#levels === 0 ? 0 : most) + paneCount);
    const blocks = workspace.allocate(this.#levels === 0 ? 0 : most * BLOCK_BYTES);
    const state = workspace.allocate(12);
    workspace.u32[state.address >>> 2] = this.#nodeCount;
    return { nodes, blocks, state };
  }

  /** Fills the new panes, then makes the new blocks out of them. */
  #grow({ state, blocks }: Growth, fill: (groupCount: number) => void): void {
    const workspace = this.#workspace;
    const [nodeCount, , blockCount] = workspace.u32.subarray(state.address >>> 2, (state.address >>> 2) + 3);
    this.#nodeCount = nodeCount;
    fill(nodeCount);
    const [members, groups] = [0, 1].map(() => workspace.allocate(blockCount * 8));
    for (let level = 1, left = blockCount; left > 0; level++) {
      const rowCount = workspace.kernels.countWindowBlocks(
        blocks.address,
        blockCount,
        level,
        members.address,
        groups.address,
      );
      left -= rowCount / 2;
      if (rowCount === 0) continue;
      const states = this.#aggregates.gatherStates(members.address, rowCount, nodeCount);
      this.#aggregates.merge({ groups: groups.address, rowCount, groupCount: nodeCount }, states);
      for (const column of states) column.release();
    }
    for (const block of [members, groups, state, blocks]) block.release();
  }

  #living(): Living {
    const workspace = this.#workspace;
    const { splitRows, skips, perWindow, perPeriod } = this.#grid;
    const keyCount = this.#keyCount;
    const most = Math.min(keyCount * perWindow, this.#nodeCount);
    const [keys, panes, owners] = [keyCount, most, most].map((count) => workspace.allocate(count * 4));
    const positions = workspace.allocate(keyCount * 8);
    const state = workspace.allocate(4);
    const living = workspace.kernels.countWindowLiving(
      this.#keys.ensure(keyCount),
      keyCount,
      splitRows,
      skips,
      perWindow,
      perPeriod,
      this.#nodes.address,
      keys.address,
      positions.address,
      panes.address,
      owners.address,
      state.address,
    );
    const paneCount = workspace.u32[state.address >>> 2];
    state.release();
    const rows = columnOf(workspace, int64, living, { data: positions });
    return { keyCount: living, paneCount, keys, positions: rows, panes, owners };
  }
}

/** Room for new nodes, as `countWindowAssign` wants it. */
interface Growth {
  readonly nodes: Address;
  readonly blocks: Block;
  readonly state: Block;
}

function releaseLiving({ keys, positions, panes, owners }: Living): void {
  for (const owned of [keys, positions, panes, owners]) owned.release();
}
