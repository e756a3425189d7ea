import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildBatch } from "../columns/build.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import { BuiltSide, type JoinRun } from "../joins/built-side.ts";
import { type JoinPlan, type JoinSide, type JoinSpec, planJoin } from "../joins/join-plan.ts";
import { JoinTable } from "../joins/join-table.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { SessionInput } from "../row-state/session-input.ts";
import { SessionJoin } from "../row-state/session-join.ts";
import type { RowsOfSessions } from "../row-state/session-rows.ts";
import { releaseWindow, WindowInput } from "../row-state/window-input.ts";
import type { ClosedWindow } from "../row-state/window-rows.ts";
import { type JoinWindowSpec, SIDES } from "../row-state/window-sides.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64, timestamp } from "../types.ts";
import { SessionGaps } from "../windows/session-gaps.ts";
import { releaseRows } from "../windows/session-index.ts";
import { checkLateness, checkWindow } from "../windows/window-spec.ts";
import { LATE_TAGS } from "./interval-join.ts";

/** Plain data. Rows match where their keys are equal and they are in the same window. */
export interface WindowJoinSpec extends JoinSpec {
  readonly kind: "windowJoin";
  readonly window: JoinWindowSpec;
  /** How long a window stays open for late rows; 0 by default. Its results leave when it closes. */
  readonly allowedLatenessMs?: number;
  /** Names of further columns behind the others, timestamp(ms): the bounds of the window, start included, end excluded. */
  readonly startColumn?: string;
  readonly endColumn?: string;
}

const NAME = "A window join";

/**
 * Joins rows of two streams that fall into the same window; a row of several windows is joined in each. Rows of a key
 * on either side extend and join the same sessions; null is a key of its own there, whose rows match nothing.
 * Input:     0 = left, 1 = right, inserts only, with event times (or windows of processing time) and the key columns.
 * Output:    the columns of the spec, then the bounds of the window where asked for. Event time: end of the window - 1.
 * State:     keyed: rows of each side, by pieces of time between the bounds of windows, or by session, until the last
 *            window closes. Without room for it: MEMORY_EXHAUSTED.
 * Watermark: closes windows whose end - 1 + allowedLatenessMs it reached, each joined by a hash table of its own,
 *            sessions many at a time; then travels on, behind by allowedLatenessMs. Processing time: the clock does, and
 *            there is no lateness.
 * Late rows: rows of windows that are all closed, and rows whose session would have closed, go to the side output
 *            "lateLeft" or "lateRight", counted as lateRows. Rows in the gaps between sliding windows are in no window,
 *            and dropped.
 */
export class WindowJoinOperator implements Operator {
  readonly name = "window-join";
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #plan: JoinPlan;
  readonly #spec: WindowJoinSpec;
  readonly #schemas: Readonly<Record<JoinSide, Schema>>;
  readonly #hashMask: number;
  readonly #emission = new Emission();
  #condition: CompiledPredicate | undefined;
  #context!: OperatorContext;
  #input: WindowInput | SessionInput | undefined;
  readonly #hasEnded = { left: false, right: false };

  /**
   * @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES, WINDOW_SIZE_INVALID, WINDOW_SLIDE_INVALID,
   * WINDOW_OFFSET_INVALID, WINDOW_GAP_INVALID, WINDOW_LATENESS_INVALID, and those of the residual condition
   */
  constructor(spec: WindowJoinSpec, left: Schema, right: Schema, hashMask = 0xffffffff) {
    checkWindow(spec.window);
    checkLateness(spec.allowedLatenessMs ?? 0);
    this.#plan = planJoin(spec, left, right);
    this.#spec = spec;
    this.#schemas = { left, right };
    // Checks the gap, on both sides.
    if (spec.window.kind === "session") for (const side of SIDES) new SessionGaps(spec.window, this.#schemas[side]);
    this.#hashMask = hashMask;
    const bounds = [spec.startColumn, spec.endColumn].filter((name) => name !== undefined);
    this.outputSchema = new Schema([
      ...this.#plan.outputSchema.fields,
      ...bounds.map((name) => ({ name, type: timestamp("ms") })),
    ]);
    const { residual } = this.#plan;
    this.#condition = residual && compilePredicate(residual.condition, residual.schema);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { window, allowedLatenessMs = 0 } = this.#spec;
    const options = { name: NAME, latenessMs: allowedLatenessMs, sides: this.#plan, schemas: this.#schemas };
    this.#input =
      window.kind === "session"
        ? new SessionInput(context, { ...options, window })
        : new WindowInput(context, { ...options, window });
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const side = SIDES[input];
    this.#openInput().add(batch, side, output, LATE_TAGS[side]);
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    const input = this.#openInput();
    if (input.isProcessing) {
      output.emitWatermark(watermark);
      return "done";
    }
    const timeMs = input.passed(watermark.timeMs);
    return this.#close(watermark.timeMs, output, () => output.emitWatermark({ timeMs }));
  }

  processTime(nowMs: number, output: Output): Progress {
    const input = this.#openInput();
    if (!input.isProcessing) return "done";
    // Within this millisecond more rows may come.
    const timeMs = nowMs === END_OF_TIME_MS ? nowMs : nowMs - 1;
    return this.#close(timeMs, output, () => input.requestClose());
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[SIDES[input]] = true;
    if (!this.#hasEnded.left || !this.#hasEnded.right) return "done";
    return this.#close(END_OF_TIME_MS, output);
  }

  pendingTimes(): readonly PendingTime[] {
    return this.#openInput().pendingTimes();
  }

  snapshotState(writer: SnapshotWriter): void {
    this.#openInput().snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#openInput().restore(reader);
  }

  get stateBytes(): number {
    return this.#input?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#input?.release();
    this.#input = undefined;
    this.#condition?.close();
    this.#condition = undefined;
  }

  #openInput(): WindowInput | SessionInput {
    if (this.#input === undefined) throw new RangeError("the join is closed");
    return this.#input;
  }

  #close(timeMs: number, output: Output, then?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    return this.#emission.start(packBatches(workspace, this.#closeWindows(timeMs), batchRows), output, then);
  }

  *#closeWindows(timeMs: number): Generator<Batch, void, void> {
    const input = this.#openInput();
    if (input instanceof SessionInput) for (const rows of input.close(timeMs)) yield* this.#joinSessions(rows);
    else for (const window of input.close(timeMs)) yield* this.#joinWindow(window);
  }

  /** Takes over the rows of the window. */
  *#joinWindow(window: ClosedWindow): Generator<Batch, void, void> {
    const { startMs, endMs } = window;
    const constant = (timeMs: number, rowCount: number): Column => {
      const { workspace } = this.#context;
      const data = workspace.allocate(rowCount * 8);
      workspace.kernels.eventTimeFill(timeMs, rowCount, data.address);
      return columnOf(workspace, timestamp("ms"), rowCount, { data });
    };
    try {
      for (const batch of this.#pairs(this.#plan, window.left, window.right)) {
        yield this.#withBounds(batch, constant(startMs, batch.rowCount), constant(endMs, batch.rowCount));
      }
    } finally {
      releaseWindow(window);
    }
  }

  /** Takes over the rows of the sessions. */
  *#joinSessions({ sessions, ...rows }: RowsOfSessions): Generator<Batch, void, void> {
    const join = new SessionJoin(this.#context.workspace, this.#plan);
    const rowsOf = (side: JoinSide) => {
      const given = rows[side];
      return given === undefined ? [] : [join.rowsOf(side, given)];
    };
    const [left, right] = SIDES.map(rowsOf);
    try {
      for (const joined of this.#pairs(join.plan, left, right)) {
        const { batch, starts, ends } = join.pairsOf(joined, sessions);
        yield this.#withBounds(batch, starts, ends);
      }
    } finally {
      for (const batch of [...left, ...right]) batch.release();
      releaseRows(sessions);
    }
  }

  /** The result rows of some rows of both sides, which are borrowed until the generator ends. */
  *#pairs(plan: JoinPlan, left: readonly Batch[], right: readonly Batch[]): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const rows = { left, right };
    const count = (side: JoinSide) => rows[side].reduce((sum, { rowCount }) => sum + rowCount, 0);
    const buildSide = count("left") < count("right") ? "left" : "right";
    const probeSide = buildSide === "left" ? "right" : "left";
    const { nullEquals } = plan;
    const run: JoinRun = {
      plan,
      buildSide,
      condition: this.#condition,
      batchRows,
      makeTable: (columns, length) =>
        new JoinTable(workspace, columns, length, { nullEquals, hashMask: this.#hashMask }),
    };
    const batches = rows[buildSide].map((batch) => batch.retain());
    if (batches.length === 0) batches.push(buildBatch(workspace, plan[buildSide].schema, []));
    const built = new BuiltSide(workspace, run, batches);
    try {
      for (const batch of rows[probeSide]) yield* built.probe(batch);
      yield* built.leftover();
    } finally {
      built.release();
    }
  }

  /** The rows with the bounds and the time of their window; takes all over. */
  #withBounds(batch: Batch, starts: Column, ends: Column): Batch {
    const { workspace } = this.#context;
    const { rowCount } = batch;
    const { startColumn, endColumn } = this.#spec;
    const columns: Column[] = batch.columns.map((column) => column.retain());
    if (startColumn !== undefined) columns.push(starts.retain());
    if (endColumn !== undefined) columns.push(ends.retain());
    const data = workspace.allocate(rowCount * 8);
    workspace.kernels.windowShift(ends.data, rowCount, -1, data.address);
    for (const owned of [batch, starts, ends]) owned.release();
    return new Batch(this.outputSchema, rowCount, columns, { times: columnOf(workspace, int64, rowCount, { data }) });
  }
}
