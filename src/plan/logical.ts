import type { AggregateSpec } from "../core/aggregates/spec.ts";
import type { ExpressionNode } from "../core/expressions/node.ts";
import type { Operator } from "../core/operator.ts";
import type { Schema } from "../core/schema.ts";
import type { Sink } from "../core/sink.ts";
import type { Source } from "../core/source.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";

/**
 * What the user asked for, as an immutable graph: an API call makes a node over its inputs; nothing runs.
 * A node that two others read is shared, and runs once.
 */
export type LogicalNode =
  | SourceNode
  | FilterNode
  | ProjectNode
  | AggregateNode
  | DistinctNode
  | SortNode
  | TopNNode
  | LimitNode
  | UnnestNode
  | JoinNode
  | CrossNode
  | UnionNode
  | PartitionNode
  | FunctionNode
  | SinkNode;

interface NodeBase<I extends readonly LogicalNode[]> {
  readonly schema: Schema;
  readonly inputs: I;
  /** Where the user called, "job.ts:12:5"; shown by errors. */
  readonly callSite?: string;
  /** A number that the user gave with `setParallelism`. */
  readonly parallelism?: number;
}

type OneInput = readonly [LogicalNode];
type TwoInputs = readonly [left: LogicalNode, right: LogicalNode];

export interface SourceNode extends NodeBase<readonly []> {
  readonly op: "source";
  readonly source: Source;
  /** Reads only on the planning thread: its data are user objects. */
  readonly pinned: boolean;
}

export interface FilterNode extends NodeBase<OneInput> {
  readonly op: "filter";
  readonly predicate: ExpressionNode;
}

export interface NamedExpression {
  readonly name: string;
  readonly expression: ExpressionNode;
}

export interface ProjectNode extends NodeBase<OneInput> {
  readonly op: "project";
  readonly columns: readonly NamedExpression[];
}

/** One row per distinct key; without keys, exactly one row. Keys and arguments are columns of the input. */
export interface AggregateNode extends NodeBase<OneInput> {
  readonly op: "aggregate";
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
}

/** One row (the first seen) per distinct value of the keys; of all columns where `keys` is absent. */
export interface DistinctNode extends NodeBase<OneInput> {
  readonly op: "distinct";
  readonly keys: readonly string[];
}

/** One column of an order, by name; see `SortKey` of core for how values compare. */
export interface OrderKey {
  readonly column: string;
  readonly descending?: boolean;
  readonly nullsFirst?: boolean;
}

export interface SortNode extends NodeBase<OneInput> {
  readonly op: "sort";
  readonly keys: readonly OrderKey[];
  /** "partition" orders the rows of each subtask only. */
  readonly scope: "global" | "partition";
}

export interface TopNNode extends NodeBase<OneInput> {
  readonly op: "topN";
  readonly keys: readonly OrderKey[];
  readonly count: number;
  readonly offset: number;
}

export interface LimitNode extends NodeBase<OneInput> {
  readonly op: "limit";
  readonly count: number;
  readonly offset: number;
}

/** A row per element of a list or map column; see UnnestOperator. */
export interface UnnestNode extends NodeBase<OneInput> {
  readonly op: "unnest";
  readonly column: string;
  readonly keepsEmpty: boolean;
}

export type JoinType = "inner" | "left" | "right" | "full" | "semi" | "anti";

export const JOIN_HINTS = [
  "OPTIMIZER_CHOOSES",
  "BROADCAST_HASH_FIRST",
  "BROADCAST_HASH_SECOND",
  "REPARTITION_HASH_FIRST",
  "REPARTITION_HASH_SECOND",
  "REPARTITION_SORT_MERGE",
] as const;

export type JoinHint = (typeof JOIN_HINTS)[number];

export interface JoinNode extends NodeBase<TwoInputs> {
  readonly op: "join";
  readonly type: JoinType;
  readonly leftKeys: readonly string[];
  readonly rightKeys: readonly string[];
  readonly hint: JoinHint;
  /** Where each output column comes from. */
  readonly output: readonly JoinColumn[];
}

export interface JoinColumn {
  readonly side: "left" | "right";
  readonly column: string;
  readonly name: string;
}

export interface CrossNode extends NodeBase<TwoInputs> {
  readonly op: "cross";
  readonly output: readonly JoinColumn[];
}

/** All rows of all inputs, duplicates kept. */
export interface UnionNode extends NodeBase<readonly LogicalNode[]> {
  readonly op: "union";
}

export type Partitioning =
  | { readonly kind: "rebalance" }
  | { readonly kind: "hash"; readonly keys: readonly string[] }
  /** By an int32 column that an operator adds: range and custom partitioning. */
  | {
      readonly kind: "numbered";
      readonly name: string;
      readonly column: string;
      readonly operator: (partitionCount: number) => OperatorNode;
      /** Bounds come from the data, so one subtask sees them all first. */
      readonly needsAllRows: boolean;
      readonly isUserCode: boolean;
    };

export interface PartitionNode extends NodeBase<OneInput> {
  readonly op: "partition";
  readonly partitioning: Partitioning;
}

/**
 * A stage of user code, which runs on the planning thread.
 * `needs` says how its inputs must arrive; the planner brings them there.
 */
export interface FunctionNode extends NodeBase<readonly LogicalNode[]> {
  readonly op: "function";
  readonly name: string;
  readonly create: (inputs: readonly Schema[]) => Operator;
  readonly needs: InputNeeds;
}

export type InputNeeds =
  /** Any rows in any order, as many subtasks as the input has. */
  | { readonly kind: "any" }
  /** All rows in one subtask. */
  | { readonly kind: "single" }
  /** Equal keys in one subtask; with `sort`, ordered by these keys there. One entry per input. */
  | {
      readonly kind: "grouped";
      readonly keys: readonly (readonly string[])[];
      readonly sort?: readonly (readonly OrderKey[])[];
    }
  /** The first input partitioned at will, the others whole in every subtask. */
  | { readonly kind: "broadcastRest" };

export interface SinkNode extends NodeBase<OneInput> {
  readonly op: "sink";
  readonly sink: Sink;
  /** Hands rows to the caller, so it writes on the planning thread. */
  readonly isLocal: boolean;
}
