import { columnNode, type ExpressionNode } from "../../core/expressions/node.ts";
import { expressionColumns, substituteColumns } from "../../core/expressions/rewrite.ts";
import { sameType } from "../../core/types.ts";
import type { JoinNode, LogicalNode } from "../logical.ts";
import { filterBy } from "./conditions.ts";
import { isFallible, respectsGrouping, sameExpression } from "./expression-facts.ts";
import { knownConditions } from "./known-conditions.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: rows that match in an equi-join have equal keys, so what is known of the key on one side may choose rows on the
 * other, if that side's rows leave the result when they match nothing: both ways for inner and semi, left to right for
 * left and anti, right to left for right, never for full.
 * Applied once per plan: a condition that has been inferred would be found again.
 */
export const inferJoinConditions: RewriteRule = {
  name: "infer join conditions",
  apply(node) {
    if (node.op !== "join" || node.type === "full") return undefined;
    const [left, right] = node.inputs;
    const toRight = node.type === "right" ? [] : inferred(left, right, node.leftKeys, node.rightKeys);
    const toLeft =
      node.type === "left" || node.type === "anti" ? [] : inferred(right, left, node.rightKeys, node.leftKeys);
    if (toLeft.length === 0 && toRight.length === 0) return undefined;
    const { callSite } = node;
    return withInputs(node, [filterBy(left, toLeft, callSite), filterBy(right, toRight, callSite)]);
  },
};

function inferred(
  from: LogicalNode,
  to: LogicalNode,
  fromKeys: JoinNode["leftKeys"],
  toKeys: JoinNode["rightKeys"],
): ExpressionNode[] {
  const counterparts = new Map<string, ExpressionNode>();
  for (const [i, key] of fromKeys.entries()) {
    // A literal could mean something else beside a column of another type.
    if (sameType(from.schema.typeOf(key), to.schema.typeOf(toKeys[i]))) counterparts.set(key, columnNode(toKeys[i]));
  }
  const known = knownConditions(to);
  return knownConditions(from)
    .filter((condition) => {
      const columns = [...expressionColumns(condition)];
      return (
        columns.length > 0 &&
        columns.every((name) => counterparts.has(name)) &&
        respectsGrouping(condition, from.schema) &&
        !isFallible(condition, from.schema)
      );
    })
    .map((condition) => substituteColumns(condition, counterparts))
    .filter((condition) => !known.some((other) => sameExpression(other, condition)));
}
