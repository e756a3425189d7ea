import { asEngineError, ExternalError } from "../core/errors.ts";
import type { Host, WorkerHandle as HostWorker } from "../core/host.ts";
import type { WorkerCommand, WorkerReport } from "./messages.ts";
import type { WorkerInit } from "./worker-thread.ts";

/** The coordinating thread's side of one worker thread. */
export class WorkerHandle {
  readonly thread: number;
  readonly memory: Promise<WebAssembly.Memory>;
  readonly #worker: HostWorker;
  /** Set while a job runs; "dead" stands for a thread that ended on its own. */
  onReport: (report: WorkerReport | { readonly type: "dead"; readonly error: Error }) => void = () => undefined;
  isDead = false;

  constructor(host: Host, init: WorkerInit, thread: number) {
    this.thread = thread;
    this.#worker = host.threads.spawn(init);
    this.memory = new Promise((resolve, reject) => {
      const { link } = this.#worker;
      link.onArrival(() => {
        for (
          let report = link.poll() as WorkerReport | undefined;
          report !== undefined;
          report = link.poll() as WorkerReport | undefined
        ) {
          if (report.type === "ready") resolve(report.memory);
          else this.onReport(report);
        }
      });
      this.#worker.ended.then(
        () => this.#onDeath(new ExternalError("THREAD_DIED", true, "A worker thread ended.", "Run again."), reject),
        (thrown: unknown) => this.#onDeath(asEngineError(thrown), reject),
      );
    });
    // Whoever connects the pool awaits it; a death after that is reported to the running job.
    this.memory.catch(() => undefined);
  }

  send(command: WorkerCommand, transfer: readonly unknown[] = []): void {
    this.#worker.link.send(command, transfer);
  }

  terminate(): Promise<void> {
    return this.#worker.terminate();
  }

  #onDeath(error: Error, reject: (error: Error) => void): void {
    this.isDead = true;
    reject(error);
    this.onReport({ type: "dead", error });
  }
}
