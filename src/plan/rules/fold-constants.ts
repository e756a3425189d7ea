import { foldConstants as foldExpression } from "../../core/expressions/fold.ts";
import type { ExpressionNode } from "../../core/expressions/node.ts";
import type { Schema } from "../../core/schema.ts";
import type { Workspace } from "../../core/workspace.ts";
import { isTrivial, sameExpression } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";

/**
 * Law: an expression over constants is its value; conditions follow three-valued logic (false AND p = false,
 * true AND p = p). Types stay as they were, and what would raise an error is left for the row that meets it.
 * Without a workspace only conditions are simplified.
 */
export const foldConstants = (workspace: Workspace | undefined): RewriteRule => {
  // Plans are rewritten in many passes, and few of them change an expression.
  const settled = new WeakSet<ExpressionNode>();
  const fold = (expression: ExpressionNode, schema: Schema): ExpressionNode => {
    if (isTrivial(expression) || settled.has(expression)) return expression;
    const folded = foldExpression(expression, schema, workspace);
    const result = sameExpression(folded, expression) ? expression : folded;
    settled.add(result);
    return result;
  };
  return {
    name: "fold constants",
    apply(node) {
      if (node.op === "filter") {
        const predicate = fold(node.predicate, node.inputs[0].schema);
        return predicate === node.predicate ? undefined : { ...node, predicate };
      }
      if (node.op !== "project") return undefined;
      const { schema } = node.inputs[0];
      const columns = node.columns.map((column) => {
        const expression = fold(column.expression, schema);
        return expression === column.expression ? column : { ...column, expression };
      });
      return columns.every((column, i) => column === node.columns[i]) ? undefined : { ...node, columns };
    },
  };
};
