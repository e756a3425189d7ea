import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";

/**
 * A function that may wait, or an object that has it as `name`.
 * @throws {PlanError} FUNCTION_INVALID
 */
export function checkCallable(method: string, given: unknown, name?: string, orElse = ""): void {
  const call = callOf(given, name);
  if (typeof call === "function") return;
  const advice = name === undefined ? "Give a function" : `Give a function, or an object that has one as "${name}"`;
  throw new PlanError(
    "FUNCTION_INVALID",
    `${method} was given ${call === undefined ? "no function" : describeValue(call)}.`,
    `${advice}${orElse}.`,
  );
}

/**
 * A function over rows, or an object that has it under the method's name.
 * @throws {PlanError} FUNCTION_INVALID
 */
export function checkSynchronous(method: string, given: unknown, whoMayWait: string, orElse = ""): void {
  checkCallable(method, given, method, orElse);
  // A promise would pass for a row without columns, and for a condition that is true.
  if (Object.prototype.toString.call(callOf(given, method)) !== "[object AsyncFunction]") return;
  throw new PlanError(
    "FUNCTION_INVALID",
    `${method} was given an async function.`,
    `Functions over rows are synchronous${whoMayWait}.`,
  );
}

/** Arrays have methods of such names. */
const callOf = (given: unknown, name: string | undefined): unknown =>
  name !== undefined && typeof given === "object" && given !== null && !Array.isArray(given)
    ? (given as Record<string, unknown>)[name]
    : given;
