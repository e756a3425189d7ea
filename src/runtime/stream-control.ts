import { assert, type EngineError, ExternalError } from "../core/errors.ts";
import type { JobFragment } from "./job-fragment.ts";
import type { JobGraph } from "./job-graph.ts";
import type { VertexSnapshot } from "./messages.ts";
import type { RunningJob } from "./running-job.ts";
import { type JobSnapshot, joinSnapshots, type SubtaskSnapshot } from "./snapshots.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";
import type { WorkerHandle } from "./worker-handle.ts";

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: EngineError) => void;
}

interface PendingCheckpoint extends Pending<JobSnapshot> {
  readonly snapshots: Map<string, SubtaskSnapshot>;
}

interface PendingQuestion extends Pending<SubtaskWatermarks[]> {
  readonly answers: SubtaskWatermarks[];
  threadsLeft: number;
}

/** What the coordinating thread can ask of a running stream. */
export class StreamControl {
  readonly #job: string;
  readonly #graph: JobGraph;
  readonly #fragment: JobFragment;
  readonly #workers: readonly WorkerHandle[];
  readonly #subtaskCount: number;
  readonly #checkpoints = new Map<number, PendingCheckpoint>();
  readonly #questions = new Map<number, PendingQuestion>();
  /** From threads that have finished. */
  readonly #finals: VertexSnapshot[] = [];
  #lastCheckpoint = 0;
  #lastQuestion = 0;
  #hasEnded = false;

  constructor(job: string, graph: JobGraph, fragment: JobFragment, workers: readonly WorkerHandle[], run: RunningJob) {
    this.#job = job;
    this.#graph = graph;
    this.#fragment = fragment;
    this.#workers = workers;
    this.#subtaskCount = graph.vertices.reduce((sum, { parallelism }) => sum + parallelism, 0);
    fragment.onSnapshot = (checkpointId, vertex, snapshot) => this.#onSnapshot(checkpointId, vertex, snapshot);
    run.onStreamReport = (report) => {
      if (report.type === "snapshot") this.#onSnapshot(report.checkpointId, report.vertex, report.snapshot);
      else if (report.type === "answer") this.#onAnswer(report.question, report.watermarks);
      else this.#onThreadFinished(report.snapshots);
    };
  }

  /**
   * Sends a barrier from every source, and resolves with the state of the whole job as the barrier met it.
   * @throws {ExternalError} CHECKPOINT_ABORTED where the job ends before all of it was taken
   */
  checkpoint(): Promise<JobSnapshot> {
    const checkpointId = ++this.#lastCheckpoint;
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) {
        reject(aborted(checkpointId));
        return;
      }
      this.#checkpoints.set(checkpointId, { resolve, reject, snapshots: new Map() });
      for (const worker of this.#workers) {
        worker.send({ type: "checkpoint", job: this.#job, barrier: { checkpointId } });
      }
      for (const { vertex, snapshot } of this.#finals) this.#onSnapshot(checkpointId, vertex, snapshot);
      this.#fragment.triggerCheckpoint({ checkpointId });
    });
  }

  /** Event time per operator and input, of every subtask. */
  watermarks(): Promise<SubtaskWatermarks[]> {
    const local = this.#fragment.watermarks();
    if (this.#workers.length === 0 || this.#hasEnded) return Promise.resolve(local);
    const question = ++this.#lastQuestion;
    return new Promise((resolve, reject) => {
      this.#questions.set(question, { resolve, reject, answers: local, threadsLeft: this.#workers.length });
      for (const worker of this.#workers) worker.send({ type: "watermarks", job: this.#job, question });
    });
  }

  /** The job has ended: what is still asked gets no answer. */
  end(): void {
    this.#hasEnded = true;
    for (const [checkpointId, { reject }] of this.#checkpoints) reject(aborted(checkpointId));
    this.#checkpoints.clear();
    for (const { resolve, answers } of this.#questions.values()) resolve(answers);
    this.#questions.clear();
  }

  #onSnapshot(checkpointId: number, vertex: number, snapshot: SubtaskSnapshot): void {
    const pending = this.#checkpoints.get(checkpointId);
    if (pending === undefined) return;
    const subtask = `${vertex}:${snapshot.subtask}`;
    // A subtask that finishes behind its barrier answers once more: what the barrier met counts.
    if (pending.snapshots.has(subtask)) return;
    pending.snapshots.set(subtask, snapshot);
    if (pending.snapshots.size < this.#subtaskCount) return;
    this.#checkpoints.delete(checkpointId);
    const { stream } = this.#graph;
    assert(stream !== undefined, "only streams have checkpoints");
    pending.resolve(joinSnapshots(checkpointId, stream.maxParallelism, [...pending.snapshots.values()]));
    this.#fragment.completeCheckpoint(checkpointId);
    for (const worker of this.#workers) {
      worker.send({ type: "checkpointComplete", job: this.#job, checkpointId });
    }
  }

  /** A thread that has nothing left to run answers no longer. */
  #onThreadFinished(finals: readonly VertexSnapshot[]): void {
    this.#finals.push(...finals);
    for (const checkpointId of [...this.#checkpoints.keys()]) {
      for (const { vertex, snapshot } of finals) this.#onSnapshot(checkpointId, vertex, snapshot);
    }
  }

  #onAnswer(question: number, watermarks: readonly SubtaskWatermarks[]): void {
    const pending = this.#questions.get(question);
    if (pending === undefined) return;
    pending.answers.push(...watermarks);
    if (--pending.threadsLeft > 0) return;
    this.#questions.delete(question);
    pending.resolve(pending.answers);
  }
}

const aborted = (checkpointId: number) =>
  new ExternalError(
    "CHECKPOINT_ABORTED",
    true,
    `Checkpoint ${checkpointId} was not completed: the job had ended.`,
    "Take it while the job runs.",
  );
