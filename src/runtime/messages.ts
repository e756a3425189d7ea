import type { PackedBatch } from "../core/columns/packed-batch.ts";
import type { ErrorFields } from "../core/error-fields.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { AccumulatorState } from "../core/rows/accumulators.ts";
import type { Committable } from "../core/sink.ts";
import type { Barrier, ControlElement } from "../core/stream-element.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";
import type { JobProgram } from "./job-program.ts";
import type { VertexMetrics } from "./metrics.ts";
import type { SubtaskSnapshot } from "./snapshots.ts";
import type { JobClaims } from "./split-claims.ts";
import type { StateQuestion } from "./state-query.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";

/** Names one queue of a job: producer subtask to consumer subtask along one edge. */
export type ChannelId = string;

export const channelId = (edge: number, fromSubtask: number, toSubtask: number): ChannelId =>
  `${edge}:${fromSubtask}:${toSubtask}`;

/** Between two threads that run subtasks of one job. */
export type PeerMessage =
  | {
      readonly type: "batch";
      readonly job: string;
      readonly channel: ChannelId;
      readonly batch: PackedBatch;
      /** Per column: identity of its dictionary on the sender, so that a repeated one is not copied again. */
      readonly dictionaries: readonly number[];
    }
  | {
      readonly type: "control";
      readonly job: string;
      readonly channel: ChannelId;
      readonly element: ControlElement;
    }
  /** The consumer has copied the oldest batch: its memory may go. */
  | { readonly type: "taken"; readonly job: string; readonly channel: ChannelId }
  | { readonly type: "end"; readonly job: string; readonly channel: ChannelId }
  /** The consumer needs no more; it takes nothing that is still queued. */
  | { readonly type: "closed"; readonly job: string; readonly channel: ChannelId };

/**
 * How a job goes on that a barrier holds: "release", as if there had been none; "suspend", it ends there. Or "drain":
 * its sources end where they are, as if that were the end of their input.
 */
export interface Halt {
  /** Behind "expectDrain" everything goes on, and what finishes takes all of its state. */
  readonly how: "release" | "suspend" | "expectDrain" | "drain";
  readonly checkpointId: number;
}

/** From the coordinating thread to a worker. */
export type WorkerCommand =
  /** Ends of links to the other threads, by thread number, and everybody's memory. */
  | {
      readonly type: "connect";
      readonly thread: number;
      readonly links: readonly { readonly thread: number; readonly end: unknown }[];
      readonly memories: readonly WebAssembly.Memory[];
    }
  /** Build the job's subtasks here, and run them where it is a batch job; a stream waits for "start". */
  | { readonly type: "deploy"; readonly job: string; readonly deployment: Deployment }
  | { readonly type: "start"; readonly job: string }
  | { readonly type: "checkpoint"; readonly job: string; readonly barrier: Barrier }
  | { readonly type: "checkpointComplete"; readonly job: string; readonly checkpointId: number }
  /** What sinks had prepared for this checkpoint, and for those before, is committed. */
  | { readonly type: "checkpointCommitted"; readonly job: string; readonly checkpointId: number }
  | { readonly type: "halt"; readonly job: string; readonly halt: Halt }
  /** Asks for the event time of every subtask; "answer" brings it. */
  | { readonly type: "watermarks"; readonly job: string; readonly question: number }
  /** Asks for the state of a key; "stateAnswer" brings it. */
  | { readonly type: "queryState"; readonly job: string; readonly question: number; readonly asked: StateQuestion }
  /** Stop running, but keep memory: peers may still read it. */
  | { readonly type: "stop"; readonly job: string }
  /** Everybody has stopped: free the job. */
  | { readonly type: "close"; readonly job: string }
  /** Free what is kept here of a stored table; answered with "freed", also while a job runs. */
  | { readonly type: "free"; readonly table: string };

/** From a worker to the coordinating thread. */
export type WorkerReport =
  | { readonly type: "ready"; readonly memory: WebAssembly.Memory }
  | { readonly type: "deployed"; readonly job: string }
  | { readonly type: "progress"; readonly job: string; readonly metrics: readonly VertexMetrics[] }
  /** Its subtasks have finished and its memory of the job is free. */
  | {
      readonly type: "finished";
      readonly job: string;
      readonly metrics: readonly VertexMetrics[];
      readonly committables: readonly SinkResult[];
      /** Of a stream: what its subtasks keep of their state for later checkpoints. */
      readonly snapshots: readonly VertexSnapshot[];
      /** Of functions that ran there. */
      readonly accumulators?: readonly AccumulatorState[];
    }
  | {
      readonly type: "snapshot";
      readonly job: string;
      readonly checkpointId: number;
      readonly vertex: number;
      readonly snapshot: SubtaskSnapshot;
    }
  | {
      readonly type: "answer";
      readonly job: string;
      readonly question: number;
      readonly watermarks: readonly SubtaskWatermarks[];
    }
  | {
      readonly type: "stateAnswer";
      readonly job: string;
      readonly question: number;
      readonly answer: StateAnswer;
    }
  | { readonly type: "failed"; readonly job: string; readonly error: ErrorFields }
  | { readonly type: "stopped"; readonly job: string; readonly committables: readonly SinkResult[] }
  | { readonly type: "closed"; readonly job: string }
  /** `leaked`: blocks of the table that somebody still refers to. */
  | { readonly type: "freed"; readonly table: string; readonly leaked: number };

export type StateAnswer = { readonly value: unknown } | { readonly error: ErrorFields };

export interface VertexSnapshot {
  readonly vertex: number;
  readonly snapshot: SubtaskSnapshot;
}

export interface SinkResult {
  readonly sink: number;
  readonly committable: Committable;
}

export interface AlignmentSlots {
  readonly watermarks: SharedArrayBuffer;
  readonly firstSlots: Readonly<Record<number, number>>;
}

/** What one thread needs to run its subtasks of a job. */
export interface Deployment {
  readonly graph: JobGraph;
  readonly threads: readonly number[];
  /** The thread's share of the job's budget, and the number of threads that have as much. */
  readonly memoryBytes: number;
  readonly memorySharers: number;
  /** Directory of the job for the temporary files of all threads; absent where a thread that runs it all makes its own. */
  readonly spillDirectory?: string;
  readonly batchRows: number;
  /** Batches that a queue between two subtasks holds before its producer waits; absent: a few. */
  readonly queueBatches?: number;
  /** Where the state of an earlier run is taken up. */
  readonly restore?: JobSnapshot;
  /** Sources that wait for each other, by group: where their watermarks lie, and the first slot of each source vertex. */
  readonly alignment?: Readonly<Record<string, AlignmentSlots>>;
  /** From which the thread builds the user code of its vertices; absent where there is none. */
  readonly program?: JobProgram;
  /** Which splits are taken. */
  readonly splitClaims: JobClaims;
}

/** The planning thread. */
export const PLANNER_THREAD = 0;

/**
 * Which thread runs a subtask: planner vertices on thread 0, the others in turn over the worker threads, or over those of
 * their slot sharing group. Groups get equal shares of the threads, and meet on one where there are fewer threads.
 */
export function threadOf(
  { placement, slotGroup }: Pick<JobVertex, "placement" | "slotGroup">,
  subtask: number,
  threads: readonly number[],
): number {
  if (placement === "planner") return PLANNER_THREAD;
  const { index, count } = slotGroup ?? { index: 0, count: 1 };
  const first = Math.floor((index * threads.length) / count);
  const end = Math.floor(((index + 1) * threads.length) / count);
  return threads[first + (subtask % Math.max(1, end - first))];
}
