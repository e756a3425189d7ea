import type { ValueOf } from "../types.ts";
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  StateDescriptor,
  ValueStateDescriptor,
} from "./descriptors.ts";

/**
 * State of the key at hand. What is stored is a copy in the form of `ValueOf`, and so is what is read: changing an
 * object that was stored or read changes no state. A value of another type throws VALUE_INVALID.
 */
export interface ValueState<V = unknown> {
  /** Null where nothing is stored. */
  get(): V | null;
  /** Null clears. */
  set(value: V | null): void;
  clear(): void;
}

export interface ListState<V = unknown> {
  /** The elements in the order in which they were added; empty where there are none. */
  get(): (V | null)[];
  add(value: V | null): void;
  addAll(values: Iterable<V | null>): void;
  /** Replaces all elements. */
  set(values: Iterable<V | null>): void;
  clear(): void;
}

/** Iterates in the order in which the keys were first set. */
export interface MapState<K = unknown, V = unknown> {
  /** Null where the map lacks the key, or has null for it. */
  get(key: K): V | null;
  has(key: K): boolean;
  set(key: K, value: V | null): void;
  delete(key: K): void;
  entries(): Iterable<[K, V | null]>;
  keys(): Iterable<K>;
  values(): Iterable<V | null>;
  readonly isEmpty: boolean;
  clear(): void;
}

export interface ReducingState<V = unknown> {
  /** Null before the first `add`. */
  get(): V | null;
  add(value: V): void;
  clear(): void;
}

export interface AggregatingState<In = unknown, Out = unknown> {
  /** Null before the first `add`. */
  get(): Out | null;
  add(value: In): void;
  clear(): void;
}

/** The state that a descriptor describes. */
export type StateOf<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<ValueOf<T>>
    : D extends ListStateDescriptor<infer T>
      ? ListState<ValueOf<T>>
      : D extends MapStateDescriptor<infer K, infer V>
        ? MapState<ValueOf<K>, ValueOf<V>>
        : D extends ReducingStateDescriptor<infer T>
          ? ReducingState<ValueOf<T>>
          : D extends AggregatingStateDescriptor<infer In, infer _, infer Out>
            ? AggregatingState<In, Out>
            : never;

/** Gives the state of a descriptor; the same one for the same name. */
export type StateAccess = <D extends StateDescriptor>(descriptor: D) => StateOf<D>;
