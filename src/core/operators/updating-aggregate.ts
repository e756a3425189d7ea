import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { concatColumns } from "../columns/concat.ts";
import { gatherBatch, gatherColumn } from "../columns/gather.ts";
import { encodeKeyRows } from "../columns/key-rows.ts";
import { sliceBatch, sliceColumn } from "../columns/slice.ts";
import { assert } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import { type ChangedGroups, changedRows } from "../row-state/group-changes.ts";
import type { GroupPlaces } from "../row-state/group-places.ts";
import { KEY_TIME_FIELDS, KeyTimes, type KeyTtl } from "../row-state/key-times.ts";
import { keyGroupColumn } from "../row-state/stream-rows.ts";
import { UpdatingGroups } from "../row-state/updating-groups.ts";
import { type Field, Schema } from "../schema.ts";
import { keyedTable } from "../state/state-table.ts";
import { KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int8, isFloat, isNested } from "../types.ts";

/** Plain data where no aggregate has user code. */
export interface UpdatingAggregateSpec {
  readonly kind: "updatingAggregate";
  /** Key columns; none means one group of all rows. */
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
  /** The input is a changelog: aggregates must be able to take rows back. */
  readonly isChangelogInput?: boolean;
  /** Whether an update gives the row of before, too; true by default. Upsert sinks do without. */
  readonly withBefore?: boolean;
  /** Forgets a key that has had no row for so long. */
  readonly ttl?: KeyTtl;
}

/** For tests: groups without rows are cleared away once they are so many. */
export interface UpdatingAggregateOptions {
  readonly fewestDead?: number;
}

const NAME = "An updating aggregate";
/** keyed: key group, keys, partial states; one row per key that has rows. */
const TABLE = "groups";
/** Groups without rows are cleared away once they are this many, and more than those with rows. */
const FEWEST_DEAD = 4096;
/** Name of the hidden count of rows. */
const ROW_COUNT = "rows";

/**
 * Keeps an aggregate per key up to date: a changelog of one row per key.
 * Input:     any schema with the keys and input columns; a changelog where the spec says so.
 * Output:    keys, then one column per aggregate. For each batch and key whose row changed: insert, then update-before
 *            and update-after, and delete once all its rows were taken back. No event times. In batch mode only the final
 *            row of each key, as an insert, at the end.
 * State:     accumulators per key; keys without rows are cleared away. With changelog input, min, max and distinct
 *            aggregates keep how often each value occurs. With a time to live, a key that has had no row for so long
 *            begins anew: what it gave stays, and its rows are forgotten. So does a key whose rows are all taken back. How
 *            many rows of a key are there is known, not which: a row that is taken back where none is there is counted
 *            as "retractionsMissed", and one that was forgotten counts for another that is there.
 * Watermark: travels on.
 * Late rows: none.
 */
export class UpdatingAggregateOperator implements Operator {
  readonly name = "updating-aggregate";
  readonly outputSchema: Schema;
  readonly #spec: UpdatingAggregateSpec;
  readonly #plan: AggregatePlan;
  readonly #keys: readonly number[];
  readonly #stateSchema: Schema;
  readonly #fewestDead: number;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #groups: UpdatingGroups | undefined;
  /** Groups at which the next look for groups without rows is due. */
  #nextCheck: number;

  /**
   * @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE, AGGREGATE_PARAMETER,
   * RETRACTION_UNSUPPORTED
   */
  constructor(spec: UpdatingAggregateSpec, input: Schema, { fewestDead = FEWEST_DEAD }: UpdatingAggregateOptions = {}) {
    this.#spec = spec;
    this.#fewestDead = fewestDead;
    this.#nextCheck = fewestDead;
    const aggregates = [...spec.aggregates, { fn: "countAll", as: ROW_COUNT } as const];
    this.#plan = new AggregatePlan(aggregates, input, spec.isChangelogInput === true);
    this.#keys = spec.keys.map((key) => input.indexOf(key));
    const keyFields = this.#keys.map((key): Field => input.fields[key]);
    this.outputSchema = new Schema([...keyFields, ...this.#plan.resultFields.slice(0, -1)]);
    this.#stateSchema = new Schema([
      KEY_GROUP_FIELD,
      ...keyFields.map(({ name, type }) => ({ name: `key.${name}`, type })),
      ...this.#plan.keptFields("state."),
    ]);
  }

  get restoresAnyWatermark(): boolean {
    return this.#spec.ttl?.timeDomain !== "event";
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { ttl } = this.#spec;
    const times = ttl && !this.#isBatchMode ? new KeyTimes(context, ttl, NAME) : undefined;
    this.#groups = new UpdatingGroups(context, {
      keyTypes: this.outputSchema.fields.slice(0, this.#keys.length).map(({ type }) => type),
      plan: this.#plan,
      takesBack: this.#spec.isChangelogInput === true,
      ...(times === undefined ? {} : { times }),
    });
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    const { workspace } = this.#context;
    workspace.governor.reserve(batch.rowCount * 32, NAME, { required: true });
    if (this.#open().places !== undefined) {
      return this.#emission.start(this.#renewed(batch.retain()), output, () => this.#keepSmall());
    }
    const groups = this.#open().assign(this.#keysIn(batch), batch.rowCount);
    try {
      if (this.#isBatchMode) this.#take(batch, groups);
      else {
        const changes = this.#update(batch, groups);
        this.#keepSmall();
        if (changes !== undefined) output.emit(changes);
      }
    } finally {
      groups.release();
    }
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#open().places?.times.advance(watermark.timeMs);
    output.emitWatermark(watermark);
    return "done";
  }

  processTime(nowMs: number): Progress {
    const { places } = this.#open();
    places?.times.timeCame();
    if (places !== undefined && nowMs !== END_OF_TIME_MS) {
      this.#compact();
      this.#keepSmall();
    }
    return "done";
  }

  endInput(output: Output): Progress {
    if (!this.#isBatchMode) return "done";
    return this.#emission.start(this.#final(), output);
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const groups = this.#open();
    const { places, groupCount } = groups;
    const changed = groups.changes?.take(writer, groupCount);
    try {
      if (changed !== undefined && writer.changes?.isWorth(TABLE, changed.count, groupCount)) {
        const { names } = this.#stateSchema;
        writer.changes.write(TABLE, names.slice(1, 1 + this.#keys.length), this.#changedRows(changed));
        return;
      }
    } finally {
      changed?.groups.release();
    }
    places?.times.snapshotTime(writer);
    const timed = places === undefined ? [] : KEY_TIME_FIELDS.fields;
    const schema = new Schema([...this.#stateSchema.fields, ...timed]);
    for (const { columns, count } of groups.states()) {
      const keyGroups = keyGroupColumn(this.#context, columns.slice(0, this.#keys.length), count);
      writer.write(TABLE, "keyed", new Batch(schema, count, [keyGroups, ...columns]));
    }
  }

  #changedRows(changed: ChangedGroups): Batch {
    const groups = this.#open();
    const { table, aggregates } = groups;
    assert(table !== undefined, "the one group of all rows is written whole");
    const counts = groups.rowsOf(changed.groups.address, changed.count);
    return changedRows(this.#context, this.#stateSchema, { table, aggregates, ...changed, counts });
  }

  restoreState(reader: SnapshotReader): void {
    this.#open().places?.times.restoreTime(reader);
    this.#open().reserve(reader.expectedRows(TABLE));
    for (const batch of reader.read(TABLE, {
      ...keyedTable(this.#stateSchema.fields),
      further: KEY_TIME_FIELDS.fields,
    })) {
      if (batch.rowCount > 0) this.#open().merge(batch.columns.slice(1), batch.rowCount);
      batch.release();
    }
    this.#keepSmall();
  }

  get stateBytes(): number {
    return this.#groups?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#groups?.release();
    this.#groups = undefined;
  }

  #open(): UpdatingGroups {
    if (this.#groups === undefined) throw new RangeError("the aggregate is closed");
    return this.#groups;
  }

  get #isBatchMode(): boolean {
    return this.#context.stream?.isBatchMode === true;
  }

  #keysIn({ columns }: Batch): Column[] {
    return this.#keys.map((key) => columns[key]);
  }

  #take(batch: Batch, groups: Block): void {
    const { workspace } = this.#context;
    const { aggregates, count: groupCount } = this.#open();
    const { rowCount, rowKinds } = batch;
    if (rowKinds === undefined) {
      aggregates.update({ groups: groups.address, rowCount, groupCount }, batch.columns);
      return;
    }
    for (const isBack of [false, true]) {
      const rows = workspace.allocate(rowCount * 4 + 4);
      const count = workspace.kernels.changelogSelect(rowKinds.data, rowCount, isBack, rows.address);
      if (count > 0) {
        const columns = batch.columns.map((column) => gatherColumn(workspace, column, rows.address, count));
        const some = workspace.allocate(count * 4);
        workspace.kernels.gather32(groups.address, rows.address, count, some.address);
        const taken = { groups: some.address, rowCount: count, groupCount };
        if (isBack) aggregates.retract(taken, columns);
        else aggregates.update(taken, columns);
        for (const owned of [some, ...columns]) owned.release();
      }
      rows.release();
    }
  }

  /** Changes by a batch of keys that expire: a key may begin anew within it. Takes over the batch. */
  *#renewed(batch: Batch): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const { rowCount } = batch;
    const groups = this.#open().assign(this.#keysIn(batch), rowCount);
    try {
      for (let from = 0, end = rowCount; from < rowCount; from = end) {
        const { places, groupCount } = this.#open();
        assert(places !== undefined, "keys expire here");
        const renewed = places.renew(groups.address, groupCount, batch, from);
        const part = sliceBatch(workspace, batch, from, renewed.end - from);
        let updated: { readonly seen: number; readonly changes: Batch | undefined };
        try {
          updated = this.#updatePresent(part, renewed.places, places);
        } finally {
          renewed.places.release();
          part.release();
        }
        end = from + updated.seen;
        places.forgetEmpty(groups.address + from * 4, updated.seen);
        if (end < renewed.end) places.restart(groups.address + end * 4, groupCount);
        if (updated.changes !== undefined) yield updated.changes;
      }
    } finally {
      groups.release();
      batch.release();
    }
  }

  /**
   * Leaves rows out that take back what was forgotten, and stops, behind `seen` rows, where a key that has lost its last
   * row gets another: it begins anew, since what is in its accumulators may be left of rows that were forgotten.
   */
  #updatePresent(
    batch: Batch,
    at: Block,
    places: GroupPlaces,
  ): { readonly seen: number; readonly changes: Batch | undefined } {
    const { workspace } = this.#context;
    const { rowCount } = batch;
    if (!places.takesBack) return { seen: rowCount, changes: this.#update(batch, at) };
    const rows = workspace.allocate(rowCount * 4);
    const some = workspace.allocate(rowCount * 4);
    try {
      const { count, seen } = places.present(at.address, batch, rows.address);
      if (count === rowCount) return { seen, changes: this.#update(batch, at) };
      if (seen > count) this.#context.count("retractionsMissed", seen - count);
      if (count === 0) return { seen, changes: undefined };
      workspace.kernels.gather32(at.address, rows.address, count, some.address);
      const present = gatherBatch(workspace, batch, rows.address, count);
      const changes = this.#update(present, some);
      present.release();
      return { seen, changes };
    } finally {
      for (const owned of [rows, some]) owned.release();
    }
  }

  /** What a batch changes; the caller owns the batch. */
  #update(batch: Batch, groups: Block): Batch | undefined {
    const { workspace } = this.#context;
    const { flags, aggregates, changes: marks, count: groupCount } = this.#open();
    const { rowCount } = batch;
    const touched = workspace.allocate(rowCount * 4 + 4);
    const firstRows = workspace.allocate(rowCount * 4 + 4);
    const flagsAt = flags.ensure(groupCount);
    const { kernels } = workspace;
    const count = kernels.changelogTouched(groups.address, rowCount, flagsAt, touched.address, firstRows.address);
    marks?.mark(touched.address, count, groupCount);
    // Accumulators of groups that are new exist only after this.
    const none = batch.columns.map((column) => sliceColumn(workspace, column, 0, 0));
    aggregates.update({ groups: groups.address, rowCount: 0, groupCount }, none);
    for (const column of none) column.release();
    const before = aggregates.resultsOf(touched.address, count, groupCount);
    this.#take(batch, groups);
    const after = aggregates.resultsOf(touched.address, count, groupCount);
    const keys = this.#keysOf(batch, touched, firstRows, count);
    const changes = this.#changes(keys, before, after, count);
    for (const owned of [touched, firstRows, ...keys, ...before, ...after]) owned.release();
    return changes;
  }

  #keysOf(batch: Batch, touched: Block, firstRows: Block, count: number): Column[] {
    const { workspace } = this.#context;
    const groups = this.#open();
    const { table } = groups;
    if (table === undefined) return [];
    // Keys that are equal may look different: -0 and 0, and all NaN. The table has one form of each.
    if (table.keyTypes.some((type) => isFloat(type) || isNested(type))) return groups.keysAt(touched.address, count);
    return this.#keysIn(batch).map((key) => gatherColumn(workspace, key, firstRows.address, count));
  }

  #changes(keys: Column[], before: Column[], after: Column[], count: number): Batch | undefined {
    const { workspace } = this.#context;
    const both = before.map((column, i) => concatColumns(workspace, [column, after[i]]));
    const results = both.slice(0, -1);
    const encoded = encodeKeyRows(workspace, results, count * 2);
    const rows = workspace.allocate(count * 8);
    const kinds = workspace.allocate(count * 2);
    const { kernels } = workspace;
    const size = kernels.changelogUpdates(
      before[before.length - 1].data,
      after[after.length - 1].data,
      count,
      encoded.offsets,
      encoded.data,
      this.#spec.withBefore !== false,
      rows.address,
      kinds.address,
    );
    let changes: Batch | undefined;
    if (size > 0) {
      const twice = keys.map((column) => concatColumns(workspace, [column, column]));
      const columns = [...twice, ...results].map((column) => gatherColumn(workspace, column, rows.address, size));
      for (const column of twice) column.release();
      changes = new Batch(this.outputSchema, size, columns, {
        kinds: columnOf(workspace, int8, size, { data: kinds.retain() }),
      });
    }
    for (const owned of [encoded, rows, kinds, ...both]) owned.release();
    return changes;
  }

  *#final(): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const groups = this.#open();
    const { table, aggregates, groupCount } = groups;
    for (const { rows, count, from, size } of groups.living(batchRows)) {
      const numbers = workspace.allocate(size * 4);
      workspace.kernels.groupSequence(from, size, numbers.address);
      const results = aggregates.resultsOf(numbers.address, size, groupCount);
      numbers.release();
      const all = [...(table?.keyColumns(from, size) ?? []), ...results];
      const columns = all.slice(0, -1).map((column) => gatherColumn(workspace, column, rows.address, count));
      for (const column of all) column.release();
      yield new Batch(this.outputSchema, count, columns);
    }
  }

  /** Clears groups away that have no rows, or have expired, where it is time to look for them. */
  #keepSmall(): void {
    const { places, count } = this.#open();
    const isShrinking = places !== undefined || this.#spec.isChangelogInput === true;
    if (isShrinking && count >= this.#nextCheck) this.#compact();
    if (this.#open().count > 0) this.#open().places?.times.requestTime();
  }

  /** Leaves out what has gone, where it is much. */
  #compact(): void {
    const groups = this.#open();
    let living = 0;
    for (const { count } of groups.living(this.#context.batchRows)) living += count;
    if (living * 2 < groups.count) {
      this.#groups = groups.compacted();
      groups.release();
    }
    this.#nextCheck = Math.max(this.#fewestDead, this.#open().count * 2);
  }
}
