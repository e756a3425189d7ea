import { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import type { OperatorContext, Output } from "../operator.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { int64 } from "../types.ts";
import { withTime } from "../windows/row-times.ts";
import { SessionGaps } from "../windows/session-gaps.ts";
import { addInSessions } from "../windows/session-index.ts";
import type { SessionWindowSpec } from "../windows/window-spec.ts";
import { type RowsOfSessions, TwoSidedSessions } from "./session-rows.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  rowTable,
  snapshotWatermark,
  stateSchema,
} from "./stream-rows.ts";
import { SIDES, type WindowSides } from "./window-sides.ts";

const FURTHER_FIELDS = Schema.of({ sessionStartMs: int64, sessionEndMs: int64 });

/** The two inputs of an operator over sessions: their rows by session, late ones apart, and the snapshot of all that. */
export class SessionInput {
  readonly isProcessing: boolean;
  readonly #name: string;
  readonly #context: OperatorContext;
  readonly #sides: WindowSides;
  readonly #gaps: Readonly<Record<JoinSide, SessionGaps>>;
  readonly #latenessMs: number;
  readonly #rows: TwoSidedSessions;
  #timeMs = START_OF_TIME_MS;

  /** @throws {PlanError} WINDOW_GAP_INVALID, COLUMN_UNKNOWN where an input has no such gap */
  constructor(
    context: OperatorContext,
    options: {
      readonly name: string;
      readonly window: SessionWindowSpec;
      readonly latenessMs: number;
      readonly sides: WindowSides;
      readonly schemas: Readonly<Record<JoinSide, Schema>>;
    },
  ) {
    const { name, window, latenessMs, sides, schemas } = options;
    this.#context = context;
    this.#name = name;
    this.#sides = sides;
    this.isProcessing = window.domain === "processing";
    this.#latenessMs = this.isProcessing ? 0 : latenessMs;
    this.#gaps = { left: new SessionGaps(window, schemas.left), right: new SessionGaps(window, schemas.right) };
    for (const side of SIDES) this.#gaps[side].open();
    this.#rows = new TwoSidedSessions(context.workspace, sides, name);
  }

  get memoryBytes(): number {
    return this.#rows.memoryBytes;
  }

  /** Keeps the rows of a batch, which is borrowed; late ones go to the side output `tag`. */
  add(batch: Batch, side: JoinSide, output: Output, tag: string): void {
    refuseChangelog(batch, this.#name);
    if (batch.rowCount === 0) return;
    const { workspace, count } = this.#context;
    const closedMs = this.#closedMs;
    const timed = this.#timed(batch);
    try {
      addInSessions(workspace, timed, this.#gaps[side], closedMs, (part, gaps) => {
        const late = this.#rows.add(side, part, gaps, closedMs);
        if (late === "ambiguous") return late;
        if (late !== undefined) {
          count("lateRows", late.rowCount);
          output.emitSide(tag, late);
        }
        return "done";
      });
    } finally {
      timed.release();
    }
    this.requestClose();
  }

  /** The rows of sessions that close as time has come so far. */
  close(timeMs: number): Generator<RowsOfSessions, void, void> {
    this.#timeMs = timeMs;
    return this.#rows.close(this.#closedMs);
  }

  /** The watermark to pass on: no session that is still open, or may come, gives rows at or before it. */
  passed(timeMs: number): number {
    return timeMs === END_OF_TIME_MS ? timeMs : Math.max(START_OF_TIME_MS, timeMs - this.#latenessMs);
  }

  /** Processing time: asks to be called when the next session ends. */
  requestClose(): void {
    if (!this.isProcessing) return;
    const endMs = this.#rows.index.leastEndMs();
    if (Number.isFinite(endMs)) this.#context.stream?.requestProcessTime(endMs);
  }

  pendingTimes(): readonly PendingTime[] {
    const endMs = this.#rows.index.leastEndMs();
    if (endMs === Number.POSITIVE_INFINITY) return [];
    const timeDomain = this.isProcessing ? "processing" : "event";
    const atMs = this.isProcessing ? endMs : endMs - 1 + this.#latenessMs;
    return [{ what: "the session that ends first", timeDomain, atMs, count: 1 }];
  }

  snapshot(writer: SnapshotWriter): void {
    const { workspace, batchRows } = this.#context;
    const { kernels } = workspace;
    snapshotWatermark(workspace, writer, this.#timeMs);
    for (const { side, rows, sessions } of this.#rows.all(batchRows)) {
      const { schema, keys } = this.#sides[side];
      const { batch } = rows;
      const { rowCount } = batch;
      const keyColumns = keys.map((key) => batch.columns[key]);
      const bounds = [sessions.starts, sessions.ends].map((times) => {
        const data = workspace.allocate(rowCount * 8);
        kernels.gather64(times.address, rows.sessions.data, rowCount, data.address);
        return columnOf(workspace, int64, rowCount, { data });
      });
      const groups = keyGroupColumn(this.#context, keyColumns, rowCount);
      const columns = batch.columns.map((column) => column.retain());
      const table = stateSchema(schema, FURTHER_FIELDS);
      writer.write(side, "keyed", new Batch(table, rowCount, [groups, ...columns, ...bounds]));
      for (const owned of [batch, rows.sessions]) owned.release();
    }
  }

  restore(reader: SnapshotReader): void {
    this.#timeMs = restoreWatermark(this.#context.workspace, reader);
    for (const side of SIDES) {
      for (const batch of reader.read(side, rowTable(this.#sides[side], FURTHER_FIELDS))) {
        const { columns, rowCount } = batch;
        const [starts, ends] = columns.slice(-2);
        this.#rows.restore(side, columns.slice(1, -2), starts.data, ends.data, rowCount);
        batch.release();
      }
    }
    this.requestClose();
  }

  release(): void {
    for (const side of SIDES) this.#gaps[side].close();
    this.#rows.release();
  }

  /** Sessions that end by this are closed. */
  get #closedMs(): number {
    return this.#timeMs === END_OF_TIME_MS ? Number.POSITIVE_INFINITY : this.#timeMs - this.#latenessMs + 1;
  }

  #timed(batch: Batch): Batch {
    if (!this.isProcessing) {
      eventTimesOf(batch, this.#name);
      return batch.retain();
    }
    // The clock may jump back, but no row goes to a time that has passed for sessions.
    const nowMs = Math.max(this.#context.stream?.processingTimeMs() ?? 0, this.#timeMs + 1);
    return withTime(this.#context.workspace, batch, nowMs);
  }
}
