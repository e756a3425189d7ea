import { Batch } from "../batch.ts";
import { buildColumn } from "../columns/builder.ts";
import { gatherColumn } from "../columns/gather.ts";
import { describeValue } from "../describe-value.ts";
import { asEngineError, type EngineError, EvaluationError, ExternalError, PlanError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { type AsyncEntry, AsyncQueue, HeldBatch } from "../process/async-queue.ts";
import { updatesRefused } from "../process/check-function.ts";
import { readTimes, TimedRows } from "../process/timed-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import { type Field, Schema } from "../schema.ts";
import { checkStateSchema } from "../state/state-table.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64 } from "../types.ts";
import type { ResultShape } from "./map-rows.ts";

export interface AsyncContext {
  readonly runtime: RuntimeContext;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted once nobody waits for the answer any more: at the timeout, or when the job ends. */
  readonly signal: AbortSignal;
}

/** A row, any number of rows, or none (null and undefined). */
export type AsyncResult = object | Iterable<object> | null | undefined;
/** The row is a copy, which may be kept. */
export type AsyncFunction = (row: Row, context: AsyncContext) => Promise<AsyncResult> | AsyncResult;

export interface AsyncRichFunction extends FunctionLife {
  asyncInvoke: AsyncFunction;
  /** What stands for the answer of a row that had none in time; without it the job fails with ASYNC_TIMEOUT. */
  timeout?(row: Row, context: RuntimeContext): AsyncResult;
}

export interface AsyncRetry {
  /** Calls in all, the first included. */
  readonly attempts: number;
  /** Before the second call. */
  readonly delayMs: number;
  /** By which the delay grows from call to call; default 1. */
  readonly backoff?: number;
  /** False: this failure stands; default: every failure is worth another call. */
  readonly shouldRetry?: (error: unknown) => boolean;
}

export interface AsyncMapOptions {
  readonly shape: ResultShape;
  readonly site: FunctionSite;
  /** True: results in the order of the rows. False: as they come, between two watermarks. */
  readonly isOrdered: boolean;
  /** Rows that are asked for at one time, answers that wait for their turn included; default 100. */
  readonly capacity?: number;
  /** For all attempts of a row together; default: without end. */
  readonly timeoutMs?: number;
  readonly retry?: AsyncRetry;
}

const DEFAULT_CAPACITY = 100;
/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;
const TABLE = "inFlight";

/**
 * Asks something outside for each row, many rows at a time, without waiting for one answer before the next question.
 * Input:     any columns, inserts only. The function gets copies of the rows.
 * Output:    the columns of the result shape, with the event time of the row that was asked for.
 * State:     the rows that have no answer yet, or whose answer waits for its turn: a restored job asks for them again.
 * Watermark: travels on once the results of all rows before it have.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws or rejects with in its last attempt; ASYNC_TIMEOUT;
 *            UPDATES_REFUSED; those of RowWriter.
 * While more rows have come than may be asked for it answers "waiting": barriers pass, batches do not.
 */
export class AsyncMap implements Operator {
  readonly restoresAnyWatermark = true;
  readonly outputSchema: Schema;
  readonly #inputSchema: Schema;
  readonly #options: AsyncMapOptions;
  readonly #capacity: number;
  readonly #user: UserFunction<AsyncFunction>;
  readonly #onTimeout: ((row: Row, context: RuntimeContext) => AsyncResult) | undefined;
  readonly #queue: AsyncQueue;
  #context!: OperatorContext;
  #reader!: RowReader;
  #bound: Batch | undefined;
  #results: TimedRows | undefined;
  #current: Iterator<object> | undefined;
  #failure: EngineError | undefined;
  #isEnding = false;

  /** @throws {PlanError} ASYNC_OPTION_INVALID */
  constructor(given: AsyncFunction | AsyncRichFunction, inputSchema: Schema, options: AsyncMapOptions) {
    const { capacity = DEFAULT_CAPACITY, timeoutMs, retry, site, shape, isOrdered } = options;
    const checks: [string, unknown, boolean][] = [
      ["capacity", capacity, Number.isSafeInteger(capacity) && capacity >= 1],
      ["timeoutMs", timeoutMs, timeoutMs === undefined || (typeof timeoutMs === "number" && timeoutMs > 0)],
      ["retry.attempts", retry?.attempts, retry === undefined || (retry.attempts >= 1 && retry.delayMs >= 0)],
    ];
    for (const [name, value, isValid] of checks) {
      if (isValid) continue;
      throw new PlanError("ASYNC_OPTION_INVALID", `${site.name} has ${name} ${value}.`, "Give a number of 1 or more.");
    }
    this.#user = new UserFunction<AsyncFunction>(given, "asyncInvoke", site);
    this.#onTimeout = typeof given === "function" ? undefined : given.timeout?.bind(given);
    this.#inputSchema = inputSchema;
    this.#options = options;
    this.#capacity = capacity;
    this.#queue = new AsyncQueue(isOrdered);
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream } = context;
    if (stream === undefined) {
      throw new PlanError(
        "ASYNC_NEEDS_STREAM",
        `${this.#user.where} asks something outside, which batch jobs cannot wait for.`,
        "Use it in a DataStream; its BATCH mode reads bounded input.",
      );
    }
    this.#context = context;
    this.#reader = createRowReader(workspace, this.#inputSchema);
    this.#results = new TimedRows(workspace, this.#options.shape, { where: this.#user.where, batchRows });
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowKinds !== undefined) throw updatesRefused(this.#user.where);
    if (batch.rowCount > 0) this.#add(batch, readTimes(this.#context.workspace, batch));
    return this.resume(output);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    if (watermark.timeMs >= END_OF_TIME_MS) this.#isEnding = true;
    if (this.#queue.isEmpty) {
      output.emitWatermark(watermark);
      return "done";
    }
    this.#queue.addWatermark(watermark.timeMs);
    return this.resume(output);
  }

  /** Gives what was answered, and asks for as many rows as there is room for. */
  resume(output: Output): Progress {
    const results = this.#results;
    const queue = this.#queue;
    if (this.#failure !== undefined) throw this.#failure;
    if (results === undefined) return "done";
    results.output = output;
    results.emitted = 0;
    do {
      if (!this.#give(results, output)) return "more";
    } while (this.#ask()); // a function that answers at once may have made something ready
    results.flush();
    return queue.hasUnasked || (this.#isEnding && !queue.isEmpty) ? "waiting" : "done";
  }

  endInput(output: Output): Progress {
    this.#isEnding = true;
    return this.resume(output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const { workspace } = this.#context;
    const fields = this.#tableFields();
    const schema = new Schema(fields);
    // Rows of one batch lie together, since they came together.
    let rows: AsyncEntry[] = [];
    const write = () => {
      if (rows.length === 0) return;
      const indices = workspace.allocate(rows.length * 4);
      workspace.u32.set(
        rows.map(({ row }) => row),
        indices.address >>> 2,
      );
      const columns = rows[0].held.batch.columns.map((column) =>
        gatherColumn(workspace, column, indices.address, rows.length),
      );
      indices.release();
      const times = rows.map(({ timeMs }) => (Number.isNaN(timeMs) ? null : timeMs));
      columns.push(buildColumn(workspace, int64, times));
      writer.write(TABLE, "list", new Batch(schema, rows.length, columns));
      rows = [];
    };
    let isEmpty = true;
    for (const entry of this.#queue.entries()) {
      if (rows.length > 0 && rows[0].held !== entry.held) write();
      rows.push(entry);
      isEmpty = false;
    }
    write();
    if (!isEmpty) return;
    const columns = fields.map(({ type }) => buildColumn(workspace, type, []));
    writer.write(TABLE, "list", new Batch(schema, 0, columns));
  }

  restoreState(reader: SnapshotReader): void {
    const { workspace } = this.#context;
    const fields = this.#tableFields();
    const expected = { fields, addable: fields.slice(0, -1).map(({ name }) => name) };
    for (const table of reader.read(TABLE, expected)) {
      try {
        checkStateSchema(`The rows in flight of ${this.#user.where}`, table.schema, fields);
        const columnOf = (name: string) => table.columns[table.schema.indexOf(name)];
        const times = columnOf(TIME);
        const batch = new Batch(
          this.#inputSchema,
          table.rowCount,
          this.#inputSchema.names.map((name) => columnOf(`row.${name}`).retain()),
          times.nullCount === 0 ? { times: times.retain() } : {},
        );
        this.#add(batch, readTimes(workspace, batch));
        batch.release();
      } finally {
        table.release();
      }
    }
    if (!this.#queue.isEmpty) this.#context.stream?.wake();
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    this.#queue.close();
    this.#bound = undefined;
    results?.close();
    this.#user.close();
  }

  #add(batch: Batch, times: ((row: number) => number) | undefined): void {
    if (batch.rowCount === 0) return;
    const held = new HeldBatch(batch);
    for (let row = 0; row < batch.rowCount; row++) this.#queue.addRow(held, row, times?.(row) ?? Number.NaN);
  }

  /** False where enough was emitted for one call. */
  #give(results: TimedRows, output: Output): boolean {
    const queue = this.#queue;
    for (;;) {
      if (this.#current !== undefined && !this.#drain(this.#current, results)) return false;
      const ready = queue.takeReady();
      if (ready === undefined) return true;
      if ("watermarkMs" in ready) {
        results.flush();
        output.emitWatermark({ timeMs: ready.watermarkMs });
        continue;
      }
      results.timeMs = ready.timeMs;
      this.#current = ready.results?.values();
      ready.held.releaseRow();
    }
  }

  #drain(rows: Iterator<object>, results: TimedRows): boolean {
    for (let next = rows.next(); next.done !== true; next = rows.next()) {
      results.collect(next.value);
      if (results.emitted < BATCHES_PER_CALL) continue;
      results.emitted = 0;
      return false;
    }
    this.#current = undefined;
    return true;
  }

  /** True where an answer was there at once. */
  #ask(): boolean {
    const queue = this.#queue;
    let wasAnswered = false;
    while (queue.inFlight < this.#capacity) {
      const entry = queue.takeUnasked();
      if (entry === undefined) break;
      const { timeoutMs } = this.#options;
      const request = new AsyncRequest();
      entry.cancel = () => request.abort();
      if (timeoutMs !== undefined) {
        request.cancelTimeout = this.#context.host.scheduler.after(timeoutMs, () => this.#expire(entry, request));
      }
      this.#call(entry, request, 1);
      wasAnswered ||= entry.results !== undefined;
      if (this.#failure !== undefined) throw this.#failure;
    }
    return wasAnswered;
  }

  #call(entry: AsyncEntry, request: AsyncRequest, attempt: number): void {
    const { call, context: runtime } = this.#user;
    try {
      const context: AsyncContext = {
        runtime,
        attempt,
        get signal() {
          return request.signal;
        },
      };
      const answer = call(this.#copyOf(entry), context);
      if (!(answer instanceof Promise)) {
        this.#answer(entry, request, answer);
        return;
      }
      answer.then(
        (result) => {
          if (request.isClosed) return;
          this.#settle(() => this.#answer(entry, request, result));
        },
        (thrown: unknown) => {
          if (!request.isClosed) this.#settle(() => this.#fail(entry, request, attempt, thrown));
        },
      );
    } catch (thrown) {
      this.#fail(entry, request, attempt, thrown);
    }
  }

  /** What happens while nobody calls the operator: failures wait for the next call. */
  #settle(happen: () => void): void {
    try {
      happen();
    } catch (thrown) {
      this.#failure ??= asEngineError(thrown);
    }
    this.#context.stream?.wake();
  }

  #answer(entry: AsyncEntry, request: AsyncRequest, result: AsyncResult): void {
    request.finish();
    this.#queue.answer(entry, this.#rowsOf(result));
  }

  #fail(entry: AsyncEntry, request: AsyncRequest, attempt: number, thrown: unknown): void {
    const { retry } = this.#options;
    const isLast = retry === undefined || attempt >= retry.attempts || retry.shouldRetry?.(thrown) === false;
    if (isLast) {
      request.finish();
      this.#failure ??= this.#user.wrap(thrown);
      return;
    }
    this.#context.count("asyncRetries", 1);
    const delayMs = retry.delayMs * (retry.backoff ?? 1) ** (attempt - 1);
    request.cancelRetry = this.#context.host.scheduler.after(delayMs, () =>
      this.#settle(() => this.#call(entry, request, attempt + 1)),
    );
  }

  #expire(entry: AsyncEntry, request: AsyncRequest): void {
    if (request.isClosed) return;
    this.#settle(() => {
      const { timeoutMs } = this.#options;
      const onTimeout = this.#onTimeout;
      this.#context.count("asyncTimeouts", 1);
      request.abort();
      if (onTimeout === undefined) {
        throw new ExternalError(
          "ASYNC_TIMEOUT",
          true,
          `${this.#user.where} had no answer for a row within ${timeoutMs} ms.`,
          "Raise timeoutMs, or give a function with a method timeout(row, context) that stands in for the answer.",
        );
      }
      const result = this.#user.guard(() => onTimeout(this.#copyOf(entry), this.#user.context));
      this.#queue.answer(entry, this.#rowsOf(result));
    });
  }

  #copyOf({ held, row }: AsyncEntry): Row {
    if (this.#bound !== held.batch) {
      this.#reader.bind(held.batch);
      this.#bound = held.batch;
    }
    return this.#reader.copyAt(row);
  }

  #rowsOf(result: AsyncResult): readonly object[] {
    if (result === null || result === undefined) return [];
    if (Array.isArray(result)) return result as object[];
    if (typeof result === "object") return Symbol.iterator in result ? [...(result as Iterable<object>)] : [result];
    throw new EvaluationError(
      "ROW_INVALID",
      `${this.#user.where} answered with ${describeValue(result)}, where a row or rows are needed.`,
      "Answer with an object such as { name: value }, an array of them, or null for no row.",
    );
  }

  #tableFields(): Field[] {
    const columns = this.#inputSchema.fields.map(({ name, type }) => ({ name: `row.${name}`, type }));
    return [...columns, { name: TIME, type: int64 }];
  }
}

const TIME = "timeMs";

/** What is under way for one row. */
class AsyncRequest {
  isClosed = false;
  cancelTimeout: (() => void) | undefined;
  cancelRetry: (() => void) | undefined;
  #abort: AbortController | undefined;

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** The answer has come. */
  finish(): void {
    this.isClosed = true;
    this.cancelTimeout?.();
    this.cancelRetry?.();
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    if (this.isClosed) return;
    this.finish();
    this.#abort?.abort();
  }
}
