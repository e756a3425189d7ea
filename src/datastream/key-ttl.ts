import { checkedOptions } from "../api/options.ts";
import { checkTtl } from "../core/state/descriptors.ts";

/**
 * A key begins anew with a row that comes so long after its last one, by the clock (the default) or in event time: the
 * rows before are forgotten, and results that stand on them stay.
 */
export interface KeyTtl {
  readonly ttlMs: number;
  readonly timeDomain?: "processing" | "event";
}

/** @throws {PlanError} OPTION_UNKNOWN, STATE_TTL_INVALID */
export function ttlOption(method: string, ttl: KeyTtl | undefined): { readonly ttl?: KeyTtl } {
  if (ttl === undefined) return {};
  checkTtl(method, checkedOptions(`the ttl of ${method}`, ttl, ["ttlMs", "timeDomain"]));
  return { ttl };
}
