import { PlanHandle } from "../api/plan-handle.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import { bool } from "../core/types.ts";
import type { JoinColumn, JoinHint, JoinNode, JoinType, LogicalNode } from "../plan/logical.ts";
import { joinOf, projectNode } from "../plan/nodes.ts";
import { type FunctionOptions, functionHandle } from "./function-stages.ts";
import type { JobContext } from "./job-context.ts";
import { joinStage } from "./stages.ts";

export interface JoinOn {
  readonly type: JoinType;
  readonly leftKeys: readonly string[];
  readonly rightKeys: readonly string[];
  readonly hint?: JoinHint;
}

/** A join whose matches go to a function as pairs of rows, null for a side that an outer join did not find. */
export function pairsHandle(
  context: JobContext,
  left: PlanHandle,
  right: PlanHandle,
  on: JoinOn,
  fn: unknown,
  options: FunctionOptions,
): PlanHandle {
  // The stage needs both schemas, which a deferred side has only once it is resolved.
  const build = (leftNode: LogicalNode, rightNode: LogicalNode): PlanHandle => {
    const joined = joinedPairs(leftNode, rightNode, on);
    const names = { left: leftNode.schema.names, right: rightNode.schema.names };
    return functionHandle(context, [PlanHandle.of(joined)], joinStage(fn, joined.output, names, FOUND), options);
  };
  if (left.node !== undefined && right.node !== undefined) return build(left.node, right.node);
  return PlanHandle.deferred(async (signal) =>
    build(await left.resolve(signal), await right.resolve(signal)).resolve(signal),
  );
}

/** Names of the columns that are true in rows of that side. */
const FOUND = { left: "left found", right: "right found" };

/** Joins with all columns of both sides under names that cannot clash, and a marker of each. */
function joinedPairs(left: LogicalNode, right: LogicalNode, on: JoinOn): JoinNode {
  const sides = { left: marked(left, "left"), right: marked(right, "right") };
  const output: JoinColumn[] = (["left", "right"] as const)
    .filter((side) => side === "left" || (on.type !== "semi" && on.type !== "anti"))
    .flatMap((side) => sides[side].schema.names.map((name) => ({ side, column: name, name })));
  return joinOf(sides.left, sides.right, {
    type: on.type,
    leftKeys: on.leftKeys.map((key) => `left ${left.schema.indexOf(key)}`),
    rightKeys: on.rightKeys.map((key) => `right ${right.schema.indexOf(key)}`),
    hint: on.hint ?? "OPTIMIZER_CHOOSES",
    output,
  });
}

function marked(node: LogicalNode, side: "left" | "right"): LogicalNode {
  const always: ExpressionNode = { kind: "literal", type: bool, value: true };
  const columns = node.schema.names.map((name, i) => ({ name: `${side} ${i}`, expression: columnNode(name) }));
  return projectNode(node, [...columns, { name: FOUND[side], expression: always }]);
}
