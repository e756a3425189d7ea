import type { AggregateSpec } from "../core/aggregates/spec.ts";
import { PlanError } from "../core/errors.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import type { Schema } from "../core/schema.ts";
import type { NamedExpression } from "../plan/logical.ts";
import { Aggregation } from "./aggregations.ts";

/** Aggregations as plain data over columns. */
export interface AggregateSpecs {
  readonly specs: readonly AggregateSpec[];
  /** All columns of the input and those that hold computed arguments; undefined where the input has all of them. */
  readonly projection: readonly NamedExpression[] | undefined;
}

/** @throws {PlanError} AGGREGATE_INVALID */
export function aggregateSpecs(schema: Schema, aggregations: Readonly<Record<string, Aggregation>>): AggregateSpecs {
  const computed: NamedExpression[] = [];
  const columnOf = (expression: ExpressionNode): string => {
    if (expression.kind === "column") return expression.name;
    const text = JSON.stringify(expression);
    const known = computed.find((each) => JSON.stringify(each.expression) === text);
    if (known !== undefined) return known.name;
    let name = `argument ${computed.length + 1}`;
    while (schema.has(name)) name += "'";
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
  if (computed.length === 0) return { specs, projection: undefined };
  const kept = schema.names.map((name) => ({ name, expression: columnNode(name) }));
  return { specs, projection: [...kept, ...computed] };
}
