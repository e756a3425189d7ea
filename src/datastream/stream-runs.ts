import type { JobResult } from "../api/job-result.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { Engine, JobOptions } from "../runtime/engine.ts";
import { type JobAttempt, type JobFailure, runAttempts } from "../runtime/job-attempts.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { RestartStrategySpec } from "../runtime/restart-strategy.ts";
import { OwnAttempts } from "../state/checkpoints/own-attempts.ts";
import { runCheckpointed } from "./checkpointed-runs.ts";
import type { Checkpointing } from "./checkpointing.ts";
import { JobSavepoints } from "./job-savepoints.ts";
import { tellOfRestart } from "./restart-notice.ts";
import type { RestoreOptions } from "./restore-options.ts";
import { withEngine } from "./stream-engines.ts";
import type { StreamJobHooks } from "./stream-job.ts";

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
  /** Of an attempt that has ended well: its result with what functions have added up. */
  readonly resultOf: (outcome: Awaited<ReturnType<Engine["run"]>>) => JobResult;
  /** An attempt is over, whatever became of it. */
  readonly onEnd: (jobId: string) => void;
}

/** Runs a stream until it ends or fails for good. Each attempt has an engine of its own, which is closed where it fails. */
export function runStream(planned: PlannedStream, hooks: StreamJobHooks): Promise<JobResult> {
  const { host, origin = {}, restarts: strategy = { kind: "none" } } = planned;
  const { restore } = origin;
  const signal = planned.signal === undefined ? hooks.signal : AbortSignal.any([hooks.signal, planned.signal]);
  const ownAttempts = new OwnAttempts();
  const watch = {
    ...hooks,
    onFailure: (failure: JobFailure) => {
      hooks.onFailure(failure);
      tellOfRestart(host, failure, planned.jobName);
    },
  };
  // A job that was stopped goes on no more, but for what is left to be committed.
  const mayGoOn = (newest: JobSnapshot | undefined) => !hooks.isStopped() || newest?.isFinal === true;
  return runAttempts({ host, strategy, signal, restore, mayGoOn, watch }, (attempt) =>
    runAttempt(planned, attempt, ownAttempts, { ...hooks, signal }),
  );
}

async function runAttempt(
  planned: PlannedStream,
  attempt: JobAttempt,
  ownAttempts: OwnAttempts,
  hooks: StreamJobHooks,
): Promise<JobResult> {
  const { host, graph, threads, checkpoints, program, memoryBytes, batchRows, temporaryDirectory } = planned;
  const { restore, failedAttempts, onRestored } = attempt;
  const { allowNonRestoredState = false, renamedState = {} } = planned.origin ?? {};
  // What is restored from memory has its new names. In a directory it may still be the checkpoint of before.
  const names = checkpoints?.kept === undefined ? {} : { renamedState };
  const origin = restore === undefined ? (planned.origin ?? {}) : { restore, allowNonRestoredState, ...names };
  let jobId: string | undefined;
  const onCheckpoint = (snapshot: JobSnapshot): void => {
    attempt.onCheckpoint(snapshot);
    hooks.onCheckpoint(snapshot);
  };
  const options: JobOptions = {
    ...{ memoryBytes, batchRows, failedAttempts, signal: hooks.signal, onProgress: hooks.onProgress },
    ...(program === undefined ? {} : { program }),
    ...(temporaryDirectory === undefined ? {} : { temporaryDirectory }),
    onStart: (id) => {
      jobId = id;
      attempt.onStart(id);
    },
    onRunning: (control) => {
      attempt.onRunning();
      hooks.onRunning(control);
    },
  };
  try {
    const outcome = await withEngine(host, threads, (engine) => {
      hooks.onSavepoints(new JobSavepoints(engine, planned, attempt.onSavepoint));
      return runCheckpointed(
        { engine, host, graph, checkpoints, origin, ownAttempts, onRestored, onCheckpoint },
        (checkpointed) => engine.run(graph, { ...options, ...checkpointed }),
      );
    });
    return planned.resultOf(outcome);
  } finally {
    if (jobId !== undefined) planned.onEnd(jobId);
  }
}
