import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Workspace } from "../workspace.ts";
import { gatherColumn } from "./gather.ts";
import { isPackable, isWorthPacking, PackedRows } from "./packed-rows.ts";

/** The columns of a batch, laid out for taking rows in no order: packed row by row where that pays. */
export class ScatteredRows {
  readonly rowCount: number;
  readonly #workspace: Workspace;
  /** What is left as it was; undefined where the column is packed. */
  readonly #columns: (Column | undefined)[];
  /** Position of each column among the packed ones. */
  readonly #packedAt: readonly (number | undefined)[];
  readonly #packed: PackedRows | undefined;

  /** Takes over the batch; only the columns at `wanted` can be taken. */
  constructor(workspace: Workspace, batch: Batch, wanted: ReadonlySet<number>) {
    this.#workspace = workspace;
    this.rowCount = batch.rowCount;
    const packable = [...wanted].filter((i) => isPackable(batch.columns[i])).slice(0, PackedRows.mostColumns);
    const columns = packable.map((i) => batch.columns[i]);
    const isPacked = isWorthPacking(columns, batch.rowCount);
    this.#packedAt = batch.columns.map((_, i) => (isPacked && packable.includes(i) ? packable.indexOf(i) : undefined));
    this.#columns = batch.columns.map((column, i) =>
      wanted.has(i) && this.#packedAt[i] === undefined ? column.retain() : undefined,
    );
    if (isPacked) this.#packed = new PackedRows(workspace, columns, batch.rowCount);
    batch.release();
  }

  /** A column of the rows u32[count] at `indices`; with `nullable`, NO_ROW gives a null. The caller owns it. */
  gather(column: number, indices: Address, count: number, nullable = false): Column {
    const packedAt = this.#packedAt[column];
    if (packedAt !== undefined && this.#packed !== undefined) {
      return this.#packed.gather(packedAt, indices, count, nullable);
    }
    const values = this.#columns[column];
    if (values === undefined) throw new RangeError(`column ${column} was not wanted`);
    return gatherColumn(this.#workspace, values, indices, count, nullable);
  }

  release(): void {
    for (const column of this.#columns) column?.release();
    this.#packed?.release();
  }
}
