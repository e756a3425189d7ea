import {
  DataError,
  EngineError,
  type ErrorOrigin,
  EvaluationError,
  ExternalError,
  InternalError,
  JobCancelledError,
  MemoryExhaustedError,
  PlanError,
  UserFunctionError,
} from "./errors.ts";

/** An error of the engine as plain data, for links between threads. */
export interface ErrorFields {
  readonly name: string;
  readonly code: string;
  readonly origin: ErrorOrigin;
  readonly retryable: boolean;
  readonly whatHappened: string;
  readonly whatToDo: string;
  readonly operator?: string;
  readonly stack?: string;
  readonly cause?: CauseFields;
}

/** What was thrown underneath: an error of the engine, any other error, or any other value. */
export type CauseFields =
  | { readonly kind: "engine"; readonly fields: ErrorFields }
  | {
      readonly kind: "error";
      readonly name: string;
      readonly message: string;
      readonly stack?: string;
      /** Own properties that are plain values: the `code` and `path` of a system error, say. */
      readonly properties: Readonly<Record<string, unknown>>;
      readonly cause?: CauseFields;
    }
  | { readonly kind: "value"; readonly value: unknown };

const CLASSES = {
  DataError,
  EvaluationError,
  ExternalError,
  InternalError,
  JobCancelledError,
  MemoryExhaustedError,
  PlanError,
  UserFunctionError,
};
const BUILT_IN = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
/** A chain of causes that is longer, or goes in a circle, is cut. */
const DEEPEST_CAUSE = 8;

export function errorFields(error: EngineError, depth = 0): ErrorFields {
  const { name, code, origin, retryable, whatHappened, whatToDo, operator, stack } = error;
  return {
    name,
    code,
    origin,
    retryable,
    whatHappened,
    whatToDo,
    ...(operator === undefined ? {} : { operator }),
    ...(stack === undefined ? {} : { stack }),
    ...causeOf(error, depth),
  };
}

/** The error again, on another thread: of the same class, with the same fields and causes of the same kinds. */
export function reviveError(fields: ErrorFields): EngineError {
  const { name, whatHappened, whatToDo, stack, cause, ...rest } = fields;
  const errorClass = Object.hasOwn(CLASSES, name) ? CLASSES[name as keyof typeof CLASSES] : InternalError;
  const message = `${whatHappened} ${whatToDo}`;
  // A native error with the class's prototype: the constructors of the classes build their messages from other things.
  const error = Reflect.construct(Error, [message, optionsOf(cause)], errorClass) as EngineError;
  Object.assign(error, { name, whatHappened, whatToDo, ...rest });
  setStack(error, stack);
  return error;
}

function causeOf(error: Error, depth: number): { cause?: CauseFields } {
  if (error.cause === undefined || depth >= DEEPEST_CAUSE) return {};
  return { cause: causeFields(error.cause, depth + 1) };
}

function causeFields(cause: unknown, depth: number): CauseFields {
  if (cause instanceof EngineError) return { kind: "engine", fields: errorFields(cause, depth) };
  if (!(cause instanceof Error)) return { kind: "value", value: portable(cause) };
  const { name, message, stack } = cause;
  const own = Object.entries(cause).filter(([key, value]) => !["name", "cause"].includes(key) && isPrimitive(value));
  return {
    kind: "error",
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    properties: Object.fromEntries(own),
    ...causeOf(cause, depth),
  };
}

function reviveCause(fields: CauseFields): unknown {
  if (fields.kind === "value") return fields.value;
  if (fields.kind === "engine") return reviveError(fields.fields);
  const { name, message, stack, properties, cause } = fields;
  const errorClass = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name as keyof typeof BUILT_IN] : Error;
  const error = new errorClass(message, optionsOf(cause));
  if (error.name !== name) error.name = name;
  Object.assign(error, properties);
  setStack(error, stack);
  return error;
}

const optionsOf = (cause: CauseFields | undefined): ErrorOptions | undefined =>
  cause === undefined ? undefined : { cause: reviveCause(cause) };

function setStack(error: Error, stack: string | undefined): void {
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
}

const isPrimitive = (value: unknown): boolean =>
  value === null || ["string", "number", "bigint", "boolean"].includes(typeof value);

/** A value as a message can carry it; one that cannot be cloned becomes text. */
function portable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
