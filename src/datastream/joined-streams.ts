import { checkedOptions } from "../api/options.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression } from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import { joinGivesUpdates } from "../core/operators/updating-join.ts";
import type { RowOf } from "../core/schema.ts";
import { checkTtl } from "../core/state/descriptors.ts";
import type { Fields } from "../core/types.ts";
import type { TaggedRow } from "../core/windows/tagged-row.ts";
import type { JoinType } from "../plan/logical.ts";
import { checkedPartner } from "./arguments.ts";
import { DataStream } from "./data-stream.ts";
import { type JoinedFields, type JoinSides, joined } from "./join-nodes.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { type SharedWindowOptions, sharedWindows } from "./shared-windows.ts";
import { windowJoinPlan } from "./windowed-joins.ts";
import { type CustomWindows, countWindows, type WindowAssigner, type WindowBounds } from "./windows.ts";

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

/** Two keyed streams whose rows are joined where they are near in event time. */
export class IntervalJoin<F extends Fields, K extends string, G extends Fields> {
  readonly #sides: JoinSides;

  constructor(sides: JoinSides) {
    this.#sides = sides;
  }

  /**
   * A pair where right time - left time is within [lowerMs, upperMs], which may be negative.
   * @throws {PlanError} INTERVAL_INVALID, JOIN_KEYS_MISMATCH, OPTION_INVALID, OPTION_UNKNOWN
   */
  between(
    lowerMs: number,
    upperMs: number,
    options: { readonly lowerExclusive?: boolean; readonly upperExclusive?: boolean } = {},
  ): DataStream<JoinedFields<F, K, G>> {
    const bounds = checkedOptions("between", options, ["lowerExclusive", "upperExclusive"]);
    for (const [name, given] of Object.entries(bounds)) {
      if (given === undefined || typeof given === "boolean") continue;
      const what = `The option ${name} of between is ${describeValue(given)}.`;
      throw new PlanError("OPTION_INVALID", what, "It is true or false.");
    }
    return joined(this.#sides, "interval join", { kind: "intervalJoin", lowerMs, upperMs, ...bounds });
  }
}

/** Two keyed streams whose rows are joined: those of one window, or all. */
export class JoinedStreams<F extends Fields, K extends string, G extends Fields> {
  readonly #sides: JoinSides;

  constructor(sides: JoinSides) {
    this.#sides = sides;
  }

  /**
   * One row per pair and window, with the window's bounds behind the columns of both; global windows have none. A session
   * is that of both streams, so a row of either extends it, and a gap that is a column or an expression is read from both.
   * Windows, triggers and evictors of one's own get each row as `{ side, row }`.
   *
   * Within the allowed lateness a window waits for its rows; those that come later are in the side outputs "lateLeft" and
   * "lateRight". Windows of time are joined by kernels; with a trigger or an evictor, and in global windows and one's own,
   * rows are kept as objects.
   * @throws {PlanError} WINDOW_INVALID, WINDOW_GAP_INVALID, WINDOW_LATENESS_INVALID, WINDOW_NEVER_FIRES, TRIGGER_INVALID,
   * EVICTOR_INVALID, WINDOW_TRIGGER_INVALID, WINDOW_TRIGGER_UNMERGEABLE, COLUMN_UNKNOWN, JOIN_KEYS_MISMATCH
   * @example views.keyBy("user").join(orders.keyBy("user"), { type: "left" }).window(EventTimeSessionWindows.withGap(60_000))
   * @example a.keyBy("id").join(b.keyBy("id")).window(GlobalWindows.create(), { trigger: PurgingTrigger.of(CountTrigger.of(2)) })
   */
  window<B extends Fields = WindowBounds>(
    windows: WindowAssigner<B> | CustomWindows<TaggedRow<RowOf<F>, RowOf<G>>>,
    options: SharedWindowOptions<RowOf<F>, RowOf<G>> = {},
  ): DataStream<JoinedFields<F, K, G> & B> {
    const sides = this.#sides;
    return new DataStream(sides.left.context, windowJoinPlan(sides, sharedWindows(windows, options))) as never;
  }

  /**
   * The last `rows` rows of a key, of both streams together, at every `rows`th row or, with `slideRows`, at every
   * `slideRows`th: in the order in which they come.
   * @throws {PlanError} WINDOW_ROWS_INVALID, JOIN_KEYS_MISMATCH
   */
  countWindow(rows: number, slideRows?: number): DataStream<JoinedFields<F, K, G>> {
    return this.window(countWindows(rows, slideRows)) as never;
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
  checkedPartner("intervalJoin", this, right, KeyedStream, KEYED);
  return new IntervalJoin({ left: this, right, type: typeOf("intervalJoin", options, JOIN_TYPES.slice(0, 4)) });
} as KeyedStream<Fields, string>["intervalJoin"];

KeyedStream.prototype.join = function join(
  this: KeyedStream<Fields, string>,
  right: KeyedStream<Fields, string>,
  options?: { readonly type?: JoinType },
) {
  checkedPartner("join", this, right, KeyedStream, KEYED);
  return new JoinedStreams({ left: this, right, type: typeOf("join", options) });
} as KeyedStream<Fields, string>["join"];
