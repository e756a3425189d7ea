import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherBatch } from "../columns/gather.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { KEY_TIME_FIELDS, KeyTimes, type KeyTtl } from "../row-state/key-times.ts";
import { keyGroupColumn, refuseChangelog } from "../row-state/stream-rows.ts";
import { type Field, Schema } from "../schema.ts";
import { keyedTable } from "../state/state-table.ts";
import { KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";

/** Plain data. */
export interface FirstRowsSpec {
  readonly kind: "firstRows";
  /** At least one. */
  readonly keys: readonly string[];
  /** Forgets a key so long after the row of it that passed. */
  readonly ttl?: KeyTtl;
}

/** For tests: how many keys there may be at least before those that have expired are looked for. */
export interface FirstRowsOptions {
  readonly fewestKeys?: number;
}

interface State {
  readonly table: GroupTable;
  readonly times: KeyTimes | undefined;
}

/** Keys that have expired are cleared away once there are so many, and fewer than half of them live. */
const FEWEST_KEYS = 4096;
const NAME = "A step that keeps the first row of each key";
const TABLE = "keys";

/**
 * Lets the first row of each key pass, in the order of arrival; nulls equal each other, so do -0 and 0, and all NaN.
 * Input:     any schema with the keys, inserts only.
 * Output:    the same schema, inserts only; event times travel with their rows.
 * State:     the keys that have come, and with a time to live when the row of each passed: a row of the key that comes
 *            so long after it passes again.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class FirstRowsOperator implements Operator {
  readonly name = "first-rows";
  readonly outputSchema: Schema;
  readonly #keys: readonly number[];
  readonly #ttl: KeyTtl | undefined;
  readonly #fewestKeys: number;
  #context!: OperatorContext;
  #state: State | undefined;
  #nextCheck = 0;

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(spec: FirstRowsSpec, input: Schema, { fewestKeys = FEWEST_KEYS }: FirstRowsOptions = {}) {
    this.outputSchema = input;
    this.#keys = spec.keys.map((key) => input.indexOf(key));
    this.#ttl = spec.ttl;
    this.#fewestKeys = fewestKeys;
  }

  get restoresAnyWatermark(): boolean {
    return this.#ttl?.timeDomain !== "event";
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const isTimed = this.#ttl !== undefined && context.stream?.isBatchMode !== true;
    this.#state = this.#newState(isTimed && this.#ttl ? new KeyTimes(context, this.#ttl, NAME) : undefined);
  }

  processBatch(batch: Batch, output: Output): Progress {
    refuseChangelog(batch, NAME);
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    const { workspace } = this.#context;
    const { table, times } = this.#open();
    workspace.governor.reserve(table.growthBytes(rowCount), NAME, { required: true });
    const before = table.groupCount;
    const keys = this.#keys.map((key) => batch.columns[key]);
    const groups = table.assign(keys, rowCount);
    const rows = workspace.allocate((times === undefined ? table.groupCount - before : rowCount) * 4);
    let count: number;
    if (times === undefined) {
      count = workspace.kernels.groupFirstRows(groups.address, rowCount, before, rows.address);
    } else {
      times.ensure(table.groupCount);
      count = times.firstRows(groups.address, batch, rows.address);
    }
    const fresh = count === rowCount ? batch.retain() : gatherBatch(workspace, batch, rows.address, count);
    groups.release();
    rows.release();
    output.emit(fresh);
    this.#keepSmall();
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#open().times?.advance(watermark.timeMs);
    output.emitWatermark(watermark);
    return "done";
  }

  processTime(nowMs: number): Progress {
    const { times } = this.#open();
    times?.timeCame();
    if (times !== undefined && nowMs !== END_OF_TIME_MS) {
      this.#compact();
      this.#keepSmall();
    }
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  snapshotState(writer: SnapshotWriter): void {
    const state = this.#open();
    state.times?.snapshotTime(writer);
    const timeFields = state.times === undefined ? [] : KEY_TIME_FIELDS.fields;
    const schema = new Schema([...this.#stateFields, ...timeFields]);
    for (const { columns, count } of this.#saved(state)) {
      const groups = keyGroupColumn(this.#context, columns.slice(0, this.#keys.length), count);
      writer.write(TABLE, "keyed", new Batch(schema, count, [groups, ...columns]));
    }
  }

  restoreState(reader: SnapshotReader): void {
    this.#open().times?.restoreTime(reader);
    const expected = { ...keyedTable(this.#stateFields), further: KEY_TIME_FIELDS.fields };
    for (const batch of reader.read(TABLE, expected)) {
      this.#restore(batch.columns.slice(1), batch.rowCount);
      batch.release();
    }
    this.#open().times?.requestTime();
  }

  get #stateFields(): Field[] {
    const fields = this.#keys.map((key) => this.outputSchema.fields[key]);
    return [KEY_GROUP_FIELD, ...fields.map(({ name, type }) => ({ name: `key.${name}`, type }))];
  }

  get stateBytes(): number {
    return (this.#state?.table.memoryBytes ?? 0) + (this.#state?.times?.memoryBytes ?? 0);
  }

  close(): void {
    this.#state?.table.release();
    this.#state?.times?.release();
    this.#state = undefined;
  }

  #newState(times: KeyTimes | undefined): State {
    return { table: new GroupTable(this.#context.workspace, this.#keyTypes), times };
  }

  /** The keys that live and, where they expire, their times; the columns are the caller's. */
  *#saved({ table, times }: State): Generator<{ columns: Column[]; count: number }, void, void> {
    const { workspace, batchRows } = this.#context;
    for (let from = 0; from < table.groupCount; from += batchRows) {
      const size = Math.min(batchRows, table.groupCount - from);
      if (times === undefined) {
        yield { columns: table.keyColumns(from, size), count: size };
        continue;
      }
      const living = workspace.allocate(size * 4 + 4);
      const count = times.select(from, size, true, living.address);
      const columns = count === 0 ? [] : [...table.gatherKeys(living.address, count), times.of(living.address, count)];
      living.release();
      if (count > 0) yield { columns, count };
    }
  }

  /** Takes keys in that were saved; borrows them. */
  #restore(saved: readonly Column[], rowCount: number): void {
    if (rowCount === 0) return;
    const { table, times } = this.#open();
    const width = this.#keys.length;
    const groups = table.assign(saved.slice(0, width), rowCount);
    times?.ensure(table.groupCount);
    times?.restore(groups.address, rowCount, saved[width]);
    groups.release();
  }

  /** Moves the keys that live to a new table where most have expired. */
  #compact(): void {
    const old = this.#open();
    const { table, times } = old;
    if (times === undefined) return;
    const living = this.#context.workspace.allocate(table.groupCount * 4 + 4);
    const count = times.select(0, table.groupCount, true, living.address);
    living.release();
    if (count * 2 < table.groupCount) {
      this.#state = this.#newState(times.renumbered());
      for (const { columns, count: size } of this.#saved(old)) {
        this.#restore(columns, size);
        for (const column of columns) column.release();
      }
      table.release();
      times.release();
    }
    this.#nextCheck = this.#open().table.groupCount * 2;
  }

  #keepSmall(): void {
    const { table, times } = this.#open();
    if (times === undefined) return;
    if (table.groupCount >= Math.max(this.#fewestKeys, this.#nextCheck)) this.#compact();
    this.#open().times?.requestTime();
  }

  get #keyTypes() {
    return this.#keys.map((key) => this.outputSchema.fields[key].type);
  }

  #open(): State {
    if (this.#state === undefined) throw new RangeError("the step is closed");
    return this.#state;
  }
}
