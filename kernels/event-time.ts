// @ts-ignore: decorator
@inline
function better(a: v128, b: v128, isMax: bool): v128 {
  return v128.bitselect(a, b, isMax ? i64x2.gt_s(a, b) : i64x2.gt_s(b, a));
}

/** Greatest or least of i64[length], length > 0: eight at a time, so that no comparison waits for the one before. */
// @ts-ignore: decorator
@inline
function extreme(times: usize, length: i32, isMax: bool): i64 {
  const end = times + (<usize>length << 3);
  let best = load<i64>(times);
  let at = times;
  if (length >= 8) {
    let first = v128.load(at);
    let second = v128.load(at, 16);
    let third = v128.load(at, 32);
    let fourth = v128.load(at, 48);
    for (at += 64; at + 64 <= end; at += 64) {
      first = better(v128.load(at), first, isMax);
      second = better(v128.load(at, 16), second, isMax);
      third = better(v128.load(at, 32), third, isMax);
      fourth = better(v128.load(at, 48), fourth, isMax);
    }
    first = better(better(first, second, isMax), better(third, fourth, isMax), isMax);
    const low = i64x2.extract_lane(first, 0);
    const high = i64x2.extract_lane(first, 1);
    best = isMax ? max(low, high) : min(low, high);
  }
  for (; at < end; at += 8) best = isMax ? max(best, load<i64>(at)) : min(best, load<i64>(at));
  return best;
}

/** The greatest of i64[length] at `times`, as a float: event times are exact in both. length > 0; times: 8-byte aligned */
export function eventTimeMax(times: usize, length: i32): f64 {
  return <f64>extreme(times, length, true);
}

/** The least of i64[length] at `times`, as a float. length > 0; times: 8-byte aligned */
export function eventTimeMin(times: usize, length: i32): f64 {
  return <f64>extreme(times, length, false);
}

/** Whether no time of i64[length] is less than the one before. */
export function eventTimesAscend(times: usize, length: i32): bool {
  const last = times + (<usize>(length - 1) << 3);
  let at = times;
  // Four pairs at a time: rows that come in order are looked at to their end.
  for (; at + 64 <= last; at += 64) {
    const first = i64x2.gt_s(v128.load(at), v128.load(at, 8));
    const second = i64x2.gt_s(v128.load(at, 16), v128.load(at, 24));
    const third = i64x2.gt_s(v128.load(at, 32), v128.load(at, 40));
    const fourth = i64x2.gt_s(v128.load(at, 48), v128.load(at, 56));
    if (v128.any_true(v128.or(v128.or(first, second), v128.or(third, fourth)))) return false;
  }
  for (; at < last; at += 8) if (load<i64>(at) > load<i64>(at, 8)) return false;
  return true;
}

/** How many of the ascending i64[length] at `times` are less than `bound`, a whole number or infinite. */
export function eventTimesBefore(times: usize, length: i32, bound: f64): i32 {
  let low: i32 = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (<f64>load<i64>(times + (<usize>middle << 3)) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes the same time to i64[length] at `out`. `time` is a whole number of milliseconds. out: 8-byte aligned */
export function eventTimeFill(time: f64, length: i32, out: usize): void {
  const end = out + (<usize>length << 3);
  for (let at = out; at < end; at += 8) store<i64>(at, <i64>time);
}

/**
 * Splits rows by their time: rows later than `bound` from the start of `rows` u32[length] on, ascending; the others from
 * its end on backwards. Returns how many are later.
 */
export function eventTimeSplit(times: usize, length: i32, bound: f64, rows: usize): i32 {
  const latest = <i64>bound;
  let count: usize = 0;
  let end = rows + (<usize>length << 2);
  for (let row: usize = 0; row < <usize>length; row++) {
    if (load<i64>(times + (row << 3)) > latest) {
      store<u32>(rows + (count << 2), <u32>row);
      count++;
    } else {
      end -= 4;
      store<u32>(end, <u32>row);
    }
  }
  // The others come out in their order, too.
  let low = rows + (count << 2);
  let high = rows + (<usize>length << 2) - 4;
  while (low < high) {
    const row = load<u32>(low);
    store<u32>(low, load<u32>(high));
    store<u32>(high, row);
    low += 4;
    high -= 4;
  }
  return <i32>count;
}

/** out[i] = the greater of a[i] and b[i], all i64[length]. */
export function eventTimeLater(a: usize, b: usize, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    store<i64>(out + (i << 3), max(load<i64>(a + (i << 3)), load<i64>(b + (i << 3))));
  }
}
