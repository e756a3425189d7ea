import { checkedOptions } from "../api/options.ts";
import type { CoGroupGiven, FieldsOf } from "../api/row-types.ts";
import { PlanError } from "../core/errors.ts";
import type { CoGroupInput } from "../core/operators/co-group-rows.ts";
import { WindowCoGroupRows } from "../core/operators/window-co-group-rows.ts";
import type { JoinWindowSpec } from "../core/row-state/window-sides.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import type { DynamicSessionSpec } from "../core/windows/window-assigner.ts";
import { checkLatenessOf } from "../core/windows/window-spec.ts";
import { checkedInstance } from "./arguments.ts";
import { DataStream, type FunctionOptions } from "./data-stream.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { joinWindows, plainWindow } from "./session-gaps.ts";
import { functionPlan } from "./stream-functions.ts";
import type { WindowAssigner } from "./windows.ts";

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * Rows of both streams with equal keys in the same window, given to a function as two groups: continue with
     * `window` and `apply`. Null keys equal each other.
     * @throws {PlanError} KEY_COUNT_DIFFERS
     * @example
     * orders.keyBy("item").coGroup(returns.keyBy("item")).window(TumblingEventTimeWindows.of(3_600_000)).apply(
     *   ({ item }, sold, back) => [{ item, kept: [...sold].length - [...back].length }],
     *   { schema: Schema.of({ item: types.utf8, kept: types.float64 }) },
     * )
     */
    coGroup<G extends Fields, L extends string>(other: KeyedStream<G, L>): CoGroupedStreams<F, K, G>;
  }
}

/** Two keyed streams whose rows meet in groups. */
export class CoGroupedStreams<F extends Fields, K extends string, G extends Fields> {
  readonly #left: KeyedStream<F, K>;
  readonly #right: KeyedStream<G, string>;

  constructor(left: KeyedStream<F, K>, right: KeyedStream<G, string>) {
    this.#left = left;
    this.#right = right;
    if (left.keys.length === right.keys.length) return;
    throw new PlanError(
      "KEY_COUNT_DIFFERS",
      `coGroup was given streams with ${left.keys.length} and ${right.keys.length} key columns.`,
      "Key both streams by as many columns of the same types.",
    );
  }

  /**
   * Tumbling, sliding or session windows; a session is that of both streams, see `join`. Within the allowed lateness a
   * window waits for its rows; those that come later are in the side outputs "lateLeft" and "lateRight".
   * @throws {PlanError} WINDOW_INVALID, WINDOW_LATENESS_INVALID
   */
  window(assigner: WindowAssigner, options: { readonly allowedLatenessMs?: number } = {}): WindowedCoGroup<F, K, G> {
    const window = joinWindows("A coGroup", assigner, "connect shows rows of both streams to a function as they come");
    const { allowedLatenessMs = 0 } = checkedOptions("window", options, ["allowedLatenessMs"]);
    checkLatenessOf(window, allowedLatenessMs);
    return new WindowedCoGroup(this.#left, this.#right, window, allowedLatenessMs);
  }
}

/** Two keyed streams whose rows meet in groups per window. */
export class WindowedCoGroup<F extends Fields, K extends string, G extends Fields> {
  readonly #left: KeyedStream<F, K>;
  readonly #right: KeyedStream<G, string>;
  readonly #window: JoinWindowSpec | DynamicSessionSpec;
  readonly #allowedLatenessMs: number;

  constructor(
    left: KeyedStream<F, K>,
    right: KeyedStream<G, string>,
    window: JoinWindowSpec | DynamicSessionSpec,
    allowedLatenessMs: number,
  ) {
    this.#left = left;
    this.#right = right;
    this.#window = window;
    this.#allowedLatenessMs = allowedLatenessMs;
  }

  /**
   * Calls the function once per key and window in which either stream has rows, when the window closes. It gets the key
   * under the names of the left stream, and the rows of each side to iterate once; what it gives has the last
   * millisecond of the window as event time.
   * @throws {PlanError} FUNCTION_INVALID, SCHEMA_UNKNOWN, KEY_TYPES_DIFFER
   */
  apply<R extends object, const O extends FunctionOptions & { readonly schema: Schema }>(
    fn: CoGroupGiven<Pick<RowOf<F>, K & keyof RowOf<F>>, RowOf<F>, RowOf<G>, R>,
    options: O,
  ): DataStream<FieldsOf<O, R>> {
    const [left, right] = [this.#left, this.#right];
    const { schema, name = "coGroup" } = checkedOptions("apply", options ?? {}, ["schema", "name"]);
    const { window, gap, withGap } = plainWindow(left.context, this.#window);
    const sides = [left, right].map(({ plan, keys }) => ({
      plan: plan.map(withGap),
      route: { kind: "keyed", keys } as const,
    }));
    const input = (side: Schema, keys: readonly string[]): CoGroupInput => ({
      schema: side,
      keys: keys.map((key) => ({ column: side.indexOf(key) })),
      hiddenColumns: gap === undefined ? 0 : 1,
    });
    const plan = functionPlan(
      left.context,
      sides.map((side) => side.plan),
      {
        method: "coGroup",
        fn,
        returns: "rows",
        routes: sides.map(({ route }) => route),
        make: ([first, second], shape, site) =>
          new WindowCoGroupRows(
            fn as never,
            input(first, left.keys),
            input(second, right.keys),
            window,
            shape,
            site,
            this.#allowedLatenessMs,
          ),
      },
      { name, ...(schema === undefined ? {} : { schema: schema as Schema }) },
    );
    return new DataStream(left.context, plan) as never;
  }
}

KeyedStream.prototype.coGroup = function coGroup(
  this: KeyedStream<Fields, string>,
  other: KeyedStream<Fields, string>,
) {
  checkedInstance("coGroup", other, KeyedStream, 'Give a keyed stream: stream.keyBy("column").');
  return new CoGroupedStreams(this, other);
} as KeyedStream<Fields, string>["coGroup"];
