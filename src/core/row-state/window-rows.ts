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
import type { Workspace } from "../workspace.ts";
import type { PaneWindowSpec } from "./window-sides.ts";

/** Batches below this size are put together. */
const SMALL_ROWS = 4096;

interface Pane {
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
  readonly #sizeMs: number;
  readonly #slideMs: number;
  readonly #offsetMs: number;
  /** Where in a step windows end; 0 where they end with it. */
  readonly #cutMs: number;
  readonly #latenessMs: number;
  readonly #table: GroupTable;
  readonly #panes = new Map<number, Pane>();
  /** Windows start at step k; those before this one are closed. */
  #firstOpen = Number.NEGATIVE_INFINITY;

  constructor(workspace: Workspace, window: PaneWindowSpec, latenessMs: number) {
    this.#workspace = workspace;
    this.#sizeMs = window.sizeMs;
    this.#slideMs = window.kind === "tumbling" ? window.sizeMs : window.slideMs;
    this.#offsetMs = window.offsetMs ?? 0;
    this.#cutMs = this.#sizeMs % this.#slideMs;
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
    const lastClosed = (first - 1) * this.#slideMs + this.#sizeMs;
    return Math.max(START_OF_TIME_MS, Math.min(first * this.#slideMs, lastClosed) + this.#offsetMs - 1);
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
    kernels.paneNumbers(times.data, rowCount, this.#offsetMs, this.#slideMs, this.#cutMs, panes.address);
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
      // The first window that ends behind this pane and is not closed yet.
      const step = Math.max(this.#firstOpen, this.#firstStepOf(first));
      if (step >= end) break;
      const panes = this.#panesOf(step);
      this.#firstOpen = step + 1;
      if (panes.length > 0) {
        const startMs = step * this.#slideMs + this.#offsetMs;
        const retain = (side: JoinSide) => panes.flatMap((pane) => pane[side].map((batch) => batch.retain()));
        yield { startMs, endMs: startMs + this.#sizeMs, left: retain("left"), right: retain("right") };
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
    let step = this.#firstOpen;
    const panes = [...this.#panes.keys()].sort((a, b) => a - b);
    for (const pane of panes) {
      step = Math.max(step, this.#firstStepOf(pane));
      for (; pending.length < 4 && step * 2 <= pane; step++) {
        const startMs = step * this.#slideMs + this.#offsetMs;
        const endMs = startMs + this.#sizeMs;
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

  #paneOf(timeMs: number): number {
    const step = Math.floor((timeMs - this.#offsetMs) / this.#slideMs);
    const rest = timeMs - this.#offsetMs - step * this.#slideMs;
    return step * 2 + (this.#cutMs > 0 && rest >= this.#cutMs ? 1 : 0);
  }

  /** Step of the first window that is open at a watermark. */
  #firstOpenAt(watermarkMs: number): number {
    if (watermarkMs >= END_OF_TIME_MS) return Number.POSITIVE_INFINITY;
    if (watermarkMs <= START_OF_TIME_MS) return this.#firstOpen;
    const lastEnd = watermarkMs + 1 - this.#latenessMs - this.#sizeMs - this.#offsetMs;
    return Math.max(this.#firstOpen, Math.floor(lastEnd / this.#slideMs) + 1);
  }

  /** Panes behind the last one of the window that starts at a step. */
  #endOf(step: number): number {
    return (step + Math.floor(this.#sizeMs / this.#slideMs)) * 2 + (this.#cutMs > 0 ? 1 : 0);
  }

  /** Step of the first window that ends behind the start of a pane: the first that has it, if any has. */
  #firstStepOf(pane: number): number {
    const steps = Math.floor(this.#sizeMs / this.#slideMs);
    return Math.floor((pane - (this.#cutMs > 0 ? 1 : 0)) / 2) - steps + 1;
  }

  #panesOf(step: number): Pane[] {
    const found: Pane[] = [];
    for (const pane of this.#panes.values()) {
      if (pane.number >= step * 2 && pane.number < this.#endOf(step)) found.push(pane);
    }
    return found.sort((a, b) => a.number - b.number);
  }

  #put(side: JoinSide, number: number, batch: Batch): void {
    // In the gaps between windows that do not touch.
    if (number >= this.#endOf(Math.floor(number / 2))) {
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
      if (this.#firstOpen * 2 <= pane.number) continue;
      for (const batch of [...pane.left, ...pane.right]) batch.release();
      this.#panes.delete(pane.number);
    }
  }
}
