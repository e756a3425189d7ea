/** The draws of draws.ts and the numbers of events for four events at once, unsigned 32-bit lanes. */
import { GOLDEN, mixLanes } from "./draws";
import { eventNumber, isScrambled, mixedSeed } from "./settings";

/** Upper halves of the 64-bit products. */
@inline
function highProducts(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b), 1, 3, 5, 7);
}

/** Numbers of the events at `position` and the three behind it. */
@inline
export function eventNumbers(settings: usize, position: u32): v128 {
  if (!isScrambled(settings)) return i32x4.add(i32x4.splat(position), i32x4(0, 1, 2, 3));
  let numbers = i32x4.splat(eventNumber(settings, position));
  numbers = i32x4.replace_lane(numbers, 1, eventNumber(settings, position + 1));
  numbers = i32x4.replace_lane(numbers, 2, eventNumber(settings, position + 2));
  return i32x4.replace_lane(numbers, 3, eventNumber(settings, position + 3));
}

/** Each lane divided by 50, rounded down: 0x51eb851f is 2^36 / 50 rounded up, which is exact for 32 bits. */
@inline
export function fiftieths(lanes: v128): v128 {
  return i32x4.shr_u(highProducts(lanes, i32x4.splat(0x51eb851f)), 4);
}

/** Each lane without what is left of a division by 100. */
@inline
export function wholeHundreds(lanes: v128): v128 {
  return i32x4.mul(i32x4.shr_u(highProducts(lanes, i32x4.splat(0x51eb851f)), 5), i32x4.splat(100));
}

/** Places of the events in their groups of fifty; `people` is `fiftieths(numbers)`. */
@inline
export function placesOf(numbers: v128, people: v128): v128 {
  return i32x4.sub(numbers, i32x4.mul(people, i32x4.splat(50)));
}

/** All bits of the lanes that are bids. */
@inline
export function areBids(places: v128): v128 {
  return i32x4.gt_s(places, i32x4.splat(3));
}

@inline
export function startsOf(settings: usize, numbers: v128): v128 {
  return mixLanes(v128.xor(numbers, i32x4.splat(mixedSeed(settings))));
}

@inline
export function drawLanes(starts: v128, field: u32): v128 {
  return mixLanes(i32x4.add(starts, i32x4.splat(field * GOLDEN)));
}

@inline
export function belowLanes(words: v128, bounds: v128): v128 {
  return highProducts(words, bounds);
}

/** Stores four lanes as numbers of 64 bits. */
@inline
export function storeLongs(lanes: v128, out: usize): void {
  v128.store(out, i64x2.extend_low_i32x4_u(lanes));
  v128.store(out, i64x2.extend_high_i32x4_u(lanes), 16);
}
