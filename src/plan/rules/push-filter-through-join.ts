import { columnNode, type ExpressionNode } from "../../core/expressions/node.ts";
import { expressionColumns, substituteColumns } from "../../core/expressions/rewrite.ts";
import type { CrossNode, JoinColumn, JoinNode } from "../logical.ts";
import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import { isFallible } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

type Side = JoinColumn["side"];

/**
 * Law: a condition that reads one side of a join may choose rows of that side before the join, if the join keeps
 * every row of the result from a row of that side: both sides of inner and cross, the left side of left, semi and
 * anti, the right side of right, neither of full. On the other side of an outer join it would have to see the nulls
 * that the join fills in.
 * Conditions that may fail stay: below the join they would meet rows that have no match.
 */
export const pushFilterThroughJoin: RewriteRule = {
  name: "push filter through join",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [join] = node.inputs;
    if ((join.op !== "join" && join.op !== "cross") || context.isShared(join)) return undefined;
    const sides = filterableSides(join);
    const sideOf = (condition: ExpressionNode): Side | undefined => {
      const side = sideRead(condition, join);
      return side !== undefined && sides.includes(side) && !isFallible(condition, join.schema) ? side : undefined;
    };
    const { moving, staying } = partitionConditions(node, (condition) => sideOf(condition) !== undefined);
    if (moving.length === 0) return undefined;
    const inputs = (["left", "right"] as const).map((side, i) => {
      const own = moving.filter((condition) => sideOf(condition) === side);
      return filterBy(
        join.inputs[i],
        own.map((condition) => belowJoin(condition, join)),
        node.callSite,
      );
    });
    return filterBy(withInputs(join, inputs), staying, node.callSite);
  },
};

function filterableSides(join: JoinNode | CrossNode): readonly Side[] {
  if (join.op === "cross") return ["left", "right"];
  switch (join.type) {
    case "inner":
      return ["left", "right"];
    case "right":
      return ["right"];
    case "full":
      return [];
    default:
      return ["left"];
  }
}

/** The only side that a condition over a join's output reads; undefined for both or none. */
function sideRead(condition: ExpressionNode, join: JoinNode | CrossNode): Side | undefined {
  const sides = new Set<Side | undefined>();
  for (const name of expressionColumns(condition)) {
    sides.add(join.output.find((column) => column.name === name)?.side);
  }
  return sides.size === 1 ? [...sides][0] : undefined;
}

const belowJoin = (condition: ExpressionNode, join: JoinNode | CrossNode): ExpressionNode =>
  substituteColumns(condition, new Map(join.output.map(({ name, column }) => [name, columnNode(column)])));
