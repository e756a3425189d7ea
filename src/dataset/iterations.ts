import { PlanHandle } from "../api/plan-handle.ts";
import type { Batch } from "../core/batch.ts";
import { PlanError } from "../core/errors.ts";
import type { Schema } from "../core/schema.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { distinctNode, joinNode, sourceNode, unionNode } from "../plan/nodes.ts";
import type { StoredTable } from "../runtime/stored-table.ts";
import type { ConvergenceCriterion, IterationAggregator } from "./iteration-aggregators.ts";
import type { JobContext, JobOutput } from "./job-context.ts";

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
    const tables = new TableScope(context);
    try {
      let current = tables.open(schema);
      await context.run([{ plan: initial, table: current }], signal);
      const aggregates = new Aggregates(options);
      for (let number = 1; number <= maxIterations; number++) {
        const { next, continueWhile } = step(reading(current, "iteration"), aggregates.superstep(number));
        await checkSchema(next, schema, "The step of an iteration", signal);
        let criterionRows = 0;
        const following = tables.open(schema);
        const outputs: JobOutput[] = [{ plan: next, table: following }];
        if (continueWhile !== undefined) {
          const take = (batch: Batch): void => {
            criterionRows += batch.rowCount;
          };
          outputs.push({ plan: continueWhile, take });
        }
        await context.run(outputs, signal);
        await tables.release(current);
        current = following;
        if (aggregates.endSuperstep(number)) break;
        if (continueWhile !== undefined && criterionRows === 0) break;
      }
      return sourceOf(tables.keep(current), "iteration result");
    } finally {
      await tables.close();
    }
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
    const tables = new TableScope(context);
    try {
      let [solution, workset] = [tables.open(solutionNode.schema), tables.open(worksetNode.schema)];
      const initial = [
        { plan: initialSolution, table: solution },
        { plan: initialWorkset, table: workset },
      ];
      await context.run(initial, signal);
      const aggregates = new Aggregates(options);
      for (let number = 1; number <= maxIterations && workset.rowCount > 0; number++) {
        const superstep = aggregates.superstep(number);
        const stepped = step(reading(solution, "solution set"), reading(workset, "workset"), superstep);
        await checkSchema(stepped.delta, solution.schema, "The delta of an iteration", signal);
        await checkSchema(stepped.nextWorkset, workset.schema, "The next workset of an iteration", signal);
        const [delta, nextWorkset] = [tables.open(solution.schema), tables.open(workset.schema)];
        const outputs = [
          { plan: stepped.delta, table: delta },
          { plan: stepped.nextWorkset, table: nextWorkset },
        ];
        await context.run(outputs, signal);
        await tables.release(workset);
        workset = nextWorkset;
        if (delta.rowCount > 0) {
          const nextSolution = tables.open(solution.schema);
          const plan = PlanHandle.of(merged(solution, delta, keys));
          await context.run([{ plan, table: nextSolution }], signal);
          await tables.release(solution);
          solution = nextSolution;
        }
        await tables.release(delta);
        if (aggregates.endSuperstep(number)) break;
      }
      return sourceOf(tables.keep(solution), "iteration result");
    } finally {
      await tables.close();
    }
  });
}

/** The solution without the rows that the delta replaces, and the delta. */
function merged(solution: StoredTable, delta: StoredTable, keys: readonly string[]): LogicalNode {
  const changed = distinctNode(sourceOf(delta, "delta"), keys);
  const kept = joinNode(sourceOf(solution, "solution set"), changed, { type: "anti", leftKeys: keys, rightKeys: keys });
  return unionNode([kept, changed]);
}

const sourceOf = (table: StoredTable, name: string): LogicalNode => sourceNode(table.source(name));

const reading = (table: StoredTable, name: string): PlanHandle => PlanHandle.of(sourceOf(table, name));

/** The tables of one iteration: whatever ends it, all but its result are freed. */
class TableScope {
  readonly #context: JobContext;
  readonly #open = new Set<StoredTable>();

  constructor(context: JobContext) {
    this.#context = context;
  }

  open(schema: Schema): StoredTable {
    const table = this.#context.newTable(schema);
    this.#open.add(table);
    return table;
  }

  /** The table outlives the iteration. */
  keep(table: StoredTable): StoredTable {
    this.#open.delete(table);
    return table;
  }

  async release(table: StoredTable): Promise<void> {
    this.#open.delete(table);
    await table.release();
  }

  async close(): Promise<void> {
    for (const table of this.#open) await table.release();
  }
}

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
