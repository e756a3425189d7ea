import type { ExpressionNode } from "../../core/expressions/node.ts";
import { joinConjuncts, splitConjuncts } from "../../core/expressions/rewrite.ts";
import type { FilterNode, LogicalNode } from "../logical.ts";
import { isDeterministic, isFallible, sameExpression } from "./expression-facts.ts";
import { keepsAllColumns } from "./with-inputs.ts";

/** A filter over `input` by all of `conditions`, each once; the input itself where there are none. */
export function filterBy(input: LogicalNode, conditions: readonly ExpressionNode[], callSite?: string): LogicalNode {
  const distinct = conditions.filter(
    (condition, i) =>
      !isDeterministic(condition) || conditions.findIndex((other) => sameExpression(other, condition)) === i,
  );
  const predicate = joinConjuncts(distinct);
  if (predicate === undefined) return input;
  return {
    op: "filter",
    schema: input.schema,
    inputs: [input],
    predicate,
    ...(callSite === undefined ? {} : { callSite }),
  };
}

/**
 * Conditions of a filter by whether they may move below its input, in their order.
 * What may fail moves only if nothing stays: a condition that stays may be what keeps bad rows away from it.
 */
export function partitionConditions(
  filter: FilterNode,
  mayMove: (condition: ExpressionNode) => boolean,
): { moving: ExpressionNode[]; staying: ExpressionNode[] } {
  const conditions = splitConjuncts(filter.predicate);
  const isMovable = (condition: ExpressionNode) => isDeterministic(condition) && mayMove(condition);
  if (conditions.every(isMovable)) return { moving: conditions, staying: [] };
  const { schema } = filter.inputs[0];
  const moving = conditions.filter((condition) => isMovable(condition) && !isFallible(condition, schema));
  return { moving, staying: conditions.filter((condition) => !moving.includes(condition)) };
}

/** Rules that move conditions work on filters that only choose rows. */
export const isPlainFilter = (node: LogicalNode): node is FilterNode => node.op === "filter" && keepsAllColumns(node);

/** Both places in the user's code, where two steps became one. */
export function joinCallSites(first: string | undefined, second: string | undefined): { callSite?: string } {
  const sites = [first, second].filter((site) => site !== undefined);
  return sites.length === 0 ? {} : { callSite: [...new Set(sites)].join(", ") };
}
