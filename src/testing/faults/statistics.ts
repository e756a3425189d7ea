import type { RunRecord } from "./faulted-run.ts";

/** How a check went that has found nothing. */
export interface FaultReport {
  readonly runs: number;
  /** In how many runs the job was started anew, and how many times in all. */
  readonly restartedRuns: number;
  readonly restarts: number;
  /** How often faults struck at each event, and in how many runs each event happened at all. */
  readonly struck: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  /** Runs that gave up, rightly, on a checkpoint that had rotted. */
  readonly refusedRuns: number;
  /** Simulated events, of all runs. */
  readonly events: number;
}

/** What the runs of a search have met. */
export class SearchStatistics {
  runs = 0;
  #restartedRuns = 0;
  #restarts = 0;
  #refusedRuns = 0;
  #events = 0;
  readonly #struck = new Map<string, number>();
  readonly #reached = new Map<string, number>();

  add({ simulation, attempts, isComplete }: RunRecord): void {
    this.runs++;
    this.#restarts += attempts.length - 1;
    if (attempts.length > 1) this.#restartedRuns++;
    if (!isComplete) this.#refusedRuns++;
    this.#events += simulation.eventCount;
    for (const { label } of simulation.struck) this.#struck.set(label, (this.#struck.get(label) ?? 0) + 1);
    for (const label of simulation.hits.keys()) this.#reached.set(label, (this.#reached.get(label) ?? 0) + 1);
  }

  report(): FaultReport {
    return {
      runs: this.runs,
      restartedRuns: this.#restartedRuns,
      restarts: this.#restarts,
      refusedRuns: this.#refusedRuns,
      events: this.#events,
      struck: Object.fromEntries(this.#struck),
      reached: Object.fromEntries(this.#reached),
    };
  }
}
