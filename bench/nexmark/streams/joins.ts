/** Queries that join streams without windows: results change as more events arrive. */
import { and, col, count, max, sum } from "../../../dist/index.js";
import { EventType } from "../generator/configuration.ts";
import { eventStream, type NexmarkStream, ofType } from "./stream.ts";

/** A bid counts while its auction is open. */
const whileOpen = and(col("bidTime").ge(col("dateTime")), col("bidTime").le(col("expires")));

const q3: NexmarkStream = (environment, events) => {
  const all = eventStream(environment, events, "personId", "name", "city", "state", "auctionId", "seller", "category");
  const auctions = ofType(all, EventType.auction).filter(col("category").eq(10)).select("auctionId", "seller");
  return ofType(all, EventType.person)
    .filter(col("state").isIn(["OR", "ID", "CA"]))
    .select("personId", "name", "city", "state")
    .keyBy("personId")
    .join(auctions.keyBy("seller"))
    .updating()
    .select("name", "city", "state", "auctionId");
};

const q4: NexmarkStream = (environment, events) => {
  const all = eventStream(environment, events, "auctionId", "expires", "category", "auction", "price");
  const bids = ofType(all, EventType.bid).select({
    auction: col("auction"),
    price: col("price"),
    bidTime: col("dateTime"),
  });
  return ofType(all, EventType.auction)
    .select("auctionId", "dateTime", "expires", "category")
    .keyBy("auctionId")
    .join(bids.keyBy("auction"))
    .updating({ on: whileOpen })
    .keyBy("auctionId", "category")
    .aggregate({ final: max("price") })
    .keyBy("category")
    .aggregate({ sum: sum("final"), auctions: count() })
    .select({ category: col("category"), final: col("sum").intDiv(col("auctions")) });
};

const q20: NexmarkStream = (environment, events) => {
  const all = eventStream(
    environment,
    events,
    ...(["auctionId", "itemName", "description", "initialBid", "reserve", "expires", "seller", "category"] as const),
    ...(["auctionExtra", "auction", "bidder", "price", "channel", "url", "bidExtra"] as const),
  );
  const auctions = ofType(all, EventType.auction)
    .filter(col("category").eq(10))
    .select(
      ...(["auctionId", "itemName", "description", "initialBid", "reserve"] as const),
      ...(["dateTime", "expires", "seller", "category", "auctionExtra"] as const),
    );
  return ofType(all, EventType.bid)
    .select({
      auction: col("auction"),
      bidder: col("bidder"),
      price: col("price"),
      channel: col("channel"),
      url: col("url"),
      bidTime: col("dateTime"),
      bidExtra: col("bidExtra"),
    })
    .keyBy("auction")
    .join(auctions.keyBy("auctionId"))
    .updating()
    .drop("auctionId");
};

export const joinStreams: Readonly<Record<string, NexmarkStream>> = { q3, q4, q20 };
