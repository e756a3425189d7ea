import { checkedOptions } from "../api/options.ts";
import type { CoGroupGiven, FieldsOf } from "../api/row-types.ts";
import { PlanError } from "../core/errors.ts";
import type { CoGroupFunction, CoGroupInput } from "../core/operators/co-group-rows.ts";
import { WindowCoGroupRows } from "../core/operators/window-co-group-rows.ts";
import { type FunctionSite, siteText } from "../core/rows/user-function.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { checkedEvictor, type Evictor } from "../core/windows/evictor.ts";
import type { TaggedRow } from "../core/windows/tagged-row.ts";
import type { Trigger } from "../core/windows/trigger.ts";
import { checkedTrigger } from "../core/windows/triggers.ts";
import { coGroupOfWindow } from "../core/windows/two-sided-windows.ts";
import { checkedPartner } from "./arguments.ts";
import { DataStream, type FunctionOptions } from "./data-stream.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { plainWindow } from "./session-gaps.ts";
import {
  changedWindows,
  type KeyedSides,
  kernelWindow,
  type SharedWindowOptions,
  type SharedWindows,
  sharedWindowPlan,
  sharedWindows,
} from "./shared-windows.ts";
import { functionPlan, type StreamFunctionOptions } from "./stream-functions.ts";
import type { StreamPlan } from "./stream-plan.ts";
import { type CustomWindows, countWindows, type WindowAssigner } from "./windows.ts";

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
   * Windows of any kind; a session is that of both streams, see `join`, and windows of one's own get each row as
   * `{ side, row }`. Within the allowed lateness a window waits for its rows; those that come later are in the side outputs
   * "lateLeft" and "lateRight".
   * @throws {PlanError} WINDOW_INVALID, WINDOW_LATENESS_INVALID, TRIGGER_INVALID, EVICTOR_INVALID
   */
  window(
    windows: WindowAssigner<Fields> | CustomWindows<TaggedRow<RowOf<F>, RowOf<G>>>,
    options: SharedWindowOptions<RowOf<F>, RowOf<G>> = {},
  ): WindowedCoGroup<F, K, G> {
    return new WindowedCoGroup(this.#left, this.#right, sharedWindows(windows, options));
  }

  /**
   * The last `rows` rows of a key, of both streams together, at every `rows`th row or, with `slideRows`, at every
   * `slideRows`th: in the order in which they come.
   * @throws {PlanError} WINDOW_ROWS_INVALID
   */
  countWindow(rows: number, slideRows?: number): WindowedCoGroup<F, K, G> {
    return this.window(countWindows(rows, slideRows));
  }
}

/** Two keyed streams whose rows meet in groups per window. */
export class WindowedCoGroup<F extends Fields, K extends string, G extends Fields> {
  readonly #left: KeyedStream<F, K>;
  readonly #right: KeyedStream<G, string>;
  readonly #windows: SharedWindows;

  /** @internal Made by `window` and `countWindow` of co-grouped streams. */
  constructor(left: KeyedStream<F, K>, right: KeyedStream<G, string>, windows: SharedWindows) {
    this.#left = left;
    this.#right = right;
    this.#windows = windows;
  }

  /**
   * When a window calls the function, in place of its end. Triggers see the rows of both sides, each as `{ side, row }`.
   * @throws {PlanError} TRIGGER_INVALID
   * @example a.keyBy("id").coGroup(b.keyBy("id")).window(GlobalWindows.create()).trigger(CountTrigger.of(10))
   */
  trigger<S>(trigger: Trigger<S, TaggedRow<RowOf<F>, RowOf<G>>>): WindowedCoGroup<F, K, G> {
    return this.#with({ trigger: checkedTrigger("trigger", trigger) });
  }

  /** Which rows of either side stay when a window fires. @throws {PlanError} EVICTOR_INVALID */
  evictor(evictor: Evictor<TaggedRow<RowOf<F>, RowOf<G>>>): WindowedCoGroup<F, K, G> {
    return this.#with({ evictor: checkedEvictor(evictor) });
  }

  /**
   * For how long after its end a window takes late rows. Without a trigger it waits for them and then calls the function,
   * once; with one, such as `EventTimeTrigger`, it may fire at its end and again for each late row, as in Flink.
   * @throws {PlanError} WINDOW_LATENESS_INVALID
   */
  allowedLateness(allowedLatenessMs: number): WindowedCoGroup<F, K, G> {
    return this.#with({ allowedLatenessMs });
  }

  /**
   * Calls the function once per key and window in which either stream has rows, when the window closes, or whenever its
   * trigger says so. It gets the key under the names of the left stream, and the rows of each side to iterate once; what
   * it gives has the last millisecond of the window as event time.
   * @throws {PlanError} FUNCTION_INVALID, SCHEMA_UNKNOWN, KEY_TYPES_DIFFER, WINDOW_NEVER_FIRES, WINDOW_TRIGGER_INVALID,
   * WINDOW_TRIGGER_UNMERGEABLE
   */
  apply<R extends object, const O extends FunctionOptions & { readonly schema: Schema }>(
    fn: CoGroupGiven<Pick<RowOf<F>, K & keyof RowOf<F>>, RowOf<F>, RowOf<G>, R>,
    options: O,
  ): DataStream<FieldsOf<O, R>> {
    const [left, right] = [this.#left, this.#right];
    const { schema, name = "coGroup" } = checkedOptions("apply", options ?? {}, ["schema", "name"]);
    const given = { name, ...(schema === undefined ? {} : { schema: schema as Schema }) };
    const shared = kernelWindow(this.#windows);
    if (shared === undefined) return new DataStream(left.context, this.#rowByRow(fn, given)) as never;
    const { window, gap, withGap } = plainWindow(left.context, shared);
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
            this.#windows.allowedLatenessMs,
          ),
      },
      given,
    );
    return new DataStream(left.context, plan) as never;
  }

  #rowByRow(fn: unknown, options: StreamFunctionOptions): StreamPlan {
    const { keys } = this.#left;
    const processOf = (_: unknown, site: FunctionSite) => coGroupOfWindow(fn as CoGroupFunction, keys, siteText(site));
    const sides = { left: this.#left, right: this.#right } as unknown as KeyedSides;
    return sharedWindowPlan(sides, this.#windows, { method: "coGroup", fn, processOf }, options);
  }

  #with(change: Parameters<typeof changedWindows>[1]): WindowedCoGroup<F, K, G> {
    return new WindowedCoGroup(this.#left, this.#right, changedWindows(this.#windows, change));
  }
}

KeyedStream.prototype.coGroup = function coGroup(
  this: KeyedStream<Fields, string>,
  other: KeyedStream<Fields, string>,
) {
  checkedPartner("coGroup", this, other, KeyedStream, 'Give a keyed stream: stream.keyBy("column").');
  return new CoGroupedStreams(this, other);
} as KeyedStream<Fields, string>["coGroup"];
