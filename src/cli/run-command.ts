import { isDataSetModule, type LoadedModule, loadModule } from "../api/module-function.ts";
import { EngineError, PlanError } from "../core/errors.ts";
import { escapeControls } from "../core/escape-controls.ts";
import type { Json } from "../core/source.ts";
import { runDataSetModule } from "../dataset/dataset-module.ts";
import { startJobModule } from "../datastream/job-module.ts";
import type { RuntimeMode } from "../datastream/stream-options.ts";
import { nodeHost } from "../host/node-host.ts";
import { describeFailure, invalid, parseArguments, wholeNumber } from "./command-line.ts";

/** What a command needs of the process that it runs in. */
export interface CommandContext {
  printError(line: string): void;
  /** Calls back when the user interrupts; the result takes it back. */
  onInterrupt(callback: () => void): () => void;
}

export const RUN_USAGE = `millrace run <job module> [options] [-- arguments of the job]

Runs the job of a module, JavaScript or TypeScript, on this machine: one of streams, or one of datasets where the module
exports dataSetJob((env, args) => { ... }).

  --parallelism <n>        worker threads; of streams the subtasks of each step, on as many threads (default 1: one
                           thread), of datasets the machine's (default)
  --max-parallelism <n>    key groups of streams (default 128)
  --runtime-mode <mode>    of streams: STREAMING (default), BATCH or AUTOMATIC
  --job-name <name>        of streams: for people, in errors and savepoints, unless the job names itself
  --restore-from <path>    of streams: the directory of a savepoint to go on from
  --allow-non-restored-state
                           of streams: leave the state of steps behind that the job does not have
  --memory <bytes>         before a job of datasets spills to disk, such as 512m or 4g (default half of the machine's)

What follows -- is for the job: "-- --port 9000 --verbose in.txt" gives its function the arguments
{ "port": "9000", "verbose": true, "_": ["in.txt"] }.

Exit codes: 0 done, 1 failed, 2 a wrong command, 130 interrupted.`;

const INTERRUPTED = 130;

/** `millrace run`: gives the exit code of the process. */
export async function runCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const stop = new AbortController();
  const stopListening = context.onInterrupt(() => stop.abort());
  try {
    const { module, options } = parseRun(argv);
    const loaded = await loadModule("run", module, nodeHost());
    const run = isDataSetModule(loaded.build) ? runDataSets : runStream;
    await run(loaded, options, stop.signal, context);
    return 0;
  } catch (thrown) {
    if (stop.signal.aborted && thrown instanceof EngineError && thrown.code === "JOB_CANCELLED") {
      context.printError("The job was cancelled.");
      return INTERRUPTED;
    }
    for (const line of describeFailure(thrown)) context.printError(line);
    return thrown instanceof PlanError && thrown.code === "COMMAND_INVALID" ? 2 : 1;
  } finally {
    stopListening();
  }
}

type Run = (
  loaded: LoadedModule,
  options: RunOptions,
  signal: AbortSignal,
  context: CommandContext,
) => void | Promise<void>;

const runStream: Run = async (loaded, { memoryBytes, ...options }, signal, context) => {
  if (memoryBytes !== undefined) throw invalid("The option --memory is for jobs of datasets.");
  const job = await startJobModule(loaded, { ...options, signal });
  const { durationMs, accumulators } = await job.result();
  const named = job.name === undefined ? "The job" : `The job "${escapeControls(job.name)}"`;
  context.printError(`${named} finished after ${seconds(durationMs)}.`);
  printAccumulators(accumulators, context);
};

const runDataSets: Run = async (loaded, options, signal, context) => {
  const { maxParallelism, runtimeMode, jobName, restoreFrom, allowNonRestoredState, ...own } = options;
  const ofStreams = {
    "max-parallelism": maxParallelism,
    "runtime-mode": runtimeMode,
    "job-name": jobName,
    "restore-from": restoreFrom,
    "allow-non-restored-state": allowNonRestoredState,
  };
  for (const [name, given] of Object.entries(ofStreams)) {
    if (given !== undefined) throw invalid(`The option --${name} is for jobs of streams.`);
  }
  const results = await runDataSetModule(loaded, { ...own, signal });
  const durationMs = results.reduce((sum, result) => sum + result.durationMs, 0);
  const jobs = results.length === 1 ? "The job" : `${results.length} jobs`;
  context.printError(
    results.length === 0 ? "There was no job to run." : `${jobs} finished after ${seconds(durationMs)}.`,
  );
  for (const { accumulators } of results) printAccumulators(accumulators, context);
};

const seconds = (durationMs: number): string => `${(durationMs / 1000).toFixed(1)} s`;

function printAccumulators(accumulators: Readonly<Record<string, unknown>>, context: CommandContext): void {
  for (const [name, value] of Object.entries(accumulators)) {
    context.printError(
      `${name}: ${JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each))}`,
    );
  }
}

/** What stands before --, by the names of the environments' options, and the arguments of the job. */
export interface RunOptions {
  readonly args: Json;
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly runtimeMode?: RuntimeMode;
  readonly jobName?: string;
  readonly memoryBytes?: number;
  readonly restoreFrom?: string;
  readonly allowNonRestoredState?: true;
}

/** @throws {PlanError} COMMAND_INVALID */
export function parseRun(argv: readonly string[]): { module: string; options: RunOptions } {
  const end = argv.indexOf("--");
  const [own, given] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const { _: modules, ...named } = parseArguments(own);
  const options: { -readonly [N in keyof RunOptions]: RunOptions[N] } = { args: parseArguments(given) };
  for (const [name, text] of Object.entries(named)) {
    if (name === "parallelism") options.parallelism = wholeNumber(name, text);
    else if (name === "max-parallelism") options.maxParallelism = wholeNumber(name, text);
    else if (name === "runtime-mode") options.runtimeMode = String(text).toUpperCase() as RuntimeMode;
    else if (name === "job-name") options.jobName = textOf(name, text, "a name");
    else if (name === "restore-from") options.restoreFrom = textOf(name, text, "a path");
    else if (name === "allow-non-restored-state") options.allowNonRestoredState = flag(name, text);
    else if (name === "memory") options.memoryBytes = bytes(text);
    else throw invalid(`There is no option --${name}.`);
  }
  if (modules.length !== 1) {
    throw invalid(modules.length === 0 ? "No job module was given." : `${modules.length} job modules were given.`);
  }
  return { module: modules[0], options };
}

function textOf(name: string, text: string | true, what: string): string {
  if (text !== true && text !== "") return text;
  throw invalid(`The option --${name} is without a value, and takes ${what}.`);
}

function flag(name: string, text: string | true): true {
  if (text === true) return true;
  throw invalid(`The option --${name} takes no value, and was given "${text}".`);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function bytes(text: string | true): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmg]?)b?$/i.exec(String(text)) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * UNITS[unit.toLowerCase()]);
  throw invalid(
    `The option --memory is ${text === true ? "without a value" : `"${text}"`}, and not a number of bytes.`,
  );
}
