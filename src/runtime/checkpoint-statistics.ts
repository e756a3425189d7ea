import type { EngineError } from "../core/errors.ts";
import { type JobSnapshot, tableBytes } from "../core/job-snapshot.ts";
import { isInFlightTable } from "./in-flight-tables.ts";

/** What a checkpoint waits for: its barriers on their way through the job, its store, or the sinks that commit. */
export type CheckpointPhase = "barriers" | "storing" | "committing";

/** How the checkpoints of a job have gone so far. Times are wall clock in epoch milliseconds. */
export interface CheckpointStatistics {
  /** Complete: stored, and what sinks had prepared for them committed. */
  readonly completed: number;
  /** Those that took too long, or could not be stored or committed. */
  readonly failed: number;
  /** Failures since the last complete one. */
  readonly failedInARow: number;
  readonly lastCompleted?: {
    readonly checkpointId: number;
    readonly endedAtMs: number;
    readonly durationMs: number;
    /** Until its barriers had passed the whole job. */
    readonly barriersMs: number;
    /** Of all state as it was given to `storeCheckpoint`, without compression. */
    readonly bytes: number;
    /** Among them, of rows that barriers overtook; 0 where all of them waited for what was before them. */
    readonly inFlightBytes: number;
  };
  readonly lastFailed?: {
    readonly checkpointId: number;
    readonly endedAtMs: number;
    readonly error: EngineError;
  };
  /** The one that has begun and not ended. */
  readonly underWay?: {
    readonly checkpointId: number;
    readonly startedAtMs: number;
    readonly phase: CheckpointPhase;
  };
}

/** Keeps the statistics of a job that takes one checkpoint after the other. */
export class CheckpointRecord {
  readonly #nowMs: () => number;
  #statistics: CheckpointStatistics = { completed: 0, failed: 0, failedInARow: 0 };
  /** Wall clock when the barriers of the checkpoint under way had passed. */
  #passedAtMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get statistics(): CheckpointStatistics {
    return this.#statistics;
  }

  start(checkpointId: number): void {
    this.#statistics = {
      ...this.#statistics,
      underWay: { checkpointId, startedAtMs: this.#nowMs(), phase: "barriers" },
    };
  }

  enter(phase: CheckpointPhase): void {
    const { underWay } = this.#statistics;
    if (phase === "storing") this.#passedAtMs = this.#nowMs();
    if (underWay !== undefined) this.#statistics = { ...this.#statistics, underWay: { ...underWay, phase } };
  }

  complete(snapshot: JobSnapshot): void {
    const { underWay, completed, ...rest } = this.#statistics;
    const endedAtMs = this.#nowMs();
    const startedAtMs = underWay?.startedAtMs ?? endedAtMs;
    const { checkpointId } = snapshot;
    this.#statistics = {
      ...rest,
      completed: completed + 1,
      failedInARow: 0,
      lastCompleted: {
        checkpointId,
        endedAtMs,
        durationMs: endedAtMs - startedAtMs,
        barriersMs: this.#passedAtMs - startedAtMs,
        bytes: snapshotBytes(snapshot, () => true),
        inFlightBytes: snapshotBytes(snapshot, isInFlightTable),
      },
    };
  }

  fail(checkpointId: number, error: EngineError): void {
    const { underWay: _, ...rest } = this.#statistics;
    this.#statistics = {
      ...rest,
      failed: rest.failed + 1,
      failedInARow: rest.failedInARow + 1,
      lastFailed: { checkpointId, endedAtMs: this.#nowMs(), error },
    };
  }

  /** The job has ended before it: neither complete nor failed. */
  drop(): void {
    const { underWay: _, ...rest } = this.#statistics;
    this.#statistics = rest;
  }
}

function snapshotBytes({ operators }: JobSnapshot, counts: (table: string) => boolean): number {
  let bytes = 0;
  for (const { tables } of Object.values(operators)) {
    for (const [name, table] of Object.entries(tables)) if (counts(name)) bytes += tableBytes(table);
  }
  return bytes;
}
