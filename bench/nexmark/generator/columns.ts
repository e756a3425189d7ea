/** The columns of the event stream and how each is generated. */
import type { DataType } from "../../../src/core/types.ts";
import { int32, int64, timestamp, utf8 } from "../../../src/core/types.ts";
import { EventType } from "./configuration.ts";
import { Field } from "./draws.ts";
import type { NexmarkKernels } from "./kernels.ts";
import { COLD_CHANNELS, channelName, channelUrl, cities, HOT_CHANNELS, names, states } from "./texts.ts";

/** Bytes that a text kernel may write behind the last text: of bids, whole fillers of up to three rows more. */
export const TEXT_SLACK_BYTES = 512;

/** The events of a batch, as kernels are told of them. */
export interface EventRange {
  /** Address of the settings block. */
  readonly settings: number;
  /** Address of the block that `describeEvents` wrote. */
  readonly events: number;
  /** u32[count] for the kernels' own use, with room for a multiple of four. */
  readonly scratch: number;
  readonly first: number;
  readonly count: number;
}

export type Generation =
  | { readonly kind: "fixed"; readonly write: Writer }
  /** int32 indices into `values`, which are made once per generator. Columns with the same `write` have the same indices. */
  | { readonly kind: "dictionary"; readonly write: Writer; readonly values: (seed: number) => readonly string[] }
  | { readonly kind: "text"; readonly mostBytes: number; readonly write: TextWriter };

export type Writer = (kernels: NexmarkKernels, range: EventRange, out: number) => void;
type TextWriter = (kernels: NexmarkKernels, range: EventRange, offsets: number, data: number) => number;

export interface NexmarkColumn {
  readonly type: DataType;
  /** The events that have the column; it is null in all others. Null: all have it. */
  readonly of: EventType | null;
  readonly generation: Generation;
}

type NumberedName =
  | "dateTimes"
  | "personIds"
  | "auctionIds"
  | "initialBids"
  | "reserves"
  | "expiries"
  | "sellers"
  | "categories";
type DescribedName = "eventTypes" | "bidAuctions" | "bidders" | "prices" | "channels";
type TextName = "emailAddresses" | "creditCards" | "auctionExtras";

const fixed = (name: NumberedName): Generation => ({
  kind: "fixed",
  write: (kernels, { settings, first, count }, out) => kernels[name](settings, first, count, out),
});
const described =
  (name: DescribedName): Writer =>
  (kernels, { settings, events, count }, out) =>
    kernels[name](settings, events, count, out);
const ofDescribed = (name: DescribedName): Generation => ({ kind: "fixed", write: described(name) });
const choice = (field: number, values: readonly string[]): Generation => ({
  kind: "dictionary",
  write: (kernels, { settings, first, count }, out) =>
    kernels.personChoices(settings, first, count, field, values.length, out),
  values: () => values,
});
const writeChannels = described("channels");
const channel = (textOf: (seed: number, index: number) => string): Generation => ({
  kind: "dictionary",
  write: writeChannels,
  values: (seed) => Array.from({ length: HOT_CHANNELS + COLD_CHANNELS }, (_, index) => textOf(seed, index)),
});
const written = (mostBytes: number, write: TextWriter): Generation => ({ kind: "text", mostBytes, write });
const text = (name: TextName, mostBytes: number): Generation =>
  written(mostBytes, (kernels, { settings, first, count }, ...out) => kernels[name](settings, first, count, ...out));
const auctionWords = (field: number, most: number): Generation =>
  written(most, (kernels, { settings, first, count }, ...out) =>
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
    generation: { kind: "fixed", write: (kernels, { first, count }, out) => kernels.positions(first, count, out) },
  },
  eventType: { type: int32, of: null, generation: ofDescribed("eventTypes") },
  dateTime: { type: timestamp("ms"), of: null, generation: fixed("dateTimes") },
  personId: person(int64, fixed("personIds")),
  name: person(utf8, choice(Field.name, names)),
  emailAddress: person(utf8, text("emailAddresses", 16)),
  creditCard: person(utf8, text("creditCards", 19)),
  city: person(utf8, choice(Field.city, cities)),
  state: person(utf8, choice(Field.state, states)),
  personExtra: person(
    utf8,
    written(200, (kernels, { settings, first, count }, ...out) =>
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
  auctionExtra: auction(utf8, text("auctionExtras", 550)),
  auction: bid(int64, ofDescribed("bidAuctions")),
  bidder: bid(int64, ofDescribed("bidders")),
  price: bid(int64, ofDescribed("prices")),
  channel: bid(
    utf8,
    channel((_, index) => channelName(index)),
  ),
  url: bid(utf8, channel(channelUrl)),
  bidExtra: bid(
    utf8,
    written(82, (kernels, { settings, events, count, scratch }, ...out) =>
      kernels.bidExtras(settings, events, count, scratch, ...out),
    ),
  ),
} as const satisfies Readonly<Record<string, NexmarkColumn>>;

export type NexmarkColumnName = keyof typeof nexmarkColumns;
export type NexmarkFields = { readonly [N in NexmarkColumnName]: (typeof nexmarkColumns)[N]["type"] };
export const nexmarkColumnNames = Object.keys(nexmarkColumns) as readonly NexmarkColumnName[];
