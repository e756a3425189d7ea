/** Row numbers and panes for windows of time. Times are i64 epoch milliseconds, 8-byte aligned; bounds are whole floats. */

/** Division that rounds towards minus infinity. divisor > 0 */
// @ts-ignore: decorator
@inline
function floorDivide(a: i64, divisor: i64): i64 {
  const quotient = a / divisor;
  return quotient * divisor > a ? quotient - 1 : quotient;
}

/**
 * panes[row] = number of the pane of its time, less `first`. Every `period` from `offset` on is one pane; with a cut
 * greater than 0 it is two, the second from `cut` on.
 *   times  i64[length]
 *   panes  i32[length]; every result must fit
 */
export function windowPanes(
  times: usize,
  length: i32,
  offset: f64,
  period: f64,
  cut: f64,
  first: f64,
  panes: usize,
): void {
  const size = <i64>period;
  const middle = <i64>cut;
  const perPeriod: i64 = middle == 0 ? 1 : 2;
  // Rows come roughly in the order of time: most lie in the pane of the row before.
  let start: i64 = 0;
  let width: u64 = 0;
  let number: i64 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const time = load<i64>(times + (row << 3));
    if (<u64>(time - start) >= width) {
      const quotient = floorDivide(time - <i64>offset, size);
      start = <i64>offset + quotient * size;
      number = quotient * perPeriod - <i64>first;
      width = <u64>size;
      if (middle != 0) {
        if (time - start >= middle) {
          start += middle;
          width = <u64>(size - middle);
          number++;
        } else width = <u64>middle;
      }
    }
    store<i32>(panes + (row << 2), <i32>number);
  }
}

/** sides[row] = 0 where its time lies before `bound`, else 1; returns how many lie before. sides: u32[length] */
export function windowSides(times: usize, length: i32, bound: f64, sides: usize): i32 {
  const limit = <i64>bound;
  let before: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const isBefore = load<i64>(times + (row << 3)) < limit;
    before += <i32>isBefore;
    store<u32>(sides + (row << 2), <u32>!isBefore);
  }
  return before;
}

/**
 * sides[row] = 0 where its time falls into a gap: behind the first `size` of each `stride` milliseconds; else 1.
 * Returns how many fall into gaps. sides: u32[length]
 */
export function windowGapSides(times: usize, length: i32, offset: f64, size: f64, stride: f64, sides: usize): i32 {
  const step = <i64>stride;
  let gaps: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const time = load<i64>(times + (row << 3)) - <i64>offset;
    const isGap = time - floorDivide(time, step) * step >= <i64>size;
    gaps += <i32>isGap;
    store<u32>(sides + (row << 2), <u32>!isGap);
  }
  return gaps;
}

/** How many times lie in [from, to). */
export function windowCountBetween(times: usize, length: i32, from: f64, to: f64): i32 {
  const start = <i64>from;
  const span = <u64>(<i64>to - start);
  let count: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    count += <i32>(<u64>(load<i64>(times + (row << 3)) - start) < span);
  }
  return count;
}

/** The least time that is not before `from`, as a float; infinity where there is none. */
export function windowNextTime(times: usize, length: i32, from: f64): f64 {
  const start = <i64>from;
  let least: i64 = i64.MAX_VALUE;
  for (let row: usize = 0; row < <usize>length; row++) {
    const time = load<i64>(times + (row << 3));
    if (time >= start && time < least) least = time;
  }
  return least == i64.MAX_VALUE ? Infinity : <f64>least;
}

/**
 * numbers[row] = which of `count` ranges of time a row lies in.
 *   starts   i64[count] ascending: range i is [starts[i], starts[i + 1]), the last one open; none is before the first
 *   numbers  u32[length]
 */
export function windowRanges(times: usize, length: i32, starts: usize, count: i32, numbers: usize): void {
  let low: i64 = 0;
  let high: i64 = 0;
  let number: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const time = load<i64>(times + (row << 3));
    if (time < low || time >= high) {
      let first: i32 = 0;
      let last = count - 1;
      while (first < last) {
        const middle = (first + last + 1) >>> 1;
        if (load<i64>(starts + (<usize>middle << 3)) <= time) first = middle;
        else last = middle - 1;
      }
      number = first;
      low = load<i64>(starts + (<usize>number << 3));
      high = number + 1 < count ? load<i64>(starts + (<usize>(number + 1) << 3)) : i64.MAX_VALUE;
    }
    store<u32>(numbers + (row << 2), <u32>number);
  }
}

/**
 * Row numbers of the panes in [first, end), in their order; returns how many.
 *   panes  i32[length]
 *   rows   room for u32[length]
 */
export function windowSelectPanes(panes: usize, length: i32, first: i32, end: i32, rows: usize): i32 {
  let count: usize = 0;
  const span = <u32>(end - first);
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>(<u32>(load<i32>(panes + (row << 2)) - first) < span);
  }
  return <i32>count;
}

/**
 * Row numbers of the counts that are not 0; returns how many.
 *   counts  i64[length] of any alignment
 *   rows    room for u32[length]
 */
export function windowSelectPresent(counts: usize, length: i32, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>(load<i64>(counts + (row << 3)) != 0);
  }
  return <i32>count;
}

/**
 * out[row] = first millisecond of pane first + panes[row]; offset, period and cut as in windowPanes.
 * panes: i32[length], out: i64[length]
 */
export function windowPaneStarts(
  panes: usize,
  length: i32,
  first: f64,
  offset: f64,
  period: f64,
  cut: f64,
  out: usize,
): void {
  const start = <i64>first;
  const size = <i64>period;
  for (let row: usize = 0; row < <usize>length; row++) {
    const pane = start + <i64>load<i32>(panes + (row << 2));
    const within = cut == 0 ? 0 : pane & 1;
    const number = cut == 0 ? pane : pane >> 1;
    store<i64>(out + (row << 3), <i64>offset + number * size + within * <i64>cut);
  }
}

/** out[i] = values[i] + delta, in 32 bits that wrap; out may be `values`. */
export function windowAddI32(values: usize, length: i32, delta: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) store<i32>(out + (i << 2), load<i32>(values + (i << 2)) + delta);
}

/** out[i] = times[i] + delta, for i64[length]; out may be `times`. delta: whole milliseconds */
export function windowShift(times: usize, length: i32, delta: f64, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) store<i64>(out + (i << 3), load<i64>(times + (i << 3)) + <i64>delta);
}

/**
 * flags[ids[i]] = 1 for every pane in [first, end).
 *   panes  i32[length], ids u32[length]
 *   flags  i32[greatest id + 1], zeroed by the caller
 */
export function windowTouched(panes: usize, ids: usize, length: i32, first: i32, end: i32, flags: usize): void {
  const span = <u32>(end - first);
  for (let i: usize = 0; i < <usize>length; i++) {
    if (<u32>(load<i32>(panes + (i << 2)) - first) < span) {
      store<i32>(flags + (<usize>load<u32>(ids + (i << 2)) << 2), 1);
    }
  }
}
