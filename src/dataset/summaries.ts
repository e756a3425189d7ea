import { type Aggregation, avg, count, countDistinct, max, min, stddev } from "../api/aggregations.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { col } from "../core/expressions/builders.ts";
import { type DataType, isNumeric } from "../core/types.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { aggregateHandle } from "./aggregate-handle.ts";
import type { JobContext } from "./job-context.ts";
import { collectRows } from "./results.ts";

/** What `summarize` tells of one column. Values that a type does not have are null. */
export interface ColumnSummary {
  readonly column: string;
  readonly type: DataType;
  readonly rows: number;
  readonly nulls: number;
  readonly distinct: number | null;
  readonly min: unknown;
  readonly max: unknown;
  readonly mean: number | null;
  readonly stddev: number | null;
}

const UNORDERED = new Set(["list", "struct", "map", "null", "interval"]);

/** Statistics of every column in one pass. */
export async function summarizeColumns(context: JobContext, plan: PlanHandle): Promise<ColumnSummary[]> {
  const node = await plan.resolve();
  const [values] = await collectRows(context, aggregateHandle(PlanHandle.of(node), [], summaryAggregations(node)));
  return node.schema.fields.map(({ name, type }, i): ColumnSummary => {
    const found = (what: string): unknown => values[`${what} ${i}`] ?? null;
    const rows = Number(values.rows);
    const distinct = found("distinct");
    return {
      column: name,
      type,
      rows,
      nulls: rows - Number(found("count")),
      distinct: distinct === null ? null : Number(distinct),
      min: found("min"),
      max: found("max"),
      mean: found("mean") as number | null,
      stddev: found("stddev") as number | null,
    };
  });
}

function summaryAggregations({ schema }: LogicalNode): Record<string, Aggregation> {
  const aggregations: Record<string, Aggregation> = { rows: count() };
  for (const [i, { name, type }] of schema.fields.entries()) {
    const column = col(name);
    aggregations[`count ${i}`] = count(column);
    if (UNORDERED.has(type.kind)) continue;
    aggregations[`distinct ${i}`] = countDistinct(column);
    aggregations[`min ${i}`] = min(column);
    aggregations[`max ${i}`] = max(column);
    if (!isNumeric(type)) continue;
    aggregations[`mean ${i}`] = avg(column);
    aggregations[`stddev ${i}`] = stddev(column);
  }
  return aggregations;
}
