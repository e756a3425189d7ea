import type { LogicalNode } from "./logical.ts";

/** Every node of a plan once, each after all nodes that read it. */
export function readersFirst(roots: readonly LogicalNode[]): LogicalNode[] {
  const inputsFirst: LogicalNode[] = [];
  const seen = new Set<LogicalNode>();
  const visit = (node: LogicalNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const input of node.inputs) visit(input);
    inputsFirst.push(node);
  };
  for (const root of roots) visit(root);
  return inputsFirst.reverse();
}

/** Nodes that more than one input or root refers to. */
export function sharedNodes(roots: readonly LogicalNode[]): Set<LogicalNode> {
  const read = new Set<LogicalNode>();
  const shared = new Set<LogicalNode>();
  const refer = (node: LogicalNode): void => {
    if (read.has(node)) shared.add(node);
    read.add(node);
  };
  for (const root of roots) refer(root);
  for (const node of readersFirst(roots)) for (const input of node.inputs) refer(input);
  return shared;
}
