import { callSite } from "../api/call-site.ts";
import { checkCallable } from "../api/check-function.ts";
import { columnNames, computedColumns, namedColumns } from "../api/column-arguments.ts";
import { checkedSink } from "../api/connector-contracts.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOf, FilterGiven, FlatMapGiven, MapGiven } from "../api/row-types.ts";
import type { AsFields, ListedFields, Names, Selectable, SelectedFields, WithFields } from "../api/selected-fields.ts";
import { UserSink } from "../api/user-connectors.ts";
import { CallbackSink } from "../connectors/callback/callback-sink.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression, type NamedExpression, type Operand } from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import { HIGHEST_MAX_PARALLELISM } from "../core/key-group.ts";
import { AssignTimes } from "../core/operators/assign-times.ts";
import { FilterRows } from "../core/operators/filter-rows.ts";
import { FlatMapRows } from "../core/operators/flat-map-rows.ts";
import { MapRows } from "../core/operators/map-rows.ts";
import { NumberRows, type PartitionFunction } from "../core/operators/number-rows.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import type { Sink } from "../core/sink.ts";
import { hasUserCode } from "../core/time/watermark-strategy.ts";
import type { Fields } from "../core/types.ts";
import { ANY, type Route, type StreamNode } from "../plan/stream/stream-node.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";
import { argumentInvalid, checkedInstance, checkedName, checkedPartner, whole } from "./arguments.ts";
import { filterNode, operatorNode, pickNode, projectNode, unionNode, withColumnsNode } from "./nodes.ts";
import { OutputTag } from "./output-tag.ts";
import { type StreamSinkOptions, sinkPlan } from "./sink-plans.ts";
import { checkFunction, functionPlan, type StreamFunctionOptions, siteOf } from "./stream-functions.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";
import { WatermarkStrategy } from "./watermark-strategy.ts";

/** The side output of operators to which rows go that come too late; those of joins tell from which side. */
const LATE = "late";
const LATE_TAGS = [LATE, "lateLeft", "lateRight"];

/** Options of a step that takes a function. */
export interface FunctionOptions<S extends Fields = Fields> {
  /** Columns of the result. Left out, they are inferred from the first rows, where the source can be read twice. */
  readonly schema?: Schema<S>;
  /** For errors and explain. */
  readonly name?: string;
}

/**
 * An unbounded or bounded stream of rows with named, typed columns, described and not yet running. Every method gives a
 * new stream; nothing runs before `execute`, `executeAsync` of the environment, or `executeAndCollect`.
 *
 * `F` holds the column types, so that a misspelt column does not compile. Columns and types are checked again when a
 * step is added, with a PlanError at the line of the mistake.
 */
export class DataStream<F extends Fields = Fields> {
  /** Carries the column types for inference only; never set. */
  declare readonly $fields: F;
  /** @internal */
  readonly context: StreamContext;
  /** The plan behind this stream, for libraries that build on streams. */
  readonly plan: StreamPlan;
  readonly #route: Route | undefined;

  /** For the environment and builders; user code starts at `StreamExecutionEnvironment`. */
  constructor(context: StreamContext, plan: StreamPlan, route?: Route) {
    this.context = context;
    this.plan = plan;
    this.#route = route;
  }

  // Rows and columns

  /**
   * Keeps the rows for which the condition is true (null counts as false).
   * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, PREDICATE_NOT_BOOLEAN
   * @example clicks.filter(col("userId").isNotNull())
   */
  filter<const E extends Expression>(condition: E & AcceptsColumns<E, PathsIn<F>>): DataStream<F>;
  filter(condition: FilterGiven<RowOf<F>>, options?: Omit<FunctionOptions, "schema">): DataStream<F>;
  filter(condition: Expression | FilterGiven<RowOf<F>>, options: FunctionOptions = {}): DataStream<F> {
    if (condition instanceof Expression) return this.#then((node) => filterNode(node, condition.node));
    return this.#function(
      {
        method: "filter",
        fn: condition,
        returns: "known",
        schemaOf: ([input]) => input,
        make: ([input], _, site) => new FilterRows(condition as never, input, site),
      },
      options,
    );
  }

  /**
   * The given columns, or computed ones under new names.
   * @example bids.select("auction", col("price").mul(0.908).as("euros"))
   */
  select<const N extends Names<F>>(...names: N[]): DataStream<Pick<F, N>>;
  select<const C extends readonly Selectable<F>[]>(...columns: C): DataStream<AsFields<ListedFields<C[number], F>>>;
  select<const E extends Readonly<Record<string, Operand>>>(
    columns: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
  ): DataStream<SelectedFields<E, F>>;
  select(
    ...columns: (string | NamedExpression<string, string, unknown> | Readonly<Record<string, Operand>>)[]
  ): unknown {
    const named = namedColumns("select", columns);
    return this.#then((node) => projectNode(node, named));
  }

  /** All columns, with the given ones added or replaced. */
  withColumns<const E extends Readonly<Record<string, Operand>>>(
    columns: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
  ): DataStream<WithFields<F, SelectedFields<E, F>>> {
    const computed = computedColumns("withColumns", columns);
    return this.#then((node) => withColumnsNode(node, computed));
  }

  /** All columns, with one added or replaced. */
  withColumn<const N extends string, const E extends Operand>(
    name: N,
    value: E & AcceptsColumns<E, PathsIn<F>>,
  ): DataStream<WithFields<F, SelectedFields<{ readonly [K in N]: E }, F>>> {
    return this.withColumns({ [name]: value } as never) as never;
  }

  /** All columns but the given ones. */
  drop<const N extends Names<F>>(...names: N[]): DataStream<Omit<F, N>> {
    columnNames("drop", names);
    return this.#then((node) => {
      for (const name of names) node.schema.indexOf(name);
      return pickNode(
        node,
        node.schema.names.filter((name) => !(names as string[]).includes(name)),
      );
    });
  }

  /** Replaces each row by the object that the function returns. */
  map<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: MapGiven<RowOf<F>, R>,
    options: O = {} as O,
  ): DataStream<FieldsOf<O, R>> {
    return this.#function(
      {
        method: "map",
        fn,
        returns: "row",
        make: ([input], shape, site) => new MapRows(fn as never, input, shape, site),
      },
      options,
    );
  }

  /** Replaces each row by the rows of the iterable that the function returns. */
  flatMap<R extends object, const O extends FunctionOptions = FunctionOptions>(
    fn: FlatMapGiven<RowOf<F>, R>,
    options: O = {} as O,
  ): DataStream<FieldsOf<O, R>> {
    return this.#function(
      {
        method: "flatMap",
        fn,
        returns: "rows",
        make: ([input], shape, site) => new FlatMapRows(fn as never, input, shape, site),
      },
      options,
    );
  }

  /**
   * All rows of this and the other streams, which have the same columns.
   * @throws {PlanError} UNION_SCHEMAS_DIFFER, ENVIRONMENTS_MIXED
   */
  union(...others: DataStream<F>[]): DataStream<F> {
    for (const other of others) checkedPartner("union", this, other, DataStream, "Give streams of the same columns.");
    const members = [this, ...others].map(({ routed }) => routed);
    const plan = PlanHandle.combine(
      members.map((member) => member.plan),
      (nodes) => unionNode(nodes.map((node, i) => ({ node, route: members[i].route }))),
    );
    return new DataStream<F>(this.context, plan);
  }

  /**
   * Named streams, each with the rows for which its condition is true; a row may go to several.
   * @throws {PlanError} ARGUMENT_INVALID, COLUMN_UNKNOWN, TYPE_MISMATCH, PREDICATE_NOT_BOOLEAN
   * @example const { large, small } = orders.split({ large: col("total").ge(100), small: col("total").lt(100) });
   */
  split<const C extends Readonly<Record<string, Expression>>>(
    conditions: C & { [N in keyof C]: AcceptsColumns<C[N], PathsIn<F>> },
  ): { readonly [N in keyof C]: DataStream<F> } {
    const entries = Object.entries<Expression>((conditions ?? {}) as Readonly<Record<string, Expression>>);
    const advice = 'Give a condition by name, such as { large: col("total").ge(100) }.';
    if (entries.length === 0) throw argumentInvalid("split", conditions, advice);
    for (const [name, condition] of entries) checkedInstance(`split, for "${name}",`, condition, Expression, advice);
    return Object.fromEntries(
      entries.map(([name, condition]) => [name, this.#then((node) => filterNode(node, condition.node))]),
    ) as { readonly [N in keyof C]: DataStream<F> };
  }

  // Event time

  /**
   * Gives the rows event times and the stream watermarks here, instead of in the source. Where the source can do it
   * (`env.fromSource(source, strategy)`), watermarks are made per split, which is safer with several splits, and where
   * splits may fall silent or wait for each other.
   * @throws {PlanError} EVENT_TIME_TYPE, WATERMARKS_NOT_OF_SOURCE where the strategy has idleness or an alignment
   */
  assignTimestampsAndWatermarks(strategy: WatermarkStrategy<F>): DataStream<F> {
    const { spec } = checkedInstance(
      "assignTimestampsAndWatermarks",
      strategy,
      WatermarkStrategy<F>,
      'Give a WatermarkStrategy, such as WatermarkStrategy.monotonous().withTimestamps("time").',
    );
    if (spec.idlenessMs !== undefined || spec.alignment !== undefined) {
      throw new PlanError(
        "WATERMARKS_NOT_OF_SOURCE",
        `assignTimestampsAndWatermarks was given a strategy with ${spec.alignment === undefined ? "withIdleness" : "withAlignment"}, which is about the splits of a source.`,
        "Give the strategy to the source: the methods of the environment that read take it as their last argument.",
      );
    }
    const { watermarkIntervalMs } = this.context;
    return this.#then((node) => {
      const name = "assign timestamps and watermarks";
      const operator: OperatorNode = hasUserCode(spec)
        ? { kind: "local", name, create: ([input]) => new AssignTimes(spec, input, watermarkIntervalMs) }
        : { kind: "assignTimes", name, strategy: spec };
      return operatorNode([{ node }], operator);
    });
  }

  // Partitions

  /** Rows go to the subtasks of the next step in turn. */
  rebalance(): DataStream<F> {
    return this.#routed({ kind: "rebalance" });
  }

  /** Like rebalance, but only between neighbours: each subtask feeds its own share of those that follow. */
  rescale(): DataStream<F> {
    return this.#routed({ kind: "rescale" });
  }

  /** Rows go to subtasks by chance. */
  shuffle(): DataStream<F> {
    return this.#routed({ kind: "shuffle" });
  }

  /** Every subtask of the next step gets every row. */
  broadcast(): DataStream<F> {
    return this.#routed({ kind: "broadcast" });
  }

  /** All rows go to the first subtask of the next step. */
  global(): DataStream<F> {
    return this.#routed({ kind: "global" });
  }

  /** Rows stay in the subtask of the same number; the next step must have the same parallelism. */
  forward(): DataStream<F> {
    return this.#routed({ kind: "forward" });
  }

  /**
   * Rows go to the subtask that the function gives for their key, 0 to partitions - 1. The next step has so many: give
   * it that parallelism, where it is not that of the environment.
   * @throws {PlanError} FORWARD_PARALLELISM while the job is planned, where the next step has another parallelism
   * @example orders.partitionCustom((country, partitions) => country === "DE" ? 0 : 1 % partitions, "country")
   */
  partitionCustom<const N extends Names<F>>(
    partition: (key: RowOf<F>[N], partitions: number) => number,
    key: N,
    partitions: number,
  ): DataStream<F> {
    checkFunction({ method: "partitionCustom", fn: partition });
    whole("partitions of partitionCustom", partitions, 1, 1024);
    const site = siteOf(this.context, "partitionCustom", callSite());
    const column = "subtask number";
    const plan = this.plan.map((node) => {
      const numbered = operatorNode([{ node }], {
        kind: "local",
        name: "partitionCustom",
        create: ([input]) =>
          new NumberRows(partition as PartitionFunction, input, { key, column, partitionCount: partitions }, site),
      });
      // The numbers are left out on the way: the steps that follow never see them.
      const route = { kind: "numbered", column } as const;
      const parted = operatorNode([{ node: numbered, route }], { kind: "pass", name: "partition" });
      return { ...parted, parallelism: partitions };
    });
    return new DataStream<F>(this.context, plan, { kind: "forward" });
  }

  // Options of the newest step

  /** The name under which the step's state is kept across restarts and changes of the program; unique in the job. */
  uid(uid: string): this {
    return this.#changed("uid", { uid: checkedName("uid", uid) });
  }

  /** For explain, metrics and errors. */
  name(name: string): this {
    return this.#changed("name", { name: checkedName("name", name) });
  }

  /** How many subtasks the step has; default: as many as the environment says. @throws {PlanError} OPTION_INVALID */
  setParallelism(parallelism: number): this {
    return this.#changed("setParallelism", {
      parallelism: whole("parallelism", parallelism, 1, HIGHEST_MAX_PARALLELISM),
    });
  }

  /** The step starts a chain of its own: it is joined to the one before it by a queue. */
  startNewChain(): this {
    return this.#changed("startNewChain", { chaining: "head" });
  }

  /** The step shares a subtask with no other. */
  disableChaining(): this {
    return this.#changed("disableChaining", { chaining: "never" });
  }

  /**
   * Subtasks of the step, and of those behind it that are told nothing else, share worker threads with steps of the same
   * group alone, where there are at least as many threads as groups: so a slow step does not hold others up. Steps of
   * different groups are not chained. A step takes the group of its inputs where they have the same one, else "default".
   * @throws {PlanError} ARGUMENT_INVALID
   */
  slotSharingGroup(name: string): this {
    return this.#changed("slotSharingGroup", { slotSharingGroup: checkedName("slotSharingGroup", name) });
  }

  // Outputs

  /**
   * Rows that the newest step sent to a side output. Late rows of windows have the tag of `sideOutputLateData`.
   * @throws {PlanError} ARGUMENT_INVALID, SIDE_OUTPUT_UNKNOWN where the newest step declares no such one
   */
  getSideOutput<G extends Fields>(tag: OutputTag<G>): DataStream<G> {
    checkedInstance("getSideOutput", tag, OutputTag, "Give the OutputTag that the step was given.");
    const name = `side output ${tag.name}`;
    const plan = this.plan.map((node): StreamNode => {
      const { lateTag, sideTags = [] } = node.op === "operator" ? node : {};
      const isLate = lateTag === tag.name;
      const known = [...sideTags, ...(lateTag === undefined ? [] : [lateTag])];
      if (!known.includes(tag.name) && !LATE_TAGS.includes(tag.name))
        throw sideOutputUnknown(node.name, tag.name, known);
      const side = { tag: isLate ? LATE : tag.name, schema: tag.schema };
      return {
        op: "operator",
        operator: { kind: "pass", name },
        schema: tag.schema,
        name,
        inputs: [{ node, route: ANY, side }],
        isUpdating: false,
      };
    });
    return new DataStream<G>(this.context, plan);
  }

  /**
   * Calls the function with each row, an object of its own, on the calling thread. A promise holds the stream back.
   * @throws {PlanError} FUNCTION_INVALID, UPDATES_NOT_ACCEPTED
   */
  forEach(fn: (row: RowOf<F>) => void | Promise<void>, options?: StreamSinkOptions): DataStream<F> {
    checkCallable("forEach", fn);
    return this.addSink(new CallbackSink({ onRow: fn as never }), options);
  }

  /**
   * Hands the rows to a sink of one's own, on the calling thread.
   * @throws {PlanError} ARGUMENT_INVALID, SINK_NOT_FOR_STREAMS where it commits a run as a whole, UPDATES_NOT_ACCEPTED
   * where the stream is a changelog and the sink does not say that it accepts them
   */
  addSink(sink: Sink, options: StreamSinkOptions = {}): DataStream<F> {
    const own = new UserSink(checkedSink("addSink", sink));
    this.context.addSink(sinkPlan(this.routed, own, true, options));
    return this;
  }

  /** Hands the rows to a sink of the engine, on any thread. @throws {PlanError} as `addSink` */
  sinkTo(sink: Sink, options: StreamSinkOptions = {}): DataStream<F> {
    this.context.addSink(sinkPlan(this.routed, checkedSink("sinkTo", sink), false, options));
    return this;
  }

  /**
   * Runs the job of this stream alone and gives its rows one by one; the stream waits while none is taken, and is
   * cancelled when the caller stops.
   * @throws {PlanError} UPDATES_NOT_ACCEPTED but in batch mode, where a changelog gives its final rows alone
   */
  executeAndCollect(): AsyncGenerator<RowOf<F>> {
    return this.context.collect(this.plan) as AsyncGenerator<RowOf<F>>;
  }

  /** @internal The plan with the route that the caller chose for the next step. */
  get routed(): { readonly plan: StreamPlan; readonly route?: Route } {
    return { plan: this.plan, ...(this.#route === undefined ? {} : { route: this.#route }) };
  }

  #then<G extends Fields>(step: (node: StreamNode) => StreamNode): DataStream<G> {
    const site = callSite();
    const route = this.#route;
    const plan = this.plan.map((node) => {
      const next = step(node);
      const inputs = route === undefined ? next.inputs : next.inputs.map((input) => ({ ...input, route }));
      return { ...next, inputs, ...(site === undefined ? {} : { callSite: site }) } as StreamNode;
    });
    return new DataStream<G>(this.context, plan);
  }

  #function<G extends Fields>(step: Parameters<typeof functionPlan>[2], options: StreamFunctionOptions): DataStream<G> {
    const routes = this.#route === undefined ? {} : { routes: [this.#route] };
    return new DataStream<G>(this.context, functionPlan(this.context, [this.plan], { ...step, ...routes }, options));
  }

  #routed(route: Route): DataStream<F> {
    return new DataStream<F>(this.context, this.plan, route);
  }

  #changed(
    method: string,
    change: Pick<StreamNode, "uid" | "parallelism" | "chaining" | "slotSharingGroup"> | { name: string },
  ): this {
    if (this.#route !== undefined) throw noStep(method, "a choice of subtasks, such as rebalance()");
    const plan = this.plan.map((node): StreamNode => {
      if (node.op === "union") throw noStep(method, "union()");
      return { ...node, ...change } as StreamNode;
    });
    return new DataStream<F>(this.context, plan) as this;
  }
}

const noStep = (method: string, behind: string): PlanError =>
  new PlanError(
    "STEP_MISSING",
    `${method}() was called behind ${behind}, which is no step that could have it.`,
    `Call ${method}() directly behind the step that it is meant for.`,
  );

const sideOutputUnknown = (step: string, tag: string, known: readonly string[]): PlanError =>
  new PlanError(
    "SIDE_OUTPUT_UNKNOWN",
    `The step "${step}" has no side output "${tag}". Its side outputs are ${known.map((name) => `"${name}"`).join(", ") || "none"}.`,
    "Declare the tag in sideOutputs, or with sideOutputLateData, and ask the stream that the very step gave.",
  );
