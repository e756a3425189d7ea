import { aggregateSpecs } from "../api/aggregate-specs.ts";
import {
  type AggregatedFields,
  type Aggregation,
  type Aggregations,
  avg,
  count,
  max,
  min,
  sum,
} from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import type { FieldsOf } from "../api/row-types.ts";
import type { AsFields, Names } from "../api/selected-fields.ts";
import type { AggregateSpec } from "../core/aggregates/spec.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { PathsIn, Reference } from "../core/expressions/symbols.ts";
import type { RowOf } from "../core/schema.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import { checkedEvictor, type Evictor } from "../core/windows/evictor.ts";
import type { Trigger } from "../core/windows/trigger.ts";
import { checkedTrigger } from "../core/windows/triggers.ts";
import type { WindowCalculation } from "../core/windows/window-calculation.ts";
import { checkLatenessOf } from "../core/windows/window-spec.ts";
import type { NamedExpression } from "../plan/logical.ts";
import type { Route, StreamNode } from "../plan/stream/stream-node.ts";
import { DataStream } from "./data-stream.ts";
import { operatorNode, projectNode } from "./nodes.ts";
import { OutputTag } from "./output-tag.ts";
import { plainWindow } from "./session-gaps.ts";
import { functionPlan } from "./stream-functions.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";
import { type WindowOptions, windowAggregate } from "./window-aggregates.ts";
import {
  type AggregateFunction,
  aggregateCalculation,
  applyCalculation,
  type GivenAggregate,
  type GivenProcess,
  type GivenReduce,
  isProcess,
  type ProcessWindowFunction,
  processCalculation,
  reduceCalculation,
  WINDOW_FUNCTION_OPTIONS,
  type WindowFunction,
  type WindowFunctionOptions,
  type WindowKey,
  type WindowReduce,
  windowFunction,
} from "./window-functions.ts";
import type { WindowBounds } from "./windows.ts";

/** Keys, bounds, and an aggregate of a column under the column's name. */
type Named<F extends Fields, K extends string, B extends Fields, N extends string, Kind extends string> = DataStream<
  Pick<F, K> & B & AsFields<AggregatedFields<{ readonly [X in N]: Aggregation<N, Kind, Reference<N>> }, F>>
>;

/** A window and where its late rows go. */
interface Options extends WindowOptions {
  readonly lateTag?: string;
}

/**
 * Rows by key and window. A window of event time closes when the watermark has reached its last millisecond and the
 * allowed lateness has passed; what it gives carries that last millisecond as event time.
 *
 * Built-in aggregates (`aggregate({ ... })`, `count`, `sum`, `min`, ...) are computed in kernels as rows come, and the
 * rows are not kept. Functions (`reduce`, `aggregate(fn)`, `process`, `apply`) see row by row, on the calling thread.
 */
export class WindowedStream<F extends Fields, K extends string, B extends Fields = WindowBounds> {
  readonly #context: StreamContext;
  readonly #plan: StreamPlan;
  readonly #keys: readonly string[];
  readonly #options: Options;

  /** @internal Made by `window` of a keyed stream, and by `windowAll`. */
  constructor(context: StreamContext, plan: StreamPlan, keys: readonly string[], options: Options) {
    this.#context = context;
    this.#plan = plan;
    this.#keys = keys;
    this.#options = options;
  }

  /**
   * For how long after a window's end late rows still change it, in milliseconds of event time: it fires again with
   * each batch that does. Rows that are later go to `sideOutputLateData`. For windows of processing time, count windows
   * and global windows no row is late, and a lateness is refused.
   * @throws {PlanError} WINDOW_LATENESS_INVALID
   */
  allowedLateness(allowedLatenessMs: number): WindowedStream<F, K, B> {
    checkLatenessOf(this.#options.window, allowedLatenessMs);
    return this.#with({ allowedLatenessMs });
  }

  /** Where rows go that come too late: `getSideOutput` of the result gives them. Without it they are counted and dropped. */
  sideOutputLateData(tag: OutputTag<F>): WindowedStream<F, K, B> {
    if (tag instanceof OutputTag) return this.#with({ lateTag: tag.name });
    throw new PlanError(
      "OUTPUT_TAG_INVALID",
      `sideOutputLateData was given ${describeValue(tag)}.`,
      'Give a tag with the columns of the stream: new OutputTag("late", schema).',
    );
  }

  /**
   * When the window gives its result, in place of its end. Built-in aggregates know ContinuousProcessingTimeTrigger on
   * windows of time and the counting ones on global windows; functions take every trigger.
   * @throws {PlanError} TRIGGER_INVALID
   * @example keyed.window(GlobalWindows.create()).trigger(PurgingTrigger.of(CountTrigger.of(100))).sum("amount")
   */
  trigger<S>(trigger: Trigger<S, RowOf<F>>): WindowedStream<F, K, B> {
    return this.#with({ trigger: checkedTrigger("trigger", trigger) as unknown as Trigger });
  }

  /**
   * Which rows stay when the window fires; the window then keeps its rows, also for reduce and aggregate.
   * @throws {PlanError} EVICTOR_INVALID
   */
  evictor(evictor: Evictor<RowOf<F>>): WindowedStream<F, K, B> {
    return this.#with({ evictor: checkedEvictor(evictor) as unknown as Evictor });
  }

  /**
   * One row per key and window: the keys, the window's bounds `windowStart` and `windowEnd` (not of count and global
   * windows), then the aggregates by name. Or what a function of one's own makes of the rows, which may go through a
   * process function that knows key and window.
   * @throws {PlanError} AGGREGATES_EMPTY, WINDOW_AGGREGATE_UNSUPPORTED, FUNCTION_INVALID
   * @example clicks.keyBy("user").window(TumblingEventTimeWindows.of(60_000)).aggregate({ clicks: count() })
   */
  aggregate<const A extends Aggregations<PathsIn<F>>>(
    aggregations: A,
  ): DataStream<Pick<F, K> & B & AsFields<AggregatedFields<A, F>>>;
  aggregate<A, V, R extends object, const O extends WindowFunctionOptions = WindowFunctionOptions>(
    aggregate: AggregateFunction<RowOf<F>, A, V>,
    process: ProcessWindowFunction<WindowKey<F, K>, V, R>,
    options?: O,
  ): DataStream<FieldsOf<O, R>>;
  aggregate<A, R extends object, const O extends WindowFunctionOptions = WindowFunctionOptions>(
    aggregate: AggregateFunction<RowOf<F>, A, R>,
    options?: O,
  ): DataStream<FieldsOf<O, R>>;
  aggregate(given: object, ...others: unknown[]): unknown {
    if (typeof (given as Partial<GivenAggregate> | null)?.createAccumulator === "function") {
      return this.#reduced("aggregate", others, (whole) => aggregateCalculation(given as GivenAggregate, whole));
    }
    return this.#aggregated((node) => {
      const { specs, projection } = aggregateSpecs(node.schema, (given ?? {}) as Aggregations<string>);
      if (specs.length > 0) return { specs, projection };
      throw new PlanError("AGGREGATES_EMPTY", "aggregate was given nothing to compute.", "Give one, such as count().");
    });
  }

  /**
   * One row of the stream's columns per key and window: a function of two rows makes one of all. `left` is a copy that
   * it may change and return, `right` a view that is valid during the call. The one row may go through a process
   * function that knows key and window.
   * @throws {PlanError} FUNCTION_INVALID
   * @example orders.keyBy("city").window(...).reduce((a, b) => (a.total >= b.total ? a : b))
   */
  reduce<R extends object, const O extends WindowFunctionOptions = WindowFunctionOptions>(
    reduce: WindowReduce<RowOf<F>>,
    process: ProcessWindowFunction<WindowKey<F, K>, RowOf<F>, R>,
    options?: O,
  ): DataStream<FieldsOf<O, R>>;
  reduce(reduce: WindowReduce<RowOf<F>>, options?: WindowFunctionOptions): DataStream<F>;
  reduce(given: unknown, ...others: unknown[]): unknown {
    return this.#reduced("reduce", others, (whole) => reduceCalculation(given as GivenReduce, whole));
  }

  /**
   * Any number of rows per firing, from all rows of the window, which are kept until it closes.
   * @throws {PlanError} FUNCTION_INVALID
   * @example
   * trips.keyBy("city").window(TumblingEventTimeWindows.of(3_600_000)).process((city, { window }, trips) => [
   *   { city, hour: new Date(window.startMs), longest: Math.max(...trips.map((trip) => trip.km)) },
   * ])
   */
  process<R extends object, const O extends WindowFunctionOptions = WindowFunctionOptions>(
    given: ProcessWindowFunction<WindowKey<F, K>, RowOf<F>, R>,
    options: O = {} as O,
  ): DataStream<FieldsOf<O, R>> {
    return this.#function("process", processCalculation(given as GivenProcess), options);
  }

  /** Like process, for a function that asks for nothing but key, window and rows. @throws {PlanError} FUNCTION_INVALID */
  apply<R extends object, const O extends WindowFunctionOptions = WindowFunctionOptions>(
    apply: WindowFunction<WindowKey<F, K>, RowOf<F>, R>,
    options: O = {} as O,
  ): DataStream<FieldsOf<O, R>> {
    const calculation = applyCalculation(apply as WindowFunction<never, Record<string, unknown>, object>);
    return this.#function("apply", calculation, options);
  }

  /** Rows per key and window, in a column `count`. */
  count(): DataStream<Pick<F, K> & B & { readonly count: SimpleType<"int64"> }> {
    return this.aggregate({ count: count() }) as never;
  }

  /** Sum of a column per key and window, under the column's name. */
  sum<const N extends Names<F>>(column: N): Named<F, K, B, N, "sum"> {
    return this.#named(column, sum(column));
  }

  /** Mean of a column per key and window, under the column's name, as float64. */
  avg<const N extends Names<F>>(column: N): Named<F, K, B, N, "float"> {
    return this.#named(column, avg(column));
  }

  /** Least value of a column per key and window, under the column's name. */
  min<const N extends Names<F>>(column: N): Named<F, K, B, N, "same"> {
    return this.#named(column, min(column));
  }

  /** Greatest value of a column per key and window, under the column's name. */
  max<const N extends Names<F>>(column: N): Named<F, K, B, N, "same"> {
    return this.#named(column, max(column));
  }

  /**
   * The row whose value of a column is least, per key and window: keys, bounds, then the other columns of the row. Of
   * several such rows the first.
   * @throws {PlanError} COLUMN_UNKNOWN, AGGREGATE_TYPE
   */
  minBy<const N extends Names<F>>(column: N): DataStream<Pick<F, K> & B & Omit<F, K>> {
    return this.#chosen("minBy", column);
  }

  /** The row whose value of a column is greatest, per key and window; see `minBy`. */
  maxBy<const N extends Names<F>>(column: N): DataStream<Pick<F, K> & B & Omit<F, K>> {
    return this.#chosen("maxBy", column);
  }

  #with(change: Partial<Options>): WindowedStream<F, K, B> {
    return new WindowedStream(this.#context, this.#plan, this.#keys, { ...this.#options, ...change });
  }

  #named<G extends Fields>(name: string, aggregation: Aggregation): DataStream<G> {
    return this.aggregate({ [name]: aggregation } as never) as never;
  }

  #chosen<G extends Fields>(fn: "minBy" | "maxBy", by: string): DataStream<G> {
    return this.#aggregated(({ schema }) => {
      schema.indexOf(by);
      const others = schema.names.filter((name) => !this.#keys.includes(name));
      return { specs: others.map((column): AggregateSpec => ({ fn, column, params: { by }, as: column })) };
    });
  }

  /** One row per key and window, in kernels. */
  #aggregated<G extends Fields>(
    aggregatesOf: (node: StreamNode) => {
      readonly specs: readonly AggregateSpec[];
      readonly projection?: readonly NamedExpression[] | undefined;
    },
  ): DataStream<G> {
    const site = callSite();
    const plan = this.#plan.map((node) => {
      const { specs, projection } = aggregatesOf(node);
      const { window, gap, withGap } = plainWindow(this.#context, this.#options.window);
      const gaps = gap === undefined ? [] : [{ name: gap, expression: columnNode(gap) }];
      const input = projection === undefined ? withGap(node) : projectNode(withGap(node), [...projection, ...gaps]);
      const operator = windowAggregate(this.#keys, { ...this.#options, window }, specs);
      return operatorNode(
        [{ node: input, route: this.#route }],
        operator,
        site === undefined ? {} : { callSite: site },
      );
    });
    return this.#result(plan);
  }

  /** What reduce and aggregate make of a window's rows, and a process function of that. */
  #reduced(method: string, others: unknown[], calculationOf: (whole?: GivenProcess) => WindowCalculation): unknown {
    const [first, second] = others;
    const whole = isProcess(first) ? first : undefined;
    const options = (whole === undefined ? first : second) ?? {};
    return this.#function(method, calculationOf(whole), options as WindowFunctionOptions);
  }

  #function<G extends Fields>(method: string, calculation: WindowCalculation, options: WindowFunctionOptions) {
    const { lateTag: _, ...window } = this.#options;
    const given = checkedOptions(method, options, WINDOW_FUNCTION_OPTIONS);
    const spec = { keys: this.#keys, ...window, calculation };
    const step = windowFunction(method, spec, given, this.#context.state);
    const sideTags = (given.sideOutputs ?? []).map((tag) => tag.name);
    const plan = functionPlan(this.#context, [this.#plan], { ...step, routes: [this.#route] }, given);
    return this.#result<G>(plan, sideTags);
  }

  get #route(): Route {
    return this.#keys.length === 0 ? { kind: "global" } : { kind: "keyed", keys: this.#keys };
  }

  #result<G extends Fields>(plan: StreamPlan, sideTags: readonly string[] = []): DataStream<G> {
    const { lateTag } = this.#options;
    const marks = {
      ...(this.#keys.length === 0 ? { parallelism: 1 } : {}),
      ...(lateTag === undefined ? {} : { lateTag }),
      ...(sideTags.length === 0 ? {} : { sideTags }),
    };
    return new DataStream<G>(
      this.#context,
      plan.map((node) => ({ ...node, ...marks }) as StreamNode),
    );
  }
}
