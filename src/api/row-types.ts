import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionLife } from "../core/rows/user-function.ts";
import type { DataType, Fields, ListType, MapType, SimpleType, StructType, TimestampType } from "../core/types.ts";

/** The columns that inference finds in the rows a function gives; see `inferSchema` of core. */
export type FieldsOfRow<R> = { readonly [N in keyof R & string]-?: TypeOfValue<NonNullable<R[N]>> };

type TypeOfValue<V> = [V] extends [never]
  ? SimpleType<"null">
  : V extends number
    ? SimpleType<"float64">
    : V extends bigint
      ? SimpleType<"int64">
      : V extends string
        ? SimpleType<"utf8">
        : V extends boolean
          ? SimpleType<"bool">
          : V extends Date
            ? TimestampType<"ms">
            : V extends Uint8Array
              ? SimpleType<"binary">
              : V extends readonly (infer E)[]
                ? ListType<TypeOfValue<NonNullable<E>>>
                : V extends ReadonlyMap<infer K, infer W>
                  ? MapType<TypeOfValue<K>, TypeOfValue<NonNullable<W>>>
                  : V extends object
                    ? StructType<{ readonly [N in keyof V & string]: TypeOfValue<NonNullable<V[N]>> }>
                    : DataType;

/** Fields of a schema option, or those that inference finds. */
export type FieldsOf<O, R> = O extends { readonly schema: { readonly $fields: infer S extends Fields } }
  ? S
  : FieldsOfRow<R>;

/** A function, or an object that has it under a name, with `open` and `close` if it needs them. */
type Given<Name extends string, Fn> = Fn | (FunctionLife & { readonly [N in Name]: Fn });

export type MapGiven<T, R> = Given<"map", (row: T, context: RuntimeContext) => R>;
export type FlatMapGiven<T, R> = Given<"flatMap", (row: T, context: RuntimeContext) => Iterable<R>>;
export type FilterGiven<T> = Given<"filter", (row: T, context: RuntimeContext) => boolean>;
export type PartitionGiven<T, R, Name extends string = "mapPartition"> = Given<
  Name,
  (rows: Iterable<T>, context: RuntimeContext) => Iterable<R>
>;
export type ReduceGiven<T> = Given<"reduce", (left: T, right: T, context: RuntimeContext) => T>;
export type GroupGiven<K, T, R, Name extends string = "reduceGroup"> = Given<
  Name,
  (key: K, rows: Iterable<T>, context: RuntimeContext) => Iterable<R>
>;
export type PairGiven<Name extends string, L, R, O> = Given<Name, (left: L, right: R, context: RuntimeContext) => O>;
export type CoGroupGiven<K, L, R, O> = Given<
  "coGroup",
  (key: K, left: Iterable<L>, right: Iterable<R>, context: RuntimeContext) => Iterable<O>
>;
