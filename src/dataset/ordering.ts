import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import { Expression } from "../core/expressions/expression.ts";
import type { OrderKey } from "../plan/logical.ts";

/** A column with a direction, for `orderBy`, `sortPartition` and `sortGroup`. */
export interface Ordering<N extends string = string> extends OrderKey {
  readonly column: N;
}

/** Smallest first, nulls last unless said. */
export const asc = <const N extends string>(column: N, options: { nullsFirst?: boolean } = {}): Ordering<N> => ({
  column,
  ...checkedOptions("asc", options, ["nullsFirst"]),
});

/** Greatest first, nulls last unless said. */
export const desc = <const N extends string>(column: N, options: { nullsFirst?: boolean } = {}): Ordering<N> => ({
  column,
  descending: true,
  ...checkedOptions("desc", options, ["nullsFirst"]),
});

const ORDER_KEY: readonly (keyof OrderKey)[] = ["column", "descending", "nullsFirst"];

/** @throws {PlanError} SORT_KEY_INVALID, OPTION_UNKNOWN */
export function orderKey(key: string | Ordering): OrderKey {
  const column: unknown = typeof key === "string" ? key : key?.column;
  if (typeof column === "string")
    return typeof key === "string" ? { column } : checkedOptions("A key to order by", key, ORDER_KEY);
  throw new PlanError(
    "SORT_KEY_INVALID",
    `A key to order by is ${key instanceof Expression || column instanceof Expression ? "an expression" : `the ${typeof key} ${String(key)}`}.`,
    "Name a column, as it is or in asc(...) or desc(...); compute what is to be ordered by with withColumns first.",
  );
}
