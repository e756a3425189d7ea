import { reviveError } from "../core/error-fields.ts";
import type { Workspace } from "../core/workspace.ts";
import type { JobFragment } from "./job-fragment.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";
import type { WorkerReport } from "./messages.ts";
import { isUnknown, jobNotRunning, placeOfState, type StateQuestion } from "./state-query.ts";
import type { SubtaskWatermarks } from "./watermark-report.ts";
import type { WorkerHandle } from "./worker-handle.ts";

interface Pending<T> {
  resolve(value: T): void;
  reject(thrown: unknown): void;
}

interface PendingWatermarks {
  resolve(answers: SubtaskWatermarks[]): void;
  readonly answers: SubtaskWatermarks[];
  threadsLeft: number;
}

export interface ThreadQuestionsOptions {
  readonly job: string;
  readonly graph: JobGraph;
  /** What runs on the thread that asks. */
  readonly fragment: JobFragment;
  readonly workers: readonly WorkerHandle[];
  readonly workspace: Workspace;
  readonly threadOf: (vertex: JobVertex, subtask: number) => number;
}

/** What the coordinating thread asks of those that run a stream: its event time, and the state of a key. */
export class ThreadQuestions {
  readonly #options: ThreadQuestionsOptions;
  readonly #watermarks = new Map<number, PendingWatermarks>();
  readonly #states = new Map<number, Pending<unknown>>();
  #last = 0;
  #hasEnded = false;

  constructor(options: ThreadQuestionsOptions) {
    this.#options = options;
  }

  /** Event time per operator and input, of every subtask; of those that still run, once the job has ended. */
  watermarks(): Promise<SubtaskWatermarks[]> {
    const { job, fragment, workers } = this.#options;
    const local = fragment.watermarks();
    if (workers.length === 0 || this.#hasEnded) return Promise.resolve(local);
    const question = ++this.#last;
    return new Promise((resolve) => {
      this.#watermarks.set(question, { resolve, answers: local, threadsLeft: workers.length });
      for (const worker of workers) worker.send({ type: "watermarks", job, question });
    });
  }

  /**
   * Asks the thread whose subtask owns the key. Where that one does not know the state, since no row has come there, the
   * others tell whether it exists.
   * @throws {ExternalError} JOB_NOT_RUNNING. @throws {PlanError} what `placeOfState` and `queryState` throw
   */
  async queryState(question: StateQuestion): Promise<unknown> {
    if (this.#hasEnded) throw jobNotRunning();
    const { graph, workspace, threadOf } = this.#options;
    const { vertex, owner } = placeOfState(graph, workspace, question);
    const threads = new Set<number>([threadOf(vertex, owner)]);
    for (let subtask = 0; subtask < vertex.parallelism; subtask++) threads.add(threadOf(vertex, subtask));
    let unknown: unknown;
    for (const thread of threads) {
      try {
        return await this.#askState(thread, question);
      } catch (thrown) {
        if (!isUnknown(thrown)) throw thrown;
        unknown ??= thrown;
      }
    }
    throw unknown;
  }

  onAnswer(report: Extract<WorkerReport, { readonly type: "answer" | "stateAnswer" }>): void {
    if (report.type === "answer") this.#onWatermarks(report.question, report.watermarks);
    else this.#onState(report);
  }

  /** The job has ended: what is still asked gets no answer. */
  end(): void {
    this.#hasEnded = true;
    for (const { resolve, answers } of this.#watermarks.values()) resolve(answers);
    this.#watermarks.clear();
    for (const { reject } of this.#states.values()) reject(jobNotRunning());
    this.#states.clear();
  }

  #askState(thread: number, asked: StateQuestion): unknown {
    const { job, fragment, workers } = this.#options;
    const worker = workers.find((each) => each.thread === thread);
    if (worker === undefined) return fragment.queryState(asked);
    if (this.#hasEnded) throw jobNotRunning();
    const question = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#states.set(question, { resolve, reject });
      worker.send({ type: "queryState", job, question, asked });
    });
  }

  #onWatermarks(question: number, watermarks: readonly SubtaskWatermarks[]): void {
    const pending = this.#watermarks.get(question);
    if (pending === undefined) return;
    pending.answers.push(...watermarks);
    if (--pending.threadsLeft > 0) return;
    this.#watermarks.delete(question);
    pending.resolve(pending.answers);
  }

  #onState({ question, answer }: Extract<WorkerReport, { readonly type: "stateAnswer" }>): void {
    const pending = this.#states.get(question);
    this.#states.delete(question);
    if ("error" in answer) pending?.reject(reviveError(answer.error));
    else pending?.resolve(answer.value);
  }
}
