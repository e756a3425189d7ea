import type { Batch } from "../batch.ts";
import { PlanError } from "../errors.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { checkKeys } from "../process/check-function.ts";
import { FunctionOutputs } from "../process/function-outputs.ts";
import type { TimedRows } from "../process/timed-rows.ts";
import { restoreWatermark, snapshotWatermark } from "../row-state/stream-rows.ts";
import type { Row } from "../rows/row-view.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import { Schema } from "../schema.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../state/keyed-backend.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { formatTimeMs } from "../time/format-time.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { utf8 } from "../types.ts";
import type { Evictor } from "../windows/evictor.ts";
import { type FiringRules, firingRules } from "../windows/firing-rules.ts";
import { type KeptRows, keptRows, keptTaggedRows } from "../windows/kept-rows.ts";
import type { Trigger } from "../windows/trigger.ts";
import { TriggerTimers } from "../windows/trigger-timers.ts";
import type { TimeWindow } from "../windows/window.ts";
import { type AnyWindowSpec, checkAnyWindow, type WindowAssigner } from "../windows/window-assigner.ts";
import type { ProcessWindow, WindowCalculation } from "../windows/window-calculation.ts";
import { WindowCall } from "../windows/window-call.ts";
import { type Accumulation, createAccumulation } from "../windows/window-contents.ts";
import { WindowFiring } from "../windows/window-firing.ts";
import { WindowProgress } from "../windows/window-progress.ts";
import { WindowSet } from "../windows/window-set.ts";
import { readWindows, type WindowLayout, writeWindows } from "../windows/window-snapshot.ts";
import { checkLateness, type TimeDomain } from "../windows/window-spec.ts";
import { shownSchema, WindowedInput, type WindowInputSpec } from "../windows/windowed-input.ts";
import { LATE_TAGS } from "./interval-join.ts";
import type { ResultShape } from "./map-rows.ts";

/** What a window does by user code. */
export interface WindowFunctionSpec {
  /** Key columns; none means one key for all rows. */
  readonly keys: readonly string[];
  readonly window: AnyWindowSpec;
  readonly calculation: WindowCalculation;
  /** Default: EventTimeTrigger or ProcessingTimeTrigger by the domain; global windows fire at the end of the input. */
  readonly trigger?: Trigger;
  readonly evictor?: Evictor;
  /** Event time only: so long behind its end a window still takes rows. */
  readonly allowedLatenessMs?: number;
  /**
   * Event time only: windows wait so long for rows that are late before they give their result; what is passed on of
   * event time is behind by as much.
   */
  readonly waitsMs?: number;
}

/** Two streams that share windows, with keys of the same types. */
export type TwoInputs = readonly [left: WindowInputSpec, right: WindowInputSpec];

export interface WindowFunctionOptions {
  /** Columns of the results; reduce alone has those of the input. */
  readonly shape?: ResultShape;
  /** Side outputs of a process function by tag. */
  readonly sideOutputs?: Readonly<Record<string, ResultShape>>;
  readonly site: FunctionSite;
  /** Where windowState and globalState of a process function are kept. */
  readonly state?: KeyedStateFactory;
}

/** Where late rows go, but those of two streams: see LATE_TAGS. */
export const LATE_TAG = "late";

/** Batches that one call emits at most, about: what one window gives is given at once. */
const BATCHES_PER_CALL = 4;
const PENDING_TIMES = 4;

/**
 * Windows with user code: functions, triggers, evictors, assigners.
 * Input:     any columns, inserts only; windows of event time need row times. Of two inputs, functions get the rows of both
 *            as `TaggedRow`, those of one key in the order in which they came.
 * Output:    the columns of the shape (of the input for reduce alone), per firing one row of reduce or aggregate, or the
 *            rows of the process function. Row time: the window's last millisecond; of a global window, the time of its
 *            newest row, or of the timer of event time that fires it, which at the end of the input is
 *            LAST_EVENT_TIME_MS; in processing time, the time of the firing.
 * State:     keyed: accumulators, or rows where the function or an evictor needs them, trigger state and timers per key
 *            and window; state of process functions. Freed when the window closes: at its end plus the allowed lateness.
 * Watermark: fires timers of event time and closes windows in the order of time, then travels on.
 * Late rows: rows all of whose windows are closed go to the side output "late" as they came, and are counted as
 *            lateRows. A row that joins an open session is not late. Rows in no window are counted as
 *            rowsOutsideWindows. Those of two inputs: "lateLeft" and "lateRight".
 * Errors:    UserFunctionError for what user code throws; those of RowWriter for what it gives.
 */
export class WindowFunctionOperator implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount: number;
  readonly #spec: WindowFunctionSpec;
  readonly #options: WindowFunctionOptions;
  readonly #inputSpecs: readonly WindowInputSpec[];
  readonly #keptRows: KeptRows;
  readonly #accumulation: Accumulation | undefined;
  readonly #process: UserFunction<ProcessWindow> | undefined;
  readonly #where: string;
  readonly #rules: FiringRules;
  #context!: OperatorContext;
  #assigner!: WindowAssigner;
  #inputs: readonly WindowedInput[] = [];
  #outputs: FunctionOutputs | undefined;
  #times!: TriggerTimers;
  #windows!: WindowSet;
  #progress!: WindowProgress;
  #backend: KeyedStateBackend | undefined;
  #reportedCount = 0;
  #openInputs: number;
  /** What a call has not finished: rows of this input. */
  #input: WindowedInput | undefined;
  #lateTag = LATE_TAG;
  #row = 0;
  #lateRows: number[] = [];

  /**
   * @throws {PlanError} WINDOW_*_INVALID, WINDOW_TRIGGER_UNMERGEABLE, WINDOW_SHAPE_MISSING, COLUMN_UNKNOWN
   */
  constructor(spec: WindowFunctionSpec, inputs: Schema | TwoInputs, options: WindowFunctionOptions) {
    const { calculation, window, allowedLatenessMs = 0, waitsMs = 0 } = spec;
    checkLateness(allowedLatenessMs);
    checkLateness(waitsMs);
    this.#inputSpecs = inputs instanceof Schema ? [{ schema: inputs, keys: spec.keys }] : inputs;
    this.inputCount = this.#inputSpecs.length;
    this.#openInputs = this.inputCount;
    for (const { schema, keys } of this.#inputSpecs) {
      checkAnyWindow(window, schema);
      for (const key of keys) schema.indexOf(key);
    }
    checkKeys(this.#inputSpecs, true, options.site);
    const schemas = this.#inputSpecs.map(shownSchema);
    const [inputSchema] = schemas;
    this.#keptRows = schemas.length === 1 ? keptRows(inputSchema) : keptTaggedRows(inputSchema, schemas[1]);
    this.#spec = spec;
    this.#options = options;
    this.#rules = firingRules(window, spec, options.site.name);
    const whole = calculation.process;
    this.#process = whole && new UserFunction<ProcessWindow>(whole, "process", options.site);
    this.#accumulation = createAccumulation(calculation, inputSchema, options.site);
    this.#where = (this.#process ?? this.#accumulation?.user)?.where ?? options.site.name;
    const schema = options.shape?.schema ?? (calculation.kind === "reduce" && !whole ? inputSchema : undefined);
    if (schema === undefined) throw shapeMissing(options.site);
    this.outputSchema = schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream } = context;
    const { keys, window, allowedLatenessMs = 0 } = this.#spec;
    const { shape, sideOutputs, state } = this.#options;
    const where = this.#where;
    const maxParallelism = stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM;
    this.#context = context;
    const inputs = this.#inputSpecs.map((input) => new WindowedInput(workspace, input, window, maxParallelism));
    this.#inputs = inputs;
    this.#assigner = inputs[0].assigner;
    const shapes = {
      main: { ...shape, schema: this.outputSchema },
      ...(sideOutputs === undefined ? {} : { sides: sideOutputs }),
    };
    const outputs = new FunctionOutputs(workspace, shapes, { where, batchRows });
    const times = new TriggerTimers(stream?.isBatchMode ?? false);
    this.#outputs = outputs;
    this.#times = times;
    this.#backend = state?.({
      workspace,
      site: context,
      keys: inputs[0].keyColumns,
      keyGroups: stream?.keyGroups ?? { start: 0, end: maxParallelism },
      clock: {
        processingTimeMs: () => times.currentProcessingTimeMs,
        eventTimeMs: () => times.currentWatermarkMs,
        watermarkMs: () => times.currentWatermarkMs,
      },
      namespaceType: utf8,
    });
    const [assigner, accumulation] = [this.#assigner, this.#accumulation];
    const { trigger, evictor } = this.#rules;
    const latenessMs = assigner.domain === "processing" ? 0 : allowedLatenessMs;
    this.#windows = new WindowSet({ assigner, trigger, accumulation, times, latenessMs });
    for (const input of inputs) input.lookUpIn(this.#windows);
    const call = new WindowCall({
      where,
      times,
      backend: this.#backend,
      sides: outputs.sides,
      keyNames: keys,
      isMerging: assigner.merge !== undefined,
    });
    const user = this.#process;
    const whole = this.#spec.calculation.process;
    const clear = typeof whole === "object" ? whole.clear?.bind(whole) : undefined;
    const firing = new WindowFiring({ assigner, times, outputs, evictor, accumulation, process: user, clear, call });
    // Functions with state of a key see its windows in one order, whatever was restored.
    const isOrdered = user !== undefined || trigger !== undefined;
    this.#progress = new WindowProgress({ assigner, trigger, times, windows: this.#windows, firing, isOrdered });
    this.#accumulation?.open(context, inputs[0].reader);
    this.#process?.open(context);
    const opened = user ?? this.#accumulation?.user;
    if (opened !== undefined) call.runtime = opened.context;
  }

  processBatch(batch: Batch, output: Output, input = 0): Progress {
    if (batch.rowCount === 0) return "done";
    const { side } = this.#inputSpecs[input];
    this.#lateTag = side === undefined ? LATE_TAG : LATE_TAGS[side];
    this.#input = this.#inputs[input];
    this.#row = 0;
    this.#lateRows = [];
    try {
      this.#input.bind(batch, this.#where);
    } catch (thrown) {
      throw this.#wrap(thrown);
    }
    return this.resume(output);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    const { waitsMs = 0 } = this.#spec;
    const { timeMs } = watermark;
    const reachedMs = timeMs === END_OF_TIME_MS ? timeMs : Math.max(START_OF_TIME_MS, timeMs - waitsMs);
    this.#progress.advanceTo("event", reachedMs, waitsMs === 0 ? watermark : { timeMs: reachedMs });
    return this.resume(output);
  }

  processTime(nowMs: number, output: Output): Progress {
    this.#progress.advanceTo("processing", nowMs);
    return this.resume(output);
  }

  endInput(output: Output): Progress {
    this.#openInputs--;
    // Bounded input of a batch job: nobody has told the end of time.
    if (this.#openInputs === 0 && !this.#progress.hasEnded) {
      this.#progress.advanceTo("processing", END_OF_TIME_MS);
      this.#progress.advanceTo("event", END_OF_TIME_MS);
    }
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const outputs = this.#outputs;
    if (outputs === undefined) return "done";
    outputs.begin(output);
    this.#readClock();
    try {
      if (this.#input !== undefined && !this.#processRows(this.#input, outputs.main, output)) return "more";
      const isFull = () => outputs.main.emitted >= BATCHES_PER_CALL;
      const isDone = this.#progress.run(isFull, (watermark) => {
        outputs.flush();
        if (watermark !== undefined) output.emitWatermark(watermark);
      });
      if (!isDone) return "more";
    } catch (thrown) {
      throw this.#wrap(thrown);
    }
    outputs.flush();
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
    const isDefault = this.#rules.trigger === undefined;
    add(this.#assigner.domain, isDefault ? "window" : "end of window", this.#windows.firstDue(PENDING_TIMES));
    for (const domain of ["event", "processing"] as const) {
      add(domain, "trigger of window", this.#times.first(domain, PENDING_TIMES));
    }
    return pending.sort((a, b) => a.atMs - b.atMs).slice(0, PENDING_TIMES);
  }

  snapshotState(writer: SnapshotWriter): void {
    snapshotWatermark(this.#context.workspace, writer, this.#times.currentWatermarkMs);
    writeWindows(this.#layout, writer, this.#windows.all());
    this.#backend?.snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#times.currentWatermarkMs = restoreWatermark(this.#context.workspace, reader);
    this.#readClock();
    readWindows(this.#layout, reader, {
      openWindow: (key, window) => this.#windows.open(this.#windows.windowsOf(key), window),
      timer: (open, domain, timeMs) => this.#times.restore(domain, open, timeMs),
    });
    this.#backend?.restore(reader);
    this.#finishCall();
  }

  get stateBytes(): number {
    if (this.#outputs === undefined) return 0;
    return this.#windows.memoryBytes + (this.#backend?.memoryBytes ?? 0);
  }

  close(): void {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    this.#input = undefined;
    try {
      if (outputs === undefined) return;
      outputs.close();
      for (const input of this.#inputs) input.close();
      this.#backend?.close();
      this.#windows.clear();
      this.#times.clear();
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
      keys: this.#inputs[0].keyColumns,
      rows: this.#keptRows,
      accumulation: this.#rules.evictor === undefined ? this.#accumulation : undefined,
      where: this.#where,
    };
  }

  /** False where enough was emitted for one call. */
  #processRows(input: WindowedInput, results: TimedRows, output: Output): boolean {
    const { rowCount } = input;
    const nowMs = this.#times.currentProcessingTimeMs;
    while (this.#row < rowCount) {
      const row = this.#row;
      this.#addRow(input, row, input.timeOf(row, nowMs));
      this.#row = row + 1;
      if (results.emitted >= BATCHES_PER_CALL && this.#row < rowCount) return false;
    }
    this.#backend?.cleanUp(rowCount);
    const late = this.#lateRows;
    this.#lateRows = [];
    if (late.length > 0) {
      this.#context.count("lateRows", late.length);
      output.emitSide(this.#lateTag, input.pick(late));
    }
    input.unbind();
    this.#input = undefined;
    return true;
  }

  #addRow(input: WindowedInput, row: number, timeMs: number): void {
    const view = input.viewAt(row);
    const windows = input.windowsOf(row, view, timeMs);
    const key = input.keyAt(row);
    const accumulation = this.#rules.evictor === undefined ? this.#accumulation : undefined;
    let copy: Row | undefined;
    let isLate = true;
    for (let i = 0; i < windows.length; i++) {
      const open = this.#windows.placeOf(key, windows[i]);
      if (open === undefined) continue;
      isLate = false;
      if (accumulation !== undefined) {
        const { accumulator } = open;
        open.accumulator =
          accumulator === undefined ? accumulation.start(view, row) : accumulation.add(accumulator, view);
      } else {
        copy ??= input.keep(row, view);
        open.rows.push(copy);
        open.times.push(timeMs);
      }
      if (timeMs > open.latestMs) open.latestMs = timeMs;
      this.#progress.onElement(open, view, timeMs);
    }
    input.retire(view);
    if (!isLate) return;
    if (windows.length > 0) this.#lateRows.push(row);
    else this.#context.count("rowsOutsideWindows", 1);
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
    this.#windows.compact();
    const dueMs = this.#assigner.domain === "processing" ? this.#windows.nextDueMs : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(this.#times.nextMs("processing"), dueMs);
    if (nextMs < END_OF_TIME_MS) this.#context.stream?.requestProcessTime(nextMs);
    const { count } = this.#windows;
    if (count !== this.#reportedCount) this.#context.count("openWindows", count - this.#reportedCount);
    this.#reportedCount = count;
  }

  #wrap(thrown: unknown): unknown {
    const user = this.#process ?? this.#accumulation?.user;
    return user?.wrap(thrown, this.#input === undefined ? undefined : this.#row) ?? thrown;
  }
}

function formatWindow({ startMs, endMs }: TimeWindow): string {
  return startMs === START_OF_TIME_MS ? "of all rows" : `[${formatTimeMs(startMs)}, ${formatTimeMs(endMs)})`;
}

const shapeMissing = ({ name }: FunctionSite): PlanError =>
  new PlanError(
    "WINDOW_SHAPE_MISSING",
    `The columns that ${name} gives are not known.`,
    "Declare the columns of the result.",
  );
