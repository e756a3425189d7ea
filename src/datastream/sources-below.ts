import type { StreamNode, StreamSourceNode } from "../plan/stream/stream-node.ts";

/** A source below the nodes, or among them, of which this is true; undefined where there is none. */
export function sourceBelow(
  nodes: readonly StreamNode[],
  isMeant: (node: StreamSourceNode) => boolean,
  seen = new Set<StreamNode>(),
): StreamSourceNode | undefined {
  for (const node of nodes) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.op === "source" && isMeant(node)) return node;
    const found = sourceBelow(
      node.inputs.map((input) => input.node),
      isMeant,
      seen,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One that never ends. */
export const unboundedSource = (nodes: readonly StreamNode[]): StreamSourceNode | undefined =>
  sourceBelow(nodes, ({ source }) => source.boundedness === "unbounded");
