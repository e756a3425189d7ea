import type { AggregatePlan } from "../aggregates/aggregate-set.ts";
import { GroupedState } from "../aggregates/grouped-state.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import { type DataType, int32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { PaneGrid, PaneRange } from "./pane-grid.ts";

/** Some groups of some panes: columns of `rowCount` rows, which the receiver owns. */
export interface PaneGroups {
  readonly rowCount: number;
  readonly keys: readonly Column[];
  /** int32: pane less the first pane of the chunk. */
  readonly panes: Column;
  /** Partial states or results. */
  readonly values: readonly Column[];
}

/** Rows with their times, i64[rowCount] at `times`. */
export interface TimedRows {
  readonly times: Address;
  readonly leastMs: number;
  readonly greatestMs: number;
  readonly rowCount: number;
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
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #keyCount: number;
  readonly #state: GroupedState;
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
    this.#state = new GroupedState(workspace, this.#isSingle ? keyTypes : [...keyTypes, int32], plan);
  }

  get memoryBytes(): number {
    return this.#state.memoryBytes;
  }

  growthBytes(rowCount: number): number {
    return this.#state.growthBytes(rowCount);
  }

  /** Takes rows in, all of which lie in the chunk; `columns` are all columns of the input. */
  update(rows: TimedRows, keys: readonly Column[], columns: readonly Column[]): void {
    this.#growing(rows, (pane) => this.#state.update([...keys, ...pane], columns, rows.rowCount));
  }

  /** Takes partial states in, all of which lie in the chunk. */
  merge(rows: TimedRows, keys: readonly Column[], states: readonly Column[]): void {
    this.#growing(rows, (pane) => this.#state.merge([...keys, ...pane], states, rows.rowCount));
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

  release(): void {
    this.#state.release();
  }

  get #isSingle(): boolean {
    return this.range.end - this.range.first === 1;
  }

  /** `take` gets the pane column of the rows where panes are part of the key. */
  #growing(rows: TimedRows, take: (pane: readonly Column[]) => void): void {
    const [first, last] = [this.#grid.paneOf(rows.leastMs), this.#grid.paneOf(rows.greatestMs)];
    assert(first >= this.range.first && last < this.range.end, "rows lie in their chunk");
    const pane = this.#isSingle ? [] : [this.#paneColumn(rows)];
    try {
      take(pane);
    } finally {
      for (const column of pane) column.release();
    }
    this.firstPane = Math.min(this.firstPane, first);
    this.lastPane = Math.max(this.lastPane, last);
    this.isChanged = true;
    const latest = this.#segments.at(-1);
    // Without keys the one group of a pane is there from the start.
    const [before, after] = [latest?.to ?? 0, this.#state.groupCount];
    if (after === before) return;
    if (latest !== undefined && latest.firstPane <= first && latest.lastPane >= last) latest.to = after;
    else this.#segments.push({ from: before, to: after, firstPane: first, lastPane: last });
  }

  #paneColumn({ times, rowCount }: TimedRows): Column {
    const panes = this.#workspace.allocate(rowCount * 4);
    const { offsetMs, periodMs, cutMs } = this.#grid;
    const { windowPanes } = this.#workspace.kernels;
    windowPanes(times, rowCount, offsetMs, periodMs, cutMs, this.range.first, panes.address);
    return columnOf(this.#workspace, int32, rowCount, { data: panes });
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
    const columns = form === "states" ? this.#state.states(from, count) : this.#state.results(from, count);
    const keys = columns.slice(0, this.#keyCount);
    const panes = this.#isSingle ? this.#firstPanes(count) : columns[this.#keyCount];
    return { rowCount: count, keys, panes, values: columns.slice(this.#keyCount + (this.#isSingle ? 0 : 1)) };
  }

  #within(groups: PaneGroups, { first, end }: PaneRange): PaneGroups | undefined {
    return selectGroups(this.#workspace, groups, groups.panes.data, first - this.range.first, end - this.range.first);
  }

  #firstPanes(rowCount: number): Column {
    return columnOf(this.#workspace, int32, rowCount, { data: this.#workspace.allocateZeroed(rowCount * 4) });
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
