import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import { readTimes } from "../process/timed-rows.ts";
import { eventTimesOf, refuseChangelog } from "../row-state/stream-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { Schema } from "../schema.ts";
import { KeyColumns } from "../state/state-key.ts";
import type { Workspace } from "../workspace.ts";
import { KeysOfRows } from "./keys-of-rows.ts";
import type { WindowsOfKey } from "./open-windows.ts";
import { plainReader, taggedReader, type WindowRowReader } from "./tagged-row.ts";
import type { TimeWindow } from "./window.ts";
import { type AnyWindowSpec, createAssigner, type WindowAssigner } from "./window-assigner.ts";
import type { WindowSet } from "./window-set.ts";

/** One input of an operator of windows. */
export interface WindowInputSpec {
  readonly schema: Schema;
  /** Key columns; none means one key for all rows. */
  readonly keys: readonly string[];
  /** Of two streams that share windows: triggers, evictors, own windows and functions get the rows as `TaggedRow`. */
  readonly side?: JoinSide;
  /** So many columns at the end are for the assigner alone, such as the gap of a session. */
  readonly hiddenColumns?: number;
}

/** The columns that are not hidden. */
export const shownSchema = ({ schema, hiddenColumns = 0 }: WindowInputSpec): Schema =>
  hiddenColumns === 0 ? schema : new Schema(schema.fields.slice(0, schema.fields.length - hiddenColumns));

/** The rows of an input, one batch after the other: what they are, and which windows of which key they are in. */
export class WindowedInput {
  readonly schema: Schema;
  readonly assigner: WindowAssigner;
  readonly keyColumns: KeyColumns;
  readonly reader: RowReader;
  readonly #workspace: Workspace;
  readonly #spec: WindowInputSpec;
  readonly #rows: WindowRowReader;
  #keysOfRows: KeysOfRows | undefined;
  #batch: Batch | undefined;
  #times: ((row: number) => number) | undefined;

  constructor(workspace: Workspace, spec: WindowInputSpec, window: AnyWindowSpec, maxParallelism: number) {
    const { schema, keys, side } = spec;
    this.schema = shownSchema(spec);
    this.assigner = createAssigner(workspace, window, schema);
    this.keyColumns = new KeyColumns(workspace, schema, keys, maxParallelism);
    this.reader = createRowReader(workspace, this.schema);
    this.#workspace = workspace;
    this.#spec = spec;
    this.#rows = side === undefined ? plainReader(this.reader) : taggedReader(this.reader, side);
  }

  /** The rows go into these windows. */
  lookUpIn(windows: WindowSet): void {
    this.#keysOfRows = new KeysOfRows(this.#workspace, this.#spec.keys, this.keyColumns, windows);
  }

  /** The rows that the other methods mean until `unbind`; `where` is who needs their times. */
  bind(batch: Batch, where: string): void {
    const { assigner } = this;
    refuseChangelog(batch, where);
    if (!assigner.isGlobal && assigner.domain === "event") eventTimesOf(batch, where);
    this.#batch = batch.retain();
    this.#times = assigner.domain === "event" ? readTimes(this.#workspace, batch) : undefined;
    this.#rows.bind(batch);
    this.#keysOfRows?.bind(batch);
    assigner.bind(batch);
  }

  unbind(): void {
    if (this.#batch === undefined) return;
    this.#rows.unbind();
    this.#keysOfRows?.unbind();
    this.assigner.unbind();
    this.#batch.release();
    this.#batch = undefined;
  }

  get rowCount(): number {
    return this.#batch?.rowCount ?? 0;
  }

  /** Where the row has no time, it has that of the clock. */
  timeOf(row: number, nowMs: number): number {
    return this.#times === undefined ? nowMs : this.#times(row);
  }

  viewAt(row: number): Row {
    return this.#rows.viewAt(row);
  }

  /** The row as windows keep it. */
  keep(row: number, view: Row): Row {
    return this.#rows.keep(row, view);
  }

  retire(view: Row): void {
    this.#rows.retire(view);
  }

  windowsOf(row: number, view: Row, timeMs: number): readonly TimeWindow[] {
    return this.assigner.windowsOf(row, view, timeMs);
  }

  /** Rows are asked for in order. */
  keyAt(row: number): WindowsOfKey {
    if (this.#keysOfRows === undefined) throw new RangeError("the input has no windows yet");
    return this.#keysOfRows.at(row);
  }

  /** Some rows, by number, as they came; the caller's. */
  pick(rows: readonly number[]): Batch {
    const batch = this.#batch;
    if (batch === undefined) throw new RangeError("no rows are bound");
    const shown =
      this.schema === this.#spec.schema ? batch.retain() : batch.project(this.schema, [...this.schema.fields.keys()]);
    if (rows.length === batch.rowCount) return shown;
    const workspace = this.#workspace;
    const numbers = workspace.allocate(rows.length * 4);
    workspace.u32.set(rows, numbers.address >>> 2);
    const picked = gatherBatch(workspace, shown, numbers.address, rows.length);
    numbers.release();
    shown.release();
    return picked;
  }

  close(): void {
    this.unbind();
    this.#keysOfRows?.release();
    this.assigner.close();
  }
}
