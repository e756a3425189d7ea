import { avg, count, max, min, sum } from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import type { Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import { KeyedReduce } from "../core/operators/keyed-reduce.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionLife } from "../core/rows/user-function.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import { type Fields, formatType, type SimpleType } from "../core/types.ts";
import { DataStream } from "./data-stream.ts";
import { type KeyTtl, ttlOption } from "./key-ttl.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { operatorNode } from "./nodes.ts";
import { checkFunction, siteOf } from "./stream-functions.ts";
import type { AggregateOptions } from "./updating-aggregates.ts";
import "./updating-aggregates.ts";

/**
 * A function of two rows, or an object that has it as `reduce`. Written as methods, so that a stream of some columns is
 * still one of any columns to the compiler.
 */
export type FoldGiven<T> =
  | { reduce(left: T, right: T, context: RuntimeContext): T }["reduce"]
  | (FunctionLife & { reduce(left: T, right: T, context: RuntimeContext): T });

type RollingSum<T> = T extends { kind: "float32" | "float64" }
  ? SimpleType<"float64">
  : T extends { kind: "decimal" }
    ? T
    : SimpleType<"int64">;

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * Folds the rows of each key into one by a function of two rows, and gives the result so far for every row, with the
     * row's time; in batch mode the last one per key. The first row of a key is taken as it is. With `ttl` a key whose
     * last row is so long ago begins anew, other than in batch mode.
     * @throws {PlanError} FUNCTION_INVALID, STATE_TTL_INVALID
     * @example payments.keyBy("account").reduce((left, right) => ({ ...right, total: left.total + right.total }))
     */
    reduce(fn: FoldGiven<RowOf<F>>, options?: AggregateOptions & { readonly name?: string }): DataStream<F>;
    /**
     * For every row the row of its key whose value in the column is the least so far, nulls left out; of equal ones the
     * first. In batch mode the last one per key. `ttl` as for `reduce`.
     * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, STATE_TTL_INVALID
     */
    minBy<const N extends Names<F>>(column: N, options?: AggregateOptions): DataStream<F>;
    /** For every row the row of its key whose value in the column is the greatest so far; see `minBy`. */
    maxBy<const N extends Names<F>>(column: N, options?: AggregateOptions): DataStream<F>;
    /** Rows per key so far, in a column `count`: a changelog, as `aggregate` gives it. */
    count(options?: AggregateOptions): DataStream<Pick<F, K> & { readonly count: SimpleType<"int64"> }>;
    /** Sum of a column per key so far, under the column's name: a changelog, as `aggregate` gives it. */
    sum<const N extends Names<F>>(
      column: N,
      options?: AggregateOptions,
    ): DataStream<Pick<F, K> & { readonly [X in N]: RollingSum<F[N]> }>;
    /** Least value of a column per key so far, under the column's name: a changelog. */
    min<const N extends Names<F>>(column: N, options?: AggregateOptions): DataStream<Pick<F, K | N>>;
    /** Greatest value of a column per key so far, under the column's name: a changelog. */
    max<const N extends Names<F>>(column: N, options?: AggregateOptions): DataStream<Pick<F, K | N>>;
    /** Mean of a column per key so far, under the column's name: a changelog. */
    avg<const N extends Names<F>>(
      column: N,
      options?: AggregateOptions,
    ): DataStream<Pick<F, K> & { readonly [X in N]: SimpleType<"float64"> }>;
  }
}

type Keyed = KeyedStream<Fields, string>;
type Row = Readonly<Record<string, unknown>>;

KeyedStream.prototype.reduce = function reduce(
  this: Keyed,
  fn: never,
  options: AggregateOptions & { readonly name?: string } = {},
) {
  checkFunction({ method: "reduce", fn });
  const { name = `reduce(${this.keys.join(", ")})`, ttl } = checkedOptions("reduce", options, ["name", "ttl"]);
  return reduced(this, fn, { name, ...ttlOption("reduce", ttl) });
} as Keyed["reduce"];

KeyedStream.prototype.minBy = function minBy(this: Keyed, column: string, options?: AggregateOptions) {
  return extreme(this, "minBy", column, options, (candidate, best) => precedes(candidate, best));
} as Keyed["minBy"];

KeyedStream.prototype.maxBy = function maxBy(this: Keyed, column: string, options?: AggregateOptions) {
  return extreme(this, "maxBy", column, options, (candidate, best) => precedes(best, candidate));
} as Keyed["maxBy"];

KeyedStream.prototype.count = function rowCount(this: Keyed, options?: AggregateOptions) {
  return this.aggregate({ count: count() }, options);
} as Keyed["count"];

for (const [name, aggregation] of Object.entries({ sum, min, max, avg })) {
  Object.defineProperty(KeyedStream.prototype, name, {
    value(this: Keyed, column: string, options?: AggregateOptions) {
      return this.aggregate({ [column]: aggregation(column) } as never, options);
    },
    configurable: true,
    writable: true,
  });
}

function reduced(
  stream: Keyed,
  fn: never,
  { name, ttl }: { readonly name: string; readonly ttl?: KeyTtl },
  check: (input: Schema) => void = () => undefined,
): DataStream {
  const { context, keys } = stream;
  const where = callSite();
  const site = siteOf(context, name, where);
  const plan = stream.plan.map((node) => {
    check(node.schema);
    return operatorNode(
      [{ node, route: { kind: "keyed", keys } }],
      {
        kind: "local",
        name,
        create: ([input]) => new KeyedReduce(fn, input, keys, { site, state: context.state, ttl }),
      },
      where === undefined ? {} : { callSite: where },
    );
  });
  return new DataStream(context, plan);
}

/** The row that wins against those before it, where values of the column can be told apart. */
function extreme(
  stream: Keyed,
  method: string,
  column: string,
  options: AggregateOptions = {},
  wins: (candidate: number, best: number) => boolean,
): DataStream {
  const choose = (best: Row, candidate: Row): Row => {
    const [held, next] = [best[column], candidate[column]];
    if (next === null || next === undefined) return best;
    return held === null || held === undefined || wins(next as number, held as number) ? candidate : best;
  };
  const forgetting = ttlOption(method, checkedOptions(method, options, ["ttl"]).ttl);
  return reduced(stream, choose as never, { name: `${method}(${column})`, ...forgetting }, (input) => {
    const type = input.typeOf(column);
    if (/^u?int|^float|^date$|^timestamp$/.test(type.kind)) return;
    throw new PlanError(
      "TYPE_MISMATCH",
      `${method} was given the column "${column}" of the type ${formatType(type)}.`,
      "It takes numbers, dates and timestamps; reduce takes a function that compares whatever it likes.",
    );
  });
}

/** Among floats NaN is above all others, as everywhere. */
const precedes = (a: number, b: number): boolean => a < b || (Number.isNaN(b) && !Number.isNaN(a));
