import type { JobResult } from "../api/job-result.ts";
import type { PlanHandle } from "../api/plan-handle.ts";
import type { Batch } from "../core/batch.ts";
import type { Host } from "../core/host.ts";
import type { AccumulatorSet } from "../core/rows/accumulators.ts";
import type { Schema } from "../core/schema.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import type { Json } from "../core/source.ts";
import type { Workspace } from "../core/workspace.ts";
import type { LogicalNode } from "../plan/logical.ts";
import type { StoredTable } from "../runtime/stored-table.ts";

export type TakeBatch = (batch: Batch, workspace: Workspace) => void | Promise<void>;

/** One result of a job: rows that the caller takes on the planning thread, or that stay in memory as a table. */
export type JobOutput =
  | { readonly plan: PlanHandle; readonly take: TakeBatch }
  | { readonly plan: PlanHandle; readonly table: StoredTable };

/** What datasets need of their environment: they build plans, and it runs them. */
export interface JobContext {
  readonly host: Host;
  readonly parameters: Readonly<Record<string, Json>>;
  /**
   * Runs plans as one job, steps that they share once, and hands their batches to `take`, which borrows them. A "probe"
   * looks at some rows for the plan's sake: it is no job that the user asked for.
   */
  run(outputs: readonly JobOutput[], signal?: AbortSignal, purpose?: "probe"): Promise<JobResult>;
  /** Adds a sink, or the spec of a connector's, to what `execute` will run. */
  addSink(handle: PlanHandle, sink: Sink | SinkSpec): void;
  explain(nodes: readonly LogicalNode[], format: "text" | "json"): string;
  /** An empty table, to be filled by one job; it is freed when nothing refers to it any more, or by its `release`. */
  newTable(schema: Schema): StoredTable;
  /** The accumulators of a job that is running; functions of one job share them. */
  accumulators(jobId: string | undefined): AccumulatorSet;
}
