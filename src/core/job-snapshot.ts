import type { StateKind } from "./state-snapshot.ts";

/** State of one operator, by table; each table has one part per subtask that wrote it, in the order of subtasks. */
export interface OperatorSnapshot {
  readonly tables: Readonly<Record<string, { readonly kind: StateKind; readonly parts: readonly Uint8Array[] }>>;
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
