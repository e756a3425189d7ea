import { callSite } from "../api/call-site.ts";
import { columnNames, computedColumns, namedColumns } from "../api/column-arguments.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOfRow } from "../api/row-types.ts";
import type { Names, SelectedFields, WithFields } from "../api/selected-fields.ts";
import type { AcceptsColumns, Operand } from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import { KeyRows } from "../core/operators/key-rows.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { RowOf } from "../core/schema.ts";
import type { DataType, Fields } from "../core/types.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import { DataStream } from "./data-stream.ts";
import { operatorNode, withColumnsNode } from "./nodes.ts";
import { checkFunction, sampledKey, siteOf } from "./stream-functions.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";
import { WindowedStream } from "./windowed-stream.ts";
import { type CustomWindows, countWindows, type NoBounds, type WindowAssigner, windowSpec } from "./windows.ts";

// A keyed stream gives data streams, and a data stream gives keyed ones: the way from a data stream to a keyed one is
// added to its class here, so that the two files do not name each other.
declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /**
     * The stream with a key: rows of one key go to one subtask, and what follows keeps state per key.
     * @throws {PlanError} COLUMNS_EMPTY, COLUMN_UNKNOWN
     * @example clicks.keyBy("userId").window(TumblingEventTimeWindows.of(60_000)).aggregate({ clicks: count() })
     * @example clicks.keyBy({ hour: col("time").hour() })
     * @example clicks.keyBy((click) => regionOf(click.ip)) // in a column "key"
     */
    keyBy<const N extends Names<F>>(...keys: N[]): KeyedStream<F, N>;
    keyBy<const E extends Readonly<Record<string, Operand>>>(
      keys: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<F>> },
    ): KeyedStream<WithFields<F, SelectedFields<E, F>>, keyof E & string>;
    keyBy<V, const N extends string = "key">(
      key: (row: RowOf<F>, context: RuntimeContext) => V,
      column?: { readonly name?: N; readonly type?: DataType },
    ): KeyedStream<F & { readonly [K in N]: FieldsOfRow<{ value: V }>["value"] }, N>;
    /** All rows of a window together, in one subtask. */
    windowAll<B extends Fields>(assigner: WindowAssigner<B>): WindowedStream<F, never, B>;
    windowAll(windows: CustomWindows<RowOf<F>>): WindowedStream<F, never, NoBounds>;
    /** The last `rows` rows of the stream, at every `rows`th row or, with `slideRows`, at every `slideRows`th. */
    countWindowAll(rows: number, slideRows?: number): WindowedStream<F, never, NoBounds>;
  }
}

/** A stream whose rows have a key; state, windows and timers of what follows are kept per key. */
export class KeyedStream<F extends Fields, K extends string> {
  declare readonly $fields: F;
  declare readonly $keys: K;
  /** @internal */
  readonly context: StreamContext;
  readonly plan: StreamPlan;
  readonly keys: readonly string[];

  constructor(context: StreamContext, plan: StreamPlan, keys: readonly string[]) {
    this.context = context;
    this.plan = plan;
    this.keys = keys;
  }

  /**
   * Rows of one key and window together. Windows may also be an object of one's own with `assignWindows`.
   * @throws {PlanError} WINDOW_INVALID
   * @example trips.keyBy("city").window(SlidingEventTimeWindows.of(3_600_000, 60_000)).aggregate({ trips: count() })
   */
  window<B extends Fields>(assigner: WindowAssigner<B>): WindowedStream<F, K, B>;
  window(windows: CustomWindows<RowOf<F>>): WindowedStream<F, K, NoBounds>;
  window(given: WindowAssigner<Fields> | CustomWindows<never>): WindowedStream<F, K, Fields> {
    return new WindowedStream(this.context, this.plan, this.keys, { window: windowSpec("window", given) });
  }

  /** The last `rows` rows of a key, at every `rows`th row or, with `slideRows`, at every `slideRows`th. */
  countWindow(rows: number, slideRows?: number): WindowedStream<F, K, NoBounds> {
    return this.window(countWindows(rows, slideRows));
  }
}

DataStream.prototype.keyBy = function keyBy(this: DataStream, ...keys: unknown[]): never {
  const [key, column] = keys as [unknown, { name?: string; type?: DataType } | undefined];
  if (typeof key === "function") {
    const { name = "key", type } = checkedOptions("keyBy", column ?? {}, ["name", "type"]);
    return new KeyedStream(this.context, keyColumn(this, key as KeyFunction, name, type), [name]) as never;
  }
  const given = keys as (string | Readonly<Record<string, Operand>>)[];
  const names = columnNames(
    "keyBy",
    namedColumns("keyBy", given).map(({ name }) => name),
  );
  const computed = given.filter((each) => typeof each !== "string");
  const plan = this.plan.map((node) => {
    const keyed =
      computed.length === 0 ? node : withColumnsNode(node, computedColumns("keyBy", Object.assign({}, ...computed)));
    for (const name of names) keyed.schema.indexOf(name);
    return keyed;
  });
  return new KeyedStream(this.context, plan, names) as never;
} as DataStream["keyBy"];

DataStream.prototype.windowAll = function windowAll(this: DataStream, given: WindowAssigner<Fields>) {
  return new WindowedStream(this.context, this.plan, [], { window: windowSpec("windowAll", given) });
} as DataStream["windowAll"];

DataStream.prototype.countWindowAll = function countWindowAll(this: DataStream, rows: number, slideRows?: number) {
  return this.windowAll(countWindows(rows, slideRows));
} as DataStream["countWindowAll"];

type KeyFunction = (...args: unknown[]) => unknown;

/** The stream with a column of keys that a function gives; their type is found in the first rows unless given. */
function keyColumn(
  { context, plan }: DataStream,
  key: KeyFunction,
  name: string,
  type: DataType | undefined,
): StreamPlan {
  checkFunction({ method: "keyBy", fn: key });
  const site = callSite();
  const keyed = (known: DataType) => (node: StreamNode) =>
    operatorNode([{ node }], {
      kind: "local",
      name: "keyBy",
      create: ([input]) => new KeyRows(key as never, input, { name, type: known }, siteOf(context, "keyBy", site)),
    });
  if (type !== undefined) return plan.map(keyed(type));
  const inference = context.inference();
  return PlanHandle.deferred(async () => {
    const node = await plan.resolve();
    const found = await inference(() => sampledKey(context, node, key, site));
    return keyed(found.typeOf("key"))(node);
  });
}
