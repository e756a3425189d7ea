import { takesBack } from "./row-kinds";

/**
 * Keys that live for a time behind their last row: when each was renewed is in `times`, i64 per group, or the least i64
 * for a group that was never seen. A row of the time t finds what was renewed after t - ttl. A group of 2^62 is renewed by
 * its next row, whenever that comes: nobody knows when it had its last one.
 *   rowTimes  i64[length], or 0 = all rows have the time `now`
 */
@inline
function timeOf(rowTimes: usize, now: f64, row: usize): i64 {
  return rowTimes == 0 ? <i64>now : load<i64>(rowTimes + (row << 3));
}

/** Renewed by the next row. */
const KEPT: i64 = 1 << 62;

/** In the flags of a group: it had a row, and one that was taken back. */
const SEEN: u8 = 1;
const LESSENED: u8 = 2;

/**
 * Renews the keys of rows from `from` on, up to a row whose key has expired though it had an earlier one of these rows, or
 * an added one that is older than its key, of which a row was taken back: that may have been the last (`keyTimesForget`).
 *   groups   u32[length]
 *   kinds    i8[length], see row-kinds.ts, or 0
 *   flags    u8 per group, zero before and after
 *   expired  room for u32[length]: the groups that had expired when their first row came
 *   sizes    u32[2]: the row behind the last one, and how many groups had expired
 */
export function keyTimesRenew(
  groups: usize,
  rowTimes: usize,
  kinds: usize,
  now: f64,
  ttl: f64,
  from: i32,
  length: i32,
  times: usize,
  flags: usize,
  expired: usize,
  sizes: usize,
): void {
  let found: usize = 0;
  let row = <usize>from;
  for (; row < <usize>length; row++) {
    const group = load<u32>(groups + (row << 2));
    const at = times + (<usize>group << 3);
    const time = timeOf(rowTimes, now, row);
    const renewed = load<i64>(at);
    const flag = load<u8>(flags + <usize>group);
    const isBack = takesBack(kinds, row);
    const isKept = renewed == KEPT;
    if (renewed + <i64>ttl <= time) {
      if (flag != 0) break;
      store<u32>(expired + (found++ << 2), group);
    } else if (!isKept && (flag & LESSENED) != 0 && !isBack && time < renewed) break;
    store<u8>(flags + <usize>group, flag | (isBack ? SEEN | LESSENED : SEEN));
    store<i64>(at, isKept ? time : max(renewed, time));
  }
  for (let each = <usize>from; each < row; each++) store<u8>(flags + <usize>load<u32>(groups + (each << 2)), 0);
  store<u32>(sizes, <u32>row);
  store<u32>(sizes, <u32>found, 4);
}

/**
 * Groups u32[length] without rows are as if they were never seen.
 *   counts  i64 per place if `wide`, else u32, `stride` bytes apart: how many rows there are; 0 or less for none
 *   places  u32 per group, or 0 = a group is its place
 */
export function keyTimesForget(
  groups: usize,
  length: i32,
  counts: usize,
  stride: usize,
  wide: bool,
  places: usize,
  times: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const group = <usize>load<u32>(groups + (row << 2));
    const at = counts + (places == 0 ? group : <usize>load<u32>(places + (group << 2))) * stride;
    if (wide ? load<i64>(at) <= 0 : load<u32>(at) == 0) store<i64>(times + (group << 3), i64.MIN_VALUE);
  }
}

/** rows = those whose key was not seen or has expired, which they renew, ascending. Returns how many. */
export function keyTimesFirst(
  groups: usize,
  rowTimes: usize,
  now: f64,
  ttl: f64,
  length: i32,
  times: usize,
  rows: usize,
): i32 {
  let found: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = times + (<usize>load<u32>(groups + (row << 2)) << 3);
    const time = timeOf(rowTimes, now, row);
    const renewed = load<i64>(at);
    const isKnown = renewed + <i64>ttl > time;
    if (!isKnown || renewed == KEPT) store<i64>(at, time);
    if (isKnown) continue;
    store<u32>(rows + (found++ << 2), <u32>row);
  }
  return <i32>found;
}

/** out = the groups of [from, from + count) that were renewed after `bound`, or those that were not; returns how many. */
export function keyTimesSelect(times: usize, bound: f64, from: i32, count: i32, living: bool, out: usize): i32 {
  let found: usize = 0;
  for (let group = <usize>from; group < <usize>from + <usize>count; group++) {
    store<u32>(out + (found << 2), <u32>group);
    found += <usize>((load<i64>(times + (group << 3)) > <i64>bound) == living);
  }
  return <i32>found;
}

/** Renews the groups u32[length] at the times i64[length]. */
export function keyTimesPut(groups: usize, rowTimes: usize, length: i32, times: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = times + (<usize>load<u32>(groups + (row << 2)) << 3);
    store<i64>(at, max(load<i64>(at), load<i64>(rowTimes + (row << 3))));
  }
}

/**
 * A key that begins anew has a new place among the accumulators: `places` u32 per group, `owners` u32 per place. Gives the
 * groups u32[count] the places from `first` on.
 */
export function keyTimesPlace(groups: usize, count: i32, first: i32, places: usize, owners: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const group = load<u32>(groups + (i << 2));
    const place = <u32>first + <u32>i;
    store<u32>(places + (<usize>group << 2), place);
    store<u32>(owners + (<usize>place << 2), group);
  }
}

/**
 * rows = those of [0, count) whose place `from` + row is the present one of its group, which was renewed after `bound`, and
 * has rows by its i64 in `counts`; ascending. Returns how many.
 */
export function keyTimesLiving(
  times: usize,
  bound: f64,
  places: usize,
  owners: usize,
  from: i32,
  count: i32,
  counts: usize,
  rows: usize,
): i32 {
  let found: usize = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    const place = <usize>from + row;
    const group = <usize>load<u32>(owners + (place << 2));
    store<u32>(rows + (found << 2), <u32>row);
    if (<usize>load<u32>(places + (group << 2)) != place || load<i64>(counts + (row << 3)) <= 0) continue;
    found += <usize>(load<i64>(times + (group << 3)) > <i64>bound);
  }
  return <i32>found;
}
