import { EngineError } from "../../core/errors.ts";
import type { Simulation } from "../simulation.ts";
import { type FaultCase, type FaultSchedule, PLAIN_SCHEDULE } from "./fault-schedule.ts";
import { type CheckedJob, NeverFinishesError, type RunRecord, runCase, simulationOfFailure } from "./faulted-run.ts";
import {
  differences,
  type Multiset,
  multisetOf,
  type OutputDifference,
  type Outputs,
  standingRows,
} from "./outputs.ts";
import type { WrittenRow } from "./transactional-store.ts";

/** Throws where outputs are not what they should be. */
export type Expectation = (outputs: Outputs, inputs: Readonly<Record<string, readonly object[]>>) => void;

export type Expecting = Expectation | undefined;

/** What runs are held against. */
export interface Expected {
  /** Whether the job writes files, which are looked at after each attempt. */
  readonly files: boolean;
  /** Of an undisturbed run; undefined where the user's own expectation counts. */
  readonly outputs: ReadonlyMap<string, Multiset> | undefined;
  readonly expect: Expecting;
}

/** A run that went wrong. */
export interface Failure {
  readonly given: FaultCase;
  readonly what: string;
  readonly differences: readonly OutputDifference[];
  readonly error: Error;
  /** The error says all by itself. */
  readonly isOwnError: boolean;
  readonly simulation: Simulation | undefined;
}

/** Rows that are visible, and must not be, or not as often. */
class TooMuchError extends Error {
  readonly output: string;
  readonly differences: readonly OutputDifference[];

  constructor(output: string, rows: readonly string[]) {
    super(`Rows became visible in "${output}" that never should, or too often`);
    this.output = output;
    this.differences = [{ output, lost: [], duplicated: rows }];
  }
}

/** Runs the job once with nothing that fails, where that is what runs are held against. */
export async function whatIsExpected(job: CheckedJob, given: FaultCase, expect: Expecting): Promise<Expected> {
  if (expect !== undefined) return { files: true, outputs: undefined, expect };
  const plain: FaultCase = { ...given, schedule: PLAIN_SCHEDULE };
  const { outputs } = await runCase(job, plain, { hasCheckpoints: false });
  const files = job.system !== undefined || [...outputs.keys()].some((name) => name.startsWith("/"));
  return { files, outputs: multisets(outputs), expect };
}

/** Runs a case and says what is wrong with it, if anything is. `onRecord` gets what has come to an end. */
export async function judge(
  job: CheckedJob,
  given: FaultCase,
  expected: Expected,
  onRecord: (record: RunRecord) => void,
): Promise<Failure | undefined> {
  const failed = (what: string, error: Error, found: readonly OutputDifference[] = []): Failure => {
    return { given, what, differences: found, error, isOwnError: false, simulation: simulationOfFailure(error) };
  };
  const early: TooMuchError[] = [];
  const watch = new Visible(expected.outputs, (error) => early.push(error));
  let record: RunRecord;
  try {
    record = await runCase(job, given, {
      hasCheckpoints: true,
      onCommitted: (output, rows) => watch.onCommitted(output, rows),
      ...(expected.files ? { onFiles: (files) => watch.onFiles(files) } : {}),
    });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (thrown instanceof NeverFinishesError) return failed(`${error.message}.`, error);
    if (thrown instanceof EngineError && thrown.code.startsWith("SIMULATION_")) {
      if (thrown.code === "SIMULATION_REAL_WORLD") return { ...failed("", error), isOwnError: true };
      return failed(`The job does not come to its end: ${thrown.code.slice("SIMULATION_".length)}.`, error);
    }
    return { ...failed("", error), isOwnError: true };
  }
  onRecord(record);
  // A changelog passes through what does not stand in the end, and may show that only later.
  const tooMuch = early.find(({ output }) => record.outputs.get(output)?.every(({ change }) => change > 0) !== false);
  const { simulation, isComplete } = record;
  const verdict = (what: string, error: Error, found: readonly OutputDifference[] = []): Failure => {
    return { ...failed(what, error, found), simulation };
  };
  if (!isComplete && !hasRotted(simulation)) {
    const { error } = record.attempts.at(-1) ?? {};
    return verdict("The job found its checkpoint damaged, though nothing has rotted.", error ?? new Error("corrupt"));
  }
  if (expected.outputs !== undefined) {
    const found = differences(expected.outputs, multisets(record.outputs)).flatMap((each) =>
      isComplete ? [each] : each.duplicated.length > 0 ? [{ ...each, lost: [] }] : [],
    );
    if (tooMuch !== undefined) {
      // What the end shows says more, where it shows anything.
      return verdict(`${tooMuch.message}.`, tooMuch, found.length > 0 ? found : tooMuch.differences);
    }
    const what = summary(found, given.schedule);
    if (found.length > 0) return verdict(what, new Error(what), found);
  }
  if (expected.expect !== undefined && isComplete) {
    try {
      expected.expect(visibleRows(record.outputs), given.inputs);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      return verdict(`The expectation does not hold: ${error.message}`, error);
    }
  }
  return undefined;
}

/** Watches at each step that nothing is visible that an undisturbed run does not give. */
class Visible {
  readonly #expected: ReadonlyMap<string, Multiset> | undefined;
  readonly #onTooMuch: (error: TooMuchError) => void;
  readonly #seen = new Map<string, Multiset>();
  /** Outputs that pass through what does not stand in the end. */
  readonly #changelogs = new Set<string>();

  constructor(expected: ReadonlyMap<string, Multiset> | undefined, onTooMuch: (error: TooMuchError) => void) {
    this.#expected = expected;
    this.#onTooMuch = onTooMuch;
  }

  onCommitted(output: string, rows: readonly WrittenRow[]): void {
    if (this.#expected === undefined) return;
    if (rows.some(({ change }) => change < 0)) this.#changelogs.add(output);
    const seen = this.#seen.get(output) ?? new Map<string, number>();
    this.#seen.set(output, seen);
    for (const [text, count] of multisetOf(rows)) seen.set(text, (seen.get(text) ?? 0) + count);
    if (!this.#changelogs.has(output)) this.#compare(output, seen);
  }

  onFiles(files: ReadonlyMap<string, readonly WrittenRow[]>): void {
    if (this.#expected === undefined) return;
    for (const [directory, rows] of files) this.#compare(directory, multisetOf(rows));
  }

  #compare(output: string, seen: Multiset): void {
    const [found] = differences(
      new Map([[output, this.#expected?.get(output) ?? new Map<string, number>()]]),
      new Map([[output, seen]]),
    );
    if (found !== undefined && found.duplicated.length > 0) {
      this.#onTooMuch(new TooMuchError(output, found.duplicated));
    }
  }
}

const multisets = (outputs: ReadonlyMap<string, readonly WrittenRow[]>): Map<string, Multiset> =>
  new Map([...outputs].map(([name, rows]) => [name, multisetOf(rows)]));

const visibleRows = (outputs: ReadonlyMap<string, readonly WrittenRow[]>): Outputs =>
  Object.fromEntries([...outputs].map(([name, rows]) => [name, standingRows(rows)]));

const hasRotted = (simulation: Simulation): boolean =>
  simulation.struck.some(({ kind }) => kind === "rot" || kind === "bit-flip");

function summary(found: readonly OutputDifference[], { faults }: FaultSchedule): string {
  const lost = found.reduce((sum, each) => sum + each.lost.length, 0);
  const more = found.reduce((sum, each) => sum + each.duplicated.length, 0);
  const counted = [lost > 0 ? `${lost} rows lost` : "", more > 0 ? `${more} rows too many` : ""].filter(Boolean);
  const places = found.map(({ output }) => `"${output}"`).join(", ");
  const after = faults.length === 0 ? "with nothing that failed" : `with ${faults.length} faults at most`;
  return `The output is wrong ${after}: ${counted.join(" and ")} in ${places}.`;
}
