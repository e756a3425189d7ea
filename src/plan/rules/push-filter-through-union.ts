import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: filter(p, union(a, b)) = union(filter(p, a), filter(p, b)); all inputs of a union have its schema.
 */
export const pushFilterThroughUnion: RewriteRule = {
  name: "push filter through union",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [union] = node.inputs;
    if (union.op !== "union" || context.isShared(union)) return undefined;
    const { moving, staying } = partitionConditions(node, () => true);
    if (moving.length === 0) return undefined;
    const inputs = union.inputs.map((input) => filterBy(input, moving, node.callSite));
    return filterBy(withInputs(union, inputs), staying, node.callSite);
  },
};
