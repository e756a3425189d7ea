import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import type { Batch } from "../batch.ts";
import { type Field, Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";

/** Counts the rows of a group. Its name cannot be a column's: it is never in a result. */
export const ROW_COUNT: AggregateSpec = { fn: "countAll", as: "\0rows" };

/** What a window aggregate reads of its rows. */
export interface WindowColumns {
  /** Positions of the columns that it reads, keys first. */
  readonly used: readonly number[];
  /** These columns alone. */
  readonly schema: Schema;
  readonly keyFields: readonly Field[];
}

/** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE, AGGREGATE_PARAMETER */
export function windowColumns(
  keys: readonly string[],
  aggregates: readonly AggregateSpec[],
  rowSchema: Schema,
): WindowColumns {
  const keyColumns = keys.map((name) => rowSchema.indexOf(name));
  const inputs = new AggregatePlan(aggregates, rowSchema).bound.flatMap((bound) => bound.inputs);
  const used = [...new Set([...keyColumns, ...inputs])];
  return {
    used,
    schema: new Schema(used.map((index) => rowSchema.fields[index])),
    keyFields: keyColumns.map((index) => rowSchema.fields[index]),
  };
}

/**
 * The aggregates that panes keep, with a count of their rows: where windows have several panes, that tells which keys a
 * window has, and it comes first; of partial aggregates it tells how many rows came too late.
 */
export const countedAggregates = (aggregates: readonly AggregateSpec[], isTumbling: boolean): AggregateSpec[] =>
  isTumbling ? [...aggregates, ROW_COUNT] : [ROW_COUNT, ...aggregates];

/**
 * Partial aggregates on their way to the subtask of their key: a row per key and pane, with the keys under their names,
 * then the states of `plan`; its row time is some time of the pane. Without the last columns these are the states of a
 * window's own plan, which may lack the count.
 */
export interface WindowPartials {
  readonly plan: AggregatePlan;
  readonly schema: Schema;
  /** The column of the counts of rows. */
  readonly countColumn: number;
}

export function windowPartials(
  { schema, keyFields }: WindowColumns,
  aggregates: readonly AggregateSpec[],
  isTumbling: boolean,
): WindowPartials {
  const plan = new AggregatePlan(countedAggregates(aggregates, isTumbling), schema);
  let prefix = "state ";
  while (keyFields.some(({ name }) => name.startsWith(prefix))) prefix += "'";
  const { accumulatorKey } = plan.bound[isTumbling ? aggregates.length : 0];
  const slot = plan.slots.findIndex(({ key }) => key === accumulatorKey);
  const before = plan.slots.slice(0, slot).reduce((count, { stateTypes }) => count + stateTypes.length, 0);
  return {
    plan,
    schema: new Schema([...keyFields, ...plan.stateFields(prefix)]),
    countColumn: keyFields.length + before,
  };
}

/** How many rows partial aggregates were made of. */
export function rowsOfPartials({ i32, i64 }: Workspace, batch: Batch, { countColumn }: WindowPartials): number {
  const { data, offsets } = batch.columns[countColumn];
  let rows = 0;
  for (let row = 0; row < batch.rowCount; row++) rows += Number(i64[(data + i32[(offsets >>> 2) + row]) >>> 3]);
  return rows;
}
