import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import { checkedType, type DataType, type ValueOf } from "../types.ts";

/** Which clock a time is of. */
export type TimeDomain = "processing" | "event";

/**
 * How long state lives without being renewed. Each value, list element and map entry ages on its own.
 * Processing time is the clock of the host. In event time a value is as old as the row or timer that renewed it last,
 * and is looked at from the time of the row or timer at hand, so that what a function sees does not depend on how often
 * watermarks come; memory is freed once the watermark has passed.
 */
export interface StateTtl {
  /** Gone once this much time has passed since the last renewal; greater than 0. */
  readonly ttlMs: number;
  /** Default: "processing". */
  readonly timeDomain?: TimeDomain;
  /** What renews: writing only (the default), or reading too. */
  readonly updateOn?: "create-and-write" | "read-and-write";
  /** Whether a function may still see what has expired and was not freed yet; default: never. */
  readonly visibility?: "never-expired" | "until-cleanup";
}

export interface StateOptions {
  readonly ttl?: StateTtl;
}

/** Names a state of an operator; a name means one state within it. Plain data, so that it can be shared. */
interface Described extends StateOptions {
  readonly name: string;
}

export interface ValueStateDescriptor<T extends DataType = DataType> extends Described {
  readonly kind: "value";
  readonly type: T;
}

export interface ListStateDescriptor<T extends DataType = DataType> extends Described {
  readonly kind: "list";
  readonly type: T;
}

export interface MapStateDescriptor<K extends DataType = DataType, V extends DataType = DataType> extends Described {
  readonly kind: "map";
  readonly keyType: K;
  readonly type: V;
}

/** Makes one value of two; associative. */
export type ReduceValues<V> = (left: V, right: V) => V;

export interface ReducingStateDescriptor<T extends DataType = DataType> extends Described {
  readonly kind: "reducing";
  readonly type: T;
  readonly reduce: ReduceValues<ValueOf<T>>;
}

/** How values become an accumulator, and that a result. The accumulator may be changed and returned. */
export interface AggregateValues<In, Acc, Out> {
  createAccumulator(): Acc;
  add(accumulator: Acc, value: In): Acc;
  getResult(accumulator: Acc): Out;
  merge(left: Acc, right: Acc): Acc;
}

export interface AggregatingStateDescriptor<In = unknown, A extends DataType = DataType, Out = unknown>
  extends Described {
  readonly kind: "aggregating";
  /** Of the accumulator, which is what is stored. */
  readonly type: A;
  readonly aggregate: AggregateValues<In, ValueOf<A>, Out>;
}

export type StateDescriptor =
  | ValueStateDescriptor
  | ListStateDescriptor
  | MapStateDescriptor
  // Functions of whatever values: each is called with values of its own descriptor's type only.
  | (Omit<ReducingStateDescriptor, "reduce"> & { readonly reduce: (left: never, right: never) => unknown })
  | (Omit<AggregatingStateDescriptor, "aggregate"> & {
      readonly aggregate: {
        createAccumulator(): unknown;
        add(accumulator: never, value: never): unknown;
        getResult(accumulator: never): unknown;
        merge(left: never, right: never): unknown;
      };
    });

/** @throws {PlanError} STATE_NAME_INVALID, STATE_TTL_INVALID, TYPE_INVALID, OPTION_UNKNOWN */
function described<D extends Described & { readonly type: DataType; readonly keyType?: DataType }>(descriptor: D): D {
  const { name, ttl, type, keyType = type } = descriptor;
  if (typeof name !== "string" || name === "") {
    throw new PlanError("STATE_NAME_INVALID", "A state has no name.", "Give a name that is no empty text.");
  }
  for (const each of [type, keyType]) checkedType(each, `the state "${name}"`);
  checkNames(`The state "${name}"`, descriptor, KNOWN);
  if (ttl === undefined) return descriptor;
  checkTtl(`The state "${name}"`, ttl);
  checkNames(`The ttl of the state "${name}"`, ttl, Object.keys({ ttlMs: 0, timeDomain: 0, ...TTL_CHOICES }));
  for (const [option, known] of Object.entries(TTL_CHOICES)) {
    const given: unknown = ttl[option as keyof typeof TTL_CHOICES];
    if (given === undefined || known.includes(given as string)) continue;
    throw new PlanError(
      "STATE_TTL_INVALID",
      `The ttl of the state "${name}" has ${option} ${describeValue(given)}.`,
      `Give one of ${known.join(", ")}.`,
    );
  }
  return descriptor;
}

const KNOWN = ["kind", "name", "type", "keyType", "reduce", "aggregate", "ttl"];
const TTL_CHOICES = {
  updateOn: ["create-and-write", "read-and-write"],
  visibility: ["never-expired", "until-cleanup"],
} satisfies { readonly [N in keyof StateTtl]?: readonly string[] };

/** @throws {PlanError} OPTION_UNKNOWN */
function checkNames(what: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new PlanError("OPTION_UNKNOWN", `${what} was given the option "${unknown}".`, "See StateOptions and StateTtl.");
}

/** @throws {PlanError} STATE_TTL_INVALID */
export function checkTtl(what: string, { ttlMs, timeDomain = "processing" }: StateTtl): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0 && ["processing", "event"].includes(timeDomain)) return;
  throw new PlanError(
    "STATE_TTL_INVALID",
    `${what} has the time to live ${ttlMs} ms in ${timeDomain} time.`,
    "Give a whole number of milliseconds greater than 0, in processing or event time.",
  );
}

/** One value per key. */
export const valueState = <T extends DataType>(
  name: string,
  type: T,
  options: StateOptions = {},
): ValueStateDescriptor<T> => described({ ...options, kind: "value", name, type });

/** A list of values per key. */
export const listState = <T extends DataType>(
  name: string,
  type: T,
  options: StateOptions = {},
): ListStateDescriptor<T> => described({ ...options, kind: "list", name, type });

/** Values by a further key, per key. */
export const mapState = <K extends DataType, V extends DataType>(
  name: string,
  keyType: K,
  type: V,
  options: StateOptions = {},
): MapStateDescriptor<K, V> => described({ ...options, kind: "map", name, keyType, type });

/** One value per key, into which each further one is reduced. */
export const reducingState = <T extends DataType>(
  name: string,
  type: T,
  reduce: ReduceValues<ValueOf<T>>,
  options: StateOptions = {},
): ReducingStateDescriptor<T> => described({ ...options, kind: "reducing", name, type, reduce });

/** An accumulator per key; `accumulatorType` is what is stored. */
export const aggregatingState = <In, A extends DataType, Out>(
  name: string,
  aggregate: AggregateValues<In, ValueOf<A>, Out>,
  accumulatorType: A,
  options: StateOptions = {},
): AggregatingStateDescriptor<In, A, Out> =>
  described({ ...options, kind: "aggregating", name, type: accumulatorType, aggregate });
