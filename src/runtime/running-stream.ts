import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { CheckpointStatistics } from "./checkpoint-statistics.ts";
import type { StoreCheckpoint } from "./checkpoint-store.ts";
import type { StateQuestion } from "./state-query.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";

/** What can be asked of a stream while it runs. */
export interface RunningStream {
  /**
   * Sends a barrier from every source, and resolves with the state of the whole job as the barrier met it. One after the
   * other: it waits for an earlier one.
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends before all of it was taken, CHECKPOINT_TIMEOUT where
   * that and storing it take longer than `timeoutMs`
   */
  checkpoint(timeoutMs?: number): Promise<JobSnapshot>;
  /**
   * A checkpoint that is stored as any other of the job, and here too. Where that fails, the job goes on.
   * @throws what `checkpoint` throws, and what `store` fails with
   */
  savepoint(store: StoreCheckpoint): Promise<JobSnapshot>;
  /**
   * The same, and the job ends: with `drains`, sources end as if that were the end of their input, and what is stored is
   * what is left then; else everything stands still behind the barriers, and goes on only where storing fails. Resolves
   * before the job has ended.
   */
  stop(store: StoreCheckpoint, drains: boolean): Promise<JobSnapshot>;
  /** How checkpoints have gone so far; also once the job has ended. */
  readonly checkpointStatistics: CheckpointStatistics;
  /** Event time per operator and input, of every subtask. */
  watermarks(): Promise<SubtaskWatermarks[]>;
  /** @throws {ExternalError} JOB_NOT_RUNNING, and what `placeOfState` and `queryState` throw */
  queryState(question: StateQuestion): Promise<unknown>;
}
