import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import { type DataType, int64, timestamp } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { ChangedWindows } from "./changed-windows.ts";
import type { PaneGrid } from "./pane-grid.ts";
import { PaneMerger } from "./pane-merger.ts";
import type { PaneStore } from "./pane-store.ts";

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
  readonly #merger: PaneMerger;

  constructor(parts: ResultParts) {
    this.#parts = parts;
    this.#merger = newMerger(parts);
  }

  /** Panes of windows that have fired have changed, or are gone. */
  forget(): void {
    this.#merger.forget();
  }

  release(): void {
    this.#merger.release();
  }

  /** The first window from `window` on that may have rows; infinity where there is none. */
  nextWindow(window: number): number {
    const { grid, store } = this.#parts;
    const first = Number.isFinite(window) ? grid.panesOf(window).first : window;
    const pane = store.nextPane(first);
    return Number.isFinite(pane) ? Math.max(window, grid.firstWindowOf(pane)) : Number.POSITIVE_INFINITY;
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
      merger.release();
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
  *#merged(merger: PaneMerger, from: number, before: number): Generator<Batch, void, void> {
    const { workspace, batchRows, grid, plan, store } = this.#parts;
    const limit = Number.isFinite(before) ? grid.panesOf(before - 1).end : Number.POSITIVE_INFINITY;
    let window = this.nextWindow(from);
    while (window < before) {
      const target = new AggregateSet(workspace, plan);
      const parts: { window: number; keyCount: number }[] = [];
      let rowCount = 0;
      try {
        while (window < before && (rowCount === 0 || rowCount + merger.keyCount <= batchRows)) {
          const range = grid.panesOf(window);
          if (rowCount > 0 && merger.wouldRenumber(range)) break;
          merger.moveTo(range, Math.max(range.end, Math.min(limit, store.endPane)));
          const { keyCount } = merger;
          merger.mergeInto(target, range.first, rowCount, rowCount + keyCount);
          parts.push({ window, keyCount });
          rowCount += keyCount;
          window = this.nextWindow(window + 1);
        }
        const [numbers, starts, ends] = [4, 8, 8].map((width) => workspace.allocate(rowCount * width));
        let row = 0;
        for (const { window, keyCount } of parts) {
          const { kernels } = workspace;
          kernels.groupSequence(0, keyCount, numbers.address + row * 4);
          kernels.eventTimeFill(grid.windowStartMs(window), keyCount, starts.address + row * 8);
          kernels.eventTimeFill(grid.windowEndMs(window), keyCount, ends.address + row * 8);
          row += keyCount;
        }
        try {
          for (let first = 0; first < rowCount; first += batchRows) {
            const count = Math.min(batchRows, rowCount - first);
            const batch = this.#mergedRows(merger, target, { first, count, numbers, starts, ends });
            if (batch !== undefined) yield batch;
          }
        } finally {
          for (const block of [numbers, starts, ends]) block.release();
        }
      } finally {
        target.release();
      }
    }
  }

  /** Results [first, first + count) of merged windows without the keys that a window lacks. */
  #mergedRows(
    merger: PaneMerger,
    target: AggregateSet,
    rows: { first: number; count: number; numbers: Block; starts: Block; ends: Block },
  ): Batch | undefined {
    const { workspace } = this.#parts;
    const { kernels } = workspace;
    const [counts, ...results] = target.results(rows.first, rows.count);
    const present = workspace.allocate((rows.count + 1) * 4);
    const count = kernels.windowSelectPresent(counts.data, rows.count, present.address);
    counts.release();
    const values =
      count === rows.count ? results : results.map((column) => gatherColumn(workspace, column, present.address, count));
    if (values !== results) for (const column of results) column.release();
    const pick = (from: Block, width: 4 | 8): Block => {
      const picked = workspace.allocate(count * width);
      const gather = width === 4 ? kernels.gather32 : kernels.gather64;
      gather(from.address + rows.first * width, present.address, count, picked.address);
      return picked;
    };
    const [numbers, starts, ends] = [pick(rows.numbers, 4), pick(rows.starts, 8), pick(rows.ends, 8)];
    present.release();
    const keys = merger.keyColumns(numbers, count);
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

const newMerger = ({ workspace, keyTypes, plan, isOrdered, store }: ResultParts): PaneMerger =>
  new PaneMerger(workspace, keyTypes, plan, isOrdered, (range) => store.sorted(range));
