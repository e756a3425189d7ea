import { EvaluationError, ExternalError } from "../../core/errors.ts";

/** Runs an operation on a file of state; whatever it throws becomes an ExternalError that names the file and the step. */
export function ofState<T>(verb: "written" | "read", path: string, step: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    if (codesOf(cause).some((code) => code === "ENOSPC" || code === "EDQUOT" || code === "DISK_FULL")) {
      throw new ExternalError(
        "STATE_DISK_FULL",
        true,
        `The disk is full: the state of ${step} in "${path}" cannot grow.`,
        "Free space, or give stateBackends.disk a directory on a larger disk.",
        { cause },
      );
    }
    throw new ExternalError(
      verb === "written" ? "STATE_WRITE_FAILED" : "STATE_READ_FAILED",
      true,
      `The state of ${step} in "${path}" could not be ${verb}: ${text}`,
      "Check the disk, and that nothing else touches the directory of the state backend.",
      { cause },
    );
  }
}

export const pageCorrupt = (path: string, step: string, what: string): ExternalError =>
  new ExternalError(
    "STATE_PAGE_CORRUPT",
    true,
    `The state of ${step} in "${path}" changed after it was written: ${what}.`,
    "Check the disk, and that nothing else writes to the directory of the state backend.",
  );

/** The most bytes that all states of one key may take on disk. */
export const MOST_RECORD_BYTES = 2 ** 30;

export const recordTooLarge = (step: string, byteLength: number): EvaluationError =>
  new EvaluationError(
    "STATE_KEY_TOO_LARGE",
    `One key of ${step} has ${byteLength} bytes of state; a state backend on disk holds at most ${MOST_RECORD_BYTES} per key.`,
    "Use more keys, or shorter lists and maps.",
  );

/** Codes anywhere in the chain of causes. */
function codesOf(thrown: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let error = thrown; error instanceof Error; error = error.cause) codes.push((error as { code?: unknown }).code);
  return codes;
}
