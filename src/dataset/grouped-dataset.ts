import { type AggregatedFields, type Aggregations, count, maxBy, minBy } from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import { namedColumns } from "../api/column-arguments.ts";
import { checkedOptions } from "../api/options.ts";
import { type Ordering, orderKey } from "../api/ordering.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOf, FieldsOfRow, GroupGiven, ReduceGiven } from "../api/row-types.ts";
import type { AsFields, Names, SelectedFields, WithFields } from "../api/selected-fields.ts";
import { assert } from "../core/errors.ts";
import type { AcceptsColumns, Operand } from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { RowOf } from "../core/schema.ts";
import type { DataType, Fields, SimpleType } from "../core/types.ts";
import type { OrderKey } from "../plan/logical.ts";
import { pickNode } from "../plan/nodes.ts";
import { aggregateHandle } from "./aggregate-handle.ts";
import { DataSet } from "./dataset.ts";
import { type FunctionOptions, type FunctionStage, functionHandle, keyedHandle } from "./function-stages.ts";
import type { JobContext } from "./job-context.ts";
import { combineGroupStage, reduceGroupStage, reduceStage } from "./stages.ts";

// A grouped dataset gives datasets, and a dataset gives grouped ones: the way there is added to the class here, so that
// the two files do not name each other. So it is with joins, co-groups and iterations.
declare module "./dataset.ts" {
  interface DataSet<F extends Fields> {
    /**
     * Groups rows with equal values; nulls form a group of their own. Keys are columns, or computed ones under new names.
     * @throws {PlanError} COLUMNS_EMPTY, COLUMN_UNKNOWN; `aggregate` without `groupBy` is over all rows
     * @example flights.groupBy("origin").aggregate({ flights: count(), meanDelay: avg("delay") })
     * @example flights.groupBy({ month: col("date").month() })
     * @example flights.groupBy((flight) => regionOf(flight.origin)).aggregate({ flights: count() }) // { key, flights }
     */
    groupBy<const N extends Names<F>>(...keys: N[]): GroupedDataSet<F, N>;
    groupBy<const E extends Readonly<Record<string, Operand>>>(
      keys: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
    ): GroupedDataSet<WithFields<F, SelectedFields<E, F>>, keyof E & string>;
    groupBy<V, const N extends string = "key">(
      key: (row: RowOf<F>, context: RuntimeContext) => V,
      column?: { readonly name?: N; readonly type?: DataType },
    ): GroupedDataSet<F & { readonly [K in N]: FieldsOfRow<{ value: V }>["value"] }, N>;
  }
}

/** Rows grouped by key columns; made by `groupBy`. */
export class GroupedDataSet<F extends Fields, K extends string> {
  readonly #context: JobContext;
  readonly #plan: PlanHandle;
  readonly #keys: readonly string[];
  readonly #order: readonly OrderKey[];

  constructor(context: JobContext, plan: PlanHandle, keys: readonly string[], order: readonly OrderKey[] = []) {
    this.#context = context;
    this.#plan = plan;
    this.#keys = keys;
    this.#order = order;
  }

  /**
   * One row per group: the keys, then the aggregates by name.
   * @example orders.groupBy("customer").aggregate({ orders: count(), spent: sum(col("price").mul(col("quantity"))) })
   */
  aggregate<const A extends Aggregations<PathsIn<F>>>(
    aggregations: A,
  ): DataSet<Pick<F, K> & AsFields<AggregatedFields<A, F>>> {
    return new DataSet(this.#context, aggregateHandle(this.#plan, this.#keys, aggregations).at(callSite()));
  }

  /** Rows per group, in a column `count`. */
  count(): DataSet<Pick<F, K> & { count: SimpleType<"int64"> }> {
    return new DataSet(this.#context, aggregateHandle(this.#plan, this.#keys, { count: count() }).at(callSite()));
  }

  /** The row of each group with the smallest value; of equal ones, the first. */
  minBy<const N extends Exclude<Names<F>, K>>(column: N): DataSet<F> {
    return this.#chosenBy(minBy, column);
  }

  /** The row of each group with the greatest value; of equal ones, the first. */
  maxBy<const N extends Exclude<Names<F>, K>>(column: N): DataSet<F> {
    return this.#chosenBy(maxBy, column);
  }

  /** Orders the rows of each group for `reduceGroup` and `first`; further calls add keys. */
  sortGroup(...keys: (Names<F> | Ordering<Names<F>>)[]): GroupedDataSet<F, K> {
    return new GroupedDataSet(this.#context, this.#plan, this.#keys, [...this.#order, ...keys.map(orderKey)]);
  }

  /** The first rows of each group, in the order of `sortGroup`. */
  first(count: number): DataSet<F> {
    function* firstRows(_: unknown, rows: Iterable<object>) {
      let left = count;
      if (left <= 0) return;
      for (const row of rows) {
        yield row;
        if (--left === 0) return;
      }
    }
    const stage = reduceGroupStage(firstRows, this.#keys, this.#order);
    return this.#function({ ...stage, schemaOf: ([input]) => input }, {});
  }

  /** Folds the rows of each group into one with an associative function of two rows. */
  reduce(fn: ReduceGiven<RowOf<F>>, options: Omit<FunctionOptions, "schema"> = {}): DataSet<F> {
    return this.#function(reduceStage(fn, this.#keys), options);
  }

  /**
   * Calls the function once per group with its key and an iterable of its rows, and gives on the rows that it returns.
   * A group never has to fit into memory.
   */
  reduceGroup<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: GroupGiven<Pick<RowOf<F>, K>, RowOf<F>, R>,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(reduceGroupStage(fn, this.#keys, this.#order), options);
  }

  /** Like `reduceGroup` on parts of groups, without bringing them together: a first step before a real one. */
  combineGroup<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: GroupGiven<Pick<RowOf<F>, K>, RowOf<F>, R, "combineGroup">,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(combineGroupStage(fn, this.#keys), options);
  }

  #chosenBy(choose: typeof minBy, column: string): DataSet<F> {
    const plan = this.#plan.map((node) => {
      const values = node.schema.names.filter((name) => !this.#keys.includes(name));
      const chosen = Object.fromEntries(values.map((name) => [name, choose(name, column)]));
      const handle = aggregateHandle(PlanHandle.of(node), this.#keys, chosen);
      assert(handle.node !== undefined, "a plan over a known node is known");
      return pickNode(handle.node, node.schema.names);
    });
    return new DataSet(this.#context, plan);
  }

  #function<G extends Fields>(stage: FunctionStage, options: FunctionOptions): DataSet<G> {
    return new DataSet<G>(this.#context, functionHandle(this.#context, [this.#plan], stage, options));
  }
}

DataSet.prototype.groupBy = function groupBy(this: DataSet, ...keys: unknown[]): never {
  const [key, column] = keys as [unknown, { name?: string; type?: DataType } | undefined];
  if (typeof key === "function") {
    const { name = "key", ...type } = checkedOptions("groupBy", column ?? {}, ["name", "type"]);
    const plan = keyedHandle(this.context, this.plan, key, { name, ...type });
    return new GroupedDataSet(this.context, plan, [name]) as never;
  }
  return groupedByColumns(this, keys as (string | Readonly<Record<string, Operand>>)[]) as never;
};

function groupedByColumns(
  data: DataSet,
  keys: readonly (string | Readonly<Record<string, Operand>>)[],
): GroupedDataSet<Fields, string> {
  const names = namedColumns("groupBy", keys).map(({ name }) => name);
  const computed = keys.filter((key) => typeof key !== "string");
  const keyed = computed.length === 0 ? data : data.withColumns(Object.assign({}, ...computed));
  const plan = keyed.plan.map((node) => {
    for (const name of names) node.schema.indexOf(name);
    return node;
  });
  return new GroupedDataSet(data.context, plan, names);
}
