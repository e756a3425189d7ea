import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import { readsOnly, respectsGrouping } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: a condition on the keys of an aggregate or distinct keeps or drops whole groups, so it may choose rows before
 * they are grouped. Without keys there is one group, also of no rows: nothing moves then.
 */
export const pushFilterBelowGroups: RewriteRule = {
  name: "push filter below aggregate and distinct",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [grouping] = node.inputs;
    if ((grouping.op !== "aggregate" && grouping.op !== "distinct") || context.isShared(grouping)) return undefined;
    if (grouping.keys.length === 0) return undefined;
    const keys = new Set(grouping.keys);
    const [input] = grouping.inputs;
    const { moving, staying } = partitionConditions(
      node,
      (condition) => readsOnly(condition, keys) && respectsGrouping(condition, input.schema),
    );
    if (moving.length === 0) return undefined;
    const pushed = withInputs(grouping, [filterBy(input, moving, node.callSite)]);
    return filterBy(pushed, staying, node.callSite);
  },
};
