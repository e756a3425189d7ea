/** Queries that look at one bid at a time. */
import { and, col, lit, or, types, when } from "../../../dist/index.js";
import { bids, type NexmarkStream } from "./stream.ts";

const euros = col("price")
  .mul(lit("0.908", types.decimal(4, 3)))
  .cast(types.decimal(23, 3));
const hour = col("dateTime").hour();
const letters = /[^c]/g;

export const rowStreams: Readonly<Record<string, NexmarkStream>> = {
  q0: (environment, events) => bids(environment, events, "auction", "bidder", "price", "dateTime", "bidExtra"),
  q1: (environment, events) =>
    bids(environment, events, "auction", "bidder", "price", "dateTime", "bidExtra").withColumn("price", euros),
  q2: (environment, events) => bids(environment, events, "auction", "price").filter(col("auction").mod(123).eq(0)),
  q14: (environment, events) =>
    bids(environment, events, "auction", "bidder", "price", "dateTime", "bidExtra")
      .withColumn("price", euros)
      .filter(and(col("price").gt(1_000_000), col("price").lt(50_000_000)))
      .select({
        auction: col("auction"),
        bidder: col("bidder"),
        price: col("price"),
        bidTimeType: when(and(hour.ge(8), hour.le(18)))
          .then("dayTime")
          .when(or(hour.le(6), hour.ge(20)))
          .then("nightTime")
          .otherwise("otherTime"),
        dateTime: col("dateTime"),
        extra: col("bidExtra"),
        count: col("bidExtra").regexpReplace(letters, "").length(),
      }),
  q22: (environment, events) =>
    bids(environment, events, "auction", "bidder", "price", "channel", "url").select({
      auction: col("auction"),
      bidder: col("bidder"),
      price: col("price"),
      channel: col("channel"),
      dir1: col("url").splitPart("/", 4),
      dir2: col("url").splitPart("/", 5),
      dir3: col("url").splitPart("/", 6),
    }),
};
