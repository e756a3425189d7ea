import { type Batch, RowKind } from "../batch.ts";
import { PlanError } from "../errors.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { ResultShape } from "../operators/map-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../state/keyed-backend.ts";
import { OperatorStates } from "../state/operator-state.ts";
import { KeyColumns, type StateKey } from "../state/state-key.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { KeyedTimers } from "../timers/keyed-timers.ts";
import { CallContext } from "./call-context.ts";
import { checkKeys, methodOf, updatesRefused } from "./check-function.ts";
import type { ProcessLife } from "./contexts.ts";
import { FunctionOutputs } from "./function-outputs.ts";
import { type Collector, readTimes, type TimedRows } from "./timed-rows.ts";

/** One input of a process function. */
export interface ProcessInput {
  readonly schema: Schema;
  /** Key columns; absent where rows have no key. All inputs with keys have as many, of the same types. */
  readonly keys?: readonly string[];
  /** The method of the function that gets its rows. */
  readonly method: string;
  /** Every subtask gets all rows of it, which may write broadcast state. */
  readonly isBroadcast?: boolean;
}

export interface ProcessOptions {
  readonly shape: ResultShape;
  /** Side outputs by tag. */
  readonly sideOutputs?: Readonly<Record<string, ResultShape>>;
  readonly site: FunctionSite;
  /** Where keyed state is kept; needed where an input has keys. */
  readonly state?: KeyedStateFactory;
  /** The function looks at `rowKind`: without this, rows of a changelog are refused. */
  readonly acceptsUpdates?: boolean;
}

/** How user code is called for a row, once it is bound to its function. */
export type RowCall = (row: Row, context: CallContext, out: Collector) => void;
type TimerCall = (timestampMs: number, context: CallContext, out: Collector) => void;

interface OpenInput {
  readonly reader: RowReader;
  readonly keys: KeyColumns | undefined;
  readonly call: RowCall;
  readonly isBroadcast: boolean;
}

/** Batches that one call emits at most, about: what one row or timer gives is given at once. */
const BATCHES_PER_CALL = 4;
/** Values that are looked at for having expired, per batch and on top of one per row. */
const CLEAN_UP_STEPS = 32;
const PENDING_TIMES = 5;

/**
 * Calls a process function for each row, and for each timer of keys.
 * Input:     any columns as row views, valid during the call; inserts only, unless the function takes updates.
 * Output:    the columns of the result shape, inserts, with the event time of the row or timer that they were given for.
 *            Side outputs likewise.
 * State:     keyed state in a backend, timers, operator and broadcast state. The function is opened before the first
 *            row, or once its state is restored.
 * Watermark: fires the timers of event time that it has reached, in the order of time, then travels on.
 * Late rows: like any other row; the function can compare its timestamp with the watermark.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it gives; UPDATES_REFUSED.
 */
export class ProcessRows implements Operator {
  /** Timers are of their key, and gone once they have fired. */
  readonly restoresAnyWatermark = true;
  readonly outputSchema: Schema;
  readonly inputCount: number;
  readonly #inputs: readonly ProcessInput[];
  readonly #options: ProcessOptions;
  readonly #user: UserFunction<RowCall>;
  readonly #calls: readonly RowCall[];
  readonly #onTimer: TimerCall | undefined;
  #context!: OperatorContext;
  #open: readonly OpenInput[] = [];
  #outputs: FunctionOutputs | undefined;
  #call!: CallContext;
  #isOpened = false;
  #backend: KeyedStateBackend | undefined;
  #states: OperatorStates | undefined;
  #eventTimers: KeyedTimers | undefined;
  #processingTimers: KeyedTimers | undefined;
  #keysReported = 0;
  /** What a call has not finished. */
  #batch: Batch | undefined;
  #times: ((row: number) => number) | undefined;
  #kinds: Int8Array | undefined;
  #input = 0;
  #row = 0;
  #firing: { readonly timers: KeyedTimers; readonly toMs: number; readonly watermark?: Watermark } | undefined;

  /**
   * `calls` adapts functions of another form than processElement(row, context, out), one per input.
   * @throws {PlanError} FUNCTION_MISSING, KEY_TYPES_DIFFER, STATE_BACKEND_MISSING
   */
  constructor(
    given: object,
    inputs: readonly ProcessInput[],
    options: ProcessOptions,
    adapt: (method: (...args: never[]) => unknown) => RowCall = (method) => method as RowCall,
  ) {
    this.#inputs = inputs;
    this.#options = options;
    this.inputCount = inputs.length;
    this.outputSchema = options.shape.schema;
    const methods = inputs.map(({ method }) => methodOf(given, method, options.site));
    this.#calls = methods.map(adapt);
    const { onTimer } = given as { onTimer?: TimerCall };
    this.#onTimer = onTimer?.bind(given);
    checkKeys(inputs, options.state !== undefined, options.site);
    // The life of the function, with the means to declare state in `open`.
    this.#user = new UserFunction<RowCall>(given as ProcessLife as never, inputs[0].method, {
      ...options.site,
      runtime: (context) => {
        const { subtask, parallelism } = context;
        const runtime = options.site.runtime?.(context) ?? createRuntimeContext({ subtask, parallelism });
        const stateful = this.#call.withState(runtime);
        this.#call.runtime = stateful;
        return stateful;
      },
    });
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream, host } = context;
    const { shape, sideOutputs, state } = this.#options;
    const { where } = this.#user;
    const maxParallelism = stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM;
    this.#context = context;
    const outputs = new FunctionOutputs(
      workspace,
      { main: shape, ...(sideOutputs === undefined ? {} : { sides: sideOutputs }) },
      { where, batchRows },
    );
    this.#outputs = outputs;
    this.#open = this.#inputs.map(({ schema, keys, isBroadcast = false }, i) => ({
      reader: createRowReader(workspace, schema),
      keys: keys === undefined ? undefined : new KeyColumns(workspace, schema, keys, maxParallelism),
      call: this.#calls[i],
      isBroadcast,
    }));
    this.#states = new OperatorStates(workspace);
    const keys = this.#open.find((input) => input.keys !== undefined)?.keys;
    const nowMs = () => stream?.processingTimeMs() ?? host.clock.nowMs();
    if (keys !== undefined && state !== undefined) {
      this.#eventTimers = new KeyedTimers({ workspace, keys, timeDomain: "event" });
      this.#processingTimers = new KeyedTimers({ workspace, keys, timeDomain: "processing" });
      this.#backend = state({
        workspace,
        site: context,
        keys,
        keyGroups: stream?.keyGroups ?? { start: 0, end: maxParallelism },
        clock: {
          processingTimeMs: nowMs,
          eventTimeMs: () => this.#call.eventTimeMs,
          watermarkMs: () => this.#call.currentWatermarkMs,
        },
      });
    }
    this.#call = new CallContext({
      where,
      nowMs,
      backend: this.#backend,
      eventTimers: this.#eventTimers,
      processingTimers: this.#processingTimers,
      states: this.#states,
      sides: outputs.sides,
      keyNames: keys?.fields.map(({ name }) => name) ?? [],
      hasOnTimer: this.#onTimer !== undefined,
    });
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const { rowKinds } = batch;
    if (batch.rowCount === 0) return "done";
    if (rowKinds !== undefined && this.#options.acceptsUpdates !== true) throw updatesRefused(this.#user.where);
    const { workspace } = this.#context;
    this.#openFunction();
    const { reader, keys } = this.#open[input];
    this.#batch = batch.retain();
    this.#input = input;
    this.#row = 0;
    this.#times = readTimes(workspace, batch);
    this.#kinds =
      rowKinds === undefined ? undefined : new Int8Array(workspace.memory.buffer, rowKinds.data, batch.rowCount);
    reader.bind(batch);
    keys?.bind(batch);
    return this.resume(output);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    const { timeMs } = watermark;
    const timers = this.#eventTimers;
    if (timeMs >= END_OF_TIME_MS) {
      timers?.startEnd(Math.max(this.#call.lastRowMs, this.#call.currentWatermarkMs));
      this.#openFunction();
    }
    this.#call.currentWatermarkMs = timeMs;
    if (timers === undefined || timers.nextMs > timeMs) {
      output.emitWatermark(watermark);
      return "done";
    }
    this.#openFunction();
    this.#firing = { timers, toMs: timeMs, watermark };
    return this.resume(output);
  }

  processTime(nowMs: number, output: Output): Progress {
    const timers = this.#processingTimers;
    if (timers === undefined) return "done";
    if (nowMs >= END_OF_TIME_MS) timers.startEnd(0);
    this.#openFunction();
    this.#firing = { timers, toMs: nowMs };
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const outputs = this.#outputs;
    if (outputs === undefined) return "done";
    outputs.begin(output);
    try {
      if (this.#batch !== undefined && !this.#processRows(this.#batch, outputs.main)) return "more";
      if (this.#firing !== undefined && !this.#fire(outputs.main)) return "more";
    } catch (thrown) {
      throw this.#user.wrap(thrown, this.#batch === undefined ? undefined : this.#row);
    }
    outputs.flush();
    const watermark = this.#firing?.watermark;
    this.#firing = undefined;
    if (watermark !== undefined) output.emitWatermark(watermark);
    this.#finishCall();
    return "done";
  }

  endInput(): Progress {
    this.#openFunction();
    return "done";
  }

  pendingTimes(): readonly PendingTime[] {
    const what = `timer of ${this.#user.where}`;
    return [this.#eventTimers, this.#processingTimers].flatMap(
      (timers) => timers?.pendingTimes(what, PENDING_TIMES) ?? [],
    );
  }

  snapshotState(writer: SnapshotWriter): void {
    this.#backend?.snapshot(writer);
    this.#eventTimers?.snapshot(writer);
    this.#processingTimers?.snapshot(writer);
    this.#states?.snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#backend?.restore(reader);
    this.#eventTimers?.restore(reader);
    this.#processingTimers?.restore(reader);
    this.#states?.restore(reader);
    this.#openFunction();
    this.#finishCall();
  }

  /**
   * What a keyed state has for a key, as plain values; null where nothing, or where another subtask has the key.
   * `key` has a value per key column.
   * @throws {PlanError} STATE_UNKNOWN, STATE_KEY_INVALID
   */
  queryState(name: string, key: readonly unknown[]): unknown {
    const keys = this.#open.find((input) => input.keys !== undefined)?.keys;
    if (keys === undefined || this.#backend === undefined) {
      throw new PlanError(
        "STATE_UNKNOWN",
        `${this.#user.where} has no state ${JSON.stringify(name)} per key: its stream has no key.`,
        "Ask for state of functions on keyed streams.",
      );
    }
    return this.#backend.get(name, keys.asked(key));
  }

  get stateBytes(): number {
    const kept = [this.#backend, this.#eventTimers, this.#processingTimers, this.#states];
    return kept.reduce((sum, one) => sum + (one?.memoryBytes ?? 0), 0);
  }

  close(): void {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    this.#batch?.release();
    this.#batch = undefined;
    try {
      outputs?.close();
      this.#backend?.close();
      this.#states?.close();
      this.#eventTimers?.close();
      this.#processingTimers?.close();
    } finally {
      this.#user.close();
    }
  }

  /** The state of `open` is there only once it was restored: the function is opened as late as that. */
  #openFunction(): void {
    if (this.#isOpened) return;
    this.#isOpened = true;
    this.#user.open(this.#context);
  }

  /** False where enough was emitted for one call. */
  #processRows(batch: Batch, results: TimedRows): boolean {
    const { reader, keys, call, isBroadcast } = this.#open[this.#input];
    const context = this.#call;
    const backend = this.#backend;
    const times = this.#times;
    const { rowCount } = batch;
    context.timeDomain = "event";
    context.isBroadcast = isBroadcast;
    context.rowKind = RowKind.insert;
    if (keys === undefined) this.#setKey(undefined);
    while (this.#row < rowCount) {
      const row = this.#row;
      const timeMs = times === undefined ? Number.NaN : times(row);
      context.timeMs = timeMs;
      results.timeMs = timeMs;
      if (timeMs > context.lastRowMs) context.lastRowMs = timeMs;
      if (this.#kinds !== undefined) context.rowKind = this.#kinds[row] as RowKind;
      if (keys !== undefined) {
        const key = keys.at(row);
        context.stateKey = key;
        backend?.setKey(key);
      }
      const view = reader.viewAt(row);
      call(view, context, results);
      reader.retire(view);
      this.#row = row + 1;
      if (results.emitted >= BATCHES_PER_CALL && this.#row < rowCount) return false;
    }
    reader.unbind();
    keys?.unbind();
    this.#batch = undefined;
    batch.release();
    backend?.cleanUp(CLEAN_UP_STEPS + rowCount);
    return true;
  }

  #fire(results: TimedRows): boolean {
    const firing = this.#firing;
    const onTimer = this.#onTimer;
    const context = this.#call;
    if (firing === undefined || onTimer === undefined) return true;
    const { timers, toMs } = firing;
    context.timeDomain = timers === this.#eventTimers ? "event" : "processing";
    context.isBroadcast = false;
    context.rowKind = RowKind.insert;
    for (let timer = timers.takeDue(toMs); timer !== undefined; timer = timers.takeDue(toMs)) {
      context.timeMs = timer.timeMs;
      results.timeMs = timer.timeMs;
      this.#setKey(timer.key);
      onTimer(timer.timeMs, context, results);
      if (results.emitted >= BATCHES_PER_CALL) return false;
    }
    return true;
  }

  #setKey(key: StateKey | undefined): void {
    this.#call.stateKey = key;
    this.#backend?.setKey(key);
  }

  /** Asks for the time of the next timer, and tells how much state there is. */
  #finishCall(): void {
    this.#setKey(undefined);
    const nextMs = this.#processingTimers?.nextMs ?? Number.POSITIVE_INFINITY;
    if (nextMs < Number.POSITIVE_INFINITY) this.#context.stream?.requestProcessTime(nextMs);
    const keyCount = this.#backend?.keyCount ?? 0;
    if (keyCount !== this.#keysReported) this.#context.count("stateKeys", keyCount - this.#keysReported);
    this.#keysReported = keyCount;
  }
}
