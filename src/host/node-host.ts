import { webcrypto } from "node:crypto";
import { availableParallelism, totalmem } from "node:os";
import type { Clock, Host, HostScheduler, Random } from "../core/host.ts";
import { whenCollected } from "./collected.ts";
import { NodeFiles } from "./node-files.ts";
import { NodeModules } from "./node-modules.ts";
import { NodeNetwork } from "./node-network.ts";
import { NodeProcesses } from "./node-processes.ts";
import { NodeThreads } from "./node-threads.ts";

let host: Host | undefined;

/** The real host: Node's clock, files and threads. One per thread. */
export function nodeHost(): Host {
  if (host !== undefined) return host;
  const processes = new NodeProcesses();
  const files = new NodeFiles(processes);
  host = {
    clock,
    random: new NodeRandom(),
    scheduler,
    files,
    network: new NodeNetwork(),
    threads: new NodeThreads(),
    processes,
    modules: new NodeModules(files),
    availableParallelism: availableParallelism(),
    totalMemoryBytes: memoryBytes(),
    terminal: { stream: process.stderr, output: process.stdout, environment: process.env },
    whenCollected,
  };
  return host;
}

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** The longest delay of setTimeout; it takes longer ones for 1 ms. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

const scheduler: HostScheduler = {
  yield: () => new Promise((resolve) => setImmediate(resolve)),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

class NodeRandom implements Random {
  readonly #values = new Uint32Array(256);
  #next = this.#values.length;

  nextUint32(): number {
    if (this.#next === this.#values.length) {
      webcrypto.getRandomValues(this.#values);
      this.#next = 0;
    }
    return this.#values[this.#next++];
  }
}

/** Physical memory, or the limit of the container where that is lower. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
