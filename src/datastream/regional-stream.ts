import { asEngineError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { checkpointAborted } from "../runtime/checkpoint-failures.ts";
import type { CheckpointStatistics } from "../runtime/checkpoint-statistics.ts";
import type { StoreCheckpoint } from "../runtime/checkpoint-store.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import { jobNotRunning, type StateQuestion, vertexOf } from "../runtime/state-query.ts";
import type { SubtaskWatermarks } from "../runtime/watermark-report.ts";
import { JointSavepoint, type JointSavepointOptions } from "./joint-savepoint.ts";
import type { RegionCheckpoints } from "./region-checkpoints.ts";
import type { RegionRun } from "./region-run.ts";

export interface RegionalStreamOptions {
  /** Of the whole job. */
  readonly graph: JobGraph;
  readonly runs: readonly RegionRun[];
  readonly checkpoints: RegionCheckpoints;
  /** The job is cancelled, or fails as a whole. */
  readonly signal: AbortSignal;
  /** Fails it as a whole. */
  readonly fail: (thrown: unknown) => void;
}

/** The regions of a job as one stream. What is asked of one that is being started again waits for that. */
export class RegionalStream implements RunningStream {
  readonly #graph: JobGraph;
  readonly #runs: readonly RegionRun[];
  readonly #checkpoints: RegionCheckpoints;
  readonly #signal: AbortSignal;
  readonly #fail: (thrown: unknown) => void;
  #areBound = false;

  constructor({ graph, runs, checkpoints, signal, fail }: RegionalStreamOptions) {
    this.#graph = graph;
    this.#runs = runs;
    this.#checkpoints = checkpoints;
    this.#signal = signal;
    this.#fail = fail;
  }

  async checkpoint(timeoutMs?: number): Promise<JobSnapshot> {
    return this.#checkpoints.whole(await this.#ofEach((running) => running.checkpoint(timeoutMs)));
  }

  /** Each region waits until all of them are stored: what its sinks have prepared is committed only then. */
  async savepoint(store: StoreCheckpoint): Promise<JobSnapshot> {
    const savepoint = this.#jointSavepoint(store, {});
    await this.#ofEach((running, region) => running.savepoint(savepoint.storePartOf(region)), savepoint);
    return savepoint.stored();
  }

  /**
   * Each region stands still, or has drained, until all have: they go on where one of them fails before. From then on they
   * belong together: none stops where another one would go on.
   */
  async stop(store: StoreCheckpoint, drains: boolean): Promise<JobSnapshot> {
    const savepoint = this.#jointSavepoint(store, {
      onStoring: () => this.#bind(true, drains),
      onFailed: () => this.#bind(false, false),
    });
    try {
      await this.#ofEach((running, region) => running.stop(savepoint.storePartOf(region), drains), savepoint);
    } catch (thrown) {
      if (this.#areBound) this.#fail(thrown);
      throw thrown;
    }
    return savepoint.stored();
  }

  get checkpointStatistics(): CheckpointStatistics {
    return this.#runs.flatMap(({ control }) => control?.checkpointStatistics ?? []).reduce(together, NONE);
  }

  async watermarks(): Promise<SubtaskWatermarks[]> {
    const ofRegions = await Promise.all(this.#runs.map(({ control }) => control?.watermarks() ?? []));
    return ofRegions.flat();
  }

  async queryState(question: StateQuestion): Promise<unknown> {
    const { id } = vertexOf(this.#graph, question.uid);
    const run = this.#runs.find(({ graph }) => graph.vertices.some((vertex) => vertex.id === id));
    const running = await run?.whenRunning();
    if (running === undefined) throw jobNotRunning();
    return running.queryState(question);
  }

  #jointSavepoint(
    store: StoreCheckpoint,
    hooks: Pick<JointSavepointOptions, "onStoring" | "onFailed">,
  ): JointSavepoint {
    const whole = (parts: readonly JobSnapshot[]) => this.#checkpoints.whole(parts);
    return new JointSavepoint({ regions: this.#runs.length, whole, store, signal: this.#signal, ...hooks });
  }

  #bind(areBound: boolean, areDrained: boolean): void {
    this.#areBound = areBound;
    for (const run of this.#runs) run.isBound = areBound;
    this.#checkpoints.endsAtOnce = areDrained;
  }

  /**
   * Asks all regions that run, or are about to, for their parts. Those that have ended before, or end meanwhile, have left
   * theirs. Settles when all have answered.
   */
  async #ofEach(
    ask: (running: RunningStream, region: number) => Promise<JobSnapshot>,
    savepoint?: JointSavepoint,
  ): Promise<JobSnapshot[]> {
    if (this.#runs.every(({ hasEnded }) => hasEnded)) throw checkpointAborted();
    const asked = this.#runs.map(async (run, region) => {
      const running = await run.whenRunning();
      try {
        return running === undefined ? this.#lastOf(region, savepoint) : await ask(running, region);
      } catch (thrown) {
        const error = asEngineError(thrown);
        if (error.code === "CHECKPOINT_ABORTED" && (await run.endsWell(running)))
          return this.#lastOf(region, savepoint);
        savepoint?.fail(error);
        throw error;
      }
    });
    const answers = await Promise.allSettled(asked);
    return answers.map((answer) => {
      if (answer.status === "rejected") throw answer.reason;
      return answer.value;
    });
  }

  /** What a region that has come to its end has left. */
  #lastOf(region: number, savepoint: JointSavepoint | undefined): JobSnapshot {
    const last = this.#runs[region].hasSucceeded ? this.#checkpoints.newestOf(region) : undefined;
    if (last === undefined) throw checkpointAborted();
    savepoint?.add(region, last);
    return last;
  }
}

const NONE: CheckpointStatistics = { completed: 0, failed: 0, failedInARow: 0 };

/** Of several regions: counts of all, and of the rest the newest. */
function together(a: CheckpointStatistics, b: CheckpointStatistics): CheckpointStatistics {
  const lastCompleted = newer(a.lastCompleted, b.lastCompleted);
  const lastFailed = newer(a.lastFailed, b.lastFailed);
  const underWay = a.underWay ?? b.underWay;
  return {
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    failedInARow: Math.max(a.failedInARow, b.failedInARow),
    ...(lastCompleted === undefined ? {} : { lastCompleted }),
    ...(lastFailed === undefined ? {} : { lastFailed }),
    ...(underWay === undefined ? {} : { underWay }),
  };
}

function newer<T extends { readonly endedAtMs: number }>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.endedAtMs >= b.endedAtMs ? a : b;
}
