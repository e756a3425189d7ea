import { Batch } from "../batch.ts";
import { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { checkSortable, encodeKeys, releaseKeys } from "../columns/sort-keys.ts";
import { PlanError } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import { type RankedBatch, type RankedChanges, RankedGroups } from "../row-state/ranked-groups.ts";
import { eventTimesOf, keyGroupColumn, refuseChangelog, stateSchema } from "../row-state/stream-rows.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
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
}

const NAME = "A ranking of rows";
const TABLE = "rows";
const TIME_FIELDS = Schema.of({ timeMs: int64 });

/**
 * The first rows of each key in an order: ROW_NUMBER() <= count, as a changelog.
 * Input:     any schema with the keys and columns of the order, inserts only; event times where the order has them.
 * Output:    the input's columns and, if asked for, the rank. For each batch and key what changed: without ranks a delete
 *            for each row that has gone and an insert for each that has come, which are update-before and update-after
 *            where one row is kept; with ranks an update for each place that has another row. No event times. In batch
 *            mode only the final rows, as inserts, at the end.
 * State:     at most `count` rows per key.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class RankedRowsOperator implements Operator {
  readonly name = "ranked-rows";
  readonly outputSchema: Schema;
  readonly #spec: RankedRowsSpec;
  readonly #input: Schema;
  readonly #keys: readonly number[];
  readonly #order: readonly (Omit<RankKey, "column"> & { readonly column: number | undefined })[];
  readonly #hasTimes: boolean;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #table: GroupTable | undefined;
  #rows: RankedGroups | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, SORT_KEY_UNSUPPORTED, LIMIT_INVALID */
  constructor(spec: RankedRowsSpec, input: Schema) {
    if (!Number.isSafeInteger(spec.count) || spec.count < 1 || spec.count > 2 ** 31) {
      throw new PlanError(
        "LIMIT_INVALID",
        `${NAME} was asked for the first ${spec.count} rows.`,
        "Give a whole number of 1 or more.",
      );
    }
    this.#spec = spec;
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

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const { count, prefersLater = false, rankColumn } = this.#spec;
    const types = this.#stateSchema.fields.slice(1).map(({ type }) => type);
    const keyTypes = this.#keys.map((key) => this.#input.fields[key].type);
    if (keyTypes.length > 0) this.#table = new GroupTable(workspace, keyTypes);
    this.#rows = new RankedGroups(workspace, types, { limit: count, prefersLater, hasRanks: rankColumn !== undefined });
  }

  processBatch(batch: Batch, output: Output): Progress {
    refuseChangelog(batch, NAME);
    if (batch.rowCount === 0) return "done";
    const columns = this.#hasTimes ? [...batch.columns, eventTimesOf(batch, NAME)] : batch.columns;
    if (this.#context.stream?.isBatchMode === true) {
      this.#with(columns, batch.rowCount, (rows) => this.#open().take(rows));
      return "done";
    }
    const changes = this.#with(columns, batch.rowCount, (rows) => this.#open().change(rows));
    return changes === undefined ? "done" : this.#emission.start(this.#changed(changes), output);
  }

  endInput(output: Output): Progress {
    if (this.#context.stream?.isBatchMode !== true) return "done";
    return this.#emission.start(this.#final(), output);
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const ranked = this.#open();
    const schema = this.#stateSchema;
    for (const { rows, count } of ranked.pieces(this.#context.batchRows)) {
      const columns = ranked.store.gatherAll(rows, count);
      const keys = this.#keys.map((key) => columns[key]);
      writer.write(TABLE, "keyed", new Batch(schema, count, [keyGroupColumn(this.#context, keys, count), ...columns]));
    }
  }

  restoreState(reader: SnapshotReader): void {
    for (const batch of reader.read(TABLE)) {
      const columns = batch.columns.slice(1);
      if (batch.rowCount > 0) this.#with(columns, batch.rowCount, (rows) => this.#open().restore(rows));
      batch.release();
    }
  }

  close(): void {
    this.#emission.close();
    this.#table?.release();
    this.#rows?.release();
    this.#table = undefined;
    this.#rows = undefined;
  }

  /** Key group, the input's columns and, where the order has it, the event time. */
  get #stateSchema(): Schema {
    return stateSchema(this.#input, this.#hasTimes ? TIME_FIELDS : new Schema([]));
  }

  #open(): RankedGroups {
    if (this.#rows === undefined) throw new RangeError("the ranking is closed");
    return this.#rows;
  }

  /** Rows with their groups and the keys of their order; `columns` end with the event times where the order has them. */
  #with<T>(columns: readonly Column[], rowCount: number, use: (batch: RankedBatch) => T): T {
    const { workspace } = this.#context;
    const table = this.#table;
    const grouped = this.#keys.map((key) => columns[key]);
    const groups = table?.assign(grouped, rowCount) ?? workspace.allocateZeroed(rowCount * 4);
    const ordered = this.#order.map(({ column }) => columns[column ?? columns.length - 1]);
    const keys = encodeKeys(workspace, ordered, this.#order, rowCount, "absolute");
    const groupCount = table?.groupCount ?? 1;
    const batch: RankedBatch = { groups: groups.address, groupCount, rowCount, keys, columns };
    try {
      workspace.governor.reserve(this.#open().growthBytes(batch), NAME, { required: true });
      return use(batch);
    } finally {
      groups.release();
      releaseKeys(keys);
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
    this.#open().clearAway();
  }

  *#final(): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    for (const { rows, ranks, count } of this.#open().pieces(batchRows)) {
      const data = workspace.allocate(count * 8);
      workspace.kernels.copyBytes(data.address, ranks, count * 8);
      yield this.#rowsAt(rows, columnOf(workspace, int64, count, { data }), count);
    }
  }

  /** Takes over the ranks and marks. */
  #rowsAt(rows: number, ranks: Column, count: number, marks?: { kinds: Column }): Batch {
    const { store } = this.#open();
    const columns = this.#input.fields.map((_, i) => store.gather(i, rows, count));
    if (this.#spec.rankColumn === undefined) ranks.release();
    else columns.push(ranks);
    return new Batch(this.outputSchema, count, columns, marks);
  }
}

/** A part of a block of fixed-width values as a column. */
function shared(type: typeof int8 | typeof int64, block: Block, from: number, length: number): Column {
  const width = type.kind === "int8" ? 1 : 8;
  return new Column(type, length, { data: block.address + from * width }, [block.retain()]);
}
