import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { DataType } from "../types.ts";

/** Rows to take in: u32[rowCount] group numbers, each below `groupCount`, which never falls between calls. */
export interface GroupedRows {
  readonly groups: Address;
  readonly rowCount: number;
  readonly groupCount: number;
  /** Set where there is but one group: accumulators may then take a path without group numbers. */
  readonly isWhole?: boolean;
}

/** What an aggregate keeps per group; several results may be read from one accumulator. */
export interface Accumulator {
  /** Columns of its partial state. */
  readonly stateTypes: readonly DataType[];
  readonly memoryBytes: number;
  /**
   * Partial states that are merged in their order give the same results to the last bit, whichever of them were merged
   * first, and merging two costs the same however many rows they hold. Absent: not so.
   */
  readonly isAssociative?: boolean;
  /** What `mergeFrom` takes back leaves the state to the last bit as if it had never been there. Absent: it cannot. */
  readonly isInvertible?: boolean;
  /** Takes rows in; `columns` are the aggregate's inputs, borrowed. */
  update(rows: GroupedRows, columns: readonly Column[]): void;
  /** Takes rows back that were taken in before; absent where the state cannot forget. */
  retract?(rows: GroupedRows, columns: readonly Column[]): void;
  /**
   * Runs `read` while only the groups u32[count] at `groups` are there, numbered 0..count-1; absent where reading
   * scattered groups is no cheaper than reading all. `read` reads results and changes nothing.
   */
  withGroups?<T>(groups: Address, count: number, read: () => T): T;
  /** Takes in partial states, one row per state, as `stateColumns` of another accumulator gave them. */
  merge(rows: GroupedRows, states: readonly Column[]): void;
  /** Merges the states from row `from` of the columns on (sign 1), or takes back what was merged (-1); there where `isInvertible` is. */
  mergeFrom?(rows: GroupedRows, states: readonly Column[], from: number, sign: 1 | -1): void;
  /**
   * Groups [at, at + count), which must not hold anything, become what the groups u32[count] at `groups` of an
   * accumulator of the same aggregate are; there where `isInvertible` is.
   */
  copyGroups?(from: Accumulator, groups: Address, count: number, at: number): void;
  /** Partial states of groups [from, from + count); the caller owns the columns. */
  stateColumns(from: number, count: number): Column[];
  /** Partial states of the groups u32[count] at `groups`; absent where it is no cheaper than reading all. */
  gatherStates?(groups: Address, count: number): Column[];
  /** Bytes that it would take on top for `groupCount` groups and `rowCount` further rows. */
  growthBytes(groupCount: number, rowCount: number): number;
  /** So many groups are expected; absent where that is no help. */
  reserve?(groupCount: number): void;
  /** Forgets all groups and gives their memory back. */
  reset(): void;
  release(): void;
}

/** Reads one result of groups [from, from + count) from an accumulator; the caller owns the column. */
export type ReadResult<A extends Accumulator = Accumulator> = (accumulator: A, from: number, count: number) => Column;
