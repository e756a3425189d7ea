import type { AggregateFunction, AggregateParams, AggregateSpec } from "../core/aggregates/spec.ts";
import type { UserAggregate } from "../core/aggregates/user-aggregate.ts";
import { PlanError } from "../core/errors.ts";
import type { ColumnsOf, Expression, SymbolOf } from "../core/expressions/expression.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import type { Reference, ResolveSymbol } from "../core/expressions/symbols.ts";
import {
  checkedFields,
  type DataType,
  type DecimalType,
  type Fields,
  type FloatKind,
  type IntKind,
  type ListType,
  type SimpleType,
} from "../core/types.ts";

/** An aggregate function over columns or expressions, for `aggregate`. `C`: columns read, `K`: function, `S`: argument. */
export class Aggregation<out C extends string = string, out K extends string = string, out S = unknown> {
  declare readonly $columns: C;
  declare readonly $kind: K;
  declare readonly $symbol: S;
  readonly fn: AggregateFunction;
  readonly args: readonly ExpressionNode[];
  readonly #options: { readonly params?: AggregateParams; readonly second?: "by" | "other" };

  constructor(
    fn: AggregateFunction,
    args: readonly ExpressionNode[],
    options: { params?: AggregateParams; second?: "by" | "other" } = {},
  ) {
    this.fn = fn;
    this.args = args;
    this.#options = options;
  }

  /** The plain form over columns that hold the arguments. */
  spec(as: string, [column, second]: readonly string[]): AggregateSpec {
    const { params = {}, second: parameter } = this.#options;
    const named = parameter === undefined ? params : { ...params, [parameter]: second };
    return { fn: this.fn, as, params: named, ...(column === undefined ? {} : { column }) };
  }
}

/** Aggregates by the name of their result column; `N` are the columns that may be read. */
export type Aggregations<N extends string> = Readonly<Record<string, Aggregation<N>>>;

/** Field types of `aggregate({ name: aggregation, ... })`. */
export type AggregatedFields<A, F extends Fields> = {
  readonly [N in keyof A]: A[N] extends Aggregation<string, infer K, infer S>
    ? AggregateResult<K, ResolveSymbol<S, F>>
    : never;
};

type AggregateResult<K, T> = K extends "count" | "countDistinct"
  ? SimpleType<"int64">
  : K extends "float"
    ? SimpleType<"float64">
    : K extends "bool"
      ? SimpleType<"bool">
      : K extends "list"
        ? T extends { kind: string }
          ? ListType<T & ListType["element"]>
          : never
        : K extends "sum"
          ? SumOf<T>
          : T;

type SumOf<T> = T extends { kind: IntKind }
  ? SimpleType<"int64">
  : T extends { kind: FloatKind }
    ? SimpleType<"float64">
    : DecimalType;

/** A column name, or an expression. */
type Argument = string | Expression;
type ReadBy<A> = A extends string ? A : ColumnsOf<A>;
type SymbolBy<A> = A extends string ? Reference<A> : SymbolOf<A>;

const argument = (value: Argument): ExpressionNode => (typeof value === "string" ? columnNode(value) : value.node);

const unary =
  <K extends string>(fn: AggregateFunction) =>
  <const A extends Argument>(value: A): Aggregation<ReadBy<A>, K, SymbolBy<A>> =>
    new Aggregation(fn, [argument(value)]);

/** Rows; with an argument, rows where it is not null. */
export function count(): Aggregation<never, "count", never>;
export function count<const A extends Argument>(value: A): Aggregation<ReadBy<A>, "count", SymbolBy<A>>;
export function count(value?: Argument): Aggregation<string, "count", unknown> {
  return value === undefined ? new Aggregation("countAll", []) : new Aggregation("count", [argument(value)]);
}

/** Sum of the values that are not null, null where there is none: int64 of integers (overflow is an error), float64 of floats. */
export const sum = unary<"sum">("sum");
/** Mean of the values that are not null, as float64. */
export const avg = unary<"float">("avg");
/** Smallest value; of floats, NaN is above all others. */
export const min = unary<"same">("min");
/** Greatest value. */
export const max = unary<"same">("max");
/** Number of different values, nulls left out. */
export const countDistinct = unary<"countDistinct">("countDistinct");
/** Standard deviation of a sample (divides by n - 1); null below two values. */
export const stddev = unary<"float">("stddevSample");
/** Standard deviation of the whole population (divides by n). */
export const stddevPopulation = unary<"float">("stddevPopulation");
/** Variance of a sample. */
export const variance = unary<"float">("varianceSample");
/** Variance of the whole population. */
export const variancePopulation = unary<"float">("variancePopulation");
/** Middle value, interpolated between two, as float64. */
export const median = unary<"float">("median");
/** Value of the first row of the group that is not null; which row that is depends on the input's order. */
export const first = unary<"same">("first");
/** Value of the last row of the group that is not null. */
export const last = unary<"same">("last");
/** All values in input order, nulls among them. */
export const list = unary<"list">("list");
/** True where all values are true. */
export const every = unary<"bool">("boolAnd");
/** True where a value is true. */
export const some = unary<"bool">("boolOr");

/** The value below which a share `fraction` (0 to 1) of the values lies, interpolated, as float64. */
export const quantile = <const A extends Argument>(
  value: A,
  fraction: number,
): Aggregation<ReadBy<A>, "float", SymbolBy<A>> =>
  new Aggregation("quantile", [argument(value)], { params: { fraction } });

/** The value of `value` in the row where `by` is smallest. */
export const minBy = <const A extends Argument, const B extends Argument>(
  value: A,
  by: B,
): Aggregation<ReadBy<A> | ReadBy<B>, "same", SymbolBy<A>> =>
  new Aggregation("minBy", [argument(value), argument(by)], { second: "by" });

/** The value of `value` in the row where `by` is greatest. */
export const maxBy = <const A extends Argument, const B extends Argument>(
  value: A,
  by: B,
): Aggregation<ReadBy<A> | ReadBy<B>, "same", SymbolBy<A>> =>
  new Aggregation("maxBy", [argument(value), argument(by)], { second: "by" });

/** Pearson's correlation of two columns. */
export const corr = <const A extends Argument, const B extends Argument>(
  x: A,
  y: B,
): Aggregation<ReadBy<A> | ReadBy<B>, "float", never> =>
  new Aggregation("corr", [argument(x), argument(y)], { second: "other" });

/** Covariance of a sample of two columns (divides by n - 1). */
export const covariance = <const A extends Argument, const B extends Argument>(
  x: A,
  y: B,
): Aggregation<ReadBy<A> | ReadBy<B>, "float", never> =>
  new Aggregation("covarianceSample", [argument(x), argument(y)], { second: "other" });

/** Several quantiles at once, as a list in the order of `fractions`. */
export const quantiles = <const A extends Argument>(
  value: A,
  fractions: readonly number[],
): Aggregation<ReadBy<A>, "list", SimpleType<"float64">> =>
  new Aggregation("quantiles", [argument(value)], { params: { fractions } });

/** The `k` greatest values, greatest first. */
export const largest = <const A extends Argument>(value: A, k: number): Aggregation<ReadBy<A>, "list", SymbolBy<A>> =>
  new Aggregation("largest", [argument(value)], { params: { k } });

/** The `k` smallest values, smallest first. */
export const smallest = <const A extends Argument>(value: A, k: number): Aggregation<ReadBy<A>, "list", SymbolBy<A>> =>
  new Aggregation("smallest", [argument(value)], { params: { k } });

/**
 * An aggregate of one's own, run as JavaScript: `create` makes a state, `add` folds a value in, `merge` joins two
 * states, `result` gives the value. States are plain JSON, since they may be spilled.
 */
export const aggregateWith = <const A extends Argument, T extends DataType>(
  value: A,
  aggregate: UserAggregate & { readonly resultType: T },
): Aggregation<ReadBy<A>, "same", T> =>
  new Aggregation("user", [argument(value)], { params: { aggregate: checkedAggregate(aggregate) } });

/** @throws {PlanError} FUNCTION_INVALID, TYPE_INVALID */
function checkedAggregate<A extends UserAggregate>(aggregate: A): A {
  const given = aggregate as unknown as Readonly<Record<string, unknown>> | null | undefined;
  const missing = ["create", "add", "merge", "result"].find((name) => typeof given?.[name] !== "function");
  if (missing !== undefined) {
    throw new PlanError(
      "FUNCTION_INVALID",
      `The aggregate of aggregateWith has no function "${missing}".`,
      "Give an object with resultType, create, add, merge and result.",
    );
  }
  checkedFields({ resultType: aggregate.resultType });
  return aggregate;
}
