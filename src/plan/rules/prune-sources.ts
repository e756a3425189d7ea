import type { ExpressionNode } from "../../core/expressions/node.ts";
import { toPruningPredicate } from "../../core/expressions/pruning.ts";
import { joinConjuncts, splitConjuncts } from "../../core/expressions/rewrite.ts";
import type { PruningPredicate, Source } from "../../core/source.ts";
import type { LogicalNode } from "../logical.ts";
import { isDeterministic, isFallible } from "./expression-facts.ts";
import type { RewriteContext, RewriteRule } from "./rule.ts";

/**
 * Law: a source may leave out rows that the filter above it drops anyway; the filter stays exactly as it is.
 * Applied once per plan, to sources that nobody else reads.
 */
export const pruneSources: RewriteRule = {
  name: "prune sources",
  apply(node, context) {
    if (node.op !== "filter") return undefined;
    const [input] = node.inputs;
    if (input.op !== "source" || context.isShared(input)) return undefined;
    const predicate = pruningOf(node, context);
    const pruned = predicate === undefined ? input.source : (input.source.withPruning?.(predicate) ?? input.source);
    // What may fail must not meet rows that another condition keeps away from it.
    const conditions = splitConjuncts(node.predicate).filter(
      (condition) => isDeterministic(condition) && !isFallible(condition, input.schema),
    );
    const source = filtered(pruned, conditions);
    return source === input.source ? undefined : { ...node, inputs: [{ ...input, source }] };
  },
};

function filtered(source: Source, conditions: readonly ExpressionNode[]): Source {
  const condition = joinConjuncts(conditions);
  return condition === undefined ? source : (source.withFilter?.(condition) ?? source);
}

/** What a filter lets the source below it skip; undefined for other nodes, and where nothing can be skipped. */
export function pruningOf(node: LogicalNode, context: RewriteContext): PruningPredicate | undefined {
  if (node.op !== "filter") return undefined;
  const [input] = node.inputs;
  if (input.op !== "source" || input.source.withPruning === undefined || context.isShared(input)) return undefined;
  return toPruningPredicate(node.predicate, input.schema);
}
