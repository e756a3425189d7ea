import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";

/** Finds build rows by key. A head is the first row of a key plus 1, or 0 where no row has it. */
export interface BuildTable {
  /** Whether any key has several rows: without, chains need not be followed. */
  readonly hasRepeats: boolean;
  /** u32 per build row: the next row of its key + 1, or 0. */
  readonly next: Address;
  /** u32[length]: the head of each row's key. Borrows the columns; the caller owns the block. */
  find(columns: readonly Column[], length: number): Block;
  release(): void;
}
