import { PlanError } from "../core/errors.ts";
import type { Schema } from "../core/schema.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { distinctNode, joinNode, sourceNode, unionNode } from "../plan/nodes.ts";
import type { BatchStore } from "../runtime/batch-store.ts";
import type { ConvergenceCriterion, IterationAggregator } from "./iteration-aggregators.ts";
import type { JobContext, JobOutput } from "./job-context.ts";
import { PlanHandle } from "./plan-handle.ts";

export interface IterationOptions {
  /** Values that functions of the step fold into, by name; their result is visible in the next superstep. */
  readonly aggregators?: Readonly<Record<string, IterationAggregator<never, unknown>>>;
  /** Ends the iteration when it says so of the named aggregator's value. */
  readonly convergence?: { readonly aggregator: string; readonly isConverged: ConvergenceCriterion<never> };
}

export const ITERATION_OPTIONS: readonly (keyof IterationOptions)[] = ["aggregators", "convergence"];

/** What a step knows of its iteration. */
export interface Superstep {
  /** Counts from 1. */
  readonly number: number;
  /** An aggregator of the options, for functions of this superstep to fold values into. */
  aggregator<T>(name: string): IterationAggregator<T, unknown>;
  /** What an aggregator had at the end of the superstep before; undefined in the first. */
  previousAggregate<R>(name: string): R | undefined;
}

/** One superstep of a bulk iteration as plans. */
export type BulkStep = (
  loop: PlanHandle,
  superstep: Superstep,
) => { next: PlanHandle /** The iteration goes on while this has rows. */; continueWhile?: PlanHandle };

/** One superstep of a delta iteration as plans. */
export type DeltaStep = (
  solution: PlanHandle,
  workset: PlanHandle,
  superstep: Superstep,
) => { delta: PlanHandle; nextWorkset: PlanHandle };

/**
 * Runs a step up to `maxIterations` times, each superstep as one job over what the one before has left in memory.
 * The plan is the final rows.
 */
export function bulkIteration(
  context: JobContext,
  initial: PlanHandle,
  maxIterations: number,
  step: BulkStep,
  options: IterationOptions,
): PlanHandle {
  checkCount(maxIterations);
  return PlanHandle.deferred(async (signal) => {
    const { schema } = await initial.resolve(signal);
    // Two memories take turns: one is read while the other is written.
    let [current, other] = [context.newStore(schema), context.newStore(schema)];
    await context.run([keep(initial, current)], signal);
    const aggregates = new Aggregates(options);
    for (let number = 1; number <= maxIterations; number++) {
      const { next, continueWhile } = step(reading(current, "iteration"), aggregates.superstep(number));
      await checkSchema(next, schema, "The step of an iteration", signal);
      other.clear();
      let criterionRows = 0;
      const outputs: JobOutput[] = [keep(next, other)];
      if (continueWhile !== undefined) {
        const take: JobOutput["take"] = (batch) => {
          criterionRows += batch.rowCount;
        };
        outputs.push({ plan: continueWhile, take });
      }
      await context.run(outputs, signal);
      [current, other] = [other, current];
      if (aggregates.endSuperstep(number)) break;
      if (continueWhile !== undefined && criterionRows === 0) break;
    }
    other.clear();
    return sourceOf(current, "iteration result");
  });
}

/**
 * Runs a step until its workset is empty: `delta` replaces rows of the solution with equal keys and adds new ones.
 * The plan is the final solution.
 */
export function deltaIteration(
  context: JobContext,
  initialSolution: PlanHandle,
  initialWorkset: PlanHandle,
  keys: readonly string[],
  maxIterations: number,
  step: DeltaStep,
  options: IterationOptions,
): PlanHandle {
  checkCount(maxIterations);
  return PlanHandle.deferred(async (signal) => {
    const [solutionNode, worksetNode] = [await initialSolution.resolve(signal), await initialWorkset.resolve(signal)];
    let [solution, otherSolution] = [context.newStore(solutionNode.schema), context.newStore(solutionNode.schema)];
    let [workset, otherWorkset] = [context.newStore(worksetNode.schema), context.newStore(worksetNode.schema)];
    const delta = context.newStore(solutionNode.schema);
    await context.run([keep(initialSolution, solution), keep(initialWorkset, workset)], signal);
    const aggregates = new Aggregates(options);
    for (let number = 1; number <= maxIterations && workset.rowCount > 0; number++) {
      const superstep = aggregates.superstep(number);
      const stepped = step(reading(solution, "solution set"), reading(workset, "workset"), superstep);
      await checkSchema(stepped.delta, solution.schema, "The delta of an iteration", signal);
      await checkSchema(stepped.nextWorkset, workset.schema, "The next workset of an iteration", signal);
      delta.clear();
      otherWorkset.clear();
      await context.run([keep(stepped.delta, delta), keep(stepped.nextWorkset, otherWorkset)], signal);
      [workset, otherWorkset] = [otherWorkset, workset];
      if (delta.rowCount > 0) {
        otherSolution.clear();
        await context.run([keep(PlanHandle.of(merged(solution, delta, keys)), otherSolution)], signal);
        [solution, otherSolution] = [otherSolution, solution];
      }
      if (aggregates.endSuperstep(number)) break;
    }
    return sourceOf(solution, "iteration result");
  });
}

/** The solution without the rows that the delta replaces, and the delta. */
function merged(solution: BatchStore, delta: BatchStore, keys: readonly string[]): LogicalNode {
  const changed = distinctNode(sourceOf(delta, "delta"), keys);
  const kept = joinNode(sourceOf(solution, "solution set"), changed, { type: "anti", leftKeys: keys, rightKeys: keys });
  return unionNode([kept, changed]);
}

const sourceOf = (store: BatchStore, name: string): LogicalNode => sourceNode(store.source(name));

const reading = (store: BatchStore, name: string): PlanHandle => PlanHandle.of(sourceOf(store, name));

const keep = (plan: PlanHandle, store: BatchStore): JobOutput => ({
  plan,
  take: (batch, workspace) => store.append(batch, workspace),
});

async function checkSchema(plan: PlanHandle, expected: Schema, what: string, signal?: AbortSignal): Promise<void> {
  const { schema } = await plan.resolve(signal);
  if (schema.equals(expected)) return;
  throw new PlanError(
    "ITERATION_SCHEMA_CHANGED",
    `${what} has the columns (${schema}), but the iteration began with (${expected}).`,
    "Select and cast the columns so that they are the same in every superstep.",
  );
}

function checkCount(maxIterations: number): void {
  if (Number.isSafeInteger(maxIterations) && maxIterations >= 1) return;
  throw new PlanError(
    "ITERATION_COUNT_INVALID",
    `${maxIterations} is not a number of iterations.`,
    "Give a whole number from 1; a convergence criterion can end the iteration before.",
  );
}

/** The aggregators of an iteration from superstep to superstep. */
class Aggregates {
  readonly #options: IterationOptions;
  #previous: Record<string, unknown> = {};

  constructor(options: IterationOptions) {
    this.#options = options;
  }

  superstep(number: number): Superstep {
    const { aggregators = {} } = this.#options;
    for (const aggregator of Object.values(aggregators)) aggregator.reset();
    const previous = this.#previous;
    return {
      number,
      aggregator: <T>(name: string) => this.#find(name) as IterationAggregator<T, unknown>,
      previousAggregate: <R>(name: string) => previous[name] as R | undefined,
    };
  }

  /** Keeps the values for the next superstep; true where the iteration has converged. */
  endSuperstep(number: number): boolean {
    const { aggregators = {}, convergence } = this.#options;
    this.#previous = Object.fromEntries(Object.entries(aggregators).map(([name, each]) => [name, each.result()]));
    if (convergence === undefined) return false;
    return convergence.isConverged(number, this.#find(convergence.aggregator).result() as never);
  }

  #find(name: string): IterationAggregator<never, unknown> {
    const aggregator = this.#options.aggregators?.[name];
    if (aggregator !== undefined) return aggregator;
    throw new PlanError(
      "AGGREGATOR_UNKNOWN",
      `The iteration has no aggregator "${name}".`,
      "Name it in the aggregators of the iteration's options.",
    );
  }
}
