import { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { keyGroupColumn, refuseChangelog } from "../row-state/stream-rows.ts";
import { Schema } from "../schema.ts";
import { KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";

/** Plain data. */
export interface FirstRowsSpec {
  readonly kind: "firstRows";
  /** At least one. */
  readonly keys: readonly string[];
}

const NAME = "A step that keeps the first row of each key";
const TABLE = "keys";

/**
 * Lets the first row of each key pass, in the order of arrival; nulls equal each other, so do -0 and 0, and all NaN.
 * Input:     any schema with the keys, inserts only.
 * Output:    the same schema, inserts only; event times travel with their rows.
 * State:     the keys that have come.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class FirstRowsOperator implements Operator {
  readonly name = "first-rows";
  readonly outputSchema: Schema;
  readonly #keys: readonly number[];
  #context!: OperatorContext;
  #table: GroupTable | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(spec: FirstRowsSpec, input: Schema) {
    this.outputSchema = input;
    this.#keys = spec.keys.map((key) => input.indexOf(key));
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#table = new GroupTable(context.workspace, this.#keyTypes);
  }

  processBatch(batch: Batch, output: Output): Progress {
    refuseChangelog(batch, NAME);
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    const { workspace } = this.#context;
    const table = this.#open();
    workspace.governor.reserve(table.growthBytes(rowCount), NAME, { required: true });
    const before = table.groupCount;
    const keys = this.#keys.map((key) => batch.columns[key]);
    const groups = table.assign(keys, rowCount);
    const rows = workspace.allocate((table.groupCount - before) * 4);
    const count = workspace.kernels.groupFirstRows(groups.address, rowCount, before, rows.address);
    const fresh = count === rowCount ? batch.retain() : gatherBatch(workspace, batch, rows.address, count);
    groups.release();
    rows.release();
    output.emit(fresh);
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  snapshotState(writer: SnapshotWriter): void {
    const table = this.#open();
    const { batchRows } = this.#context;
    const fields = this.#keys.map((key) => this.outputSchema.fields[key]);
    const schema = new Schema([KEY_GROUP_FIELD, ...fields.map(({ name, type }) => ({ name: `key.${name}`, type }))]);
    for (let from = 0; from < table.groupCount; from += batchRows) {
      const count = Math.min(batchRows, table.groupCount - from);
      const keys = table.keyColumns(from, count);
      writer.write(TABLE, "keyed", new Batch(schema, count, [keyGroupColumn(this.#context, keys, count), ...keys]));
    }
  }

  restoreState(reader: SnapshotReader): void {
    for (const batch of reader.read(TABLE)) {
      if (batch.rowCount > 0) this.#open().assign(batch.columns.slice(1), batch.rowCount).release();
      batch.release();
    }
  }

  close(): void {
    this.#table?.release();
    this.#table = undefined;
  }

  get #keyTypes() {
    return this.#keys.map((key) => this.outputSchema.fields[key].type);
  }

  #open(): GroupTable {
    if (this.#table === undefined) throw new RangeError("the step is closed");
    return this.#table;
  }
}
