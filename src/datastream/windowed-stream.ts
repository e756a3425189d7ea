import { aggregateSpecs } from "../api/aggregate-specs.ts";
import { type AggregatedFields, type Aggregations, count, max, min, sum } from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import type { AsFields, Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { Fields, SimpleType, TimestampType } from "../core/types.ts";
import type { WindowSpec } from "../core/windows/window-spec.ts";
import type { Route, StreamNode } from "../plan/stream/stream-node.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";
import { DataStream } from "./data-stream.ts";
import { operatorNode, projectNode } from "./nodes.ts";
import type { OutputTag } from "./output-tag.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";

/** Bounds of a window of time, as timestamps in milliseconds; the end is outside. */
export type WindowBounds = { readonly windowStart: TimestampType; readonly windowEnd: TimestampType };

/** What a window is made of, before it is told what to compute. */
interface WindowOptions {
  readonly window: WindowSpec;
  readonly allowedLatenessMs?: number;
  readonly lateTag?: OutputTag;
}

/**
 * Rows by key and window. A window of event time closes when the watermark has reached its last millisecond and the
 * allowed lateness has passed; what it gives carries that last millisecond as event time.
 */
export class WindowedStream<F extends Fields, K extends string> {
  readonly #context: StreamContext;
  readonly #plan: StreamPlan;
  readonly #keys: readonly string[];
  readonly #options: WindowOptions;

  /** @internal Made by `window` of a keyed stream, and by `windowAll`. */
  constructor(context: StreamContext, plan: StreamPlan, keys: readonly string[], options: WindowOptions) {
    this.#context = context;
    this.#plan = plan;
    this.#keys = keys;
    this.#options = options;
  }

  /**
   * For how long after a window's end late rows still change it, in milliseconds of event time: it fires again with
   * each batch that does. Rows that are later go to `sideOutputLateData`.
   */
  allowedLateness(allowedLatenessMs: number): WindowedStream<F, K> {
    return new WindowedStream(this.#context, this.#plan, this.#keys, { ...this.#options, allowedLatenessMs });
  }

  /** Where rows go that come too late: `getSideOutput` of the result gives them. Without it they are counted and dropped. */
  sideOutputLateData(tag: OutputTag<F>): WindowedStream<F, K> {
    return new WindowedStream(this.#context, this.#plan, this.#keys, { ...this.#options, lateTag: tag as never });
  }

  /**
   * One row per key and window: the keys, the window's bounds `windowStart` and `windowEnd` (not of count and global
   * windows), then the aggregates by name. Computed in kernels as rows come; the rows are not kept.
   * @example clicks.keyBy("user").window(TumblingEventTimeWindows.of(60_000)).aggregate({ clicks: count() })
   */
  aggregate<const A extends Aggregations<PathsIn<F>>>(
    aggregations: A,
  ): DataStream<Pick<F, K> & WindowBounds & AsFields<AggregatedFields<A, F>>> {
    const site = callSite();
    const { window } = this.#options;
    const plan = this.#plan.map((node) => {
      const { specs, projection } = aggregateSpecs(node.schema, aggregations);
      if (specs.length === 0) {
        throw new PlanError(
          "AGGREGATES_EMPTY",
          "aggregate was given nothing to compute.",
          "Give one, such as count().",
        );
      }
      const input = projection === undefined ? node : projectNode(node, projection);
      return this.#windowNode(input, this.#operator(window, specs), site);
    });
    return new DataStream(this.#context, plan) as never;
  }

  /** Rows per key and window, in a column `count`. */
  count(): DataStream<Pick<F, K> & WindowBounds & { readonly count: SimpleType<"int64"> }> {
    return this.aggregate({ count: count() }) as never;
  }

  /** Sum of a column per key and window, under the column's name. */
  sum<const N extends Names<F>>(column: N) {
    return this.#named(column, sum(column));
  }

  /** Least value of a column per key and window, under the column's name. */
  min<const N extends Names<F>>(column: N) {
    return this.#named(column, min(column));
  }

  /** Greatest value of a column per key and window, under the column's name. */
  max<const N extends Names<F>>(column: N) {
    return this.#named(column, max(column));
  }

  #named<const N extends string, const A extends Aggregations<string>[string]>(name: N, aggregation: A) {
    return this.aggregate({ [name]: aggregation } as unknown as { readonly [X in N]: A } & Aggregations<PathsIn<F>>);
  }

  #operator(window: WindowSpec, aggregates: readonly unknown[]): OperatorNode {
    const { allowedLatenessMs } = this.#options;
    const lateness = allowedLatenessMs === undefined ? {} : { allowedLatenessMs };
    const name = `${windowName(window)}(${this.#keys.join(", ")})`;
    const shared = { name, keys: this.#keys, aggregates, window };
    switch (window.kind) {
      case "session":
        return { kind: "sessionAggregate", ...shared, ...lateness };
      case "count":
      case "global":
        return { kind: "countAggregate", ...shared };
      default:
        return { kind: "windowAggregate", ...shared, ...lateness };
    }
  }

  #windowNode(node: StreamNode, operator: OperatorNode, site: string | undefined): StreamNode {
    const route: Route = this.#keys.length === 0 ? { kind: "global" } : { kind: "keyed", keys: this.#keys };
    const made = operatorNode([{ node, route }], operator, site === undefined ? {} : { callSite: site });
    const parallelism = this.#keys.length === 0 ? { parallelism: 1 } : {};
    const { lateTag } = this.#options;
    return { ...made, ...parallelism, ...(lateTag === undefined ? {} : { lateTag: lateTag.name }) };
  }
}

function windowName(window: WindowSpec): string {
  switch (window.kind) {
    case "tumbling":
      return `window ${window.sizeMs} ms`;
    case "sliding":
      return `window ${window.sizeMs} ms every ${window.slideMs} ms`;
    case "cumulate":
      return `window up to ${window.maxSizeMs} ms by ${window.stepMs} ms`;
    case "session":
      return "gapMs" in window ? `session ${window.gapMs} ms` : "session";
    case "count":
      return window.slideRows === undefined
        ? `window ${window.rows} rows`
        : `window ${window.rows} rows every ${window.slideRows}`;
    case "global":
      return "global window";
  }
}
