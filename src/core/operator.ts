import type { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import type { KeyGroupRange } from "./key-group.ts";
import type { Schema } from "./schema.ts";
import type { SnapshotReader, SnapshotWriter } from "./state-snapshot.ts";
import type { PendingTime } from "./time/pending-time.ts";
import type { Watermark } from "./time/time.ts";
import type { Workspace } from "./workspace.ts";

/** Where an operator puts its results. */
export interface Output {
  /** Hands a batch on; the caller's reference goes with it. Empty batches are allowed and dropped. */
  emit(batch: Batch): void;
  /** Behind everything that was emitted before it. */
  emitWatermark(watermark: Watermark): void;
  /** Rows for a named side output ("late", a user's tag); the caller's reference goes with them. */
  emitSide(tag: string, batch: Batch): void;
  /** True once nobody downstream needs more rows: an operator may stop early, it need not. */
  readonly isClosed: boolean;
}

/** Time and state of an operator in a stream; absent in a batch job. */
export interface StreamContext {
  readonly maxParallelism: number;
  /** Key groups whose keyed state this subtask owns. */
  readonly keyGroups: KeyGroupRange;
  /** The input is bounded and only the final result is wanted: results that later ones replace are left out. */
  readonly isBatchMode: boolean;
  /** Wall clock of the host, epoch milliseconds; it may jump. */
  processingTimeMs(): number;
  /**
   * Asks for one `processTime` call once the clock has reached `atMs`. An earlier request of this operator that has not
   * been answered stays; requests are no state: after a restore the operator asks again.
   */
  requestProcessTime(atMs: number): void;
  /** Something outside has answered: the operator is called through `resume`, whether it answered "waiting" or not. */
  wake(): void;
}

/** What an operator may use while it runs; one per operator and subtask. */
export interface OperatorContext {
  readonly workspace: Workspace;
  readonly host: Host;
  /** The running job; absent where an operator is driven by hand. */
  readonly jobId?: string;
  /** Subtask number 0..parallelism-1 and the number of subtasks of this operator. */
  readonly subtask: number;
  readonly parallelism: number;
  readonly stream?: StreamContext;
  /** Rows that an operator aims to put in one output batch. */
  readonly batchRows: number;
  /** Stable name of the operator in the plan, for errors and spill files. */
  readonly operatorId: string;
  /** How many threads share what the job was given of something; absent: this one has it alone. */
  readonly memorySharers?: number;
  /** A directory of this job for spill files, created on first use and removed after the job. */
  spillDirectory(): string;
  /** Adds to a named counter shown in the job's metrics ("rowsSpilled", "badLines"). */
  count(metric: string, increment: number): void;
}

/**
 * Whether an operator still holds output for what it was given. On "more" the runtime calls `resume` until "done",
 * whenever the output has room: so an operator bounds what one call emits to a few batches. On "waiting" it gives no
 * further batches and does not end the input: the operator waits for something outside, and `StreamContext.wake` brings
 * it a `resume`, which answers again. Watermarks, processing time and barriers still come: what it holds is state.
 */
export type Progress = "done" | "more" | "waiting";

/**
 * One step of a job, the same for batch and streaming: synchronous per batch, driven by one thread.
 * Its doc block states schema in, schema out, state, watermark and late-row behaviour.
 *
 * Life: open, restoreState where the job was restored, then any number of processBatch, processWatermark, processTime
 * and snapshotState in any order, endInput once per input, close. `close` is also called after a failure, and releases
 * every block that the operator still holds.
 * Ownership: `processBatch` borrows its batch (retain to keep it); `emit` gives one reference away.
 *
 * Streams: at the end of a stream's input the operator gets the watermark END_OF_TIME_MS before endInput, and a
 * `processTime` of END_OF_TIME_MS, so that what is open closes; batch jobs send no watermark at all.
 * A barrier never falls between "more" and the "done" or "waiting" that follows it.
 */
export interface Operator {
  readonly outputSchema: Schema;
  /** Inputs in number; 1 unless said. An operator of several inputs, and one whose calls return "more", starts a chain. */
  readonly inputCount?: number;
  open(context: OperatorContext): void;
  processBatch(batch: Batch, output: Output, input: number): Progress;
  /** Called after "more" until it answers otherwise, and after `wake`. */
  resume?(output: Output): Progress;
  /**
   * The event time of all inputs has advanced: `watermark` is the least of them, and greater than the one before.
   * An operator that has this passes the watermark on itself, behind the results that it caused.
   * Default: the watermark travels on.
   */
  processWatermark?(watermark: Watermark, output: Output): Progress;
  /**
   * True where subtasks may go on from states that each had taken at a watermark of its own, all at the least of them:
   * what the watermark has caused is gone from the state of its key, or it causes nothing. Where the watermark alone
   * tells what is done from what is to be done, all subtasks must have had the same one. Needed only beside
   * `processWatermark`.
   */
  readonly restoresAnyWatermark?: boolean;
  /** The clock has reached a time that the operator asked for, or the input has ended (END_OF_TIME_MS). */
  processTime?(nowMs: number, output: Output): Progress;
  /**
   * Emits what it holds back in order to send fewer rows, which is no state: called ahead of a barrier and before the
   * input is said to be idle.
   */
  flush?(output: Output): void;
  /** The next windows and timers that wait for their time, a few of them, earliest first. */
  pendingTimes?(): readonly PendingTime[];
  /** Writes all state, as copies. */
  snapshotState?(writer: SnapshotWriter): void;
  /** Called once, after open and before the first batch, where the job was restored. */
  restoreState?(reader: SnapshotReader): void;
  /**
   * What a keyed state of this subtask has for a key (a value per key column), as plain values; null where nothing, or
   * where another subtask has the key. Called between other calls. Absent: it has no state with names.
   * @throws {PlanError} STATE_UNKNOWN, STATE_KEY_INVALID
   */
  queryState?(name: string, key: readonly unknown[]): unknown;
  /**
   * How many bytes its state takes, in linear memory and, roughly, in the JavaScript heap; 0 once it is closed. Asked for
   * a few times per second. Absent: it has none that grows.
   */
  readonly stateBytes?: number;
  /** A checkpoint that holds this operator's snapshot is complete and durable. */
  notifyCheckpointComplete?(checkpointId: number): void;
  /** No more batches will come from `input`. */
  endInput(output: Output, input: number): Progress;
  /** Which input it wants next (a join reads its build side first); default: any that has a batch. */
  wantedInput?(): number | "any";
  /** True once no more input can change the result (a limit that is reached): the runtime ends the input early. */
  readonly isSatisfied?: boolean;
  close(): void;
}
