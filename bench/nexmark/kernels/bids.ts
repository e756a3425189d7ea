/**
 * Columns of bids, which nearly all events are, four at a time. Each kernel writes the values of `count` events:
 *   settings  the block of settings.ts
 *   events    the block of events.ts
 *   count     of 0, four rows are written too
 *   out       i64[count] or i32[count], with room for a multiple of four; rows of another event type get 0
 * Loops test at their end: of others V8 does not hoist the constants, and it takes three instructions to make one.
 */
import { GOLDEN, LENGTH, mix, PRICE_STEP } from "./draws";
import { peopleAt, placesAt, startsAt } from "./events";
import { areBids, belowLanes, drawLanes, storeLongs, wholeHundreds } from "./lanes";
import { activePeople, hotAuctionRatio, hotBiddersRatio, inFlightAuctions, priceScale } from "./settings";
import { lettersOf } from "./texts";

const ZERO: v128 = i32x4.splat(0);
const FIRST_ID: v128 = i32x4.splat(1000);

/** 0, 1 or 2 by the place of an event in its group of fifty. */
@inline
function typesAt(events: usize, count: i32, row: i32): v128 {
  const places = placesAt(events, count, row);
  // A comparison that holds is -1.
  return i32x4.neg(i32x4.add(i32x4.gt_s(places, ZERO), areBids(places)));
}

export function eventTypes(settings: usize, events: usize, count: i32, out: usize): void {
  let i = 0;
  do {
    v128.store(out + (<usize>i << 2), typesAt(events, count, i));
    i += 4;
  } while (i < count);
}

/** Sets the bits of the rows of one event type in `out`, a bitmap of `count` bits; returns how many there are. */
export function typeMask(events: usize, count: i32, eventType: u32, out: usize): i32 {
  let set = 0;
  for (let i = 0; i < count; i += 8) {
    let bits = typeBits(events, count, i, eventType);
    if (count - i > 4) bits |= typeBits(events, count, i + 4, eventType) << 4;
    if (count - i < 8) bits &= (1 << (count - i)) - 1;
    set += popcnt(bits);
    store<u8>(out + (i >> 3), <u8>bits);
  }
  return set;
}

@inline
function typeBits(events: usize, count: i32, row: i32, eventType: u32): i32 {
  return i32x4.bitmask(i32x4.eq(typesAt(events, count, row), i32x4.splat(eventType)));
}

/** Auctions that bids are for. */
export function bidAuctions(settings: usize, events: usize, count: i32, out: usize): void {
  const hotRatio = i32x4.splat(hotAuctionRatio(settings));
  const flight = i32x4.splat(inFlightAuctions(settings));
  let i = 0;
  do {
    const people = peopleAt(events, count, i);
    const starts = startsAt(events, i);
    const isCold = i32x4.eq(belowLanes(drawLanes(starts, 17), hotRatio), ZERO);
    const last = i32x4.add(i32x4.mul(people, i32x4.splat(3)), i32x4.splat(2));
    const oldest = i32x4.max_s(i32x4.sub(last, flight), ZERO);
    const choices = i32x4.add(i32x4.sub(last, oldest), i32x4.splat(11));
    const some = i32x4.add(oldest, belowLanes(drawLanes(starts, 18), choices));
    const auctions = v128.bitselect(some, wholeHundreds(last), isCold);
    const bids = v128.and(i32x4.add(auctions, FIRST_ID), areBids(placesAt(events, count, i)));
    storeLongs(bids, out + (<usize>i << 3));
    i += 4;
  } while (i < count);
}

export function bidders(settings: usize, events: usize, count: i32, out: usize): void {
  const hotRatio = i32x4.splat(hotBiddersRatio(settings));
  const mostActive = i32x4.splat(activePeople(settings));
  let i = 0;
  do {
    const last = peopleAt(events, count, i);
    const starts = startsAt(events, i);
    const isCold = i32x4.eq(belowLanes(drawLanes(starts, 19), hotRatio), ZERO);
    const people = i32x4.add(last, i32x4.splat(1));
    const active = i32x4.min_s(people, mostActive);
    const choice = belowLanes(drawLanes(starts, 20), i32x4.add(active, i32x4.splat(10)));
    const some = i32x4.add(i32x4.sub(people, active), choice);
    const hot = i32x4.add(wholeHundreds(last), i32x4.splat(1));
    const persons = i32x4.add(v128.bitselect(some, hot, isCold), FIRST_ID);
    storeLongs(v128.and(persons, areBids(placesAt(events, count, i))), out + (<usize>i << 3));
    i += 4;
  } while (i < count);
}

/** `priceOf` of draws.ts, by the same operations in the same order. */
export function prices(settings: usize, events: usize, count: i32, out: usize): void {
  let i = 0;
  do {
    const words = drawLanes(startsAt(events, i), 21);
    const bits = i32x4.shr_u(words, 22);
    const rests = v128.and(words, i32x4.splat(0x3fffff));
    const low = pricePair(settings, i32x4.extract_lane(bits, 0), i32x4.extract_lane(bits, 1), rests);
    const upper = v128.shuffle<i32>(rests, rests, 2, 3, 2, 3);
    const high = pricePair(settings, i32x4.extract_lane(bits, 2), i32x4.extract_lane(bits, 3), upper);
    const all = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    storeLongs(v128.and(all, areBids(placesAt(events, count, i))), out + (<usize>i << 3));
    i += 4;
  } while (i < count);
}

/** Added to a whole number below 2^32, it leaves that number in the lower half of the double. */
const WHOLE_NUMBERS: f64 = 4503599627370496;

/** Prices of the two lower lanes, below 2^31, in the lower halves of 64-bit lanes. */
@inline
function pricePair(settings: usize, bitsA: u32, bitsB: u32, rests: v128): v128 {
  const one = f64x2.splat(1);
  const rest = f64x2.mul(f64x2.convert_low_i32x4_s(rests), f64x2.splat(PRICE_STEP));
  let factor = f64x2.add(f64x2.splat(1.0 / 6), f64x2.mul(rest, f64x2.splat(1.0 / 24)));
  factor = f64x2.add(f64x2.splat(1.0 / 2), f64x2.mul(rest, factor));
  factor = f64x2.add(one, f64x2.mul(rest, factor));
  factor = f64x2.add(one, f64x2.mul(rest, factor));
  const scale = f64x2.replace_lane(f64x2.splat(priceScale(settings, bitsA)), 1, priceScale(settings, bitsB));
  const price = f64x2.floor(f64x2.add(f64x2.mul(scale, factor), f64x2.splat(0.5)));
  return f64x2.add(price, f64x2.splat(WHOLE_NUMBERS));
}

/** i32 indices of channels, and of the URLs that go with them. */
export function channels(settings: usize, events: usize, count: i32, out: usize): void {
  let i = 0;
  do {
    const starts = startsAt(events, i);
    const words = drawLanes(starts, 23);
    // The upper bit: below(word, 2) is 1.
    const isHot = i32x4.lt_s(drawLanes(starts, 22), ZERO);
    const hot = i32x4.shr_u(words, 30);
    const cold = i32x4.add(belowLanes(words, i32x4.splat(10000)), i32x4.splat(4));
    const chosen = v128.bitselect(hot, cold, isHot);
    v128.store(out + (<usize>i << 2), v128.and(chosen, areBids(placesAt(events, count, i))));
    i += 4;
  } while (i < count);
}

/** `extraLength` of bids: 54 + below(word, 28). */
const EXTRA_LEAST: u32 = 54;
const EXTRA_SPREAD: u32 = 28;

/**
 * Fillers of bids. Of every row 81 letters are written, and of those the first kept: how many cannot be predicted.
 *   offsets  i32[count + 1], beginning with 0, with room for a multiple of four behind the first
 *   words    u32[count] of scratch, with room for a multiple of four
 *   data     room for the longest fillers of all rows
 * Returns the bytes written.
 */
export function bidExtras(
  settings: usize,
  events: usize,
  count: i32,
  words: usize,
  offsets: usize,
  data: usize,
): u32 {
  store<u32>(offsets, 0);
  extraLengths(events, count, words, offsets + 4);
  const steps = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(GOLDEN));
  const step = i32x4.splat(4 * GOLDEN);
  const last = offsets + (<usize>count << 2);
  let end: usize = 0;
  do {
    let lanes = i32x4.add(v128.load32_splat(words), steps);
    const out = data + end;
    v128.store(out, lettersOf(lanes));
    lanes = i32x4.add(lanes, step);
    v128.store(out, lettersOf(lanes), 16);
    lanes = i32x4.add(lanes, step);
    v128.store(out, lettersOf(lanes), 32);
    lanes = i32x4.add(lanes, step);
    v128.store(out, lettersOf(lanes), 48);
    lanes = i32x4.add(lanes, step);
    v128.store(out, lettersOf(lanes), 64);
    store<u8>(out, 97 + (((mix(load<u32>(words) + 20 * GOLDEN) & 255) * 26) >> 8), 80);
    end += load<u32>(offsets, 4);
    store<u32>(offsets, <u32>end, 4);
    offsets += 4;
    words += 4;
  } while (offsets < last);
  return <u32>end;
}

/** Lengths of fillers, 0 for other events, and the words that their letters start from. */
@inline
function extraLengths(events: usize, count: i32, words: usize, lengths: usize): void {
  let i = 0;
  do {
    const starts = startsAt(events, i);
    const spread = belowLanes(drawLanes(starts, 24 + LENGTH), i32x4.splat(EXTRA_SPREAD));
    const isBid = areBids(placesAt(events, count, i));
    v128.store(lengths + (<usize>i << 2), v128.and(i32x4.add(spread, i32x4.splat(EXTRA_LEAST)), isBid));
    v128.store(words + (<usize>i << 2), drawLanes(starts, 24));
    i += 4;
  } while (i < count);
}
