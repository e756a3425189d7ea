import type { JobResult } from "../api/job-result.ts";
import {
  callModule,
  DATASET_MODULE,
  isDataSetModule,
  isLoaded,
  jsonArguments,
  type LoadedModule,
  loadModule,
} from "../api/module-function.ts";
import { checkedOptions, checkedSignal } from "../api/options.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { Json } from "../core/source.ts";
import { nodeHost } from "../host/node-host.ts";
import { ENVIRONMENT_OPTIONS, type EnvironmentOptions, ExecutionEnvironment } from "./execution-environment.ts";

/** What a module of datasets default-exports: the result of `dataSetJob`. */
export interface DataSetModule<A = Json> {
  (env: ExecutionEnvironment, args: A): void | Promise<void>;
  readonly [DATASET_MODULE]: true;
}

export interface DataSetModuleOptions<A = Json> extends EnvironmentOptions {
  /** The second argument of the module's function; JSON. Default null. */
  readonly args?: A;
  /** Stops the job that runs, and those that would follow. */
  readonly signal?: AbortSignal;
}

/**
 * The function of a job module over datasets, which `millrace run job.ts` and `runDataSetModule` call once. It may run any
 * number of jobs; what was written and not executed when it returns is executed then. Functions over rows run on the
 * thread that called it, as everywhere with datasets.
 * @example export default dataSetJob<{ year: string }>(async (env, { year }) => {
 *   await env.readParquet(`flights/${year}/*.parquet`).groupBy("origin").count().show();
 * });
 */
export function dataSetJob<A = Json>(
  build: (env: ExecutionEnvironment, args: A) => void | Promise<void>,
): DataSetModule<A> {
  if (typeof build !== "function") {
    throw new PlanError(
      "FUNCTION_INVALID",
      `dataSetJob was given ${build === undefined ? "no function" : describeValue(build)}.`,
      "Give the function that builds the job: dataSetJob((env, args) => { ... })",
    );
  }
  return Object.assign((env: ExecutionEnvironment, args: A) => build(env, args), { [DATASET_MODULE]: true } as const);
}

/**
 * Runs the function of a module of datasets, and what it has written.
 * @param module - A URL, such as `new URL("./job.ts", import.meta.url)`, or a path from the working directory.
 * @returns The results of its jobs, in the order in which they ended.
 * @throws {PlanError} JOB_MODULE_NOT_FOUND, JOB_MODULE_INVALID, JOB_MODULE_FAILED, OPTION_UNKNOWN, OPTION_INVALID, and
 * what building and running the jobs throws
 */
export async function runDataSetModule<A = Json>(
  module: string | URL,
  options?: DataSetModuleOptions<A>,
): Promise<readonly JobResult[]>;
/** @internal A module that was imported before. */
export async function runDataSetModule(
  module: LoadedModule,
  options: DataSetModuleOptions,
): Promise<readonly JobResult[]>;
export async function runDataSetModule(
  module: string | URL | LoadedModule,
  options: DataSetModuleOptions<unknown> = {},
): Promise<readonly JobResult[]> {
  const method = "runDataSetModule";
  const names = ["args", "signal", ...ENVIRONMENT_OPTIONS];
  const { args, signal, ...environment } = checkedOptions(method, options, names);
  checkedSignal(method, signal === undefined ? {} : { signal });
  const given = jsonArguments(method, args ?? null);
  const { url, build } = isLoaded(module) ? module : await loadModule(method, module, nodeHost());
  if (!isDataSetModule(build)) {
    throw new PlanError(
      "JOB_MODULE_INVALID",
      `${method} was given the module "${url}", whose function is not marked as one of datasets.`,
      "Export it as dataSetJob((env, args) => { ... }), or run a job of streams with runJobModule.",
    );
  }
  const results: JobResult[] = [];
  const { env, finish } = ExecutionEnvironment.inModule(environment, {
    ...(signal === undefined ? {} : { signal }),
    onResult: (result) => void results.push(result),
  });
  await callModule(build, url, env, given);
  await finish();
  return results;
}
