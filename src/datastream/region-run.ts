import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { JobOptions, JobOutcome } from "../runtime/engine.ts";
import { type JobAttempt, type JobFailure, runAttempts } from "../runtime/job-attempts.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { VertexMetrics } from "../runtime/metrics.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import type { PlannedStream } from "./planned-stream.ts";
import type { RegionCheckpoints } from "./region-checkpoints.ts";
import { withEngine } from "./stream-engines.ts";
import type { StreamJobHooks } from "./stream-job.ts";

export interface RegionRunOptions {
  readonly planned: PlannedStream;
  readonly region: number;
  readonly graph: JobGraph;
  /** Of each attempt of the region. */
  readonly options: JobOptions;
  readonly checkpoints: RegionCheckpoints;
  /** Cancels the region, whatever becomes of the others. */
  readonly signal: AbortSignal;
  readonly hooks: Pick<StreamJobHooks, "isStopped" | "onRegionFailure" | "onRegionRestart">;
  /** It runs, for the first time or again, */
  readonly onRunning: () => void;
  /** or has counted on. */
  readonly onProgress: () => void;
  /** An attempt of it has failed, and what its functions have added up is of no use. */
  readonly onAttemptEnd: (jobId: string) => void;
}

/** Runs one region of a job, again and again where it fails, beside the others. */
export class RegionRun {
  readonly graph: JobGraph;
  readonly #options: RegionRunOptions;
  #metrics: readonly VertexMetrics[] = [];
  #attempt: JobAttempt | undefined;
  #control: RunningStream | undefined;
  /** A failure of it is one of the whole job: what it has stopped for, others have too. */
  isBound = false;
  #hasEnded = false;
  #outcome: JobOutcome | undefined;
  /** What its strategy was asked for behind the last failure. */
  #mayGoOn = true;
  #hasGivenUp = false;
  #onChange: () => void = () => undefined;
  #changed!: Promise<void>;

  constructor(options: RegionRunOptions) {
    this.#options = options;
    this.graph = options.graph;
    this.#awaitChange();
  }

  /** Of the attempt that runs. */
  get metrics(): readonly VertexMetrics[] {
    return this.#metrics;
  }

  /** The attempt that runs, or ran last. */
  get control(): RunningStream | undefined {
    return this.#control;
  }

  /** Its strategy starts it no more, and so the whole job. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** It runs no more, and is started no more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** It has come to its end. */
  get hasSucceeded(): boolean {
    return this.#outcome !== undefined;
  }

  /** The attempt that runs, or the next one; undefined where the region has ended. */
  async whenRunning(): Promise<RunningStream | undefined> {
    while (this.#control === undefined && !this.#hasEnded) await this.#changed;
    return this.#hasEnded ? undefined : this.#control;
  }

  /** Whether that attempt is the one with which the region has come to its end; once that is known. */
  async endsWell(attempt: RunningStream | undefined): Promise<boolean> {
    while (this.#control === attempt && !this.#hasEnded) await this.#changed;
    return this.hasSucceeded;
  }

  /** A savepoint is about to be taken. */
  onSavepoint(): void {
    this.#attempt?.onSavepoint();
  }

  async run(): Promise<JobOutcome> {
    const { planned, region, checkpoints, signal, hooks, onProgress } = this.#options;
    const { host, restarts: strategy = { kind: "none" } } = planned;
    const mayGoOn = (newest: JobSnapshot | undefined): boolean => {
      const isOver = hooks.isStopped() && newest?.isFinal !== true;
      this.#mayGoOn = !isOver && !this.isBound && !checkpoints.isUnsure(region);
      return this.#mayGoOn;
    };
    const onFailure = (failure: JobFailure): void => {
      if (failure.restartDelayMs === undefined) {
        this.#hasGivenUp = !signal.aborted && this.#mayGoOn;
        return;
      }
      const metrics = this.#metrics;
      const statistics = this.#control?.checkpointStatistics;
      this.#control = undefined;
      this.#metrics = [];
      this.#changeOver();
      hooks.onRegionFailure(this.#named(failure), { metrics, statistics });
      onProgress();
    };
    try {
      const watch = { onFailure, onRestart: hooks.onRegionRestart };
      this.#outcome = await runAttempts(
        { host, strategy, signal, restore: checkpoints.newestOf(region), mayGoOn, watch },
        (attempt) => this.#run(attempt),
      );
      return this.#outcome;
    } finally {
      this.#hasEnded = true;
      this.#changeOver();
    }
  }

  async #run(attempt: JobAttempt): Promise<JobOutcome> {
    const { planned, region, checkpoints, options, signal, onRunning, onProgress, onAttemptEnd } = this.#options;
    this.#attempt = attempt;
    const restore = await checkpoints.restoreOf(region);
    attempt.onRestored(restore);
    let jobId: string | undefined;
    const { failedAttempts: ofJob = [], ...rest } = options;
    const own: JobOptions = {
      ...rest,
      ...checkpoints.optionsOf(region, attempt.onCheckpoint),
      ...(restore === undefined ? {} : { restore }),
      signal,
      failedAttempts: [...ofJob, ...attempt.failedAttempts],
      onStart: (id) => {
        jobId = id;
        attempt.onStart(id);
        options.onStart?.(id);
      },
      onRunning: (control) => {
        attempt.onRunning();
        this.#control = control;
        this.#changeOver();
        onRunning();
        checkpoints.onRunning(region);
      },
      onProgress: (metrics) => {
        this.#metrics = metrics;
        onProgress();
      },
    };
    const isThreaded = planned.threads > 1 && this.graph.vertices.some(({ placement }) => placement === "workers");
    try {
      const outcome = await withEngine(planned.host, isThreaded ? planned.threads : 1, (engine) =>
        engine.run(this.graph, own),
      );
      this.#metrics = outcome.metrics;
      return outcome;
    } catch (thrown) {
      // What it goes on from is known when nothing of it is being stored any more.
      await checkpoints.settled(region);
      if (jobId !== undefined) onAttemptEnd(jobId);
      throw thrown;
    }
  }

  /** The failure with what it takes to tell which part of the job it was of. */
  #named(failure: JobFailure): JobFailure {
    const { region, checkpoints } = this.#options;
    return {
      ...failure,
      region: this.graph.vertices.map(({ name }) => name),
      restoredCheckpointId: checkpoints.newestOf(region)?.checkpointId ?? null,
    };
  }

  #awaitChange(): void {
    this.#changed = new Promise((resolve) => {
      this.#onChange = resolve;
    });
  }

  #changeOver(): void {
    const tell = this.#onChange;
    this.#awaitChange();
    tell();
  }
}
