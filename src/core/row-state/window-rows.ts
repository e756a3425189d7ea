import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { concatBatches } from "../columns/concat.ts";
import { partitionBatch } from "../columns/partition.ts";
import { batchBytes } from "../columns/size.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { int64 } from "../types.ts";
import { PaneGrid } from "../windows/pane-grid.ts";
import type { AlignedWindowSpec } from "../windows/window-spec.ts";
import type { Workspace } from "../workspace.ts";

/** Batches below this size are put together. */
const SMALL_ROWS = 4096;

interface Pane {
  /** As `paneNumbers` counts: two for each period, whether or not it is cut. */
  readonly number: number;
  readonly left: Batch[];
  readonly right: Batch[];
}

/** A window that closes. The batches are the caller's. */
export interface ClosedWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly left: readonly Batch[];
  readonly right: readonly Batch[];
}

/**
 * Rows of two inputs by window. They are kept once, however many windows overlap: by panes, which are the pieces of time
 * between the bounds of windows. A pane goes when the last window closes that it is part of.
 */
export class WindowRows {
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #latenessMs: number;
  readonly #table: GroupTable;
  readonly #panes = new Map<number, Pane>();
  /** Windows before this one are closed. */
  #firstOpen = Number.NEGATIVE_INFINITY;

  constructor(workspace: Workspace, window: AlignedWindowSpec, latenessMs: number) {
    this.#workspace = workspace;
    this.#grid = new PaneGrid(window);
    this.#latenessMs = latenessMs;
    this.#table = new GroupTable(workspace, [int64]);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const { left, right } of this.#panes.values()) {
      for (const batch of [...left, ...right]) bytes += batchBytes(this.#workspace, batch);
    }
    return bytes;
  }

  /** Rows up to this time belong to closed windows only. */
  lateBoundMs(watermarkMs: number): number {
    const first = this.#firstOpenAt(watermarkMs);
    if (!Number.isFinite(first)) return first > 0 ? END_OF_TIME_MS : START_OF_TIME_MS;
    // Rows in the gap behind the last closed window are in no window at all.
    const boundMs = Math.min(this.#grid.windowStartMs(first), this.#grid.windowEndMs(first - 1));
    return Math.max(START_OF_TIME_MS, boundMs - 1);
  }

  /** Takes over the batch, without marks; `times` (borrowed) are its rows' times. */
  add(side: JoinSide, batch: Batch, times: Column): void {
    const { rowCount } = batch;
    const { kernels } = this.#workspace;
    if (rowCount === 0) {
      batch.release();
      return;
    }
    const earliest = this.#paneOf(kernels.eventTimeMin(times.data, rowCount));
    if (earliest === this.#paneOf(kernels.eventTimeMax(times.data, rowCount))) {
      this.#put(side, earliest, batch);
      return;
    }
    const panes = this.#workspace.allocate(rowCount * 8);
    const { offsetMs, periodMs, cutMs } = this.#grid;
    kernels.paneNumbers(times.data, rowCount, offsetMs, periodMs, cutMs, panes.address);
    const numbers = columnOf(this.#workspace, int64, rowCount, { data: panes });
    this.addByPane(side, batch, numbers);
    numbers.release();
  }

  /** Like `add`, with the pane of each row (int64, borrowed), numbered as above. */
  addByPane(side: JoinSide, batch: Batch, panes: Column): void {
    const groups = this.#table.assign([panes], batch.rowCount);
    const { groupCount } = this.#table;
    const [keys] = this.#table.keyColumns(0, groupCount);
    const numbers = Array.from({ length: groupCount }, (_, i) => Number(this.#workspace.i64[keys.data / 8 + i]));
    const parts = partitionBatch(this.#workspace, batch, groups.address, groupCount);
    for (const [i, part] of parts.entries()) if (part !== undefined) this.#put(side, numbers[i], part);
    for (const owned of [keys, groups, batch]) owned.release();
    this.#table.reset();
  }

  /** Windows that a watermark closes, in the order of time, and that have rows on any side. */
  *close(watermarkMs: number): Generator<ClosedWindow, void, void> {
    const end = this.#firstOpenAt(watermarkMs);
    while (this.#panes.size > 0) {
      let first = Number.POSITIVE_INFINITY;
      for (const number of this.#panes.keys()) first = Math.min(first, number);
      // The first window that holds the pane, or ends behind it, and is not closed yet.
      const window = Math.max(this.#firstOpen, this.#grid.firstWindowOf(this.#gridPane(first)));
      if (window >= end) break;
      const panes = this.#panesOf(window);
      this.#firstOpen = window + 1;
      if (panes.length > 0) {
        const retain = (side: JoinSide) => panes.flatMap((pane) => pane[side].map((batch) => batch.retain()));
        const bounds = { startMs: this.#grid.windowStartMs(window), endMs: this.#grid.windowEndMs(window) };
        yield { ...bounds, left: retain("left"), right: retain("right") };
      }
      this.#drop();
    }
    this.#firstOpen = Math.max(this.#firstOpen, end);
    this.#drop();
  }

  /** The batches of a side with the pane of each; borrowed. */
  *batches(side: JoinSide): Generator<{ pane: number; batch: Batch }, void, void> {
    for (const pane of [...this.#panes.values()].sort((a, b) => a.number - b.number)) {
      for (const batch of pane[side]) yield { pane: pane.number, batch };
    }
  }

  /** The next windows that close. */
  pendingTimes(timeDomain: "event" | "processing"): readonly PendingTime[] {
    const pending: PendingTime[] = [];
    let window = this.#firstOpen;
    const panes = [...this.#panes.keys()].map((number) => this.#gridPane(number)).sort((a, b) => a - b);
    for (const pane of panes) {
      window = Math.max(window, this.#grid.firstWindowOf(pane));
      for (; pending.length < 4 && window <= this.#grid.lastWindowOf(pane); window++) {
        const [startMs, endMs] = [this.#grid.windowStartMs(window), this.#grid.windowEndMs(window)];
        const atMs = endMs - 1 + this.#latenessMs;
        pending.push({ what: `window [${startMs}, ${endMs}) ms`, timeDomain, atMs, count: 1 });
      }
    }
    return pending;
  }

  /** When the next window closes; undefined where none is open. */
  get nextCloseMs(): number | undefined {
    return this.pendingTimes("event")[0]?.atMs;
  }

  release(): void {
    for (const pane of this.#panes.values()) for (const batch of [...pane.left, ...pane.right]) batch.release();
    this.#panes.clear();
    this.#table.release();
  }

  /** The number of a pane as the kernel counts, and as the grid does. */
  #paneOf(timeMs: number): number {
    const pane = this.#grid.paneOf(timeMs);
    return this.#grid.cutMs === 0 ? pane * 2 : pane;
  }

  #gridPane(number: number): number {
    return this.#grid.cutMs === 0 ? number / 2 : number;
  }

  /** The first window that is open at a watermark. */
  #firstOpenAt(watermarkMs: number): number {
    if (watermarkMs >= END_OF_TIME_MS) return Number.POSITIVE_INFINITY;
    if (watermarkMs <= START_OF_TIME_MS) return this.#firstOpen;
    return Math.max(this.#firstOpen, this.#grid.firstWindowEndingAfter(watermarkMs - this.#latenessMs));
  }

  #panesOf(window: number): Pane[] {
    const { first, end } = this.#grid.panesOf(window);
    const found: Pane[] = [];
    for (const pane of this.#panes.values()) {
      const at = this.#gridPane(pane.number);
      if (at >= first && at < end) found.push(pane);
    }
    return found.sort((a, b) => a.number - b.number);
  }

  #put(side: JoinSide, number: number, batch: Batch): void {
    // In the gaps between windows that do not touch.
    const at = this.#gridPane(number);
    if (at >= this.#grid.panesOf(this.#grid.lastWindowOf(at)).end) {
      batch.release();
      return;
    }
    let pane = this.#panes.get(number);
    if (pane === undefined) {
      pane = { number, left: [], right: [] };
      this.#panes.set(number, pane);
    }
    const batches = pane[side];
    batches.push(batch);
    for (;;) {
      const [before, last] = batches.slice(-2);
      if (last === undefined || before.rowCount >= last.rowCount * 2 || last.rowCount >= SMALL_ROWS) return;
      const merged = concatBatches(this.#workspace, [before, last]);
      before.release();
      last.release();
      batches.splice(-2, 2, merged);
    }
  }

  /** Forgets panes of which no window is open. */
  #drop(): void {
    for (const pane of this.#panes.values()) {
      if (this.#firstOpen <= this.#grid.lastWindowOf(this.#gridPane(pane.number))) continue;
      for (const batch of [...pane.left, ...pane.right]) batch.release();
      this.#panes.delete(pane.number);
    }
  }
}
