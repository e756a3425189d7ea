import { EngineError } from "../../core/errors.ts";
import type { FaultCase, InputRows } from "./fault-schedule.ts";
import type { OutputDifference } from "./outputs.ts";
import { replayText } from "./replay.ts";
import { valueText } from "./value-text.ts";

/** What a check has found, after it was made as small as could be. */
export interface FaultFinding {
  readonly given: FaultCase;
  /** In a sentence. */
  readonly what: string;
  readonly differences: readonly OutputDifference[];
  readonly timeline: readonly string[];
  /** Does it take a fault, or does the job differ from run to run by itself? */
  readonly needsFault: boolean;
  readonly cause?: unknown;
}

/** A faulted run of a job gave something else than it should. */
export class FaultCheckError extends EngineError {
  readonly code: "FAULT_CHECK_FAILED" | "FAULT_CHECK_NOT_DETERMINISTIC";
  readonly origin = "user";
  readonly retryable = false;
  /** For the option `replay`, or an environment variable. */
  readonly replay: string;
  readonly inputs: InputRows;
  readonly differences: readonly OutputDifference[];
  readonly timeline: readonly string[];

  constructor(finding: FaultFinding) {
    const { given, what, differences, timeline, needsFault, cause } = finding;
    const replay = replayText(given);
    super(
      [
        what,
        ...differences.flatMap(differenceText),
        `Input:\n${Object.entries(given.inputs).map(inputText).join("\n")}`,
        `Schedule: ${scheduleText(given)}`,
        `What happened:\n${timeline.join("\n")}`,
      ].join("\n"),
      `\n${needsFault ? FAULTED : UNFAULTED}\nTo see it again, give this as the option replay:\n${replay}`,
      { cause },
    );
    this.code = needsFault ? "FAULT_CHECK_FAILED" : "FAULT_CHECK_NOT_DETERMINISTIC";
    this.replay = replay;
    this.inputs = given.inputs;
    this.differences = differences;
    this.timeline = timeline;
  }
}

const FAULTED =
  "Without these faults the job gives what is expected: look at what it keeps, reads or writes outside of its state.";
const UNFAULTED =
  "No fault is needed: two schedules give different results. Let results depend on event time and keys, not on the order " +
  "in which rows of several splits come, nor on clock or chance; or say with `expect` what holds for all of them.";

const MOST_ROWS = 20;

function differenceText({ output, lost, duplicated }: OutputDifference): string[] {
  return [
    ...(lost.length === 0 ? [] : [`Output "${output}" has lost:\n${listed(lost)}`]),
    ...(duplicated.length === 0 ? [] : [`Output "${output}" has too much, or twice:\n${listed(duplicated)}`]),
  ];
}

const listed = (rows: readonly string[]): string =>
  [
    ...rows.slice(0, MOST_ROWS).map((row) => `  ${row}`),
    ...(rows.length > MOST_ROWS ? [`  ... ${rows.length - MOST_ROWS} more`] : []),
  ].join("\n");

const inputText = ([name, rows]: readonly [string, readonly object[]]): string =>
  rows.length === 0 ? `  ${name}: no rows` : `  ${name}:\n${listed(rows.map((row) => `  ${valueText(row)}`))}`;

function scheduleText({ splits, schedule }: FaultCase): string {
  const { faults, parallelism, threads } = schedule;
  const spread = `parallelism ${parallelism.join(", then ")}${threads > 1 ? ` on ${threads} threads` : ""}`;
  const failing = faults.map(({ label, nth, kind, amount }) => {
    return `${kind} at ${label} #${nth + 1}${amount === undefined ? "" : ` (${amount})`}`;
  });
  return `${spread}, ${splits.count} splits, ${failing.length === 0 ? "no fault" : failing.join(", ")}`;
}
