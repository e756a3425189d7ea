import type { LogicalNode } from "../logical.ts";
import { estimateRows } from "../statistics.ts";
import { type JoinChain, readJoinChain } from "./join-chain.ts";
import { type JoinedPart, joinParts, partOf } from "./join-parts.ts";
import type { RewriteRule } from "./rule.ts";

/** Another order is taken only if it promises fewer intermediate rows by this factor: estimates are rough. */
const WORTHWHILE = 0.8;

/**
 * Law: inner joins by equality commute and associate, so a chain of them may run in any order that joins each part by
 * a key. Output columns keep names and positions; joins promise no order of rows.
 * The order is found greedily, joining the two parts with the smallest result first (Fegaras, "A new heuristic for
 * optimizing large queries", DEXA 1998), and only where the rows of every part are known. Joins with a hint, a
 * parallelism or several readers stay where they are.
 */
export const orderJoins: RewriteRule = {
  name: "order joins",
  apply(node, context) {
    if (node.op !== "join") return undefined;
    const chain = readJoinChain(node, context);
    if (chain === undefined || chain.parts.length < 3) return undefined;
    if (chain.parts.some((part) => estimateRows(part) === undefined)) return undefined;
    const found = smallestFirst(chain);
    if (found === undefined) return undefined;
    const before = intermediateRows(chain.joins.filter((join) => join !== node));
    return intermediateRows(found.intermediates) < WORTHWHILE * before ? found.root : undefined;
  },
};

const intermediateRows = (nodes: readonly LogicalNode[]): number =>
  nodes.reduce((sum, node) => sum + (estimateRows(node) ?? Number.POSITIVE_INFINITY), 0);

function smallestFirst(chain: JoinChain): { root: LogicalNode; intermediates: LogicalNode[] } | undefined {
  const intermediates: LogicalNode[] = [];
  let parts = chain.parts.map((_, part) => partOf(chain, part));
  while (parts.length > 2) {
    const best = bestPair(parts, chain);
    if (best === undefined) return undefined;
    intermediates.push(best.joined.node);
    parts = [...parts.filter((part) => part !== best.left && part !== best.right), best.joined];
  }
  const last = joinLargerFirst(parts[0], parts[1], chain, chain.output);
  return last === undefined ? undefined : { root: last.node, intermediates };
}

interface Candidate {
  left: JoinedPart;
  right: JoinedPart;
  joined: JoinedPart;
  rows: number;
}

function bestPair(parts: readonly JoinedPart[], chain: JoinChain): Candidate | undefined {
  let best: Candidate | undefined;
  for (const [i, left] of parts.entries()) {
    for (const right of parts.slice(i + 1)) {
      const joined = joinLargerFirst(left, right, chain);
      const rows = joined && estimateRows(joined.node);
      if (joined === undefined || rows === undefined) continue;
      if (best === undefined || rows < best.rows) best = { left, right, joined, rows };
    }
  }
  return best;
}

/** The smaller part goes to the right, where a join is expected to have its build side. */
function joinLargerFirst(
  a: JoinedPart,
  b: JoinedPart,
  chain: JoinChain,
  output?: JoinChain["output"],
): JoinedPart | undefined {
  const isSwapped = (estimateRows(a.node) ?? 0) < (estimateRows(b.node) ?? 0);
  return isSwapped ? joinParts(b, a, chain, output) : joinParts(a, b, chain, output);
}
