import type { ExpressionNode } from "../../core/expressions/node.ts";
import { substituteColumns, withoutAlias } from "../../core/expressions/rewrite.ts";
import type { NamedExpression } from "../logical.ts";

/** An expression over the columns of a projection, as one over the projection's input, with the same type. */
export const substituteDefinitions = (node: ExpressionNode, columns: readonly NamedExpression[]): ExpressionNode =>
  substituteColumns(node, new Map(columns.map(({ name, expression }) => [name, firm(expression)])));

/** As a column, a constant had a type; written in its place, it would take that of its neighbour. */
function firm(expression: ExpressionNode): ExpressionNode {
  const inner = withoutAlias(expression);
  return inner.kind === "literal" ? { kind: "literal", type: inner.type, value: inner.value } : inner;
}
