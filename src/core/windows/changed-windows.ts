import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import { assert } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { selectGroups } from "./pane-chunk.ts";
import type { PaneGrid } from "./pane-grid.ts";
import type { PaneStore, SortedPanes } from "./pane-store.ts";
import { splitByTime } from "./row-times.ts";

/** Windows [first, end). */
export interface WindowRange {
  readonly first: number;
  readonly end: number;
}

/** Results of some keys of one window; the receiver owns the columns. */
export interface ChangedResults {
  readonly count: number;
  readonly keys: readonly Column[];
  readonly results: readonly Column[];
}

/** The windows that late rows have changed after they had fired, and the results of the keys concerned. */
export class ChangedWindows {
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #plan: AggregatePlan;
  readonly #store: PaneStore;
  readonly #keys: GroupTable | undefined;
  /** Keys that have late rows. */
  #keyCount = 1;
  /** The late rows: pane less `#firstPane`, and key. */
  #changes: { readonly panes: Block; readonly keys: Block; readonly count: number } | undefined;
  #firstPane = 0;
  /** States of these keys in all panes of the windows, and the key of each row. */
  #states: { readonly panes: SortedPanes; readonly keys: Block; readonly firstPane: number } | undefined;

  constructor(
    workspace: Workspace,
    grid: PaneGrid,
    plan: AggregatePlan,
    store: PaneStore,
    keyTypes: readonly DataType[],
  ) {
    this.#workspace = workspace;
    this.#grid = grid;
    this.#plan = plan;
    this.#store = store;
    this.#keys = keyTypes.length === 0 ? undefined : new GroupTable(workspace, keyTypes);
  }

  /**
   * Takes note of the rows before `firedMs`, keys first among their columns, which the store has already.
   * Returns those of `windows` that may have changed.
   */
  take(rows: Batch, keyCount: number, firedMs: number, windows: WindowRange): WindowRange {
    const [late, others] = splitByTime(this.#workspace, rows.retain(), firedMs);
    others?.release();
    assert(late?.rowTimes !== undefined, "there are late rows");
    const { kernels } = this.#workspace;
    const { rowCount } = late;
    const times = late.rowTimes.data;
    this.#firstPane = this.#grid.paneOf(kernels.eventTimeMin(times, rowCount));
    const lastPane = this.#grid.paneOf(kernels.eventTimeMax(times, rowCount));
    const panes = this.#workspace.allocate(rowCount * 4);
    const { offsetMs, periodMs, cutMs } = this.#grid;
    kernels.windowPanes(times, rowCount, offsetMs, periodMs, cutMs, this.#firstPane, panes.address);
    const keys = this.#numbersOf(late.columns.slice(0, keyCount), rowCount);
    this.#changes = { panes, keys, count: rowCount };
    this.#keyCount = this.#keys?.groupCount ?? 1;
    late.release();
    const first = Math.max(windows.first, this.#grid.firstWindowOf(this.#firstPane));
    const end = Math.min(windows.end, this.#grid.lastWindowOf(lastPane) + 1);
    if (first < end) this.#readStates(first, end);
    return { first, end };
  }

  /** New results of the keys that late rows have changed in this window. */
  results(window: number): ChangedResults | undefined {
    if (this.#states === undefined || this.#changes === undefined) return undefined;
    const { kernels } = this.#workspace;
    const range = this.#grid.panesOf(window);
    const { panes: changed, keys, count: changeCount } = this.#changes;
    const flags = this.#workspace.allocateZeroed(this.#keyCount * 4);
    const [first, end] = [Math.max(0, range.first - this.#firstPane), range.end - this.#firstPane];
    kernels.windowTouched(changed.address, keys.address, changeCount, first, Math.max(first, end), flags.address);
    const rows = this.#workspace.allocate((this.#keyCount + 1) * 4);
    const count = kernels.windowSelectPanes(flags.address, this.#keyCount, 1, 2, rows.address);
    flags.release();
    const found = count === 0 ? undefined : this.#resultsOf(this.#states, range, rows, count);
    rows.release();
    return found;
  }

  release(): void {
    this.#changes?.panes.release();
    this.#changes?.keys.release();
    this.#states?.keys.release();
    for (const column of this.#states?.panes.states ?? []) column.release();
    this.#keys?.release();
  }

  #readStates(first: number, end: number): void {
    const firstPane = this.#grid.panesOf(first).first;
    const panes = this.#store.sorted({ first: firstPane, end: this.#grid.panesOf(end - 1).end }, (groups) => {
      if (this.#keys === undefined) return groups;
      const numbers = this.#numbersOf(groups.keys, groups.rowCount);
      const selected = selectGroups(this.#workspace, groups, numbers.address, 0, this.#keyCount);
      numbers.release();
      return selected;
    });
    if (panes === undefined) return;
    this.#states = { panes, keys: this.#numbersOf(panes.keys, panes.rowCount), firstPane };
    for (const column of panes.keys) column.release();
  }

  #resultsOf(
    { panes, keys, firstPane }: { readonly panes: SortedPanes; readonly keys: Block; readonly firstPane: number },
    range: WindowRange,
    rows: Block,
    count: number,
  ): ChangedResults {
    const workspace = this.#workspace;
    const at = range.first - firstPane;
    const from = at === 0 ? 0 : panes.ends[at - 1];
    const rowCount = panes.ends[range.end - firstPane - 1] - from;
    const set = new AggregateSet(workspace, this.#plan);
    const states = panes.states.map((column) => sliceColumn(workspace, column, from, rowCount));
    set.merge({ groups: keys.address + from * 4, rowCount, groupCount: this.#keyCount }, states);
    const all = set.results(0, this.#keyCount);
    const results = all.map((column) => gatherColumn(workspace, column, rows.address, count));
    for (const column of [...states, ...all]) column.release();
    set.release();
    return { count, keys: this.#keys?.gatherKeys(rows.address, count) ?? [], results };
  }

  #numbersOf(keys: readonly Column[], rowCount: number): Block {
    return this.#keys?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
  }
}
