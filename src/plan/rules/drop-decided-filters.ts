import { splitConjuncts } from "../../core/expressions/rewrite.ts";
import type { LogicalNode } from "../logical.ts";
import { isPlainFilter } from "./conditions.ts";
import type { RewriteRule } from "./rule.ts";

/**
 * Law: filter(true, x) = x, and filter(p AND false, x) = filter(p AND null, x) = no row of x.
 */
export const dropDecidedFilters: RewriteRule = {
  name: "drop decided filters",
  apply(node) {
    if (!isPlainFilter(node)) return undefined;
    const literals = splitConjuncts(node.predicate).filter((condition) => condition.kind === "literal");
    if (literals.some((literal) => literal.value !== true)) return noRowsOf(node.inputs[0], node.callSite);
    return node.predicate.kind === "literal" ? node.inputs[0] : undefined;
  },
};

/** Nothing of `input`, which is not even read. */
const noRowsOf = (input: LogicalNode, callSite?: string): LogicalNode => ({
  op: "limit",
  count: 0,
  offset: 0,
  inputs: [input],
  schema: input.schema,
  ...(callSite === undefined ? {} : { callSite }),
});
