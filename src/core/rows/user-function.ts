import { EngineError, UserFunctionError } from "../errors.ts";
import type { OperatorContext } from "../operator.ts";
import { createRuntimeContext, type RuntimeContext } from "./runtime-context.ts";

/** A function with a life: `open` before the first row of a subtask, `close` after the last one, also after a failure. */
export interface FunctionLife {
  open?(context: RuntimeContext): void;
  close?(): void;
}

/** What an operator is told about the function that it runs. */
export interface FunctionSite {
  /** For errors and explain: `map "normalise"`. */
  readonly name: string;
  /** Where the user wrote the call: `job.ts:12:5`. */
  readonly callSite?: string;
  /** The context of a subtask; default: one without parameters and broadcast variables. */
  readonly runtime?: (context: OperatorContext) => RuntimeContext;
}

export const siteText = ({ name, callSite }: FunctionSite): string =>
  callSite === undefined ? name : `${name} at ${callSite}`;

/** A plain function, or an object that has it under `method` and may have `open` and `close`. */
export class UserFunction<F extends (...args: never[]) => unknown> {
  readonly call: F;
  readonly where: string;
  /** Its source, by which code that was compiled for it is found again; undefined where it cannot be seen. */
  readonly text: string | undefined;
  readonly #life: FunctionLife;
  readonly #site: FunctionSite;
  #context: RuntimeContext | undefined;
  #isOpen = false;

  constructor(given: F | FunctionLife, method: string, site: FunctionSite) {
    this.#site = site;
    this.where = siteText(site);
    this.#life = typeof given === "function" ? {} : given;
    this.call =
      typeof given === "function"
        ? given
        : (((given as Record<string, unknown>)[method] as (this: unknown, ...args: never[]) => unknown).bind(
            given,
          ) as F);
    const text = String(typeof given === "function" ? given : (given as Record<string, unknown>)[method]);
    this.text = text.includes("[native code]") ? undefined : text;
  }

  get context(): RuntimeContext {
    this.#context ??= createRuntimeContext();
    return this.#context;
  }

  open(context: OperatorContext): void {
    const { subtask, parallelism } = context;
    this.#context = this.#site.runtime?.(context) ?? createRuntimeContext({ subtask, parallelism });
    this.#isOpen = true;
    this.guard(() => this.#life.open?.(this.context));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.guard(() => this.#life.close?.());
  }

  /** Runs user code: what it throws becomes a UserFunctionError, unless it is an error of ours already. */
  guard<T>(run: () => T): T {
    try {
      return run();
    } catch (thrown) {
      throw this.wrap(thrown);
    }
  }

  wrap(thrown: unknown, row?: number): EngineError {
    if (thrown instanceof EngineError) return thrown;
    return new UserFunctionError(row === undefined || row < 0 ? this.where : `${this.where} (row ${row})`, thrown);
  }
}
