import type { Engine, JobOptions, JobOutcome } from "../runtime/engine.ts";
import type { JobAttempt } from "../runtime/job-attempts.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { CheckpointedOptions } from "./checkpointed-runs.ts";
import { JobSavepoints } from "./job-savepoints.ts";
import type { PlannedStream } from "./planned-stream.ts";
import { RegionCheckpoints } from "./region-checkpoints.ts";
import { RegionRun } from "./region-run.ts";
import { RegionalStream } from "./regional-stream.ts";
import type { StreamJobHooks } from "./stream-job.ts";

export interface RegionRunsOptions {
  readonly planned: PlannedStream;
  readonly regions: readonly JobGraph[];
  /** Of the whole job: its memory is shared out. */
  readonly options: JobOptions;
  readonly checkpointed: CheckpointedOptions;
  readonly attempt: JobAttempt;
  /** Of the thread that coordinates. */
  readonly engine: Engine;
  readonly hooks: StreamJobHooks;
  /** A region has failed too often, and with it the job. */
  readonly onGivenUp: () => void;
}

/**
 * One attempt to run a job whose regions are started again by themselves. It fails as a whole where a region is started
 * no more, or where nobody knows which snapshot of it is the newest: the next attempt finds that out.
 */
export async function runRegions(given: RegionRunsOptions): Promise<JobOutcome[]> {
  const { planned, regions, attempt, engine, hooks, onGivenUp } = given;
  const { restore, storeCheckpoint: keep, commitWatch, onCancelled, ...checkpointed } = given.checkpointed;
  const take = (region: number): void => {
    const { control } = runs[region];
    if (control === undefined || control.checkpointStatistics.underWay !== undefined) return;
    // Where it fails, the region does, or takes another one in time.
    control.checkpoint().catch(() => undefined);
  };
  const checkpoints = new RegionCheckpoints({ regions, restore, keep, commitWatch, take });
  const failing = new AbortController();
  const signal = AbortSignal.any([hooks.signal, failing.signal]);
  let givenUp: Promise<boolean> | undefined;
  // Regions end, too, where another one fails.
  const giveUp = async (): Promise<boolean> => {
    if (onCancelled === undefined || !hooks.signal.aborted) return false;
    givenUp ??= checkpoints.giveUp(onCancelled);
    return givenUp;
  };
  const options: JobOptions = {
    ...given.options,
    ...checkpointed,
    programGraph: planned.graph,
    memoryJobs: regions.length,
    onCancelled: giveUp,
  };
  const runs = regions.map(
    (graph, region) =>
      new RegionRun({
        ...{ planned, region, graph, options, checkpoints, signal, hooks },
        onRunning: () => hooks.onRunning(stream),
        onProgress: () => hooks.onProgress(inOrder(runs.map(({ metrics }) => metrics))),
        onAttemptEnd: planned.onEnd,
      }),
  );
  let failure: { readonly thrown: unknown } | undefined;
  const fail = (thrown: unknown): void => {
    failure ??= { thrown };
    failing.abort(thrown);
  };
  const stream = new RegionalStream({ graph: planned.graph, runs, checkpoints, signal, fail });
  const onSavepoint = (): void => {
    attempt.onSavepoint();
    for (const run of runs) run.onSavepoint();
  };
  hooks.onSavepoints(new JobSavepoints(engine, planned, onSavepoint));
  const outcomes = await Promise.all(
    runs.map(async (run) => {
      try {
        return await run.run();
      } catch (thrown) {
        if (run.hasGivenUp) onGivenUp();
        fail(thrown);
        return undefined;
      }
    }),
  );
  if (failure !== undefined) throw failure.thrown;
  return outcomes.filter((outcome) => outcome !== undefined);
}

const inOrder = <T extends { readonly vertex: number }>(ofRegions: readonly (readonly T[])[]): T[] =>
  ofRegions.flat().sort((a, b) => a.vertex - b.vertex);
