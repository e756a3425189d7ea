import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import type { Batch } from "../batch.ts";
import { buildBatch } from "../columns/build.ts";
import { assert, PlanError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import { eventTimesOf, refuseChangelog } from "../row-state/stream-rows.ts";
import { type Field, Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { type DataType, timestamp } from "../types.ts";
import { PaneGrid } from "../windows/pane-grid.ts";
import { paneStateSchema, readPanes, readProgress, writePanes } from "../windows/pane-snapshot.ts";
import { PaneStore } from "../windows/pane-store.ts";
import { pendingWindows } from "../windows/pending-windows.ts";
import { SharedTime, splitByTime, splitGaps } from "../windows/row-times.ts";
import {
  countedAggregates,
  rowsOfPartials,
  type WindowPartials,
  windowColumns,
  windowPartials,
} from "../windows/window-partials.ts";
import { WindowResults } from "../windows/window-results.ts";
import { type AlignedWindowSpec, checkLateness, checkWindow } from "../windows/window-spec.ts";

export interface WindowAggregateSpec {
  readonly kind: "windowAggregate";
  /** Key columns; none means one window over all rows. */
  readonly keys: readonly string[];
  readonly window: AlignedWindowSpec;
  readonly aggregates: readonly AggregateSpec[];
  /** Event time only: so long behind its end a window still takes rows, and gives its result anew. */
  readonly allowedLatenessMs?: number;
  /** Names of the columns of the window's bounds; "windowStart" and "windowEnd" unless given. */
  readonly windowStart?: string;
  readonly windowEnd?: string;
  /** Rows come as what `WindowPartialsOperator` makes of rows with these fields. */
  readonly partialsOf?: readonly Field[];
  /** Also gives the results so far of windows that have changed, every so many milliseconds of processing time. */
  readonly earlyEveryMs?: number;
}

/** Results of these depend on the order in which partial states are merged. */
const ORDERED = new Set(["first", "last", "list", "minBy", "maxBy", "user"]);

/**
 * Aggregates rows by key in tumbling, sliding or cumulating windows of event time or processing time.
 * Input:     any schema with the key and input columns, or partial aggregates (`partialsOf`); event time needs row times.
 * Output:    keys, windowStart and windowEnd timestamp(ms), one column per aggregate; one row per key and window that
 *            has rows, with the window's last millisecond as its row time.
 * State:     keyed: partial aggregates per pane and key, freed when the last window of the pane has closed. Without
 *            room for it: MEMORY_EXHAUSTED.
 * Watermark: windows whose last millisecond it has reached give their results, ahead of it. Processing time: the
 *            clock does, and watermarks travel on.
 * Late rows: rows all of whose windows are closed, that is the watermark has reached their last millisecond plus the
 *            allowed lateness, go to the side output "late"; partial aggregates of
 *            such rows are dropped. One that comes in the lateness makes each window that it
 *            changes give the key's new result, as a further row of the same key and window. Rows in the gaps of
 *            sliding windows are in no window: they are counted as "rowsOutsideWindows".
 * Order:     first, last and list see rows by pane, and in a pane in the order in which they came.
 */
export class WindowAggregateOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #spec: WindowAggregateSpec;
  readonly #grid: PaneGrid;
  readonly #latenessMs: number;
  readonly #isEventTime: boolean;
  /** Absent where the input are rows. */
  readonly #partials: WindowPartials | undefined;
  /** Input columns that it reads, and the schema of these alone. */
  readonly #used: readonly number[];
  readonly #usedSchema: Schema;
  readonly #plan: AggregatePlan;
  /** Results that are not in the output: the row count that tells which keys a merged window has. */
  readonly #hiddenResults: number;
  readonly #keyTypes: readonly DataType[];
  readonly #stateSchema: Schema;
  #context!: OperatorContext;
  #store: PaneStore | undefined;
  #results: WindowResults | undefined;
  /** Of rows of processing time: all of a pane get its start. */
  #paneTime: SharedTime | undefined;
  readonly #emission = new Emission();
  /** The watermark, or in processing time how far windows have fired. */
  #timeMs = START_OF_TIME_MS;
  #earlyAtMs = Number.POSITIVE_INFINITY;

  /**
   * @throws {PlanError} WINDOW_*_INVALID, COLUMN_UNKNOWN, COLUMN_DUPLICATE, AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE,
   * AGGREGATE_PARAMETER
   */
  constructor(spec: WindowAggregateSpec, inputSchema: Schema) {
    checkWindow(spec.window);
    checkLateness(spec.allowedLatenessMs ?? 0);
    checkEarly(spec.earlyEveryMs);
    this.#spec = spec;
    this.#grid = new PaneGrid(spec.window);
    this.#isEventTime = spec.window.domain !== "processing";
    this.#latenessMs = this.#isEventTime ? (spec.allowedLatenessMs ?? 0) : 0;
    const rowSchema = spec.partialsOf === undefined ? inputSchema : new Schema(spec.partialsOf);
    const columns = windowColumns(spec.keys, spec.aggregates, rowSchema);
    const { isTumbling } = this.#grid;
    this.#hiddenResults = isTumbling ? 0 : 1;
    const aggregates = isTumbling ? spec.aggregates : countedAggregates(spec.aggregates, isTumbling);
    this.#plan = new AggregatePlan(aggregates, columns.schema);
    const { keyFields } = columns;
    this.#keyTypes = keyFields.map(({ type }) => type);
    this.outputSchema = new Schema([
      ...keyFields,
      { name: spec.windowStart ?? "windowStart", type: timestamp("ms") },
      { name: spec.windowEnd ?? "windowEnd", type: timestamp("ms") },
      ...this.#plan.resultFields.slice(this.#hiddenResults),
    ]);
    this.#stateSchema = paneStateSchema(keyFields, this.#plan);
    if (spec.partialsOf !== undefined) {
      this.#partials = windowPartials(columns, spec.aggregates, isTumbling);
      const { fields } = this.#partials.schema;
      const count = keyFields.length + this.#plan.stateFields("").length;
      this.#used = fields.slice(0, count).map((_, i) => i);
      this.#usedSchema = new Schema(fields.slice(0, count));
    } else {
      this.#used = columns.used;
      this.#usedSchema = columns.schema;
    }
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace, batchRows } = context;
    const keys = this.#spec.keys.map((_, i) => i);
    const store = new PaneStore(workspace, this.#grid, keys, this.#keyTypes, this.#plan);
    this.#store = store;
    this.#paneTime = new SharedTime(workspace);
    this.#results = new WindowResults({
      workspace,
      batchRows,
      store,
      grid: this.#grid,
      keyTypes: this.#keyTypes,
      plan: this.#plan,
      hiddenResults: this.#hiddenResults,
      isOrdered: this.#spec.aggregates.some(({ fn }) => ORDERED.has(fn)),
      schema: this.outputSchema,
    });
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, WHAT);
    const timed = this.#timed(batch);
    const covered = this.#grid.hasGaps && this.#partials === undefined ? this.#withoutGaps(timed) : timed;
    const rows = this.#project(this.#isEventTime ? this.#withoutLate(covered, output) : covered);
    try {
      if (rows.rowCount === 0) return "done";
      const store = this.#openStore();
      const leastMs = this.#partials === undefined ? store.update(rows, WHAT) : store.merge(rows, WHAT);
      this.#requestTime();
      const firedMs = this.#firedBoundMs();
      if (leastMs >= firedMs) return "done";
      const results = this.#openResults();
      results.forget();
      if (this.#latenessMs === 0) return "done";
      const windows = { first: this.#windowAfter(this.#timeMs - this.#latenessMs), end: this.#firstOpenWindow() };
      return this.#emission.start(results.changed(rows.retain(), firedMs, windows), output);
    } finally {
      rows.release();
    }
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    if (!this.#isEventTime) {
      output.emitWatermark(watermark);
      return "done";
    }
    return this.#advance(watermark.timeMs, output, () => output.emitWatermark(watermark));
  }

  processTime(nowMs: number, output: Output): Progress {
    const early = (): Progress => {
      if (nowMs < this.#earlyAtMs || nowMs === END_OF_TIME_MS) return "done";
      this.#earlyAtMs = Number.POSITIVE_INFINITY;
      const results = this.#openResults().early(this.#firstOpenWindow());
      return this.#emission.start(results, output, () => this.#openStore().clearChanges());
    };
    if (this.#isEventTime) return early();
    // A window is over once the clock has reached its end, which is no time of its own any more.
    const reachedMs = nowMs === END_OF_TIME_MS ? nowMs : nowMs - 1;
    if (reachedMs <= this.#timeMs) return early();
    const progress = this.#advance(reachedMs, output, () => this.#requestTime());
    return progress === "done" ? early() : progress;
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(): Progress {
    return "done";
  }

  pendingTimes(): readonly PendingTime[] {
    return pendingWindows(
      this.#openStore(),
      this.#grid,
      this.#isEventTime ? "event" : "processing",
      this.#firstOpenWindow(),
    );
  }

  snapshotState(writer: SnapshotWriter): void {
    writePanes(this.#context, writer, this.#stateSchema, {
      store: this.#openStore(),
      grid: this.#grid,
      firstPane: this.#firstLivePane(),
      timeMs: this.#timeMs,
    });
  }

  restoreState(reader: SnapshotReader): void {
    const { workspace } = this.#context;
    this.#timeMs = readProgress(workspace, reader, this.#grid) ?? this.#timeMs;
    for (const states of readPanes(reader, this.#stateSchema)) {
      try {
        this.#openStore().merge(states, WHAT);
      } finally {
        states.release();
      }
    }
    this.#requestTime();
  }

  get stateBytes(): number {
    return this.#store?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#results?.release();
    this.#results = undefined;
    this.#store?.release();
    this.#store = undefined;
    this.#paneTime?.release();
    this.#paneTime = undefined;
  }

  #openStore(): PaneStore {
    assert(this.#store !== undefined, "the operator is open");
    return this.#store;
  }

  #openResults(): WindowResults {
    assert(this.#results !== undefined, "the operator is open");
    return this.#results;
  }

  /** The rows with the times that say which windows they are in. */
  #timed(batch: Batch): Batch {
    if (this.#isEventTime) {
      eventTimesOf(batch, WHAT);
      return batch.retain();
    }
    const { stream } = this.#context;
    assert(this.#paneTime !== undefined, "the operator is open");
    // The clock may jump back, but no row goes to a window that has fired.
    const nowMs = Math.max(stream?.processingTimeMs() ?? 0, this.#firedBoundMs());
    return this.#paneTime.give(batch, this.#grid.startMs(this.#grid.paneOf(nowMs)));
  }

  /** The columns that it reads; takes the batch over. */
  #project(batch: Batch): Batch {
    const used = batch.project(this.#usedSchema, this.#used);
    batch.release();
    return used;
  }

  /** The rows that some window covers; takes the batch over. */
  #withoutGaps(batch: Batch): Batch {
    const { workspace, count } = this.#context;
    const [outside, covered] = splitGaps(workspace, batch, this.#grid);
    if (outside !== undefined) count("rowsOutsideWindows", outside.rowCount);
    outside?.release();
    return covered ?? buildBatch(workspace, batch.schema, []);
  }

  /** Sends the rows of closed windows to the side output and gives the others; takes the batch over. */
  #withoutLate(batch: Batch, output: Output): Batch {
    const { workspace, count } = this.#context;
    const [late, onTime] = splitByTime(workspace, batch, this.#liveBoundMs());
    if (late !== undefined && this.#partials !== undefined) {
      count("lateRows", rowsOfPartials(workspace, late, this.#partials));
      late.release();
    } else if (late !== undefined) {
      count("lateRows", late.rowCount);
      output.emitSide("late", late);
    }
    return onTime ?? buildBatch(workspace, batch.schema, []);
  }

  /** Fires what ends up to `timeMs`, then calls `after`. */
  #advance(timeMs: number, output: Output, after: () => void): Progress {
    const from = this.#firstOpenWindow();
    this.#timeMs = timeMs;
    const before = this.#firstOpenWindow();
    return this.#emission.start(this.#openResults().windows(from, before), output, () => {
      const live = this.#firstLivePane();
      this.#openResults().dropBefore(live);
      this.#openStore().dropBefore(live);
      if (this.#openStore().isEmpty) this.#openResults().forget();
      after();
    });
  }

  /** The first window that has not fired. */
  #firstOpenWindow(): number {
    return this.#windowAfter(this.#timeMs);
  }

  #windowAfter(timeMs: number): number {
    if (timeMs <= START_OF_TIME_MS) return Number.NEGATIVE_INFINITY;
    if (timeMs >= END_OF_TIME_MS) return Number.POSITIVE_INFINITY;
    return this.#grid.firstWindowEndingAfter(timeMs);
  }

  /** The first pane that a window which is not closed has. */
  #firstLivePane(): number {
    const window = this.#windowAfter(this.#timeMs >= END_OF_TIME_MS ? this.#timeMs : this.#timeMs - this.#latenessMs);
    return Number.isFinite(window) ? this.#grid.panesOf(window).first : window;
  }

  /** Rows before this time are late. */
  #liveBoundMs(): number {
    const pane = this.#firstLivePane();
    return Number.isFinite(pane) ? this.#grid.startMs(pane) : pane;
  }

  /** Rows before this time are in a window that has fired. */
  #firedBoundMs(): number {
    const window = this.#firstOpenWindow();
    return Number.isFinite(window) ? this.#grid.windowEndMs(window - 1) : window;
  }

  /** Asks for the clock when the next window of processing time ends, and when early results are due. */
  #requestTime(): void {
    const { stream } = this.#context;
    if (stream === undefined) return;
    const { earlyEveryMs } = this.#spec;
    if (earlyEveryMs !== undefined && !stream.isBatchMode && this.#earlyAtMs === Number.POSITIVE_INFINITY) {
      if (this.#openStore().changedPanes !== undefined) {
        this.#earlyAtMs = stream.processingTimeMs() + earlyEveryMs;
        stream.requestProcessTime(this.#earlyAtMs);
      }
    }
    if (this.#isEventTime) return;
    const window = this.#openStore().nextWindow(this.#firstOpenWindow());
    if (Number.isFinite(window)) stream.requestProcessTime(this.#grid.windowEndMs(window));
  }
}

const WHAT = "A window aggregate";

/** @throws {PlanError} WINDOW_EARLY_INVALID */
function checkEarly(everyMs: number | undefined): void {
  if (everyMs === undefined || (Number.isSafeInteger(everyMs) && everyMs > 0)) return;
  throw new PlanError(
    "WINDOW_EARLY_INVALID",
    `Early results are to come every ${everyMs} ms.`,
    "Give a whole number of milliseconds greater than 0.",
  );
}
