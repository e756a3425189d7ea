import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { nodeHost } from "../host/node-host.ts";
import { DecisionTape } from "./decision-tape.ts";
import { engineThread } from "./engine-thread.ts";
import { eventLoopTurn, realPause } from "./event-loop-turn.ts";
import { type Fault, type FaultKind, FaultPlan, type FaultRequest } from "./fault-plan.ts";
import { installTrap, takeViolation } from "./real-world-trap.ts";
import { Schedule } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedFiles } from "./simulated-files.ts";
import { SimulatedLinks } from "./simulated-links.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { MAIN, type Machine, SimulatedThread } from "./simulated-thread.ts";
import { SimulatedThreads, type ThreadEntry } from "./simulated-threads.ts";
import { DeadlockError, LivelockError, SimulatedCrashError } from "./simulation-errors.ts";
import { Trace, type TraceEntry } from "./trace.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface SimulationOptions {
  /**
   * The decisions of the schedule and of crashes, as small integers: generate it with a property-testing library and
   * let that shrink it. The empty tape runs the oldest ready action first. Default: the endless tape of `seed`.
   */
  readonly tape?: readonly number[];
  /** Of `host.random` and, where there is no `tape`, of the decisions. Default 1. */
  readonly seed?: number;
  /** What the wall clock shows at first, in epoch milliseconds. Default 2020-01-01T00:00:00Z. */
  readonly startMs?: number;
  /** Threads ("thread-1"), kinds ("yield", "timer", a link's name) or both ("main/timer") that wait for all others. */
  readonly starve?: readonly string[];
  readonly faults?: readonly Fault[];
  /** Actions after which a run ends with LivelockError. Default 1,000,000. */
  readonly stepLimit?: number;
  /** What `host.threads.spawn` runs. Default: the engine's worker with all connectors. */
  readonly threadEntry?: ThreadEntry;
  /** What jobs take for the number of hardware threads. Default 1. */
  readonly parallelism?: number;
  /** What jobs take for physical memory. Default 1 GiB. */
  readonly memoryBytes?: number;
  /**
   * Milliseconds that reading the monotonic clock takes, for the reading thread alone, so that code that works until
   * some time has passed comes to an end. More makes slices of work shorter. Default 2^-10, about a microsecond.
   */
  readonly clockReadMs?: number;
  /** Does real time or randomness throw for the simulated code? Default true. */
  readonly trap?: boolean;
  /** Newest entries of the trace to keep. Default 10,000. */
  readonly traceLength?: number;
}

/** Tells of an event, and gives the fault that strikes: one of `possible`, or one that any event can have. */
export type OnEvent = (label: string, detail: string, possible: readonly FaultKind[]) => Fault | undefined;

/** Those of the real process: all threads of all simulations share what a module keeps for itself. */
const { modules } = nodeHost();
const DEFAULT_START_MS = Date.UTC(2020, 0, 1);

/**
 * A machine whose time, schedule, disk, links and randomness are simulated: the same tape gives the same run, a year
 * passes at once, and it crashes where the test says. Give `simulation.host` to the code under test.
 * @example
 * const simulation = new Simulation({ tape: [2, 0, 1] });
 * const { scheduler, clock } = simulation.host;
 * await simulation.run(new Promise<void>((resolve) => scheduler.after(86_400_000, resolve)));
 * clock.nowMs(); // a day later
 */
export class Simulation {
  /** Survives crashes; tests may look at it, limit it and spoil it. */
  readonly disk: SimulatedDisk;
  /** Cuts, delays and closes links between threads by name. */
  readonly links = new SimulatedLinks();
  /** Breaks connections between programs on the machine. */
  readonly network = new SimulatedNetwork();
  readonly #tape: DecisionTape;
  readonly #time: VirtualTime;
  readonly #schedule: Schedule;
  readonly #faults: FaultPlan;
  readonly #trace: Trace;
  readonly #threads: SimulatedThreads;
  readonly #machine: Machine;
  readonly #stepLimit: number;
  readonly #hasTrap: boolean;
  #process = new SimulatedProcess(1);
  #main: SimulatedThread;
  #restarts = 0;
  #steps = 0;
  #crash: SimulatedCrashError | undefined;
  #isDriven = false;
  /** Work of the real world that is under way. */
  #outside = 0;

  constructor(options: SimulationOptions = {}) {
    const seed = options.seed ?? 1;
    this.#tape = options.tape === undefined ? DecisionTape.seeded(seed) : DecisionTape.of(options.tape);
    this.#time = new VirtualTime(options.startMs ?? DEFAULT_START_MS);
    this.#schedule = new Schedule(this.#tape, options.starve ?? []);
    this.#faults = new FaultPlan(options.faults ?? []);
    this.#trace = new Trace(options.traceLength ?? 10_000);
    this.disk = new SimulatedDisk(this.#tape);
    this.#stepLimit = options.stepLimit ?? 1_000_000;
    this.#hasTrap = options.trap ?? true;
    this.#threads = new SimulatedThreads({
      links: this.links,
      entry: options.threadEntry ?? engineThread(),
      create: (name) => new SimulatedThread(name, this.#machine, this.#process),
      end: (thread) => this.#end(thread),
    });
    this.#machine = {
      time: this.#time,
      schedule: this.#schedule,
      tape: this.#tape,
      faults: this.#faults,
      trace: this.#trace,
      disk: this.disk,
      // Other numbers than the decisions, though of the same seed.
      random: new SeededRandom(~seed),
      parallelism: options.parallelism ?? 1,
      memoryBytes: options.memoryBytes ?? 2 ** 30,
      clockReadMs: options.clockReadMs ?? 2 ** -10,
      crash: (label, kind) => this.#goDown(kind, new SimulatedCrashError(label)),
      jumpClock: (byMs) => this.jumpClock(byMs),
      request: (kind) => this.onRequest(kind),
      kill: (thread, error) => this.#threads.kill(thread, error),
      modules: {
        resolve: (given) => modules.resolve(given),
        compile: (url) => this.outside(() => modules.compile(url)),
        import: (url, compiled) => this.outside(() => modules.import(url, compiled)),
      },
      threadsOf: (thread) => this.#threads.of(thread),
      networkOf: (thread) => this.network.of(thread),
    };
    this.#main = new SimulatedThread(MAIN, this.#machine, this.#process);
  }

  /** The main thread's host; after a crash, that of the restarted machine, while the old one is dead. */
  get host(): Host {
    return this.#main.host;
  }

  /** Virtual milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.#time.elapsedMs;
  }

  /** What the wall clock shows, in epoch milliseconds. */
  get nowMs(): number {
    return this.#time.wallMs;
  }

  /** Actions run so far. */
  get steps(): number {
    return this.#steps;
  }

  /** The decisions so far; given as `tape` to an equal simulation, they repeat it. */
  get decisions(): readonly number[] {
    return this.#tape.taken;
  }

  /** Equal where the same happened in the same order at the same virtual times. */
  get traceHash(): string {
    return this.#trace.hash;
  }

  /** The newest things that happened, oldest first. */
  trace(count?: number): readonly TraceEntry[] {
    return this.#trace.newest(count);
  }

  /** How often each event has happened: the names given to `host.crashPoint`, "disk.sync", "link.send", ... */
  get hits(): ReadonlyMap<string, number> {
    return this.#faults.hits;
  }

  /** @internal Things that have happened so far: what `trace` tells of. */
  get eventCount(): number {
    return this.#trace.count;
  }

  /** Faults that have struck, in order. */
  get struck(): readonly Fault[] {
    return this.#faults.struck;
  }

  /** @internal Brings about what concerns a whole job. */
  onRequest: (kind: FaultRequest) => void = () => undefined;

  /**
   * @internal Tells of events of the process that runs now, which may fail; throws for good once that has died.
   * For models of outside systems, which outlive it.
   */
  get event(): OnEvent {
    const thread = this.#main;
    return (label, detail, possible) => {
      if (thread.isDead) throw new SimulatedCrashError(label);
      return thread.event(label, detail, possible);
    };
  }

  /** @internal The machine as its owner sees it who looks in from outside: no event, and nothing that fails. */
  get quietHost(): Host {
    const files = new SimulatedFiles(this.disk, this.#tape, this.#process, () => undefined);
    return { ...this.host, files };
  }

  /** @internal Something for whoever reads the trace. */
  note(label: string, detail = ""): void {
    this.#trace.add(this.#time.elapsedMs, label, detail);
  }

  /** One more fault; its `nth` counts from now on. */
  addFault(fault: Fault): void {
    this.#faults.add(fault);
  }

  /** Names of spawned threads that have not ended. */
  threads(): string[] {
    return this.#threads.names();
  }

  /** Sets the wall clock forward or back, as an administrator or NTP does; timers do not notice. */
  jumpClock(byMs: number): void {
    this.#time.jumpWall(byMs);
    this.#trace.add(this.#time.elapsedMs, "clock.jump", `${byMs}`);
  }

  /**
   * Drives the machine until `work` has settled, and gives its result. Virtual time moves on to the next timer whenever
   * nothing is ready.
   * @param work - A promise, or a function that is called with the host once the machine runs.
   * @throws {DeadlockError} Nothing is ready and no timer is pending, but `work` has not settled.
   * @throws {LivelockError} More than `stepLimit` actions have run.
   * @throws {SimulatedCrashError} A fault took the machine down; `host` is that of the restarted one.
   * @throws {RealWorldError} The simulated code used real time or randomness, even where it caught the error.
   */
  async run<T>(work: Promise<T> | ((host: Host) => Promise<T>)): Promise<T> {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    await this.#drive(
      () => outcome !== undefined,
      Number.POSITIVE_INFINITY,
      () => {
        const promise = typeof work === "function" ? work(this.host) : work;
        promise.then(
          (value) => {
            outcome = { value };
          },
          (error: unknown) => {
            outcome = { error };
          },
        );
      },
    );
    if (outcome === undefined) throw this.#deadlock();
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Lets `byMs` of virtual time pass, with all that happens in it. */
  async advance(byMs: number): Promise<void> {
    await this.#advanceTo(this.#time.elapsedMs + byMs);
  }

  /** Lets virtual time pass until the wall clock shows `epochMs`; a time that has passed is no error. */
  async advanceTo(epochMs: number): Promise<void> {
    await this.#advanceTo(this.#time.elapsedMs + Math.max(0, epochMs - this.#time.wallMs));
  }

  /** Runs what is ready now, and what that makes ready; no time passes. */
  async runUntilIdle(): Promise<void> {
    await this.#drive(() => false, this.#time.elapsedMs);
  }

  /**
   * The power fails now: threads, timers and links are gone, and the disk keeps what was synced; each change that was
   * not is lost, kept or torn by itself as the tape decides. `host` is then that of the restarted machine.
   */
  crash(): void {
    this.#trace.add(this.#time.elapsedMs, "crash");
    this.#goDown("crash");
  }

  /** The process dies at once, as by SIGKILL: like `crash`, but the disk keeps all that was written. */
  kill(): void {
    this.#trace.add(this.#time.elapsedMs, "kill");
    this.#goDown("kill");
  }

  /** The process ends in good order, and another one starts: what waits for `host.processes.onExit` is called. */
  exit(): void {
    this.#trace.add(this.#time.elapsedMs, "exit");
    this.#process.exit();
    this.#goDown("kill");
  }

  /** Ends a spawned thread with an error, as an exception that nobody caught there. */
  killThread(name: string): void {
    const thread = this.#threads.find(name);
    if (thread === undefined) {
      throw new PlanError(
        "SIMULATED_THREAD_UNKNOWN",
        `No thread "${name}" runs.`,
        `These do: ${this.threads().join(", ")}.`,
      );
    }
    this.#trace.add(this.#time.elapsedMs, `${name}/killed`);
    this.#threads.kill(thread, new SimulatedCrashError(name));
  }

  /**
   * Waits for something of the real world that the simulated code needs, such as an import: virtual time stands still
   * until it has settled, and it counts as one action.
   */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    this.#outside++;
    try {
      return await work();
    } finally {
      this.#outside--;
    }
  }

  async #advanceTo(elapsedMs: number): Promise<void> {
    await this.#drive(() => false, elapsedMs);
    this.#time.advanceTo(elapsedMs);
  }

  /** Runs until `isDone`, or until nothing is left to do up to a virtual time. */
  async #drive(isDone: () => boolean, untilMs: number, begin: () => void = () => undefined): Promise<void> {
    if (this.#isDriven)
      throw new PlanError("SIMULATION_BUSY", "The simulation is being driven already.", "Await that first.");
    this.#isDriven = true;
    this.#crash = undefined;
    const uninstall = this.#hasTrap ? installTrap() : () => undefined;
    const lastStep = this.#steps + this.#stepLimit;
    try {
      begin();
      for (;;) {
        // Promises first: whatever the last action resolved runs to its next wait.
        await eventLoopTurn();
        this.#checkAlive();
        if (isDone()) return;
        const action = this.#schedule.take();
        if (action !== undefined) {
          if (this.#steps >= lastStep) throw new LivelockError(this.#stepLimit, this.#trace.newest(20));
          this.#steps++;
          this.#trace.add(this.#time.elapsedMs, `${action.thread.name}/${action.kind}`);
          this.#runAction(action.thread as SimulatedThread, action.run);
        } else if (this.#outside > 0) {
          await realPause();
        } else {
          const dueMs = this.#time.nextDueMs();
          if (dueMs === undefined || dueMs > untilMs) return;
          this.#time.advanceTo(dueMs);
        }
      }
    } finally {
      uninstall();
      this.#isDriven = false;
    }
  }

  #runAction(thread: SimulatedThread, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      // Dead threads cannot fail; what nobody caught ends a spawned thread, and the whole run in the main one.
      if (thread.isDead) return;
      if (thread.name === MAIN) throw thrown;
      this.#trace.add(this.#time.elapsedMs, `${thread.name}/died`);
      this.#threads.kill(thread, thrown);
    }
  }

  #checkAlive(): void {
    const violation = takeViolation();
    if (violation !== undefined) throw violation;
    if (this.#crash !== undefined) throw this.#crash;
  }

  #goDown(kind: "crash" | "kill", error?: SimulatedCrashError): void {
    this.#crash = error;
    this.#threads.clear();
    this.#end(this.#main);
    this.links.clear();
    this.network.clear();
    this.#time.clear();
    if (kind === "crash") this.disk.crash();
    this.#process = new SimulatedProcess(++this.#restarts + 1);
    this.#main = new SimulatedThread(MAIN, this.#machine, this.#process);
  }

  #end(thread: SimulatedThread): void {
    thread.isDead = true;
    this.#schedule.drop(thread);
  }

  #deadlock(): DeadlockError {
    const waiting = [...this.links.waiting(), ...this.#threads.names().map((name) => `${name} has not ended`)];
    return new DeadlockError(waiting, this.#trace.newest(20));
  }
}
