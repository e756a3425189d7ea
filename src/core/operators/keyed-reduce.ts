import type { Batch } from "../batch.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { checkKeys, updatesRefused } from "../process/check-function.ts";
import { readTimes, TimedRows } from "../process/timed-rows.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { valueState } from "../state/descriptors.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../state/keyed-backend.ts";
import type { ValueState } from "../state/keyed-state.ts";
import { KeyColumns, type StateKey } from "../state/state-key.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { START_OF_TIME_MS } from "../time/time.ts";
import { float64, struct } from "../types.ts";
import type { ReduceFunction, ReduceRichFunction } from "./reduce-rows.ts";

/** What is kept of a key; the time is NaN where rows have none. */
interface Reduced {
  readonly row: Row;
  readonly timeMs: number;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Folds the rows of each key into one by a function of two rows, as they come. The first row of a key is taken as it is.
 * Input:     inserts only, partitioned by the keys. `left` is a copy that the function may change and return, `right` a
 *            view that is valid during the call.
 * Output:    the columns of the input: per row the result so far, with the row's time. In batch mode per key its last
 *            result alone, once the input has ended.
 * State:     one row per key.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns; UPDATES_REFUSED.
 */
export class KeyedReduce implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<ReduceFunction>;
  readonly #keyNames: readonly string[];
  readonly #state: KeyedStateFactory;
  #context!: OperatorContext;
  #reader!: RowReader;
  #keys!: KeyColumns;
  #backend!: KeyedStateBackend;
  #reduced!: ValueState<Reduced>;
  #results: TimedRows | undefined;
  #isBatchMode = false;
  #keysReported = 0;
  /** In batch mode, at the end: the keys whose results are still to be given. */
  #finals: Iterator<StateKey> | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(
    reduce: ReduceFunction | ReduceRichFunction,
    inputSchema: Schema,
    keys: readonly string[],
    options: { readonly site: FunctionSite; readonly state: KeyedStateFactory },
  ) {
    this.#user = new UserFunction<ReduceFunction>(reduce, "reduce", options.site);
    this.#keyNames = keys;
    this.#state = options.state;
    this.outputSchema = inputSchema;
    checkKeys([{ schema: inputSchema, keys }], true, options.site);
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows, stream } = context;
    const maxParallelism = stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM;
    const keyGroups = stream?.keyGroups ?? { start: 0, end: maxParallelism };
    const { where } = this.#user;
    this.#context = context;
    this.#isBatchMode = stream?.isBatchMode ?? true;
    this.#reader = createRowReader(workspace, this.outputSchema);
    this.#results = new TimedRows(workspace, { schema: this.outputSchema }, { where, batchRows });
    this.#keys = new KeyColumns(workspace, this.outputSchema, this.#keyNames, maxParallelism);
    const never = () => START_OF_TIME_MS; // reduced rows have no time to live
    const clock = { processingTimeMs: never, eventTimeMs: never, watermarkMs: never };
    this.#backend = this.#state({ workspace, keys: this.#keys, keyGroups, clock });
    const fields = Object.fromEntries(this.outputSchema.fields.map(({ name, type }) => [name, type]));
    const reduced = valueState("reduced", struct({ row: struct(fields), timeMs: float64 }));
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
    const { keyCount } = this.#backend;
    if (keyCount !== this.#keysReported) this.#context.count("stateKeys", keyCount - this.#keysReported);
    this.#keysReported = keyCount;
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
}
