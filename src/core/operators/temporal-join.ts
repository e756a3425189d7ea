import { Batch, mapMarks } from "../batch.ts";
import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
import { gatherBatch, gatherColumn } from "../columns/gather.ts";
import { sliceBatch } from "../columns/slice.ts";
import { type JoinPlan, type JoinSpec, planJoin, type SidePlan } from "../joins/join-plan.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { PendingRows } from "../row-state/pending-rows.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  rowTable,
  snapshotWatermark,
  splitLate,
  stateSchema,
} from "../row-state/stream-rows.ts";
import { VersionTable } from "../row-state/version-table.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int8, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { LATE_TAGS } from "./interval-join.ts";

/** Plain data. Each left row is joined with the version of the right row of its key that was valid at its time. */
export interface TemporalJoinSpec extends Omit<JoinSpec, "residual"> {
  readonly kind: "temporalJoin";
  readonly type: "inner" | "left";
  /** "event": the version of the left row's event time. "processing": the newest one that has come. */
  readonly time: "event" | "processing";
}

const NAME = "A temporal join";
const VERSION_FIELDS = Schema.of({ timeMs: int64 });
const CHANGE_FIELDS = Schema.of({ timeMs: int64, kind: int8 });
const TABLES = { rows: "left", changes: "right", versions: "versions" } as const;

/**
 * Joins rows with the versions of a changing table: of its key's versions the newest that is not later than the row.
 * Input:     0 = left, inserts only. 1 = right, a changelog or inserts, of which each replaces the one before of its key;
 *            a delete ends it, and of versions of one time the last that came is valid. With event times on both sides,
 *            unless it joins by processing time.
 * Output:    the columns of the spec, with the left row's event time. By event time a row leaves once the watermark has
 *            passed its time; by processing time at once.
 * State:     left rows and versions that the watermark has not passed, and the newest version of each key before it.
 * Watermark: travels on behind the rows that it let leave.
 * Late rows: left rows at or before the watermark go to the side output "lateLeft" and are counted as lateRows. Versions
 *            that come late are counted as lateVersions; rows that come after them see them.
 */
export class TemporalJoinOperator implements Operator {
  readonly name = "temporal-join";
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #plan: JoinPlan;
  readonly #byEventTime: boolean;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #state: { rows: PendingRows; changes: PendingRows; versions: VersionTable } | undefined;
  #watermarkMs = START_OF_TIME_MS;
  readonly #hasEnded = [false, false];

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES */
  constructor(spec: TemporalJoinSpec, left: Schema, right: Schema) {
    this.#plan = planJoin(spec, left, right);
    this.#byEventTime = spec.time === "event";
    this.outputSchema = this.#plan.outputSchema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const { schema, keys } = this.#plan.right;
    const versions = new VersionTable(
      workspace,
      schema.fields.map(({ type }) => type),
      keys,
    );
    this.#state = { rows: new PendingRows(workspace), changes: new PendingRows(workspace), versions };
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const { workspace } = this.#context;
    if (batch.rowCount === 0) return "done";
    workspace.governor.reserve(batch.rowCount * 64, NAME, { required: true });
    return input === 0 ? this.#takeRows(batch, output) : this.#takeChanges(batch);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#watermarkMs = watermark.timeMs;
    return this.#advance(output, () => output.emitWatermark(watermark));
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[input] = true;
    if (!this.#hasEnded.every((hasEnded) => hasEnded) || this.#watermarkMs === END_OF_TIME_MS) return "done";
    this.#watermarkMs = END_OF_TIME_MS;
    return this.#advance(output);
  }

  pendingTimes(): readonly PendingTime[] {
    const { rows } = this.#open();
    if (rows.rowCount === 0) return [];
    const what = "rows that wait for the versions of their time";
    return [{ what, timeDomain: "event", atMs: rows.earliestMs, count: rows.rowCount }];
  }

  snapshotState(writer: SnapshotWriter): void {
    const { workspace, batchRows } = this.#context;
    const { rows, changes, versions } = this.#open();
    const { left, right } = this.#plan;
    snapshotWatermark(workspace, writer, this.#watermarkMs);
    const write = (table: string, { schema, keys }: SidePlan, further: Schema, columns: Column[], count: number) => {
      const keyColumns = keys.map((key) => columns[key]);
      const groups = keyGroupColumn(this.#context, keyColumns, count);
      writer.write(table, "keyed", new Batch(stateSchema(schema, further), count, [groups, ...columns]));
    };
    for (const batch of rows.batches) {
      const columns = [...batch.columns, eventTimesOf(batch, NAME)].map((column) => column.retain());
      write(TABLES.rows, left, VERSION_FIELDS, columns, batch.rowCount);
    }
    for (const { columns, marks, rowCount } of changes.batches) {
      const times = marks.times === undefined ? [] : [marks.times];
      const all = [...columns, ...times].map((column) => column.retain());
      const kinds = marks.kinds?.retain() ?? zeros(workspace, rowCount);
      write(TABLES.changes, right, CHANGE_FIELDS, [...all, kinds], rowCount);
    }
    for (const { columns, count } of versions.newest(batchRows)) {
      write(TABLES.versions, right, VERSION_FIELDS, columns, count);
    }
  }

  restoreState(reader: SnapshotReader): void {
    const { rows, changes, versions } = this.#open();
    const { left, right } = this.#plan;
    this.#watermarkMs = restoreWatermark(this.#context.workspace, reader);
    for (const batch of reader.read(TABLES.rows, rowTable(left, VERSION_FIELDS)))
      rows.add(restored(batch, left.schema));
    for (const batch of reader.read(TABLES.changes, rowTable(right, CHANGE_FIELDS)))
      changes.add(restored(batch, right.schema));
    for (const batch of reader.read(TABLES.versions, rowTable(right, VERSION_FIELDS))) {
      const known = restored(batch, right.schema);
      versions.know({ batches: [known], keys: right.keys });
      known.release();
    }
  }

  get stateBytes(): number {
    if (this.#state === undefined) return 0;
    const { rows, changes, versions } = this.#state;
    return rows.memoryBytes + changes.memoryBytes + versions.memoryBytes;
  }

  close(): void {
    this.#emission.close();
    const state = this.#state;
    this.#state = undefined;
    for (const owned of state === undefined ? [] : Object.values(state)) owned.release();
  }

  #open(): { rows: PendingRows; changes: PendingRows; versions: VersionTable } {
    if (this.#state === undefined) throw new RangeError("the join is closed");
    return this.#state;
  }

  #takeRows(batch: Batch, output: Output): Progress {
    refuseChangelog(batch, NAME);
    const { columns, schema } = this.#plan.left;
    if (!this.#byEventTime) return this.#emit([batch.project(schema, columns)], [], output);
    const { onTime, late } = splitLate(this.#context.workspace, batch, this.#watermarkMs, NAME);
    if (late !== undefined) {
      this.#context.count("lateRows", late.rowCount);
      output.emitSide(LATE_TAGS.left, late);
    }
    if (onTime === undefined) return "done";
    this.#open().rows.add(onTime.project(schema, columns));
    onTime.release();
    return "done";
  }

  #takeChanges(batch: Batch): Progress {
    const { workspace } = this.#context;
    const { columns, schema, keys } = this.#plan.right;
    const needed = batch.project(schema, columns);
    const known = this.#plan.nullEquals ? needed : withKeys(workspace, needed, keys);
    if (this.#byEventTime) {
      const late = workspace.kernels.windowCountBetween(
        eventTimesOf(known, NAME).data,
        known.rowCount,
        START_OF_TIME_MS,
        this.#watermarkMs + 1,
      );
      if (late > 0) this.#context.count("lateVersions", late);
      this.#open().changes.add(known);
      return "done";
    }
    const { versions } = this.#open();
    versions.know({ batches: [known], keys, isTimeless: true });
    versions.clearAway();
    known.release();
    return "done";
  }

  /** Everything up to the watermark. */
  #advance(output: Output, then?: () => void): Progress {
    const { rows, changes } = this.#open();
    return this.#emit(rows.takeUntil(this.#watermarkMs), changes.takeUntil(this.#watermarkMs), output, then);
  }

  /** Takes the batches over. */
  #emit(rows: Batch[], changes: Batch[], output: Output, then?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    return this.#emission.start(packBatches(workspace, this.#joined(rows, changes), batchRows), output, then);
  }

  *#joined(rows: Batch[], changes: Batch[]): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const { left, right, type } = this.#plan;
    const { versions } = this.#open();
    const probes = { batches: rows, keys: left.keys, isTimeless: !this.#byEventTime };
    let matches: Block | undefined;
    try {
      matches = versions.advance(probes, { batches: changes, keys: right.keys });
      let at = matches.address;
      for (const batch of rows) {
        for (let from = 0; from < batch.rowCount; from += batchRows) {
          const piece = sliceBatch(workspace, batch, from, Math.min(batchRows, batch.rowCount - from));
          try {
            yield type === "left" ? this.#withNulls(piece, at) : this.#pairs(piece, at);
          } finally {
            at += piece.rowCount * 4;
            piece.release();
          }
        }
      }
    } finally {
      matches?.release();
      for (const batch of [...rows, ...changes]) batch.release();
    }
    versions.clearAway();
  }

  #withNulls(rows: Batch, matches: Address): Batch {
    const { store } = this.#open().versions;
    return rows.withColumns(
      this.outputSchema,
      this.#plan.output.map(({ side, column }) =>
        side === "left" ? rows.columns[column].retain() : store.gather(column, matches, rows.rowCount, true),
      ),
    );
  }

  #pairs(rows: Batch, matches: Address): Batch {
    const { workspace } = this.#context;
    const { store } = this.#open().versions;
    const { rowCount } = rows;
    const numbers = workspace.allocate(rowCount * 4 + 4);
    const versions = workspace.allocate(rowCount * 4 + 4);
    const count = workspace.kernels.temporalPairs(matches, rowCount, numbers.address, versions.address);
    const isWhole = count === rowCount;
    const take = (column: Column): Column =>
      isWhole ? column.retain() : gatherColumn(workspace, column, numbers.address, count);
    const columns = this.#plan.output.map(({ side, column }) =>
      side === "left" ? take(rows.columns[column]) : store.gather(column, versions.address, count),
    );
    const pairs = new Batch(this.outputSchema, count, columns, mapMarks(rows.marks, take));
    numbers.release();
    versions.release();
    return pairs;
  }
}

/** Rows whose keys are all there, since a null equals nothing; takes the batch over. */
function withKeys(workspace: Workspace, batch: Batch, keys: readonly number[]): Batch {
  const { columns, rowCount } = batch;
  const [first, ...others] = keys.flatMap((key) => (columns[key].nullCount > 0 ? [columns[key]] : []));
  if (first === undefined) return batch;
  const bits = allocateBitmap(workspace, rowCount);
  const rows = workspace.allocate((rowCount + 8) * 4);
  const { kernels } = workspace;
  let count = 0;
  // A column of nulls only may have no bitmap.
  if ([first, ...others].every(({ validity }) => validity !== 0)) {
    kernels.bitmapAnd(first.validity, first.validity, rowCount, bits.address);
    for (const { validity } of others) kernels.bitmapAnd(bits.address, validity, rowCount, bits.address);
    count = kernels.booleanIndices(bits.address, rowCount, rows.address);
  }
  const kept = gatherBatch(workspace, batch, rows.address, count);
  for (const owned of [bits, rows, batch]) owned.release();
  return kept;
}

/** Rows of a state table as they were: columns, event times and, where the table has them, kinds. Takes it over. */
function restored(table: Batch, schema: Schema): Batch {
  const all = table.columns.slice(1).map((column) => column.retain());
  const columns = all.slice(0, schema.fields.length);
  const [times, kinds] = all.slice(schema.fields.length);
  const batch = new Batch(schema, table.rowCount, columns, kinds === undefined ? { times } : { times, kinds });
  table.release();
  return batch;
}

function zeros(workspace: Workspace, length: number): Column {
  return columnOf(workspace, int8, length, { data: workspace.allocateZeroed(length) });
}
