import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";

/** Maps keys of one or more columns to dense groups 0, 1, 2, ... in the order of first occurrence. */
export interface KeyTable {
  readonly groupCount: number;
  /** Bytes of linear memory held. */
  readonly memoryBytes: number;
  /** Writes the group of each row to u32[rowCount] at `out`, making groups for keys not seen before. */
  assignInto(columns: readonly Column[], rowCount: number, out: Address): void;
  /** Keys of groups [from, from + count); the caller owns the columns. */
  keyColumns(from: number, count: number): Column[];
  /** Keys of the groups u32[count] at `groups`; the caller owns the columns, which may be dictionary-encoded. */
  gatherKeys(groups: Address, count: number): Column[];
  /** Bytes that it would take on top if `rowCount` more rows were all new groups. */
  growthBytes(rowCount: number): number;
  /** So many groups are expected; absent where that is no help. */
  reserve?(groupCount: number): void;
  /** Forgets all groups and returns to its smallest size. */
  reset(): void;
  release(): void;
}

export interface KeyTableOptions {
  /** ANDed with the internal 32-bit hashes; tests pass 0 so that all keys collide. */
  readonly hashMask?: number;
}
