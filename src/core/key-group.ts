import { PlanError } from "./errors.ts";

/**
 * Keyed state lives in key groups: the hash of a row's key mod maxParallelism. A subtask owns a contiguous range of
 * them, so a job that restarts at another parallelism moves whole groups.
 */
export interface KeyGroupRange {
  /** First key group. */
  readonly start: number;
  /** Behind the last key group. */
  readonly end: number;
}

export const DEFAULT_MAX_PARALLELISM = 128;
/** As many key groups as an operator may have. */
export const HIGHEST_MAX_PARALLELISM = 32_768;

/** The key groups of one subtask; the ranges of all subtasks cover 0..maxParallelism without overlap. */
export function keyGroupRange(subtask: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  return {
    start: Math.ceil((subtask * maxParallelism) / parallelism),
    end: Math.ceil(((subtask + 1) * maxParallelism) / parallelism),
  };
}

/** The subtask that owns a key group. */
export function subtaskOfKeyGroup(keyGroup: number, parallelism: number, maxParallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism);
}

/** @throws {PlanError} MAX_PARALLELISM_INVALID */
export function checkMaxParallelism(maxParallelism: number, parallelism: number): void {
  const isWhole = Number.isSafeInteger(maxParallelism) && maxParallelism >= 1;
  if (isWhole && maxParallelism <= HIGHEST_MAX_PARALLELISM && parallelism <= maxParallelism) return;
  throw new PlanError(
    "MAX_PARALLELISM_INVALID",
    `maxParallelism is ${maxParallelism} and parallelism ${parallelism}.`,
    `Give a whole number from the parallelism up to ${HIGHEST_MAX_PARALLELISM}; it is fixed for the life of the job's state.`,
  );
}
