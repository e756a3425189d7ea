/**
 * What the columns of bids start from, computed once per batch. A block of events is u32[3][stride] for `count` events, with
 * `stride` as count rounded up to a multiple of four:
 *   starts  what all draws of an event start from
 *   people  how many groups of fifty lie before the event
 *   places  the place of the event in its group: 0 is a person, 1 to 3 are auctions, all others bids
 * Behind `count` lie the events that come next.
 */
import { eventNumbers, fiftieths, placesOf, startsOf } from "./lanes";

@inline
function strideBytes(count: i32): usize {
  return <usize>((count + 3) & ~3) << 2;
}

export function describeEvents(settings: usize, first: u32, count: i32, out: usize): void {
  const stride = strideBytes(count);
  let i: usize = 0;
  do {
    const numbers = eventNumbers(settings, first + <u32>(i >> 2));
    const people = fiftieths(numbers);
    v128.store(out, startsOf(settings, numbers));
    v128.store(out + stride, people);
    v128.store(out + 2 * stride, placesOf(numbers, people));
    i += 16;
    out += 16;
  } while (i < stride);
}

/** Four events from `row` on, which is a multiple of four. */
@inline
export function startsAt(events: usize, row: i32): v128 {
  return v128.load(events + (<usize>row << 2));
}

@inline
export function peopleAt(events: usize, count: i32, row: i32): v128 {
  return v128.load(events + strideBytes(count) + (<usize>row << 2));
}

@inline
export function placesAt(events: usize, count: i32, row: i32): v128 {
  return v128.load(events + 2 * strideBytes(count) + (<usize>row << 2));
}
