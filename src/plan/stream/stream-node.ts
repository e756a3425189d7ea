import type { Schema } from "../../core/schema.ts";
import type { Sink } from "../../core/sink.ts";
import type { Source } from "../../core/source.ts";
import type { WatermarkStrategySpec } from "../../core/time/watermark-strategy.ts";
import type { OperatorNode } from "../../runtime/job-graph.ts";

/**
 * What the user asked of streams, as an immutable graph: an API call makes a node over its inputs; nothing runs.
 * A node that two others read is shared, and runs once.
 */
export type StreamNode = StreamSourceNode | StreamOperatorNode | StreamUnionNode | StreamSinkNode;

interface NodeBase {
  readonly schema: Schema;
  readonly inputs: readonly StreamInput[];
  /** For explain, metrics and errors. */
  readonly name: string;
  /** Under which its state is kept; given by the user, or derived from the graph by the planner. */
  readonly uid?: string;
  /** Given by the user; default: that of the environment. */
  readonly parallelism?: number;
  readonly chaining?: Chaining;
  /** Given by the user; default: that of its inputs where they share one, else "default". */
  readonly slotSharingGroup?: string;
  /** Where the user called, "job.ts:12:5". */
  readonly callSite?: string;
  /** Its rows are a changelog: they may take back earlier ones. */
  readonly isUpdating: boolean;
}

/** "head": starts a chain, others may follow it. "never": alone. */
export type Chaining = "default" | "head" | "never";

/** How a node reads another. */
export interface StreamInput {
  readonly node: StreamNode;
  readonly route: Route;
  /** A side output of the node instead of its main one; its schema is that of the tag. */
  readonly side?: { readonly tag: string; readonly schema: Schema };
}

/** How rows find a subtask of the reader. */
export type Route =
  /** The subtask of the same number where parallelism is equal, else in turn. */
  | { readonly kind: "any" }
  | { readonly kind: "forward" }
  | { readonly kind: "rebalance" }
  | { readonly kind: "rescale" }
  | { readonly kind: "shuffle" }
  | { readonly kind: "broadcast" }
  | { readonly kind: "global" }
  /** By key group of these columns. */
  | { readonly kind: "keyed"; readonly keys: readonly string[] }
  /** By a column of subtask numbers, which is left out on the way. */
  | { readonly kind: "numbered"; readonly column: string };

export const ANY: Route = { kind: "any" };

export interface StreamSourceNode extends NodeBase {
  readonly op: "source";
  readonly source: Source;
  readonly strategy?: WatermarkStrategySpec;
  /** Reads only on the thread that planned the job: it holds user objects or code. */
  readonly isLocal: boolean;
}

export interface StreamOperatorNode extends NodeBase {
  readonly op: "operator";
  readonly operator: OperatorNode;
  /** The name by which the user asks for its side output "late". */
  readonly lateTag?: string;
  /** Side outputs that the user's function declares. */
  readonly sideTags?: readonly string[];
}

/** All rows of all inputs. Readers read the inputs themselves. */
export interface StreamUnionNode extends NodeBase {
  readonly op: "union";
}

export interface StreamSinkNode extends NodeBase {
  readonly op: "sink";
  readonly sink: Sink;
  readonly isLocal: boolean;
}

/** Schema of what an input brings. */
export function inputSchema({ node, side, route }: StreamInput): Schema {
  const schema = side?.schema ?? node.schema;
  return route.kind === "numbered" ? schema.pick(schema.names.filter((name) => name !== route.column)) : schema;
}
