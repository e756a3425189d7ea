import { toPruningPredicate } from "../../core/expressions/pruning.ts";
import type { PruningPredicate } from "../../core/source.ts";
import type { LogicalNode } from "../logical.ts";
import type { RewriteContext, RewriteRule } from "./rule.ts";

/**
 * Law: a source may leave out rows that the filter above it drops anyway; the filter stays exactly as it is.
 * Applied once per plan, to sources that nobody else reads.
 */
export const pruneSources: RewriteRule = {
  name: "prune sources",
  apply(node, context) {
    const predicate = pruningOf(node, context);
    if (predicate === undefined || node.op !== "filter") return undefined;
    const [input] = node.inputs;
    if (input.op !== "source" || input.source.withPruning === undefined) return undefined;
    return { ...node, inputs: [{ ...input, source: input.source.withPruning(predicate) }] };
  },
};

/** What a filter lets the source below it skip; undefined for other nodes, and where nothing can be skipped. */
export function pruningOf(node: LogicalNode, context: RewriteContext): PruningPredicate | undefined {
  if (node.op !== "filter") return undefined;
  const [input] = node.inputs;
  if (input.op !== "source" || input.source.withPruning === undefined || context.isShared(input)) return undefined;
  return toPruningPredicate(node.predicate, input.schema);
}
