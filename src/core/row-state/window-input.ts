import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import type { OperatorContext, Output } from "../operator.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { int64 } from "../types.ts";
import type { AlignedWindowSpec } from "../windows/window-spec.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  rowTable,
  snapshotWatermark,
  splitLate,
  stateSchema,
} from "./stream-rows.ts";
import { type ClosedWindow, WindowRows } from "./window-rows.ts";
import { SIDES, type WindowSides } from "./window-sides.ts";

const FURTHER_FIELDS = Schema.of({ pane: int64 });

/** The two inputs of a windowed operator: their rows by window, late ones apart, and the snapshot of all that. */
export class WindowInput {
  readonly isProcessing: boolean;
  readonly #rows: WindowRows;
  readonly #name: string;
  readonly #context: OperatorContext;
  readonly #sides: WindowSides;
  readonly #latenessMs: number;
  #watermarkMs = START_OF_TIME_MS;

  constructor(
    context: OperatorContext,
    options: { name: string; window: AlignedWindowSpec; latenessMs: number; sides: WindowSides },
  ) {
    this.#context = context;
    this.#name = options.name;
    this.#sides = options.sides;
    this.isProcessing = options.window.domain === "processing";
    this.#latenessMs = this.isProcessing ? 0 : options.latenessMs;
    this.#rows = new WindowRows(context.workspace, options.window, this.#latenessMs);
  }

  get memoryBytes(): number {
    return this.#rows.memoryBytes;
  }

  /** Keeps the rows of a batch, which is borrowed; late ones go to the side output `tag`. */
  add(batch: Batch, side: JoinSide, output: Output, tag: string): void {
    refuseChangelog(batch, this.#name);
    if (batch.rowCount === 0) return;
    const { workspace } = this.#context;
    if (this.isProcessing) {
      const nowMs = this.#context.stream?.processingTimeMs() ?? 0;
      const data = workspace.allocate(batch.rowCount * 8);
      workspace.kernels.eventTimeFill(nowMs, batch.rowCount, data.address);
      const times = columnOf(workspace, int64, batch.rowCount, { data });
      this.#put(batch, side, times);
      times.release();
      this.requestClose();
      return;
    }
    const { onTime, late } = splitLate(workspace, batch, this.#rows.lateBoundMs(this.#watermarkMs), this.#name);
    if (late !== undefined) {
      this.#context.count("lateRows", late.rowCount);
      output.emitSide(tag, late);
    }
    if (onTime === undefined) return;
    this.#put(onTime, side, eventTimesOf(onTime, this.#name));
    onTime.release();
  }

  /** Windows that close as time has come so far. */
  close(timeMs: number): Generator<ClosedWindow, void, void> {
    this.#watermarkMs = timeMs;
    return this.#rows.close(timeMs);
  }

  /** The watermark to pass on: no window that is still open gives rows at or before it. */
  passed(timeMs: number): number {
    return timeMs === END_OF_TIME_MS ? timeMs : Math.max(START_OF_TIME_MS, timeMs - this.#latenessMs);
  }

  /** Processing time: asks to be called when the next window ends. */
  requestClose(): void {
    const { nextCloseMs } = this.#rows;
    if (this.isProcessing && nextCloseMs !== undefined) this.#context.stream?.requestProcessTime(nextCloseMs + 1);
  }

  pendingTimes(): readonly PendingTime[] {
    return this.#rows.pendingTimes(this.isProcessing ? "processing" : "event");
  }

  snapshot(writer: SnapshotWriter): void {
    const { workspace } = this.#context;
    snapshotWatermark(workspace, writer, this.#watermarkMs);
    for (const side of SIDES) {
      const { schema, keys } = this.#sides[side];
      const tableSchema = stateSchema(schema, FURTHER_FIELDS);
      for (const { pane, batch } of this.#rows.batches(side)) {
        const { rowCount } = batch;
        const groups = keyGroupColumn(
          this.#context,
          keys.map((key) => batch.columns[key]),
          rowCount,
        );
        const data = workspace.allocate(rowCount * 8);
        workspace.kernels.eventTimeFill(pane, rowCount, data.address);
        const panes = columnOf(workspace, int64, rowCount, { data });
        const columns = batch.columns.map((column) => column.retain());
        writer.write(side, "keyed", new Batch(tableSchema, rowCount, [groups, ...columns, panes]));
      }
    }
  }

  restore(reader: SnapshotReader): void {
    this.#watermarkMs = restoreWatermark(this.#context.workspace, reader);
    // Nothing is there yet: this only tells which windows are closed.
    for (const window of this.#rows.close(this.#watermarkMs)) releaseWindow(window);
    for (const side of SIDES) {
      for (const batch of reader.read(side, rowTable(this.#sides[side], FURTHER_FIELDS))) {
        const columns: Column[] = batch.columns.slice(1, -1).map((column) => column.retain());
        const rows = new Batch(this.#sides[side].schema, batch.rowCount, columns);
        this.#rows.addByPane(side, rows, batch.columns[batch.columns.length - 1]);
        batch.release();
      }
    }
    this.requestClose();
  }

  release(): void {
    this.#rows.release();
  }

  /** Keeps the needed columns. */
  #put(batch: Batch, side: JoinSide, times: Column): void {
    const { columns, schema } = this.#sides[side];
    const { workspace } = this.#context;
    workspace.governor.reserve(batch.rowCount * 16, this.#name, { required: true });
    const needed = new Batch(
      schema,
      batch.rowCount,
      columns.map((index) => batch.columns[index].retain()),
    );
    this.#rows.add(side, needed, times);
  }
}

export function releaseWindow({ left, right }: ClosedWindow): void {
  for (const batch of [...left, ...right]) batch.release();
}
