import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import { type DataType, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ColumnKeyTable } from "./column-key-table.ts";
import { PairTable } from "./pair-table.ts";

const MAXIMUM_OFFSET = 0x7fffffff;

/** Keys of utf8 and binary, and of 16 bytes: decimals and intervals. */
export class PairColumnTable implements ColumnKeyTable {
  readonly type: DataType;
  readonly #workspace: Workspace;
  readonly #table: PairTable;

  constructor(workspace: Workspace, type: DataType, hashMask: number) {
    this.type = type;
    this.#workspace = workspace;
    this.#table = new PairTable(workspace, hashMask);
  }

  get groupCount(): number {
    return this.#table.keys.count;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  get nullGroup(): number {
    return this.#table.keys.nullGroup;
  }

  assignPlain(column: Column, rowCount: number, out: Address): void {
    const { data, offsets, validity } = column;
    if (isVariableLength(this.type)) this.#table.assignStrings(data, offsets, validity, rowCount, out);
    else this.#table.assignPairs(data, validity, rowCount, out);
  }

  keyColumn(from: number, count: number): Column {
    const { kernels } = this.#workspace;
    const keys = this.#table.keys.address + from * 16;
    const nulls = this.#table.keys.validity(from, count);
    const validity = nulls === undefined ? {} : { validity: nulls };
    if (!isVariableLength(this.type)) {
      const data = this.#workspace.allocate(count * 16);
      kernels.copyBytes(data.address, keys, count * 16);
      return columnOf(this.#workspace, this.type, count, { data, ...validity });
    }
    const total = kernels.tableViewBytes(keys, count);
    if (total > MAXIMUM_OFFSET) {
      nulls?.release();
      throw new EvaluationError(
        "COLUMN_TOO_LONG",
        `${count} distinct ${this.type.kind} keys hold ${total} bytes, more than one column can address.`,
        "Group by a shorter key, or lower memoryBytes so that the groups are kept in smaller partitions.",
      );
    }
    const offsets = this.#workspace.allocate((count + 1) * 4);
    const data = this.#workspace.allocate(total + 16);
    kernels.tableViewStrings(keys, count, this.#table.arena, offsets.address, data.address);
    return columnOf(this.#workspace, this.type, count, { data, offsets, ...validity });
  }

  growthBytes(rowCount: number): number {
    return this.#table.growthBytes(rowCount);
  }

  reset(): void {
    this.#table.reset();
  }

  release(): void {
    this.#table.release();
  }
}
