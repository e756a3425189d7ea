import type { JobResult } from "../api/job-result.ts";
import type { Host } from "../core/host.ts";
import type { JobOptions, JobOutcome } from "../runtime/engine.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { RestartStrategySpec } from "../runtime/restart-strategy.ts";
import type { Checkpointing } from "./checkpointing.ts";
import type { RestoreOptions } from "./restore-options.ts";

/** A stream that is planned, and all it takes to run it. */
export interface PlannedStream
  extends Pick<JobOptions, "memoryBytes" | "batchRows" | "temporaryDirectory" | "program" | "signal"> {
  readonly host: Host;
  readonly jobName?: string;
  readonly graph: JobGraph;
  /** Worker threads, or 1 for none. */
  readonly threads: number;
  readonly checkpoints?: Checkpointing | undefined;
  /** What the caller gave to go on from. */
  readonly origin?: RestoreOptions | undefined;
  /** Absent: it fails with its first failure. */
  readonly restarts?: RestartStrategySpec | undefined;
  /** Its regions run, and are started again, each by itself. */
  readonly isRegional?: boolean;
  /** Of an attempt that has ended well, of each region where they ran by themselves: the result, with what functions have added up. */
  readonly resultOf: (outcomes: readonly JobOutcome[]) => JobResult;
  /** An attempt is over, whatever became of it. */
  readonly onEnd: (jobId: string) => void;
}
