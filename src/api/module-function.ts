import { describeValue } from "../core/describe-value.ts";
import { EngineError, PlanError } from "../core/errors.ts";
import type { Host, HostModules } from "../core/host.ts";
import { jsonFault } from "../core/json-fault.ts";
import type { Json } from "../core/source.ts";

/** The default export of a job module: it gets an environment and its arguments. */
export type ModuleFunction = (env: never, args: never) => void | Promise<void>;

/** A job module that this thread has imported. */
export interface LoadedModule {
  readonly url: string;
  /** Whence threads that cannot read it import it. */
  readonly compiled: string;
  readonly build: ModuleFunction;
}

export const isLoaded = (module: string | URL | LoadedModule): module is LoadedModule =>
  typeof module === "object" && module !== null && "build" in module;

/** On functions of `dataSetJob`; known also where a package is there twice. */
export const DATASET_MODULE = Symbol.for("millrace.dataSetJob");

/** Whether the function takes an environment of datasets instead of one of streams. */
export const isDataSetModule = (build: object): boolean =>
  (build as { readonly [DATASET_MODULE]?: unknown })[DATASET_MODULE] === true;

/**
 * Imports a job module by its URL, or its path from the working directory.
 * @throws {PlanError} OPTION_INVALID, JOB_MODULE_NOT_FOUND, JOB_MODULE_INVALID, JOB_MODULE_FAILED
 */
export async function loadModule(method: string, module: string | URL, host: Host): Promise<LoadedModule> {
  if (!(typeof module === "string" || module instanceof URL)) {
    throw new PlanError(
      "OPTION_INVALID",
      `${method} was given ${describeValue(module)}, which is no module.`,
      'Give its URL, for example new URL("./job.ts", import.meta.url), or its path.',
    );
  }
  const url = host.modules.resolve(module);
  const compiled = await host.modules.compile(url);
  return { url, compiled, build: await importModuleFunction(host.modules, url, compiled) };
}

/** Imports a module and gives its function. */
export async function importModuleFunction(
  modules: HostModules,
  url: string,
  compiled: string,
): Promise<ModuleFunction> {
  const exports = await modules.import(url, compiled);
  const { default: given } = exports;
  // A module of CommonJS has its exports as the default one.
  const build = (given as { default?: unknown } | undefined)?.default ?? given;
  if (typeof build === "function") return build as ModuleFunction;
  throw new PlanError(
    "JOB_MODULE_INVALID",
    build === undefined
      ? `The job module "${url}" has no default export.`
      : `The default export of the job module "${url}" is ${describeValue(build)}.`,
    "Export the function that builds the job: export default (env, args) => { ... }",
  );
}

/** Runs the function of a module. What it throws is its own failure, unless it is an error of the engine. */
export async function callModule(build: ModuleFunction, url: string, env: object, args: Json): Promise<void> {
  try {
    await (build as (env: object, args: Json) => void | Promise<void>)(env, args);
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

/** The same value, as every thread will get it. */
export function jsonArguments(method: string, args: unknown): Json {
  const fault = jsonFault(args, "args");
  if (fault === undefined) return JSON.parse(JSON.stringify(args)) as Json;
  throw new PlanError(
    "OPTION_INVALID",
    `The option args of ${method} is no JSON: ${fault}.`,
    "Every thread gets its own copy of it: give null, booleans, numbers, strings, arrays and plain objects of these.",
  );
}
