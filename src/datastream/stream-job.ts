import type { JobResult } from "../api/job-result.ts";
import { checkedOptions } from "../api/options.ts";
import { asEngineError, assert, type EngineError, JobCancelledError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { CheckpointStatistics } from "../runtime/checkpoint-statistics.ts";
import type { AttemptWatch, JobFailure } from "../runtime/job-attempts.ts";
import { type VertexMetrics, withLags } from "../runtime/metrics.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import { jobNotRunning } from "../runtime/state-query.ts";
import { argumentInvalid, checkedName } from "./arguments.ts";
import { JobHistory } from "./job-history.ts";
import type { SavepointResult, StopOptions, TakesSavepoints } from "./savepoint-options.ts";
import { explainWatermarks, type WatermarkExplanation } from "./watermark-explanation.ts";

/** RESTARTING: an attempt has failed, and the next one does not run yet. */
export type JobStatus = "CREATED" | "RUNNING" | "RESTARTING" | "CANCELLING" | "CANCELED" | "FINISHED" | "FAILED";

/** A stream that runs in the background. */
export class StreamJob {
  /** As `execute` was given it. */
  readonly name: string | undefined;
  readonly #abort = new AbortController();
  readonly #nowMs: () => number;
  #status: JobStatus = "CREATED";
  #control: RunningStream | undefined;
  #metrics: readonly VertexMetrics[] = [];
  #latestCheckpoint: JobSnapshot | undefined;
  #savepoints: TakesSavepoints | undefined;
  #isStopped = false;
  #onRunning: (control: RunningStream) => void = () => undefined;
  /** The attempt that runs, or the next one. */
  #running!: Promise<RunningStream>;
  readonly #history = new JobHistory();
  readonly #result: Promise<JobResult>;

  /** @internal Streams are started by `executeAsync`. */
  constructor(run: (job: StreamJobHooks) => Promise<JobResult>, options: StreamJobOptions) {
    this.name = options.jobName;
    this.#nowMs = options.nowMs;
    this.#latestCheckpoint = options.restored;
    this.#awaitAttempt();
    this.#result = run({
      signal: this.#abort.signal,
      onRunning: (control) => {
        this.#control = control;
        if (this.#status === "CREATED" || this.#status === "RESTARTING") this.#status = "RUNNING";
        this.#onRunning(control);
      },
      onProgress: (metrics) => {
        this.#metrics = metrics;
      },
      onCheckpoint: (snapshot) => {
        this.#latestCheckpoint = snapshot;
      },
      onSavepoints: (savepoints) => {
        this.#savepoints = savepoints;
      },
      isStopped: () => this.#isStopped,
      onFailure: (failure) => this.#onFailure(failure),
      onRegionFailure: (failure, { metrics, statistics }) => {
        this.#named(failure.error);
        this.#history.onFailure(failure);
        this.#history.endAttempt(metrics, statistics);
      },
      onRegionRestart: () => this.#history.onRestart(),
      onRestart: () => this.#history.onRestart(),
      onRestored: (checkpointId) => this.#history.onRestored(checkpointId),
    }).then(
      (result) => {
        this.#status = "FINISHED";
        this.#metrics = result.metrics;
        return { ...result, metrics: this.#history.metrics(result.metrics) };
      },
      (thrown: unknown) => {
        this.#status = this.#status === "CANCELLING" ? "CANCELED" : "FAILED";
        throw this.#named(asEngineError(thrown));
      },
    );
    // Whoever wants to know of a failure asks for the result or the status.
    this.#result.catch(() => undefined);
  }

  get status(): JobStatus {
    return this.#status;
  }

  /**
   * The newest complete checkpoint of `enableCheckpointing`, the one that the job was restored from before the first, or
   * undefined. It stays when the job fails: `executeAsync({ restore: job.latestCheckpoint })` goes on from it.
   */
  get latestCheckpoint(): JobSnapshot | undefined {
    return this.#latestCheckpoint;
  }

  /**
   * How checkpoints have gone: how many were complete, how many failed and why, and what the one under way waits for.
   * Undefined before the job runs.
   */
  get checkpointStatistics(): CheckpointStatistics | undefined {
    return this.#history.statistics(this.#control?.checkpointStatistics);
  }

  /**
   * Counts per vertex and subtask as of a fraction of a second ago: rows and bytes, time spent busy, idle and waiting for
   * room, watermark and how far the clock is ahead of it, and what state takes. Counts go on when the job is restarted,
   * so that rows which are read again count again.
   */
  get metrics(): readonly VertexMetrics[] {
    return withLags(this.#history.metrics(this.#metrics), this.#nowMs());
  }

  /** How often the job, or a region of it, was started again after a failure: see `setRestartStrategy`. */
  get restarts(): number {
    return this.#history.restarts;
  }

  /** The newest failures, up to 16, oldest first: those that were restarted, and the one that ended the job. */
  get failures(): readonly JobFailure[] {
    return this.#history.failures;
  }

  /**
   * Resolves when the stream has ended.
   * @throws {JobCancelledError} after `cancel`; {EngineError} where it failed
   */
  result(): Promise<JobResult> {
    return this.#result;
  }

  /** Stops the job without waiting for its input to end; what sinks had not committed is removed. */
  async cancel(): Promise<void> {
    if (["CREATED", "RUNNING", "RESTARTING"].includes(this.#status)) this.#status = "CANCELLING";
    this.#abort.abort();
    await this.#result.catch((error: EngineError) => {
      if (!(error instanceof JobCancelledError)) throw error;
    });
  }

  /**
   * Takes the state of the whole job at one point of its streams, while it goes on. `executeAsync({ restore })` goes on
   * from there, also at another parallelism.
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends meanwhile
   */
  async snapshot(): Promise<JobSnapshot> {
    return (await this.#whileRunning()).checkpoint();
  }

  /**
   * Takes the state of the whole job at one point of its streams, while it goes on, and writes it to a directory of the
   * caller's: complete in itself, it may be copied and moved, and nothing of Millrace ever removes it.
   * `executeAsync({ restoreFrom: path })` goes on from there, also with a changed program, also several times. What sinks
   * in two phases had prepared is committed with it, as with a checkpoint. Where it fails, the job goes on, and what was
   * written is removed.
   * @param path - Of a directory that does not exist, or is empty.
   * @throws {PlanError} ARGUMENT_INVALID, SAVEPOINT_EXISTS, SAVEPOINT_IN_BATCH_MODE
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends meanwhile, CHECKPOINT_TIMEOUT, what the disk says
   */
  async savepoint(path: string): Promise<SavepointResult> {
    checkedName("savepoint", path);
    const running = await this.#whileRunning();
    return this.#takesSavepoints().take(running, path);
  }

  /**
   * Takes a savepoint and ends the job there: nothing is read or written behind it, and the job has FINISHED when this
   * resolves. Without `drain` nothing of the end of input happens: no window fires and no timer. Where the savepoint
   * fails, the job goes on; one that is drained fails then, since there is no way back.
   * @throws what `savepoint` throws, and what the job fails with
   */
  async stopWithSavepoint(path: string, options: StopOptions = {}): Promise<SavepointResult> {
    checkedName("stopWithSavepoint", path);
    const { drain = false } = checkedOptions("stopWithSavepoint", options, ["drain"]);
    if (typeof drain !== "boolean")
      throw argumentInvalid("stopWithSavepoint", drain, "Give drain: true, or leave it out.");
    const running = await this.#whileRunning();
    const taken = await this.#takesSavepoints().stop(running, path, drain);
    this.#isStopped = true;
    await this.#result;
    return taken;
  }

  #takesSavepoints(): TakesSavepoints {
    assert(this.#savepoints !== undefined, "a job that runs takes savepoints");
    return this.#savepoints;
  }

  /**
   * Why a window has not fired: per operator and input the watermark, whether it is ACTIVE, IDLE or FINISHED, which
   * input holds event time back and since when, and the windows and timers that wait.
   */
  async explainWatermarks(): Promise<WatermarkExplanation> {
    return explainWatermarks(await (await this.#whileRunning()).watermarks(), this.#nowMs());
  }

  /**
   * What a state of a process function, or the "reduced" of reduce, has for a key at this moment, between two of the
   * operator's calls: as plain values (a map as pairs), null where nothing. `uid` is that of the step, `name` that of the
   * state; of several key columns, `key` is the array of their values. Of a job module, the worker thread that has the key
   * answers between two steps, and is never held up. Windows and aggregates of the engine keep state without names, which
   * cannot be asked for.
   * @throws {PlanError} UID_UNKNOWN, STATE_UNKNOWN, STATE_NOT_QUERYABLE, STATE_NOT_SENDABLE, STATE_KEY_INVALID
   * @throws {ExternalError} JOB_NOT_RUNNING where it has ended, or ends before the answer
   */
  async queryState(uid: string, name: string, key: unknown): Promise<unknown> {
    const running = await this.#whileRunning();
    return running.queryState({ uid, name, key: Array.isArray(key) ? key : [key] });
  }

  /** A failed attempt can be asked nothing more; what comes now waits for the next one. */
  #onFailure(failure: JobFailure): void {
    this.#named(failure.error);
    this.#history.onFailure(failure);
    if (failure.restartDelayMs === undefined) return;
    this.#history.endAttempt(this.#metrics, this.#control?.checkpointStatistics);
    this.#control = undefined;
    this.#metrics = [];
    this.#awaitAttempt();
    if (this.#status !== "CANCELLING") this.#status = "RESTARTING";
  }

  #named(error: EngineError): EngineError {
    if (this.name !== undefined) error.jobName ??= this.name;
    return error;
  }

  #awaitAttempt(): void {
    this.#running = new Promise((resolve) => {
      this.#onRunning = resolve;
    });
  }

  /** The attempt that runs, or the next one where the job is being restarted. */
  async #whileRunning(): Promise<RunningStream> {
    const control = this.#control ?? (await Promise.race([this.#running, this.#result.then(() => undefined)]));
    if (control !== undefined) return control;
    throw jobNotRunning();
  }
}

/** What a handle knows from the beginning. */
export interface StreamJobOptions {
  readonly jobName?: string;
  readonly nowMs: () => number;
  /** What the job goes on from. */
  readonly restored?: JobSnapshot | undefined;
}

/** What an attempt had counted when it failed. */
export interface AttemptCounts {
  readonly metrics: readonly VertexMetrics[];
  readonly statistics: CheckpointStatistics | undefined;
}

/** How a running job tells its handle. */
export interface StreamJobHooks extends Required<AttemptWatch> {
  readonly signal: AbortSignal;
  readonly onRunning: (control: RunningStream) => void;
  /** A region of the job is to be started again, */
  readonly onRegionFailure: (failure: JobFailure, counts: AttemptCounts) => void;
  /** and is, while the others go on. */
  readonly onRegionRestart: () => void;
  readonly onProgress: (metrics: readonly VertexMetrics[]) => void;
  readonly onCheckpoint: (snapshot: JobSnapshot) => void;
  /** Before `onRunning`. */
  readonly onSavepoints: (savepoints: TakesSavepoints) => void;
  /** The savepoint with which it was to end is complete. */
  readonly isStopped: () => boolean;
}
