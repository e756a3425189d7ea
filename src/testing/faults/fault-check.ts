import { checkCallable } from "../../api/check-function.ts";
import { checkedOptions } from "../../api/options.ts";
import { describeValue } from "../../core/describe-value.ts";
import { PlanError } from "../../core/errors.ts";
import { type RowOf, Schema } from "../../core/schema.ts";
import type { Source } from "../../core/source.ts";
import type { Fields } from "../../core/types.ts";
import { whole } from "../../datastream/arguments.ts";
import type { StreamExecutionEnvironment } from "../../datastream/stream-execution-environment.ts";
import { loadEngine } from "../engine-thread.ts";
import { checkedModel, combinedModel, type FaultModel, faultKinds } from "./fault-model.ts";
import { FaultSearch, type RowsArbitrary } from "./fault-search.ts";
import type { CheckedJob, FaultOutputs } from "./faulted-run.ts";
import type { Expectation } from "./judgement.ts";
import { parseReplay } from "./replay.ts";
import { withSharedWork } from "./shared-work.ts";
import type { FaultReport } from "./statistics.ts";

/** Rows of one input: what they are, and either how to make them or what was recorded. */
export interface FaultInput<F extends Fields = Fields> {
  readonly schema: Schema<F>;
  readonly rows: RowsArbitrary<Partial<RowOf<F>>[]> | readonly Partial<RowOf<F>>[];
}

/** Sources of the inputs, by their names, for `environment.fromSource`. */
export type FaultSources<I> = {
  readonly [N in keyof I]: I[N] extends { readonly schema: Schema<infer F> }
    ? Source & { readonly schema: Schema<F> }
    : never;
};

/** Builds the streams of a job; it is called for each start of the job, and leaves executing to the kit. */
export type FaultJob<I> = (
  environment: StreamExecutionEnvironment,
  inputs: FaultSources<I>,
  outputs: FaultOutputs,
) => void | Promise<void>;

export interface FaultCheckOptions<I> {
  /** By name. */
  readonly inputs: I;
  /** What may go wrong. Default `faults.all()`. */
  readonly faults?: FaultModel | readonly FaultModel[];
  /** Default: each output has the same rows, as often, as in a run at parallelism 1 in which nothing fails. */
  readonly expect?: "same-as-failure-free" | Expectation;
  /** Faulted runs. Default 500. */
  readonly runs?: number;
  /** Of the generated inputs and schedules. Default 1. */
  readonly seed?: number;
  /** What a failed check has printed: that case alone is run. Undefined and "": no replay. */
  readonly replay?: string | undefined;
}

const DEFAULT_RUNS = 500;
const MOST_RUNS = 100_000_000;
const OPTIONS = ["inputs", "faults", "expect", "runs", "seed", "replay"];

/**
 * Runs a job on simulated machines that fail, and compares what it writes with what it should.
 * @throws {FaultCheckError} FAULT_CHECK_FAILED with the smallest case that was found, and FAULT_CHECK_NOT_DETERMINISTIC
 * where the job differs from run to run though nothing fails
 * @throws {RealWorldError} where the job uses real time or randomness
 * @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID, REPLAY_INVALID, FAST_CHECK_MISSING
 */
export async function checkFaults<const I extends { readonly [name: string]: FaultInput }>(
  job: FaultJob<I>,
  options: FaultCheckOptions<I>,
): Promise<FaultReport> {
  checkCallable("faults.check", job);
  const { inputs, faults, expect, runs, seed, replay } = checkedOptions("faults.check", options, OPTIONS);
  if (typeof expect === "string" && expect !== "same-as-failure-free") {
    throw invalid("expect", expect, '"same-as-failure-free", or a function that throws');
  }
  if (expect !== undefined && typeof expect !== "string") checkCallable("expect", expect);
  const names = Object.keys(checkedInputs(inputs));
  const schemas = Object.fromEntries(names.map((name) => [name, inputs[name].schema]));
  const build = job as unknown as CheckedJob["build"];
  await loadEngine();
  const search = new FaultSearch(
    { build, schemas },
    { model: modelOf(faults), expect: typeof expect === "function" ? expect : undefined },
  );
  const plan = {
    rows: Object.fromEntries(names.map((name) => [name, inputs[name].rows])),
    runs: whole("runs", runs ?? DEFAULT_RUNS, 1, MOST_RUNS),
    seed: whole("seed", seed ?? 1, -(2 ** 31), 2 ** 32),
  };
  const replayed = replay === undefined || replay === "" ? undefined : parseReplay(replay, names);
  return withSharedWork(() => (replayed === undefined ? search.search(plan) : search.replay(replayed)));
}

function checkedInputs<I extends { readonly [name: string]: FaultInput }>(inputs: I): I {
  if (typeof inputs !== "object" || inputs === null) throw invalid("inputs", inputs, "an object of inputs by name");
  for (const [name, input] of Object.entries(inputs) as [string, FaultInput | null][]) {
    if (!(input?.schema instanceof Schema)) {
      throw invalid(`inputs.${name}`, input, "{ schema, rows }, with a Schema");
    }
    const { rows } = input as { readonly rows: unknown };
    const isArbitrary = typeof (rows as { generate?: unknown } | undefined)?.generate === "function";
    if (!isArbitrary && !Array.isArray(rows)) {
      throw invalid(`inputs.${name}.rows`, rows, "an array of rows, or an arbitrary of fast-check that makes one");
    }
  }
  return inputs;
}

function modelOf(faults: FaultModel | readonly FaultModel[] | undefined): FaultModel {
  if (faults === undefined) return faultKinds.all();
  const models = (Array.isArray(faults) ? faults : [faults]) as readonly FaultModel[];
  for (const model of models) {
    if (typeof model !== "object" || model === null) throw invalid("faults", model, "what faults.all() gives");
    checkedModel(model);
  }
  return combinedModel(models);
}

const invalid = (name: string, value: unknown, wanted: string): PlanError =>
  new PlanError("OPTION_INVALID", `The option ${name} of faults.check is ${describeValue(value)}.`, `It is ${wanted}.`);
