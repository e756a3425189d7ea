/** Queries that keep the last or the best rows per key. */
import { desc } from "../../../dist/index.js";
import { bids, type NexmarkStream } from "./stream.ts";

const columns = ["auction", "bidder", "price", "channel", "url", "dateTime", "bidExtra"] as const;

const q18: NexmarkStream = (environment, events) =>
  bids(environment, events, ...columns)
    .keyBy("bidder", "auction")
    .deduplicate({ keep: "last", by: "eventTime" });

const q19: NexmarkStream = (environment, events) =>
  bids(environment, events, ...columns)
    .keyBy("auction")
    .topN(10, desc("price"), { rank: "rank_number" });

export const rankStreams: Readonly<Record<string, NexmarkStream>> = { q18, q19 };
