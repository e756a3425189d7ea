import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { HostProcesses } from "../core/host.ts";

/** Of a process as /proc tells it: when it started, in clock ticks since the machine did; its state is one letter. */
interface ProcessStatus {
  readonly state: string;
  readonly startTicks: string;
}

/**
 * Tells living processes from dead ones by what they left behind under their token: machine, process id, start time.
 * The start time keeps a new process with a used id apart from the one that had it. Where the system does not tell it
 * (anywhere but Linux), a used id counts as alive, so that nothing is removed too early.
 */
export class NodeProcesses implements HostProcesses {
  readonly #machine = machineId();
  readonly token = `${this.#machine}.${process.pid}.${statusOf(process.pid)?.startTicks ?? ""}`;

  readonly #onExit = new Set<() => void>();

  isDead(token: string): boolean {
    const match = /^([0-9a-f]+)\.(\d+)\.(\d*)$/.exec(token);
    // Of another machine, container or start of the machine: nothing is known about its processes.
    if (match === null || match[1] !== this.#machine || token === this.token) return false;
    const pid = Number(match[2]);
    if (!isThere(pid)) return true;
    const status = statusOf(pid);
    // Z: it has ended, and its parent has not asked how.
    return status !== undefined && (status.state === "Z" || status.startTicks !== match[3]);
  }

  onExit(callback: () => void): () => void {
    // No signal handlers: they would replace what the program, or Node, does on a signal.
    if (this.#onExit.size === 0) process.on("exit", this.#exit);
    this.#onExit.add(callback);
    return () => {
      if (this.#onExit.delete(callback) && this.#onExit.size === 0) process.off("exit", this.#exit);
    };
  }

  readonly #exit = () => {
    for (const callback of this.#onExit) {
      try {
        callback();
      } catch {
        // The process ends for a reason of its own, which this must not replace; the next one cleans up.
      }
    }
  };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** proc(5): the name, in parentheses, may hold anything; state is the third field, the start time the 22nd. */
function statusOf(pid: number): ProcessStatus | undefined {
  const text = contentOf(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields.length < 20 ? undefined : { state: fields[0], startTicks: fields[19] };
}

/** The scope in which a process id names one process: machine, its start, and the container's own numbers. */
function machineId(): string {
  const scope = [
    hostname(),
    contentOf(() => readFileSync("/etc/machine-id", "latin1")),
    contentOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1")),
    contentOf(() => readlinkSync("/proc/self/ns/pid")),
  ];
  return createHash("sha256").update(scope.join("\n")).digest("hex").slice(0, 12);
}

/** Empty where the system has no such file. */
function contentOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
