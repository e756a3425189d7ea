/** Queries over windows of time. */
import {
  col,
  count,
  EventTimeSessionWindows,
  max,
  min,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
} from "../../../dist/index.js";
import { EventType } from "../generator/configuration.ts";
import { bids, eventStream, type NexmarkStream, ofType } from "./stream.ts";

const tenSeconds = TumblingEventTimeWindows.of(10_000);

const q5: NexmarkStream = (environment, events) => {
  const counts = bids(environment, events, "auction")
    .keyBy("auction")
    .window(SlidingEventTimeWindows.of(10_000, 2000))
    .aggregate({ num: count() })
    .select({ auction: col("auction"), num: col("num"), end: col("windowEnd") });
  // What a window gives carries its last millisecond: the results of one sliding window are those of 2 seconds.
  const everySlide = TumblingEventTimeWindows.of(2000);
  const most = counts
    .windowAll(everySlide)
    .aggregate({ most: max("num") })
    .select({ most: col("most"), end: col("windowEnd") });
  return counts
    .keyBy("end")
    .join(most.keyBy("end"))
    .window(everySlide)
    .filter(col("num").ge(col("most")))
    .select("auction", "num");
};

const q7: NexmarkStream = (environment, events) => {
  const all = bids(environment, events, "auction", "bidder", "price", "dateTime", "bidExtra");
  const highest = all
    .windowAll(tenSeconds)
    .aggregate({ highest: max("price") })
    .select("highest");
  // From the window's last millisecond, back to its first and on to its end.
  return highest
    .keyBy("highest")
    .intervalJoin(all.keyBy("price"))
    .between(-9999, 1)
    .select("auction", "bidder", "price", "dateTime", "bidExtra");
};

const q8: NexmarkStream = (environment, events) => {
  const all = eventStream(environment, events, "personId", "name", "seller");
  const sellers = ofType(all, EventType.auction).select("seller").keyBy("seller");
  return ofType(all, EventType.person)
    .select("personId", "name")
    .keyBy("personId")
    .join(sellers, { type: "semi" })
    .window(tenSeconds)
    .select("personId", "name", "windowStart");
};

const q11: NexmarkStream = (environment, events) =>
  bids(environment, events, "bidder", "dateTime")
    .keyBy("bidder")
    // A bid after exactly ten seconds still belongs to the session.
    .window(EventTimeSessionWindows.withGap(10_001))
    .aggregate({ count: count(), start: min("dateTime"), last: max("dateTime") })
    .select({
      bidder: col("bidder"),
      count: col("count"),
      start: col("start"),
      end: col("last").dateAdd(10, "second"),
    });

const q12: NexmarkStream = (environment, events) =>
  bids(environment, events, "bidder")
    .keyBy("bidder")
    .window(TumblingProcessingTimeWindows.of(10_000))
    .aggregate({ count: count() })
    .select("bidder", "count", "windowStart", "windowEnd");

export const windowStreams: Readonly<Record<string, NexmarkStream>> = { q5, q7, q8, q11, q12 };
