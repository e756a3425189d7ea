import { columnNode, type ExpressionNode } from "../../core/expressions/node.ts";
import { splitConjuncts, substituteColumns } from "../../core/expressions/rewrite.ts";
import type { JoinNode, LogicalNode } from "../logical.ts";
import { perNode } from "../per-node.ts";
import { isDeterministic, passedColumn, readsOnly } from "./expression-facts.ts";

/** Conditions over a node's columns that are true for each of its rows, as far as filters below it say so. */
export const knownConditions = perNode(findConditions);

function findConditions(node: LogicalNode): readonly ExpressionNode[] {
  switch (node.op) {
    case "filter": {
      const own = splitConjuncts(node.predicate).filter(isDeterministic);
      const kept = new Set(node.schema.names);
      return [...knownConditions(node.inputs[0]), ...own].filter((condition) => readsOnly(condition, kept));
    }
    case "project": {
      const names = node.columns.map(({ name, expression }) => [passedColumn(expression), name] as const);
      return renamed(knownConditions(node.inputs[0]), names);
    }
    case "sort":
    case "topN":
    case "limit":
    case "distinct":
    case "partition":
      return knownConditions(node.inputs[0]);
    case "aggregate":
      return renamed(
        knownConditions(node.inputs[0]),
        node.keys.map((key) => [key, key] as const),
      );
    case "join":
    case "cross":
      return (["left", "right"] as const).flatMap((side, i) =>
        node.op === "join" && mayBeNull(node, side)
          ? []
          : renamed(
              knownConditions(node.inputs[i]),
              node.output.filter((column) => column.side === side).map(({ column, name }) => [column, name] as const),
            ),
      );
    default:
      return [];
  }
}

/** A side that an outer join fills with nulls where it has no match. */
function mayBeNull({ type }: JoinNode, side: "left" | "right"): boolean {
  return type === "full" || (type === "left" && side === "right") || (type === "right" && side === "left");
}

/** Conditions in new names; those that read a column without a new name are lost. */
function renamed(
  conditions: readonly ExpressionNode[],
  names: readonly (readonly [from: string | undefined, to: string])[],
): ExpressionNode[] {
  const newNames = new Map<string, ExpressionNode>();
  for (const [from, to] of names) {
    if (from !== undefined && !newNames.has(from)) newNames.set(from, columnNode(to));
  }
  const known = new Set(newNames.keys());
  return conditions
    .filter((condition) => readsOnly(condition, known))
    .map((condition) => substituteColumns(condition, newNames));
}
