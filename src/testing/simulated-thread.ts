import { ExternalError } from "../core/errors.ts";
import type {
  Clock,
  Host,
  HostFiles,
  HostModules,
  HostNetwork,
  HostProcesses,
  HostScheduler,
  HostThreads,
  Random,
} from "../core/host.ts";
import type { DecisionTape } from "./decision-tape.ts";
import { type Fault, type FaultKind, type FaultPlan, type FaultRequest, isRequest } from "./fault-plan.ts";
import type { Schedule } from "./schedule.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedFiles } from "./simulated-files.ts";
import { SimulatedCrashError } from "./simulation-errors.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What the threads of a simulated machine have in common. */
export interface Machine {
  readonly time: VirtualTime;
  readonly schedule: Schedule;
  readonly tape: DecisionTape;
  readonly faults: FaultPlan;
  readonly trace: Trace;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  readonly parallelism: number;
  readonly memoryBytes: number;
  /** Virtual milliseconds that reading the monotonic clock takes. */
  readonly clockReadMs: number;
  readonly modules: HostModules;
  /** Takes the machine down, or only the process. */
  crash(label: string, kind: "crash" | "kill"): void;
  /** Sets the wall clock. */
  jumpClock(byMs: number): void;
  /** Tells whoever drives the machine of a fault that is his to bring about. */
  request(kind: FaultRequest): void;
  /** Ends one spawned thread with an error. */
  kill(thread: SimulatedThread, error: Error): void;
  threadsOf(thread: SimulatedThread): HostThreads;
  networkOf(thread: SimulatedThread): HostNetwork;
}

/** One thread of the simulated machine: its view of the outside world, all of which ends when it dies. */
export class SimulatedThread {
  readonly name: string;
  readonly host: Host;
  isDead = false;
  readonly #machine: Machine;
  /** What its reads of the monotonic clock have taken; the wall clock and timers do not see it. */
  #busyMs = 0;

  constructor(name: string, machine: Machine, processes: HostProcesses) {
    this.name = name;
    this.#machine = machine;
    const onDiskEvent = (label: string, path: string, possible: readonly FaultKind[]) => {
      // What is dead changes nothing any more, and gets no answer that it could act on.
      if (this.isDead) throw new SimulatedCrashError(label);
      return this.event(label, path, possible);
    };
    const scheduler = this.#scheduler();
    const files: HostFiles = new SimulatedFiles(
      machine.disk,
      machine.tape,
      processes,
      onDiskEvent,
      () => machine.time.wallMs,
      () => scheduler.yield(),
    );
    this.host = {
      clock: this.#clock(),
      random: machine.random,
      scheduler,
      files,
      network: machine.networkOf(this),
      threads: machine.threadsOf(this),
      processes,
      modules: machine.modules,
      availableParallelism: machine.parallelism,
      totalMemoryBytes: machine.memoryBytes,
      // When garbage is collected, no seed decides: in a simulation it never is.
      whenCollected: () => undefined,
      crashPoint: (label) => this.#crashPoint(label),
    };
  }

  get elapsedMs(): number {
    return this.#machine.time.elapsedMs;
  }

  /** Makes an action ready, unless the thread has died. The result takes it back. */
  schedule(kind: string, run: () => void): () => void {
    if (this.isDead) return () => undefined;
    return this.#machine.schedule.add({ thread: this, kind, run });
  }

  /** Makes an action ready at a later time. */
  after(delayMs: number, run: () => void, kind = "timer"): () => void {
    if (this.isDead) return () => undefined;
    let takeBack: () => void = () => undefined;
    const cancel = this.#machine.time.after(delayMs, () => {
      takeBack = this.schedule(kind, run);
    });
    return () => {
      cancel();
      takeBack();
    };
  }

  /** Something happens here that may fail: counts it, and gives the fault that strikes. */
  event(label: string, detail: string, possible: readonly FaultKind[]): Fault | undefined {
    const { faults, trace, time } = this.#machine;
    const fault = faults.hit(label, detail, possible, this.name === MAIN ? ANYWHERE : ANYWHERE_IN_SPAWNED);
    trace.add(time.elapsedMs, `${this.name}/${label}`, fault === undefined ? detail : `${detail} ${fault.kind}`);
    if (fault?.kind === "crash" || fault?.kind === "kill") {
      this.#machine.crash(label, fault.kind);
      throw new SimulatedCrashError(label);
    }
    if (fault?.kind === "clock-jump") this.#machine.jumpClock(fault.amount ?? DEFAULT_JUMP_MS);
    if (isRequest(fault?.kind)) this.#machine.request(fault.kind);
    if (fault?.kind === "thread-dies") {
      this.#machine.kill(this, threadDied(this.name, label));
      throw new SimulatedCrashError(label);
    }
    return fault;
  }

  #crashPoint(label: string): void {
    if (this.isDead) throw new SimulatedCrashError(label);
    const fault = this.event(label, "", ["io-error"]);
    if (fault?.kind !== "io-error") return;
    throw new ExternalError("FILE_IO", true, `"${label}" failed, as the test asked.`, "Run the job again.");
  }

  #clock(): Clock {
    const { time, clockReadMs } = this.#machine;
    return {
      nowMs: () => time.wallMs,
      monotonicMs: () => {
        this.#busyMs += clockReadMs;
        return time.elapsedMs + this.#busyMs;
      },
    };
  }

  #scheduler(): HostScheduler {
    return {
      yield: () =>
        new Promise((resolve) => {
          this.schedule("yield", resolve);
        }),
      after: (delayMs, callback) => this.after(delayMs, callback),
    };
  }
}

export const MAIN = "main";
/** What may happen at any event. */
const ANYWHERE: readonly FaultKind[] = ["crash", "kill", "clock-jump", "zombie", "cancel", "stop"];
const ANYWHERE_IN_SPAWNED: readonly FaultKind[] = ["thread-dies", ...ANYWHERE];
const DEFAULT_JUMP_MS = 3_600_000;

const threadDied = (name: string, label: string): ExternalError =>
  new ExternalError("THREAD_DIED", true, `The thread "${name}" died at "${label}", as the test asked.`, "Run again.");
