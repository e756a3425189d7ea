import type { Batch } from "../batch.ts";
import type { CompiledPredicate } from "../expressions/predicate.ts";
import type { Address } from "../memory/allocator.ts";
import type { Workspace } from "../workspace.ts";

/**
 * Leaves the pairs (a[i], b[i]), u32 each, whose row among the candidates fulfils the condition, in place and in their
 * order; returns how many. Takes over the candidates: one row per pair, with the columns of the condition.
 */
export function filterPairs(
  workspace: Workspace,
  condition: CompiledPredicate,
  candidates: Batch,
  a: Address,
  b: Address,
): number {
  try {
    const selection = condition.select(workspace, candidates);
    if (selection === "none") return 0;
    if (selection === "all") return candidates.rowCount;
    const { indices, count } = selection;
    const { kernels } = workspace;
    // Indices ascend and are distinct, so gathering in place reads each number before it is overwritten.
    kernels.gather32(a, indices.address, count, a);
    kernels.gather32(b, indices.address, count, b);
    indices.release();
    return count;
  } finally {
    candidates.release();
  }
}
