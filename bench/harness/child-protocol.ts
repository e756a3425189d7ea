/** Messages between run-isolated.ts and its child processes. */
import type { BenchOptions } from "./suite.ts";
import type { AnswerShape, Summary } from "./summary.ts";

/** An engine whose first run takes longer is measured by that run alone. */
export const slowMs = 3000;

export interface ChildTask {
  readonly suite: string;
  readonly engine: string;
  readonly question: string;
  readonly options: BenchOptions;
  readonly shape: AnswerShape;
}

export interface ChildReport {
  readonly coldMs: number;
  /** Median of the warm runs; the cold run itself if that already took longer than `slowMs`. */
  readonly warmMs: number;
  /** Processor time of the warm runs, of all threads. */
  readonly cpuMs: number;
  readonly peakRssMiB: number;
  readonly summary: Summary;
}
