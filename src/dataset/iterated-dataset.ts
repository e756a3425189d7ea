import { callSite } from "../api/call-site.ts";
import { checkCallable } from "../api/check-function.ts";
import { checkedOptions } from "../api/options.ts";
import type { PlanHandle } from "../api/plan-handle.ts";
import type { Names } from "../api/selected-fields.ts";
import type { Fields } from "../core/types.ts";
import { DataSet, planOf } from "./dataset.ts";
import {
  type BulkStep,
  bulkIteration,
  type DeltaStep,
  deltaIteration,
  ITERATION_OPTIONS,
  type IterationOptions,
  type Superstep,
} from "./iterations.ts";

/** What a bulk step gives: the rows of the next superstep, and rows without which there is none. */
export interface BulkResult<F extends Fields> {
  readonly next: DataSet<F>;
  readonly continueWhile?: { readonly plan: PlanHandle };
}

export interface DeltaResult<F extends Fields, W extends Fields> {
  readonly delta: DataSet<F>;
  readonly nextWorkset: DataSet<W>;
}

declare module "./dataset.ts" {
  interface DataSet<F extends Fields> {
    /**
     * Repeats a step on its own result, `maxIterations` times at most. The step is called once per superstep, with a
     * dataset of the rows that the superstep before left in memory.
     * @example
     * const estimate = points.iterate(100, (loop) => {
     *   const next = loop.select({ x: col("x").add(1) });
     *   return { next, continueWhile: next.filter(col("x").lt(10)) };
     * });
     */
    iterate(
      maxIterations: number,
      step: (loop: DataSet<F>, superstep: Superstep) => DataSet<F> | BulkResult<F>,
      options?: IterationOptions,
    ): DataSet<F>;

    /**
     * Repeats a step on a solution set (this dataset, one row per key) and a workset, until the workset is empty.
     * Each superstep gives a delta, whose rows replace those of equal keys in the solution, and the next workset.
     */
    iterateDelta<W extends Fields>(
      workset: DataSet<W>,
      maxIterations: number,
      keys: readonly Names<F>[],
      step: (solution: DataSet<F>, workset: DataSet<W>, superstep: Superstep) => DeltaResult<F, W>,
      options?: IterationOptions,
    ): DataSet<F>;
  }
}

DataSet.prototype.iterate = function iterate(this: DataSet, maxIterations, step, options = {}) {
  checkCallable("iterate", step);
  const { context } = this;
  const asPlans: BulkStep = (loop, superstep) => {
    const result = step(new DataSet(context, loop) as never, superstep);
    if (result instanceof DataSet) return { next: result.plan };
    const { next, continueWhile } = result ?? {};
    return {
      next: planOf("The step of iterate", next, "its next rows"),
      ...(continueWhile === undefined
        ? {}
        : { continueWhile: planOf("The step of iterate", continueWhile, "continueWhile") }),
    };
  };
  const checked = checkedOptions("iterate", options, ITERATION_OPTIONS);
  const plan = bulkIteration(context, this.plan, maxIterations, asPlans, checked);
  return new DataSet(context, plan.at(callSite())) as never;
};

DataSet.prototype.iterateDelta = function iterateDelta(
  this: DataSet,
  workset,
  maxIterations,
  keys,
  step,
  options = {},
) {
  checkCallable("iterateDelta", step);
  const { context } = this;
  const asPlans: DeltaStep = (solution, work, superstep) => {
    const result = step(new DataSet(context, solution) as never, new DataSet(context, work) as never, superstep);
    const { delta, nextWorkset } = result ?? {};
    return {
      delta: planOf("The step of iterateDelta", delta, "its delta"),
      nextWorkset: planOf("The step of iterateDelta", nextWorkset, "its next workset"),
    };
  };
  const checked = checkedOptions("iterateDelta", options, ITERATION_OPTIONS);
  const work = planOf("iterateDelta", workset, "its workset");
  const plan = deltaIteration(context, this.plan, work, keys, maxIterations, asPlans, checked);
  return new DataSet(context, plan.at(callSite())) as never;
};
