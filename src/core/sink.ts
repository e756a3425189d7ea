import type { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import type { Schema } from "./schema.ts";
import type { Json } from "./source.ts";
import type { SnapshotReader, SnapshotWriter } from "./state-snapshot.ts";
import type { Workspace } from "./workspace.ts";

export interface SinkSpec {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/**
 * What one writer has prepared, as JSON: `commit` makes it visible, `abort` removes it. In a stream two committables that
 * are equal stand for the same output.
 */
export type Committable = Json;

/**
 * Output in two phases: writers write where nobody looks, `prepareCommit` says what they wrote, and `commit` makes all
 * of it visible at once after every writer has succeeded. Commit is idempotent and may be retried.
 *
 * In a stream, a writer with `prepareCheckpoint` says at each barrier what it wrote since the one before. That is part
 * of the checkpoint: it is committed once the checkpoint is complete, and again where a job is restored from it. A commit
 * whose outcome is unknown counts as not done, so the same committables may come many times, and together with later
 * ones. What writers prepare at the end of the input belongs to a last checkpoint in the same way.
 */
export interface Sink {
  readonly spec: SinkSpec;
  readonly description: string;
  /** True where rows go to the calling program: it writes on the planning thread, also in a job module. */
  readonly staysWithCaller?: boolean;
  /** True where only one subtask may write. */
  readonly isSingleFile?: boolean;
  /**
   * True where everything that one run writes is committed together, at its end, and nothing before: streams refuse it,
   * since a run that is restored would leave out what the one before had written.
   */
  readonly isOneRun?: boolean;
  /**
   * True where writers look at the `rowKinds` of their batches. Without it a stream that goes on refuses to write a
   * changelog, whose rows would be taken for rows that stand.
   */
  readonly acceptsUpdates?: boolean;
  /** On the coordinating thread before any writer starts: checks the target, applies the overwrite policy's refusals. */
  begin(jobId: string, start: SinkStart): void | Promise<void>;
  createWriter(context: SinkContext): SinkWriter;
  /**
   * `isLast` is false where a stream goes on behind this commit. Not called by a checkpoint without committables.
   * `isBranch`: what a savepoint holds, from which the job goes on. It was prepared by the job that the savepoint was taken
   * of, which has committed it where it could, and may go on too.
   * A failure that is retryable is tried again; another one fails the job, which a restart restores from the checkpoint.
   */
  commit(committables: readonly Committable[], isLast?: boolean, isBranch?: boolean): void | Promise<void>;
  /**
   * After a failure or cancel: removes everything of `jobId` that was not committed. `kept` belongs to checkpoints that
   * a restored job may start from, and that job commits it.
   */
  abort(committables: readonly Committable[], kept?: readonly Committable[]): void | Promise<void>;
  /**
   * Where a job was started again in the same process: these attempts of it have failed and are over. What the checkpoint
   * held from which the job goes on is committed by now, so that whatever else `abort` has kept for them can go.
   */
  forgetAttempts?(jobIds: readonly string[]): void | Promise<void>;
}

/** How a run of a job begins, as one of its sinks sees it. */
export interface SinkStart {
  /** Names the sink among those of the job; in a stream its uid, which it keeps from run to run. */
  readonly name: string;
  /** Where a stream goes on from a checkpoint of its own; who goes on from a savepoint begins anew. */
  readonly restored?: {
    readonly checkpointId: number;
    /** What the writers had written to it, as the only one of them would get it; in this workspace. */
    readonly state: SnapshotReader;
    readonly workspace: Workspace;
  };
}

export interface SinkContext {
  readonly workspace: Workspace;
  readonly host: Host;
  readonly schema: Schema;
  readonly jobId: string;
  /** As in `SinkStart`. */
  readonly name: string;
  readonly subtask: number;
  readonly parallelism: number;
  /** In a stream that takes checkpoints: what is written must stay hidden until the checkpoint behind it is complete. */
  readonly hasCheckpoints?: boolean;
  /**
   * The job was restored from a savepoint, from which others may go on too, and write to the same target: what is not
   * visible there may be theirs.
   */
  readonly isBranch?: boolean;
  count(metric: string, increment: number): void;
}

export interface SinkWriter {
  /** Borrows the batch. */
  write(batch: Batch): void | Promise<void>;
  /**
   * In a stream, where a barrier passes: what was written since the last barrier, on stable storage, to be committed
   * once the checkpoint is complete. A writer without it has its output committed at the end only, or at once, by itself.
   */
  prepareCheckpoint?(checkpointId: number): readonly Committable[] | Promise<readonly Committable[]>;
  /** Behind `prepareCheckpoint`: what a restored writer needs beside the committables, which are kept for it. */
  snapshotState?(writer: SnapshotWriter): void;
  /** Before the first row, where the job was restored. What the checkpoint had prepared is committed already. */
  restoreState?(reader: SnapshotReader): void;
  /** In a stream: wall clock (epoch milliseconds) at which `onTime` is to be called; undefined or infinity: never. */
  readonly deadlineMs?: number;
  onTime?(nowMs: number): void | Promise<void>;
  /** Everything is on stable storage; the writer is closed afterwards. */
  prepareCommit(): Committable | Promise<Committable>;
  /** Without `prepareCommit` before it: removes what was written. */
  close(): void;
}

export type SinkFactory = (spec: SinkSpec, host: Host) => Sink;
