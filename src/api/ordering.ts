import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { Expression } from "../core/expressions/expression.ts";
import type { OrderKey } from "../plan/logical.ts";
import { checkedOptions } from "./options.ts";

/** A column with a direction, for `orderBy`, `sortPartition`, `sortGroup` and `topN`. */
export interface Ordering<N extends string = string> extends OrderKey {
  readonly column: N;
}

/** A computed value with a direction, for `orderBy` and `sortPartition`; `C` are the columns that it reads. */
export interface ComputedOrdering<C extends string = string> extends Omit<OrderKey, "column"> {
  readonly expression: Expression<C>;
}

interface OrderingOptions {
  readonly nullsFirst?: boolean;
}

/** Smallest first, nulls last unless said. */
export function asc<const N extends string>(column: N, options?: OrderingOptions): Ordering<N>;
export function asc<C extends string>(expression: Expression<C>, options?: OrderingOptions): ComputedOrdering<C>;
export function asc(by: string | Expression, options: OrderingOptions = {}): Ordering | ComputedOrdering {
  return { ...ordered(by), ...checkedOptions("asc", options, ["nullsFirst"]) };
}

/** Greatest first, nulls last unless said. */
export function desc<const N extends string>(column: N, options?: OrderingOptions): Ordering<N>;
export function desc<C extends string>(expression: Expression<C>, options?: OrderingOptions): ComputedOrdering<C>;
export function desc(by: string | Expression, options: OrderingOptions = {}): Ordering | ComputedOrdering {
  return { ...ordered(by), descending: true, ...checkedOptions("desc", options, ["nullsFirst"]) };
}

const ordered = (by: string | Expression): Ordering | ComputedOrdering =>
  by instanceof Expression ? { expression: by } : { column: by };

const ORDER_KEY: readonly (keyof OrderKey)[] = ["column", "descending", "nullsFirst"];

/**
 * A key that is a column.
 * @throws {PlanError} SORT_KEY_INVALID, OPTION_UNKNOWN
 */
export function orderKey(key: string | Ordering): OrderKey {
  const column: unknown = typeof key === "string" ? key : key?.column;
  if (typeof column === "string")
    return typeof key === "string" ? { column } : checkedOptions("A key to order by", key, ORDER_KEY);
  const computed: unknown = (key as Partial<ComputedOrdering> | null)?.expression;
  throw new PlanError(
    "SORT_KEY_INVALID",
    `A key to order by is ${key instanceof Expression || computed instanceof Expression ? "an expression" : describeValue(key)}.`,
    "Name a column, as it is or in asc(...) or desc(...); compute what is to be ordered by with withColumns first.",
  );
}
