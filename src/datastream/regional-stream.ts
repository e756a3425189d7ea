import { asEngineError, type EngineError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { CheckpointStatistics } from "../runtime/checkpoint-statistics.ts";
import { type StoreCheckpoint, storeUntil } from "../runtime/checkpoint-store.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import { jobNotRunning, type StateQuestion, vertexOf } from "../runtime/state-query.ts";
import type { SubtaskWatermarks } from "../runtime/watermark-report.ts";
import type { RegionCheckpoints } from "./region-checkpoints.ts";
import type { RegionRun } from "./region-run.ts";

export interface RegionalStreamOptions {
  readonly host: Pick<Host, "crashPoint">;
  /** Of the whole job. */
  readonly graph: JobGraph;
  readonly runs: readonly RegionRun[];
  readonly checkpoints: RegionCheckpoints;
  /** The job is cancelled, or fails as a whole. */
  readonly signal: AbortSignal;
}

/** The regions of a job as one stream. What is asked of one that is being started again waits for that. */
export class RegionalStream implements RunningStream {
  readonly #host: Pick<Host, "crashPoint">;
  readonly #graph: JobGraph;
  readonly #runs: readonly RegionRun[];
  readonly #checkpoints: RegionCheckpoints;
  readonly #signal: AbortSignal;

  constructor({ host, graph, runs, checkpoints, signal }: RegionalStreamOptions) {
    this.#host = host;
    this.#graph = graph;
    this.#runs = runs;
    this.#checkpoints = checkpoints;
    this.#signal = signal;
  }

  async checkpoint(timeoutMs?: number): Promise<JobSnapshot> {
    await this.#ofEach({ ask: (running) => running.checkpoint(timeoutMs) });
    return this.#checkpoints.whole();
  }

  async savepoint(store: StoreCheckpoint): Promise<JobSnapshot> {
    const snapshot = await this.checkpoint();
    this.#host.crashPoint?.("savepoint.storing");
    await storeUntil(store, snapshot, this.#signal);
    return snapshot;
  }

  /** Each region stands still, or has drained, until all have: they go on together where one of them fails. */
  async stop(store: StoreCheckpoint, drains: boolean): Promise<JobSnapshot> {
    const parts = new Map<number, JobSnapshot>();
    let stopped: JobSnapshot | undefined;
    let resolve: () => void = () => undefined;
    let reject: (error: EngineError) => void = () => undefined;
    const allStored = new Promise<void>((onStored, onFailure) => {
      resolve = onStored;
      reject = onFailure;
    });
    allStored.catch(() => undefined);
    const storeAll = (): void => {
      if (parts.size < this.#runs.length || stopped !== undefined) return;
      stopped = this.#checkpoints.whole(this.#runs.map((_, region) => parts.get(region)));
      storeUntil(store, stopped, this.#signal).then(resolve, (thrown: unknown) => reject(asEngineError(thrown)));
    };
    await this.#ofEach({
      ask: (running, region) => {
        const storePart: StoreCheckpoint = async (part, { signal }) => {
          parts.set(region, part);
          storeAll();
          await storeUntil(() => allStored, part, signal);
        };
        return running.stop(storePart, drains);
      },
      onEnded: (region) => {
        const part = this.#checkpoints.newestOf(region);
        if (part !== undefined) parts.set(region, part);
        storeAll();
      },
      onFailure: reject,
    });
    await allStored;
    return stopped ?? this.#checkpoints.whole();
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

  /** Asks all regions that run, or are about to; `onEnded` hears of those that have ended before, or end meanwhile. */
  async #ofEach({
    ask,
    onEnded = () => undefined,
    onFailure = () => undefined,
  }: {
    readonly ask: (running: RunningStream, region: number) => Promise<unknown>;
    readonly onEnded?: (region: number) => void;
    readonly onFailure?: (error: EngineError) => void;
  }): Promise<void> {
    const asked = this.#runs.map(async (run, region) => {
      const running = await run.whenRunning();
      try {
        if (running !== undefined) {
          await ask(running, region);
          return;
        }
      } catch (thrown) {
        const error = asEngineError(thrown);
        // A region that comes to its end leaves its last snapshot instead.
        if (error.code !== "CHECKPOINT_ABORTED" || !(await run.endsWell(running))) {
          onFailure(error);
          throw error;
        }
      }
      onEnded(region);
    });
    const outcomes = await Promise.allSettled(asked);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
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
