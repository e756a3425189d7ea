import type { JobSnapshot } from "./snapshots.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";

/** What can be asked of a stream while it runs. */
export interface RunningStream {
  /**
   * Sends a barrier from every source, and resolves with the state of the whole job as the barrier met it.
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends before all of it was taken
   */
  checkpoint(): Promise<JobSnapshot>;
  /** Event time per operator and input, of every subtask. */
  watermarks(): Promise<SubtaskWatermarks[]>;
}
