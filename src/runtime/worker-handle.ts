import { asEngineError, ExternalError } from "../core/errors.ts";
import type { Host, WorkerHandle as HostWorker } from "../core/host.ts";
import type { WorkerCommand, WorkerReport } from "./messages.ts";
import type { WorkerInit } from "./worker-thread.ts";

/** The coordinating thread's side of one worker thread. */
export class WorkerHandle {
  readonly thread: number;
  readonly memoryId: string;
  readonly memory: Promise<WebAssembly.Memory>;
  readonly #worker: HostWorker;
  /** Set while a job runs; "dead" stands for a thread that ended on its own. */
  onReport: (report: WorkerReport | { readonly type: "dead"; readonly error: Error }) => void = () => undefined;
  /** Why the thread has ended; undefined while it lives. */
  death: Error | undefined;
  /** Who waits for "freed", by table. */
  readonly #freeing = new Map<string, (leaked: number) => void>();

  constructor(host: Host, init: WorkerInit, thread: number) {
    this.thread = thread;
    this.memoryId = init.memoryId;
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
          else if (report.type === "freed") this.#onFreed(report.table, report.leaked);
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

  get isDead(): boolean {
    return this.death !== undefined;
  }

  send(command: WorkerCommand, transfer: readonly unknown[] = []): void {
    this.#worker.link.send(command, transfer);
  }

  /** Frees what the thread keeps of a table; one that has ended keeps nothing. */
  freeTable(table: string): Promise<number> {
    if (this.isDead) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#freeing.set(table, resolve);
      this.send({ type: "free", table });
    });
  }

  terminate(): Promise<void> {
    return this.#worker.terminate();
  }

  #onFreed(table: string, leaked: number): void {
    this.#freeing.get(table)?.(leaked);
    this.#freeing.delete(table);
  }

  #onDeath(error: Error, reject: (error: Error) => void): void {
    this.death = error;
    for (const table of [...this.#freeing.keys()]) this.#onFreed(table, 0);
    reject(error);
    this.onReport({ type: "dead", error });
  }
}
