import type { LogicalNode, SortNode } from "../logical.ts";
import { ignoresOrder } from "./aggregate-facts.ts";
import { rowBound } from "./row-bound.ts";
import type { RewriteContext, RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: a sort changes nothing that anybody can see
 *   - of at most one row;
 *   - below a global sort whose keys include its own: rows that tie above are equal in them;
 *   - below joins, a distinct over all columns and aggregates of order-insensitive functions, which promise no order.
 * It stays below user functions and sinks, limits, and whatever takes the first or last rows (first, list, minBy,
 * distinct by some columns).
 */
export const removeNeedlessSorts: RewriteRule = {
  name: "remove needless sorts",
  apply(node, context) {
    switch (node.op) {
      case "sort": {
        const [input] = node.inputs;
        if (rowBound(input) <= 1) return input;
        return isRepeatedBelow(node, input) ? { ...node, inputs: input.inputs as SortNode["inputs"] } : undefined;
      }
      case "aggregate":
        return node.aggregates.every(ignoresOrder) ? withoutSorts(node, context) : undefined;
      case "distinct":
        return node.inputs[0].schema.names.every((name) => node.keys.includes(name))
          ? withoutSorts(node, context)
          : undefined;
      case "join":
      case "cross":
        return withoutSorts(node, context);
      default:
        return undefined;
    }
  },
};

function isRepeatedBelow(above: SortNode, below: LogicalNode): boolean {
  if (below.op !== "sort" || (above.scope === "partition" && below.scope === "global")) return false;
  const columns = new Set(above.keys.map((key) => key.column));
  return below.keys.every((key) => columns.has(key.column));
}

function withoutSorts(node: LogicalNode, context: RewriteContext): LogicalNode | undefined {
  const changed = withInputs(
    node,
    node.inputs.map((input) => unsorted(input, context)),
  );
  return changed === node ? undefined : changed;
}

/** The same rows in any order. */
function unsorted(node: LogicalNode, context: RewriteContext): LogicalNode {
  if (node.op === "sort") return unsorted(node.inputs[0], context);
  if ((node.op !== "filter" && node.op !== "project") || context.isShared(node)) return node;
  return withInputs(node, [unsorted(node.inputs[0], context)]);
}
