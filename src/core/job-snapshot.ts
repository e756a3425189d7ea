import type { LeastValue, StateKind } from "./state-snapshot.ts";

/** One part per subtask that wrote the table, in the order of subtasks. */
export interface TableState {
  readonly kind: StateKind;
  /** Arrow IPC streams. */
  readonly parts: readonly Uint8Array[];
  /** Absent where the parts are all that there is. */
  readonly changes?: TableChanges;
}

/**
 * What has changed in a table since its parts were written. Rows with the same values in the columns `unit` belong together:
 * those in the newest stream that has any take the place of all older ones. Streams of changes have the columns of the
 * table, and behind them the bool `removed`: a row where it is true says that there is none any more.
 */
export interface TableChanges {
  readonly unit: readonly string[];
  /** Per part, oldest first. */
  readonly ofParts: readonly (readonly Uint8Array[])[];
  /** Per part, where rows go by the value of a column; older streams may have rows below it. */
  readonly leastOfParts?: readonly (LeastValue | undefined)[];
}

/** State of one operator, by table. */
export interface OperatorSnapshot {
  readonly tables: Readonly<Record<string, TableState>>;
  /** New names of states, columns and fields of structs, by their old ones, where the job goes on with others. */
  readonly renamed?: Readonly<Record<string, string>>;
}

/** State of a whole job as of one checkpoint, by operator uid. */
export interface JobSnapshot {
  readonly checkpointId: number;
  readonly maxParallelism: number;
  readonly operators: Readonly<Record<string, OperatorSnapshot>>;
  /** The input had ended: who restores from it has only to commit what its sinks have prepared. */
  readonly isFinal?: boolean;
  /** It comes from a savepoint: other jobs may go on from it too. */
  readonly isSavepoint?: boolean;
}

/** Of all that is kept of a table. */
export function tableBytes({ parts, changes }: TableState): number {
  const all = [...parts, ...(changes?.ofParts.flat() ?? [])];
  return all.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
