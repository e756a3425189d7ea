import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, MessagePort, receiveMessageOnPort, Worker, workerData } from "node:worker_threads";
import { ExternalError, InternalError, PlanError } from "../core/errors.ts";
import type { HostThreads, Link, WorkerHandle } from "../core/host.ts";
import { WORKER_ENTRY } from "./package-layout.ts";

/**
 * Threads of node:worker_threads, linked by message ports.
 * Neither a thread nor a link keeps the process alive on the spawning side: whoever waits for a thread's answer holds
 * the process with a timer (`scheduler.after`). In the started thread the link to its parent does keep the thread alive,
 * until it is closed.
 */
export class NodeThreads implements HostThreads {
  readonly #entry: URL;

  /** `entry` is the compiled module that a thread runs; by default the engine's own. */
  constructor(entry: URL = WORKER_ENTRY) {
    this.#entry = entry;
  }

  spawn(init: unknown, transfer: readonly unknown[] = []): WorkerHandle {
    if (!existsSync(this.#entry)) {
      throw new PlanError(
        "WORKER_ENTRY_MISSING",
        `The compiled worker "${fileURLToPath(this.#entry)}" does not exist.`,
        "Run `npm run build` once, or set the parallelism to 1.",
      );
    }
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = { init, port: port2 };
    const worker = new Worker(this.#entry, {
      workerData: start,
      transferList: [port2, ...(transfer as MessagePort[])],
      // The entry is plain JavaScript: a loader of the parent (tsx, vitest) would only slow the start.
      execArgv: [],
    });
    worker.unref();
    let isTerminated = false;
    const ended = new Promise<void>((resolve, reject) => {
      // What nobody caught there: in a thread that runs user code, most likely that of a timer or promise of the user's.
      worker.once("error", (thrown: unknown) => reject(threadDied(`it threw ${String(thrown)}`, thrown)));
      worker.once("exit", (code) => {
        if (code === 0 || isTerminated) resolve();
        else reject(threadDied(`it ended with exit code ${code}`));
      });
    });
    // Whoever owns the handle looks at `ended` in its own time; a rejection before that is not unhandled.
    ended.catch(() => {});
    return {
      link: new NodeLink(port1),
      ended,
      terminate: async () => {
        isTerminated = true;
        await worker.terminate();
      },
    };
  }

  createLink(): [transferableA: unknown, transferableB: unknown] {
    const { port1, port2 } = new MessageChannel();
    return [port1, port2];
  }

  open(transferable: unknown): Link {
    if (!(transferable instanceof MessagePort)) throw new InternalError("A link is opened from a message port");
    return new NodeLink(transferable);
  }
}

interface WorkerStart {
  init: unknown;
  port: MessagePort;
}

/** In a thread that `spawn` started: what it was given, and the link to its parent. Called once, by the worker entry. */
export function takeWorkerStart(): { init: unknown; link: Link } {
  const start = workerData as WorkerStart | null;
  if (!(start?.port instanceof MessagePort)) throw new InternalError("The worker entry runs only in a spawned thread");
  return { init: start.init, link: new NodeLink(start.port, "keepsThreadAlive") };
}

class NodeLink implements Link {
  readonly #port: MessagePort;
  /** Messages that the event loop delivered and nobody polled yet: older than any still in the port. */
  readonly #arrived: unknown[] = [];
  #onArrival: (() => void) | undefined;
  #isOpen = true;

  constructor(port: MessagePort, life: "keepsThreadAlive" | "idle" = "idle") {
    this.#port = port;
    port.on("message", (message: unknown) => {
      this.#arrived.push(message);
      this.#onArrival?.();
    });
    port.on("messageerror", (cause) => {
      throw new InternalError("A message between threads could not be read", { cause });
    });
    if (life === "idle") port.unref();
  }

  send(message: unknown, transfer: readonly unknown[] = []): void {
    this.#port.postMessage(message, transfer as MessagePort[]);
  }

  poll(): unknown {
    if (this.#arrived.length > 0) return this.#arrived.shift();
    if (!this.#isOpen) return undefined;
    return receiveMessageOnPort(this.#port)?.message;
  }

  onArrival(callback: () => void): void {
    this.#onArrival = callback;
    // A message may have been delivered before there was a callback.
    if (this.#arrived.length > 0) setImmediate(() => this.#onArrival?.());
  }

  close(): void {
    this.#isOpen = false;
    this.#onArrival = undefined;
    this.#port.close();
  }
}

function threadDied(how: string, cause?: unknown): ExternalError {
  return new ExternalError(
    "THREAD_DIED",
    true,
    `A worker thread died: ${how}.`,
    cause === undefined ? "See its output above; run again." : "See the cause for its stack.",
    { cause },
  );
}
