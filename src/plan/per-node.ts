import type { LogicalNode } from "./logical.ts";

/** A fact of a node that is computed once: plans are graphs, and walking them as trees can take exponential time. */
export function perNode<T>(compute: (node: LogicalNode) => T): (node: LogicalNode) => T {
  const known = new WeakMap<LogicalNode, { value: T }>();
  return (node) => {
    let entry = known.get(node);
    if (entry === undefined) {
      entry = { value: compute(node) };
      known.set(node, entry);
    }
    return entry.value;
  };
}
