import { callNode, childrenOf, type ExpressionNode, mapChildren } from "./node.ts";

/** Names of all columns that an expression reads. */
export function expressionColumns(node: ExpressionNode, into: Set<string> = new Set()): Set<string> {
  if (node.kind === "column") into.add(node.name);
  else for (const child of childrenOf(node)) expressionColumns(child, into);
  return into;
}

/** The conditions that a predicate ANDs together, in order; their conjunction is the predicate. */
export function splitConjuncts(node: ExpressionNode): ExpressionNode[] {
  if (node.kind === "alias") return splitConjuncts(node.input);
  if (node.kind === "call" && node.fn === "and") return node.args.flatMap(splitConjuncts);
  return [node];
}

/** The conjunction of conditions; undefined of none. */
export function joinConjuncts(nodes: readonly ExpressionNode[]): ExpressionNode | undefined {
  if (nodes.length === 0) return undefined;
  return nodes.reduce((left, right) => callNode("and", left, right));
}

/** Replaces columns by other expressions (a rename, or the projection below a filter); unnamed columns stay. */
export function substituteColumns(
  node: ExpressionNode,
  replacements: ReadonlyMap<string, ExpressionNode>,
): ExpressionNode {
  if (node.kind === "column") {
    const replacement = replacements.get(node.name);
    return replacement === undefined ? node : withoutAlias(replacement);
  }
  return mapChildren(node, (child) => substituteColumns(child, replacements));
}

/** The expression below its names. */
export function withoutAlias(node: ExpressionNode): ExpressionNode {
  return node.kind === "alias" ? withoutAlias(node.input) : node;
}
