import type { PlanHandle } from "../api/plan-handle.ts";
import type { Host } from "../core/host.ts";
import type { AccumulatorSet } from "../core/rows/accumulators.ts";
import type { Schema } from "../core/schema.ts";
import type { Json } from "../core/source.ts";
import type { KeyedStateFactory } from "../core/state/keyed-backend.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";

/** A stream that is known, or will be once a function of unknown result has run over the first rows. */
export type StreamPlan = PlanHandle<StreamNode>;

/** What streams need of their environment: they build plans, and it runs them. */
export interface StreamContext {
  readonly host: Host;
  /** How often custom watermark generators are asked. */
  readonly watermarkIntervalMs: number;
  readonly parameters: Readonly<Record<string, Json>>;
  /** Makes the keyed state of a running operator. */
  readonly state: KeyedStateFactory;
  /** Adds a sink to what `execute` will run. */
  addSink(plan: StreamPlan): void;
  /** The first rows that `probe` gives when it runs over the beginning of its input, for `inferSchema`. */
  sample(probe: StreamNode, isEnough: () => boolean): Promise<void>;
  /** Called when a step is added whose columns are to be inferred; what it gives decides whether a sample is needed. */
  inference(): (sample: () => Promise<Schema>) => Promise<Schema>;
  /** The accumulators of a job that is running; functions of one job share them. */
  accumulators(jobId: string | undefined): AccumulatorSet;
  /** Runs one stream for the caller and gives its rows one by one; see `executeAndCollect`. */
  collect(plan: StreamPlan): AsyncGenerator<Record<string, unknown>>;
}

/** Identifies rows that leave an operator beside its main output; its schema types them. */
export interface SideTag {
  readonly id: string;
  readonly schema: Schema;
}
