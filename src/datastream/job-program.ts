import { callModule, importModuleFunction } from "../api/module-function.ts";
import { EngineError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { BuiltProgram, ProgramSpec } from "../runtime/job-program.ts";
import { notDeterministic } from "../runtime/portable-graph.ts";
import { type StreamProgram, WorkerScope } from "./module-scope.ts";
import { StreamExecutionEnvironment } from "./stream-execution-environment.ts";

export { forbidJobs } from "./job-module.ts";

/**
 * On a worker thread: runs the job module up to where the planning thread ran its job, and gives the plan of that. The
 * module's function stays there for good.
 * @throws {PlanError} those of the module, JOB_MODULE_NOT_DETERMINISTIC
 */
export async function buildJobProgram(spec: ProgramSpec, host: Host): Promise<BuiltProgram> {
  const program = spec as StreamProgram;
  const { module, compiled, args, environment } = program;
  const scope = new WorkerScope(program);
  const env = StreamExecutionEnvironment.inModule({ ...environment, host }, scope);
  const build = await importModuleFunction(host.modules, module, compiled);
  const ended = callModule(build, module, env, args).then(async () => {
    try {
      await env.executeAsync();
    } catch (thrown) {
      if (!(thrown instanceof EngineError && thrown.code === "NOTHING_TO_EXECUTE")) throw thrown;
      throw notDeterministic(module, "ran a job at first, and builds none on a worker thread");
    }
  });
  // Where the module runs its job itself, neither its function nor this comes to an end.
  const graph = await Promise.race([scope.planned, ended.then(() => scope.planned)]);
  return { graph, accumulators: (job) => env.accumulatorStates(job) };
}
