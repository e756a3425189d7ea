import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";

/** From which state a job goes on; part of the options of `execute`. */
export interface RestoreOptions {
  /** State of an earlier run to go on from. */
  readonly restore?: JobSnapshot;
  /**
   * The directory of a savepoint to go on from, or of one of the checkpoints in the directory of a job. Not together with
   * `restore`. Where the job keeps checkpoints in a directory and has some that come from this savepoint, it goes on from
   * the newest of them: a process that is started again with the same options does not go back.
   */
  readonly restoreFrom?: string;
  /** State of steps that the job does not have is left behind; without it such a job is refused. Default false. */
  readonly allowNonRestoredState?: boolean;
  /**
   * By uid of a step, new names by old ones of its states, of their columns (those of a join or window are the columns of
   * its rows), and of fields of structs in them.
   */
  readonly renamedState?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** @internal */
export const RESTORE_OPTIONS = ["restore", "restoreFrom", "allowNonRestoredState", "renamedState"] as const;

/** @throws {PlanError} OPTION_INVALID */
export function checkRestoreOptions(options: RestoreOptions): void {
  const { restore, restoreFrom, allowNonRestoredState, renamedState } = options;
  const refuse = (what: string, whatToDo: string): never => {
    throw new PlanError("OPTION_INVALID", `execute: ${what}.`, whatToDo);
  };
  if (restoreFrom !== undefined && (typeof restoreFrom !== "string" || restoreFrom === "")) {
    refuse(`restoreFrom is ${describeValue(restoreFrom)}, and no path`, "Give the directory of a savepoint.");
  }
  if (restore !== undefined && restoreFrom !== undefined) {
    refuse("restore and restoreFrom are both given", "Give one of them.");
  }
  if (allowNonRestoredState !== undefined && typeof allowNonRestoredState !== "boolean") {
    refuse(`allowNonRestoredState is ${describeValue(allowNonRestoredState)}`, "Give true or false.");
  }
  if (renamedState !== undefined && !(isRecord(renamedState) && Object.values(renamedState).every(areNames))) {
    refuse(
      `renamedState is ${describeValue(renamedState)}`,
      'Give new names by old ones, by uid: { sums: { total: "sum" } }.',
    );
  }
  for (const [uid, names] of Object.entries(renamedState ?? {})) {
    const news = Object.values(names);
    const name = news.find((each, i) => Object.hasOwn(names, each) || news.indexOf(each) < i);
    // A checkpoint that the changed job takes has the new names, and goes through the same options.
    if (name !== undefined) {
      refuse(
        `renamedState of "${uid}" has "${name}" as a new name of one and as a name of another`,
        "Rename to names that are not in use, and in a second step, from a savepoint of that job, to those that you want.",
      );
    }
  }
}

const isRecord = (given: unknown): given is object => typeof given === "object" && given !== null;
const areNames = (given: unknown): boolean =>
  isRecord(given) && Object.values(given).every((name) => typeof name === "string");
