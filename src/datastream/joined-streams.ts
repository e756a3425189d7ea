import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression } from "../core/expressions/expression.ts";
import type { ExpressionNode } from "../core/expressions/node.ts";
import { expressionColumns } from "../core/expressions/rewrite.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { JoinSide, JoinSpec } from "../core/joins/join-plan.ts";
import { joinGivesUpdates } from "../core/operators/updating-join.ts";
import { Schema } from "../core/schema.ts";
import { checkTtl } from "../core/state/descriptors.ts";
import type { Fields } from "../core/types.ts";
import { checkLatenessOf } from "../core/windows/window-spec.ts";
import { joinOutput } from "../plan/join-output.ts";
import type { JoinType } from "../plan/logical.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";
import { checkedInstance } from "./arguments.ts";
import { DataStream } from "./data-stream.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { operatorNode, projectNode } from "./nodes.ts";
import { joinWindows, plainWindow } from "./session-gaps.ts";
import type { StreamPlan } from "./stream-plan.ts";
import type { WindowAssigner, WindowBounds } from "./windows.ts";

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * Rows of both streams with equal keys whose event times are near each other: continue with `between`. The pair has
     * the later of both times. Rows that come too late are in the side outputs "lateLeft" and "lateRight".
     * @example
     * impressions.keyBy("adId").intervalJoin(clicks.keyBy("adId")).between(0, 60_000) // clicked within a minute
     */
    intervalJoin<G extends Fields, L extends string>(
      other: KeyedStream<G, L>,
      options?: { readonly type?: "inner" | "left" | "right" | "full" },
    ): IntervalJoin<F, K, G>;
    /**
     * Rows of both streams with equal keys: continue with `window` for those in the same window, or with `updating` for
     * all rows there ever were.
     * @example orders.keyBy("id").join(payments.keyBy("orderId")).window(TumblingEventTimeWindows.of(60_000))
     * @example orders.keyBy("id").join(payments.keyBy("orderId"), { type: "left" }).updating()
     */
    join<G extends Fields, L extends string>(
      other: KeyedStream<G, L>,
      options?: { readonly type?: JoinType },
    ): JoinedStreams<F, K, G>;
  }
}

/** Columns of a join of streams: the left ones, and the right ones without keys of the same name. */
export type JoinedFields<F extends Fields, K extends string, G extends Fields> = F & {
  readonly [N in Exclude<keyof G & string, K> as N extends keyof F ? `${N}_right` : N]: G[N];
};

interface Sides {
  readonly left: KeyedStream<Fields, string>;
  readonly right: KeyedStream<Fields, string>;
  readonly type: JoinType;
}

/** Two keyed streams whose rows are joined where they are near in event time. */
export class IntervalJoin<F extends Fields, K extends string, G extends Fields> {
  readonly #sides: Sides;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  /**
   * A pair where right time - left time is within [lowerMs, upperMs], which may be negative.
   * @throws {PlanError} INTERVAL_INVALID, JOIN_KEYS_MISMATCH
   */
  between(
    lowerMs: number,
    upperMs: number,
    options: { readonly lowerExclusive?: boolean; readonly upperExclusive?: boolean } = {},
  ): DataStream<JoinedFields<F, K, G>> {
    const bounds = checkedOptions("between", options, ["lowerExclusive", "upperExclusive"]);
    return joined(this.#sides, "interval join", { kind: "intervalJoin", lowerMs, upperMs, ...bounds });
  }
}

/** Two keyed streams whose rows are joined: those of one window, or all. */
export class JoinedStreams<F extends Fields, K extends string, G extends Fields> {
  readonly #sides: Sides;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  /**
   * One row per pair and window, with the window's bounds behind the columns of both. Tumbling, sliding and session
   * windows: a session is that of both streams, so a row of either extends it, and a gap that is a column or an expression
   * is read from both. Within the allowed lateness a window waits for its rows; those that come later are in the side
   * outputs "lateLeft" and "lateRight".
   * @throws {PlanError} WINDOW_INVALID, WINDOW_GAP_INVALID, WINDOW_LATENESS_INVALID, COLUMN_UNKNOWN, JOIN_KEYS_MISMATCH
   * @example views.keyBy("user").join(orders.keyBy("user"), { type: "left" }).window(EventTimeSessionWindows.withGap(60_000))
   */
  window(
    assigner: WindowAssigner,
    options: { readonly allowedLatenessMs?: number } = {},
  ): DataStream<JoinedFields<F, K, G> & WindowBounds> {
    const window = joinWindows("A window join", assigner, "intervalJoin joins rows that are near in time");
    const lateness = checkedOptions("window", options, ["allowedLatenessMs"]);
    checkLatenessOf(window, lateness.allowedLatenessMs ?? 0);
    const bounds = { startColumn: "windowStart", endColumn: "windowEnd" };
    return joined(this.#sides, "window join", { kind: "windowJoin", window, ...bounds, ...lateness });
  }

  /**
   * One row per pair of all rows that both streams have had so far, as a changelog: a row that is taken back takes its
   * pairs with it, and in outer joins the first match of a row takes back the row without one. Inner and semi joins of
   * streams without updates only ever add rows, and may be followed by anything. Takes changelogs. No event times.
   *
   * Both streams are kept, unless rows have a time to live: then a row older than it matches nothing more, and results
   * that stand on it stay. Null keys match nothing.
   * @throws {PlanError} JOIN_KEYS_MISMATCH, COLUMN_UNKNOWN, TYPE_MISMATCH, STATE_TTL_INVALID
   * @example bids.keyBy("auction").join(auctions.keyBy("id")).updating({ on: col("time").le(col("expires")) })
   */
  updating<const E extends Expression = Expression>(
    options: UpdatingJoinOptions<E & AcceptsColumns<E, PathsIn<JoinedFields<F, K, G>>>> = {},
  ): DataStream<JoinedFields<F, K, G>> {
    const { on, ttl } = checkedOptions("updating", options, ["on", "ttl"]);
    if (on !== undefined && !((on as unknown) instanceof Expression)) {
      throw new PlanError(
        "OPTION_INVALID",
        `updating was given ${describeValue(on)} as the condition "on".`,
        'Give an expression over the columns of the result, such as col("time").le(col("expires")).',
      );
    }
    if (ttl !== undefined) checkTtl("An updating join", checkedOptions("ttl", ttl, ["ttlMs", "timeDomain"]));
    const { type } = this.#sides;
    return joined(
      this.#sides,
      "join",
      { kind: "updatingJoin", ...(ttl === undefined ? {} : { ttl }) },
      (left, right) => {
        const changelogs = { left: left.isUpdating, right: right.isUpdating };
        return {
          spec: { changelogs },
          emitsUpdates: joinGivesUpdates({ type, changelogs }),
          ...(on === undefined ? {} : { condition: on.node }),
        };
      },
    );
  }
}

/** What of an updating join can be chosen. */
export interface UpdatingJoinOptions<E = Expression> {
  /**
   * A further condition for two rows to match, over the columns by their names in the result. In outer joins a row that
   * has equal keys but fails it is unmatched, other than with a filter behind the join.
   */
  readonly on?: E;
  /** Forgets rows so long after they came, by the clock (the default) or in event time. */
  readonly ttl?: { readonly ttlMs: number; readonly timeDomain?: "processing" | "event" };
}

/** What a join of changelogs needs to know of its inputs. */
interface Updates {
  readonly spec?: { readonly [key: string]: unknown };
  /** The sides whose rows may be taken back; both unless said. */
  readonly from?: readonly JoinSide[];
  readonly emitsUpdates: boolean;
  readonly condition?: ExpressionNode;
}

/**
 * The join's node: both sides by key, and what the output columns need behind it.
 * @throws {PlanError} JOIN_KEYS_MISMATCH, UPDATES_NOT_ACCEPTED
 */
export function joined<J extends Fields>(
  { left, right, type }: Sides,
  name: string,
  spec: { readonly kind: string; readonly window?: { readonly kind: string }; readonly [key: string]: unknown },
  updatesOf?: (left: StreamNode, right: StreamNode) => Updates,
): DataStream<J> {
  const site = callSite();
  const plan: StreamPlan = PlanHandle.combine([left.plan, right.plan], ([first, second]): StreamNode => {
    const on = { type, leftKeys: left.keys, rightKeys: right.keys };
    const { projection, ...join } = joinOutput(first.schema, second.schema, on);
    const updates = updatesOf?.(first, second);
    const accepts = (side: JoinSide): boolean => updates !== undefined && (updates.from?.includes(side) ?? true);
    const { window } = spec;
    const plain = window && plainWindow(left.context, window);
    const operator: OperatorNode = {
      ...spec,
      ...(plain && { window: plain.window }),
      ...updates?.spec,
      name: `${type} ${name}(${left.keys.join(", ")})`,
      type,
      ...join,
      ...(updates?.condition && { residual: residualOf(updates.condition, first.schema, second.schema, on) }),
    };
    const given = (node: StreamNode) => plain?.withGap(node) ?? node;
    const node = operatorNode(
      [
        { node: given(first), route: { kind: "keyed", keys: left.keys }, acceptsUpdates: accepts("left") },
        { node: given(second), route: { kind: "keyed", keys: right.keys }, acceptsUpdates: accepts("right") },
      ],
      operator,
      {
        ...(updates === undefined ? {} : { emitsUpdates: updates.emitsUpdates }),
        ...(site === undefined ? {} : { callSite: site }),
      },
    );
    if (projection === undefined) return node;
    const extra = node.schema.names.slice(join.output.length).map((column) => ({
      name: column,
      expression: { kind: "column", name: column } as const,
    }));
    return projectNode(node, [...projection, ...extra]);
  });
  return new DataStream<J>(left.context, plan);
}

/**
 * A condition over pairs, whose columns have the names that an inner join gives them.
 * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH
 */
function residualOf(
  condition: ExpressionNode,
  left: Schema,
  right: Schema,
  on: { readonly leftKeys: readonly string[]; readonly rightKeys: readonly string[] },
): NonNullable<JoinSpec["residual"]> {
  const { output } = joinOutput(left, right, { ...on, type: "inner" });
  const pairs = new Schema(
    output.map(({ side, column, name }) => ({ name, type: (side === "left" ? left : right).typeOf(column) })),
  );
  const used = expressionColumns(condition);
  for (const name of used) pairs.indexOf(name);
  return { columns: output.filter(({ name }) => used.has(name)), condition };
}

const KEYED = "Give a stream that is keyed, too.";
const JOIN_TYPES: readonly string[] = ["inner", "left", "right", "full", "semi", "anti"];

function typeOf(method: string, options: { readonly type?: JoinType } = {}, types = JOIN_TYPES): JoinType {
  const { type = "inner" } = checkedOptions(method, options, ["type"]);
  if (types.includes(type)) return type;
  throw new PlanError("OPTION_INVALID", `${method} was given the type ${type}.`, `Give one of ${types.join(", ")}.`);
}

KeyedStream.prototype.intervalJoin = function intervalJoin(
  this: KeyedStream<Fields, string>,
  right: KeyedStream<Fields, string>,
  options?: { readonly type?: JoinType },
) {
  checkedInstance("intervalJoin", right, KeyedStream, KEYED);
  return new IntervalJoin({ left: this, right, type: typeOf("intervalJoin", options, JOIN_TYPES.slice(0, 4)) });
} as KeyedStream<Fields, string>["intervalJoin"];

KeyedStream.prototype.join = function join(
  this: KeyedStream<Fields, string>,
  right: KeyedStream<Fields, string>,
  options?: { readonly type?: JoinType },
) {
  checkedInstance("join", right, KeyedStream, KEYED);
  return new JoinedStreams({ left: this, right, type: typeOf("join", options) });
} as KeyedStream<Fields, string>["join"];
