import { describeValue } from "../../core/describe-value.ts";
import { PlanError } from "../../core/errors.ts";
import { type FaultCase, type FaultSchedule, type InputRows, PLAIN_SCHEDULE } from "./fault-schedule.ts";
import { fromPlain, type PlainJson, toPlain } from "./value-json.ts";

const VERSION = 1;

/** A case as one line of JSON; what is as in the plain schedule is left out. */
export function replayText({ inputs, splits, schedule }: FaultCase): string {
  const changed = Object.entries(schedule).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(PLAIN_SCHEDULE[name as keyof FaultSchedule]),
  );
  return JSON.stringify({ v: VERSION, inputs: toPlain(inputs), splits, schedule: Object.fromEntries(changed) });
}

/** @throws {PlanError} REPLAY_INVALID */
export function parseReplay(text: string, names: readonly string[]): FaultCase {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is no JSON", cause);
  }
  if (!isObject(parsed)) throw invalid(`it is ${describeValue(parsed)}`);
  if (parsed.v !== VERSION) throw invalid(`its version is ${describeValue(parsed.v)}, and this one reads ${VERSION}`);
  const { inputs, splits, schedule } = parsed;
  if (!isObject(inputs) || !isObject(splits) || !isObject(schedule)) throw invalid("inputs, splits or schedule lack");
  const rows = fromPlain(inputs as { readonly [name: string]: PlainJson }) as InputRows;
  for (const name of names) if (!Array.isArray(rows[name])) throw invalid(`it has no rows for the input "${name}"`);
  if (!Number.isInteger(splits.count) || !Array.isArray(splits.deal)) throw invalid("its splits have no number");
  const unknown = Object.keys(schedule).find((name) => !Object.hasOwn(PLAIN_SCHEDULE, name));
  if (unknown !== undefined) throw invalid(`nothing is known of "${unknown}" of a schedule`);
  return {
    inputs: rows,
    splits: { count: splits.count as number, deal: splits.deal as number[] },
    schedule: { ...PLAIN_SCHEDULE, ...(schedule as Partial<FaultSchedule>) },
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const invalid = (what: string, cause?: unknown): PlanError =>
  new PlanError(
    "REPLAY_INVALID",
    `The replay string cannot be used: ${what}.`,
    "Give the one that the failed check has printed, as it is, to the check of the same job.",
    { cause },
  );
