import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { concatColumns } from "../columns/concat.ts";
import { gatherColumn } from "../columns/gather.ts";
import { encodeKeyRows } from "../columns/key-rows.ts";
import { sliceColumn } from "../columns/slice.ts";
import type { Address } from "../memory/allocator.ts";
import { binary, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ColumnKeyTable } from "./column-key-table.ts";
import { PairColumnTable } from "./pair-column-table.ts";

/** Keys of lists, structs, maps and of type null: equal where their row encodings are; the first row of each is kept. */
export class NestedColumnTable implements ColumnKeyTable {
  readonly type: DataType;
  readonly #workspace: Workspace;
  readonly #encoded: PairColumnTable;
  #keys: Column[] = [];

  constructor(workspace: Workspace, type: DataType, hashMask: number) {
    this.type = type;
    this.#workspace = workspace;
    this.#encoded = new PairColumnTable(workspace, binary, hashMask);
  }

  get groupCount(): number {
    return this.#encoded.groupCount;
  }

  /** The kept rows are counted by their encoding, which they roughly equal. */
  get memoryBytes(): number {
    return this.#encoded.memoryBytes * 2;
  }

  /** Null is a key like any other here. */
  get nullGroup(): number {
    return -1;
  }

  assignPlain(column: Column, rowCount: number, out: Address): void {
    const { kernels } = this.#workspace;
    const before = this.groupCount;
    const encoded = encodeKeyRows(this.#workspace, [column], rowCount);
    this.#encoded.assignPlain(encoded, rowCount, out);
    encoded.release();
    const added = this.groupCount - before;
    if (added === 0) return;
    const rows = this.#workspace.allocate(added * 4);
    kernels.groupFirstRows(out, rowCount, before, rows.address);
    this.#keys.push(gatherColumn(this.#workspace, column, rows.address, added));
    rows.release();
  }

  keyColumn(from: number, count: number): Column {
    if (count === 0) return buildColumn(this.#workspace, this.type, []);
    this.#join();
    return sliceColumn(this.#workspace, this.#keys[0], from, count);
  }

  growthBytes(rowCount: number): number {
    return this.#encoded.growthBytes(rowCount) * 2;
  }

  reset(): void {
    this.#forget();
    this.#encoded.reset();
  }

  release(): void {
    this.#forget();
    this.#encoded.release();
  }

  #join(): void {
    if (this.#keys.length === 1) return;
    const joined = concatColumns(this.#workspace, this.#keys);
    this.#forget();
    this.#keys = [joined];
  }

  #forget(): void {
    for (const column of this.#keys) column.release();
    this.#keys = [];
  }
}
