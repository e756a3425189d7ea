import type { VertexMetrics } from "../runtime/metrics.ts";

/** What a finished job reports. */
export interface JobResult {
  readonly jobId: string;
  /** Of a stream that was given one. */
  readonly jobName?: string;
  readonly durationMs: number;
  /** Counts per vertex of the plan: rows in and out, bytes read, spills and what operators count themselves. */
  readonly metrics: readonly VertexMetrics[];
  /** Final values of the accumulators that functions used, by name. */
  readonly accumulators: Readonly<Record<string, unknown>>;
}
