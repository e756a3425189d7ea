/**
 * Columns of fixed width. Each kernel writes the values of the events at positions [first, first + count):
 *   settings  the block of settings.ts
 *   out       i64[count] or i32[count]; rows of another event type get 0
 */
import { below, draw, priceOf, startOf } from "./draws";
import {
  activePeople,
  eventNumber,
  eventsAhead,
  eventTime,
  hotAuctionRatio,
  hotBiddersRatio,
  hotSellersRatio,
  inFlightAuctions,
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

@inline
function someAuction(settings: usize, number: u32, word: u32): u32 {
  const last = lastAuction(number);
  const flight = inFlightAuctions(settings);
  const oldest = last > flight ? last - flight : 0;
  return oldest + below(word, last - oldest + 11);
}

export function eventTypes(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    store<u32>(out + (<usize>i << 2), typeOf(eventNumber(settings, first + i)));
  }
}

export function positions(first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) store<u64>(out + (<usize>i << 3), <u64>(first + i));
}

/** Epoch milliseconds of every row. */
export function dateTimes(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    store<i64>(out + (<usize>i << 3), <i64>eventTime(settings, <f64>eventNumber(settings, first + i)));
  }
}

/** Sets the bits of the rows of one event type in `out`, a bitmap of `count` bits; returns how many there are. */
export function typeMask(settings: usize, first: u32, count: i32, eventType: u32, out: usize): i32 {
  let set = 0;
  for (let i: u32 = 0; i < <u32>count; i += 8) {
    let bits: u32 = 0;
    const most = min<u32>(8, <u32>count - i);
    for (let bit: u32 = 0; bit < most; bit++) {
      bits |= <u32>(typeOf(eventNumber(settings, first + i + bit)) == eventType) << bit;
    }
    set += popcnt(bits);
    store<u8>(out + (i >> 3), <u8>bits);
  }
  return set;
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

/** Auctions that bids are for. */
export function bidAuctions(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let auction: u64 = 0;
    if (typeOf(number) == BID) {
      const start = startOf(settings, number);
      const isHot = below(draw(start, 17), hotAuctionRatio(settings)) > 0;
      // Both are computed: which one is taken cannot be predicted.
      const some = someAuction(settings, number, draw(start, 18));
      auction = 1000 + <u64>select<u32>(hotOf(lastAuction(number)), some, isHot);
    }
    store<u64>(out + (<usize>i << 3), auction);
  }
}

export function bidders(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let bidder: u64 = 0;
    if (typeOf(number) == BID) {
      const start = startOf(settings, number);
      const isHot = below(draw(start, 19), hotBiddersRatio(settings)) > 0;
      const some = somePerson(settings, number, draw(start, 20));
      bidder = 1000 + <u64>select<u32>(hotOf(lastPerson(number)) + 1, some, isHot);
    }
    store<u64>(out + (<usize>i << 3), bidder);
  }
}

export function prices(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let price: i64 = 0;
    if (typeOf(number) == BID) price = priceOf(settings, draw(startOf(settings, number), 21));
    store<i64>(out + (<usize>i << 3), price);
  }
}

/** i32 indices of channels, and of the URLs that go with them. */
export function channels(settings: usize, first: u32, count: i32, out: usize): void {
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    let channel: u32 = 0;
    if (typeOf(number) == BID) {
      const start = startOf(settings, number);
      const word = draw(start, 23);
      const isHot = below(draw(start, 22), 2) > 0;
      channel = select<u32>(below(word, 4), 4 + below(word, 10000), isHot);
    }
    store<u32>(out + (<usize>i << 2), channel);
  }
}
