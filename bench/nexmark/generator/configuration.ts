/**
 * What decides every event of a Nexmark run. Plain JSON: it travels to workers and to the Flink peer as it is.
 * The defaults are the benchmark's standard ones; persons, auctions and bids always come as 1 : 3 : 46.
 */
export interface NexmarkConfiguration {
  /** int32; another seed gives other events of the same distributions. */
  readonly seed: number;
  /** Event time of the first event, in epoch milliseconds. */
  readonly baseTimeMs: number;
  /** Events per second of event time. */
  readonly eventsPerSecond: number;
  /** Events of one group arrive in a scrambled order; 1 means in order. Coprime to 953, so that none repeats. */
  readonly outOfOrderGroupSize: number;
  /** 1 - 1/ratio of the bids go to a hot auction. */
  readonly hotAuctionRatio: number;
  /** 1 - 1/ratio of the bids come from a hot bidder. */
  readonly hotBiddersRatio: number;
  /** 1 - 1/ratio of the auctions are of a hot seller. */
  readonly hotSellersRatio: number;
  /** Bids go to auctions as old as this many auctions at most; auctions last about as long on average. */
  readonly inFlightAuctions: number;
  /** Auctions and bids come from persons as old as this many persons at most. */
  readonly activePeople: number;
}

export const standardConfiguration: NexmarkConfiguration = {
  seed: 1,
  // Half a minute before midnight, so that queries which group by day see two.
  baseTimeMs: Date.UTC(2015, 6, 14, 23, 59, 30),
  eventsPerSecond: 10_000,
  outOfOrderGroupSize: 1,
  hotAuctionRatio: 2,
  hotBiddersRatio: 4,
  hotSellersRatio: 4,
  inFlightAuctions: 100,
  activePeople: 1000,
};

/** Events with numbers n * 50 are persons, the three behind each are auctions, the other 46 bids. */
export const proportions = { person: 1, auction: 3, bid: 46, total: 50 } as const;

/** Values of the column eventType. */
export const EventType = { person: 0, auction: 1, bid: 2 } as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** Event numbers stay below it: the generator computes in 32 bits. */
export const MOST_EVENTS = 2 ** 32;

/** @throws {RangeError} naming the first setting with which events would not be defined. */
export function checkConfiguration(configuration: NexmarkConfiguration): NexmarkConfiguration {
  for (const [name, value] of Object.entries(configuration)) {
    if (!Number.isSafeInteger(value)) throw new RangeError(`Nexmark: ${name} is ${value}, which is no whole number`);
    if (name !== "seed" && name !== "baseTimeMs" && (value < 1 || value > 1_000_000_000)) {
      throw new RangeError(`Nexmark: ${name} is ${value}; it goes from 1 to 1,000,000,000`);
    }
  }
  if (configuration.outOfOrderGroupSize % 953 === 0) {
    throw new RangeError("Nexmark: outOfOrderGroupSize is a multiple of 953, with which events would repeat");
  }
  return configuration;
}
