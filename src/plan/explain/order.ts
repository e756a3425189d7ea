import type { OrderKey } from "../logical.ts";

/** `delay desc, origin nulls first`: ascending and nulls last are left unsaid. */
export const formatOrder = (keys: readonly OrderKey[]): string =>
  keys
    .map(
      ({ column, descending, nullsFirst }) =>
        `${column}${descending === true ? " desc" : ""}${nullsFirst === true ? " nulls first" : ""}`,
    )
    .join(", ");
