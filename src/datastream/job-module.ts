import "./methods.ts";
import type { JobResult } from "../api/job-result.ts";
import {
  callModule,
  isDataSetModule,
  isLoaded,
  jsonArguments,
  type LoadedModule,
  loadModule,
} from "../api/module-function.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import type { Json } from "../core/source.ts";
import { nodeHost } from "../host/node-host.ts";
import { PlanningScope } from "./module-scope.ts";
import { StreamExecutionEnvironment } from "./stream-execution-environment.ts";
import type { StreamJob } from "./stream-job.ts";
import {
  ENVIRONMENT_OPTIONS,
  EXECUTE_OPTIONS,
  type ExecuteOptions,
  type StreamEnvironmentOptions,
} from "./stream-options.ts";

/**
 * What a job module default-exports: it builds the streams of one job. The planning thread and every worker thread run
 * it, so it must do the same each time: what it builds may depend on `args` alone.
 * It may run the job itself, with `env.execute`, `env.executeAsync` or `executeAndCollect`; code behind that runs on the
 * planning thread alone. Else the job starts when it returns.
 */
export type JobModule<A = Json> = (env: StreamExecutionEnvironment, args: A) => void | Promise<void>;

export interface JobModuleOptions<A = Json> extends StreamEnvironmentOptions, ExecuteOptions {
  /** The second argument of the module's function; JSON, which every thread gets a copy of. Default null. */
  readonly args?: A;
}

/** On a worker thread no job may start: each worker of it would start another. */
let mayRun = true;

/** @internal From now on this thread only builds plans. */
export function forbidJobs(): void {
  mayRun = false;
}

/**
 * Runs the job of a module with its functions, sources and sinks on `parallelism` worker threads. Only what belongs to
 * the calling program stays on its thread: `fromCollection`, `print`, `forEach`, and what the module does behind `execute`.
 * @param module - A URL, such as `new URL("./job.ts", import.meta.url)`, or a path from the working directory.
 * @throws {PlanError} JOB_MODULE_NOT_FOUND, JOB_MODULE_INVALID, JOB_MODULE_FAILED, JOB_MODULE_NOT_DETERMINISTIC,
 * JOB_MODULE_SECOND_JOB, OPTION_UNKNOWN, OPTION_INVALID, and what building and running the job throws
 */
export async function runJobModule<A = Json>(
  module: string | URL,
  options: JobModuleOptions<A> = {},
): Promise<JobResult> {
  const { job, ended } = await launch("runJobModule", module, options);
  const result = await job.result();
  await ended;
  return result;
}

/** Starts the job of a module and gives a handle to it. See `runJobModule`. */
export async function startJobModule<A = Json>(module: string | URL, options?: JobModuleOptions<A>): Promise<StreamJob>;
/** @internal A module that was imported before. */
export async function startJobModule(module: LoadedModule, options: JobModuleOptions): Promise<StreamJob>;
export async function startJobModule(
  module: string | URL | LoadedModule,
  options: JobModuleOptions<unknown> = {},
): Promise<StreamJob> {
  const { job, ended } = await launch("startJobModule", module, options);
  // A failure of the job is told by its handle; another one of the module has nobody else who hears of it.
  const failure = job.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  void ended.catch(async (thrown: unknown) => {
    if (thrown !== (await failure)) throw thrown;
  });
  return job;
}

/** `ended`: the module's function has returned. */
async function launch(
  method: string,
  module: string | URL | LoadedModule,
  options: JobModuleOptions<unknown>,
): Promise<{ job: StreamJob; ended: Promise<void> }> {
  if (!mayRun) {
    throw new PlanError(
      "JOB_MODULE_NESTED",
      `A job module calls ${method} on a worker thread, where it is imported to build its plan.`,
      "Call it from another file than the module.",
    );
  }
  const { args, signal, restore, restoreFrom, allowNonRestoredState, renamedState, jobName, ...environment } =
    checkedOptions(method, options, ["args", ...EXECUTE_OPTIONS, ...ENVIRONMENT_OPTIONS]);
  const { host = nodeHost(), ...plain } = environment;
  const given = jsonArguments(method, args ?? null);
  const { url, compiled, build } = isLoaded(module) ? module : await loadModule(method, module, host);
  if (isDataSetModule(build)) {
    throw new PlanError(
      "JOB_MODULE_INVALID",
      `${method} was given the module "${url}", whose function takes an environment of datasets.`,
      "Run it with runDataSetModule.",
    );
  }
  const scope = new PlanningScope(
    { module: url, compiled, args: given, environment: plain },
    {
      ...(signal === undefined ? {} : { signal }),
      ...(restore === undefined ? {} : { restore }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
      ...(allowNonRestoredState === undefined ? {} : { allowNonRestoredState }),
      ...(renamedState === undefined ? {} : { renamedState }),
      ...(jobName === undefined ? {} : { jobName }),
    },
  );
  const env = StreamExecutionEnvironment.inModule({ ...plain, host }, scope);
  const ended = callModule(build, url, env, given);
  const job = await Promise.race([
    scope.started,
    ended.then(async () => (scope.hasBegun ? scope.started : env.executeAsync())),
  ]);
  return { job, ended };
}
