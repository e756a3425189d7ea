import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import { PlanError } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { readTimes, TimedRows } from "../process/timed-rows.ts";
import { eventTimesOf, refuseChangelog, restoreWatermark, snapshotWatermark } from "../row-state/stream-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../state/keyed-backend.ts";
import { KeyColumns, type StateKey } from "../state/state-key.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { formatTimeMs } from "../time/format-time.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { utf8 } from "../types.ts";
import { CountEvictor, type Evictor, type TimedRow } from "../windows/evictor.ts";
import { compareKeys, compareOpen, type KeyMap, OpenWindow, WindowsOfKey } from "../windows/open-windows.ts";
import { TimeQueue } from "../windows/time-queue.ts";
import type { Trigger, TriggerResult } from "../windows/trigger.ts";
import { TriggerTimers } from "../windows/trigger-timers.ts";
import { CountTrigger, isFire, isPurge, NeverTrigger, PurgingTrigger } from "../windows/triggers.ts";
import { sameWindow, type TimeWindow } from "../windows/window.ts";
import {
  type AnyWindowSpec,
  checkAnyWindow,
  createAssigner,
  isMerging,
  type WindowAssigner,
} from "../windows/window-assigner.ts";
import type { ProcessWindow, ProcessWindowFunction, WindowCalculation } from "../windows/window-calculation.ts";
import { WindowCall } from "../windows/window-call.ts";
import { type Accumulation, createAccumulation } from "../windows/window-contents.ts";
import { readWindows, type WindowLayout, writeWindows } from "../windows/window-snapshot.ts";
import { checkLateness, type TimeDomain } from "../windows/window-spec.ts";
import type { ResultShape } from "./map-rows.ts";

/** What a window does by user code. */
export interface WindowFunctionSpec {
  /** Key columns; none means one key for all rows. */
  readonly keys: readonly string[];
  readonly window: AnyWindowSpec;
  readonly calculation: WindowCalculation;
  /** Default: EventTimeTrigger or ProcessingTimeTrigger by the domain, NeverTrigger for global windows. */
  readonly trigger?: Trigger;
  readonly evictor?: Evictor;
  /** Event time only: so long behind its end a window still takes rows. */
  readonly allowedLatenessMs?: number;
}

export interface WindowFunctionOptions {
  /** Columns of the results; reduce alone has those of the input. */
  readonly shape?: ResultShape;
  /** Side outputs of a process function by tag. */
  readonly sideOutputs?: Readonly<Record<string, ResultShape>>;
  readonly site: FunctionSite;
  /** Where windowState and globalState of a process function are kept. */
  readonly state?: KeyedStateFactory;
}

/** Where late rows go. */
export const LATE_TAG = "late";

/** Batches that one call emits at most, about: what one window gives is given at once. */
const BATCHES_PER_CALL = 4;
const COMPACT_SIZE = 64;
const PENDING_TIMES = 4;

/** Time goes on in a domain; the watermark travels on behind it. */
interface Advance {
  readonly domain: TimeDomain;
  readonly toMs: number;
  readonly watermark?: Watermark;
  /** Windows that are due at one time, and how many of them were called. */
  timeMs: number;
  items: readonly OpenWindow[];
  at: number;
  isTimer: boolean;
}

/**
 * Windows with user code: functions, triggers, evictors, assigners.
 * Input:     any columns, inserts only; windows of event time need row times.
 * Output:    the columns of the shape (of the input for reduce alone), per firing one row of reduce or aggregate, or the
 *            rows of the process function. Row time: the window's last millisecond; of a global window, the time of its
 *            newest row; in processing time, the time of the firing.
 * State:     keyed: accumulators, or rows where the function or an evictor needs them, trigger state and timers per key
 *            and window; state of process functions. Freed when the window closes: at its end plus the allowed lateness.
 * Watermark: fires timers of event time and closes windows in the order of time, then travels on.
 * Late rows: rows all of whose windows are closed go to the side output "late" as they came, and are counted as
 *            lateRows. A row that joins an open session is not late. Rows in no window are counted as
 *            rowsOutsideWindows.
 * Errors:    UserFunctionError for what user code throws; those of RowWriter for what it gives.
 */
export class WindowFunctionOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #spec: WindowFunctionSpec;
  readonly #options: WindowFunctionOptions;
  readonly #inputSchema: Schema;
  readonly #accumulation: Accumulation | undefined;
  readonly #hasEvictor: boolean;
  readonly #process: UserFunction<ProcessWindow> | undefined;
  readonly #clearFunction: ProcessWindowFunction["clear"];
  readonly #where: string;
  /** Undefined: the default of the domain, which costs no timers. */
  readonly #trigger: Trigger | undefined;
  readonly #evictor: Evictor | undefined;
  readonly #latenessMs: number;
  #context!: OperatorContext;
  #assigner!: WindowAssigner;
  #reader!: RowReader;
  #keyColumns!: KeyColumns;
  #groups: GroupTable | undefined;
  #results: TimedRows | undefined;
  #sides = new Map<string, TimedRows>();
  #times!: TriggerTimers;
  #call!: WindowCall;
  #backend: KeyedStateBackend | undefined;
  readonly #keys: KeyMap = new Map();
  /** When windows close, or fire by default. */
  readonly #due = new TimeQueue<OpenWindow>();
  #openCount = 0;
  #reportedCount = 0;
  #hasEnded = false;
  /** What a call has not finished. */
  #batch: Batch | undefined;
  #row = 0;
  #rowTimes: ((row: number) => number) | undefined;
  #rowGroups: Uint32Array = new Uint32Array(0);
  #batchKeys: WindowsOfKey[] = [];
  #lateRows: number[] = [];
  #advances: Advance[] = [];

  /**
   * @throws {PlanError} WINDOW_*_INVALID, WINDOW_TRIGGER_UNMERGEABLE, WINDOW_SHAPE_MISSING, COLUMN_UNKNOWN
   */
  constructor(spec: WindowFunctionSpec, inputSchema: Schema, options: WindowFunctionOptions) {
    const { calculation, window } = spec;
    checkAnyWindow(window, inputSchema);
    checkLateness(spec.allowedLatenessMs ?? 0);
    for (const key of spec.keys) inputSchema.indexOf(key);
    this.#spec = spec;
    this.#options = options;
    this.#inputSchema = inputSchema;
    const { trigger, evictor } = triggerAndEvictor(spec);
    this.#trigger = trigger;
    this.#evictor = evictor;
    this.#hasEvictor = evictor !== undefined;
    if (isMerging(window) && trigger !== undefined && trigger.onMerge === undefined) throw unmergeable(options.site);
    this.#latenessMs = "domain" in window && window.domain === "processing" ? 0 : (spec.allowedLatenessMs ?? 0);
    const whole = calculation.process;
    this.#process = whole && new UserFunction<ProcessWindow>(whole, "process", options.site);
    this.#clearFunction = typeof whole === "object" ? whole.clear?.bind(whole) : undefined;
    this.#accumulation = createAccumulation(calculation, inputSchema, options.site);
    this.#where = (this.#process ?? this.#accumulation?.user)?.where ?? options.site.name;
    const schema = options.shape?.schema ?? (calculation.kind === "reduce" && !whole ? inputSchema : undefined);
    if (schema === undefined) throw shapeMissing(options.site);
    this.outputSchema = schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream } = context;
    const { keys, window } = this.#spec;
    const { shape, sideOutputs = {}, state } = this.#options;
    const where = this.#where;
    const maxParallelism = stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM;
    this.#context = context;
    this.#assigner = createAssigner(workspace, window, this.#inputSchema);
    this.#reader = createRowReader(workspace, this.#inputSchema);
    this.#keyColumns = new KeyColumns(workspace, this.#inputSchema, keys, maxParallelism);
    const keyTypes = this.#keyColumns.fields.map(({ type }) => type);
    this.#groups = keyTypes.length === 0 ? undefined : new GroupTable(workspace, keyTypes);
    this.#results = new TimedRows(workspace, { ...shape, schema: this.outputSchema }, { where, batchRows });
    for (const [tag, side] of Object.entries(sideOutputs)) {
      this.#sides.set(tag, new TimedRows(workspace, side, { where: `${where}, side output "${tag}"`, batchRows, tag }));
    }
    this.#times = new TriggerTimers(stream?.isBatchMode ?? false);
    this.#backend = state?.({
      workspace,
      keys: this.#keyColumns,
      keyGroups: stream?.keyGroups ?? { start: 0, end: maxParallelism },
      clock: {
        processingTimeMs: () => this.#times.currentProcessingTimeMs,
        eventTimeMs: () => this.#times.currentWatermarkMs,
        watermarkMs: () => this.#times.currentWatermarkMs,
      },
      namespaceType: utf8,
    });
    this.#call = new WindowCall({
      where,
      times: this.#times,
      backend: this.#backend,
      sides: this.#sides,
      keyNames: keys,
      isMerging: this.#assigner.merge !== undefined,
    });
    this.#accumulation?.open(context, this.#reader);
    this.#process?.open(context);
    const user = this.#process ?? this.#accumulation?.user;
    if (user !== undefined) this.#call.runtime = user.context;
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, this.#where);
    if (!this.#assigner.isGlobal && this.#assigner.domain === "event") eventTimesOf(batch, this.#where);
    const { workspace } = this.#context;
    this.#batch = batch.retain();
    this.#row = 0;
    this.#lateRows = [];
    this.#rowTimes = this.#assigner.domain === "event" ? readTimes(workspace, batch) : undefined;
    this.#reader.bind(batch);
    this.#bindKeys(batch);
    try {
      this.#assigner.bind(batch);
    } catch (thrown) {
      throw this.#wrap(thrown);
    }
    return this.resume(output);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#advances.push(newAdvance("event", watermark.timeMs, watermark));
    return this.resume(output);
  }

  processTime(nowMs: number, output: Output): Progress {
    this.#advances.push(newAdvance("processing", nowMs));
    return this.resume(output);
  }

  endInput(output: Output): Progress {
    // Bounded input of a batch job: nobody has told the end of time.
    if (!this.#hasEnded) {
      this.#advances.push(newAdvance("processing", END_OF_TIME_MS), newAdvance("event", END_OF_TIME_MS));
    }
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const results = this.#results;
    if (results === undefined) return "done";
    for (const rows of [results, ...this.#sides.values()]) {
      rows.output = output;
      rows.emitted = 0;
    }
    this.#readClock();
    try {
      if (this.#batch !== undefined && !this.#processRows(this.#batch, results, output)) return "more";
      for (let next = this.#advances[0]; next !== undefined; next = this.#advances[0]) {
        if (!this.#advance(next, results)) return "more";
        this.#advances.shift();
        for (const rows of [results, ...this.#sides.values()]) rows.flush();
        if (next.watermark !== undefined) output.emitWatermark(next.watermark);
      }
    } catch (thrown) {
      throw this.#wrap(thrown);
    }
    for (const rows of [results, ...this.#sides.values()]) rows.flush();
    this.#finishCall();
    return "done";
  }

  pendingTimes(): readonly PendingTime[] {
    const pending: PendingTime[] = [];
    const add = (timeDomain: TimeDomain, what: string, found: ReturnType<TriggerTimers["first"]>) => {
      for (const { timeMs, items } of found) {
        pending.push({
          what: `${what} ${formatWindow(items[0].window)}`,
          timeDomain,
          atMs: timeMs,
          count: items.length,
        });
      }
    };
    const isDefault = this.#trigger === undefined;
    const due = this.#due.first(PENDING_TIMES, (open, timeMs) => !open.isClosed && open.queuedMs === timeMs);
    add(this.#assigner.domain, isDefault ? "window" : "end of window", due);
    for (const domain of ["event", "processing"] as const) {
      add(domain, "trigger of window", this.#times.first(domain, PENDING_TIMES));
    }
    return pending.sort((a, b) => a.atMs - b.atMs).slice(0, PENDING_TIMES);
  }

  snapshotState(writer: SnapshotWriter): void {
    snapshotWatermark(this.#context.workspace, writer, this.#times.currentWatermarkMs);
    const keys = [...this.#keys.values()].sort((a, b) => compareKeys(a.key, b.key));
    writeWindows(
      this.#layout,
      writer,
      keys.flatMap((key) => key.all()),
    );
    this.#backend?.snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#times.currentWatermarkMs = restoreWatermark(this.#context.workspace, reader);
    this.#readClock();
    readWindows(this.#layout, reader, {
      openWindow: (key, window) => this.#openWindow(this.#windowsOf(key), window),
      timer: (open, domain, timeMs) => this.#times.restore(domain, open, timeMs),
    });
    this.#backend?.restore(reader);
    this.#finishCall();
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    this.#batch?.release();
    this.#batch = undefined;
    try {
      results?.close();
      for (const side of this.#sides.values()) side.close();
      this.#sides.clear();
      this.#groups?.release();
      this.#groups = undefined;
      if (results !== undefined) this.#assigner.close();
      this.#backend?.close();
      this.#keys.clear();
      this.#due.clear();
      if (results !== undefined) this.#times.clear();
    } finally {
      try {
        this.#accumulation?.close();
      } finally {
        this.#process?.close();
      }
    }
  }

  get #layout(): WindowLayout {
    return {
      workspace: this.#context.workspace,
      keys: this.#keyColumns,
      schema: this.#inputSchema,
      accumulation: this.#hasEvictor ? undefined : this.#accumulation,
      where: this.#where,
    };
  }

  /** Numbers the keys of a batch, so that each is looked up once. */
  #bindKeys(batch: Batch): void {
    const { workspace } = this.#context;
    this.#keyColumns.bind(batch);
    this.#batchKeys = [];
    if (this.#groups === undefined) return;
    const columns = this.#spec.keys.map((key) => batch.column(key));
    const groups = this.#groups.assign(columns, batch.rowCount);
    this.#rowGroups = workspace.u32.slice(groups.address >>> 2, (groups.address >>> 2) + batch.rowCount);
    groups.release();
    this.#groups.reset();
  }

  /** The windows of the key of a row; rows are asked for in order, and groups are numbered as they come. */
  #keyOfRow(row: number): WindowsOfKey {
    const group = this.#groups === undefined ? 0 : this.#rowGroups[row];
    const known = this.#batchKeys[group];
    if (known !== undefined) return known;
    const key = this.#windowsOf(this.#keyColumns.at(row));
    this.#batchKeys[group] = key;
    return key;
  }

  #windowsOf(key: StateKey): WindowsOfKey {
    return this.#keys.get(key.id) ?? new WindowsOfKey(key);
  }

  /** False where enough was emitted for one call. */
  #processRows(batch: Batch, results: TimedRows, output: Output): boolean {
    const { rowCount } = batch;
    const times = this.#rowTimes;
    const nowMs = this.#times.currentProcessingTimeMs;
    while (this.#row < rowCount) {
      const row = this.#row;
      this.#addRow(row, times === undefined ? nowMs : times(row));
      this.#row = row + 1;
      if (results.emitted >= BATCHES_PER_CALL && this.#row < rowCount) return false;
    }
    this.#reader.unbind();
    this.#keyColumns.unbind();
    this.#assigner.unbind();
    this.#batch = undefined;
    this.#batchKeys = [];
    this.#backend?.cleanUp(rowCount);
    const late = this.#lateRows;
    this.#lateRows = [];
    if (late.length > 0) this.#emitLate(batch, late, output);
    batch.release();
    return true;
  }

  #emitLate(batch: Batch, late: readonly number[], output: Output): void {
    const { workspace } = this.#context;
    this.#context.count("lateRows", late.length);
    if (late.length === batch.rowCount) {
      output.emitSide(LATE_TAG, batch.retain());
      return;
    }
    const rows = workspace.allocate(late.length * 4);
    workspace.u32.set(late, rows.address >>> 2);
    output.emitSide(LATE_TAG, gatherBatch(workspace, batch, rows.address, late.length));
    rows.release();
  }

  #addRow(row: number, timeMs: number): void {
    const reader = this.#reader;
    const view = reader.viewAt(row);
    const windows = this.#assigner.windowsOf(row, view, timeMs);
    const key = this.#keyOfRow(row);
    const trigger = this.#trigger;
    const accumulation = this.#hasEvictor ? undefined : this.#accumulation;
    let copy: Row | undefined;
    let isLate = true;
    for (let i = 0; i < windows.length; i++) {
      const open = this.#placeOf(key, windows[i]);
      if (open === undefined) continue;
      isLate = false;
      if (accumulation !== undefined) {
        const { accumulator } = open;
        open.accumulator =
          accumulator === undefined ? accumulation.start(view, row) : accumulation.add(accumulator, view);
      } else {
        copy ??= reader.copyAt(row);
        open.rows.push(copy);
        open.times.push(timeMs);
      }
      if (timeMs > open.latestMs) open.latestMs = timeMs;
      if (trigger === undefined) {
        if (this.#hasFired(open.window)) this.#fire(open);
      } else {
        this.#obey(open, trigger.onElement(view, timeMs, open.window, this.#times.of(open)));
      }
    }
    reader.retire(view);
    if (!isLate) return;
    if (windows.length > 0) this.#lateRows.push(row);
    else this.#context.count("rowsOutsideWindows", 1);
  }

  /** The open window that a row goes to; undefined where it is closed. */
  #placeOf(key: WindowsOfKey, window: TimeWindow): OpenWindow | undefined {
    const { merge, hasUniqueEnds } = this.#assigner;
    if (merge !== undefined) return this.#mergedPlace(key, window, merge);
    return key.find(window, hasUniqueEnds) ?? (this.#isClosed(window) ? undefined : this.#openWindow(key, window));
  }

  #mergedPlace(
    key: WindowsOfKey,
    added: TimeWindow,
    merge: NonNullable<WindowAssigner["merge"]>,
  ): OpenWindow | undefined {
    const all = key.all();
    const found = merge(
      all.map(({ window }) => window),
      added,
    );
    const window = found?.window ?? added;
    if (this.#isClosed(window)) return undefined;
    const parts =
      found === undefined ? [] : all.filter((open) => found.merged.some((one) => sameWindow(one, open.window)));
    if (parts.length === 0) return this.#openWindow(key, window);
    if (parts.length === 1 && sameWindow(parts[0].window, window)) return parts[0];
    return this.#merge(key, parts, window);
  }

  /** Makes one window of several, by start. */
  #merge(key: WindowsOfKey, parts: readonly OpenWindow[], window: TimeWindow): OpenWindow {
    const trigger = this.#trigger;
    if (trigger === undefined && parts.length === 1) return this.#extend(parts[0], window);
    for (const part of parts) this.#retire(part);
    const merged = this.#openWindow(key, window);
    for (const part of parts) {
      const { accumulator, rows, times } = part;
      if (merged.accumulator === undefined) merged.accumulator = accumulator;
      else if (accumulator !== undefined) {
        merged.accumulator = this.#accumulation?.merge(merged.accumulator, accumulator);
      }
      merged.rows = merged.rows.length === 0 ? rows : merged.rows.concat(rows);
      merged.times = merged.times.length === 0 ? times : merged.times.concat(times);
      merged.latestMs = Math.max(merged.latestMs, part.latestMs);
    }
    if (trigger === undefined) return merged;
    const times = this.#times;
    times.mergedStates = parts.flatMap(({ triggerState }) => (triggerState === undefined ? [] : [triggerState]));
    trigger.onMerge?.(window, times.of(merged));
    times.mergedStates = [];
    for (const part of parts) {
      trigger.clear(part.window, times.of(part));
      times.drop(part);
    }
    return merged;
  }

  /** Sessions grow row by row: without timers of a trigger the open window stays, and is queued anew once it is due. */
  #extend(open: OpenWindow, window: TimeWindow): OpenWindow {
    const { owner } = open;
    const { hasUniqueEnds } = this.#assigner;
    owner.remove(open, hasUniqueEnds);
    open.window = window;
    owner.add(open, hasUniqueEnds);
    open.dueMs = this.#firstDueMs(window);
    this.#queue(open);
    return open;
  }

  #openWindow(key: WindowsOfKey, window: TimeWindow): OpenWindow {
    const { hasUniqueEnds } = this.#assigner;
    const known = key.find(window, hasUniqueEnds);
    if (known !== undefined) return known;
    if (key.isEmpty) this.#keys.set(key.key.id, key);
    const open = new OpenWindow(key, window);
    key.add(open, hasUniqueEnds);
    this.#openCount++;
    open.dueMs = this.#firstDueMs(window);
    this.#queue(open);
    return open;
  }

  #firstDueMs(window: TimeWindow): number {
    const isDefault = this.#trigger === undefined && this.#assigner.domain === "event";
    return isDefault && !this.#hasFired(window) ? window.endMs - 1 : this.#closeMs(window);
  }

  /** When nothing is left of a window; infinity for a global one. */
  #closeMs({ endMs }: TimeWindow): number {
    if (this.#assigner.isGlobal) return Number.POSITIVE_INFINITY;
    if (this.#assigner.domain === "processing") return endMs;
    return Math.min(endMs - 1 + this.#latenessMs, END_OF_TIME_MS);
  }

  #isClosed(window: TimeWindow): boolean {
    return this.#assigner.domain === "event" && this.#closeMs(window) <= this.#times.currentWatermarkMs;
  }

  /** Whether an event-time window has fired by default. */
  #hasFired({ endMs }: TimeWindow): boolean {
    return endMs - 1 <= this.#times.currentWatermarkMs && this.#assigner.domain === "event";
  }

  #queue(open: OpenWindow): void {
    if (open.dueMs >= open.queuedMs) return;
    open.queuedMs = open.dueMs;
    this.#due.add(open.dueMs, open);
  }

  /** Calls what is due, in the order of time; false where enough was emitted for one call. */
  #advance(advance: Advance, results: TimedRows): boolean {
    const { domain, toMs } = advance;
    const times = this.#times;
    if (domain === "event") times.currentWatermarkMs = toMs;
    else times.isClockStopped ||= toMs >= END_OF_TIME_MS;
    this.#hasEnded ||= domain === "event" && toMs >= END_OF_TIME_MS;
    const due = domain === this.#assigner.domain ? this.#due : undefined;
    for (;;) {
      while (advance.at < advance.items.length) {
        const open = advance.items[advance.at++];
        if (advance.isTimer) this.#callTrigger(open, domain, advance.timeMs);
        else this.#takeDue(open, advance.timeMs);
        if (results.emitted >= BATCHES_PER_CALL) return false;
      }
      const timerMs = times.nextMs(domain);
      const dueMs = due?.nextMs ?? Number.POSITIVE_INFINITY;
      if (Math.min(timerMs, dueMs) > toMs) return true;
      // Of one time the trigger is asked first, then the window closes.
      advance.isTimer = timerMs <= dueMs || due === undefined;
      const next = advance.isTimer || due === undefined ? times.take(domain) : due.take();
      advance.timeMs = next.timeMs;
      // Functions with state of a key see its windows in one order, whatever was restored.
      advance.items =
        this.#process === undefined && this.#trigger === undefined ? next.items : [...next.items].sort(compareOpen);
      advance.at = 0;
    }
  }

  #callTrigger(open: OpenWindow, domain: TimeDomain, timeMs: number): void {
    const times = this.#times;
    const trigger = this.#trigger;
    if (open.isClosed || trigger === undefined || !times.fire(domain, open, timeMs)) return;
    const result =
      domain === "event"
        ? trigger.onEventTime(timeMs, open.window, times.of(open))
        : trigger.onProcessingTime(timeMs, open.window, times.of(open));
    this.#obey(open, result);
  }

  #takeDue(open: OpenWindow, timeMs: number): void {
    if (open.isClosed || open.queuedMs !== timeMs) return;
    open.queuedMs = Number.POSITIVE_INFINITY;
    if (open.dueMs > timeMs) {
      this.#queue(open);
      return;
    }
    const closeMs = this.#closeMs(open.window);
    if (this.#trigger === undefined) {
      const fireMs = this.#assigner.domain === "event" ? open.window.endMs - 1 : closeMs;
      if (timeMs === fireMs) this.#fire(open);
    }
    if (closeMs <= timeMs) {
      this.#close(open);
      return;
    }
    open.dueMs = closeMs;
    this.#queue(open);
  }

  #obey(open: OpenWindow, result: TriggerResult): void {
    if (result === "CONTINUE") return;
    if (isFire(result)) this.#fire(open);
    if (!isPurge(result)) return;
    clearContents(open);
    // Nothing would ever close it: a global window that starts anew with the next row.
    const isIdle = open.triggerState === undefined && open.eventTimers.length + open.processingTimers.length === 0;
    if (open.dueMs === Number.POSITIVE_INFINITY && isIdle) this.#retire(open);
  }

  /** Gives the result of a window that has rows. */
  #fire(open: OpenWindow): void {
    const results = this.#results;
    if (results === undefined || (open.accumulator === undefined && open.rows.length === 0)) return;
    const timeMs = this.#resultMs(open);
    results.timeMs = timeMs;
    for (const side of this.#sides.values()) side.timeMs = timeMs;
    const evictor = this.#evictor;
    if (evictor === undefined) {
      const accumulation = this.#accumulation;
      const rows = accumulation === undefined ? open.rows : [accumulation.result(open.accumulator) as Row];
      this.#give(open, rows, results);
      return;
    }
    let kept: readonly TimedRow[] = open.rows.map((row, i) => ({ row, timestampMs: open.times[i] }));
    if (evictor.evictBefore !== undefined) kept = evictor.evictBefore(kept, open.window, this.#times);
    if (kept.length > 0) {
      const rows = kept.map(({ row }) => row);
      this.#give(open, this.#accumulation === undefined ? rows : [this.#accumulation.fold(rows) as Row], results);
      if (evictor.evictAfter !== undefined) kept = evictor.evictAfter(kept, open.window, this.#times);
    }
    open.rows = kept.map(({ row }) => row);
    open.times = kept.map(({ timestampMs }) => timestampMs);
  }

  #give(open: OpenWindow, rows: readonly Row[], results: TimedRows): void {
    if (this.#process === undefined) {
      results.collect(rows[0]);
      return;
    }
    const context = this.#call.of(open);
    for (const row of this.#process.call(context.key as never, context, rows)) results.collect(row);
  }

  #resultMs(open: OpenWindow): number {
    if (this.#assigner.isGlobal) return open.latestMs;
    if (this.#assigner.domain === "processing") return this.#times.currentProcessingTimeMs;
    return open.window.endMs - 1;
  }

  #close(open: OpenWindow): void {
    this.#trigger?.clear(open.window, this.#times.of(open));
    this.#times.drop(open);
    if (this.#process !== undefined) {
      const context = this.#call.of(open);
      this.#clearFunction?.(context);
      context.clearWindowStates();
    }
    this.#retire(open);
  }

  /** The window is no more; its timers and trigger state are the caller's. */
  #retire(open: OpenWindow): void {
    const { owner } = open;
    owner.remove(open, this.#assigner.hasUniqueEnds);
    if (owner.isEmpty) this.#keys.delete(owner.key.id);
    open.isClosed = true;
    this.#openCount--;
  }

  /** A clock that goes back would open windows that have fired. */
  #readClock(): void {
    const { stream, host } = this.#context;
    const nowMs = stream?.processingTimeMs() ?? host.clock.nowMs();
    if (nowMs > this.#times.currentProcessingTimeMs) this.#times.currentProcessingTimeMs = nowMs;
  }

  /** Asks for the next processing time, forgets stale times, and tells how much state there is. */
  #finishCall(): void {
    this.#backend?.setKey(undefined);
    this.#times.compact();
    if (this.#due.size > COMPACT_SIZE + this.#openCount * 2) {
      this.#due.compact((open, timeMs) => !open.isClosed && open.queuedMs === timeMs);
    }
    const dueMs = this.#assigner.domain === "processing" ? this.#due.nextMs : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(this.#times.nextMs("processing"), dueMs);
    if (nextMs < END_OF_TIME_MS) this.#context.stream?.requestProcessTime(nextMs);
    if (this.#openCount !== this.#reportedCount)
      this.#context.count("openWindows", this.#openCount - this.#reportedCount);
    this.#reportedCount = this.#openCount;
  }

  #wrap(thrown: unknown): unknown {
    const user = this.#process ?? this.#accumulation?.user;
    return user?.wrap(thrown, this.#batch === undefined ? undefined : this.#row) ?? thrown;
  }
}

const newAdvance = (domain: TimeDomain, toMs: number, watermark?: Watermark): Advance => ({
  domain,
  toMs,
  ...(watermark === undefined ? {} : { watermark }),
  timeMs: START_OF_TIME_MS,
  items: [],
  at: 0,
  isTimer: false,
});

function clearContents(open: OpenWindow): void {
  open.accumulator = undefined;
  // New arrays: a function may still read the old ones.
  open.rows = [];
  open.times = [];
  open.latestMs = Number.NEGATIVE_INFINITY;
}

/** Count windows are global windows whose trigger and evictor count. @throws {PlanError} WINDOW_TRIGGER_INVALID */
function triggerAndEvictor({ window, trigger, evictor }: WindowFunctionSpec): {
  readonly trigger: Trigger | undefined;
  readonly evictor: Evictor | undefined;
} {
  if (window.kind === "count") {
    if (trigger !== undefined || evictor !== undefined) throw countTriggered();
    const { rows, slideRows = rows } = window;
    if (slideRows === rows) return { trigger: PurgingTrigger.of(CountTrigger.of(rows)), evictor: undefined };
    return { trigger: CountTrigger.of(slideRows), evictor: CountEvictor.of(rows) };
  }
  const fallback = window.kind === "global" ? new NeverTrigger() : undefined;
  const custom = window.kind === "custom" ? window.defaultTrigger : undefined;
  return { trigger: trigger ?? custom ?? fallback, evictor };
}

function formatWindow({ startMs, endMs }: TimeWindow): string {
  return startMs === START_OF_TIME_MS ? "of all rows" : `[${formatTimeMs(startMs)}, ${formatTimeMs(endMs)})`;
}

const countTriggered = (): PlanError =>
  new PlanError(
    "WINDOW_TRIGGER_INVALID",
    "A count window was given a trigger or an evictor of its own.",
    "Use a global window with that trigger and evictor.",
  );

const unmergeable = ({ name }: FunctionSite): PlanError =>
  new PlanError(
    "WINDOW_TRIGGER_UNMERGEABLE",
    `${name} has windows that merge and a trigger that cannot: it has no onMerge.`,
    "Add onMerge to the trigger, or use windows that do not merge.",
  );

const shapeMissing = ({ name }: FunctionSite): PlanError =>
  new PlanError(
    "WINDOW_SHAPE_MISSING",
    `The columns that ${name} gives are not known.`,
    "Declare the columns of the result.",
  );
