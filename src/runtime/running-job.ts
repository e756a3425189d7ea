import { reviveError } from "../core/error-fields.ts";
import { asEngineError, type EngineError, JobCancelledError } from "../core/errors.ts";
import { PLANNER_THREAD, type WorkerReport } from "./messages.ts";
import type { VertexMetrics } from "./metrics.ts";
import { mergeMetrics } from "./metrics.ts";
import type { WorkerHandle } from "./worker-handle.ts";

/** What a running job needs of the options it was started with. */
export interface JobWatch {
  readonly signal?: AbortSignal;
  /** Called a few times a second with the counts of all threads so far. */
  readonly onProgress?: (metrics: readonly VertexMetrics[]) => void;
}

export type ReportOf<T extends WorkerReport["type"]> = Extract<WorkerReport, { type: T }>;

type StreamReport = ReportOf<"snapshot" | "answer" | "stateAnswer" | "finished">;

/** Collects what the workers report of one job. */
export class RunningJob {
  readonly #workers: readonly WorkerHandle[];
  readonly #options: JobWatch;
  readonly #reports = new Map<string, Map<number, WorkerReport>>();
  readonly #progress = new Map<number, readonly VertexMetrics[]>();
  readonly #onAbort = () => this.fail(new JobCancelledError(this.#options.signal?.reason));
  #changed: () => void = () => undefined;
  failure: EngineError | undefined;
  /** What workers say of a running stream. */
  onStreamReport: (report: StreamReport, thread: number) => void = () => undefined;
  onFailure: () => void = () => undefined;
  /** A failure no longer interrupts waiting; dead workers count as having answered. */
  isTearingDown = false;

  constructor(workers: readonly WorkerHandle[], options: JobWatch) {
    this.#workers = workers;
    this.#options = options;
    for (const worker of workers) {
      worker.onReport = (report) => {
        if (report.type === "dead") this.fail(asEngineError(report.error));
        else if (report.type === "failed") this.fail(reviveError(report.error));
        else if (report.type === "progress") this.#onProgress(worker.thread, report.metrics);
        else if (report.type === "snapshot" || report.type === "answer" || report.type === "stateAnswer") {
          this.onStreamReport(report, worker.thread);
        } else {
          if (report.type === "finished") this.onStreamReport(report, worker.thread);
          const byThread = this.#reports.get(report.type) ?? new Map<number, WorkerReport>();
          byThread.set(worker.thread, report);
          this.#reports.set(report.type, byThread);
        }
        this.#changed();
      };
    }
    // One that died before has nobody told.
    for (const { death } of workers) if (death !== undefined) this.fail(asEngineError(death));
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** Waits for a report of this type from every worker; throws the first failure, unless tearing down. */
  async all<T extends "deployed" | "finished" | "stopped" | "closed">(type: T): Promise<ReportOf<T>[]> {
    for (;;) {
      if (!this.isTearingDown) this.throwFailure();
      const reports = this.#reports.get(type);
      const expected = this.#workers.filter((worker) => !(this.isTearingDown && worker.isDead));
      if (expected.every((worker) => reports?.has(worker.thread)))
        return [...(reports?.values() ?? [])] as ReportOf<T>[];
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** The reports of a type that have come so far. */
  reports<T extends WorkerReport["type"]>(type: T): ReportOf<T>[] {
    return [...(this.#reports.get(type)?.values() ?? [])] as ReportOf<T>[];
  }

  /** The threads whose report of a type has come. */
  threadsWith(type: WorkerReport["type"]): number[] {
    return [...(this.#reports.get(type)?.keys() ?? [])];
  }

  onLocalProgress(metrics: readonly VertexMetrics[]): void {
    this.#onProgress(PLANNER_THREAD, metrics);
  }

  end(): void {
    for (const worker of this.#workers) worker.onReport = () => undefined;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  #onProgress(thread: number, metrics: readonly VertexMetrics[]): void {
    this.#progress.set(thread, metrics);
    this.#options.onProgress?.(mergeMetrics([...this.#progress.values()].flat()));
  }

  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  fail(error: EngineError): void {
    this.failure ??= error;
    this.onFailure();
    this.#changed();
  }
}
