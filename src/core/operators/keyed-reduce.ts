import type { Batch } from "../batch.ts";
import { EvaluationError } from "../errors.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { checkKeys, updatesRefused } from "../process/check-function.ts";
import { readTimes, TimedRows } from "../process/timed-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { type StateTtl, valueState } from "../state/descriptors.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../state/keyed-backend.ts";
import type { ValueState } from "../state/keyed-state.ts";
import { KeyColumns, type StateKey } from "../state/state-key.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { float64, struct } from "../types.ts";
import type { ReduceFunction, ReduceRichFunction } from "./reduce-rows.ts";

/** What is kept of a key; the time is NaN where rows have none. */
interface Reduced {
  readonly row: Row;
  readonly timeMs: number;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;
/** Keys that are looked at for having expired, per batch and on top of one per row. */
const CLEAN_UP_STEPS = 16;

/**
 * Folds the rows of each key into one by a function of two rows, as they come. The first row of a key is taken as it is.
 * Input:     inserts only, partitioned by the keys. `left` is a copy that the function may change and return, `right` a
 *            view that is valid during the call.
 * Output:    the columns of the input: per row the result so far, with the row's time. In batch mode per key its last
 *            result alone, once the input has ended.
 * State:     one row per key. With `ttl` a key begins anew with a row that comes so long after its last one, by the clock
 *            or in event time, from the time of the row at hand; rows of keys that have expired are freed bit by bit.
 *            In batch mode no key expires.
 * Watermark: travels on; in event time rows of keys that it has left behind are freed.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns; UPDATES_REFUSED;
 *            EVENT_TIME_MISSING for a time to live in event time of rows without.
 */
export class KeyedReduce implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<ReduceFunction>;
  readonly #keyNames: readonly string[];
  readonly #state: KeyedStateFactory;
  readonly #ttl: StateTtl | undefined;
  #context!: OperatorContext;
  #reader!: RowReader;
  #keys!: KeyColumns;
  #backend!: KeyedStateBackend;
  #reduced!: ValueState<Reduced>;
  #results: TimedRows | undefined;
  #isBatchMode = false;
  /** Of the row at hand; NaN where it has none. */
  #timeMs = Number.NaN;
  #watermarkMs = START_OF_TIME_MS;
  #keysReported = 0;
  /** In batch mode, at the end: the keys whose results are still to be given. */
  #finals: Iterator<StateKey> | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(
    reduce: ReduceFunction | ReduceRichFunction,
    inputSchema: Schema,
    keys: readonly string[],
    options: { readonly site: FunctionSite; readonly state: KeyedStateFactory; readonly ttl?: StateTtl | undefined },
  ) {
    this.#user = new UserFunction<ReduceFunction>(reduce, "reduce", options.site);
    this.#keyNames = keys;
    this.#state = options.state;
    this.#ttl = options.ttl;
    this.outputSchema = inputSchema;
    checkKeys([{ schema: inputSchema, keys }], true, options.site);
  }

  get restoresAnyWatermark(): boolean {
    return this.#ttl?.timeDomain !== "event";
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream, host } = context;
    const maxParallelism = stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM;
    const keyGroups = stream?.keyGroups ?? { start: 0, end: maxParallelism };
    const { where } = this.#user;
    this.#context = context;
    this.#isBatchMode = stream?.isBatchMode ?? true;
    this.#reader = createRowReader(workspace, this.outputSchema);
    this.#results = new TimedRows(workspace, { schema: this.outputSchema }, { where, batchRows });
    this.#keys = new KeyColumns(workspace, this.outputSchema, this.#keyNames, maxParallelism);
    const clock = {
      processingTimeMs: () => stream?.processingTimeMs() ?? host.clock.nowMs(),
      eventTimeMs: () => this.#eventTimeMs(),
      watermarkMs: () => this.#watermarkMs,
    };
    this.#backend = this.#state({ workspace, site: context, keys: this.#keys, keyGroups, clock });
    const fields = Object.fromEntries(this.outputSchema.fields.map(({ name, type }) => [name, type]));
    const forgetting = this.#ttl === undefined || this.#isBatchMode ? {} : { ttl: this.#ttl };
    const reduced = valueState("reduced", struct({ row: struct(fields), timeMs: float64 }), forgetting);
    this.#reduced = this.#backend.state(reduced) as unknown as ValueState<Reduced>;
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const results = this.#results;
    if (results === undefined || batch.rowCount === 0) return "done";
    if (batch.rowKinds !== undefined) throw updatesRefused(this.#user.where);
    const times = readTimes(this.#context.workspace, batch);
    results.output = output;
    this.#reader.bind(batch);
    this.#keys.bind(batch);
    let row = 0;
    try {
      for (; row < batch.rowCount; row++) this.#reduce(row, times?.(row) ?? Number.NaN, results);
    } catch (thrown) {
      throw this.#user.wrap(thrown, row);
    } finally {
      this.#reader.unbind();
      this.#keys.unbind();
      this.#backend.setKey(undefined);
    }
    results.flush();
    this.#backend.cleanUp(CLEAN_UP_STEPS + batch.rowCount);
    const { keyCount } = this.#backend;
    if (keyCount !== this.#keysReported) this.#context.count("stateKeys", keyCount - this.#keysReported);
    this.#keysReported = keyCount;
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#watermarkMs = watermark.timeMs;
    output.emitWatermark(watermark);
    return "done";
  }

  endInput(output: Output): Progress {
    if (!this.#isBatchMode) return "done";
    const keys: StateKey[] = [];
    this.#backend.forEachKey("reduced", (key) => keys.push(key));
    this.#finals = keys.values();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const results = this.#results;
    const finals = this.#finals;
    if (results === undefined || finals === undefined) return "done";
    results.output = output;
    results.emitted = 0;
    for (let next = finals.next(); next.done !== true; next = finals.next()) {
      this.#backend.setKey(next.value);
      const reduced = this.#reduced.get();
      if (reduced === null) continue;
      results.timeMs = reduced.timeMs;
      results.collect(reduced.row);
      if (results.emitted >= BATCHES_PER_CALL) return "more";
    }
    results.flush();
    this.#finals = undefined;
    return "done";
  }

  snapshotState(writer: SnapshotWriter): void {
    this.#backend.snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#backend.restore(reader);
  }

  /** The present row of a key, as { row, timeMs }; `key` has a value per key column. */
  queryState(name: string, key: readonly unknown[]): unknown {
    return this.#backend.get(name, this.#keys.asked(key));
  }

  get stateBytes(): number {
    return this.#backend?.memoryBytes ?? 0;
  }

  close(): void {
    this.#results?.close();
    this.#results = undefined;
    this.#backend?.close();
    this.#user.close();
  }

  #reduce(row: number, timeMs: number, results: TimedRows): void {
    const reader = this.#reader;
    this.#timeMs = timeMs;
    this.#backend.setKey(this.#keys.at(row));
    const before = this.#reduced.get();
    const view = reader.viewAt(row);
    const reduced = before === null ? view : this.#user.call(before.row, view, this.#user.context);
    this.#reduced.set({ row: reduced, timeMs });
    if (!this.#isBatchMode) {
      results.timeMs = timeMs;
      results.collect(reduced);
    }
    reader.retire(view);
  }

  #eventTimeMs(): number {
    if (!Number.isNaN(this.#timeMs)) return this.#timeMs;
    throw new EvaluationError(
      "EVENT_TIME_MISSING",
      `${this.#user.where} has a time to live in event time, and reads rows that have no event time.`,
      "Call assignTimestampsAndWatermarks before it, or use processing time.",
    );
  }
}
