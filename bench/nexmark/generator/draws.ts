/**
 * Random numbers that are functions of (seed, event, field) instead of a sequence: so an event does not depend on the
 * events or columns generated before it, and any part of a stream can be made anywhere.
 * The same formulas stand in kernels/draws.ts and in the Flink peer's Draws.java.
 */
const GOLDEN = 0x9e3779b9;

/** Finaliser of MurmurHash3 (Appleby, public domain): a bijection of 32-bit words. The result is unsigned. */
export function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What each drawn value of an event is called; a text's length is drawn under its own number plus 32. */
export const Field = {
  name: 1,
  emailUser: 2,
  emailHost: 3,
  creditCard: 4,
  city: 5,
  state: 6,
  personExtra: 7,
  sellerIsHot: 8,
  seller: 9,
  category: 10,
  initialBid: 11,
  reserve: 12,
  duration: 13,
  itemName: 14,
  description: 15,
  auctionExtra: 16,
  auctionIsHot: 17,
  auction: 18,
  bidderIsHot: 19,
  bidder: 20,
  price: 21,
  channelIsHot: 22,
  channel: 23,
  bidExtra: 24,
  url: 25,
  urlHasChannel: 28,
} as const;

export const LENGTH_OFFSET = 32;

/** A uniform unsigned 32-bit word. */
export function draw(seed: number, event: number, field: number): number {
  return mix(mix(event ^ mix(seed)) + Math.imul(field, GOLDEN));
}

/** The word at `index` of the sequence that a drawn word starts: letters of a text, digits of a card. */
export const wordAt = (start: number, index: number): number => mix(start + Math.imul(index, GOLDEN));

/** Brings a word into [0, bound), for bounds up to 2^21. */
export const below = (word: number, bound: number): number => Math.floor((word * bound) / 2 ** 32);

/** 10^(6 / 2^k) for k = 1..10. */
export const POWERS_OF_MILLION: readonly number[] = [
  1000, 31.622776601683793, 5.623413251903491, 2.371373705661655, 1.5399265260594919, 1.2409377607517196,
  1.1139738599948024, 1.055449600878603, 1.0273507681793026, 1.0135831333340657,
];

/**
 * 100 * 10^(6u) for the 1024 values of u's upper ten bits, by multiplication alone: unlike pow, that gives the same
 * bits in every language.
 */
export const priceScale: readonly number[] = Array.from({ length: 1024 }, (_, bits) =>
  POWERS_OF_MILLION.reduce((product, power, k) => ((bits >> (9 - k)) & 1 ? product * power : product), 100),
);

/** 6 ln 10 / 2^32: what one step of a drawn word adds to the logarithm of a price. */
export const PRICE_STEP = (6 * Math.LN10) / 2 ** 32;

/** Log-uniform whole numbers from 100 to 100,000,000. */
export function priceOf(word: number): number {
  const rest = (word & 0x3fffff) * PRICE_STEP;
  // e^rest to the fourth order; rest is below 0.0135, so the error is below 1e-11.
  const factor = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24))));
  return Math.floor((priceScale[word >>> 22] ?? Number.NaN) * factor + 0.5);
}
