import { asEngineError, assert, type EngineError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { Workspace } from "../core/workspace.ts";
import { checkpointAborted, checkpointNotStored, checkpointTimedOut } from "./checkpoint-failures.ts";
import { CheckpointRecord, type CheckpointStatistics } from "./checkpoint-statistics.ts";
import { type CommitWatch, type StoreCheckpoint, storeUntil } from "./checkpoint-store.ts";
import type { JobFragment } from "./job-fragment.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";
import { JoinedSnapshots } from "./joined-snapshots.ts";
import type { Halt, VertexSnapshot } from "./messages.ts";
import { type CheckpointSettings, PeriodicCheckpoints } from "./periodic-checkpoints.ts";
import type { RunningJob } from "./running-job.ts";
import type { RunningStream } from "./running-stream.ts";
import type { SinkCommits } from "./sink-commits.ts";
import type { SubtaskSnapshot } from "./snapshots.ts";
import type { StateQuestion } from "./state-query.ts";
import { ThreadQuestions } from "./thread-questions.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";
import type { WorkerHandle } from "./worker-handle.ts";

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: EngineError) => void;
}

interface PendingCheckpoint extends Pending<JobSnapshot> {
  readonly cancelTimeout: () => void;
  readonly snapshots: Map<string, SubtaskSnapshot>;
  /** Aborted, with the reason, where nobody waits for it to be stored any longer. */
  readonly storing: AbortController;
  /** Where it is stored too, and what has to succeed for whoever asked for it. */
  readonly savepoint: StoreCheckpoint | undefined;
}

interface Taking {
  readonly savepoint?: StoreCheckpoint;
  /** Nothing is done behind its barriers. */
  readonly holds?: true;
  /** It may hold what has changed since an earlier one. */
  readonly builds?: true;
}

/** What is to be stored once the sources, which were ended, and all behind them have finished. */
interface Draining extends Pending<JobSnapshot> {
  readonly savepoint: StoreCheckpoint;
}

export interface StreamControlOptions {
  readonly job: string;
  readonly host: Host;
  readonly graph: JobGraph;
  readonly fragment: JobFragment;
  readonly workers: readonly WorkerHandle[];
  /** The planning thread's. */
  readonly workspace: Workspace;
  readonly threadOf: (vertex: JobVertex, subtask: number) => number;
  readonly run: RunningJob;
  readonly commits: SinkCommits;
  /** The checkpoint that the job was restored from; others count on from it. */
  readonly restored: number;
  /** Of those that are numbered together with others'; default: counted on from `restored`. */
  readonly nextCheckpointId?: () => number;
  /** Makes a checkpoint durable: it is complete when this has resolved. */
  readonly store?: StoreCheckpoint;
  /** It takes checkpoints of which tables are what has changed since an earlier one. */
  readonly storesChanges?: boolean;
  readonly commitWatch?: CommitWatch;
  readonly checkpoints?: CheckpointSettings;
}

/** What the coordinating thread can ask of a running stream. */
export class StreamControl implements RunningStream {
  readonly #job: string;
  readonly #graph: JobGraph;
  readonly #fragment: JobFragment;
  readonly #workers: readonly WorkerHandle[];
  readonly #subtaskCount: number;
  readonly #host: Host;
  readonly #run: RunningJob;
  readonly #commits: SinkCommits;
  readonly #store: StoreCheckpoint | undefined;
  readonly #storesChanges: boolean;
  readonly #joined: JoinedSnapshots;
  readonly #commitWatch: CommitWatch | undefined;
  /** From the trigger of a checkpoint until it is stored, where the caller says nothing else. */
  readonly #timeoutMs: number | undefined;
  readonly #record: CheckpointRecord;
  /** Of the checkpoint that is being stored. */
  #storing: AbortController | undefined;
  /** Checkpoints become complete one after the other. */
  #completing: Promise<void> = Promise.resolve();
  readonly #checkpoints = new Map<number, PendingCheckpoint>();
  readonly #periodic: PeriodicCheckpoints | undefined;
  /** The checkpoint that was asked for last, while it is under way. */
  #underWay: Promise<unknown> | undefined;
  readonly #questions: ThreadQuestions;
  /** From threads that have finished. */
  readonly #finals: VertexSnapshot[] = [];
  #lastCheckpoint: number;
  readonly #nextCheckpointId: () => number;
  #hasEnded = false;
  #hasStopped = false;
  #draining: Draining | undefined;

  constructor(options: StreamControlOptions) {
    const { job, host, graph, fragment, workers, run, commits, restored, store, checkpoints } = options;
    this.#job = job;
    this.#host = host;
    this.#run = run;
    this.#commits = commits;
    this.#store = store;
    this.#storesChanges = store !== undefined && options.storesChanges === true;
    this.#joined = new JoinedSnapshots(graph.stream?.maxParallelism ?? 0, this.#storesChanges);
    this.#commitWatch = options.commitWatch;
    this.#timeoutMs = checkpoints?.timeoutMs;
    this.#record = new CheckpointRecord(() => host.clock.nowMs());
    this.#lastCheckpoint = restored;
    this.#nextCheckpointId = options.nextCheckpointId ?? (() => this.#lastCheckpoint + 1);
    this.#graph = graph;
    this.#fragment = fragment;
    this.#workers = workers;
    this.#questions = new ThreadQuestions(options);
    this.#subtaskCount = graph.vertices.reduce((sum, { parallelism }) => sum + parallelism, 0);
    fragment.onSnapshot = (checkpointId, vertex, snapshot) => this.#onSnapshot(checkpointId, vertex, snapshot);
    run.onStreamReport = (report) => {
      if (report.type === "snapshot") this.#onSnapshot(report.checkpointId, report.vertex, report.snapshot);
      else if (report.type === "finished") this.#onThreadFinished(report.snapshots);
      else this.#questions.onAnswer(report);
    };
    if (checkpoints === undefined) return;
    const take = (timeoutMs: number) => this.#inTurn(() => this.#take(timeoutMs, { builds: true }));
    this.#periodic = new PeriodicCheckpoints(host, checkpoints, take, (error) => run.fail(error));
  }

  /**
   * Sends a barrier from every source, and resolves with the state of the whole job as the barrier met it, once it is
   * stored and what sinks had prepared for it is committed. Waits for the one before it.
   * @param timeoutMs - For its barriers and for storing it; default: that of periodic checkpoints, if there are any.
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends before all of it was taken, CHECKPOINT_TIMEOUT
   * @throws {EngineError} what storing it failed with, which the job survives, or what a commit did, which it does not
   */
  checkpoint(timeoutMs = this.#timeoutMs): Promise<JobSnapshot> {
    return this.#inTurn(() => this.#take(timeoutMs));
  }

  savepoint(store: StoreCheckpoint): Promise<JobSnapshot> {
    return this.#inTurn(() => this.#take(this.#timeoutMs, { savepoint: store }));
  }

  stop(store: StoreCheckpoint, drains: boolean): Promise<JobSnapshot> {
    return this.#inTurn(() => (drains ? this.#drain(store) : this.#suspend(store)));
  }

  /** One after the other. */
  #inTurn(take: () => Promise<JobSnapshot>): Promise<JobSnapshot> {
    const before = this.#underWay;
    const taken = before === undefined ? take() : before.then(take);
    const settled: Promise<void> = taken
      .catch(() => undefined)
      .then(() => {
        if (this.#underWay === settled) this.#underWay = undefined;
      });
    this.#underWay = settled;
    return taken;
  }

  get checkpointStatistics(): CheckpointStatistics {
    return this.#record.statistics;
  }

  /** See `ThreadQuestions.queryState`. */
  queryState(question: StateQuestion): Promise<unknown> {
    return this.#questions.queryState(question);
  }

  /** Everything stands still behind the barriers; what ends the job is that all of it is stored and committed. */
  async #suspend(savepoint: StoreCheckpoint): Promise<JobSnapshot> {
    try {
      const snapshot = await this.#take(this.#timeoutMs, { savepoint, holds: true });
      this.#host.crashPoint?.("savepoint.stopping");
      this.#hasStopped = true;
      this.#periodic?.stop();
      this.#halt("suspend");
      return snapshot;
    } catch (thrown) {
      this.#halt("release");
      throw thrown;
    }
  }

  /** From here on there is no way back: what fires has fired. */
  #drain(savepoint: StoreCheckpoint): Promise<JobSnapshot> {
    if (this.#hasEnded) return Promise.reject(checkpointAborted(this.#lastCheckpoint + 1));
    this.#periodic?.stop();
    return new Promise((resolve, reject) => {
      this.#draining = { savepoint, resolve, reject };
      // Ends of sources may overtake what is said to the next thread: all have to know, and an answer says that they do.
      this.#halt("expectDrain");
      this.watermarks()
        .then(() => this.#halt("drain"))
        .catch((thrown: unknown) => this.#run.fail(asEngineError(thrown)));
    });
  }

  #halt(how: Halt["how"]): void {
    if (this.#hasEnded) return;
    const halt = { how, checkpointId: this.#lastCheckpoint };
    for (const worker of this.#workers) worker.send({ type: "halt", job: this.#job, halt });
    this.#fragment.halt(halt);
  }

  #take(timeoutMs: number | undefined, { savepoint, holds, builds }: Taking = {}): Promise<JobSnapshot> {
    const checkpointId = this.#newCheckpointId();
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) {
        reject(checkpointAborted(checkpointId));
        return;
      }
      const storing = new AbortController();
      const giveUp = (): void => {
        // Its barriers go on through the job, and nobody waits for what they meet.
        if (this.#checkpoints.delete(checkpointId))
          this.#fail(checkpointId, checkpointTimedOut(checkpointId, timeoutMs), reject);
        else storing.abort(checkpointNotStored(checkpointId, timeoutMs));
      };
      const cancelTimeout = timeoutMs === undefined ? () => undefined : this.#host.scheduler.after(timeoutMs, giveUp);
      this.#record.start(checkpointId);
      this.#checkpoints.set(checkpointId, { resolve, reject, cancelTimeout, snapshots: new Map(), storing, savepoint });
      const since = builds === true && this.#storesChanges ? this.#joined.since : undefined;
      const { alignedTimeoutMs } = this.#graph.stream ?? {};
      const mayOvertake = alignedTimeoutMs !== undefined && savepoint === undefined;
      const barrier = {
        checkpointId,
        ...(holds === undefined ? {} : { holds }),
        ...(since === undefined ? {} : { since }),
        ...(mayOvertake ? { alignedUntilMs: this.#host.clock.nowMs() + alignedTimeoutMs } : {}),
      };
      for (const worker of this.#workers) worker.send({ type: "checkpoint", job: this.#job, barrier });
      for (const { vertex, snapshot } of this.#finals) this.#onSnapshot(checkpointId, vertex, snapshot);
      this.#fragment.triggerCheckpoint(barrier);
    });
  }

  /** Event time per operator and input, of every subtask. */
  watermarks(): Promise<SubtaskWatermarks[]> {
    return this.#questions.watermarks();
  }

  /**
   * All subtasks have finished: stores a last checkpoint, so that a job which dies while its output is committed can be
   * restored without giving any of it twice. One that was stopped has done that.
   */
  async finish(): Promise<void> {
    this.end();
    await this.settled();
    this.#run.throwFailure();
    const draining = this.#draining;
    if (this.#hasStopped || (this.#store === undefined && draining === undefined)) return;
    this.#host.crashPoint?.("checkpoint.ending");
    const { stream } = this.#graph;
    assert(stream !== undefined, "only streams have checkpoints");
    const subtasks = [...this.#fragment.finalSnapshots(), ...this.#finals].map(({ snapshot }) => snapshot);
    const snapshot = this.#joined.join(this.#newCheckpointId(), subtasks);
    this.#commits.announce(snapshot);
    // Who goes on from the savepoint goes on reading.
    if (draining !== undefined) await this.#storeLast(snapshot, draining.savepoint);
    this.#run.throwFailure();
    if (this.#store !== undefined) await this.#storeLast({ ...snapshot, isFinal: true }, this.#store);
    this.#host.crashPoint?.("checkpoint.final");
    draining?.resolve(snapshot);
  }

  async #storeLast(snapshot: JobSnapshot, store: StoreCheckpoint): Promise<void> {
    const { checkpointId } = snapshot;
    const storing = new AbortController();
    const giveUp = () => storing.abort(checkpointNotStored(checkpointId, this.#timeoutMs));
    const cancelTimeout =
      this.#timeoutMs === undefined ? () => undefined : this.#host.scheduler.after(this.#timeoutMs, giveUp);
    this.#storing = storing;
    this.#record.start(checkpointId);
    this.#record.enter("storing");
    try {
      await storeUntil(store, snapshot, storing.signal);
      await this.#commitWatch?.before(checkpointId);
      this.#record.complete(snapshot);
    } catch (thrown) {
      this.#record.fail(checkpointId, asEngineError(thrown));
      throw thrown;
    } finally {
      cancelTimeout();
    }
  }

  /** The job fails: nobody waits for a checkpoint that is being stored, whatever comes of it. */
  abandon(): void {
    this.end();
    this.#draining?.reject(this.#run.failure ?? checkpointAborted(this.#lastCheckpoint));
    this.#storing?.abort(checkpointAborted(this.#lastCheckpoint));
  }

  /** Resolves when no checkpoint is being stored or committed. */
  async settled(): Promise<void> {
    await this.#completing;
  }

  /** The job has ended: what is still asked gets no answer. */
  end(): void {
    this.#hasEnded = true;
    this.#periodic?.stop();
    for (const [checkpointId, { reject, cancelTimeout }] of this.#checkpoints) {
      cancelTimeout();
      this.#record.drop();
      reject(checkpointAborted(checkpointId));
    }
    this.#checkpoints.clear();
    this.#questions.end();
  }

  #onSnapshot(checkpointId: number, vertex: number, snapshot: SubtaskSnapshot): void {
    const pending = this.#checkpoints.get(checkpointId);
    if (pending === undefined) return;
    const subtask = `${vertex}:${snapshot.subtask}`;
    // A subtask that finishes behind its barrier answers once more: what the barrier met counts.
    if (pending.snapshots.has(subtask)) return;
    pending.snapshots.set(subtask, snapshot);
    this.#host.crashPoint?.("checkpoint.acknowledged");
    if (pending.snapshots.size < this.#subtaskCount) return;
    this.#checkpoints.delete(checkpointId);
    this.#completing = this.#completing.then(() => this.#joinAndComplete(checkpointId, pending));
  }

  /** Never rejects. */
  async #joinAndComplete(checkpointId: number, pending: PendingCheckpoint): Promise<void> {
    let snapshot: JobSnapshot;
    try {
      snapshot = this.#joined.join(checkpointId, [...pending.snapshots.values()]);
    } catch (thrown) {
      // What the next checkpoint would build on is unknown.
      const error = asEngineError(thrown);
      pending.cancelTimeout();
      this.#run.fail(error);
      this.#fail(checkpointId, error, pending.reject);
      return;
    }
    await this.#complete(snapshot, pending);
  }

  /** Stores a checkpoint, tells everybody that it is complete, and commits. Never rejects. */
  async #complete(
    snapshot: JobSnapshot,
    { resolve, reject, storing, cancelTimeout, savepoint }: PendingCheckpoint,
  ): Promise<void> {
    const { checkpointId } = snapshot;
    let savepointFailure: EngineError | undefined;
    this.#storing = storing;
    try {
      this.#host.crashPoint?.("checkpoint.taken");
      this.#commits.announce(snapshot);
      this.#record.enter("storing");
      if (this.#store !== undefined) await storeUntil(this.#store, snapshot, storing.signal);
      if (savepoint !== undefined) {
        this.#host.crashPoint?.("savepoint.storing");
        savepointFailure = await failureOf(storeUntil(savepoint, snapshot, storing.signal));
        // A job that keeps no other checkpoints has none then.
        if (savepointFailure !== undefined && this.#store === undefined) throw savepointFailure;
      }
      this.#joined.onComplete(checkpointId);
      this.#record.enter("committing");
    } catch (thrown) {
      const error = asEngineError(thrown);
      // Another run has taken over: whatever this one goes on with is for nothing.
      if (error.code === "CHECKPOINT_FENCED") this.#run.fail(error);
      this.#fail(checkpointId, error, reject);
      return;
    } finally {
      cancelTimeout();
      this.#storing = undefined;
    }
    try {
      this.#host.crashPoint?.("checkpoint.complete");
      // A job that has ended commits everything, or leaves it to the one that is restored.
      if (!this.#hasEnded) {
        this.#fragment.completeCheckpoint(checkpointId);
        for (const worker of this.#workers) {
          worker.send({ type: "checkpointComplete", job: this.#job, checkpointId });
        }
        if (this.#commitWatch !== undefined && this.#commits.hasNew(snapshot)) {
          await this.#commitWatch.before(checkpointId);
        }
        await this.#commits.commit(snapshot);
        this.#host.crashPoint?.("checkpoint.committed");
        await this.#commitWatch?.after(checkpointId);
      }
    } catch (thrown) {
      const error = asEngineError(thrown);
      this.#run.fail(error);
      this.#fail(checkpointId, error, reject);
      return;
    }
    this.#record.complete(snapshot);
    if (!this.#hasEnded) this.#fragment.commitCheckpoint(checkpointId);
    for (const worker of this.#hasEnded ? [] : this.#workers) {
      worker.send({ type: "checkpointCommitted", job: this.#job, checkpointId });
    }
    if (savepointFailure === undefined) resolve(snapshot);
    else reject(savepointFailure);
  }

  #newCheckpointId(): number {
    this.#lastCheckpoint = this.#nextCheckpointId();
    return this.#lastCheckpoint;
  }

  #fail(checkpointId: number, error: EngineError, reject: (error: EngineError) => void): void {
    if (error.code === "CHECKPOINT_ABORTED") this.#record.drop();
    else this.#record.fail(checkpointId, error);
    reject(error);
  }

  /** A thread that has nothing left to run answers no longer. */
  #onThreadFinished(finals: readonly VertexSnapshot[]): void {
    this.#finals.push(...finals);
    for (const checkpointId of [...this.#checkpoints.keys()]) {
      for (const { vertex, snapshot } of finals) this.#onSnapshot(checkpointId, vertex, snapshot);
    }
  }
}

const failureOf = (promise: Promise<unknown>): Promise<EngineError | undefined> =>
  promise.then(() => undefined, asEngineError);
