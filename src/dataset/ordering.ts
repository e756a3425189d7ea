import type { OrderKey } from "../plan/logical.ts";

/** A column with a direction, for `orderBy`, `sortPartition` and `sortGroup`. */
export interface Ordering<N extends string = string> extends OrderKey {
  readonly column: N;
}

/** Smallest first, nulls last unless said. */
export const asc = <const N extends string>(column: N, options: { nullsFirst?: boolean } = {}): Ordering<N> => ({
  column,
  ...options,
});

/** Greatest first, nulls last unless said. */
export const desc = <const N extends string>(column: N, options: { nullsFirst?: boolean } = {}): Ordering<N> => ({
  column,
  descending: true,
  ...options,
});

export const orderKey = (key: string | Ordering): OrderKey => (typeof key === "string" ? { column: key } : key);
