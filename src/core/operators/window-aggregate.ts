import { AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildBatch } from "../columns/build.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert, PlanError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { eventTimesOf, refuseChangelog } from "../row-state/stream-rows.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { formatTimeMs } from "../time/format-time.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { type DataType, int64, timestamp } from "../types.ts";
import { ChangedWindows } from "../windows/changed-windows.ts";
import { PaneGrid } from "../windows/pane-grid.ts";
import { PaneMerger } from "../windows/pane-merger.ts";
import { paneStateSchema, readPanes, readProgress, writePanes } from "../windows/pane-snapshot.ts";
import { PaneStore } from "../windows/pane-store.ts";
import { isBefore, splitByTime, splitGaps } from "../windows/row-times.ts";
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
  /** Also gives the results so far of windows that have changed, every so many milliseconds of processing time. */
  readonly earlyEveryMs?: number;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;
/** Windows and timers that `pendingTimes` tells. */
const PENDING = 3;
/** Windows that it looks at to find these. */
const MOST_TRIED = 64;
/** Its name cannot be a column's: it is never in a result. */
const ROW_COUNT: AggregateSpec = { fn: "countAll", as: "\0rows" };
/** Results of these depend on the order in which partial states are merged. */
const ORDERED = new Set(["first", "last", "list", "minBy", "maxBy", "user"]);

/**
 * Aggregates rows by key in tumbling, sliding or cumulating windows of event time or processing time.
 * Input:     any schema with the key and input columns; event time needs row times.
 * Output:    keys, windowStart and windowEnd timestamp(ms), one column per aggregate; one row per key and window that
 *            has rows, with the window's last millisecond as its row time.
 * State:     keyed: partial aggregates per pane and key, freed when the last window of the pane has closed. Without
 *            room for it: MEMORY_EXHAUSTED.
 * Watermark: windows whose last millisecond it has reached give their results, ahead of it. Processing time: the
 *            clock does, and watermarks travel on.
 * Late rows: rows all of whose windows are closed, that is the watermark has reached their last millisecond plus the
 *            allowed lateness, go to the side output "late". One that comes in the lateness makes each window that it
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
  #merger: PaneMerger | undefined;
  #emission: Generator<Batch, void, void> | undefined;
  #afterEmission: (output: Output) => void = () => {};
  /** The watermark, or in processing time how far windows have fired. */
  #timeMs = START_OF_TIME_MS;
  #countedBytes = 0;
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
    const keys = spec.keys.map((name) => inputSchema.indexOf(name));
    const inputs = new AggregatePlan(spec.aggregates, inputSchema).bound.flatMap(({ inputs }) => inputs);
    this.#used = [...new Set([...keys, ...inputs])];
    this.#usedSchema = new Schema(this.#used.map((index) => inputSchema.fields[index]));
    this.#hiddenResults = this.#grid.isTumbling ? 0 : 1;
    const aggregates = this.#grid.isTumbling ? spec.aggregates : [ROW_COUNT, ...spec.aggregates];
    this.#plan = new AggregatePlan(aggregates, this.#usedSchema);
    const keyFields = keys.map((index) => inputSchema.fields[index]);
    this.#keyTypes = keyFields.map(({ type }) => type);
    this.outputSchema = new Schema([
      ...keyFields,
      { name: spec.windowStart ?? "windowStart", type: timestamp("ms") },
      { name: spec.windowEnd ?? "windowEnd", type: timestamp("ms") },
      ...this.#plan.resultFields.slice(this.#hiddenResults),
    ]);
    this.#stateSchema = paneStateSchema(keyFields, this.#plan);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const keys = this.#spec.keys.map((_, i) => i);
    const store = new PaneStore(workspace, this.#grid, keys, this.#keyTypes, this.#plan);
    this.#store = store;
    const isOrdered = this.#spec.aggregates.some(({ fn }) => ORDERED.has(fn));
    this.#merger = new PaneMerger(workspace, this.#keyTypes, this.#plan, isOrdered, (range) => store.sorted(range));
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, WHAT);
    const covered = this.#grid.hasGaps ? this.#withoutGaps(this.#timed(batch)) : this.#timed(batch);
    const rows = this.#project(this.#isEventTime ? this.#withoutLate(covered, output) : covered);
    try {
      if (rows.rowCount === 0) return "done";
      this.#openStore().update(rows, WHAT);
      this.#countBytes();
      this.#requestTime();
      const firedMs = this.#firedBoundMs();
      if (!isBefore(this.#context.workspace, rows, firedMs)) return "done";
      this.#merger?.forget();
      if (this.#latenessMs === 0) return "done";
      return this.#emit(this.#changedWindows(rows.retain(), firedMs), output);
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
      return this.#emit(this.#earlyResults(), output, () => this.#openStore().clearChanges());
    };
    if (this.#isEventTime) return early();
    // A window is over once the clock has reached its end, which is no time of its own any more.
    const reachedMs = nowMs === END_OF_TIME_MS ? nowMs : nowMs - 1;
    if (reachedMs <= this.#timeMs) return early();
    const progress = this.#advance(reachedMs, output, () => this.#requestTime());
    return progress === "done" ? early() : progress;
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const next = output.isClosed ? undefined : this.#emission?.next();
      if (next === undefined || next.done) {
        this.#emission?.return();
        this.#emission = undefined;
        const after = this.#afterEmission;
        this.#afterEmission = () => {};
        after(output);
        return "done";
      }
      output.emit(next.value);
    }
    return "more";
  }

  endInput(): Progress {
    return "done";
  }

  pendingTimes(): readonly PendingTime[] {
    const pending: PendingTime[] = [];
    let window = this.#nextWindow(this.#firstOpenWindow());
    for (let tried = 0; tried < MOST_TRIED && pending.length < PENDING && Number.isFinite(window); tried++) {
      const isOpen = this.#openStore().hasRows(this.#grid.panesOf(window));
      const [startMs, endMs] = [this.#grid.windowStartMs(window), this.#grid.windowEndMs(window)];
      if (isOpen)
        pending.push({
          what: `window [${formatTimeMs(startMs)}, ${formatTimeMs(endMs)})`,
          timeDomain: this.#isEventTime ? "event" : "processing",
          atMs: this.#isEventTime ? endMs - 1 : endMs,
          count: 1,
        });
      window = this.#nextWindow(window + 1);
    }
    return pending;
  }

  snapshotState(writer: SnapshotWriter): void {
    const live = { first: this.#firstLivePane(), end: Number.POSITIVE_INFINITY };
    writePanes(this.#context, writer, this.#stateSchema, {
      pieces: this.#openStore().groups(live, "states", this.#context.batchRows),
      grid: this.#grid,
      timeMs: this.#timeMs,
    });
  }

  restoreState(reader: SnapshotReader): void {
    const { workspace } = this.#context;
    this.#timeMs = readProgress(workspace, reader, this.#grid) ?? this.#timeMs;
    for (const states of readPanes(reader)) {
      try {
        this.#openStore().merge(states, WHAT);
      } finally {
        states.release();
      }
    }
    this.#countBytes();
    this.#requestTime();
  }

  close(): void {
    this.#emission?.return();
    this.#emission = undefined;
    this.#merger?.release();
    this.#store?.release();
    this.#store = undefined;
  }

  #openStore(): PaneStore {
    assert(this.#store !== undefined, "the operator is open");
    return this.#store;
  }

  /** The rows with the times that say which windows they are in. */
  #timed(batch: Batch): Batch {
    if (this.#isEventTime) {
      eventTimesOf(batch, WHAT);
      return batch.retain();
    }
    const { workspace, stream } = this.#context;
    // The clock may jump back, but no row goes to a window that has fired.
    const nowMs = Math.max(stream?.processingTimeMs() ?? 0, this.#firedBoundMs());
    const data = workspace.allocate(batch.rowCount * 8);
    workspace.kernels.eventTimeFill(nowMs, batch.rowCount, data.address);
    const times = columnOf(workspace, int64, batch.rowCount, { data });
    const columns = batch.columns.map((column) => column.retain());
    return new Batch(batch.schema, batch.rowCount, columns, { times });
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
    if (late !== undefined) {
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
    return this.#emit(this.#windows(from, before), output, () => {
      this.#openStore().dropBefore(this.#firstLivePane());
      if (this.#openStore().isEmpty) this.#merger?.forget();
      this.#countBytes();
      after();
    });
  }

  #emit(emission: Generator<Batch, void, void>, output: Output, after: (output: Output) => void = () => {}): Progress {
    this.#emission = emission;
    this.#afterEmission = after;
    return this.resume(output);
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

  /** The first window from `window` on that may have rows; infinity where there is none. */
  #nextWindow(window: number): number {
    const first = Number.isFinite(window) ? this.#grid.panesOf(window).first : window;
    const pane = this.#openStore().nextPane(first);
    return Number.isFinite(pane) ? Math.max(window, this.#grid.firstWindowOf(pane)) : Number.POSITIVE_INFINITY;
  }

  /** Results of the windows [from, before). */
  #windows(from: number, before: number): Generator<Batch, void, void> {
    assert(this.#merger !== undefined, "the operator is open");
    return this.#grid.isTumbling ? this.#panes(from, before) : this.#merged(this.#merger, from, before);
  }

  /** Tumbling windows: each pane is one. */
  *#panes(from: number, before: number): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    for (const piece of this.#openStore().groups({ first: from, end: before }, "results", batchRows)) {
      const { rowCount, keys, panes, values } = piece.groups;
      const starts = workspace.allocate(rowCount * 8);
      const { offsetMs, periodMs, cutMs } = this.#grid;
      const { windowPaneStarts } = workspace.kernels;
      windowPaneStarts(panes.data, rowCount, piece.firstPane, offsetMs, periodMs, cutMs, starts.address);
      panes.release();
      yield this.#resultBatch(rowCount, keys, starts, this.#shifted(starts, rowCount, periodMs), values);
    }
  }

  /** Windows of several panes, as many at a time as fill a batch. */
  *#merged(merger: PaneMerger, from: number, before: number): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const store = this.#openStore();
    const limit = Number.isFinite(before) ? this.#grid.panesOf(before - 1).end : Number.POSITIVE_INFINITY;
    let window = this.#nextWindow(from);
    while (window < before) {
      const target = new AggregateSet(workspace, this.#plan);
      const parts: { window: number; keyCount: number }[] = [];
      let rowCount = 0;
      try {
        while (window < before && (rowCount === 0 || rowCount + merger.keyCount <= batchRows)) {
          const range = this.#grid.panesOf(window);
          if (rowCount > 0 && merger.wouldRenumber(range)) break;
          merger.moveTo(range, Math.max(range.end, Math.min(limit, store.endPane)));
          const { keyCount } = merger;
          merger.mergeInto(target, range.first, rowCount, rowCount + keyCount);
          parts.push({ window, keyCount });
          rowCount += keyCount;
          window = this.#nextWindow(window + 1);
        }
        const [numbers, starts, ends] = [4, 8, 8].map((width) => workspace.allocate(rowCount * width));
        let row = 0;
        for (const { window, keyCount } of parts) {
          const { kernels } = workspace;
          kernels.groupSequence(0, keyCount, numbers.address + row * 4);
          kernels.eventTimeFill(this.#grid.windowStartMs(window), keyCount, starts.address + row * 8);
          kernels.eventTimeFill(this.#grid.windowEndMs(window), keyCount, ends.address + row * 8);
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
    const { workspace } = this.#context;
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
    const { workspace } = this.#context;
    const times = columnOf(workspace, int64, count, { data: this.#shifted(ends, count, -1) });
    const bounds = [starts, ends].map((data) => columnOf(workspace, timestamp("ms"), count, { data }));
    return new Batch(this.outputSchema, count, [...keys, ...bounds, ...values], { times });
  }

  #shifted(times: Block, count: number, byMs: number): Block {
    const block = this.#context.workspace.allocate(count * 8);
    this.#context.workspace.kernels.windowShift(times.address, count, byMs, block.address);
    return block;
  }

  /** New results of the windows that have fired before and that these rows have changed; takes the rows over. */
  *#changedWindows(rows: Batch, firedMs: number): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const windows = { first: this.#windowAfter(this.#timeMs - this.#latenessMs), end: this.#firstOpenWindow() };
    const late = new ChangedWindows(workspace, this.#grid, this.#plan, this.#openStore(), this.#keyTypes);
    try {
      const { first, end } = late.take(rows, this.#keyTypes.length, firedMs, windows);
      for (let window = first; window < end; window++) {
        const found = late.results(window);
        if (found === undefined) continue;
        const values = found.results.slice(this.#hiddenResults);
        for (const column of found.results.slice(0, this.#hiddenResults)) column.release();
        const [starts, ends] = [this.#grid.windowStartMs(window), this.#grid.windowEndMs(window)].map((timeMs) => {
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

  /** Results so far of the windows that have changed and not fired. */
  *#earlyResults(): Generator<Batch, void, void> {
    const store = this.#openStore();
    const changed = store.changedPanes;
    if (changed === undefined) return;
    const from = Math.max(this.#firstOpenWindow(), this.#grid.firstWindowOf(changed.first));
    const before = this.#grid.lastWindowOf(changed.end - 1) + 1;
    if (this.#grid.isTumbling) {
      yield* this.#panes(from, before);
      return;
    }
    const isOrdered = this.#spec.aggregates.some(({ fn }) => ORDERED.has(fn));
    const { workspace } = this.#context;
    const merger = new PaneMerger(workspace, this.#keyTypes, this.#plan, isOrdered, (range) => store.sorted(range));
    try {
      yield* this.#merged(merger, from, before);
    } finally {
      merger.release();
    }
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
    const window = this.#nextWindow(this.#firstOpenWindow());
    if (Number.isFinite(window)) stream.requestProcessTime(this.#grid.windowEndMs(window));
  }

  /** Keeps the metric "windowStateBytes" at what the panes take. */
  #countBytes(): void {
    const bytes = this.#store?.memoryBytes ?? 0;
    if (bytes !== this.#countedBytes) this.#context.count("windowStateBytes", bytes - this.#countedBytes);
    this.#countedBytes = bytes;
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
