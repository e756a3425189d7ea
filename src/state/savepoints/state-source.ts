import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import type { OperatorSnapshot } from "../../core/job-snapshot.ts";
import { type Field, Schema } from "../../core/schema.ts";
import { tableFormat } from "../../core/snapshot-tables.ts";
import type { Source, SourceContext, SourceSpec, SourceStatistics, Split, SplitReader } from "../../core/source.ts";
import { int64 } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { isListTable, POSITION, stateColumns } from "./state-columns.ts";

type StateTable = OperatorSnapshot["tables"][string];

/** Reads the rows of a state table, on the thread that has its bytes. Columns have the names that users know. */
export class StateSource implements Source {
  readonly spec: SourceSpec = { kind: "state" };
  readonly schema: Schema;
  readonly statistics: SourceStatistics;
  readonly description: string;
  readonly staysWithCaller = true;
  readonly #table: StateTable;
  /** By name, where they are in the table; the position of a row is not there. */
  readonly #stored: ReadonlyMap<string, string>;
  readonly #rowCounts: readonly number[];

  /** `name` is that of the table. `loadTableFormat` has been awaited. */
  constructor(name: string, table: StateTable, columns?: readonly string[]) {
    // Of a broadcast state every subtask has written the same.
    const parts = table.kind === "broadcast" ? table.parts.slice(0, 1) : table.parts;
    const shapes = parts.map((bytes) => tableFormat().tableShape(bytes));
    const known = stateColumns(table.kind, shapes[0]?.schema.fields ?? []);
    const fields: Field[] = known.map((column) => ({ name: column.name, type: column.type }));
    if (isListTable(name)) fields.push({ name: POSITION, type: int64 });
    this.#table = { ...table, parts };
    this.#stored = new Map(known.map((column) => [column.name, column.stored]));
    this.#rowCounts = shapes.map(({ rowCount }) => rowCount);
    const whole = new Schema(fields);
    this.schema = columns === undefined ? whole : whole.pick(columns);
    this.statistics = { rows: this.#rowCounts.reduce((sum, count) => sum + count, 0) };
    this.description = `state "${name}" (${this.statistics.rows} rows)`;
    this.withColumns = (names) => new StateSource(name, table, names);
  }

  readonly withColumns: (names: readonly string[]) => StateSource;

  splits(): readonly Split[] {
    return this.#table.parts.map((bytes, part) => ({
      id: `${this.description} part ${part}`,
      rows: this.#rowCounts[part],
      bytes: bytes.byteLength,
      payload: part,
    }));
  }

  openSplit(split: Split, { workspace }: SourceContext): SplitReader {
    const part = Number(split.payload);
    const batches = tableFormat().decodeTable(workspace, this.#table.parts[part]);
    let position = this.#rowCounts.slice(0, part).reduce((sum, count) => sum + count, 0);
    return {
      next: () => {
        const { value: batch, done } = batches.next();
        if (done === true) return undefined;
        const columns = this.schema.names.map((name) => this.#column(workspace, batch, name, position));
        position += batch.rowCount;
        const named = new Batch(this.schema, batch.rowCount, columns);
        batch.release();
        return named;
      },
      close: () => void batches.return(),
    };
  }

  #column(workspace: Workspace, batch: Batch, name: string, position: number): Column {
    const stored = this.#stored.get(name);
    if (stored !== undefined) return batch.columns[batch.schema.indexOf(stored)].retain();
    const data = workspace.allocate(batch.rowCount * 8);
    workspace.kernels.sequenceI64(BigInt(position), 1n, batch.rowCount, data.address);
    return columnOf(workspace, int64, batch.rowCount, { data });
  }
}
