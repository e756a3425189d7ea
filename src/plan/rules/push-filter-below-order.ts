import type { ExpressionNode } from "../../core/expressions/node.ts";
import { expressionColumns } from "../../core/expressions/rewrite.ts";
import type { LogicalNode, PartitionNode, SortNode, UnnestNode } from "../logical.ts";
import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: a filter commutes with sort and with a partitioning by hash, which move rows but look at no other row; and with
 * an unnesting as far as it does not read the elements, since a row's other columns stay beside each of them.
 * Rebalancing and range partitioning depend on all rows that they see, so a filter stays behind them.
 */
export const pushFilterBelowOrder: RewriteRule = {
  name: "push filter below sort, hash partitioning and unnesting",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [moved] = node.inputs;
    if (!movesRowsOnly(moved) || context.isShared(moved)) return undefined;
    const elements = moved.op === "unnest" ? moved.column : undefined;
    const isIndependent = (condition: ExpressionNode) =>
      elements === undefined || !expressionColumns(condition).has(elements);
    const { moving, staying } = partitionConditions(node, isIndependent);
    if (moving.length === 0) return undefined;
    const below = filterBy(moved.inputs[0], moving, node.callSite);
    return filterBy(withInputs(moved, [below]), staying, node.callSite);
  },
};

const movesRowsOnly = (node: LogicalNode): node is SortNode | PartitionNode | UnnestNode =>
  node.op === "sort" || node.op === "unnest" || (node.op === "partition" && node.partitioning.kind === "hash");
