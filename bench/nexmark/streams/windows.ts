/** Queries over windows of time. */
import { count, TumblingProcessingTimeWindows } from "../../../dist/index.js";
import { bids, type NexmarkStream } from "./stream.ts";

export const windowStreams: Readonly<Record<string, NexmarkStream>> = {
  q12: (environment, events) =>
    bids(environment, events, "bidder")
      .keyBy("bidder")
      .window(TumblingProcessingTimeWindows.of(10_000))
      .aggregate({ count: count() })
      .select("bidder", "count", "windowStart", "windowEnd"),
};
