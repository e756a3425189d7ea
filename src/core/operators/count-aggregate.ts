import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import { keyGroupColumn, refuseChangelog } from "../row-state/stream-rows.ts";
import { type Field, Schema } from "../schema.ts";
import { keyedTable } from "../state/state-table.ts";
import { KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { type DataType, int64 } from "../types.ts";
import { countPanes } from "../windows/count-panes.ts";
import { type CountFirings, CountWindowStore } from "../windows/count-window-store.ts";
import { withTime } from "../windows/row-times.ts";
import { LAST_EVENT_TIME_MS } from "../windows/window.ts";
import { type CountWindowSpec, checkWindow, type GlobalWindowSpec } from "../windows/window-spec.ts";

export interface CountAggregateSpec {
  readonly kind: "countAggregate";
  /** Key columns; none means that all rows are counted together. */
  readonly keys: readonly string[];
  readonly window: CountWindowSpec | GlobalWindowSpec;
  readonly aggregates: readonly AggregateSpec[];
}

const WHAT = "A count window aggregate";
const STATES = ["keys", "panes"] as const;
/** Neither can be the name of a user's column. */
const ROW_TIME = "\0time";
const LATEST: AggregateSpec = { fn: "max", column: ROW_TIME, as: ROW_TIME };

/**
 * Aggregates rows by key in windows of so many rows, or in one window of all rows.
 * Input:     any schema with the key and input columns; with or without row times.
 * Output:    keys, then one column per aggregate. Count windows: at every `slideRows`th row of a key one row over its
 *            last `rows` rows, or those that have come so far; what is incomplete at the end gives nothing. Global
 *            window: one row per key at the end of the input. Row time, where all rows have one: that of the newest row,
 *            and LAST_EVENT_TIME_MS of the global window, whose newest row may be long past.
 * State:     keyed: rows of the present slide, and partial aggregates of the rows that windows to come need. Without
 *            room for it: MEMORY_EXHAUSTED.
 * Watermark: travels on; the last one behind the results of the global window.
 * Late rows: none.
 * Order:     first, last and list see rows in the order in which they came.
 */
export class CountAggregateOperator implements Operator {
  readonly restoresAnyWatermark = true;
  readonly outputSchema: Schema;
  readonly #spec: CountAggregateSpec;
  /** Input columns that it reads; the row times follow them. */
  readonly #used: readonly number[];
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  readonly #stateSchemas: { readonly keys: Schema; readonly panes: Schema };
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #store: CountWindowStore | undefined;
  #hasEnded = false;

  /**
   * @throws {PlanError} WINDOW_ROWS_INVALID, WINDOW_PIECES_EXCEEDED, COLUMN_UNKNOWN, COLUMN_DUPLICATE, AGGREGATE_COLUMN_MISSING,
   * AGGREGATE_TYPE, AGGREGATE_PARAMETER
   */
  constructor(spec: CountAggregateSpec, inputSchema: Schema) {
    checkWindow(spec.window);
    countPanes(spec.window);
    this.#spec = spec;
    const keys = spec.keys.map((name) => inputSchema.indexOf(name));
    const inputs = new AggregatePlan(spec.aggregates, inputSchema).bound.flatMap(({ inputs }) => inputs);
    this.#used = [...new Set([...keys, ...inputs])];
    const used = this.#used.map((index) => inputSchema.fields[index]);
    this.#plan = new AggregatePlan(
      [LATEST, ...spec.aggregates],
      new Schema([...used, { name: ROW_TIME, type: int64 }]),
    );
    const keyFields = keys.map((index) => inputSchema.fields[index]);
    this.#keyTypes = keyFields.map(({ type }) => type);
    this.outputSchema = new Schema([...keyFields, ...this.#plan.resultFields.slice(1)]);
    const stateKeys = [KEY_GROUP_FIELD, ...keyFields.map(({ name, type }): Field => ({ name: `key ${name}`, type }))];
    this.#stateSchemas = {
      keys: new Schema([...stateKeys, { name: "rows", type: int64 }]),
      panes: new Schema([...stateKeys, ...this.#plan.keptFields("state ")]),
    };
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#store = new CountWindowStore(context.workspace, countPanes(this.#spec.window), this.#keyTypes, this.#plan);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, WHAT);
    const store = this.#openStore();
    const times = this.#timesOf(batch);
    const columns = [...this.#used.map((index) => batch.columns[index]), times];
    const firings = store.add(columns.slice(0, this.#keyTypes.length), columns, batch.rowCount, WHAT);
    times.release();
    return this.#emission.start(this.#results(firings), output, () => {
      store.clear();
    });
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    const pass = () => output.emitWatermark(watermark);
    if (watermark.timeMs >= END_OF_TIME_MS) return this.#end(output, pass);
    pass();
    return "done";
  }

  endInput(output: Output): Progress {
    return this.#end(output);
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const { batchRows } = this.#context;
    for (const { of, count, keys, values } of this.#openStore().states(batchRows)) {
      const groups = keyGroupColumn(this.#context, keys, count);
      writer.write(of, "keyed", new Batch(this.#stateSchemas[of], count, [groups, ...keys, ...values]));
    }
  }

  restoreState(reader: SnapshotReader): void {
    const firstValue = 1 + this.#keyTypes.length;
    for (const of of STATES) {
      for (const batch of reader.read(of, keyedTable(this.#stateSchemas[of].fields))) {
        const { rowCount: count, columns } = batch;
        const part = { count, keys: columns.slice(1, firstValue), values: columns.slice(firstValue) };
        if (count > 0) this.#openStore().restore(of, part, WHAT);
        batch.release();
      }
    }
  }

  get stateBytes(): number {
    return this.#store?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#store?.release();
    this.#store = undefined;
  }

  #openStore(): CountWindowStore {
    assert(this.#store !== undefined, "the operator is open");
    return this.#store;
  }

  /** The event times of the rows; null where they have none. */
  #timesOf(batch: Batch): Column {
    if (batch.rowTimes !== undefined) return batch.rowTimes.retain();
    const { workspace } = this.#context;
    const data = workspace.allocateZeroed(batch.rowCount * 8);
    const validity = allocateBitmap(workspace, batch.rowCount);
    return columnOf(workspace, int64, batch.rowCount, { data, validity });
  }

  #end(output: Output, then: () => void = () => {}): Progress {
    if (this.#spec.window.kind === "global" && !this.#hasEnded) {
      this.#hasEnded = true;
      return this.#emission.start(this.#results(this.#openStore().unfinished()), output, then);
    }
    then();
    return "done";
  }

  *#results(firings: CountFirings): Generator<Batch, void, void> {
    for (const { count, keys, values } of this.#openStore().results(firings, this.#context.batchRows)) {
      const [times, ...results] = values;
      const hasTimes = times.nullCount === 0;
      if (!hasTimes) times.release();
      const batch = new Batch(this.outputSchema, count, [...keys, ...results], hasTimes ? { times } : {});
      if (hasTimes && this.#spec.window.kind === "global") {
        yield withTime(this.#context.workspace, batch, LAST_EVENT_TIME_MS);
        batch.release();
      } else yield batch;
    }
  }
}
