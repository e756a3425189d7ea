import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";

// What plain JavaScript could pass where TypeScript would have refused it: told at the call, in the user's words.

/**
 * The argument, once it is known to be of a class of the API.
 * @throws {PlanError} ARGUMENT_INVALID
 */
export function checkedInstance<T>(
  method: string,
  given: unknown,
  type: { readonly prototype: T; readonly name: string },
  advice: string,
): T {
  // The constructors of some of these classes are private, and then no type that `instanceof` takes.
  if (given instanceof (type as unknown as new () => object)) return given as T;
  throw argumentInvalid(method, given, advice);
}

/**
 * A further stream of a step, once it is known to be of a class of the API and of the same job: what reads and restores a
 * stream is its environment.
 * @throws {PlanError} ARGUMENT_INVALID, ENVIRONMENTS_MIXED
 */
export function checkedPartner<T extends { readonly context: object }>(
  method: string,
  { context }: { readonly context: object },
  given: unknown,
  type: { readonly prototype: T; readonly name: string },
  advice: string,
): T {
  const other = checkedInstance(method, given, type, advice);
  if (other.context === context) return other;
  throw new PlanError(
    "ENVIRONMENTS_MIXED",
    `${method} was given a stream of another StreamExecutionEnvironment.`,
    "Make all streams of a job with one environment.",
  );
}

/** @throws {PlanError} OPTION_INVALID */
export function oneOf<T extends string>(name: string, given: T, known: readonly T[]): T {
  if (known.includes(given)) return given;
  throw new PlanError(
    "OPTION_INVALID",
    `The option ${name} is ${describeValue(given)}.`,
    `Give one of ${known.map((each) => `"${each}"`).join(", ")}.`,
  );
}

/** @throws {PlanError} OPTION_INVALID */
export function checkSnapshot(given: JobSnapshot): void {
  const { checkpointId, maxParallelism, operators } = (given ?? {}) as Partial<JobSnapshot>;
  const isSnapshot =
    Number.isInteger(checkpointId) && Number.isInteger(maxParallelism) && typeof operators === "object";
  if (isSnapshot && operators !== null) return;
  throw new PlanError(
    "OPTION_INVALID",
    `The option restore is ${describeValue(given)}, which is no checkpoint.`,
    "Give what job.latestCheckpoint, job.checkpoint() or storeCheckpoint gave.",
  );
}

/** A whole number within bounds. @throws {PlanError} OPTION_INVALID */
export function whole(name: string, value: number, low: number, high: number): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new PlanError(
    "OPTION_INVALID",
    `The option ${name} is ${describeValue(value)}.`,
    `Give a whole number from ${low} to ${high}, or leave it out for the default.`,
  );
}

/** A text that is not empty. @throws {PlanError} ARGUMENT_INVALID */
export function checkedName(method: string, given: string): string {
  if (typeof given === "string" && given !== "") return given;
  throw argumentInvalid(method, given, "Give a name: a text that is not empty.");
}

export const argumentInvalid = (method: string, given: unknown, advice: string): PlanError =>
  new PlanError(
    "ARGUMENT_INVALID",
    `${method} was given ${given === undefined ? "nothing" : describeValue(given)}.`,
    advice,
  );
