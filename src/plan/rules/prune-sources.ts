import { toPruningPredicate } from "../../core/expressions/pruning.ts";
import type { RewriteRule } from "./rule.ts";

/**
 * Law: a source may leave out rows that the filter above it drops anyway; the filter stays exactly as it is.
 * Applied once per plan, to sources that nobody else reads.
 */
export const pruneSources: RewriteRule = {
  name: "prune sources",
  apply(node, context) {
    if (node.op !== "filter") return undefined;
    const [input] = node.inputs;
    if (input.op !== "source" || input.source.withPruning === undefined || context.isShared(input)) return undefined;
    const predicate = toPruningPredicate(node.predicate, input.schema);
    if (predicate === undefined) return undefined;
    return { ...node, inputs: [{ ...input, source: input.source.withPruning(predicate) }] };
  },
};
