import { checkedOptions } from "../api/options.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import type { RestartStrategySpec } from "../runtime/restart-strategy.ts";
import { whole } from "./arguments.ts";
import { sourceBelow } from "./sources-below.ts";

export interface FixedDelayOptions {
  /** How often in a row, without a new complete checkpoint between; `Infinity` for no end. */
  readonly attempts: number;
  /** From each failure to the next attempt, in milliseconds. */
  readonly delayMs: number;
}

export interface ExponentialDelayOptions {
  /** The first delay, in milliseconds. Default 1,000. */
  readonly initialDelayMs?: number;
  /** The longest, in milliseconds. Default 60,000. */
  readonly maxDelayMs?: number;
  /** By how much a delay is longer than the one before, from 1. Default 2. */
  readonly multiplier?: number;
  /**
   * The share of a delay, from 0 to 1, by which chance may shorten it: jobs that failed together do not come back
   * together. Default 0.1.
   */
  readonly jitter?: number;
  /** Behind an attempt that ran for so long, in milliseconds, delays and attempts begin anew. Default 600,000. */
  readonly resetAfterMs?: number;
  /** How often in a row, without a new complete checkpoint between; `Infinity` for no end. Default 10. */
  readonly attempts?: number;
}

export interface FailureRateOptions {
  /** So many failures are restarted, */
  readonly failures: number;
  /** within so many milliseconds; one more ends the job. */
  readonly perMs: number;
  /** From each failure to the next attempt, in milliseconds. */
  readonly delayMs: number;
}

/** Whether a job that has failed is started again, and when: one of `restartStrategies`. */
export class RestartStrategy {
  /** @internal */
  readonly spec: RestartStrategySpec;

  private constructor(spec: RestartStrategySpec) {
    this.spec = spec;
  }

  /** @internal */
  static of(spec: RestartStrategySpec): RestartStrategy {
    return new RestartStrategy(spec);
  }
}

const LONGEST_MS = 2 ** 31 - 1;

/**
 * For `setRestartStrategy`. All throw {PlanError} OPTION_INVALID, OPTION_UNKNOWN.
 * @example env.setRestartStrategy(restartStrategies.fixedDelay({ attempts: 3, delayMs: 10_000 }))
 */
export const restartStrategies = {
  /** The job fails with its first failure. */
  none(): RestartStrategy {
    return RestartStrategy.of({ kind: "none" });
  },

  /** So many attempts in a row, each as long after the failure as the others. */
  fixedDelay(options: FixedDelayOptions): RestartStrategy {
    const given = checkedOptions("fixedDelay", options, ["attempts", "delayMs"]);
    return RestartStrategy.of({
      kind: "fixedDelay",
      attempts: attemptsOf(given.attempts),
      delayMs: whole("delayMs", given.delayMs, 0, LONGEST_MS),
    });
  },

  /** Delays that grow from failure to failure: an outage is survived without hammering at what is down. */
  exponentialDelay(options: ExponentialDelayOptions = {}): RestartStrategy {
    const names = ["initialDelayMs", "maxDelayMs", "multiplier", "jitter", "resetAfterMs", "attempts"];
    const {
      initialDelayMs = 1000,
      maxDelayMs = Math.max(60_000, initialDelayMs),
      multiplier = 2,
      jitter = 0.1,
      resetAfterMs = 600_000,
      attempts = 10,
    } = checkedOptions("exponentialDelay", options, names);
    const first = whole("initialDelayMs", initialDelayMs, 1, LONGEST_MS);
    return RestartStrategy.of({
      kind: "exponentialDelay",
      initialDelayMs: first,
      maxDelayMs: whole("maxDelayMs", maxDelayMs, first, LONGEST_MS),
      multiplier: within("multiplier", multiplier, 1, 1000),
      jitter: within("jitter", jitter, 0, 1),
      resetAfterMs: whole("resetAfterMs", resetAfterMs, 1, Number.MAX_SAFE_INTEGER),
      attempts: attemptsOf(attempts),
    });
  },

  /** Any number of attempts, as long as failures are rare. */
  failureRate(options: FailureRateOptions): RestartStrategy {
    const { failures, perMs, delayMs } = checkedOptions("failureRate", options, ["failures", "perMs", "delayMs"]);
    return RestartStrategy.of({
      kind: "failureRate",
      failures: whole("failures", failures, 1, 1_000_000),
      perMs: whole("perMs", perMs, 1, Number.MAX_SAFE_INTEGER),
      delayMs: whole("delayMs", delayMs, 0, LONGEST_MS),
    });
  },
} as const;

/**
 * The strategy of a job that ends in these sinks.
 * @throws {PlanError} RESTART_IMPOSSIBLE
 */
export function restartStrategyOf(
  given: RestartStrategy | undefined,
  hasCheckpoints: boolean,
  sinks: readonly StreamNode[],
): RestartStrategySpec {
  const { spec } = given ?? (hasCheckpoints ? restartStrategies.exponentialDelay() : restartStrategies.none());
  const once = sourceBelow(sinks, ({ source }) => source.isRepeatable === false);
  if (spec.kind === "none" || once === undefined) return spec;
  if (given === undefined) return restartStrategies.none().spec;
  throw new PlanError(
    "RESTART_IMPOSSIBLE",
    `The job has a restart strategy, and reads ${once.name}, which can be read only once.`,
    "Give a function that makes the iterable anew, or restartStrategies.none().",
  );
}

/**
 * Rows that a caller has been given cannot be taken back.
 * @throws {PlanError} RESTART_IMPOSSIBLE
 */
export function refuseRestarts(given: RestartStrategy | undefined): void {
  if (given === undefined || given.spec.kind === "none") return;
  throw new PlanError(
    "RESTART_IMPOSSIBLE",
    "The environment has a restart strategy, and executeAndCollect gives rows to the program, which would get them twice.",
    "Use a sink and execute(), or an environment with restartStrategies.none().",
  );
}

const attemptsOf = (given: number): number =>
  given === Number.POSITIVE_INFINITY ? given : whole("attempts", given, 1, Number.MAX_SAFE_INTEGER);

function within(name: string, given: number, low: number, high: number): number {
  if (typeof given === "number" && given >= low && given <= high) return given;
  throw new PlanError(
    "OPTION_INVALID",
    `The option ${name} is ${describeValue(given)}.`,
    `Give a number from ${low} to ${high}, or leave it out for the default.`,
  );
}
