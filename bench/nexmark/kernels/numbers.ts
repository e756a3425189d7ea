/**
 * Columns of fixed width. Each kernel writes the values of the events at positions [first, first + count):
 *   settings  the block of settings.ts
 *   out       i64[count] or i32[count]; rows of another event type get 0
 */
import { below, draw, priceOf, startOf } from "./draws";
import { eventNumbers } from "./lanes";
import {
  activePeople,
  baseTime,
  eventGap,
  eventNumber,
  eventsAhead,
  eventTime,
  hotSellersRatio,
} from "./settings";

export const PERSON: u32 = 0;
export const AUCTION: u32 = 1;
export const BID: u32 = 2;

@inline
export function typeOf(number: u32): u32 {
  const offset = number % 50;
  return offset == 0 ? PERSON : offset < 4 ? AUCTION : BID;
}

@inline
function lastPerson(number: u32): u32 {
  return number / 50;
}

@inline
function lastAuction(number: u32): u32 {
  return (number / 50) * 3 + min<u32>((number % 50) - 1, 2);
}

@inline
function hotOf(last: u32): u32 {
  return (last / 100) * 100;
}

@inline
function somePerson(settings: usize, number: u32, word: u32): u32 {
  const people = lastPerson(number) + 1;
  const active = min<u32>(people, activePeople(settings));
  return people - active + below(word, active + 10);
}

export function positions(first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) store<u64>(out + (<usize>i << 3), <u64>(first + i));
}

/** 1.5 * 2^52: added to a whole number below 2^51, it leaves that number in the lower bits of the double. */
const WHOLE_NUMBERS: f64 = 6755399441055744;

/** Epoch milliseconds of every row, by the operations of `eventTime`; `out` has room for a multiple of four. */
export function dateTimes(settings: usize, first: u32, count: i32, out: usize): void {
  const base = f64x2.splat(baseTime(settings));
  const gap = f64x2.splat(eventGap(settings));
  const magic = f64x2.splat(WHOLE_NUMBERS);
  let i = 0;
  do {
    const numbers = eventNumbers(settings, first + i);
    const at = out + (<usize>i << 3);
    v128.store(at, timePair(numbers, base, gap, magic));
    v128.store(at, timePair(v128.shuffle<i32>(numbers, numbers, 2, 3, 2, 3), base, gap, magic), 16);
    i += 4;
  } while (i < count);
}

/** Times of the events of the two lower lanes, i64. */
@inline
function timePair(numbers: v128, base: v128, gap: v128, magic: v128): v128 {
  const microseconds = f64x2.floor(f64x2.mul(f64x2.convert_low_i32x4_u(numbers), gap));
  const times = f64x2.add(base, f64x2.floor(f64x2.div(microseconds, f64x2.splat(1000))));
  return i64x2.sub(f64x2.add(times, magic), magic);
}

export function personIds(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    store<u64>(out + (<usize>i << 3), typeOf(number) == PERSON ? <u64>(1000 + lastPerson(number)) : 0);
  }
}

/** i32 indices of a text of a person: `field` of draws.ts, below `choices`. */
export function personChoices(
  settings: usize,
  first: u32,
  count: i32,
  field: u32,
  choices: u32,
  out: usize,
): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    store<u32>(
      out + (<usize>i << 2),
      typeOf(number) == PERSON ? below(draw(startOf(settings, number), field), choices) : 0,
    );
  }
}

export function auctionIds(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    store<u64>(out + (<usize>i << 3), typeOf(number) == AUCTION ? <u64>(1000 + lastAuction(number)) : 0);
  }
}

export function initialBids(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let price: i64 = 0;
    if (typeOf(number) == AUCTION) price = priceOf(settings, draw(startOf(settings, number), 11));
    store<i64>(out + (<usize>i << 3), price);
  }
}

export function reserves(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let price: i64 = 0;
    if (typeOf(number) == AUCTION) {
      const start = startOf(settings, number);
      price = priceOf(settings, draw(start, 11)) + priceOf(settings, draw(start, 12));
    }
    store<i64>(out + (<usize>i << 3), price);
  }
}

export function expiries(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let expires: i64 = 0;
    if (typeOf(number) == AUCTION) {
      const start = eventTime(settings, <f64>number);
      const horizon = <u32>(eventTime(settings, <f64>number + <f64>eventsAhead(settings)) - start);
      const word = draw(startOf(settings, number), 13);
      expires = <i64>start + 1 + <i64>below(word, max<u32>(horizon * 2, 1));
    }
    store<i64>(out + (<usize>i << 3), expires);
  }
}

export function sellers(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let seller: u64 = 0;
    if (typeOf(number) == AUCTION) {
      const start = startOf(settings, number);
      const isHot = below(draw(start, 8), hotSellersRatio(settings)) > 0;
      seller = 1000 + <u64>(isHot ? hotOf(lastPerson(number)) : somePerson(settings, number, draw(start, 9)));
    }
    store<u64>(out + (<usize>i << 3), seller);
  }
}

export function categories(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let category: u64 = 0;
    if (typeOf(number) == AUCTION) category = 10 + <u64>below(draw(startOf(settings, number), 10), 5);
    store<u64>(out + (<usize>i << 3), category);
  }
}
