import type { RunningStream } from "../runtime/running-stream.ts";

/** A savepoint that was taken. */
export interface SavepointResult {
  readonly path: string;
  /** Of all files of state. */
  readonly stateBytes: number;
  /** Its number among the checkpoints of the job. */
  readonly checkpointId: number;
}

export interface StopOptions {
  /**
   * Ends the input where it is: event time goes to its end, windows and timers fire, and the savepoint holds what is left
   * behind that. For jobs that are not to go on. Default false: nothing fires, and who goes on from the savepoint
   * continues as if there had been no stop.
   */
  readonly drain?: boolean;
}

/** How a job that runs has its savepoints taken. */
export interface TakesSavepoints {
  take(running: RunningStream, path: string): Promise<SavepointResult>;
  /** Resolves before the job has ended. */
  stop(running: RunningStream, path: string, drains: boolean): Promise<SavepointResult>;
}
