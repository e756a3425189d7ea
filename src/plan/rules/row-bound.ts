import type { LogicalNode } from "../logical.ts";
import { perNode } from "../per-node.ts";

/** The most rows that a node can give, by its form alone: Infinity where only its data decide. */
export const rowBound = perNode(findBound);

function findBound(node: LogicalNode): number {
  switch (node.op) {
    case "source":
      return Number.POSITIVE_INFINITY; // statistics of files are no promise
    case "limit":
    case "topN":
      return Math.min(node.count, Math.max(0, rowBound(node.inputs[0]) - node.offset));
    case "aggregate":
      return node.keys.length === 0 ? 1 : rowBound(node.inputs[0]);
    case "distinct":
      return Math.min(rowBound(node.inputs[0]), node.keys.length === 0 ? 1 : Number.POSITIVE_INFINITY);
    case "union":
      return node.inputs.reduce((sum, input) => sum + rowBound(input), 0);
    case "join":
      return node.type === "semi" || node.type === "anti" ? rowBound(node.inputs[0]) : Number.POSITIVE_INFINITY;
    case "unnest":
      return rowBound(node.inputs[0]) === 0 ? 0 : Number.POSITIVE_INFINITY;
    case "cross":
    case "function":
    case "sink":
      return Number.POSITIVE_INFINITY;
    default:
      return rowBound(node.inputs[0]);
  }
}
