/** Queries that join streams without windows: results change as more events arrive. */
import { and, asc, col, count, desc, max, sum } from "../../../dist/index.js";
import { EventType } from "../generator/configuration.ts";
import { eventStream, type NexmarkStream, ofType } from "./stream.ts";

const auctionColumns = [
  ...(["auctionId", "itemName", "description", "initialBid", "reserve"] as const),
  ...(["dateTime", "expires", "seller", "category", "auctionExtra"] as const),
] as const;

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

const q9: NexmarkStream = (environment, events) => {
  const all = eventStream(environment, events, ...auctionColumns, "auction", "bidder", "price", "bidExtra");
  const auctions = ofType(all, EventType.auction).select(...auctionColumns);
  const bids = ofType(all, EventType.bid).select({
    auction: col("auction"),
    bidder: col("bidder"),
    price: col("price"),
    bidTime: col("dateTime"),
    bidExtra: col("bidExtra"),
  });
  const winning = auctions
    .select("auctionId", "dateTime", "expires")
    .keyBy("auctionId")
    .join(bids.keyBy("auction"))
    .updating({ on: whileOpen })
    .select("auction", "bidder", "price", "bidTime", "bidExtra")
    .keyBy("auction")
    .topN(1, desc("price"), asc("bidTime"));
  // What is known of an auction joins its winning bids alone: most bids never win.
  return auctions.keyBy("auctionId").join(winning.keyBy("auction")).updating();
};

const q20: NexmarkStream = (environment, events) => {
  const all = eventStream(
    environment,
    events,
    ...auctionColumns,
    ...(["auction", "bidder", "price", "channel", "url", "bidExtra"] as const),
  );
  const auctions = ofType(all, EventType.auction)
    .filter(col("category").eq(10))
    .select(...auctionColumns);
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

export const joinStreams: Readonly<Record<string, NexmarkStream>> = { q3, q4, q9, q20 };
