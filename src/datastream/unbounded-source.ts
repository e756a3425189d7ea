import type { StreamNode } from "../plan/stream/stream-node.ts";

/** A source below the nodes that never ends, if there is one. */
export function unboundedSource(nodes: readonly StreamNode[]): StreamNode | undefined {
  for (const node of nodes) {
    if (node.op === "source" && node.source.boundedness === "unbounded") return node;
    const found = unboundedSource(node.inputs.map((input) => input.node));
    if (found !== undefined) return found;
  }
  return undefined;
}
