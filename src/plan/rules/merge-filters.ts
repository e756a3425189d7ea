import { splitConjuncts } from "../../core/expressions/rewrite.ts";
import { filterBy, isPlainFilter, joinCallSites } from "./conditions.ts";
import type { RewriteRule } from "./rule.ts";

/**
 * Law: filter(p, filter(q, x)) = filter(q AND p, x).
 * q stays in front: what may fail in p then meets only rows that q has kept, as before.
 */
export const mergeFilters: RewriteRule = {
  name: "merge filters",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [inner] = node.inputs;
    if (!isPlainFilter(inner) || context.isShared(inner)) return undefined;
    const conditions = [...splitConjuncts(inner.predicate), ...splitConjuncts(node.predicate)];
    const { callSite } = joinCallSites(inner.callSite, node.callSite);
    return filterBy(inner.inputs[0], conditions, callSite);
  },
};
