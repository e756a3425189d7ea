/** Who can do something about an error: the user, an outside system, or we (a bug). */
export type ErrorOrigin = "user" | "external" | "internal";

/**
 * The base of every error that Millrace throws on purpose.
 * `message` holds what happened and what to do; both parts are also readable on their own.
 */
export abstract class EngineError extends Error {
  /** Stable, declared once, never reused. */
  abstract readonly code: string;
  abstract readonly origin: ErrorOrigin;
  /** Would restarting the job unchanged help? */
  abstract readonly retryable: boolean;
  readonly whatHappened: string;
  readonly whatToDo: string;
  /** The operator that failed, filled in by the runtime ("filter at job.ts:12:5"). */
  operator?: string;
  /** The name of the job that failed, where it was given one. */
  declare jobName?: string;

  constructor(whatHappened: string, whatToDo: string, options?: ErrorOptions) {
    super(`${whatHappened} ${whatToDo}`, options);
    this.name = new.target.name;
    this.whatHappened = whatHappened;
    this.whatToDo = whatToDo;
  }
}

/** A state that our own code must never reach. */
export class InternalError extends EngineError {
  readonly code = "INTERNAL";
  readonly origin = "internal";
  readonly retryable = false;

  constructor(whatHappened: string, options?: ErrorOptions) {
    super(whatHappened, "This is a bug in Millrace: please report it with this message and stack.", options);
  }
}

/** Something about the program is wrong before any row is read. */
export class PlanError extends EngineError {
  readonly code: string;
  readonly origin = "user";
  readonly retryable = false;

  constructor(code: string, whatHappened: string, whatToDo: string, options?: ErrorOptions) {
    super(whatHappened, whatToDo, options);
    this.code = code;
  }
}

/** Data of a source cannot be read or understood; `where` names file, row, column as far as known. */
export class DataError extends EngineError {
  readonly code: string;
  readonly origin = "external";
  readonly retryable = false;

  constructor(code: string, whatHappened: string, whatToDo: string, options?: ErrorOptions) {
    super(whatHappened, whatToDo, options);
    this.code = code;
  }
}

/** A value met while rows were processed has no result (overflow, division by zero, bad cast, wrong row shape). */
export class EvaluationError extends EngineError {
  readonly code: string;
  readonly origin = "user";
  readonly retryable = false;

  constructor(code: string, whatHappened: string, whatToDo: string, options?: ErrorOptions) {
    super(whatHappened, whatToDo, options);
    this.code = code;
  }
}

/** A user function threw; the thrown value is the `cause`. */
export class UserFunctionError extends EngineError {
  readonly code = "USER_FUNCTION_FAILED";
  readonly origin = "user";
  readonly retryable = false;

  constructor(where: string, cause: unknown) {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(`A function passed to ${where} threw ${text}.`, "See the cause for its stack.", { cause });
  }
}

/** The job needs more memory than it was given, and nothing that it holds can be spilled. */
export class MemoryExhaustedError extends EngineError {
  readonly code = "MEMORY_EXHAUSTED";
  readonly origin = "user";
  readonly retryable = false;

  /** `minimumBytes` is the least `memoryBytes` with which this request would not have failed, where it is known. */
  constructor(neededBytes: number, limitBytes: number, what: string, minimumBytes?: number) {
    super(
      `${what} needs ${neededBytes} more bytes, but the memory limit of ${limitBytes} bytes is reached and nothing more can be spilled.`,
      minimumBytes === undefined
        ? "Use smaller batches, or more threads, each of which has a memory of its own."
        : `Set memoryBytes of the environment to at least ${minimumBytes}, lower the parallelism, or use smaller batches.`,
    );
  }
}

/** The caller cancelled the job; what it had not committed is removed. */
export class JobCancelledError extends EngineError {
  readonly code = "JOB_CANCELLED";
  readonly origin = "user";
  readonly retryable = true;

  constructor(reason?: unknown) {
    super("The job was cancelled.", "Run it again when its result is wanted.", { cause: reason });
  }
}

/** A file system, network or other outside operation failed. */
export class ExternalError extends EngineError {
  readonly code: string;
  readonly origin = "external";
  readonly retryable: boolean;

  constructor(code: string, retryable: boolean, whatHappened: string, whatToDo: string, options?: ErrorOptions) {
    super(whatHappened, whatToDo, options);
    this.code = code;
    this.retryable = retryable;
  }
}

/** Checks an invariant of our own code. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InternalError(`Broken invariant: ${what}.`);
}

/** Any thrown value as an EngineError: engine errors stay, anything else is our bug. */
export function asEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new InternalError(`Unexpected failure: ${text}.`, { cause: thrown });
}
