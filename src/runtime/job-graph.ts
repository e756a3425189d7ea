import type { Operator } from "../core/operator.ts";
import type { Field, Schema } from "../core/schema.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import type { Source, SourceSpec, Split } from "../core/source.ts";
import type { WatermarkStrategySpec } from "../core/time/watermark-strategy.ts";

/** How rows travel from the subtasks of one vertex to those of the next. */
export type Exchange =
  /** Subtask i to subtask i; both sides have the same parallelism. */
  | { readonly kind: "forward" }
  /** Rows with equal keys to one subtask. */
  | { readonly kind: "hash"; readonly keys: readonly string[] }
  /** Every row to every subtask. */
  | { readonly kind: "broadcast" }
  /** Whole batches in turn, to even out load. */
  | { readonly kind: "rebalance" }
  /** All rows to the only subtask. */
  | { readonly kind: "gather" }
  /** Rows with equal keys to the subtask that owns their key group. */
  | { readonly kind: "keyGroup"; readonly keys: readonly string[]; readonly maxParallelism: number }
  /** Whole batches in turn, but only to the subtasks nearest to the producer: no exchange between all pairs. */
  | { readonly kind: "rescale" }
  /** Row by row to any subtask. */
  | { readonly kind: "shuffle" }
  /** All rows to the first of several subtasks. */
  | { readonly kind: "global" }
  /** By the number (int32) in a column that the upstream operator computed; the column is dropped on the way. */
  | { readonly kind: "numbered"; readonly column: string };

/**
 * An operator as a vertex carries it: a plain spec, which any thread can build, or a factory, which holds user code
 * and therefore stays on the thread that planned the job.
 */
export type OperatorNode = OperatorSpec | LocalOperator;

export interface OperatorSpec {
  readonly kind: string;
  /** For explain, metrics and errors: "filter(delay > 10)". */
  readonly name: string;
  /** Where the user called for it, "job.ts:12:5". */
  readonly callSite?: string;
  /** In a stream: under which its state is kept. */
  readonly uid?: string;
  readonly [key: string]: unknown;
}

export interface LocalOperator {
  readonly kind: "local";
  readonly name: string;
  readonly callSite?: string;
  readonly uid?: string;
  readonly create: (inputs: readonly Schema[]) => Operator;
}

/** A chain of operators that one subtask runs without queues between them. */
export interface JobVertex {
  readonly id: number;
  readonly name: string;
  readonly parallelism: number;
  /** "planner": the thread that planned the job, where user functions live. */
  readonly placement: "workers" | "planner";
  /** Which of the worker threads it runs on, where the job has several slot sharing groups; absent: all. */
  readonly slotGroup?: SlotGroup;
  /** Either a source or schemas of the inputs that edges feed. */
  readonly source?: JobSource;
  readonly inputs: readonly (readonly Field[])[];
  readonly operators: readonly OperatorNode[];
  /** Written by each subtask behind the last operator. */
  readonly sink?: JobSink;
}

/** One of the slot sharing groups of a job: vertices of different groups share no thread, where there are enough. */
export interface SlotGroup {
  readonly name: string;
  /** Of `count`, in the order of the job. */
  readonly index: number;
  readonly count: number;
}

export interface JobSink {
  readonly id: number;
  /** In a stream: under which its writers' state and what they have prepared are kept. */
  readonly uid?: string;
  readonly spec: SinkSpec;
  /** The live object, on the planning thread only: a sink that hands rows to the caller. */
  readonly local?: Sink;
}

export interface JobSource {
  readonly spec: SourceSpec;
  readonly splits: readonly Split[];
  /** Only in a stream. */
  readonly stream?: StreamSource;
  /** The live object, on the planning thread only: sources that hold user data read through it. */
  readonly local?: Source;
}

/** How a stream reads a source. */
export interface StreamSource {
  /** Under which the positions of its splits are kept. */
  readonly uid: string;
  readonly strategy?: WatermarkStrategySpec;
}

export interface JobEdge {
  readonly from: number;
  readonly to: number;
  /** Input of the consumer's first operator. */
  readonly input: number;
  readonly exchange: Exchange;
  /** Carries this side output of the producer's last operator, not its main output. */
  readonly tag?: string;
  /** Every producer subtask feeds an input of its own (a merge); input numbers count up from `input`. */
  readonly ordered?: boolean;
  /** The queue may hold everything, spilling to disk: needed where one producer feeds inputs that are read in turn. */
  readonly buffered?: boolean;
  /**
   * In a stream: barriers may overtake what is queued here. However the job is planned, there is an exchange in this
   * place, which tells the subtask of every row, or promises no order: rows that a checkpoint holds find their way.
   */
  readonly mayBeOvertaken?: boolean;
}

export interface JobGraph {
  readonly vertices: readonly JobVertex[];
  readonly edges: readonly JobEdge[];
  /** Present in a stream, absent in a batch job. */
  readonly stream?: StreamSettings;
}

/** What holds for all of a streaming job. */
export interface StreamSettings {
  /** "batch": event time stands still until the bounded input has ended. */
  readonly mode: "streaming" | "batch";
  /** Number of key groups. */
  readonly maxParallelism: number;
  /** How long rows may wait for others that go the same way; 0: not at all. */
  readonly bufferTimeoutMs: number;
  /** How often user code is asked for watermarks; those of the engine come with every batch. */
  readonly watermarkIntervalMs: number;
  /** Whether checkpoints will be taken: sinks hold their output back for them then. */
  readonly hasCheckpoints?: boolean;
  /** How long the barriers of a checkpoint wait for the rows before them; absent: as long as it takes. */
  readonly alignedTimeoutMs?: number;
}

/** Under which the positions of a vertex's source are kept, or what was in flight to its first step. */
export const inputUid = ({ source, operators, sink }: JobVertex): string | undefined =>
  source === undefined ? (operators.length === 0 ? sink?.uid : operators[0].uid) : source.stream?.uid;
