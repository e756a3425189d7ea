import { asEngineError, EngineError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { Sink } from "../../core/sink.ts";
import { restartStrategies } from "../../datastream/restart-strategies.ts";
import type { SavepointResult } from "../../datastream/savepoint-options.ts";
import { StreamExecutionEnvironment } from "../../datastream/stream-execution-environment.ts";
import type { StreamJob } from "../../datastream/stream-job.ts";
import { installTrap } from "../real-world-trap.ts";
import { Simulation } from "../simulation.ts";
import { SimulatedCrashError } from "../simulation-errors.ts";
import { SimulationMemories } from "./engine-shelf.ts";
import type { FaultCase } from "./fault-schedule.ts";
import { fileOutputs } from "./file-outputs.ts";
import { InputSource } from "./input-source.ts";
import { OutputSink } from "./output-sink.ts";
import { rotCheckpoint } from "./rot.ts";
import { type StoreClient, TransactionalStore, type WrittenRow } from "./transactional-store.ts";

/** Where the checkpoints of a checked job are; behind each stop, in a directory of this name beside the savepoints. */
export const CHECKPOINTS = "/checkpoints";
const SAVEPOINTS = "/savepoints";
/** More than a job of some hundred events takes, however it is scheduled. */
const STEP_LIMIT = 60_000;
const MAX_PARALLELISM = 16;
/** Attempts beside those that a fault each may end: one after the last fault, and some for what shows later. */
const SPARE_ATTEMPTS = 4;
/** A checkpoint that cannot be read may be so because of a fault of that moment. */
const CORRUPT_ATTEMPTS = 3;

/** Gives sinks in two phases into outputs of a simulated outside system, by name. */
export interface FaultOutputs {
  /** A sink whose rows the check compares: `stream.addSink(outputs.sink("totals"), { uid: "totals" })`. */
  sink(name: string): Sink;
}

/** What a job finds outside of the machine. */
export interface Outside {
  /** Of this run alone; it outlives the machine. */
  readonly system: unknown;
  /** Of the process that the job runs in. */
  readonly client: StoreClient;
}

/** A job as the kit runs it. */
export interface CheckedJob {
  readonly build: (
    environment: StreamExecutionEnvironment,
    inputs: Readonly<Record<string, InputSource>>,
    outputs: FaultOutputs,
    outside: Outside,
  ) => void | Promise<void>;
  /** Makes what one run finds outside, and what is visible there in the end, by output. */
  readonly system?: {
    create(): unknown;
    read(system: unknown, host: Host): ReadonlyMap<string, readonly WrittenRow[]>;
  };
  readonly schemas: Readonly<Record<string, Schema>>;
}

export interface RunWatch {
  /** Without checkpoints a run cannot be restored: for runs in which nothing fails. */
  readonly hasCheckpoints: boolean;
  readonly stepLimit?: number;
  /** Called when rows of a sink become visible. */
  readonly onCommitted?: (output: string, rows: readonly WrittenRow[]) => void;
  /** Called after each attempt with the rows of visible files. */
  readonly onFiles?: (files: ReadonlyMap<string, readonly WrittenRow[]>) => void;
}

/** How one start of the job went. */
export interface Attempt {
  readonly parallelism: number;
  readonly ended: "finished" | "crashed" | "failed" | "left" | "stopped";
  readonly error?: Error;
}

export interface RunRecord {
  readonly outputs: ReadonlyMap<string, readonly WrittenRow[]>;
  readonly attempts: readonly Attempt[];
  /** False where the job gave up, loudly and rightly, since its checkpoint is damaged. */
  readonly isComplete: boolean;
  readonly simulation: Simulation;
}

/** The job fails again and again though no fault is left. */
export class NeverFinishesError extends Error {
  readonly attempts: readonly Attempt[];

  constructor(attempts: readonly Attempt[]) {
    const last = attempts.at(-1)?.error;
    super(
      `The job did not finish in ${attempts.length} attempts; the last one failed: ${last?.message ?? "it crashed"}`,
      {
        cause: last,
      },
    );
    this.attempts = attempts;
  }
}

/**
 * Runs a job on a simulated machine, again after each crash and failure, until it has finished.
 * @throws {NeverFinishesError} @throws {DeadlockError} @throws {LivelockError} @throws {RealWorldError}
 */
export async function runCase(job: CheckedJob, given: FaultCase, watch: RunWatch): Promise<RunRecord> {
  const run = new FaultedRun(job, given, watch);
  // Once for all attempts: to install it takes as long as a short run.
  const uninstall = installTrap();
  try {
    return await run.toEnd();
  } catch (thrown) {
    if (thrown instanceof Error) failedRuns.set(thrown, run.simulation);
    throw thrown;
  } finally {
    uninstall();
    run.end();
  }
}

const failedRuns = new WeakMap<Error, Simulation>();

/** The machine of a run that threw this, for whoever tells of it. */
export const simulationOfFailure = (error: Error): Simulation | undefined => failedRuns.get(error);

class FaultedRun {
  readonly simulation: Simulation;
  readonly #job: CheckedJob;
  readonly #given: FaultCase;
  readonly #watch: RunWatch;
  readonly #store = new TransactionalStore();
  readonly #memories = new SimulationMemories();
  readonly #attempts: Attempt[] = [];
  readonly #system: unknown;
  /** Runs that were taken for dead. */
  #zombies: Promise<unknown>[] = [];
  /** Savepoints that were asked for. */
  #stops = 0;
  /** The one that the job goes on from, in a directory of its own. */
  #savepoint: SavepointResult | undefined;

  constructor(job: CheckedJob, given: FaultCase, watch: RunWatch) {
    this.#job = job;
    this.#system = job.system?.create();
    this.#given = given;
    this.#watch = watch;
    const { tape, faults, starve, threads } = given.schedule;
    this.simulation = new Simulation({
      tape,
      faults,
      starve,
      parallelism: threads,
      stepLimit: watch.stepLimit ?? STEP_LIMIT,
      threadEntry: this.#memories.threadEntry,
    });
    if (watch.onCommitted !== undefined) this.#store.onCommitted = watch.onCommitted;
  }

  async toEnd(): Promise<RunRecord> {
    const { simulation } = this;
    const { faults } = this.#given.schedule;
    let corrupt = 0;
    for (;;) {
      const attempt = await this.#attempt();
      this.#attempts.push(attempt);
      simulation.note(attempt.ended, attempt.error?.message);
      await this.#look();
      if (attempt.ended === "finished") break;
      // Nothing fails but the job: it would do so again.
      if (faults.length === 0 && attempt.ended === "failed") throw attempt.error;
      if (codeOf(attempt.error) === "CHECKPOINT_CORRUPT" && ++corrupt >= CORRUPT_ATTEMPTS) break;
      if (this.#attempts.length > faults.length + SPARE_ATTEMPTS) throw new NeverFinishesError(this.#attempts);
    }
    const isComplete = this.#attempts.at(-1)?.ended === "finished";
    await simulation.run(Promise.all(this.#zombies)).catch((thrown: unknown) => {
      if (!(thrown instanceof SimulatedCrashError)) throw thrown;
    });
    this.#store.settle();
    // What is visible lasts.
    simulation.crash();
    const files = await this.#files();
    return {
      outputs: new Map([...this.#store.committed(), ...files]),
      attempts: this.#attempts,
      isComplete,
      simulation,
    };
  }

  end(): void {
    this.#memories.giveBack();
  }

  async #attempt(): Promise<Attempt> {
    const { simulation } = this;
    const { parallelism: parallelisms } = this.#given.schedule;
    const number = this.#attempts.length;
    const parallelism = parallelisms[Math.min(number, parallelisms.length - 1)] ?? 1;
    try {
      const ended = await simulation.run(async (host) => {
        simulation.note("attempt", `${number + 1} at parallelism ${parallelism}`);
        const rot = simulation.event("attempt.start", "", ["rot"]);
        if (rot?.kind === "rot") rotCheckpoint(simulation, this.#directory, rot.amount ?? 0);
        return this.#run(host, parallelism);
      });
      return { parallelism, ended };
    } catch (thrown) {
      if (thrown instanceof SimulatedCrashError) {
        this.#zombies = [];
        return { parallelism, ended: "crashed" };
      }
      if (isOfSimulation(thrown)) throw thrown;
      return { parallelism, ended: "failed", error: thrown instanceof Error ? thrown : asEngineError(thrown) };
    }
  }

  get #directory(): string {
    if (this.#savepoint === undefined) return CHECKPOINTS;
    return `${SAVEPOINTS}${CHECKPOINTS}-behind-${this.#savepoint.path.slice(SAVEPOINTS.length + 1)}`;
  }

  #run(host: Host, parallelism: number): Promise<"finished" | "left" | "stopped"> {
    const { simulation } = this;
    const { threads } = this.#given.schedule;
    this.#memories.provideFor(host, threads);
    const client: StoreClient = { host, event: simulation.event };
    let running: StreamJob | undefined;
    let stopping: Promise<SavepointResult | undefined> | undefined;
    return new Promise((resolve, reject) => {
      const run = (async () => {
        const environment = await this.#environment(host, parallelism, client);
        const { path: restoreFrom } = this.#savepoint ?? {};
        running = await environment.executeAsync(restoreFrom === undefined ? {} : { restoreFrom });
        await running.result();
        const stopped = await stopping;
        if (stopped === undefined) return "finished";
        this.#savepoint = stopped;
        return "stopped";
      })();
      run.then(resolve, reject);
      simulation.onRequest = (kind) => {
        if (kind === "cancel") void Promise.resolve().then(() => running?.cancel().catch(() => undefined));
        else if (kind === "stop") {
          // One that was asked for before may be under way: the job ends by one of them.
          stopping ??= Promise.resolve()
            .then(() => running?.stopWithSavepoint(`${SAVEPOINTS}/${++this.#stops}`))
            .catch(() => undefined);
        } else {
          this.#zombies.push(run.catch(() => undefined));
          resolve("left");
        }
      };
    });
  }

  async #environment(host: Host, parallelism: number, client: StoreClient): Promise<StreamExecutionEnvironment> {
    const { schedule, inputs, splits } = this.#given;
    const { batchRows, bufferTimeoutMs, checkpointMs, alignedTimeoutMs, retained } = schedule;
    const environment = StreamExecutionEnvironment.create({
      host,
      parallelism,
      maxParallelism: MAX_PARALLELISM,
      batchRows,
      bufferTimeoutMs,
    });
    const sources: Record<string, InputSource> = {};
    for (const [name, schema] of Object.entries(this.#job.schemas)) {
      sources[name] = new InputSource(name, schema, inputs[name] ?? [], splits, schedule);
    }
    const outputs: FaultOutputs = { sink: (name) => new OutputSink(name, this.#store, client) };
    await this.#job.build(environment, sources, outputs, { system: this.#system, client });
    if (this.#watch.hasCheckpoints) {
      environment.enableCheckpointing(checkpointMs, {
        directory: this.#directory,
        retained,
        tolerableFailures: Number.MAX_SAFE_INTEGER,
        timeoutMs: 10_000,
        ...(alignedTimeoutMs === undefined ? {} : { alignedTimeoutMs }),
      });
      // This run starts it again itself, in another way each time.
      environment.setRestartStrategy(restartStrategies.none());
    }
    return environment;
  }

  async #look(): Promise<void> {
    if (this.#watch.onFiles !== undefined) this.#watch.onFiles(await this.#files());
  }

  /** Looks at the disk as another process would: nothing of that can fail. */
  async #files(): Promise<ReadonlyMap<string, readonly WrittenRow[]>> {
    const { system } = this.#job;
    if (system !== undefined) return system.read(this.#system, this.simulation.quietHost);
    return fileOutputs(this.simulation.quietHost, () => this.#memories.take(), [CHECKPOINTS, SAVEPOINTS, "/tmp"]);
  }
}

const OF_SIMULATION: ReadonlySet<string> = new Set([
  "SIMULATION_DEADLOCK",
  "SIMULATION_LIVELOCK",
  "SIMULATION_REAL_WORLD",
]);

const isOfSimulation = (thrown: unknown): boolean => OF_SIMULATION.has(codeOf(thrown));

const codeOf = (thrown: unknown): string => (thrown instanceof EngineError ? thrown.code : "");
