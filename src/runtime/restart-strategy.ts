import type { Random } from "../core/host.ts";

/** How a job that failed goes on; as the API checked it. */
export type RestartStrategySpec =
  | { readonly kind: "none" }
  | { readonly kind: "fixedDelay"; readonly attempts: number; readonly delayMs: number }
  | {
      readonly kind: "exponentialDelay";
      readonly initialDelayMs: number;
      readonly maxDelayMs: number;
      readonly multiplier: number;
      /** The share of a delay, from 0 to 1, by which chance may shorten it. */
      readonly jitter: number;
      readonly resetAfterMs: number;
      readonly attempts: number;
    }
  | { readonly kind: "failureRate"; readonly failures: number; readonly perMs: number; readonly delayMs: number };

/** What of a failed attempt decides on the next one. Times are of the monotonic clock. */
export interface FailedAttempt {
  readonly startedMs: number;
  readonly failedMs: number;
  /** Whether a newer checkpoint was complete than the job had when it failed before. */
  readonly hasNewCheckpoint: boolean;
}

/** Decides after each failure of one job whether it is started again, and when. */
export class RestartBackoff {
  readonly #spec: RestartStrategySpec;
  readonly #random: Random;
  /** Restarts since the last new checkpoint. */
  #inARow = 0;
  /** Restarts since the last attempt that ran for long, which is what the delay grows with. */
  #sinceCalm = 0;
  /** Of a failure rate, oldest first. */
  #failuresMs: number[] = [];

  constructor(spec: RestartStrategySpec, random: Random) {
    this.#spec = spec;
    this.#random = random;
  }

  /** How long to wait before the next attempt; undefined where there is to be none. */
  delayAfter(failed: FailedAttempt): number | undefined {
    const spec = this.#spec;
    if (failed.hasNewCheckpoint) this.#inARow = 0;
    switch (spec.kind) {
      case "none":
        return undefined;
      case "fixedDelay":
        return this.#inARow++ < spec.attempts ? spec.delayMs : undefined;
      case "exponentialDelay": {
        if (failed.failedMs - failed.startedMs >= spec.resetAfterMs) {
          this.#inARow = 0;
          this.#sinceCalm = 0;
        }
        if (this.#inARow++ >= spec.attempts) return undefined;
        const { initialDelayMs, multiplier, maxDelayMs, jitter } = spec;
        const delayMs = Math.min(maxDelayMs, initialDelayMs * multiplier ** this.#sinceCalm++);
        return Math.round(delayMs * (1 - jitter * (this.#random.nextUint32() / 2 ** 32)));
      }
      case "failureRate": {
        const sinceMs = failed.failedMs - spec.perMs;
        this.#failuresMs = [...this.#failuresMs.filter((atMs) => atMs > sinceMs), failed.failedMs];
        return this.#failuresMs.length > spec.failures ? undefined : spec.delayMs;
      }
    }
  }
}
