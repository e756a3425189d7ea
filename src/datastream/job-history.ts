import type { CheckpointStatistics } from "../runtime/checkpoint-statistics.ts";
import { continuedMetrics, continuedStatistics, endedStatistics } from "../runtime/continued-metrics.ts";
import type { JobFailure } from "../runtime/job-attempts.ts";
import type { VertexMetrics } from "../runtime/metrics.ts";

/** So many failures are told of. */
const NEWEST = 16;

/** What is kept of the attempts of a job that have failed. */
export class JobHistory {
  #failures: readonly JobFailure[] = [];
  #restarts = 0;
  #metrics: readonly VertexMetrics[] = [];
  #statistics: CheckpointStatistics | undefined;

  /** The newest ones, oldest first. */
  get failures(): readonly JobFailure[] {
    return this.#failures;
  }

  /** How many attempts have followed one that failed. */
  get restarts(): number {
    return this.#restarts;
  }

  onFailure(failure: JobFailure): void {
    this.#failures = [...this.#failures.slice(1 - NEWEST), failure];
  }

  /** What an attempt has counted that is followed by another, which counts on from there. */
  endAttempt(metrics: readonly VertexMetrics[], statistics: CheckpointStatistics | undefined): void {
    this.#metrics = continuedMetrics(this.#metrics, metrics);
    this.#statistics = endedStatistics(continuedStatistics(this.#statistics, statistics));
  }

  onRestart(): void {
    this.#restarts++;
  }

  /** The attempt behind the newest failure goes on from a checkpoint, or begins anew. */
  onRestored(restoredCheckpointId: number | null): void {
    const [newest] = this.#failures.slice(-1);
    if (newest !== undefined) this.#failures = [...this.#failures.slice(0, -1), { ...newest, restoredCheckpointId }];
  }

  metrics(now: readonly VertexMetrics[]): readonly VertexMetrics[] {
    return continuedMetrics(this.#metrics, now);
  }

  statistics(now: CheckpointStatistics | undefined): CheckpointStatistics | undefined {
    return continuedStatistics(this.#statistics, now);
  }
}
