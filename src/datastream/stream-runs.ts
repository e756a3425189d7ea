import type { JobResult } from "../api/job-result.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { JobOptions } from "../runtime/engine.ts";
import { type JobAttempt, type JobFailure, runAttempts } from "../runtime/job-attempts.ts";
import { SPILL_PREFIX } from "../runtime/job-fragment.ts";
import { regionsOf } from "../runtime/regions.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import { OwnAttempts } from "../state/checkpoints/own-attempts.ts";
import { runCheckpointed } from "./checkpointed-runs.ts";
import { JobSavepoints } from "./job-savepoints.ts";
import type { PlannedStream } from "./planned-stream.ts";
import { runRegions } from "./region-runs.ts";
import { tellOfRestart } from "./restart-notice.ts";
import { withEngine } from "./stream-engines.ts";
import type { AttemptCounts, StreamJobHooks } from "./stream-job.ts";

/** Runs a stream until it ends or fails for good. Each attempt has an engine of its own, which is closed where it fails. */
export function runStream(planned: PlannedStream, hooks: StreamJobHooks): Promise<JobResult> {
  const { host, origin = {}, restarts: strategy = { kind: "none" } } = planned;
  const { restore } = origin;
  const signal = planned.signal === undefined ? hooks.signal : AbortSignal.any([hooks.signal, planned.signal]);
  const ownAttempts = new OwnAttempts();
  const tellOf = (failure: JobFailure): void => tellOfRestart(host, failure, planned.jobName);
  const watch = {
    ...hooks,
    onFailure: (failure: JobFailure) => {
      hooks.onFailure(failure);
      tellOf(failure);
    },
    onRegionFailure: (failure: JobFailure, counts: AttemptCounts) => {
      hooks.onRegionFailure(failure, counts);
      tellOf(failure);
    },
  };
  let hasGivenUp = false;
  // A job that was stopped goes on no more, but for what is left to be committed.
  const mayGoOn = (newest: JobSnapshot | undefined) => !hasGivenUp && (!hooks.isStopped() || newest?.isFinal === true);
  const onGivenUp = () => {
    hasGivenUp = true;
  };
  return runAttempts({ host, strategy, signal, restore, mayGoOn, watch }, (attempt) =>
    runAttempt(planned, attempt, ownAttempts, { ...watch, signal }, onGivenUp),
  );
}

async function runAttempt(
  planned: PlannedStream,
  attempt: JobAttempt,
  ownAttempts: OwnAttempts,
  hooks: StreamJobHooks,
  onGivenUp: () => void,
): Promise<JobResult> {
  const { host, graph, threads, checkpoints, program, memoryBytes, batchRows, temporaryDirectory } = planned;
  const { restore, failedAttempts, onRestored } = attempt;
  const { allowNonRestoredState = false, renamedState = {} } = planned.origin ?? {};
  // What is restored from memory has its new names. In a directory it may still be the checkpoint of before.
  const names = checkpoints?.kept === undefined ? {} : { renamedState };
  const origin = restore === undefined ? (planned.origin ?? {}) : { restore, allowNonRestoredState, ...names };
  const regions = planned.isRegional === true ? regionsOf(graph) : [graph];
  const isRegional = regions.length > 1;
  const jobIds: string[] = [];
  const onCheckpoint = (snapshot: JobSnapshot): void => {
    attempt.onCheckpoint(snapshot);
    hooks.onCheckpoint(snapshot);
  };
  const options: JobOptions = {
    ...{ memoryBytes, batchRows, failedAttempts, signal: hooks.signal },
    ...(program === undefined ? {} : { program }),
    ...(temporaryDirectory === undefined ? {} : { temporaryDirectory }),
    onStart: (id) => {
      jobIds.push(id);
      attempt.onStart(id);
    },
  };
  const onRunning = (control: RunningStream): void => {
    attempt.onRunning();
    hooks.onRunning(control);
  };
  try {
    // Also where the job turns out to be over. Elsewhere engines see to it when they start.
    if (temporaryDirectory !== undefined) host.files.removeAbandonedDirectories(SPILL_PREFIX, temporaryDirectory);
    // Regions have engines of their own: this one only reads and checks what they go on from.
    const outcomes = await withEngine(host, isRegional ? 1 : threads, (engine) =>
      runCheckpointed(
        { engine, host, graph, checkpoints, origin, ownAttempts, onRestored, onCheckpoint },
        async (checkpointed) => {
          if (isRegional) {
            const whole = { planned, regions, options, checkpointed, attempt, engine };
            return runRegions({ ...whole, hooks: { ...hooks, onRunning }, onGivenUp });
          }
          hooks.onSavepoints(new JobSavepoints(engine, planned, attempt.onSavepoint));
          const { onProgress } = hooks;
          return [await engine.run(graph, { ...options, onProgress, onRunning, ...checkpointed })];
        },
      ),
    );
    return planned.resultOf(outcomes);
  } finally {
    for (const jobId of jobIds) planned.onEnd(jobId);
  }
}
