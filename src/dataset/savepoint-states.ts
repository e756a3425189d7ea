import type { Schema } from "../core/schema.ts";
import type { StateKind } from "../core/state-snapshot.ts";
import type { Workspace } from "../core/workspace.ts";
import { StateTableEncoder } from "../state/savepoints/encode-state.ts";
import type { StateLayout } from "../state/savepoints/state-layout.ts";
import type { DataSet } from "./dataset.ts";
import type { JobContext, JobOutput } from "./job-context.ts";

/** A state whose rows are computed when the savepoint is written. */
export interface PendingState {
  readonly kind: StateKind;
  readonly dataSet: DataSet;
  /** @throws {PlanError} STATE_COLUMNS_INVALID */
  readonly layoutFor: (schema: Schema) => StateLayout;
}

/** Runs all datasets of one environment as one job, and gives their rows as state tables; nothing of them is left in `workspace`. */
export async function encodedStates(
  workspace: Workspace,
  pending: readonly PendingState[],
  maxParallelism: number,
  signal?: AbortSignal,
): Promise<Map<PendingState, Uint8Array>> {
  const encoders = new Map<PendingState, StateTableEncoder>();
  const outputs = new Map<JobContext, JobOutput[]>();
  try {
    for (const state of pending) {
      const { plan, context } = state.dataSet;
      const { schema } = await plan.resolve(signal);
      const encoder = new StateTableEncoder(workspace, state.layoutFor(schema), schema, maxParallelism);
      encoders.set(state, encoder);
      const own = outputs.get(context) ?? [];
      outputs.set(context, [...own, { plan, take: (batch, from) => encoder.add(batch, from) }]);
    }
    for (const [context, all] of outputs) await context.run(all, signal);
    return new Map([...encoders].map(([state, encoder]) => [state, encoder.finish()]));
  } finally {
    for (const encoder of encoders.values()) encoder.close();
  }
}
