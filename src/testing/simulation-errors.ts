import { EngineError } from "../core/errors.ts";
import { type TraceEntry, traceText } from "./trace.ts";

/** Nothing is ready, no timer is pending, and what the simulation runs for has not happened: it never will. */
export class DeadlockError extends EngineError {
  readonly code = "SIMULATION_DEADLOCK";
  readonly origin = "internal";
  readonly retryable = false;
  /** What waits: links with messages that cannot pass, threads that have not ended. */
  readonly waiting: readonly string[];

  constructor(waiting: readonly string[], newest: readonly TraceEntry[]) {
    super(
      `The simulation is in a deadlock: nothing is ready, no timer is pending, and these wait: ${listed(waiting)}.`,
      `See what happened last:\n${traceText(newest)}`,
    );
    this.waiting = waiting;
  }
}

/** The simulation took more steps than it was given. */
export class LivelockError extends EngineError {
  readonly code = "SIMULATION_LIVELOCK";
  readonly origin = "internal";
  readonly retryable = false;

  constructor(stepLimit: number, newest: readonly TraceEntry[]) {
    super(
      `The simulation did not come to its end within ${stepLimit} steps.`,
      `Raise stepLimit where the work is that long; else something goes round for ever:\n${traceText(newest)}`,
    );
  }
}

/** The simulated machine went down at a point that the test chose; what ran on it never goes on. */
export class SimulatedCrashError extends EngineError {
  readonly code = "SIMULATED_CRASH";
  readonly origin = "external";
  readonly retryable = true;
  /** Where it happened: "checkpoint.complete", "disk.sync". */
  readonly label: string;

  constructor(label: string) {
    super(
      `The simulated machine crashed at "${label}", as the test asked.`,
      "Go on with the host of the restarted machine, `simulation.host`.",
    );
    this.label = label;
  }
}

/** Code of a simulated machine touched the real clock, timers or randomness: a run could not be repeated. */
export class RealWorldError extends EngineError {
  readonly code = "SIMULATION_REAL_WORLD";
  readonly origin = "user";
  readonly retryable = false;

  constructor(what: string) {
    super(`${what} was used while a simulation runs.`, "Take time and randomness from the Host; see this stack.");
  }
}

const listed = (names: readonly string[]): string => (names.length === 0 ? "nothing known" : names.join("; "));
