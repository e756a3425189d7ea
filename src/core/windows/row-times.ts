import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { partitionBatch } from "../columns/partition.ts";
import { sliceColumn } from "../columns/slice.ts";
import { assert } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { PaneGrid } from "./pane-grid.ts";

/** Rows on either side of a line; a side without rows is undefined. The caller owns both. */
export type Sides = readonly [before: Batch | undefined, behind: Batch | undefined];

/** Whether a row lies before `boundMs`. */
function isBefore(workspace: Workspace, batch: Batch, boundMs: number): boolean {
  return batch.rowCount > 0 && workspace.kernels.eventTimeMin(timesOf(batch), batch.rowCount) < boundMs;
}

/** The rows with one time for all; borrows the batch. */
export function withTime(workspace: Workspace, batch: Batch, timeMs: number): Batch {
  const data = workspace.allocate(batch.rowCount * 8);
  workspace.kernels.eventTimeFill(timeMs, batch.rowCount, data.address);
  const times = columnOf(workspace, int64, batch.rowCount, { data });
  const columns = batch.columns.map((column) => column.retain());
  return new Batch(batch.schema, batch.rowCount, columns, { times });
}

/** `withTime` for batches that mostly get the same time as the one before: it is written down once for many. */
export class SharedTime {
  readonly #workspace: Workspace;
  #timeMs = Number.NaN;
  #times: Column | undefined;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** The rows with one time for all; borrows the batch. */
  give(batch: Batch, timeMs: number): Batch {
    if (this.#times === undefined || this.#timeMs !== timeMs || this.#times.length < batch.rowCount) {
      const timed = withTime(this.#workspace, batch, timeMs);
      this.release();
      this.#times = timed.rowTimes?.retain();
      this.#timeMs = timeMs;
      return timed;
    }
    const times = sliceColumn(this.#workspace, this.#times, 0, batch.rowCount);
    const columns = batch.columns.map((column) => column.retain());
    return new Batch(batch.schema, batch.rowCount, columns, { times });
  }

  release(): void {
    this.#times?.release();
    this.#times = undefined;
  }
}

/** Rows before `boundMs`, and the others; takes the batch over. */
export function splitByTime(workspace: Workspace, batch: Batch, boundMs: number): Sides {
  if (!isBefore(workspace, batch, boundMs)) return batch.rowCount > 0 ? [undefined, batch] : released(batch);
  if (boundMs === Number.POSITIVE_INFINITY) return [batch, undefined];
  const sides = workspace.allocate(batch.rowCount * 4);
  workspace.kernels.windowSides(timesOf(batch), batch.rowCount, boundMs, sides.address);
  return split(workspace, batch, sides);
}

/** Rows in the gaps between windows, and the others; takes the batch over. */
export function splitGaps(workspace: Workspace, batch: Batch, grid: PaneGrid): Sides {
  if (batch.rowCount === 0) return released(batch);
  const sides = workspace.allocate(batch.rowCount * 4);
  const { offsetMs, cutMs, periodMs } = grid;
  const { windowGapSides } = workspace.kernels;
  windowGapSides(timesOf(batch), batch.rowCount, offsetMs, cutMs, periodMs, sides.address);
  return split(workspace, batch, sides);
}

function split(workspace: Workspace, batch: Batch, sides: Block): Sides {
  const [before, behind] = partitionBatch(workspace, batch, sides.address, 2);
  sides.release();
  batch.release();
  return [before, behind];
}

function released(batch: Batch): Sides {
  batch.release();
  return [undefined, undefined];
}

function timesOf({ rowTimes }: Batch): number {
  assert(rowTimes !== undefined, "rows of windows have times");
  return rowTimes.data;
}
