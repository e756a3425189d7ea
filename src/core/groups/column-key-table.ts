import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { DataType } from "../types.ts";

/** A table for keys of one column that is not dictionary-encoded; see KeyTable. */
export interface ColumnKeyTable {
  readonly type: DataType;
  readonly groupCount: number;
  readonly memoryBytes: number;
  /** The group of null; -1 while there is none. */
  readonly nullGroup: number;
  assignPlain(column: Column, rowCount: number, out: Address): void;
  /** Keys of groups [from, from + count) as a plain column; the caller owns it. */
  keyColumn(from: number, count: number): Column;
  /** Keys of the groups u32[count] as a plain column, the caller's; undefined, or absent, where that needs all keys. */
  gatherKey?(groups: Address, count: number): Column | undefined;
  growthBytes(rowCount: number): number;
  /** So many groups are expected; absent where that is no help. */
  reserve?(groupCount: number): void;
  reset(): void;
  release(): void;
}
