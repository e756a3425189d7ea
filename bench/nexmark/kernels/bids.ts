/**
 * Columns of bids, which nearly all events are, four at a time. Each kernel writes the values of the events at positions
 * [first, first + count):
 *   settings  the block of settings.ts
 *   out       i64[count] or i32[count]; rows of another event type get 0
 */
import { PRICE_STEP } from "./draws";
import {
  areBids,
  belowLanes,
  drawLanes,
  eventNumbers,
  fiftieths,
  placesOf,
  startsOf,
  storeLongs,
  storeWords,
  wholeHundreds,
} from "./lanes";
import { activePeople, hotAuctionRatio, hotBiddersRatio, inFlightAuctions, priceScale } from "./settings";

const ZERO: v128 = i32x4.splat(0);
const FIRST_ID: v128 = i32x4.splat(1000);

/** 0, 1 or 2 by the place of an event in its group of fifty. */
export function eventTypes(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i = 0; i < count; i += 4) {
    const numbers = eventNumbers(settings, first + i);
    const places = placesOf(numbers, fiftieths(numbers));
    // A comparison that holds is -1.
    const types = i32x4.add(i32x4.gt_s(places, ZERO), areBids(places));
    storeWords(i32x4.neg(types), out + (<usize>i << 2), count - i);
  }
}

/** Sets the bits of the rows of one event type in `out`, a bitmap of `count` bits; returns how many there are. */
export function typeMask(settings: usize, first: u32, count: i32, eventType: u32, out: usize): i32 {
  let set = 0;
  for (let i = 0; i < count; i += 8) {
    let bits = typeBits(settings, first + i, eventType);
    if (count - i > 4) bits |= typeBits(settings, first + i + 4, eventType) << 4;
    if (count - i < 8) bits &= (1 << (count - i)) - 1;
    set += popcnt(bits);
    store<u8>(out + (i >> 3), <u8>bits);
  }
  return set;
}

@inline
function typeBits(settings: usize, position: u32, eventType: u32): i32 {
  const numbers = eventNumbers(settings, position);
  const places = placesOf(numbers, fiftieths(numbers));
  const types = i32x4.neg(i32x4.add(i32x4.gt_s(places, ZERO), areBids(places)));
  return i32x4.bitmask(i32x4.eq(types, i32x4.splat(eventType)));
}

/** Auctions that bids are for. */
export function bidAuctions(settings: usize, first: u32, count: i32, out: usize): void {
  const hotRatio = i32x4.splat(hotAuctionRatio(settings));
  const flight = i32x4.splat(inFlightAuctions(settings));
  for (let i = 0; i < count; i += 4) {
    const numbers = eventNumbers(settings, first + i);
    const people = fiftieths(numbers);
    const starts = startsOf(settings, numbers);
    const isCold = i32x4.eq(belowLanes(drawLanes(starts, 17), hotRatio), ZERO);
    const last = i32x4.add(i32x4.mul(people, i32x4.splat(3)), i32x4.splat(2));
    const oldest = i32x4.max_s(i32x4.sub(last, flight), ZERO);
    const choices = i32x4.add(i32x4.sub(last, oldest), i32x4.splat(11));
    const some = i32x4.add(oldest, belowLanes(drawLanes(starts, 18), choices));
    const auctions = v128.bitselect(some, wholeHundreds(last), isCold);
    const bids = v128.and(i32x4.add(auctions, FIRST_ID), areBids(placesOf(numbers, people)));
    storeLongs(bids, out + (<usize>i << 3), count - i);
  }
}

export function bidders(settings: usize, first: u32, count: i32, out: usize): void {
  const hotRatio = i32x4.splat(hotBiddersRatio(settings));
  const mostActive = i32x4.splat(activePeople(settings));
  for (let i = 0; i < count; i += 4) {
    const numbers = eventNumbers(settings, first + i);
    const last = fiftieths(numbers);
    const starts = startsOf(settings, numbers);
    const isCold = i32x4.eq(belowLanes(drawLanes(starts, 19), hotRatio), ZERO);
    const people = i32x4.add(last, i32x4.splat(1));
    const active = i32x4.min_s(people, mostActive);
    const choice = belowLanes(drawLanes(starts, 20), i32x4.add(active, i32x4.splat(10)));
    const some = i32x4.add(i32x4.sub(people, active), choice);
    const hot = i32x4.add(wholeHundreds(last), i32x4.splat(1));
    const persons = i32x4.add(v128.bitselect(some, hot, isCold), FIRST_ID);
    storeLongs(v128.and(persons, areBids(placesOf(numbers, last))), out + (<usize>i << 3), count - i);
  }
}

/** `priceOf` of draws.ts, by the same operations in the same order. */
export function prices(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i = 0; i < count; i += 4) {
    const numbers = eventNumbers(settings, first + i);
    const words = drawLanes(startsOf(settings, numbers), 21);
    const bits = i32x4.shr_u(words, 22);
    const rests = v128.and(words, i32x4.splat(0x3fffff));
    const low = pricePair(settings, i32x4.extract_lane(bits, 0), i32x4.extract_lane(bits, 1), rests);
    const upper = v128.shuffle<i32>(rests, rests, 2, 3, 2, 3);
    const high = pricePair(settings, i32x4.extract_lane(bits, 2), i32x4.extract_lane(bits, 3), upper);
    const all = v128.shuffle<i32>(low, high, 0, 1, 4, 5);
    const bids = v128.and(all, areBids(placesOf(numbers, fiftieths(numbers))));
    storeLongs(bids, out + (<usize>i << 3), count - i);
  }
}

/** Prices of the two lower lanes, below 2^31, as 32-bit lanes. */
@inline
function pricePair(settings: usize, bitsA: u32, bitsB: u32, rests: v128): v128 {
  const one = f64x2.splat(1);
  const rest = f64x2.mul(f64x2.convert_low_i32x4_u(rests), f64x2.splat(PRICE_STEP));
  let factor = f64x2.add(f64x2.splat(1.0 / 6), f64x2.mul(rest, f64x2.splat(1.0 / 24)));
  factor = f64x2.add(f64x2.splat(1.0 / 2), f64x2.mul(rest, factor));
  factor = f64x2.add(one, f64x2.mul(rest, factor));
  factor = f64x2.add(one, f64x2.mul(rest, factor));
  const scale = f64x2.replace_lane(f64x2.splat(priceScale(settings, bitsA)), 1, priceScale(settings, bitsB));
  const price = f64x2.floor(f64x2.add(f64x2.mul(scale, factor), f64x2.splat(0.5)));
  return i32x4.trunc_sat_f64x2_u_zero(price);
}

/** i32 indices of channels, and of the URLs that go with them. */
export function channels(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i = 0; i < count; i += 4) {
    const numbers = eventNumbers(settings, first + i);
    const starts = startsOf(settings, numbers);
    const words = drawLanes(starts, 23);
    // The upper bit: below(word, 2) is 1.
    const isHot = i32x4.lt_s(drawLanes(starts, 22), ZERO);
    const hot = i32x4.shr_u(words, 30);
    const cold = i32x4.add(belowLanes(words, i32x4.splat(10000)), i32x4.splat(4));
    const chosen = v128.bitselect(hot, cold, isHot);
    const bids = v128.and(chosen, areBids(placesOf(numbers, fiftieths(numbers))));
    storeWords(bids, out + (<usize>i << 2), count - i);
  }
}
