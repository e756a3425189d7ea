import type { LogicalNode, PartitionNode, SortNode } from "../logical.ts";
import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: a filter commutes with sort and with a partitioning by hash, which move rows but look at no other row.
 * Rebalancing and range partitioning depend on all rows that they see, so a filter stays behind them.
 */
export const pushFilterBelowOrder: RewriteRule = {
  name: "push filter below sort and hash partitioning",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [moved] = node.inputs;
    if (!movesRowsOnly(moved) || context.isShared(moved)) return undefined;
    const { moving, staying } = partitionConditions(node, () => true);
    if (moving.length === 0) return undefined;
    const below = filterBy(moved.inputs[0], moving, node.callSite);
    return filterBy(withInputs(moved, [below]), staying, node.callSite);
  },
};

const movesRowsOnly = (node: LogicalNode): node is SortNode | PartitionNode =>
  node.op === "sort" || (node.op === "partition" && node.partitioning.kind === "hash");
