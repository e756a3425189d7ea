import type { Workspace } from "../core/workspace.ts";
import type { LogicalNode } from "./logical.ts";
import { sharedNodes } from "./readers-first.ts";
import { dropDecidedFilters } from "./rules/drop-decided-filters.ts";
import { foldConstants } from "./rules/fold-constants.ts";
import { inferJoinConditions } from "./rules/infer-join-conditions.ts";
import {
  dropNeedlessLimits,
  mergeLimits,
  pushLimitIntoUnion,
  pushLimitThroughProject,
  sortLimitToTopN,
} from "./rules/limits.ts";
import { mergeFilters } from "./rules/merge-filters.ts";
import { mergeProjects } from "./rules/merge-projects.ts";
import { orderJoins } from "./rules/order-joins.ts";
import { pruneColumns } from "./rules/prune-columns.ts";
import { pruneSources } from "./rules/prune-sources.ts";
import { pushFilterBelowGroups } from "./rules/push-filter-below-groups.ts";
import { pushFilterBelowOrder } from "./rules/push-filter-below-order.ts";
import { pushFilterThroughJoin } from "./rules/push-filter-through-join.ts";
import { pushFilterThroughProject } from "./rules/push-filter-through-project.ts";
import { pushFilterThroughUnion } from "./rules/push-filter-through-union.ts";
import { removeEmptyInputs } from "./rules/remove-empty-inputs.ts";
import { removeIdentityProject } from "./rules/remove-identity-project.ts";
import { removeNeedlessSorts } from "./rules/remove-needless-sorts.ts";
import { removeRedundantDistinct } from "./rules/remove-redundant-distinct.ts";
import type { RewriteContext, RewriteRule } from "./rules/rule.ts";
import { simplifyOuterJoin } from "./rules/simplify-outer-join.ts";
import { splitNarrowingFilters } from "./rules/split-narrowing-filters.ts";
import { withInputs } from "./rules/with-inputs.ts";

/**
 * A plan that gives the same rows for less work. Root i of the result has the schema of root i; order is kept where
 * somebody can see it; a node that several others read stays one node.
 *
 * Each step below goes on until nothing changes. It ends, since every rule moves filters and limits down, projections
 * and removals up, or makes the plan smaller; rules that could find their own result again are applied once.
 * @param workspace - Where constants are computed; without one they are left to the job.
 */
export function optimize(roots: readonly LogicalNode[], workspace?: Workspace): LogicalNode[] {
  const simplify = [
    splitNarrowingFilters,
    foldConstants(workspace),
    dropDecidedFilters,
    simplifyOuterJoin,
    mergeFilters,
    pushFilterThroughProject,
    pushFilterThroughJoin,
    pushFilterThroughUnion,
    pushFilterBelowOrder,
    pushFilterBelowGroups,
    dropNeedlessLimits,
    mergeLimits,
    sortLimitToTopN,
    pushLimitThroughProject,
    pushLimitIntoUnion,
    removeEmptyInputs,
    removeRedundantDistinct,
    removeNeedlessSorts,
    mergeProjects,
    removeIdentityProject,
  ];
  let plan = repeat(roots, simplify);
  plan = repeat(rewrite(plan, [inferJoinConditions]), simplify);
  plan = rewrite(plan, [orderJoins]);
  // With fewer columns, more of what a distinct or sort looks at is all that there is.
  plan = repeat(pruneColumns(plan), [
    removeRedundantDistinct,
    removeNeedlessSorts,
    mergeProjects,
    removeIdentityProject,
  ]);
  plan = repeat(pruneColumns(plan), [mergeProjects, removeIdentityProject]);
  return rewrite(plan, [pruneSources]);
}

/** More passes than a plan needs to settle: each moves a step past one other, so a plan's depth bounds them. */
const MOST_PASSES = 200;

function repeat(roots: readonly LogicalNode[], rules: readonly RewriteRule[]): LogicalNode[] {
  let plan = [...roots];
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const next = rewrite(plan, rules);
    if (next.every((root, i) => root === plan[i])) break;
    plan = next;
  }
  return plan;
}

/** One pass from the sources to the roots. At each node the first rule that has something to do is applied. */
function rewrite(roots: readonly LogicalNode[], rules: readonly RewriteRule[]): LogicalNode[] {
  const sharedBefore = sharedNodes(roots);
  const shared = new Set<LogicalNode>();
  const context: RewriteContext = { isShared: (node) => shared.has(node) };
  const rewritten = new Map<LogicalNode, LogicalNode>();
  const visit = (node: LogicalNode): LogicalNode => {
    let result = rewritten.get(node);
    if (result === undefined) {
      result = applyFirst(withInputs(node, node.inputs.map(visit)), rules, context);
      rewritten.set(node, result);
      // A node may have become its own input: that is then what everybody reads.
      if (sharedBefore.has(node)) shared.add(result);
    }
    return result;
  };
  return roots.map(visit);
}

function applyFirst(node: LogicalNode, rules: readonly RewriteRule[], context: RewriteContext): LogicalNode {
  for (const rule of rules) {
    const result = rule.apply(node, context);
    if (result !== undefined) return result;
  }
  return node;
}
