import { Batch } from "../batch.ts";
import { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { sliceBatch } from "../columns/slice.ts";
import { checkSortable, encodeKeys, releaseKeys } from "../columns/sort-keys.ts";
import { PlanError } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import { KEY_TIME_FIELDS, KeyTimes, type KeyTtl } from "../row-state/key-times.ts";
import { RankedGroups } from "../row-state/ranked-groups.ts";
import { RankedTrees } from "../row-state/ranked-trees.ts";
import type { RankedBatch, RankedChanges, RankedPiece, Ranking } from "../row-state/ranking.ts";
import { eventTimesOf, keyGroupColumn, refuseChangelog, rowTable, stateSchema } from "../row-state/stream-rows.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int8, int64 } from "../types.ts";

/** One key of the order: a column, or the event time where `column` is undefined. Nulls last unless said. */
export interface RankKey {
  readonly column?: string;
  readonly descending?: boolean;
  readonly nullsFirst?: boolean;
}

/** Plain data. */
export interface RankedRowsSpec {
  readonly kind: "rankedRows";
  /** Rows are ranked among those of equal keys; none means among all rows. */
  readonly keys: readonly string[];
  /** Rows that are equal in it, and all rows where it is empty, rank as they came. */
  readonly order: readonly RankKey[];
  /** Rows of a key that are kept. */
  readonly count: number;
  /** Of equal rows the later one ranks first. */
  readonly prefersLater?: boolean;
  /** Name of an int64 column behind the others with the rank, from 1 on; by default there is none. */
  readonly rankColumn?: string;
  /** The input is a changelog: all its rows are kept, since any of them may come to rank. */
  readonly isChangelogInput?: boolean;
  /** Forgets the rows of a key that has had none for so long. */
  readonly ttl?: KeyTtl;
}

/** For tests: how many groups, or rows that have gone, there may be at least before they are cleared away. */
export interface RankedRowsOptions {
  readonly fewestGone?: number;
}

interface State {
  readonly table: GroupTable | undefined;
  readonly ranking: Ranking;
  readonly times: KeyTimes | undefined;
}

const NAME = "A ranking of rows";
const TABLE = "rows";
/** What has gone is cleared away once there are so many groups or rows, and fewer than half of them are there. */
const FEWEST_GONE = 8192;
const TIME_FIELDS = Schema.of({ timeMs: int64 });

/**
 * The first rows of each key in an order: ROW_NUMBER() <= count, as a changelog.
 * Input:     any schema with the keys and columns of the order; inserts only, or a changelog where the spec says so, in
 *            which a row is taken back by one of equal columns. Event times where the order or the time to live has them.
 * Output:    the input's columns and, if asked for, the rank. For each batch and key what changed: without ranks a delete
 *            for each row that has gone and an insert for each that has come, which are update-before and update-after
 *            where one row is kept; with ranks an update for each place that has another row. No event times. In batch
 *            mode only the final rows, as inserts, at the end.
 * State:     at most `count` rows per key, or all rows of a changelog that are there. With a time to live, a key that
 *            has had no row for so long begins anew: what it gave stays, and its rows are forgotten. So does one whose
 *            rows are all taken back. Rows that are taken back and are not there are counted as "retractionsMissed".
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class RankedRowsOperator implements Operator {
  readonly name = "ranked-rows";
  readonly outputSchema: Schema;
  readonly #spec: RankedRowsSpec;
  readonly #fewestGone: number;
  readonly #input: Schema;
  readonly #keys: readonly number[];
  readonly #order: readonly (Omit<RankKey, "column"> & { readonly column: number | undefined })[];
  readonly #hasTimes: boolean;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #state: State | undefined;
  /** Groups at which the next look for groups without rows is due. */
  #nextCheck = 0;

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, SORT_KEY_UNSUPPORTED, LIMIT_INVALID */
  constructor(spec: RankedRowsSpec, input: Schema, options: RankedRowsOptions = {}) {
    if (!Number.isSafeInteger(spec.count) || spec.count < 1 || spec.count > 2 ** 31) {
      throw new PlanError(
        "LIMIT_INVALID",
        `${NAME} was asked for the first ${spec.count} rows.`,
        "Give a whole number of 1 or more.",
      );
    }
    this.#spec = spec;
    this.#fewestGone = options.fewestGone ?? FEWEST_GONE;
    this.#input = input;
    this.#keys = spec.keys.map((key) => input.indexOf(key));
    this.#order = spec.order.map(({ column, ...direction }) => {
      const index = column === undefined ? undefined : input.indexOf(column);
      if (index !== undefined) checkSortable(input.fields[index].type, input.fields[index].name);
      return { ...direction, column: index };
    });
    this.#hasTimes = this.#order.some(({ column }) => column === undefined);
    const { rankColumn } = spec;
    this.outputSchema =
      rankColumn === undefined ? input : new Schema([...input.fields, { name: rankColumn, type: int64 }]);
  }

  get restoresAnyWatermark(): boolean {
    return this.#spec.ttl?.timeDomain !== "event";
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { ttl } = this.#spec;
    this.#state = this.#newState(ttl && !this.#isBatchMode ? new KeyTimes(context, ttl, NAME) : undefined);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (this.#spec.isChangelogInput !== true) refuseChangelog(batch, NAME);
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    if (this.#isBatchMode) {
      this.#with(this.#rowsOf(batch), batch, (rows) => this.#open().ranking.take(rows));
      return "done";
    }
    if (this.#open().times !== undefined) return this.#emit(this.#renewed(batch.retain()), output);
    const changes = this.#with(this.#rowsOf(batch), batch, (rows) => this.#open().ranking.change(rows));
    return changes === undefined ? "done" : this.#emit(this.#changed(changes), output);
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

  endInput(output: Output): Progress {
    if (!this.#isBatchMode) return "done";
    return this.#emission.start(this.#final(), output);
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const state = this.#open();
    const schema = this.#stateSchema;
    state.times?.snapshotTime(writer);
    this.#forgetExpired(state);
    for (const piece of state.ranking.all(this.#context.batchRows)) {
      const columns = this.#saved(state, piece);
      const keys = this.#keys.map((key) => columns[key]);
      const groups = keyGroupColumn(this.#context, keys, piece.count);
      writer.write(TABLE, "keyed", new Batch(schema, piece.count, [groups, ...columns]));
    }
  }

  restoreState(reader: SnapshotReader): void {
    this.#open().times?.restoreTime(reader);
    const { fields } = this.#hasTimes ? TIME_FIELDS : new Schema([]);
    const rows = rowTable({ schema: this.#input, keys: this.#keys }, new Schema(fields));
    // What they are ranked by was known of each.
    const expected = { ...rows, addable: [], further: KEY_TIME_FIELDS.fields };
    for (const batch of reader.read(TABLE, expected)) {
      this.#restore(batch.columns.slice(1), batch.rowCount);
      batch.release();
    }
    this.#keepSmall();
  }

  get stateBytes(): number {
    if (this.#state === undefined) return 0;
    const { table, ranking, times } = this.#state;
    return ranking.memoryBytes + (table?.memoryBytes ?? 0) + (times?.memoryBytes ?? 0);
  }

  close(): void {
    this.#emission.close();
    if (this.#state !== undefined) releaseState(this.#state);
    this.#state = undefined;
  }

  get #isBatchMode(): boolean {
    return this.#context.stream?.isBatchMode === true;
  }

  /** Key group, the rows and, where keys expire, when that of each was renewed. */
  get #stateSchema(): Schema {
    const { fields } = this.#hasTimes ? TIME_FIELDS : new Schema([]);
    const hasKeyTimes = this.#open().times !== undefined;
    return stateSchema(this.#input, new Schema([...fields, ...(hasKeyTimes ? KEY_TIME_FIELDS.fields : [])]));
  }

  /** Types of what is kept of a row: the input's columns and, where the order has it, the event time. */
  get #rowTypes() {
    const types = this.#input.fields.map(({ type }) => type);
    return this.#hasTimes ? [...types, int64] : types;
  }

  #open(): State {
    if (this.#state === undefined) throw new RangeError("the ranking is closed");
    return this.#state;
  }

  #newState(times: KeyTimes | undefined): State {
    const { workspace } = this.#context;
    const { count, prefersLater = false, rankColumn, isChangelogInput = false } = this.#spec;
    const keyTypes = this.#keys.map((key) => this.#input.fields[key].type);
    const options = { limit: count, prefersLater, hasRanks: rankColumn !== undefined };
    const contentColumns = this.#input.fields.length;
    const fewestGone = this.#fewestGone;
    const onMissed = (missed: number): void => this.#context.count("retractionsMissed", missed);
    return {
      table: keyTypes.length > 0 ? new GroupTable(workspace, keyTypes) : undefined,
      ranking: isChangelogInput
        ? new RankedTrees(workspace, this.#rowTypes, { ...options, contentColumns, fewestGone, onMissed })
        : new RankedGroups(workspace, this.#rowTypes, options),
      times,
    };
  }

  /** What is kept of the rows of a batch; borrowed. */
  #rowsOf(batch: Batch): readonly Column[] {
    return this.#hasTimes ? [...batch.columns, eventTimesOf(batch, NAME)] : batch.columns;
  }

  get #groupCount(): number {
    return this.#open().table?.groupCount ?? 1;
  }

  /** u32 per row; the caller owns the block. */
  #assign({ table }: State, columns: readonly Column[], rowCount: number): Block {
    const keys = this.#keys.map((key) => columns[key]);
    return table?.assign(keys, rowCount) ?? this.#context.workspace.allocateZeroed(rowCount * 4);
  }

  /** Rows with their groups, which are looked up unless they are given, and the keys of their order. */
  #with<T>(
    columns: readonly Column[],
    { rowCount, rowKinds }: Pick<Batch, "rowCount" | "rowKinds">,
    use: (batch: RankedBatch) => T,
    known?: Address,
  ): T {
    const { workspace } = this.#context;
    const state = this.#open();
    const groups = known === undefined ? this.#assign(state, columns, rowCount) : undefined;
    const ordered = this.#order.map(({ column }) => columns[column ?? this.#input.fields.length]);
    const keys = encodeKeys(workspace, ordered, this.#order, rowCount, "absolute");
    const batch: RankedBatch = {
      groups: known ?? groups?.address ?? 0,
      groupCount: this.#groupCount,
      rowCount,
      keys,
      columns,
      kinds: rowKinds?.data ?? 0,
    };
    try {
      workspace.governor.reserve(state.ranking.growthBytes(batch), NAME, { required: true });
      return use(batch);
    } finally {
      groups?.release();
      releaseKeys(keys);
    }
  }

  #emit(rows: Generator<Batch, void, void>, output: Output): Progress {
    return this.#emission.start(rows, output, () => this.#keepSmall());
  }

  /** Changes by a batch of keys that expire: a key may begin anew within it. Takes over the batch. */
  *#renewed(batch: Batch): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const state = this.#open();
    const { rowCount } = batch;
    const groups = this.#assign(state, batch.columns, rowCount);
    const { times, ranking } = state;
    if (times === undefined) throw new RangeError("keys do not expire here");
    times.ensure(this.#groupCount);
    try {
      for (let from = 0, end = rowCount; from < rowCount; from = end) {
        const renewed = times.renew(groups.address, batch, from);
        end = renewed.end;
        ranking.clear(renewed.expired.address, renewed.count, this.#groupCount);
        renewed.expired.release();
        const part = sliceBatch(workspace, batch, from, end - from);
        const take = (rows: RankedBatch) => ranking.change(rows);
        let changes: RankedChanges | undefined;
        try {
          changes = this.#with(this.#rowsOf(part), part, take, groups.address + from * 4);
        } finally {
          part.release();
        }
        if (batch.rowKinds !== undefined) times.forgetEmpty(groups.address + from * 4, end - from, ranking.rowCounts);
        if (changes !== undefined) yield* this.#changed(changes);
      }
    } finally {
      groups.release();
      batch.release();
    }
  }

  /** Takes over the changes. */
  *#changed({ count, rows, kinds, ranks }: RankedChanges): Generator<Batch, void, void> {
    const { batchRows } = this.#context;
    try {
      for (let from = 0; from < count; from += batchRows) {
        const size = Math.min(batchRows, count - from);
        const kindsOf = { kinds: shared(int8, kinds, from, size) };
        yield this.#rowsAt(rows.address + from * 4, shared(int64, ranks, from, size), size, kindsOf);
      }
    } finally {
      for (const owned of [rows, kinds, ranks]) owned.release();
    }
  }

  *#final(): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    for (const { rows, ranks, count } of this.#open().ranking.pieces(batchRows)) {
      const data = workspace.allocate(count * 8);
      workspace.kernels.copyBytes(data.address, ranks, count * 8);
      yield this.#rowsAt(rows, columnOf(workspace, int64, count, { data }), count);
    }
  }

  /** Takes over the ranks and marks. */
  #rowsAt(rows: number, ranks: Column, count: number, marks?: { kinds: Column }): Batch {
    const { store } = this.#open().ranking;
    const columns = this.#input.fields.map((_, i) => store.gather(i, rows, count));
    if (this.#spec.rankColumn === undefined) ranks.release();
    else columns.push(ranks);
    return new Batch(this.outputSchema, count, columns, marks);
  }

  // What is kept, and what is forgotten

  /** Columns of a piece as they are saved; the caller owns them. */
  #saved(state: State, { rows, count }: RankedPiece): Column[] {
    const columns = state.ranking.store.gatherAll(rows, count);
    if (state.times === undefined) return columns;
    const groups = this.#assign(state, columns, count);
    columns.push(state.times.of(groups.address, count));
    groups.release();
    return columns;
  }

  /** Takes rows in that were saved; borrows them. */
  #restore(saved: readonly Column[], rowCount: number): void {
    if (rowCount === 0) return;
    const { times, ranking } = this.#open();
    const width = this.#rowTypes.length;
    const take = (batch: RankedBatch): void => {
      times?.ensure(batch.groupCount);
      times?.restore(batch.groups, rowCount, saved[width]);
      ranking.restore(batch);
    };
    this.#with(saved.slice(0, width), { rowCount, rowKinds: undefined }, take);
  }

  #forgetExpired({ times, ranking }: State): void {
    if (times === undefined) return;
    const groupCount = this.#groupCount;
    times.ensure(groupCount);
    const expired = this.#context.workspace.allocate(groupCount * 4 + 4);
    ranking.clear(expired.address, times.select(0, groupCount, false, expired.address), groupCount);
    expired.release();
  }

  /** Moves what is there to a new state where much has gone. */
  #compact(): void {
    const old = this.#open();
    this.#forgetExpired(old);
    const isDue = old.ranking.isMostlyGone || old.ranking.livingGroups * 2 < this.#groupCount;
    if (isDue) {
      this.#state = this.#newState(old.times?.renumbered());
      for (const piece of old.ranking.all(this.#context.batchRows)) {
        const columns = this.#saved(old, piece);
        this.#restore(columns, piece.count);
        for (const column of columns) column.release();
      }
      releaseState(old);
    }
    this.#nextCheck = this.#groupCount * 2;
  }

  #keepSmall(): void {
    const { ranking, table, times } = this.#open();
    ranking.clearAway();
    const isShrinking = table !== undefined && (times !== undefined || this.#spec.isChangelogInput === true);
    const isCheckDue = isShrinking && this.#groupCount >= Math.max(this.#fewestGone, this.#nextCheck);
    if (isCheckDue || ranking.isMostlyGone) this.#compact();
    const state = this.#open();
    if (this.#groupCount > 0) state.times?.requestTime();
  }
}

function releaseState({ table, ranking, times }: State): void {
  for (const owned of [table, ranking, times]) owned?.release();
}

/** A part of a block of fixed-width values as a column. */
function shared(type: typeof int8 | typeof int64, block: Block, from: number, length: number): Column {
  const width = type.kind === "int8" ? 1 : 8;
  return new Column(type, length, { data: block.address + from * width }, [block.retain()]);
}
