import type { Batch } from "./batch.ts";
import type { Field, Schema } from "./schema.ts";

/**
 * How rows of a state table find their subtask when a job is restored at another parallelism.
 * keyed:     by the key group in the first column, int32 `keyGroup`; each subtask gets the rows of its range.
 * list:      rows are spread evenly over the subtasks, in the order of the old subtasks.
 * union:     every subtask gets all rows of all old subtasks.
 * broadcast: every subtask gets the rows of one old subtask, since all had the same.
 */
export type StateKind = "keyed" | "list" | "union" | "broadcast";

/** Name and type of the first column of every keyed table. */
export const KEY_GROUP_FIELD = { name: "keyGroup", type: { kind: "int32" } } as const;

/** Rows of a table as they were when a barrier passed, which are made behind it. */
export interface RowsBehind {
  /** How many there are, about. */
  readonly rowCount: number;
  /** The next batch, at least one in all, which the caller owns; undefined at the end. */
  next(): Batch | undefined;
  /** Once, also where it was not read to its end. */
  close(): void;
}

/** Takes one operator's state while a barrier passes. What is written is a copy: later changes do not touch it. */
export interface SnapshotWriter {
  /**
   * Adds rows to a table of this operator; a table may be written in several batches of one schema. Takes over the
   * caller's reference. A table that exists but is empty is written as a batch without rows, so that its schema is kept.
   */
  write(table: string, kind: StateKind, batch: Batch): void;
  /** The same of a whole table that is made later, in turns of the thread. Absent: write it now. */
  writeBehind?(table: string, kind: StateKind, rows: RowsBehind): void;
  /** Of this snapshot; they count up. Absent where no later one builds on it. */
  readonly number?: number;
  /** There where keyed tables may be written as what has changed. */
  readonly changes?: ChangesWriter;
}

/** Rows of a batch of a snapshot, where those of a stream have `batchRows`: each batch costs what some thousand rows do. */
export const snapshotRows = (batchRows: number): number => batchRows * 8;

/** Name and type of the last column of what has changed in a table. */
export const REMOVED_FIELD = { name: "removed", type: { kind: "bool" } } as const;

/** Rows of a table whose int64 `column` is less than `value`, a safe integer, are gone, whenever they were written. */
export interface LeastValue {
  readonly column: string;
  readonly value: number;
}

/** Takes what has changed in a keyed table since an earlier snapshot of this subtask, instead of all of it. */
export interface ChangesWriter {
  /** The number of that snapshot. */
  readonly since: number;
  /** Whether the changes are worth it, where so many of so many rows have changed; else the table is written whole. */
  isWorth(table: string, changedRows: number, rows: number): boolean;
  /**
   * Rows with the same values in the columns `unit` belong together: these take the place of all older ones. Behind the
   * columns of the table is REMOVED_FIELD: where it is true the row says that there is none any more, and its other
   * columns mean nothing. Takes over the batch; at least one per table, without rows where nothing has changed. `least`
   * takes the place of rows that would say `removed`; it never goes back, and is the same for all batches of a snapshot.
   */
  write(table: string, unit: readonly string[], batch: Batch, least?: LeastValue): void;
  writeBehind?(table: string, unit: readonly string[], rows: RowsBehind): void;
}

/** The rows of a table as an operator has them now; those of a snapshot are made so where that loses nothing. */
export interface ExpectedTable {
  /** Their columns, in order; of a keyed table the first is the key group. */
  readonly fields: readonly Field[];
  /** Columns of the key: by what they hash to now, rows find their key group. */
  readonly keys?: readonly string[];
  /** Columns that are null where the snapshot lacks them. */
  readonly addable?: readonly string[];
  /** Columns that stand behind the others where the snapshot has them. */
  readonly further?: readonly Field[];
  /** All other columns stand behind these, as they are. */
  readonly isPartial?: boolean;
}

/** What `restoreState` gets: the tables of an earlier snapshot, already those rows that belong to this subtask. */
export interface SnapshotReader {
  /** Some step of the job has another parallelism than before, so that rows may come to other subtasks. */
  readonly hasNewLayout?: boolean;
  /** Names of the tables that the snapshot holds for this operator. */
  readonly tables: readonly string[];
  /** Undefined where the snapshot has no such table. */
  schemaOf(table: string): Schema | undefined;
  /** About how many rows `read` gives. */
  expectedRows(table: string): number;
  /**
   * The caller owns each batch. Nothing for a table that is not there. Without `expected` rows come as they were written.
   * @throws {PlanError} STATE_INCOMPATIBLE
   */
  read(table: string, expected?: ExpectedTable): Iterable<Batch>;
}
