import { PlanError } from "../core/errors.ts";
import { type Field, Schema } from "../core/schema.ts";
import type { Json } from "../core/source.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { ProgramSpec } from "../runtime/job-program.ts";
import { notDeterministic } from "../runtime/portable-graph.ts";
import type { RestoreOptions } from "./restore-options.ts";
import type { StreamJob } from "./stream-job.ts";

/** What is different about an environment that a job module is given: every thread of the job runs the module. */
export interface ModuleScope {
  /** Reserves a place, in the order of the program, for columns that are found by running a function over some rows. */
  inference(): (sample: () => Promise<Schema>) => Promise<Schema>;
  /** The job of the module is planned. The program that workers build it from; undefined where it does not run. */
  begin(graph: JobGraph): StreamProgram | undefined;
  /** The job of the module runs. */
  onStart?(job: StreamJob): void;
  /** Functions run on a worker thread: what accumulators hold leaves it. */
  readonly isOnWorker?: boolean;
  /** Of `execute` calls that do not say otherwise. */
  readonly execution?: ModuleExecution;
}

export interface ModuleExecution extends RestoreOptions {
  readonly signal?: AbortSignal;
  readonly jobName?: string;
}

/** How a worker gets to the plan of a stream. */
export interface StreamProgram extends ProgramSpec {
  /** Whence threads that cannot read the module import it. */
  readonly compiled: string;
  readonly args: Json;
  /** Options of the environment, without its host. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Columns that were inferred, by place: a worker samples nothing. */
  readonly inferred: readonly (readonly Field[] | undefined)[];
}

type PlannedProgram = Pick<StreamProgram, "module" | "compiled" | "args" | "environment">;

/** On the planning thread: keeps what workers must be told, and sees to it that the module runs one job. */
export class PlanningScope implements ModuleScope {
  readonly execution: ModuleExecution;
  /** The job, as soon as it runs. */
  readonly started: Promise<StreamJob>;
  readonly #program: PlannedProgram;
  readonly #inferred: (readonly Field[] | undefined)[] = [];
  #hasBegun = false;
  #resolve: (job: StreamJob) => void = () => undefined;

  constructor(program: PlannedProgram, execution: ModuleExecution) {
    this.#program = program;
    this.execution = execution;
    this.started = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Whether the module has run its job itself. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  inference(): (sample: () => Promise<Schema>) => Promise<Schema> {
    const place = this.#inferred.push(undefined) - 1;
    return async (sample) => {
      const schema = await sample();
      this.#inferred[place] = schema.fields;
      return schema;
    };
  }

  begin(): StreamProgram {
    if (this.#hasBegun) {
      throw new PlanError(
        "JOB_MODULE_SECOND_JOB",
        `The job module "${this.#program.module}" runs a second job.`,
        "A job module runs one: give all sinks to one execute(), or make a module of each job.",
      );
    }
    this.#hasBegun = true;
    return { ...this.#program, inferred: [...this.#inferred] };
  }

  onStart(job: StreamJob): void {
    this.#resolve(job);
  }
}

/** Where only the plan is asked for: takes it, and runs nothing but what finds columns. */
export class PlanOnlyScope implements ModuleScope {
  readonly planned: Promise<JobGraph>;
  #resolve: (graph: JobGraph) => void = () => undefined;

  constructor() {
    this.planned = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  inference(): (sample: () => Promise<Schema>) => Promise<Schema> {
    return (sample) => sample();
  }

  begin(graph: JobGraph): undefined {
    this.#resolve(graph);
  }
}

/** On a worker: takes the plan, and runs nothing. */
export class WorkerScope implements ModuleScope {
  readonly isOnWorker = true;
  readonly planned: Promise<JobGraph>;
  readonly #program: StreamProgram;
  #places = 0;
  #resolve: (graph: JobGraph) => void = () => undefined;

  constructor(program: StreamProgram) {
    this.#program = program;
    this.planned = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  inference(): () => Promise<Schema> {
    const fields = this.#program.inferred[this.#places++];
    return async () => {
      if (fields !== undefined) return new Schema(fields);
      throw notDeterministic(this.#program.module, "has a function on a worker thread that it did not have at first");
    };
  }

  begin(graph: JobGraph): undefined {
    this.#resolve(graph);
  }
}
