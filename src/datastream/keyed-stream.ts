import type { Fields } from "../core/types.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";

/** A stream whose rows have a key; state, windows and timers of what follows are kept per key. */
export class KeyedStream<F extends Fields, K extends string> {
  declare readonly $fields: F;
  declare readonly $keys: K;
  readonly #context: StreamContext;
  readonly plan: StreamPlan;
  readonly keys: readonly string[];

  constructor(context: StreamContext, plan: StreamPlan, keys: readonly string[]) {
    this.#context = context;
    this.plan = plan;
    this.keys = keys;
  }

  /** @internal */
  get context(): StreamContext {
    return this.#context;
  }
}
