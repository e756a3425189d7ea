import { aggregateSpecs } from "../api/aggregate-specs.ts";
import type { AggregatedFields, Aggregations } from "../api/aggregations.ts";
import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import type { AsFields } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { Fields } from "../core/types.ts";
import { DataStream } from "./data-stream.ts";
import { type KeyTtl, ttlOption } from "./key-ttl.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { operatorNode, projectNode } from "./nodes.ts";

export interface AggregateOptions {
  /** Forgets the rows of a key that has had none for so long, see `KeyTtl`. Without it, keys are kept for ever. */
  readonly ttl?: KeyTtl;
}

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * One row per key with aggregates of all its rows so far, as a changelog: a later row of the key takes back the one
     * before. At most one change per key and batch; in batch mode the final rows alone. Takes changelogs, too.
     * @throws {PlanError} AGGREGATES_EMPTY, RETRACTION_UNSUPPORTED, OPTION_UNKNOWN, STATE_TTL_INVALID
     * @example bids.keyBy("auction").aggregate({ highest: max("price"), bids: count() })
     * @example bids.keyBy("bidder").aggregate({ bids: count() }, { ttl: { ttlMs: 86_400_000 } })
     */
    aggregate<const A extends Aggregations<PathsIn<F>>>(
      aggregations: A,
      options?: AggregateOptions,
    ): DataStream<Pick<F, K> & AsFields<AggregatedFields<A, F>>>;
  }
}

KeyedStream.prototype.aggregate = function aggregate(
  this: KeyedStream<Fields, string>,
  aggregations: Aggregations<string>,
  options: AggregateOptions = {},
) {
  const site = callSite();
  const forgetting = ttlOption("aggregate", checkedOptions("aggregate", options, ["ttl"]).ttl);
  const { keys } = this;
  const plan = this.plan.map((node) => {
    const { specs, projection } = aggregateSpecs(node.schema, aggregations);
    if (specs.length === 0) {
      throw new PlanError("AGGREGATES_EMPTY", "aggregate was given nothing to compute.", "Give one, such as count().");
    }
    const input = projection === undefined ? node : projectNode(node, projection);
    return operatorNode(
      [{ node: input, route: { kind: "keyed", keys } }],
      {
        kind: "updatingAggregate",
        name: `aggregate(${keys.join(", ")})`,
        keys,
        aggregates: specs,
        ...(node.isUpdating ? { isChangelogInput: true } : {}),
        ...forgetting,
      },
      { acceptsUpdates: true, emitsUpdates: true, ...(site === undefined ? {} : { callSite: site }) },
    );
  });
  return new DataStream(this.context, plan);
} as KeyedStream<Fields, string>["aggregate"];
