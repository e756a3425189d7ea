import { EngineError, PlanError } from "../core/errors.ts";
import type { Json } from "../core/source.ts";
import { type JobModuleOptions, startJobModule } from "../datastream/job-module.ts";
import type { RuntimeMode } from "../datastream/stream-execution-environment.ts";

/** What a command needs of the process that it runs in. */
export interface CommandContext {
  printError(line: string): void;
  /** Calls back when the user interrupts; the result takes it back. */
  onInterrupt(callback: () => void): () => void;
}

export const RUN_USAGE = `millrace run <job module> [options] [-- arguments of the job]

Runs the job of a module, JavaScript or TypeScript, on this machine.

  --parallelism <n>        subtasks of each step, on as many worker threads (default 1: one thread)
  --max-parallelism <n>    key groups (default 128)
  --runtime-mode <mode>    STREAMING (default), BATCH or AUTOMATIC

What follows -- is for the job: "-- --port 9000 --verbose in.txt" gives its function the arguments
{ "port": "9000", "verbose": true, "_": ["in.txt"] }.`;

const INTERRUPTED = 130;

/** `millrace run`: gives the exit code of the process. */
export async function runCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    const { module, options } = parseRun(argv);
    const job = await startJobModule(module, options);
    let isInterrupted = false;
    const stopListening = context.onInterrupt(() => {
      isInterrupted = true;
      void job.cancel();
    });
    try {
      const { durationMs, accumulators } = await job.result();
      context.printError(`The job finished after ${(durationMs / 1000).toFixed(1)} s.`);
      for (const [name, value] of Object.entries(accumulators)) context.printError(`${name}: ${JSON.stringify(value)}`);
      return 0;
    } catch (thrown) {
      if (!isInterrupted) throw thrown;
      context.printError("The job was cancelled.");
      return INTERRUPTED;
    } finally {
      stopListening();
    }
  } catch (thrown) {
    for (const line of describeFailure(thrown)) context.printError(line);
    return thrown instanceof PlanError && thrown.code === "COMMAND_INVALID" ? 2 : 1;
  }
}

/** @throws {PlanError} COMMAND_INVALID */
export function parseRun(argv: readonly string[]): { module: string; options: JobModuleOptions } {
  const end = argv.indexOf("--");
  const [own, given] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const { _: modules, ...named } = parseArguments(own);
  const options: Record<string, Json> = { args: parseArguments(given) };
  for (const [name, text] of Object.entries(named)) {
    if (name === "parallelism") options.parallelism = Number(text);
    else if (name === "max-parallelism") options.maxParallelism = Number(text);
    else if (name === "runtime-mode") options.runtimeMode = String(text).toUpperCase() as RuntimeMode;
    else throw invalid(`There is no option --${name}.`);
  }
  if (modules.length !== 1) {
    throw invalid(modules.length === 0 ? "No job module was given." : `${modules.length} job modules were given.`);
  }
  return { module: modules[0], options: options as JobModuleOptions };
}

/** `--name value` and `--name=value` by name, `--name` before another name or the end as true, the rest as `_`. */
export function parseArguments(argv: readonly string[]): { readonly [name: string]: string | true } & { _: string[] } {
  const named: Record<string, string | true> = {};
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(argv[i]);
    if (match === null) rest.push(argv[i]);
    else if (match[2] !== undefined) named[match[1]] = match[2];
    else named[match[1]] = argv[i + 1] === undefined || argv[i + 1].startsWith("--") ? true : argv[++i];
  }
  return Object.assign(named, { _: rest }) as never;
}

const invalid = (what: string): PlanError =>
  new PlanError("COMMAND_INVALID", what, 'See "millrace run --help" for the command.');

function describeFailure(thrown: unknown): string[] {
  if (!(thrown instanceof EngineError)) return [thrown instanceof Error ? String(thrown.stack) : String(thrown)];
  const { code, message, operator, cause } = thrown;
  return [
    `${code}: ${message}`,
    ...(operator === undefined ? [] : [`  in ${operator}`]),
    ...(cause instanceof Error ? [`Caused by ${cause.stack ?? cause.message}`] : []),
  ];
}
