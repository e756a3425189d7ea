import { Aggregation } from "../api/aggregations.ts";
import type { PlanHandle } from "../api/plan-handle.ts";
import type { AggregateSpec } from "../core/aggregates/spec.ts";
import { PlanError } from "../core/errors.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import type { NamedExpression } from "../plan/logical.ts";
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
    const computed: NamedExpression[] = [];
    const columnOf = (expression: ExpressionNode): string => {
      if (expression.kind === "column") return expression.name;
      const text = JSON.stringify(expression);
      const known = computed.find((each) => JSON.stringify(each.expression) === text);
      if (known !== undefined) return known.name;
      let name = `argument ${computed.length + 1}`;
      while (node.schema.has(name)) name += "'";
      computed.push({ name, expression });
      return name;
    };
    const specs = Object.entries(aggregations).map(([as, aggregation]): AggregateSpec => {
      if (aggregation instanceof Aggregation) return aggregation.spec(as, aggregation.args.map(columnOf));
      throw new PlanError(
        "AGGREGATE_INVALID",
        `"${as}" is given something that is no aggregate.`,
        "Give an aggregate such as count(), sum(...) or max(...); a plain column belongs to groupBy or first(...).",
      );
    });
    const kept = node.schema.names.map((name) => ({ name, expression: columnNode(name) }));
    const input = computed.length === 0 ? node : projectNode(node, [...kept, ...computed]);
    return aggregateNode(input, keys, specs);
  });
}
