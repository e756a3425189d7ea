import "./methods.ts";
import type { JobResult } from "../api/job-result.ts";
import { checkedOptions } from "../api/options.ts";
import { EngineError, PlanError } from "../core/errors.ts";
import type { HostModules } from "../core/host.ts";
import type { Json } from "../core/source.ts";
import { nodeHost } from "../host/node-host.ts";
import { PlanningScope } from "./module-scope.ts";
import {
  ENVIRONMENT_OPTIONS,
  type ExecuteOptions,
  type StreamEnvironmentOptions,
  StreamExecutionEnvironment,
} from "./stream-execution-environment.ts";
import type { StreamJob } from "./stream-job.ts";

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

const EXECUTE_OPTIONS = ["signal", "restore", "jobName"];

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
export async function startJobModule<A = Json>(
  module: string | URL,
  options: JobModuleOptions<A> = {},
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

/** Imports a module and gives its function. */
export async function importJobModule(modules: HostModules, url: string, compiled: string): Promise<JobModule> {
  const exports = await modules.import(url, compiled);
  const { default: given } = exports;
  // A module of CommonJS has its exports as the default one.
  const build = (given as { default?: unknown } | undefined)?.default ?? given;
  if (typeof build === "function") return build as JobModule;
  throw new PlanError(
    "JOB_MODULE_INVALID",
    build === undefined
      ? `The job module "${url}" has no default export.`
      : `The default export of the job module "${url}" is ${build === null ? "null" : `of type ${typeof build}`}.`,
    "Export the function that builds the job: export default (env, args) => { ... }",
  );
}

/** Runs the function of a module. What it throws is its own failure, unless it is an error of the engine. */
export async function callJobModule(
  build: JobModule,
  url: string,
  env: StreamExecutionEnvironment,
  args: Json,
): Promise<void> {
  try {
    await build(env, args);
  } catch (thrown) {
    if (thrown instanceof EngineError) throw thrown;
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    throw new PlanError(
      "JOB_MODULE_FAILED",
      `The function of the job module "${url}" threw ${text}.`,
      "See the cause for its stack.",
      { cause: thrown },
    );
  }
}

/** `ended`: the module's function has returned. */
async function launch(
  method: string,
  module: string | URL,
  options: JobModuleOptions<unknown>,
): Promise<{ job: StreamJob; ended: Promise<void> }> {
  if (!mayRun) {
    throw new PlanError(
      "JOB_MODULE_NESTED",
      `A job module calls ${method} on a worker thread, where it is imported to build its plan.`,
      "Call it from another file than the module.",
    );
  }
  const { args, signal, restore, jobName, ...environment } = checkedOptions(method, options, [
    "args",
    ...EXECUTE_OPTIONS,
    ...ENVIRONMENT_OPTIONS,
  ]);
  const { host = nodeHost(), ...plain } = environment;
  if (!(typeof module === "string" || module instanceof URL)) {
    throw new PlanError(
      "OPTION_INVALID",
      `${method} was given ${String(module)}, which is no module.`,
      'Give its URL, for example new URL("./job.ts", import.meta.url), or its path.',
    );
  }
  const url = host.modules.resolve(module);
  const given = jsonOf(method, args ?? null);
  const compiled = await host.modules.compile(url);
  const scope = new PlanningScope(
    { module: url, compiled, args: given, environment: plain },
    {
      ...(signal === undefined ? {} : { signal }),
      ...(restore === undefined ? {} : { restore }),
      ...(jobName === undefined ? {} : { jobName }),
    },
  );
  const env = StreamExecutionEnvironment.inModule({ ...plain, host }, scope);
  const build = await importJobModule(host.modules, url, compiled);
  const ended = callJobModule(build, url, env, given);
  const job = await Promise.race([
    scope.started,
    ended.then(async () => (scope.hasBegun ? scope.started : env.executeAsync())),
  ]);
  return { job, ended };
}

/** The same value, as every thread will get it. */
function jsonOf(method: string, args: unknown): Json {
  const fault = jsonFault(args, "args", new Set());
  if (fault === undefined) return JSON.parse(JSON.stringify(args)) as Json;
  throw new PlanError(
    "OPTION_INVALID",
    `The option args of ${method} is no JSON: ${fault}.`,
    "Every thread gets its own copy of it: give null, booleans, numbers, strings, arrays and plain objects of these.",
  );
}

/** Where and why a value would not survive as JSON. */
function jsonFault(value: unknown, path: string, above: ReadonlySet<object>): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${path} is ${value}`;
  if (typeof value !== "object") return `${path} is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  if (above.has(value)) return `${path} contains itself`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${path} is an object of class ${(value.constructor as { name?: string } | undefined)?.name ?? "unknown"}`;
  }
  const within = new Set([...above, value]);
  for (const [name, each] of Object.entries(value)) {
    const fault = jsonFault(each, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, within);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
