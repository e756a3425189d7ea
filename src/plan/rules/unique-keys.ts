import type { JoinColumn, JoinNode, LogicalNode } from "../logical.ts";
import { perNode } from "../per-node.ts";
import { passedColumn } from "./expression-facts.ts";

/** Sets of columns of which no two rows of a node have equal values; null counts as a value. */
export const uniqueKeys = perNode(findKeys);

/** Whether no two rows of a node agree in all of `columns`. */
export const isUniqueBy = (node: LogicalNode, columns: readonly string[]): boolean =>
  uniqueKeys(node).some((key) => key.every((column) => columns.includes(column)));

function findKeys(node: LogicalNode): readonly (readonly string[])[] {
  switch (node.op) {
    case "aggregate":
      return [node.keys];
    case "distinct":
      return [node.keys, ...uniqueKeys(node.inputs[0])];
    case "filter": {
      const kept = (key: readonly string[]) => key.every((column) => node.schema.has(column));
      return uniqueKeys(node.inputs[0]).filter(kept);
    }
    case "sort":
    case "topN":
    case "limit":
    case "partition":
      return uniqueKeys(node.inputs[0]);
    case "project": {
      const names = node.columns.map(({ name, expression }) => [passedColumn(expression), name] as const);
      return renamed(uniqueKeys(node.inputs[0]), new Map(names));
    }
    case "join":
      return keysOfJoin(node);
    default:
      return [];
  }
}

/** Each row of one side appears once where the other side has at most one match for it. */
function keysOfJoin(node: JoinNode): readonly (readonly string[])[] {
  const [left, right] = node.inputs;
  const isFilteredLeft = node.type === "semi" || node.type === "anti";
  if (isFilteredLeft) return renamed(uniqueKeys(left), namesOf(node, "left"));
  const fromLeft =
    (node.type === "inner" || node.type === "left") && isUniqueBy(right, node.rightKeys)
      ? renamed(uniqueKeys(left), namesOf(node, "left"))
      : [];
  const fromRight =
    (node.type === "inner" || node.type === "right") && isUniqueBy(left, node.leftKeys)
      ? renamed(uniqueKeys(right), namesOf(node, "right"))
      : [];
  return [...fromLeft, ...fromRight];
}

const namesOf = (node: JoinNode, side: JoinColumn["side"]): ReadonlyMap<string | undefined, string> =>
  new Map(node.output.filter((column) => column.side === side).map(({ column, name }) => [column, name]));

function renamed(
  keys: readonly (readonly string[])[],
  names: ReadonlyMap<string | undefined, string>,
): readonly (readonly string[])[] {
  return keys
    .filter((key) => key.every((column) => names.has(column)))
    .map((key) => key.map((column) => names.get(column) ?? column));
}
