import type { GroupedRows } from "../aggregates/accumulator.ts";
import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import type { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { BatchTimes } from "./batch-times.ts";
import { type ChangedChunk, ChunkChanges } from "./chunk-changes.ts";
import type { PaneGrid, PaneRange } from "./pane-grid.ts";
import { PaneTable } from "./pane-table.ts";

/** Some groups of some panes: columns of `rowCount` rows, which the receiver owns. */
export interface PaneGroups {
  readonly rowCount: number;
  readonly keys: readonly Column[];
  /** int32: pane less the first pane of the chunk. */
  readonly panes: Column;
  /** Partial states or results. */
  readonly values: readonly Column[];
}

/** Groups in the order of panes; `keys`, u32[rowCount], are numbers of their keys. */
export interface LoadedGroups {
  readonly rowCount: number;
  readonly keys: Block;
  readonly states: readonly Column[];
  /** Where the groups of each pane end. */
  readonly ends: Uint32Array;
}

/** Groups [from, to) were made by rows of the panes [firstPane, lastPane]. */
interface Segment {
  readonly from: number;
  to: number;
  readonly firstPane: number;
  readonly lastPane: number;
}

/**
 * The groups of a few neighbouring panes in one table, which is dropped as a whole. With one pane its groups are the
 * keys, with several the pane is part of the key: a batch then costs one pass over its rows, however many panes it meets.
 */
export class PaneChunk {
  readonly range: PaneRange;
  /** Panes that may have rows. */
  firstPane = Number.POSITIVE_INFINITY;
  lastPane = Number.NEGATIVE_INFINITY;
  /** Whether rows have come since somebody took note. */
  isChanged = false;
  readonly #changes: ChunkChanges;
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #keyCount: number;
  readonly #table: PaneTable;
  readonly #aggregates: AggregateSet;
  readonly #segments: Segment[] = [];

  constructor(
    workspace: Workspace,
    grid: PaneGrid,
    keyTypes: readonly DataType[],
    plan: AggregatePlan,
    range: PaneRange,
  ) {
    this.range = range;
    this.#workspace = workspace;
    this.#grid = grid;
    this.#keyCount = keyTypes.length;
    this.#table = new PaneTable(workspace, grid, range, keyTypes);
    this.#aggregates = new AggregateSet(workspace, plan);
    this.#changes = new ChunkChanges(workspace);
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes + this.#aggregates.memoryBytes + this.#changes.memoryBytes;
  }

  get groupCount(): number {
    return this.#table.groupCount;
  }

  growthBytes(rowCount: number): number {
    const groupCount = this.#table.groupCount + rowCount;
    const marks = this.#changes.growthBytes(groupCount);
    return this.#table.growthBytes(rowCount) + this.#aggregates.growthBytes(groupCount, rowCount) + marks;
  }

  /** Takes rows in, all of which lie in the chunk; `columns` are all columns of the input. */
  update(rows: BatchTimes, keys: readonly Column[], columns: readonly Column[]): void {
    this.#growing(rows, keys, (grouped) => this.#aggregates.update(grouped, columns));
  }

  /** Takes partial states in, all of which lie in the chunk. */
  merge(rows: BatchTimes, keys: readonly Column[], states: readonly Column[]): void {
    this.#growing(rows, keys, ({ isWhole, ...grouped }) => this.#aggregates.merge(grouped, states));
  }

  /** The groups of the panes in `range`, in pieces of at most `rowLimit` groups. */
  *groups(range: PaneRange, form: "states" | "results", rowLimit: number): Generator<PaneGroups, void, void> {
    for (const run of this.#runsOf(range)) {
      for (let from = run.from; from < run.to; from += rowLimit) {
        const groups = this.#read(from, Math.min(rowLimit, run.to - from), form);
        const selected = run.isWhole ? groups : this.#within(groups, range);
        if (selected !== undefined) yield selected;
      }
    }
  }

  /** A snapshot is taken: the groups that have changed since the last one, and, where it `joins`, before it. */
  takeChanges(joins: boolean): ChangedChunk {
    return this.#changes.take(joins, this.#table.groupCount);
  }

  /** Whether `groupsAt` reads these groups alone. */
  get gathersStates(): boolean {
    return this.#aggregates.gathersStates;
  }

  /** Partial states of those of the groups u32[count] that are in panes of `range`. */
  groupsAt(groups: Address, count: number, range: PaneRange): PaneGroups | undefined {
    const columns = this.#table.gatherKeys(groups, count);
    const values = this.#aggregates.gatherStates(groups, count, this.#table.groupCount);
    const keys = columns.slice(0, this.#keyCount);
    return this.#within({ rowCount: count, keys, panes: columns[this.#keyCount], values }, range);
  }

  /**
   * Partial states of the panes of `range` that it has, in the order of panes, and the number in `table` of each one's key;
   * undefined where `groups` is no dearer. The caller owns blocks and columns.
   */
  load(range: PaneRange, table: GroupTable | undefined): LoadedGroups | undefined {
    if (this.#isSingle) return this.#loadAll(table);
    if (!this.#aggregates.gathersStates) return undefined;
    const rows = this.#table.rowsOf(range);
    if (rows === undefined) return undefined;
    const { count, groups, keys, ends } = rows;
    const states = this.#aggregates.gatherStates(groups.address, count, this.#table.groupCount);
    groups.release();
    const numbers = this.#table.numbersIn(table);
    this.#workspace.kernels.gather32(numbers.address, keys.address, count, keys.address);
    numbers.release();
    return { rowCount: count, keys, states, ends };
  }

  /** `load` of the one pane. */
  #loadAll(table: GroupTable | undefined): LoadedGroups {
    const { rowCount, keys, panes, values } = this.#read(0, this.#table.groupCount, "states");
    panes.release();
    const numbers = table?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
    for (const key of keys) key.release();
    return { rowCount, keys: numbers, states: values, ends: Uint32Array.of(rowCount) };
  }

  release(): void {
    this.#table.release();
    this.#aggregates.release();
    this.#changes.release();
  }

  get #isSingle(): boolean {
    return this.range.end - this.range.first === 1;
  }

  #growing(rows: BatchTimes, keys: readonly Column[], take: (grouped: GroupedRows) => void): void {
    const { times, rowCount, leastMs, greatestMs } = rows;
    const [first, last] = [this.#grid.paneOf(leastMs), this.#grid.paneOf(greatestMs)];
    assert(first >= this.range.first && last < this.range.end, "rows lie in their chunk");
    const groups = this.#table.assign(times, keys, rowCount);
    const groupCount = this.#table.groupCount;
    const isWhole = this.#keyCount === 0 && this.#isSingle;
    try {
      take({ groups: groups.address, rowCount, groupCount, isWhole });
      this.#changes.mark(groups.address, rowCount, groupCount);
    } finally {
      groups.release();
    }
    this.firstPane = Math.min(this.firstPane, first);
    this.lastPane = Math.max(this.lastPane, last);
    this.isChanged = true;
    const latest = this.#segments.at(-1);
    // Without keys the one group of a pane is there from the start.
    const [before, after] = [latest?.to ?? 0, groupCount];
    if (after === before) return;
    if (latest !== undefined && latest.firstPane <= first && latest.lastPane >= last) latest.to = after;
    else this.#segments.push({ from: before, to: after, firstPane: first, lastPane: last });
  }

  /** Neighbouring groups some of which lie in the range. */
  *#runsOf(range: PaneRange): Generator<{ from: number; to: number; isWhole: boolean }, void, void> {
    let run: { from: number; to: number; isWhole: boolean } | undefined;
    for (const { from, to, firstPane, lastPane } of this.#segments) {
      if (firstPane >= range.end || lastPane < range.first) continue;
      const isWhole = firstPane >= range.first && lastPane < range.end;
      if (run !== undefined && run.to === from && run.isWhole === isWhole) run.to = to;
      else {
        if (run !== undefined) yield run;
        run = { from, to, isWhole };
      }
    }
    if (run !== undefined) yield run;
  }

  #read(from: number, count: number, form: "states" | "results"): PaneGroups {
    const set = this.#aggregates;
    const values = form === "states" ? set.stateColumns(from, count) : set.results(from, count);
    const columns = this.#table.keyColumns(from, count);
    return { rowCount: count, keys: columns.slice(0, this.#keyCount), panes: columns[this.#keyCount], values };
  }

  #within(groups: PaneGroups, { first, end }: PaneRange): PaneGroups | undefined {
    return selectGroups(this.#workspace, groups, groups.panes.data, first - this.range.first, end - this.range.first);
  }
}

/** The groups whose numbers are u32[count] at `rows`; the caller owns them and keeps the given. */
export function gatherGroups(workspace: Workspace, groups: PaneGroups, rows: Address, count: number): PaneGroups {
  const gather = (column: Column) => gatherColumn(workspace, column, rows, count);
  return {
    rowCount: count,
    keys: groups.keys.map(gather),
    panes: gather(groups.panes),
    values: groups.values.map(gather),
  };
}

/** Those groups whose i32 at `numbers` is in [first, end); takes the given over. Undefined where there are none. */
export function selectGroups(
  workspace: Workspace,
  groups: PaneGroups,
  numbers: Address,
  first: number,
  end: number,
): PaneGroups | undefined {
  const { rowCount } = groups;
  const rows = workspace.allocate((rowCount + 1) * 4);
  const [from, to] = [Math.max(0, first), Math.min(end, 0x7fffffff)];
  const count = workspace.kernels.windowSelectPanes(numbers, rowCount, from, to, rows.address);
  try {
    if (count === rowCount) return groups;
    const selected = count === 0 ? undefined : gatherGroups(workspace, groups, rows.address, count);
    releaseGroups(groups);
    return selected;
  } finally {
    rows.release();
  }
}

export function releaseGroups(groups: PaneGroups): void {
  for (const column of [...groups.keys, groups.panes, ...groups.values]) column.release();
}
