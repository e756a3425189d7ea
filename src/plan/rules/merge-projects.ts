import { childrenOf, type ExpressionNode } from "../../core/expressions/node.ts";
import { joinCallSites } from "./conditions.ts";
import { isDeterministic, isTrivial } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";
import { substituteDefinitions } from "./substitute-definitions.ts";

/**
 * Law: project(f(c), project(c = e, x)) = project(f(e), x).
 * Only where no computed e would appear twice, nor vanish into a branch that may not run if it is not deterministic.
 */
export const mergeProjects: RewriteRule = {
  name: "merge projects",
  apply(node, context) {
    if (node.op !== "project") return undefined;
    const [inner] = node.inputs;
    if (inner.op !== "project" || context.isShared(inner)) return undefined;
    const uses = new Map<string, number>();
    for (const { expression } of node.columns) countUses(expression, uses);
    const mayMerge = inner.columns.every(
      ({ name, expression }) => isTrivial(expression) || ((uses.get(name) ?? 0) <= 1 && isDeterministic(expression)),
    );
    if (!mayMerge) return undefined;
    return {
      op: "project",
      schema: node.schema,
      inputs: inner.inputs,
      columns: node.columns.map(({ name, expression }) => ({
        name,
        expression: substituteDefinitions(expression, inner.columns),
      })),
      ...joinCallSites(inner.callSite, node.callSite),
    };
  },
};

function countUses(node: ExpressionNode, uses: Map<string, number>): void {
  if (node.kind === "column") uses.set(node.name, (uses.get(node.name) ?? 0) + 1);
  else for (const child of childrenOf(node)) countUses(child, uses);
}
