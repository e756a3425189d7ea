import type { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import type { Schema } from "./schema.ts";
import type { Workspace } from "./workspace.ts";

/** No more rows with an event time at or before `timeMs` will come. */
export interface Watermark {
  readonly timeMs: number;
}

/** Where an operator puts its results. */
export interface Output {
  /** Hands a batch on; the caller's reference goes with it. Empty batches are allowed and dropped. */
  emit(batch: Batch): void;
  emitWatermark(watermark: Watermark): void;
  /** Rows for a named side output ("late", a user's tag); the caller's reference goes with them. */
  emitSide(tag: string, batch: Batch): void;
  /** True once nobody downstream needs more rows: an operator may stop early, it need not. */
  readonly isClosed: boolean;
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
  /** Rows that an operator aims to put in one output batch. */
  readonly batchRows: number;
  /** Stable name of the operator in the plan, for errors and spill files. */
  readonly operatorId: string;
  /** A directory of this job for spill files, created on first use and removed after the job. */
  spillDirectory(): string;
  /** Adds to a named counter shown in the job's metrics ("rowsSpilled", "badLines"). */
  count(metric: string, increment: number): void;
}

/**
 * Whether an operator still holds output for what it was given. On "more" the runtime calls `resume` until "done",
 * whenever the output has room: so an operator bounds what one call emits to a few batches.
 */
export type Progress = "done" | "more";

/**
 * One step of a job, the same for batch and streaming: synchronous per batch, driven by one thread.
 * Its doc block states schema in, schema out, state, watermark and late-row behaviour.
 *
 * Life: open, then any number of processBatch / processWatermark (and snapshotState between them), endInput once per
 * input, close. `close` is also called after a failure, and releases every block that the operator still holds.
 * Ownership: `processBatch` borrows its batch (retain to keep it); `emit` gives one reference away.
 */
export interface Operator {
  readonly outputSchema: Schema;
  /** Inputs in number; 1 unless said. An operator of several inputs, and one whose processBatch returns "more", starts a chain. */
  readonly inputCount?: number;
  open(context: OperatorContext): void;
  processBatch(batch: Batch, output: Output, input: number): Progress;
  /** Called after "more", until it answers "done". */
  resume?(output: Output): Progress;
  /** Default: the watermark travels on. */
  processWatermark?(watermark: Watermark, output: Output, input: number): void;
  /** No more batches will come from `input`. */
  endInput(output: Output, input: number): Progress;
  /** Which input it wants next (a join reads its build side first); default: any that has a batch. */
  wantedInput?(): number | "any";
  /** True once no more input can change the result (a limit that is reached): the runtime ends the input early. */
  readonly isSatisfied?: boolean;
  close(): void;
}
