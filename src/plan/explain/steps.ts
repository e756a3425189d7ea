import { formatExpression } from "../../core/expressions/format.ts";
import { formatType } from "../../core/types.ts";
import type { JoinNode, LogicalNode, Partitioning } from "../logical.ts";
import { readersFirst, sharedNodes } from "../readers-first.ts";
import { passedColumn } from "../rules/expression-facts.ts";
import { pruningOf } from "../rules/prune-sources.ts";
import { estimateBytes, estimateRows } from "../statistics.ts";
import { formatAggregate } from "./aggregate.ts";
import { formatOrder } from "./order.ts";
import { formatPruning } from "./pruning.ts";

/** A logical plan as a list of steps that refer to each other: a step that several read appears once. */
export interface ExplainedPlan {
  /** Ids of the steps that nobody reads: results and sinks. */
  readonly roots: readonly number[];
  /** Each step after all steps that read it. */
  readonly steps: readonly ExplainedStep[];
}

export interface ExplainedStep {
  /** Unique within its plan. */
  readonly id: number;
  /** Kind of the logical node: "source", "filter", "join", ... */
  readonly operator: string;
  /** What it does, as in "delay > 10"; may be empty. */
  readonly description: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** For a source: what it may skip, though rows are still filtered exactly. */
  readonly skips?: string;
  /** Expected, not promised; absent where even the sources are unknown. */
  readonly estimatedRows?: number;
  readonly estimatedBytes?: number;
  /** Where the user called, "job.ts:12:5". */
  readonly callSite?: string;
  /** Ids of the steps that it reads. */
  readonly inputs: readonly number[];
}

export function explainSteps(roots: readonly LogicalNode[]): ExplainedPlan {
  const nodes = readersFirst(roots);
  const ids = new Map(nodes.map((node, id) => [node, id]));
  const idOf = (node: LogicalNode): number => ids.get(node) ?? -1;
  const shared = sharedNodes(roots);
  const context = { isShared: (node: LogicalNode) => shared.has(node) };
  const skips = new Map<LogicalNode, string>();
  for (const node of nodes) {
    const predicate = pruningOf(node, context);
    if (predicate !== undefined) skips.set(node.inputs[0] as LogicalNode, formatPruning(predicate));
  }
  return {
    roots: roots.map(idOf),
    steps: nodes.map((node): ExplainedStep => {
      const [rows, bytes, skipped] = [estimateRows(node), estimateBytes(node), skips.get(node)];
      return {
        id: idOf(node),
        operator: node.op,
        description: describe(node),
        columns: node.schema.fields.map(({ name, type }) => ({ name, type: formatType(type) })),
        ...(skipped === undefined ? {} : { skips: skipped }),
        ...(rows === undefined ? {} : { estimatedRows: Math.round(rows) }),
        ...(bytes === undefined ? {} : { estimatedBytes: Math.round(bytes) }),
        ...(node.callSite === undefined ? {} : { callSite: node.callSite }),
        inputs: node.inputs.map(idOf),
      };
    }),
  };
}

function describe(node: LogicalNode): string {
  switch (node.op) {
    case "source":
      return node.source.description;
    case "filter":
      return formatExpression(node.predicate);
    case "project":
      return node.columns
        .map(({ name, expression }) =>
          passedColumn(expression) === name ? name : `${formatExpression(expression)} as ${name}`,
        )
        .join(", ");
    case "aggregate": {
      const by = node.keys.length === 0 ? [] : [`by ${node.keys.join(", ")}`];
      const values = node.aggregates.map(formatAggregate);
      return [...by, ...(values.length === 0 ? [] : [values.join(", ")])].join(": ");
    }
    case "distinct":
      return `by ${node.keys.join(", ")}`;
    case "sort":
      return `${formatOrder(node.keys)}${node.scope === "partition" ? ", in each partition" : ""}`;
    case "topN":
      return `${formatRange(node)} by ${formatOrder(node.keys)}`;
    case "limit":
      return formatRange(node);
    case "unnest":
      return `${node.column}${node.keepsEmpty ? ", empty lists as null" : ""}`;
    case "join":
      return describeJoin(node);
    case "cross":
    case "union":
      return "";
    case "partition":
      return describePartitioning(node.partitioning);
    case "function":
      return node.name;
    case "sink":
      return node.sink.description;
  }
}

const formatRange = ({ count, offset }: { count: number; offset: number }): string =>
  offset === 0 ? `${count} rows` : `${count} rows from row ${offset + 1}`;

function describeJoin({ type, leftKeys, rightKeys, hint }: JoinNode): string {
  const keys = leftKeys.map((key, i) => `${key} = ${rightKeys[i]}`).join(" and ");
  return `${type} on ${keys}${hint === "OPTIMIZER_CHOOSES" ? "" : `, hint ${hint}`}`;
}

function describePartitioning(partitioning: Partitioning): string {
  switch (partitioning.kind) {
    case "rebalance":
      return "evenly";
    case "hash":
      return `by hash of ${partitioning.keys.join(", ")}`;
    case "numbered":
      return partitioning.name;
  }
}
