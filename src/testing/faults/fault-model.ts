import { checkedOptions } from "../../api/options.ts";
import { PlanError } from "../../core/errors.ts";

/** What may go wrong in a check. Make it by `faults.all` and its like; several in an array are taken together. */
export interface FaultModel {
  /** Faults of one run at most. */
  readonly maxFaults: number;
  /** Of those, ends of the machine or of its process. */
  readonly maxCrashes: number;
  /** Writes and syncs that fail, a full disk, reads with a wrong bit. What is not synced is lost in crashes anyway. */
  readonly disk: boolean;
  /** A bit of a stored checkpoint flips while the job is down. */
  readonly rot: boolean;
  /** Commits that are refused, slow or late, and whose answers are lost. */
  readonly sinkUnknownOutcome: boolean;
  /** Least and greatest parallelism: each start of the job takes one of them. */
  readonly rescale: readonly [number, number];
  /** The wall clock jumps, forward and back. */
  readonly clockJumps: boolean;
  /** Runs that are taken for dead, and go on beside the next one. */
  readonly zombies: boolean;
  /** Runs that are cancelled in good order. */
  readonly cancels: boolean;
  /** Runs that are stopped with a savepoint, from which the next one goes on. */
  readonly stops: boolean;
  /** Threads of the machine; above 1, messages between them are late or held back, and threads die. */
  readonly threads: number;
}

/** What `faults.all` leaves out or limits; what is not given is on. */
export type FaultOptions = Partial<FaultModel>;

const NOTHING: FaultModel = {
  maxFaults: 0,
  maxCrashes: 0,
  disk: false,
  rot: false,
  sinkUnknownOutcome: false,
  rescale: [1, 1],
  clockJumps: false,
  zombies: false,
  cancels: false,
  stops: false,
  threads: 1,
};

const EVERYTHING: FaultModel = {
  maxFaults: 4,
  maxCrashes: 3,
  disk: true,
  rot: true,
  sinkUnknownOutcome: true,
  rescale: [1, 4],
  clockJumps: true,
  zombies: true,
  cancels: true,
  stops: true,
  threads: 1,
};

const MOST_PARALLELISM = 16;
const MOST_FAULTS = 20;
const MOST_THREADS = 4;

/** Kinds of faults, each for itself. */
export const faultKinds = {
  /** Everything that the kit knows, but for what is switched off. @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN */
  all: (options: FaultOptions = {}): FaultModel =>
    checkedModel({ ...EVERYTHING, ...checkedOptions("faults.all", options, Object.keys(EVERYTHING)) }),
  /** Nothing fails: only schedules differ. */
  none: (): FaultModel => NOTHING,
  /** The machine crashes, or its process is killed, so many times at most. */
  crashes: (max = 3): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, maxCrashes: max }),
  disk: (max = 3): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, disk: true }),
  rot: (): FaultModel => ({ ...NOTHING, maxFaults: 1, rot: true }),
  sinkUnknownOutcome: (max = 3): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, sinkUnknownOutcome: true }),
  rescale: (least: number, greatest: number): FaultModel => checkedModel({ ...NOTHING, rescale: [least, greatest] }),
  clockJumps: (max = 2): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, clockJumps: true }),
  zombies: (max = 2): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, zombies: true }),
  cancels: (max = 2): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, cancels: true }),
  stops: (max = 2): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, stops: true }),
  threads: (count: number, max = 2): FaultModel => checkedModel({ ...NOTHING, maxFaults: max, threads: count }),
};

/** Several models as one: what any of them lets happen, and no more faults than the most of any. */
export function combinedModel(models: readonly FaultModel[]): FaultModel {
  return models.reduce(
    (all, each) => ({
      maxFaults: Math.max(all.maxFaults, each.maxFaults),
      maxCrashes: Math.max(all.maxCrashes, each.maxCrashes),
      disk: all.disk || each.disk,
      rot: all.rot || each.rot,
      sinkUnknownOutcome: all.sinkUnknownOutcome || each.sinkUnknownOutcome,
      rescale: [Math.min(all.rescale[0], each.rescale[0]), Math.max(all.rescale[1], each.rescale[1])],
      clockJumps: all.clockJumps || each.clockJumps,
      zombies: all.zombies || each.zombies,
      cancels: all.cancels || each.cancels,
      stops: all.stops || each.stops,
      threads: Math.max(all.threads, each.threads),
    }),
    NOTHING,
  );
}

/** @throws {PlanError} OPTION_INVALID */
export function checkedModel(model: FaultModel): FaultModel {
  const { maxFaults, maxCrashes, rescale, threads } = model;
  within("maxFaults", maxFaults, 0, MOST_FAULTS);
  within("maxCrashes", maxCrashes, 0, MOST_FAULTS);
  within("threads", threads, 1, MOST_THREADS);
  if (!Array.isArray(rescale) || rescale.length !== 2) throw invalid("rescale", rescale, "a least and a greatest");
  within("rescale", rescale[0] as number, 1, MOST_PARALLELISM);
  within("rescale", rescale[1] as number, rescale[0] as number, MOST_PARALLELISM);
  for (const name of ["disk", "rot", "sinkUnknownOutcome", "clockJumps", "zombies", "cancels", "stops"] as const) {
    if (typeof model[name] !== "boolean") throw invalid(name, model[name], "true or false");
  }
  return model;
}

function within(name: string, value: number, least: number, greatest: number): void {
  if (Number.isInteger(value) && value >= least && value <= greatest) return;
  throw invalid(name, value, `a whole number from ${least} to ${greatest}`);
}

const invalid = (name: string, value: unknown, wanted: string): PlanError =>
  new PlanError("OPTION_INVALID", `The option ${name} of faults is ${JSON.stringify(value)}.`, `It is ${wanted}.`);
