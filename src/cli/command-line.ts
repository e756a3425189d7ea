import { EngineError, PlanError } from "../core/errors.ts";
import { escapeControls } from "../core/escape-controls.ts";

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

/** @throws {PlanError} COMMAND_INVALID */
export function wholeNumber(name: string, text: string | true): number {
  if (text !== true && /^\d+$/.test(text)) return Number(text);
  throw invalid(`The option --${name} is ${text === true ? "without a value" : `"${text}"`}, and not a whole number.`);
}

export const invalid = (what: string): PlanError =>
  new PlanError("COMMAND_INVALID", what, 'See "millrace --help" for the commands.');

/** Lines for people. */
export function describeFailure(thrown: unknown): string[] {
  if (!(thrown instanceof EngineError)) return [thrown instanceof Error ? String(thrown.stack) : String(thrown)];
  const { code, message, jobName, operator, cause } = thrown;
  return [
    `${code}: ${message}`,
    ...(operator === undefined ? [] : [`  in ${operator}`]),
    ...(jobName === undefined ? [] : [`  of the job "${escapeControls(jobName)}"`]),
    ...(cause instanceof Error ? [`Caused by ${cause.stack ?? cause.message}`] : []),
  ];
}
