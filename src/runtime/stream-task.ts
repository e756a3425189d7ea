import type { SnapshotWriter } from "../core/state-snapshot.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import type { TimeRequests } from "./time-requests.ts";

/** "starved" waits for input or something outside, "backpressured" for room in an output or a sink. */
export type StepResult = "progress" | "starved" | "backpressured" | "finished";

/** What a subtask of a stream has beside one of a batch job. */
export interface StreamTask {
  readonly requests: TimeRequests;
  readonly workspace: Workspace;
  nowMs(): number;
  /** A barrier passes that has not waited for what is before it. */
  onOvertaking(): void;
  /** All state up to the barrier, which is then sent on. */
  onBarrier(barrier: Barrier, snapshot: (writerOf: (part: SnapshotPart) => SnapshotWriter) => void): void;
}

/** The splits of the source or what is in flight, or the uid of an operator or sink. */
export type SnapshotPart = "input" | (string & {});
