import type { RecordBatch, Table } from "apache-arrow";
import { type AggregatedFields, type Aggregations, count } from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import { columnNames, computedColumns, namedColumns } from "../api/column-arguments.ts";
import { checkedOptions, checkedSignal } from "../api/options.ts";
import { type ComputedOrdering, type Ordering, orderKey } from "../api/ordering.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOf, FilterGiven, FlatMapGiven, MapGiven, PartitionGiven, ReduceGiven } from "../api/row-types.ts";
import type { AsFields, ListedFields, Names, Selectable, SelectedFields, WithFields } from "../api/selected-fields.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression, type NamedExpression, type Operand } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { OperatorContext } from "../core/operator.ts";
import type { PartitionFunction } from "../core/operators/number-rows.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import type { DataType, Fields, ListType, MapType, SimpleType, StructType } from "../core/types.ts";
import type { LogicalNode } from "../plan/logical.ts";
import {
  distinctNode,
  filterNode,
  limitNode,
  partitionNode,
  pickNode,
  projectNode,
  unionByNameNode,
  unionNode,
  unnestNode,
} from "../plan/nodes.ts";
import { aggregateHandle } from "./aggregate-handle.ts";
import { type FunctionOptions, type FunctionStage, functionHandle } from "./function-stages.ts";
import type { JobContext } from "./job-context.ts";
import { sortedBy } from "./ordering.ts";
import { customPartitioning, rangePartitioning } from "./partitions.ts";
import {
  collectArrow,
  collectRows,
  countRows,
  persistRows,
  recordBatches,
  rowIterator,
  showText,
  unpersistRows,
} from "./results.ts";
import {
  filterStage,
  flatMapStage,
  indexStage,
  mapPartitionStage,
  mapStage,
  reduceAllStage,
  reduceStage,
  sampleSizeStage,
  sampleStage,
} from "./stages.ts";
import { type ColumnSummary, summarizeColumns } from "./summaries.ts";

/** A column or a computed value, as it is or with a direction. */
type SortKey<F extends Fields> = Names<F> | Ordering<Names<F>> | Expression<PathsIn<F>> | ComputedOrdering<PathsIn<F>>;

type Numbered<N extends string> = { readonly [K in N]: SimpleType<"int64"> };

/** Columns that hold lists or maps. */
type ListNames<F extends Fields> = string extends keyof F
  ? string
  : { [N in Names<F>]: F[N] extends { kind: "list" | "map" } ? N : never }[Names<F>];
type Unnested<F extends Fields, N extends string> = {
  readonly [K in keyof F]: K extends N ? ElementOf<F[K]> : F[K];
};
type ElementOf<T> =
  T extends ListType<infer E> ? E : T extends MapType<infer K, infer V> ? StructType<{ key: K; value: V }> : DataType;

type Renamed<F extends Fields, M extends Readonly<Record<string, string>>> = {
  readonly [N in keyof F & string as N extends keyof M ? M[N] : N]: F[N];
};

/**
 * A bounded collection of rows with named, typed columns, described and not yet computed. Every method gives a new
 * dataset; nothing runs before one of `collect`, `collectArrow`, `count`, `show`, `forEach`, iteration over it, or
 * `execute` of the environment for what was written with `write*`.
 *
 * `F` holds the column types, so that a misspelt column does not compile. Columns and types are checked again when a
 * step is added, with a PlanError at the line of the mistake.
 */
export class DataSet<F extends Fields = Fields> implements AsyncIterable<RowOf<F>> {
  /** Carries the column types for inference only; never set. */
  declare readonly $fields: F;
  /** @internal */
  readonly context: JobContext;
  /** The plan behind this dataset, for libraries that build on datasets. */
  readonly plan: PlanHandle;

  /** For the environment and builders; user code starts at `ExecutionEnvironment`. */
  constructor(context: JobContext, plan: PlanHandle) {
    this.context = context;
    this.plan = plan;
  }

  /** The columns; a promise, since those of some functions are known only once they have run on a few rows. */
  async schema(): Promise<Schema<F>> {
    return (await this.plan.resolve()).schema as Schema<F>;
  }

  // Rows and columns

  /**
   * Keeps the rows for which the condition is true (null counts as false). A condition runs in kernels on all threads;
   * a function is called per row, on the calling thread.
   * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, PREDICATE_NOT_BOOLEAN
   * @example flights.filter(col("delay").gt(15).and(col("origin").eq("SEA")))
   * @example flights.filter((flight) => isHoliday(flight.date))
   */
  filter<const E extends Expression>(condition: E & AcceptsColumns<E, PathsIn<F>>): DataSet<F>;
  filter(condition: FilterGiven<RowOf<F>>, options?: Omit<FunctionOptions, "schema">): DataSet<F>;
  filter(condition: Expression | FilterGiven<RowOf<F>>, options: FunctionOptions = {}): DataSet<F> {
    if (condition instanceof Expression) {
      return this.#then((plan) => plan.map((node) => filterNode(node, condition.node)));
    }
    return this.#function(filterStage(condition), options);
  }

  /**
   * The given columns, or computed ones under new names.
   * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH
   * @example orders.select("id", "price")
   * @example orders.select("id", col("price").mul(col("quantity")).as("total"))
   * @example orders.select({ id: col("id"), total: col("price").mul(col("quantity")) })
   */
  select<const N extends Names<F>>(...names: N[]): DataSet<Pick<F, N>>;
  select<const C extends readonly Selectable<F>[]>(...columns: C): DataSet<AsFields<ListedFields<C[number], F>>>;
  select<const E extends Readonly<Record<string, Operand>>>(
    columns: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
  ): DataSet<SelectedFields<E, F>>;
  select(
    ...columns: (string | NamedExpression<string, string, unknown> | Readonly<Record<string, Operand>>)[]
  ): unknown {
    const named = namedColumns("select", columns);
    return this.#then((plan) => plan.map((node) => projectNode(node, named)));
  }

  /**
   * All columns, with the given ones added or replaced.
   * @example flights.withColumns({ month: col("date").month() })
   */
  withColumns<const E extends Readonly<Record<string, Operand>>>(
    columns: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
  ): DataSet<WithFields<F, SelectedFields<E, F>>> {
    const computed = computedColumns("withColumns", columns);
    return this.#then((plan) =>
      plan.map((node) => {
        const kept = node.schema.names.map(
          (name) => computed.find((column) => column.name === name) ?? { name, expression: columnNode(name) },
        );
        return projectNode(node, [...kept, ...computed.filter(({ name }) => !node.schema.has(name))]);
      }),
    );
  }

  /** All columns but the given ones. */
  drop<const N extends Names<F>>(...names: N[]): DataSet<Omit<F, N>> {
    columnNames("drop", names);
    return this.#then((plan) =>
      plan.map((node) => {
        for (const name of names) node.schema.indexOf(name);
        return pickNode(
          node,
          node.schema.names.filter((name) => !(names as string[]).includes(name)),
        );
      }),
    );
  }

  /** Columns under other names: `rename({ old: "new" })`. */
  rename<const M extends { readonly [N in Names<F>]?: string }>(
    names: M & { [N in keyof M]: N extends Names<F> ? string : never },
  ): DataSet<Renamed<F, { [N in keyof M & string]: M[N] & string }>> {
    return this.#then((plan) =>
      plan.map((node) => {
        for (const name of Object.keys(names)) node.schema.indexOf(name);
        const renamed = new Map<string, string | undefined>(Object.entries(names));
        return projectNode(
          node,
          node.schema.names.map((name) => ({ name: renamed.get(name) ?? name, expression: columnNode(name) })),
        );
      }),
    );
  }

  // Functions: called on the calling thread with views of rows, which are valid during the call; `{...row}` is a copy

  /**
   * Replaces each row by the object that the function returns.
   * @throws {EvaluationError} ROW_SHAPE_CHANGED where a row does not have the columns declared or inferred
   * @throws {UserFunctionError} with what the function threw as cause
   * @example flights.map((flight) => ({ route: `${flight.origin}-${flight.destination}`, late: flight.delay > 15n }))
   */
  map<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: MapGiven<RowOf<F>, R>,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(mapStage(fn), options);
  }

  /** Replaces each row by the rows of the iterable that the function returns. */
  flatMap<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: FlatMapGiven<RowOf<F>, R>,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(flatMapStage(fn), options);
  }

  /** Calls the function once per partition with an iterable of its rows; see `partitionByHash`, `rebalance`. */
  mapPartition<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: PartitionGiven<RowOf<F>, R>,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(mapPartitionStage(fn), options);
  }

  /** Folds all rows into one with an associative function of two rows; no rows give no row. */
  reduce(fn: ReduceGiven<RowOf<F>>, options: Omit<FunctionOptions, "schema"> = {}): DataSet<F> {
    return this.#function(reduceStage(fn, []), options);
  }

  /** Calls the function once with an iterable of all rows. */
  reduceGroup<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: PartitionGiven<RowOf<F>, R, "reduceGroup">,
    options: O = {} as O,
  ): DataSet<FieldsOf<O, R>> {
    return this.#function(reduceAllStage(fn), options);
  }

  /** Rows chosen at random, each by its own chance, the same for the same seed. */
  sample(withReplacement: boolean, fraction: number, seed = 0): DataSet<F> {
    return this.#function(sampleStage({ fraction, withReplacement, seed }), {});
  }

  /** Exactly `size` rows chosen at random, or all where there are fewer. */
  sampleWithSize(size: number, seed = 0): DataSet<F> {
    return this.#function(sampleSizeStage(size, seed), {});
  }

  /** Numbers the rows from 0 without gaps, in a new column. */
  zipWithIndex<const N extends string = "index">(column: N = "index" as N): DataSet<F & Numbered<N>> {
    return this.#function(
      indexStage(column, () => ({ start: 0, step: 1 }), true),
      {},
    );
  }

  /** Gives the rows numbers that are unique but have gaps, without bringing them together. */
  zipWithUniqueId<const N extends string = "uniqueId">(column: N = "uniqueId" as N): DataSet<F & Numbered<N>> {
    const numberingOf = ({ subtask, parallelism }: OperatorContext) => ({ start: subtask, step: parallelism });
    return this.#function(indexStage(column, numberingOf, false), {});
  }

  // Aggregation

  /**
   * One row of aggregates over all rows; also where there are none (then counts are 0 and other values null).
   * @example flights.aggregate({ flights: count(), worst: max("delay") })
   */
  aggregate<const A extends Aggregations<PathsIn<F>>>(aggregations: A): DataSet<AsFields<AggregatedFields<A, F>>> {
    return this.#then((plan) => aggregateHandle(plan, [], aggregations));
  }

  /** Each combination of values once; of the given columns: the first row of each. */
  distinct(...columns: Names<F>[]): DataSet<F> {
    return this.#then((plan) =>
      plan.map((node) =>
        distinctNode(node, columns.length === 0 ? node.schema.names : columnNames("distinct", columns)),
      ),
    );
  }

  /**
   * A row per element of a list column, or per entry `{ key, value }` of a map, beside the row's other columns. A row
   * whose list is empty or null gives none, or with `keepEmpty` one that has null there.
   * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH
   * @example orders.unnest("items").withColumns({ price: col("items").field("price") })
   */
  unnest<const N extends ListNames<F>>(column: N, options: { keepEmpty?: boolean } = {}): DataSet<Unnested<F, N>> {
    const { keepEmpty = false } = checkedOptions("unnest", options, ["keepEmpty"]);
    return this.#then((plan) => plan.map((node) => unnestNode(node, column, keepEmpty)));
  }

  // Several datasets

  /** All rows of both, duplicates kept. @throws {PlanError} UNION_SCHEMAS_DIFFER */
  union(...others: DataSet<F>[]): DataSet<F> {
    const plans = others.map((other) => planOf("union", other));
    return this.#with(plans, (nodes) => unionNode(nodes));
  }

  /**
   * All rows of both, their columns matched by name and not by place. With `allowMissing`, a column that one side lacks
   * is null there.
   * @throws {PlanError} UNION_SCHEMAS_DIFFER
   */
  unionByName<G extends Fields>(
    other: DataSet<G>,
    options: { allowMissing?: boolean } = {},
  ): DataSet<F & Omit<G, keyof F>> {
    const { allowMissing = false } = checkedOptions("unionByName", options, ["allowMissing"]);
    return this.#with([planOf("unionByName", other)], (nodes) => unionByNameNode(nodes, allowMissing));
  }

  // Order and partitions

  /**
   * All rows in one order, also across partitions. With `first`, only that many rows are ever kept.
   * Text by code points, NaN above all numbers, nulls last unless said; equal rows keep no particular order.
   * @example flights.orderBy(desc("delay"), "date").first(10)
   * @example flights.orderBy(desc(col("delay").div(col("distance")))).first(10)
   */
  orderBy(...keys: SortKey<F>[]): DataSet<F> {
    return this.#then((plan) => plan.map((node) => sortedBy(node, keys, "global")));
  }

  /** Orders the rows of each partition. */
  sortPartition(...keys: SortKey<F>[]): DataSet<F> {
    return this.#then((plan) => plan.map((node) => sortedBy(node, keys, "partition")));
  }

  /** The first rows: of an ordered dataset those that come first, of another any. @throws {PlanError} LIMIT_INVALID */
  first(count: number, options: { offset?: number } = {}): DataSet<F> {
    const { offset = 0 } = checkedOptions("first", options, ["offset"]);
    return this.#then((plan) => plan.map((node) => limitNode(node, count, offset)));
  }

  /** Spreads rows evenly over all partitions. */
  rebalance(): DataSet<F> {
    return this.#then((plan) => plan.map((node) => partitionNode(node, { kind: "rebalance" })));
  }

  /** Puts rows with equal values of these columns into one partition. */
  partitionByHash(...keys: Names<F>[]): DataSet<F> {
    columnNames("partitionByHash", keys);
    return this.#then((plan) => plan.map((node) => partitionNode(node, { kind: "hash", keys })));
  }

  /**
   * Puts rows into partitions by ranges of keys of nearly equal size: those of one partition all come before those of
   * the next. Bounds are found from a sample, so all rows are held, on disk when over budget, before the first leaves.
   */
  partitionByRange(...keys: (Names<F> | Ordering<Names<F>>)[]): DataSet<F> {
    return this.#then((plan) =>
      plan.map((node) => partitionNode(node, rangePartitioning(keys.map(orderKey), node.schema))),
    );
  }

  /** Puts rows into the partition whose number, from 0, the function gives for the value of a column. */
  partitionCustom<const N extends Names<F>>(
    partition: (key: RowOf<F>[N], partitionCount: number) => number,
    key: N,
  ): DataSet<F> {
    return this.#then((plan) =>
      plan.map((node) => partitionNode(node, customPartitioning(partition as PartitionFunction, key, node.schema))),
    );
  }

  // Results

  /** Runs the plan and gives all rows as objects. */
  collect(options: { signal?: AbortSignal } = {}): Promise<RowOf<F>[]> {
    return collectRows(this.context, this.plan, checkedSignal("collect", options)) as Promise<RowOf<F>[]>;
  }

  /** Runs the plan and gives an apache-arrow Table in ordinary memory. */
  collectArrow(options: { signal?: AbortSignal } = {}): Promise<Table> {
    return collectArrow(this.context, this.plan, checkedSignal("collectArrow", options));
  }

  /** Runs the plan and counts its rows. */
  count(options: { signal?: AbortSignal } = {}): Promise<number> {
    const counted = this.#then((plan) => aggregateHandle(plan, [], { rows: count() }));
    return countRows(this.context, counted.plan, checkedSignal("count", options));
  }

  /** Runs the plan and tells of each column: rows, nulls, distinct values, bounds, mean and standard deviation. */
  summarize(): Promise<ColumnSummary[]> {
    return summarizeColumns(this.context, this.plan);
  }

  /** Runs the plan and prints its first rows as an aligned table with column types and the number of rows. */
  async show(rows = 20): Promise<void> {
    console.log(await this.toText(rows));
  }

  /** What `show` prints. */
  toText(rows = 20): Promise<string> {
    return showText(this.context, this.plan, rows);
  }

  /** Rows as they are computed; the job waits for a slow reader and stops when the loop is left. */
  [Symbol.asyncIterator](): AsyncIterator<RowOf<F>> {
    return rowIterator(this.context, this.plan) as AsyncIterator<RowOf<F>>;
  }

  /** apache-arrow RecordBatches as they are computed, in ordinary memory. */
  batches(): AsyncIterable<RecordBatch> {
    return recordBatches(this.context, this.plan);
  }

  /**
   * Computes the rows once and keeps them in memory: the result reads from there, in this and later jobs.
   * Each thread keeps what it computes, and later reads it in place. The rows do not spill; they count against the
   * budget of later jobs, up to half of it. They are freed by `unpersist`, or when no dataset refers to them any more.
   */
  async persist(options: { signal?: AbortSignal } = {}): Promise<DataSet<F>> {
    const signal = checkedSignal("persist", options);
    return new DataSet(this.context, PlanHandle.of(await persistRows(this.context, this.plan, signal)));
  }

  /**
   * Frees the rows of a persisted dataset, as soon as no running job reads them; resolves then. This dataset, and all
   * that were built on it, cannot be run afterwards.
   * @throws {PlanError} NOT_PERSISTED
   */
  unpersist(): Promise<void> {
    return unpersistRows(this.plan);
  }

  /**
   * The plan as it will run: operators with their expressions, pushed-down columns and filters, threads, exchanges.
   * @throws {PlanError} OPTION_INVALID
   */
  async explain(format: "text" | "json" = "text"): Promise<string> {
    checkFormat(format);
    return this.context.explain([await this.plan.resolve()], format);
  }

  #function<G extends Fields>(stage: FunctionStage, options: FunctionOptions): DataSet<G> {
    return this.#then((plan) => functionHandle(this.context, [plan], stage, options));
  }

  #then<G extends Fields>(step: (plan: PlanHandle) => PlanHandle): DataSet<G> {
    return new DataSet<G>(this.context, step(this.plan).at(callSite()));
  }

  #with<G extends Fields>(
    others: readonly PlanHandle[],
    step: (nodes: readonly LogicalNode[]) => LogicalNode,
  ): DataSet<G> {
    return new DataSet<G>(this.context, PlanHandle.combine([this.plan, ...others], step).at(callSite()));
  }
}

/** @throws {PlanError} OPTION_INVALID */
function checkFormat(format: unknown): void {
  if (format === "text" || format === "json") return;
  throw new PlanError(
    "OPTION_INVALID",
    `The format of explain is ${describeValue(format)}.`,
    'It is "text" or "json".',
  );
}

/** The plan of what must be a dataset. @throws {PlanError} DATASET_EXPECTED */
export function planOf(method: string, other: unknown, role = "its other side"): PlanHandle {
  if (other instanceof DataSet) return other.plan;
  throw new PlanError(
    "DATASET_EXPECTED",
    `${method} was given ${describeValue(other)} as ${role}.`,
    "Give a dataset; env.fromRows(rows) makes one of an array.",
  );
}
