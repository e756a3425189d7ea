import { GroupedState } from "../aggregates/grouped-state.ts";
import { Reduction, type ReductionOptions } from "../aggregates/reduction.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildBatch } from "../columns/build.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { eventTimesOf, refuseChangelog } from "../row-state/stream-rows.ts";
import type { Schema } from "../schema.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64 } from "../types.ts";
import { PaneGrid } from "../windows/pane-grid.ts";
import { PaneStore } from "../windows/pane-store.ts";
import { pendingWindows } from "../windows/pending-windows.ts";
import { SharedTime, splitGaps } from "../windows/row-times.ts";
import { type WindowColumns, type WindowPartials, windowColumns, windowPartials } from "../windows/window-partials.ts";
import type { AlignedWindowSpec } from "../windows/window-spec.ts";

export interface WindowPartialsSpec {
  readonly kind: "windowPartials";
  /** As of the window aggregate behind the exchange. */
  readonly keys: readonly string[];
  readonly window: AlignedWindowSpec;
  readonly aggregates: readonly AggregateSpec[];
  /** How long rows of processing time wait for others. */
  readonly holdMs: number;
  /** When rows pass uncombined. Never changes a result. */
  readonly reduction?: ReductionOptions;
}

/** What it holds stays in cache, so that it costs no more than sending rows on. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Of the thread's budget, where that is small. */
const MOST_SHARE = 1 / 16;
const WHAT = "A window aggregate";

/**
 * The half of a window aggregate in front of the exchange: combines rows of one key and pane, so that a row per key and
 * pane travels instead of all of them. The other half cannot tell the difference: whether a row is late, and which
 * results it is part of, depends on its pane alone.
 * Input:     as of the window aggregate.
 * Output:    partial aggregates (`WindowPartials`); the last millisecond of the pane as row time. Several of one key and
 *            pane where rows came at different times; where combining does not pay, one for each row, with its own time.
 * State:     none: all is sent on before a barrier. Partial aggregates of panes that are not over, up to 8 MiB
 *            or a sixteenth of the thread's memory.
 * Watermark: panes whose last millisecond it has reached leave ahead of it, so no row comes behind a watermark which it
 *            came before.
 * Late rows: rows of such panes leave at once. Rows in the gaps of sliding windows are counted as "rowsOutsideWindows".
 * Processing time: the other half puts rows in the window of the moment when they arrive. So there are no panes here:
 *            rows of one key are combined for `holdMs`.
 */
export class WindowPartialsOperator implements Operator {
  readonly restoresAnyWatermark = true;
  readonly outputSchema: Schema;
  readonly #spec: WindowPartialsSpec;
  readonly #grid: PaneGrid;
  readonly #isEventTime: boolean;
  readonly #columns: WindowColumns;
  readonly #partials: WindowPartials;
  readonly #reduction: Reduction;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #store: PaneStore | undefined;
  /** Makes partial aggregates of single rows. */
  #single: GroupedState | undefined;
  #time: SharedTime | undefined;
  #watermarkMs = START_OF_TIME_MS;

  /** @throws {PlanError} as the window aggregate */
  constructor(spec: WindowPartialsSpec, inputSchema: Schema) {
    this.#spec = spec;
    this.#grid = new PaneGrid(spec.window);
    this.#reduction = new Reduction(spec.reduction);
    this.#isEventTime = spec.window.domain !== "processing";
    this.#columns = windowColumns(spec.keys, spec.aggregates, inputSchema);
    this.#partials = windowPartials(this.#columns, spec.aggregates, this.#grid.isTumbling);
    this.outputSchema = this.#partials.schema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { plan } = this.#partials;
    const keyTypes = this.#columns.keyFields.map(({ type }) => type);
    const keys = keyTypes.map((_, i) => i);
    this.#store = new PaneStore(context.workspace, this.#grid, keys, keyTypes, plan);
    this.#single = new GroupedState(context.workspace, [], plan);
    this.#time = new SharedTime(context.workspace);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, WHAT);
    const rows = this.#readRows(batch);
    try {
      if (rows.rowCount === 0) return "done";
      if (this.#reduction.isPassing) {
        this.#reduction.passed(rows.rowCount);
        output.emit(this.#passed(rows));
        return "done";
      }
      const store = this.#openStore();
      const leastMs = store.update(rows, WHAT);
      this.#reduction.combined(rows.rowCount);
      if (!this.#isEventTime) this.#requestTime();
      if (store.memoryBytes > this.#mostBytes) return this.#send(Number.POSITIVE_INFINITY, output);
      return leastMs < this.#overMs() ? this.#send(this.#firstOpenPane(), output) : "done";
    } finally {
      rows.release();
    }
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#watermarkMs = watermark.timeMs;
    return this.#send(this.#firstOpenPane(), output, () => output.emitWatermark(watermark));
  }

  processTime(_nowMs: number, output: Output): Progress {
    return this.#send(Number.POSITIVE_INFINITY, output);
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  flush(output: Output): void {
    let progress = this.#send(Number.POSITIVE_INFINITY, output);
    while (progress === "more") progress = this.resume(output);
  }

  endInput(output: Output): Progress {
    return this.#send(Number.POSITIVE_INFINITY, output);
  }

  pendingTimes(): readonly PendingTime[] {
    if (!this.#isEventTime) return [];
    const hasTime = this.#watermarkMs > START_OF_TIME_MS && this.#watermarkMs < END_OF_TIME_MS;
    const firstOpen = hasTime ? this.#grid.firstWindowEndingAfter(this.#watermarkMs) : Number.NEGATIVE_INFINITY;
    return pendingWindows(this.#openStore(), this.#grid, "event", firstOpen);
  }

  get stateBytes(): number {
    return this.#store?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#store?.release();
    this.#store = undefined;
    this.#single?.release();
    this.#single = undefined;
    this.#time?.release();
    this.#time = undefined;
  }

  get #mostBytes(): number {
    return Math.min(MOST_BYTES, this.#context.workspace.governor.limitBytes * MOST_SHARE);
  }

  #openStore(): PaneStore {
    assert(this.#store !== undefined, "the operator is open");
    return this.#store;
  }

  /** The columns that are read of the rows that some window covers, with the times that say in which panes they are. */
  #readRows(batch: Batch): Batch {
    const { workspace, count } = this.#context;
    const { schema, used } = this.#columns;
    if (!this.#isEventTime) {
      const projected = batch.project(schema, used);
      assert(this.#time !== undefined, "the operator is open");
      const timed = this.#time.give(projected, 0);
      projected.release();
      return timed;
    }
    eventTimesOf(batch, WHAT);
    const projected = batch.project(schema, used);
    if (!this.#grid.hasGaps) return projected;
    const [outside, covered] = splitGaps(workspace, projected, this.#grid);
    if (outside !== undefined) count("rowsOutsideWindows", outside.rowCount);
    outside?.release();
    return covered ?? buildBatch(workspace, schema, []);
  }

  /** Each row as a partial aggregate of its own. */
  #passed(rows: Batch): Batch {
    const single = this.#single;
    assert(single !== undefined, "the operator is open");
    const keys = rows.columns.slice(0, this.#spec.keys.length);
    const columns = single.statesOfRows(keys, rows.columns, rows.rowCount);
    const times = this.#isEventTime ? rows.rowTimes?.retain() : undefined;
    return new Batch(this.outputSchema, rows.rowCount, columns, times === undefined ? {} : { times });
  }

  /** Sends the panes before `pane` on, and then calls `after`. */
  #send(pane: number, output: Output, after?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    const batches = packBatches(workspace, this.#takeBefore(pane), batchRows);
    return this.#emission.start(batches, output, after);
  }

  *#takeBefore(pane: number): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    // One millisecond before the panes' ends.
    const offsetMs = this.#grid.offsetMs - 1;
    const { periodMs, cutMs } = this.#grid;
    for (const { groups, firstPane } of this.#openStore().takeBefore(pane, batchRows)) {
      const { rowCount, keys, panes, values } = groups;
      this.#reduction.sent(rowCount);
      const columns = [...keys, ...values];
      if (!this.#isEventTime) {
        panes.release();
        yield new Batch(this.outputSchema, rowCount, columns);
        continue;
      }
      const data = workspace.allocate(rowCount * 8);
      const { windowPaneStarts } = workspace.kernels;
      windowPaneStarts(panes.data, rowCount, firstPane + 1, offsetMs, periodMs, cutMs, data.address);
      panes.release();
      const times = columnOf(workspace, int64, rowCount, { data });
      yield new Batch(this.outputSchema, rowCount, columns, { times });
    }
  }

  /** The first pane that is not over. */
  #firstOpenPane(): number {
    if (!this.#isEventTime || this.#watermarkMs <= START_OF_TIME_MS) return Number.NEGATIVE_INFINITY;
    if (this.#watermarkMs >= END_OF_TIME_MS) return Number.POSITIVE_INFINITY;
    return this.#grid.paneOf(this.#watermarkMs + 1);
  }

  /** Rows before this time are in panes that are over. */
  #overMs(): number {
    const pane = this.#firstOpenPane();
    return Number.isFinite(pane) ? this.#grid.startMs(pane) : pane;
  }

  /** Processing time: what is held goes once it has waited for long enough. */
  #requestTime(): void {
    const { stream } = this.#context;
    stream?.requestProcessTime(stream.processingTimeMs() + this.#spec.holdMs);
  }
}
