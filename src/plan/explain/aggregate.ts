import type { AggregateSpec } from "../../core/aggregates/spec.ts";
import { aggregateColumns } from "../rules/aggregate-facts.ts";

/** `avg(delay) as mean`. */
export function formatAggregate(spec: AggregateSpec): string {
  const { fraction, fractions, k } = spec.params ?? {};
  const parameters = [fraction, ...(fractions ?? []), k].filter((value) => value !== undefined).map(String);
  if (spec.fn === "countAll") return `count(*) as ${spec.as}`;
  const args = [...aggregateColumns(spec), ...parameters].join(", ");
  return `${spec.fn}(${spec.distinct === true ? "distinct " : ""}${args}) as ${spec.as}`;
}
