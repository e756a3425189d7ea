/**
 * Single events, written to be read: what kernels/ generates in columns and the Flink peer in Java must be equal.
 * @see Tucker et al., "NEXMark - A Benchmark for Queries over Data Streams", 2002; distributions of its Flink edition.
 */
import { EventType, type NexmarkConfiguration, proportions } from "./configuration.ts";
import { below, draw, Field, priceOf, wordAt } from "./draws.ts";
import {
  COLD_CHANNELS,
  channelName,
  channelUrl,
  cities,
  extraLength,
  HOT_CHANNELS,
  letters,
  names,
  states,
  wordsLength,
  wordsOf,
} from "./texts.ts";

export interface Person {
  readonly personId: number;
  readonly name: string;
  readonly emailAddress: string;
  readonly creditCard: string;
  readonly city: string;
  readonly state: string;
  readonly personExtra: string;
}

export interface Auction {
  readonly auctionId: number;
  readonly itemName: string;
  readonly description: string;
  readonly initialBid: number;
  readonly reserve: number;
  /** Epoch milliseconds. */
  readonly expires: number;
  readonly seller: number;
  readonly category: number;
  readonly auctionExtra: string;
}

export interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly bidExtra: string;
}

export type NexmarkEvent = { readonly position: number; readonly dateTime: number } & (
  | ({ readonly eventType: typeof EventType.person } & Person)
  | ({ readonly eventType: typeof EventType.auction } & Auction)
  | ({ readonly eventType: typeof EventType.bid } & Bid)
);

const FIRST_ID = 1000;
const FIRST_CATEGORY = 10;
const CATEGORIES = 5;
/** Every hundredth auction, person or seller is the hot one of its hundred. */
const HOT_STEP = 100;
/** Ids may be drawn that many too early, so that a bid can arrive before its auction. */
const ID_LEAD = 10;

/** The event that arrives at a position of the stream, counted from 0. */
export function eventAt(configuration: NexmarkConfiguration, position: number): NexmarkEvent {
  const number = eventNumber(configuration, position);
  const at = { position, dateTime: eventTime(configuration, number) };
  const offset = number % proportions.total;
  if (offset < proportions.person) return { ...at, eventType: EventType.person, ...personOf(configuration, number) };
  if (offset < proportions.person + proportions.auction) {
    return { ...at, eventType: EventType.auction, ...auctionOf(configuration, number) };
  }
  return { ...at, eventType: EventType.bid, ...bidOf(configuration, number) };
}

/** Which event arrives at a position: they are scrambled inside their groups. */
export function eventNumber({ outOfOrderGroupSize: group }: NexmarkConfiguration, position: number): number {
  return Math.floor(position / group) * group + ((position * 953) % group);
}

/** Epoch milliseconds of an event. */
export function eventTime({ baseTimeMs, eventsPerSecond }: NexmarkConfiguration, number: number): number {
  return baseTimeMs + Math.floor(Math.floor(number * (1_000_000 / eventsPerSecond)) / 1000);
}

function personOf({ seed }: NexmarkConfiguration, number: number): Person {
  const pick = (field: number, from: readonly string[]): string =>
    from[below(draw(seed, number, field), from.length)] ?? "";
  const card = draw(seed, number, Field.creditCard);
  const name = pick(Field.name, names);
  const city = pick(Field.city, cities);
  const emailLength = wordsLength(seed, number, Field.emailUser, 7) + wordsLength(seed, number, Field.emailHost, 5) + 5;
  const size = 8 + name.length + emailLength + 19 + city.length + 2;
  return {
    personId: FIRST_ID + lastPerson(number),
    name,
    emailAddress: `${wordsOf(seed, number, Field.emailUser, 7)}@${wordsOf(seed, number, Field.emailHost, 5)}.com`,
    creditCard: [0, 1, 2, 3].map((part) => String(below(wordAt(card, part), 10_000)).padStart(4, "0")).join(" "),
    city,
    state: pick(Field.state, states),
    personExtra: extraOf(seed, number, Field.personExtra, size, 200),
  };
}

function auctionOf(configuration: NexmarkConfiguration, number: number): Auction {
  const { seed, hotSellersRatio, inFlightAuctions } = configuration;
  const drawn = (field: number): number => draw(seed, number, field);
  const isHot = below(drawn(Field.sellerIsHot), hotSellersRatio) > 0;
  const seller = isHot ? hotOf(lastPerson(number)) : somePerson(configuration, number, drawn(Field.seller));
  const initialBid = priceOf(drawn(Field.initialBid));
  const start = eventTime(configuration, number);
  const ahead = Math.floor((inFlightAuctions * proportions.total) / proportions.auction);
  const horizon = eventTime(configuration, number + ahead) - start;
  const size = 48 + wordsLength(seed, number, Field.itemName, 20) + wordsLength(seed, number, Field.description, 100);
  return {
    auctionId: FIRST_ID + lastAuction(number),
    itemName: wordsOf(seed, number, Field.itemName, 20),
    description: wordsOf(seed, number, Field.description, 100),
    initialBid,
    reserve: initialBid + priceOf(drawn(Field.reserve)),
    expires: start + 1 + below(drawn(Field.duration), Math.max(horizon * 2, 1)),
    seller: FIRST_ID + seller,
    category: FIRST_CATEGORY + below(drawn(Field.category), CATEGORIES),
    auctionExtra: extraOf(seed, number, Field.auctionExtra, size, 500),
  };
}

function bidOf(configuration: NexmarkConfiguration, number: number): Bid {
  const { seed, hotAuctionRatio, hotBiddersRatio } = configuration;
  const drawn = (field: number): number => draw(seed, number, field);
  const auctionIsHot = below(drawn(Field.auctionIsHot), hotAuctionRatio) > 0;
  const bidderIsHot = below(drawn(Field.bidderIsHot), hotBiddersRatio) > 0;
  const auction = auctionIsHot ? hotOf(lastAuction(number)) : someAuction(configuration, number, drawn(Field.auction));
  // The second of the hundred, so that hot bidders are not the hot sellers.
  const bidder = bidderIsHot ? hotOf(lastPerson(number)) + 1 : somePerson(configuration, number, drawn(Field.bidder));
  const channelIsHot = below(drawn(Field.channelIsHot), 2) > 0;
  const channel = channelIsHot
    ? below(drawn(Field.channel), HOT_CHANNELS)
    : HOT_CHANNELS + below(drawn(Field.channel), COLD_CHANNELS);
  return {
    auction: FIRST_ID + auction,
    bidder: FIRST_ID + bidder,
    price: priceOf(drawn(Field.price)),
    channel: channelName(channel),
    url: channelUrl(seed, channel),
    bidExtra: extraOf(seed, number, Field.bidExtra, 32, 100),
  };
}

const hotOf = (last: number): number => Math.floor(last / HOT_STEP) * HOT_STEP;

/** Number of the newest person when an event happens, counted from 0; of a person, its own. */
const lastPerson = (number: number): number => Math.floor(number / proportions.total);

/** Number of the newest auction when an event happens, counted from 0; of an auction, its own. Not asked of persons. */
const lastAuction = (number: number): number =>
  lastPerson(number) * proportions.auction + Math.min((number % proportions.total) - 1, proportions.auction - 1);

function somePerson({ activePeople }: NexmarkConfiguration, number: number, word: number): number {
  const people = lastPerson(number) + 1;
  const active = Math.min(people, activePeople);
  return people - active + below(word, active + ID_LEAD);
}

function someAuction({ inFlightAuctions }: NexmarkConfiguration, number: number, word: number): number {
  const last = lastAuction(number);
  const oldest = Math.max(last - inFlightAuctions, 0);
  return oldest + below(word, last - oldest + 1 + ID_LEAD);
}

const extraOf = (seed: number, number: number, field: number, size: number, average: number): string =>
  letters(draw(seed, number, field), extraLength(seed, number, field, size, average));
