import type { AggregateFunction, AggregateSpec } from "../../core/aggregates/spec.ts";

/** Aggregates whose result depends on which row comes first, or may do so. */
const ORDER_SENSITIVE: ReadonlySet<AggregateFunction> = new Set<AggregateFunction>([
  "first",
  "last",
  "list",
  "minBy", // of rows that tie
  "maxBy",
  "user",
]);

/** Whether the result is the same for any order of rows, rounding of floating point sums aside. */
export const ignoresOrder = (spec: AggregateSpec): boolean => !ORDER_SENSITIVE.has(spec.fn);

/** The input columns that an aggregate reads. */
export function aggregateColumns({ column, params = {} }: AggregateSpec): readonly string[] {
  const { other, by, columns = [] } = params;
  return [column, other, by, ...columns].filter((name) => name !== undefined);
}
