import type { RewriteRule } from "./rule.ts";
import { isUniqueBy } from "./unique-keys.ts";

/**
 * Law: distinct(k, x) = x where no two rows of x have equal k, as behind an aggregate or another distinct by (some of)
 * the same keys.
 */
export const removeRedundantDistinct: RewriteRule = {
  name: "remove redundant distinct",
  apply: (node) => (node.op === "distinct" && isUniqueBy(node.inputs[0], node.keys) ? node.inputs[0] : undefined),
};
