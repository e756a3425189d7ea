import type { PlanHandle } from "../api/plan-handle.ts";
import type { CoGroupGiven, FieldsOf } from "../api/row-types.ts";
import type { Names } from "../api/selected-fields.ts";
import type { RowOf } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { DataSet, planOf } from "./dataset.ts";
import { type FunctionOptions, functionHandle } from "./function-stages.ts";
import type { JobContext } from "./job-context.ts";
import { coGroupStage } from "./stages.ts";

declare module "./dataset.ts" {
  interface DataSet<F extends Fields> {
    /** Groups both sides by their keys together; continue with `.where(...).equalTo(...).with(fn)`. */
    coGroup<G extends Fields>(other: DataSet<G>): CoGroupBuilder<F, G>;
  }
}

/** A co-group that waits for its keys. */
export class CoGroupBuilder<L extends Fields, R extends Fields> {
  readonly #context: JobContext;
  readonly #left: PlanHandle;
  readonly #right: PlanHandle;

  constructor(context: JobContext, left: PlanHandle, right: PlanHandle) {
    this.#context = context;
    this.#left = left;
    this.#right = right;
  }

  /** Key columns of the left side. */
  where<const K extends Names<L>>(...leftKeys: K[]): CoGroupKeysBuilder<L, R, K> {
    return {
      equalTo: (...rightKeys) => ({
        with: (fn, options = {} as never) => {
          const stage = coGroupStage(fn, leftKeys, rightKeys);
          return new DataSet(this.#context, functionHandle(this.#context, [this.#left, this.#right], stage, options));
        },
      }),
    };
  }
}

export interface CoGroupKeysBuilder<L extends Fields, R extends Fields, K extends Names<L>> {
  /** Key columns of the right side, as many as on the left, of the same types. */
  equalTo(...rightKeys: Names<R>[]): {
    /**
     * Calls the function once per key that occurs on either side, with the rows of both; one of them may be empty.
     * Null keys form a group of their own.
     */
    with<O extends object, const P extends FunctionOptions = FunctionOptions>(
      fn: CoGroupGiven<Pick<RowOf<L>, K>, RowOf<L>, RowOf<R>, O>,
      options?: P,
    ): DataSet<FieldsOf<P, O>>;
  };
}

DataSet.prototype.coGroup = function coGroup(this: DataSet, other) {
  return new CoGroupBuilder(this.context, this.plan, planOf("coGroup", other)) as never;
};
