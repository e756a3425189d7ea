import "./methods.ts";
import { callModule, isDataSetModule, type LoadedModule } from "../api/module-function.ts";
import { connectorRegistry } from "../connectors/registry.ts";
import { crc32cOf } from "../core/checksum.ts";
import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Json } from "../core/source.ts";
import { Workspace } from "../core/workspace.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { checkRestore, unmatched } from "../runtime/check-restore.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import { stepsOf } from "../runtime/step-names.ts";
import { tryRestore } from "../runtime/try-restore.ts";
import { openSavepoint } from "../state/savepoints/read-savepoint.ts";
import { PlanOnlyScope } from "./module-scope.ts";
import { checkRestoreOptions, type RestoreOptions } from "./restore-options.ts";
import { StreamExecutionEnvironment } from "./stream-execution-environment.ts";
import type { StreamEnvironmentOptions } from "./stream-options.ts";

export interface CheckOptions extends Pick<RestoreOptions, "allowNonRestoredState" | "renamedState"> {
  readonly args: Json;
  readonly environment: StreamEnvironmentOptions;
}

/** How a job that can go on from a savepoint does so. */
export interface SavepointCheck {
  /** Steps that find state, by uid. */
  readonly restored: readonly string[];
  /** Steps of the job that begin without. */
  readonly fresh: readonly string[];
  /** State that is left behind. */
  readonly left: readonly string[];
}

/**
 * Whether the job of a module can go on from a savepoint: plans it, and opens its steps with the state, without reading or
 * writing a row. State that a function asks for only when a row comes is not looked at.
 * @throws {EngineError} what it would be refused with
 */
export async function checkSavepoint(
  host: Host,
  path: string,
  loaded: LoadedModule,
  { args, environment, allowNonRestoredState = false, renamedState = {} }: CheckOptions,
): Promise<SavepointCheck> {
  checkRestoreOptions({ allowNonRestoredState, renamedState });
  const module = kernelModule();
  const workspace = new Workspace(module);
  const savepoint = await openSavepoint(host.files, path, (bytes) => crc32cOf(workspace, [bytes]));
  const snapshot = await savepoint.read();
  const graph = await planOf(host, loaded, args, environment);
  const { kind: what, steps } = savepoint.manifest;
  const site = { what, where: path, allowNonRestoredState, renamedState, ...(steps === undefined ? {} : { steps }) };
  const left = unmatched(graph, snapshot);
  const fitting = checkRestore(graph, snapshot, site);
  await tryRestore({ host, registry: connectorRegistry, module }, graph, fitting);
  const known = Object.keys(stepsOf(graph));
  const isThere = (uid: string): boolean => Object.hasOwn(snapshot.operators, uid);
  return { restored: known.filter(isThere), fresh: known.filter((uid) => !isThere(uid)), left };
}

async function planOf(
  host: Host,
  { url, build }: LoadedModule,
  args: Json,
  environment: StreamEnvironmentOptions,
): Promise<JobGraph> {
  if (isDataSetModule(build)) {
    throw new PlanError("JOB_MODULE_INVALID", `The module "${url}" has a job of datasets.`, "Give one of streams.");
  }
  const scope = new PlanOnlyScope();
  const env = StreamExecutionEnvironment.inModule({ ...environment, host }, scope);
  const ended = callModule(build, url, env, args).then(() => env.executeAsync());
  // Where the module runs its job itself, neither its function nor this comes to an end.
  return Promise.race([scope.planned, ended.then(() => scope.planned)]);
}
