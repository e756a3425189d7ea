/** What a Nexmark query is to the benchmark. */
export interface NexmarkQuery {
  /** "stateless" and "stateful" queries have bars of their own; the others are reported only. */
  readonly group: "stateless" | "stateful" | "other";
  /** What is asked, and what the answer of a bounded run is. */
  readonly question: string;
  /** The answer in DuckDB's SQL, over the views person, auction and bid of `duckdbViews`. */
  readonly duckdb: string;
  /**
   * The query in Flink's SQL, over views of the same names; left out where DuckDB's text serves. `only_bid` is `bid` over a
   * source that has no other columns: below a rank by event time Flink's planner would have its source make all of them.
   */
  readonly flink?: string;
  /**
   * "rows": the rows that are left when all events have been read are equal, whatever their order.
   * "counts": of windows in processing time only the sums per key are known, and the last window may be cut off, so
   * no key may have more than DuckDB counts.
   */
  readonly check: "rows" | "counts";
}

/** Views that give the columns their names in the queries; `position` breaks ties as arrival does in a stream. */
export const viewColumns = {
  person: "personId AS id, name, emailAddress, creditCard, city, state, dateTime, personExtra AS extra",
  auction:
    "auctionId AS id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, " +
    "auctionExtra AS extra",
  bid: "auction, bidder, price, channel, url, dateTime, bidExtra AS extra",
} as const;
