import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import { GroupArray } from "../aggregates/group-array.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import { type DataType, int64, timestamp } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { ChangedWindows } from "./changed-windows.ts";
import type { ReadPanes } from "./loaded-panes.ts";
import type { PaneGrid } from "./pane-grid.ts";
import { PaneMerger } from "./pane-merger.ts";
import type { PaneStore } from "./pane-store.ts";
import { RunningTotals } from "./running-totals.ts";
import type { WindowMerger } from "./window-merger.ts";

/** What results are made of. */
export interface ResultParts {
  readonly workspace: Workspace;
  readonly batchRows: number;
  readonly store: PaneStore;
  readonly grid: PaneGrid;
  readonly keyTypes: readonly DataType[];
  readonly plan: AggregatePlan;
  /** Results that are not in the output: the row count that tells which keys a merged window has. */
  readonly hiddenResults: number;
  /** Results depend on the order in which panes are merged. */
  readonly isOrdered: boolean;
  /** Keys, bounds of the window, results. */
  readonly schema: Schema;
}

/** Results of the windows of a grid, as batches with the window's last millisecond as their row time. */
export class WindowResults {
  readonly #parts: ResultParts;
  readonly #merger: WindowMerger;

  constructor(parts: ResultParts) {
    this.#parts = parts;
    this.#merger = newMerger(parts);
  }

  /** Panes of windows that have fired have changed, or are gone. */
  forget(): void {
    this.#merger.forget();
  }

  /** The panes before `pane` are about to be freed. */
  dropBefore(pane: number): void {
    this.#merger.dropBefore(pane);
  }

  release(): void {
    this.#merger.forget();
  }

  /** Results of the windows [from, before). */
  windows(from: number, before: number): Generator<Batch, void, void> {
    return this.#parts.grid.isTumbling ? this.#panes(from, before) : this.#merged(this.#merger, from, before);
  }

  /** New results of those windows that have fired before and that these rows have changed; takes the rows over. */
  *changed(
    rows: Batch,
    firedMs: number,
    windows: { readonly first: number; readonly end: number },
  ): Generator<Batch, void, void> {
    const { workspace, grid, plan, store, keyTypes, hiddenResults } = this.#parts;
    const late = new ChangedWindows(workspace, grid, plan, store, keyTypes);
    try {
      const { first, end } = late.take(rows, keyTypes.length, firedMs, windows);
      for (let window = first; window < end; window++) {
        const found = late.results(window);
        if (found === undefined) continue;
        const values = found.results.slice(hiddenResults);
        for (const column of found.results.slice(0, hiddenResults)) column.release();
        const [starts, ends] = [grid.windowStartMs(window), grid.windowEndMs(window)].map((timeMs) => {
          const block = workspace.allocate(found.count * 8);
          workspace.kernels.eventTimeFill(timeMs, found.count, block.address);
          return block;
        });
        yield this.#resultBatch(found.count, found.keys, starts, ends, values);
      }
    } finally {
      late.release();
      rows.release();
    }
  }

  /** Results so far of the windows from `firstOpen` on that have changed. */
  *early(firstOpen: number): Generator<Batch, void, void> {
    const { store, grid } = this.#parts;
    const changed = store.changedPanes;
    if (changed === undefined) return;
    const from = Math.max(firstOpen, grid.firstWindowOf(changed.first));
    const before = grid.lastWindowOf(changed.end - 1) + 1;
    if (grid.isTumbling) {
      yield* this.#panes(from, before);
      return;
    }
    const merger = newMerger(this.#parts);
    try {
      yield* this.#merged(merger, from, before);
    } finally {
      merger.forget();
    }
  }

  /** Tumbling windows: each pane is one. */
  *#panes(from: number, before: number): Generator<Batch, void, void> {
    const { workspace, batchRows, grid, store } = this.#parts;
    for (const piece of store.groups({ first: from, end: before }, "results", batchRows)) {
      const { rowCount, keys, panes, values } = piece.groups;
      const starts = workspace.allocate(rowCount * 8);
      const { offsetMs, periodMs, cutMs } = grid;
      const { windowPaneStarts } = workspace.kernels;
      windowPaneStarts(panes.data, rowCount, piece.firstPane, offsetMs, periodMs, cutMs, starts.address);
      panes.release();
      yield this.#resultBatch(rowCount, keys, starts, this.#shifted(starts, rowCount, periodMs), values);
    }
  }

  /** Windows of several panes, as many at a time as fill a batch. */
  *#merged(merger: WindowMerger, from: number, before: number): Generator<Batch, void, void> {
    const { workspace, batchRows, grid, plan, store } = this.#parts;
    const limit = Number.isFinite(before) ? grid.panesOf(before - 1).end : Number.POSITIVE_INFINITY;
    let window = store.nextWindow(from);
    while (window < before) {
      const target = new AggregateSet(workspace, plan);
      const numbers = new GroupArray(workspace, 4);
      const parts: { window: number; count: number }[] = [];
      let rowCount = 0;
      try {
        while (window < before && (rowCount === 0 || rowCount + merger.keyCount <= batchRows)) {
          const range = grid.panesOf(window);
          if (rowCount > 0 && merger.wouldRenumber(range)) break;
          merger.moveTo(range, Math.max(range.end, Math.min(limit, store.endPane)));
          const room = numbers.ensure(rowCount + merger.keyCount + 1);
          const count = merger.addTo(target, rowCount, room + rowCount * 4);
          parts.push({ window, count });
          rowCount += count;
          window = store.nextWindow(window + 1);
        }
        const rows = { rowCount, numbers: numbers.address, ...this.#boundsOf(parts, rowCount) };
        try {
          for (let first = 0; first < rowCount; first += batchRows) {
            const batch = this.#mergedRows(merger, target, rows, first);
            if (batch !== undefined) yield batch;
          }
        } finally {
          for (const block of [rows.starts, rows.ends]) block.release();
        }
      } finally {
        target.release();
        numbers.release();
      }
    }
  }

  /** Start and end of the window of each row. */
  #boundsOf(parts: readonly { window: number; count: number }[], rowCount: number): { starts: Block; ends: Block } {
    const { workspace, grid } = this.#parts;
    const { eventTimeFill } = workspace.kernels;
    const [starts, ends] = [workspace.allocate(rowCount * 8), workspace.allocate(rowCount * 8)];
    let row = 0;
    for (const { window, count } of parts) {
      eventTimeFill(grid.windowStartMs(window), count, starts.address + row * 8);
      eventTimeFill(grid.windowEndMs(window), count, ends.address + row * 8);
      row += count;
    }
    return { starts, ends };
  }

  /** Results of merged windows from row `first` on, as many as a batch holds, without the keys that a window lacks. */
  #mergedRows(merger: WindowMerger, target: AggregateSet, rows: MergedRows, first: number): Batch | undefined {
    const { workspace, batchRows } = this.#parts;
    const { kernels } = workspace;
    const total = Math.min(batchRows, rows.rowCount - first);
    const [counts, ...results] = target.results(first, total);
    const present = workspace.allocate((total + 1) * 4);
    const count = kernels.windowSelectPresent(counts.data, total, present.address);
    counts.release();
    if (count === rows.rowCount) {
      present.release();
      return this.#resultBatch(
        count,
        merger.keyColumns(rows.numbers, count),
        rows.starts.retain(),
        rows.ends.retain(),
        results,
      );
    }
    const values = results.map((column) => gatherColumn(workspace, column, present.address, count));
    for (const column of results) column.release();
    const pick = (from: Address, width: 4 | 8): Block => {
      const picked = workspace.allocate(count * width);
      const gather = width === 4 ? kernels.gather32 : kernels.gather64;
      gather(from + first * width, present.address, count, picked.address);
      return picked;
    };
    const [numbers, starts, ends] = [pick(rows.numbers, 4), pick(rows.starts.address, 8), pick(rows.ends.address, 8)];
    present.release();
    const keys = merger.keyColumns(numbers.address, count);
    numbers.release();
    const batch = this.#resultBatch(count, keys, starts, ends, values);
    if (count > 0) return batch;
    batch.release();
    return undefined;
  }

  #resultBatch(count: number, keys: readonly Column[], starts: Block, ends: Block, values: readonly Column[]): Batch {
    const { workspace } = this.#parts;
    const times = columnOf(workspace, int64, count, { data: this.#shifted(ends, count, -1) });
    const bounds = [starts, ends].map((data) => columnOf(workspace, timestamp("ms"), count, { data }));
    return new Batch(this.#parts.schema, count, [...keys, ...bounds, ...values], { times });
  }

  #shifted(times: Block, count: number, byMs: number): Block {
    const block = this.#parts.workspace.allocate(count * 8);
    this.#parts.workspace.kernels.windowShift(times.address, count, byMs, block.address);
    return block;
  }
}

/** Rows of windows: u32[rowCount] at `numbers` are their keys. */
interface MergedRows {
  readonly rowCount: number;
  readonly numbers: Address;
  readonly starts: Block;
  readonly ends: Block;
}

function newMerger({ workspace, keyTypes, plan, isOrdered, store }: ResultParts): WindowMerger {
  const read: ReadPanes = (range, table) => store.load(range, table);
  if (plan.isInvertible(workspace)) return new RunningTotals(workspace, keyTypes, plan, read);
  return new PaneMerger(workspace, keyTypes, plan, isOrdered, read);
}
