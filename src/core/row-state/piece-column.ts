import type { Column } from "../column.ts";
import { concatColumns } from "../columns/concat.ts";
import { gatherColumn, NO_ROW } from "../columns/gather.ts";
import type { Address } from "../memory/allocator.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** A column that grows at its end, of any type: a few pieces, each at least twice as long as the next. */
export class PieceColumn {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  #pieces: { column: Column; start: number }[] = [];
  #length = 0;

  constructor(workspace: Workspace, type: DataType) {
    this.#workspace = workspace;
    this.#type = type;
  }

  append(column: Column): void {
    if (column.length === 0) return;
    const pieces = this.#pieces;
    pieces.push({ column: column.retain(), start: this.#length });
    this.#length += column.length;
    for (;;) {
      const [before, last] = pieces.slice(-2);
      if (last === undefined || before.column.length >= last.column.length * 2) return;
      const merged = concatColumns(this.#workspace, [before.column, last.column]);
      before.column.release();
      last.column.release();
      pieces.splice(-2, 2, { column: merged, start: before.start });
    }
  }

  /** The rows u32[count] at `indices`, of which NO_ROW gives a null. The caller owns the column. */
  gather(indices: Address, count: number, nullable: boolean): Column {
    const workspace = this.#workspace;
    const [only] = this.#pieces;
    if (this.#pieces.length === 1) return gatherColumn(workspace, only.column, indices, count, nullable);
    const positions = workspace.allocate(count * 4);
    const rows = workspace.allocate(count * 4);
    workspace.kernels.sortKeyFill(positions.address, count, NO_ROW);
    const found: Column[] = [];
    let base = 0;
    for (const { column, start } of this.#pieces) {
      const end = start + column.length;
      const { kernels } = workspace;
      const size = kernels.rowStorePiece(indices, count, start, end, base, rows.address, positions.address);
      found.push(gatherColumn(workspace, column, rows.address, size));
      base += size;
    }
    const all = concatColumns(workspace, found);
    const result = gatherColumn(workspace, all, positions.address, count, nullable);
    for (const owned of [...found, all, positions, rows]) owned.release();
    return result;
  }

  get type(): DataType {
    return this.#type;
  }

  release(): void {
    for (const { column } of this.#pieces.splice(0)) column.release();
    this.#length = 0;
  }
}
