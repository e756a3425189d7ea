/** The columns of the event stream and how each is generated. */
import type { DataType } from "../../../src/core/types.ts";
import { int32, int64, timestamp, utf8 } from "../../../src/core/types.ts";
import { EventType } from "./configuration.ts";
import { Field } from "./draws.ts";
import type { NexmarkKernels } from "./kernels.ts";
import { COLD_CHANNELS, channelName, channelUrl, cities, HOT_CHANNELS, names, states } from "./texts.ts";

/** Bytes that a text kernel may write behind the last text. */
export const TEXT_SLACK_BYTES = 16;

type FixedName = {
  [K in keyof NexmarkKernels]: NexmarkKernels[K] extends (a: number, b: number, c: number, d: number) => void
    ? K
    : never;
}[keyof NexmarkKernels];

export type Generation =
  | { readonly kind: "fixed"; readonly write: Writer }
  /** int32 indices into `values`, which are made once per generator. */
  | { readonly kind: "dictionary"; readonly write: Writer; readonly values: (seed: number) => readonly string[] }
  | { readonly kind: "text"; readonly mostBytes: number; readonly write: TextWriter };

type Writer = (kernels: NexmarkKernels, settings: number, first: number, count: number, out: number) => void;
type TextWriter = (
  kernels: NexmarkKernels,
  settings: number,
  first: number,
  count: number,
  offsets: number,
  data: number,
) => number;

export interface NexmarkColumn {
  readonly type: DataType;
  /** The events that have the column; it is null in all others. Null: all have it. */
  readonly of: EventType | null;
  readonly generation: Generation;
}

const fixed = (name: Exclude<FixedName, "positions">): Generation => ({
  kind: "fixed",
  write: (kernels, ...range) => kernels[name](...range),
});
const choice = (field: number, values: readonly string[]): Generation => ({
  kind: "dictionary",
  write: (kernels, settings, first, count, out) =>
    kernels.personChoices(settings, first, count, field, values.length, out),
  values: () => values,
});
const channel = (textOf: (seed: number, index: number) => string): Generation => ({
  kind: "dictionary",
  write: (kernels, ...range) => kernels.channels(...range),
  values: (seed) => Array.from({ length: HOT_CHANNELS + COLD_CHANNELS }, (_, index) => textOf(seed, index)),
});
const text = (mostBytes: number, write: TextWriter): Generation => ({ kind: "text", mostBytes, write });
const auctionWords = (field: number, most: number): Generation =>
  text(most, (kernels, settings, first, count, ...out) =>
    kernels.auctionWords(settings, first, count, field, most, ...out),
  );

const person = (type: DataType, generation: Generation): NexmarkColumn => ({ type, of: EventType.person, generation });
const auction = (type: DataType, generation: Generation): NexmarkColumn => ({
  type,
  of: EventType.auction,
  generation,
});
const bid = (type: DataType, generation: Generation): NexmarkColumn => ({ type, of: EventType.bid, generation });

/**
 * One row per event, in the order of arrival. `position` counts the arrivals from 0, `eventType` is 0 for a person, 1
 * for an auction and 2 for a bid, `dateTime` is the event's time. The other columns belong to one type of event each.
 */
export const nexmarkColumns = {
  position: {
    type: int64,
    of: null,
    generation: { kind: "fixed", write: (kernels, _, first, count, out) => kernels.positions(first, count, out) },
  },
  eventType: { type: int32, of: null, generation: fixed("eventTypes") },
  dateTime: { type: timestamp("ms"), of: null, generation: fixed("dateTimes") },
  personId: person(int64, fixed("personIds")),
  name: person(utf8, choice(Field.name, names)),
  emailAddress: person(
    utf8,
    text(16, (kernels, ...range) => kernels.emailAddresses(...range)),
  ),
  creditCard: person(
    utf8,
    text(19, (kernels, ...range) => kernels.creditCards(...range)),
  ),
  city: person(utf8, choice(Field.city, cities)),
  state: person(utf8, choice(Field.state, states)),
  personExtra: person(
    utf8,
    text(200, (kernels, settings, first, count, ...out) =>
      kernels.personExtras(settings, first, count, names.length, cities.length, ...out),
    ),
  ),
  auctionId: auction(int64, fixed("auctionIds")),
  itemName: auction(utf8, auctionWords(Field.itemName, 20)),
  description: auction(utf8, auctionWords(Field.description, 100)),
  initialBid: auction(int64, fixed("initialBids")),
  reserve: auction(int64, fixed("reserves")),
  expires: auction(timestamp("ms"), fixed("expiries")),
  seller: auction(int64, fixed("sellers")),
  category: auction(int64, fixed("categories")),
  auctionExtra: auction(
    utf8,
    text(550, (kernels, ...range) => kernels.auctionExtras(...range)),
  ),
  auction: bid(int64, fixed("bidAuctions")),
  bidder: bid(int64, fixed("bidders")),
  price: bid(int64, fixed("prices")),
  channel: bid(
    utf8,
    channel((_, index) => channelName(index)),
  ),
  url: bid(utf8, channel(channelUrl)),
  bidExtra: bid(
    utf8,
    text(82, (kernels, ...range) => kernels.bidExtras(...range)),
  ),
} as const satisfies Readonly<Record<string, NexmarkColumn>>;

export type NexmarkColumnName = keyof typeof nexmarkColumns;
export type NexmarkFields = { readonly [N in NexmarkColumnName]: (typeof nexmarkColumns)[N]["type"] };
export const nexmarkColumnNames = Object.keys(nexmarkColumns) as readonly NexmarkColumnName[];
