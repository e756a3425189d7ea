import type { Column } from "../column.ts";
import type { EncodedKeys } from "../columns/sort-keys.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { RowCounts } from "./key-times.ts";
import type { RowStore } from "./row-store.ts";

export interface RankedOptions {
  /** The first rows of a group that are told of. */
  readonly limit: number;
  /** Of rows with equal keys the later one ranks first. */
  readonly prefersLater: boolean;
  /** A row at another place than before is another row. */
  readonly hasRanks: boolean;
}

/** Rows that come, with the groups that they belong to; all is borrowed. */
export interface RankedBatch {
  /** u32 per row. */
  readonly groups: Address;
  /** Greater than every group. */
  readonly groupCount: number;
  readonly rowCount: number;
  /** "absolute" keys: the least ranks first. */
  readonly keys: EncodedKeys;
  /** Those of the store. */
  readonly columns: readonly Column[];
  /** int8 `RowKind` per row; 0 means that every row is an insert. */
  readonly kinds: Address;
}

/** Changes of the rows of groups: the row u32, its kind int8 and its rank int64 for each. */
export interface RankedChanges {
  readonly count: number;
  readonly rows: Block;
  readonly kinds: Block;
  readonly ranks: Block;
}

/** Some rows with their ranks (int64), group by group; borrowed until the next are asked for. */
export interface RankedPiece {
  readonly count: number;
  readonly rows: Address;
  readonly ranks: Address;
}

/** Rows of groups in an order, of which the first ones are told of. */
export interface Ranking {
  readonly store: RowStore;
  readonly memoryBytes: number;
  /** Groups that have rows. */
  readonly livingGroups: number;
  /** By group how many rows are kept. */
  readonly rowCounts: RowCounts;
  /** Whether it would be much smaller if its rows were moved to a new one. */
  readonly isMostlyGone: boolean;
  /** Bytes that a batch may take on top, long texts not counted. */
  growthBytes(batch: RankedBatch): number;
  /** Takes rows in; what that changed is the caller's, to be read before `clearAway`. */
  change(batch: RankedBatch): RankedChanges | undefined;
  /** Takes rows in of which only the last state will be asked for. */
  take(batch: RankedBatch): void;
  /** Takes rows in that `all` gave. */
  restore(batch: RankedBatch): void;
  /** The first rows of each group, best first, in pieces of up to `limit`. */
  pieces(limit: number): Generator<RankedPiece, void, void>;
  /** All rows that are kept, of equal ones those first that `restore` wants first; without ranks. */
  all(limit: number): Generator<RankedPiece, void, void>;
  /** Forgets the rows of the groups u32[count], which are below groupCount. */
  clear(groups: Address, count: number, groupCount: number): void;
  /** Lets go of rows that have gone, once they are many; rows may get other numbers then. */
  clearAway(): void;
  release(): void;
}

/** Rows u32[total] of some groups, with where those of each start: u32[groups + 1]. */
export interface GroupedRows {
  readonly starts: Block;
  readonly rows: Block;
  readonly total: number;
}

/** The rows with their places in their groups, in pieces of up to `limit`; takes over the blocks. */
export function* rankedPieces(
  workspace: Workspace,
  { starts, rows, total }: GroupedRows,
  groupCount: number,
  limit: number,
): Generator<RankedPiece, void, void> {
  const ranks = workspace.allocate(total * 8);
  workspace.kernels.rankedNumbers(starts.address, groupCount, ranks.address);
  try {
    for (let at = 0; at < total; at += limit) {
      const piece = { rows: rows.address + at * 4, ranks: ranks.address + at * 8 };
      yield { count: Math.min(limit, total - at), ...piece };
    }
  } finally {
    for (const owned of [starts, rows, ranks]) owned.release();
  }
}
