import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOf, PairGiven } from "../api/row-types.ts";
import type { Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { RowOf } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { JOIN_HINTS, type JoinHint, type JoinType } from "../plan/logical.ts";
import { crossNode, joinNode } from "../plan/nodes.ts";
import { DataSet, planOf } from "./dataset.ts";
import type { FunctionOptions } from "./function-stages.ts";
import type { JobContext } from "./job-context.ts";
import { type JoinOn, pairsHandle } from "./pairs.ts";

declare module "./dataset.ts" {
  interface DataSet<F extends Fields> {
    /**
     * Rows of both sides with equal keys; null keys match nothing. Continue with `.where(...).equalTo(...)`.
     * @param options.hint - Which side is copied or built; by default the optimizer chooses by size.
     * @example orders.join(customers).where("customerId").equalTo("id")
     */
    join<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "inner">;

    /** `join` with a right side that is small. */
    joinWithTiny<G extends Fields>(other: DataSet<G>): JoinBuilder<F, G, "inner">;

    /** `join` with a right side that is much larger than this one. */
    joinWithHuge<G extends Fields>(other: DataSet<G>): JoinBuilder<F, G, "inner">;

    /** All rows of this side; the right columns are null where nothing matches. */
    leftOuterJoin<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "left">;

    /** All rows of the other side; the left columns are null where nothing matches. */
    rightOuterJoin<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "right">;

    /** All rows of both sides. */
    fullOuterJoin<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "full">;

    /** Rows of this side that have a match, each once. */
    semiJoin<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "semi">;

    /** Rows of this side that have no match; a null key has none. */
    antiJoin<G extends Fields>(other: DataSet<G>, options?: JoinOptions): JoinBuilder<F, G, "anti">;

    /** Every row of this side with every row of the other. */
    cross<G extends Fields>(other: DataSet<G>): DataSet<JoinedFields<F, G, never>>;
  }
}

/** Columns of a join: the left ones, and the right ones without keys of the same name; other clashes get `_right`. */
export type JoinedFields<L extends Fields, R extends Fields, SharedKeys extends string> = L & {
  readonly [N in Exclude<keyof R & string, SharedKeys> as N extends keyof L ? `${N}_right` : N]: R[N];
};

type JoinResult<L extends Fields, R extends Fields, T extends JoinType, SharedKeys extends string> = T extends
  | "semi"
  | "anti"
  ? L
  : JoinedFields<L, R, SharedKeys>;

export interface JoinOptions {
  readonly hint?: JoinHint;
}

/** @throws {PlanError} OPTION_INVALID */
function checkHint(hint: JoinHint | undefined): void {
  if (hint === undefined || JOIN_HINTS.includes(hint)) return;
  throw new PlanError("OPTION_INVALID", `The hint of a join is "${hint}".`, `It is one of ${JOIN_HINTS.join(", ")}.`);
}

/** A join that waits for its keys. */
export class JoinBuilder<L extends Fields, R extends Fields, T extends JoinType> {
  readonly #context: JobContext;
  readonly #left: PlanHandle;
  readonly #right: PlanHandle;
  readonly #type: T;
  readonly #options: JoinOptions;

  constructor(context: JobContext, left: PlanHandle, right: PlanHandle, type: T, options: JoinOptions) {
    this.#context = context;
    this.#left = left;
    this.#right = right;
    this.#type = type;
    this.#options = checkedOptions("join", options, ["hint"]);
    checkHint(options.hint);
  }

  /** Key columns of the left side. */
  where<const K extends Names<L>>(...leftKeys: K[]): JoinKeysBuilder<L, R, T, K> {
    return {
      equalTo: (...rightKeys) => {
        const on = { type: this.#type, leftKeys, rightKeys, ...this.#options };
        return new JoinedDataSet(this.#context, this.#left, this.#right, on);
      },
    };
  }

  /** Key columns that have the same names on both sides. */
  on<const K extends Names<L> & Names<R>>(...keys: K[]): JoinedDataSet<L, R, T, K> {
    return this.where(...keys).equalTo(...keys);
  }
}

export interface JoinKeysBuilder<L extends Fields, R extends Fields, T extends JoinType, LK extends string> {
  /**
   * Key columns of the right side, as many as on the left, of the same types. A right key that has the name of a left
   * key is left out of the result.
   * @throws {PlanError} JOIN_KEYS_MISMATCH, COLUMN_UNKNOWN
   */
  equalTo<const K extends Names<R>>(...rightKeys: K[]): JoinedDataSet<L, R, T, LK & K>;
}

/** The rows of a join; `with` makes them from pairs of rows instead. */
export class JoinedDataSet<
  L extends Fields,
  R extends Fields,
  T extends JoinType,
  SharedKeys extends string,
> extends DataSet<JoinResult<L, R, T, SharedKeys>> {
  readonly #context: JobContext;
  readonly #left: PlanHandle;
  readonly #right: PlanHandle;
  readonly #on: JoinOn;

  constructor(context: JobContext, left: PlanHandle, right: PlanHandle, on: JoinOn) {
    super(
      context,
      PlanHandle.combine([left, right], ([leftNode, rightNode]) => joinNode(leftNode, rightNode, on)).at(callSite()),
    );
    this.#context = context;
    this.#left = left;
    this.#right = right;
    this.#on = on;
  }

  /** Calls the function for each pair; the row of a side without match is null. */
  with<O extends object, const P extends FunctionOptions = FunctionOptions>(
    fn: PairGiven<
      "join",
      T extends "right" | "full" ? RowOf<L> | null : RowOf<L>,
      T extends "left" | "full" ? RowOf<R> | null : RowOf<R>,
      O
    >,
    options: P = {} as P,
  ): DataSet<FieldsOf<P, O>> {
    return new DataSet(this.#context, pairsHandle(this.#context, this.#left, this.#right, this.#on, fn, options));
  }
}

DataSet.prototype.join = function join(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("join", other), "inner", options) as never;
};

DataSet.prototype.leftOuterJoin = function leftOuterJoin(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("leftOuterJoin", other), "left", options) as never;
};

DataSet.prototype.rightOuterJoin = function rightOuterJoin(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("rightOuterJoin", other), "right", options) as never;
};

DataSet.prototype.fullOuterJoin = function fullOuterJoin(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("fullOuterJoin", other), "full", options) as never;
};

DataSet.prototype.semiJoin = function semiJoin(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("semiJoin", other), "semi", options) as never;
};

DataSet.prototype.antiJoin = function antiJoin(this: DataSet, other, options = {}) {
  return new JoinBuilder(this.context, this.plan, planOf("antiJoin", other), "anti", options) as never;
};

DataSet.prototype.joinWithTiny = function joinWithTiny(this: DataSet, other) {
  return this.join(other, { hint: "BROADCAST_HASH_SECOND" }) as never;
};

DataSet.prototype.joinWithHuge = function joinWithHuge(this: DataSet, other) {
  return this.join(other, { hint: "BROADCAST_HASH_FIRST" }) as never;
};

DataSet.prototype.cross = function cross(this: DataSet, other) {
  const plan = PlanHandle.combine([this.plan, planOf("cross", other)], ([left, right]) => crossNode(left, right));
  return new DataSet(this.context, plan.at(callSite())) as never;
};
