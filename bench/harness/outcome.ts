/** What the runner found out, before it is printed. */
import type { BenchCase } from "./suite.ts";

export interface Outcome {
  readonly suite: string;
  readonly question: BenchCase;
  readonly engine: string;
  /** One time per round, in milliseconds; empty if the engine failed. */
  readonly times: readonly number[];
  /** Processor time of the same runs, of all threads: what an engine costs where others use the machine too. */
  readonly cpuTimes: readonly number[];
  /** First run of a fresh process, for suites that run in child processes. */
  readonly coldMs?: number;
  readonly peakRssMiB?: number;
  /** Set if the answer was wrong or the run threw: then no time is reported. */
  readonly failure?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [upper, lower] = [sorted[middle] ?? Number.NaN, sorted[middle - 1] ?? Number.NaN];
  return sorted.length % 2 === 1 ? upper : (upper + lower) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((total, value) => total + Math.log(value), 0) / values.length);
}
