import { aggregateSpecs } from "../api/aggregate-specs.ts";
import type { Aggregation } from "../api/aggregations.ts";
import type { PlanHandle } from "../api/plan-handle.ts";
import { PlanError } from "../core/errors.ts";
import { aggregateNode, projectNode } from "../plan/nodes.ts";

/** Adds the aggregation to a plan: arguments that are not columns are computed first. */
export function aggregateHandle(
  plan: PlanHandle,
  keys: readonly string[],
  aggregations: Readonly<Record<string, Aggregation>>,
): PlanHandle {
  if (keys.length === 0 && Object.keys(aggregations ?? {}).length === 0) {
    throw new PlanError(
      "AGGREGATES_EMPTY",
      "aggregate was given nothing to compute.",
      "Give one, for example { rows: count() }.",
    );
  }
  return plan.map((node) => {
    const { specs, projection } = aggregateSpecs(node.schema, aggregations);
    return aggregateNode(projection === undefined ? node : projectNode(node, projection), keys, specs);
  });
}
