import { checkedOptions } from "../api/options.ts";
import type { FieldsOf } from "../api/row-types.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { Operator } from "../core/operator.ts";
import { BroadcastProcess, KeyedBroadcastProcess } from "../core/operators/broadcast-process.ts";
import { CoFlatMap, CoMap } from "../core/operators/co-map.ts";
import { CoProcess, KeyedCoProcess } from "../core/operators/co-process.ts";
import { KeyedProcess } from "../core/operators/keyed-process.ts";
import type { ResultShape } from "../core/operators/map-rows.ts";
import { Process } from "../core/operators/process.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionLife, FunctionSite } from "../core/rows/user-function.ts";
import type { RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { ANY, type Route, type StreamNode } from "../plan/stream/stream-node.ts";
import { checkedPartner } from "./arguments.ts";
import { DataStream, type FunctionOptions } from "./data-stream.ts";
import { KeyedStream } from "./keyed-stream.ts";
import {
  type BroadcastProcessFunction,
  type CoProcessFunction,
  type KeyedBroadcastProcessFunction,
  type KeyedCoProcessFunction,
  type KeyedProcessFunction,
  type KeyOf,
  operatorOptions,
  PROCESS_OPTIONS,
  type ProcessFunction,
  type ProcessOptions,
} from "./process-functions.ts";
import { checkFunction, functionPlan } from "./stream-functions.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";

declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /** Calls a function for each row, which may give any number of rows, also to side outputs. */
    process<O extends Fields>(fn: ProcessFunction<RowOf<F>, RowOf<O>>, options: ProcessOptions<O>): DataStream<O>;
    /** This stream and another side by side: functions of both see the rows of each. */
    connect<G extends Fields>(other: DataStream<G>): ConnectedStreams<F, G>;
    /** This stream and one whose rows every subtask gets, for rules, prices, models. */
    connectBroadcast<G extends Fields>(other: DataStream<G>): BroadcastConnectedStream<F, G>;
  }
}

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * Calls a function for each row, with state and timers of the row's key.
     * @example
     * orders.keyBy("id").process({
     *   processElement(order, { timers, timestampMs }) { timers.registerEventTime(timestampMs + 900_000); },
     *   onTimer(timeMs, { key }, out) { out.collect({ id: key, message: "not paid" }); },
     * }, { schema: alerts })
     */
    process<O extends Fields>(
      fn: KeyedProcessFunction<KeyOf<F, K>, RowOf<F>, RowOf<O>>,
      options: ProcessOptions<O>,
    ): DataStream<O>;
    /** This stream and another one of equal keys: functions of both share state and timers of a key. */
    connect<G extends Fields, L extends string>(other: KeyedStream<G, L>): KeyedConnectedStreams<F, K, G>;
    connectBroadcast<G extends Fields>(other: DataStream<G>): KeyedBroadcastConnectedStream<F, K, G>;
  }
}

/** One side of a connection: its plan and how its rows are brought to the subtasks. */
interface Side {
  readonly plan: StreamPlan;
  readonly route: Route;
}

type MakeOperator = (inputs: readonly Schema[], shape: ResultShape, site: FunctionSite) => Operator;

function processed<O extends Fields>(
  context: StreamContext,
  sides: readonly Side[],
  given: { readonly method: string; readonly fn: object; readonly make: MakeOperator },
  options: ProcessOptions<O>,
): DataStream<O> {
  checkMethods(given.method, given.fn);
  const { schema, name = given.method } = checkedOptions(given.method, options ?? {}, PROCESS_OPTIONS);
  // What the options lack is said by the operator's options, with the name of the step.
  operatorOptions(options ?? {}, { schema }, { name });
  const { acceptsUpdates = false } = options;
  const step = { ...given, acceptsUpdates, returns: "known", routes: sides.map(({ route }) => route) } as const;
  const plan = functionPlan(
    context,
    sides.map((side) => side.plan),
    { ...step, fn: () => undefined },
    { schema, name },
  );
  const sideTags = (options.sideOutputs ?? []).map((tag) => tag.name);
  return new DataStream<O>(
    context,
    plan.map((node): StreamNode => (node.op === "operator" ? { ...node, sideTags } : node)),
  );
}

/** Two streams that functions see side by side. */
export class ConnectedStreams<F extends Fields, G extends Fields> {
  readonly #context: StreamContext;
  readonly #sides: readonly [Side, Side];

  constructor(context: StreamContext, sides: readonly [Side, Side]) {
    this.#context = context;
    this.#sides = sides;
  }

  /** One row for each row of either stream. */
  map<R extends object, const O extends FunctionOptions & { readonly schema: Schema }>(
    fn: FunctionLife & {
      map1(row: RowOf<F>, context: RuntimeContext): R;
      map2(row: RowOf<G>, context: RuntimeContext): R;
    },
    options: O,
  ): DataStream<FieldsOf<O, R>> {
    const make: MakeOperator = ([first, second], shape, site) =>
      new CoMap(fn as never, first, second, operatorOptions(options, shape, site));
    return processed(this.#context, this.#sides, { method: "map", fn, make }, options) as never;
  }

  /** Any number of rows for each row of either stream. */
  flatMap<R extends object, const O extends FunctionOptions & { readonly schema: Schema }>(
    fn: FunctionLife & {
      flatMap1(row: RowOf<F>, context: RuntimeContext): Iterable<R>;
      flatMap2(row: RowOf<G>, context: RuntimeContext): Iterable<R>;
    },
    options: O,
  ): DataStream<FieldsOf<O, R>> {
    const make: MakeOperator = ([first, second], shape, site) =>
      new CoFlatMap(fn as never, first, second, operatorOptions(options, shape, site));
    return processed(this.#context, this.#sides, { method: "flatMap", fn, make }, options) as never;
  }

  process<O extends Fields>(
    fn: CoProcessFunction<RowOf<F>, RowOf<G>, RowOf<O>>,
    options: ProcessOptions<O>,
  ): DataStream<O> {
    const make: MakeOperator = ([first, second], shape, site) =>
      new CoProcess(fn as never, first, second, operatorOptions(options, shape, site));
    return processed(this.#context, this.#sides, { method: "process", fn, make }, options);
  }
}

/** Two streams of equal keys: state and timers are shared by the rows of a key, of whichever stream. */
export class KeyedConnectedStreams<F extends Fields, K extends string, G extends Fields> {
  readonly #first: KeyedStream<F, K>;
  readonly #second: KeyedStream<G, string>;

  /** @throws {PlanError} KEY_COUNT_DIFFERS */
  constructor(first: KeyedStream<F, K>, second: KeyedStream<G, string>) {
    this.#first = first;
    this.#second = second;
    if (first.keys.length === second.keys.length) return;
    throw new PlanError(
      "KEY_COUNT_DIFFERS",
      `connect was given streams with ${first.keys.length} and ${second.keys.length} key columns.`,
      "Key both streams by as many columns of the same types.",
    );
  }

  process<O extends Fields>(
    fn: KeyedCoProcessFunction<KeyOf<F, K>, RowOf<F>, RowOf<G>, RowOf<O>>,
    options: ProcessOptions<O>,
  ): DataStream<O> {
    const [one, two] = [this.#first, this.#second];
    const make: MakeOperator = ([first, second], shape, site) =>
      new KeyedCoProcess(
        fn as never,
        { schema: first, keys: one.keys },
        { schema: second, keys: two.keys },
        { ...operatorOptions(options, shape, site), state: one.context.state },
      );
    return processed(one.context, [keyedSide(one), keyedSide(two)], { method: "process", fn, make }, options);
  }
}

/** A stream and one whose rows every subtask gets. */
export class BroadcastConnectedStream<F extends Fields, G extends Fields> {
  readonly #main: DataStream<F>;
  readonly #broadcast: DataStream<G>;

  constructor(main: DataStream<F>, broadcast: DataStream<G>) {
    this.#main = main;
    this.#broadcast = broadcast;
  }

  process<O extends Fields>(
    fn: BroadcastProcessFunction<RowOf<F>, RowOf<G>, RowOf<O>>,
    options: ProcessOptions<O>,
  ): DataStream<O> {
    const make: MakeOperator = ([main, broadcast], shape, site) =>
      new BroadcastProcess(fn as never, main, broadcast, operatorOptions(options, shape, site));
    const sides = [anySide(this.#main), broadcastSide(this.#broadcast)];
    return processed(this.#main.context, sides, { method: "process", fn, make }, options);
  }
}

/** A keyed stream and one whose rows every subtask gets. */
export class KeyedBroadcastConnectedStream<F extends Fields, K extends string, G extends Fields> {
  readonly #main: KeyedStream<F, K>;
  readonly #broadcast: DataStream<G>;

  constructor(main: KeyedStream<F, K>, broadcast: DataStream<G>) {
    this.#main = main;
    this.#broadcast = broadcast;
  }

  process<O extends Fields>(
    fn: KeyedBroadcastProcessFunction<KeyOf<F, K>, RowOf<F>, RowOf<G>, RowOf<O>>,
    options: ProcessOptions<O>,
  ): DataStream<O> {
    const { keys, context } = this.#main;
    const make: MakeOperator = ([main, broadcast], shape, site) =>
      new KeyedBroadcastProcess(fn as never, { schema: main, keys }, broadcast, {
        ...operatorOptions(options, shape, site),
        state: context.state,
      });
    const sides = [keyedSide(this.#main), broadcastSide(this.#broadcast)];
    return processed(context, sides, { method: "process", fn, make }, options);
  }
}

/** Methods that meet rows and timers: they are called and not waited for. */
const CALLED = /^(processElement|processBroadcastElement|onTimer|map|flatMap)[12]?$/;

/** @throws {PlanError} FUNCTION_INVALID */
function checkMethods(method: string, fn: unknown): void {
  if (typeof fn !== "object" || fn === null) {
    throw new PlanError(
      "FUNCTION_INVALID",
      `${method} was given ${fn === undefined ? "no function" : describeValue(fn)}.`,
      "Give an object with the methods that are to be called.",
    );
  }
  for (const name in fn) {
    const call = (fn as Record<string, unknown>)[name];
    if (CALLED.test(name) && typeof call === "function") checkFunction({ method: name, fn: call });
  }
}

const anySide = <F extends Fields>(stream: DataStream<F>): Side => ({ route: ANY, ...stream.routed });
const broadcastSide = <F extends Fields>({ plan }: DataStream<F>): Side => ({ plan, route: { kind: "broadcast" } });
const keyedSide = <F extends Fields, K extends string>({ plan, keys }: KeyedStream<F, K>): Side => ({
  plan,
  route: { kind: "keyed", keys },
});

DataStream.prototype.process = function processRows(this: DataStream, fn: object, options: ProcessOptions<Fields>) {
  const make: MakeOperator = ([input], shape, site) =>
    new Process(fn as never, input, operatorOptions(options, shape, site));
  return processed(this.context, [anySide(this)], { method: "process", fn, make }, options);
} as DataStream["process"];

DataStream.prototype.connect = function connect(this: DataStream, other: DataStream) {
  checkedPartner("connect", this, other, DataStream, "Give a stream; a keyed one connects to a keyed one.");
  return new ConnectedStreams(this.context, [anySide(this), anySide(other)]);
} as DataStream["connect"];

DataStream.prototype.connectBroadcast = function connectBroadcast(this: DataStream, other: DataStream) {
  checkedPartner("connectBroadcast", this, other, DataStream, "Give a stream.");
  return new BroadcastConnectedStream(this, other);
} as DataStream["connectBroadcast"];

KeyedStream.prototype.process = function processRows(
  this: KeyedStream<Fields, string>,
  fn: object,
  options: ProcessOptions<Fields>,
) {
  const make: MakeOperator = ([input], shape, site) =>
    new KeyedProcess(fn as never, input, this.keys, {
      ...operatorOptions(options, shape, site),
      state: this.context.state,
    });
  return processed(this.context, [keyedSide(this)], { method: "process", fn, make }, options);
} as KeyedStream<Fields, string>["process"];

KeyedStream.prototype.connect = function connect(
  this: KeyedStream<Fields, string>,
  other: KeyedStream<Fields, string>,
) {
  checkedPartner("connect", this, other, KeyedStream, "Give a stream that is keyed, too.");
  return new KeyedConnectedStreams(this, other);
} as KeyedStream<Fields, string>["connect"];

KeyedStream.prototype.connectBroadcast = function connectBroadcast(
  this: KeyedStream<Fields, string>,
  other: DataStream,
) {
  checkedPartner("connectBroadcast", this, other, DataStream, "Give a stream.");
  return new KeyedBroadcastConnectedStream(this, other);
} as KeyedStream<Fields, string>["connectBroadcast"];
