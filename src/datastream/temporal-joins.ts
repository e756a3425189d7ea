import { checkedOptions } from "../api/options.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { Fields } from "../core/types.ts";
import { checkedPartner } from "./arguments.ts";
import type { DataStream } from "./data-stream.ts";
import { type JoinedFields, joined } from "./join-nodes.ts";
import { KeyedStream } from "./keyed-stream.ts";

export interface TemporalJoinOptions {
  /** "left": rows without a version leave with nulls; default "inner". */
  readonly type?: "inner" | "left";
  /** "event": the version that was valid at the row's event time. "processing": the newest one. Default "event". */
  readonly time?: "event" | "processing";
}

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * Joins each row with the version of the other stream's row of its key that was valid at the row's event time: the
     * newest one that is not later. The other stream is a changelog, or rows of which each replaces the one before of its
     * key. Rows wait until the watermark has passed their time; of versions that no row can ask for any more, only the
     * newest of each key stays. A row that comes too late is in the side output "lateLeft"; a version that comes too late
     * counts for the rows that come after it.
     * @throws {PlanError} JOIN_KEYS_MISMATCH, OPTION_INVALID, UPDATES_NOT_ACCEPTED
     * @example orders.keyBy("currency").temporalJoin(rates.keyBy("currency"), { type: "left" })
     */
    temporalJoin<G extends Fields, L extends string>(
      versions: KeyedStream<G, L>,
      options?: TemporalJoinOptions,
    ): DataStream<JoinedFields<F, K, G>>;
  }
}

KeyedStream.prototype.temporalJoin = function temporalJoin(
  this: KeyedStream<Fields, string>,
  right: KeyedStream<Fields, string>,
  options: TemporalJoinOptions = {},
) {
  checkedPartner("temporalJoin", this, right, KeyedStream, 'Give a keyed stream: stream.keyBy("column").');
  const { type = "inner", time = "event" } = checkedOptions("temporalJoin", options, ["type", "time"]);
  if ((type !== "inner" && type !== "left") || (time !== "event" && time !== "processing")) {
    throw new PlanError(
      "OPTION_INVALID",
      `temporalJoin was given the type ${describeValue(type)} and the time ${describeValue(time)}.`,
      'Give the type "inner" or "left", and the time "event" or "processing".',
    );
  }
  const spec = { kind: "temporalJoin", time };
  const updates = { from: ["right"], emitsUpdates: false } as const;
  return joined({ left: this, right, type }, "temporal join", spec, () => updates);
} as KeyedStream<Fields, string>["temporalJoin"];
