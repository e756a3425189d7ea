import { groupAt, isNull, putBit } from "./aggregate-records";

/**
 * All values, quantiles and the k best values by group.
 *   groups    u32[length]
 *   validity  bitmap from bit 0, or 0 where no row is null
 *   state     one record of fixed size per group; all zero = no value yet
 * Merge kernels add `states`, records of the same layout, one per row.
 * Result kernels write `count` values from `state` on, and ceil(count / 8) bytes of validity.
 */

// ---- lists ----------------------------------------------------------------------------------------------------------

/** Offsets i32[count + 1] from the ends u32[count] of partitionRows. */
export function aggListOffsets(ends: usize, count: i32, offsets: usize): void {
  store<u32>(offsets, 0);
  memory.copy(offsets + 4, ends, <usize>count << 2);
}

/** Repeats groups[row] for each element of list `row`: out u32[elements]. */
export function aggExpand(groups: usize, offsets: usize, length: i32, out: usize): void {
  let at = out;
  for (let row: usize = 0; row < <usize>length; row++) {
    const size = load<u32>(offsets + (row << 2), 4) - load<u32>(offsets + (row << 2));
    const group = load<u32>(groups + (row << 2));
    for (let i: u32 = 0; i < size; i++, at += 4) store<u32>(at, group);
  }
}

/** Rows that are not null: u32 indices; returns how many. */
export function aggPresentRows(validity: usize, length: i32, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>!isNull(validity, row);
  }
  return <i32>count;
}

// ---- quantiles ------------------------------------------------------------------------------------------------------

/**
 * Quantile q of each list: linear interpolation between the two nearest values (R's type 7, SQL's percentile_cont).
 * values f64, ordered with NaN last; permuted within each list. Null for empty lists. Written `stride` values apart.
 */
export function aggQuantile(
  values: usize,
  offsets: usize,
  count: i32,
  q: f64,
  stride: i32,
  out: usize,
  validity: usize,
): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const start = load<u32>(offsets + (row << 2));
    const size = load<u32>(offsets + (row << 2), 4) - start;
    let result: f64 = 0;
    if (size > 0) {
      const list = values + (<usize>start << 3);
      const position = q * <f64>(size - 1);
      const low = <u32>floor(position);
      const fraction = position - <f64>low;
      selectNth(list, <i32>size, <i32>low);
      result = load<f64>(list + (<usize>low << 3));
      if (fraction > 0) {
        let next = load<f64>(list + (<usize>(low + 1) << 3));
        for (let i = low + 2; i < size; i++) {
          const value = load<f64>(list + (<usize>i << 3));
          if (before(value, next)) next = value;
        }
        result = result == next ? result : result + (next - result) * fraction;
      }
    }
    store<f64>(out + row * (<usize>stride << 3), result);
    if (validity != 0) putBit(validity, row, size > 0);
  }
}

@inline
function before(a: f64, b: f64): bool {
  return a < b || (b != b && a == a);
}

/** Hoare's selection with the median of three: afterwards list[n] is in place, smaller before it, greater behind. */
function selectNth(list: usize, size: i32, n: i32): void {
  let low = 0;
  let high = size - 1;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    sort2(list, low, middle);
    sort2(list, middle, high);
    sort2(list, low, middle);
    const pivot = load<f64>(list + (<usize>middle << 3));
    let i = low;
    let j = high;
    while (i <= j) {
      while (before(load<f64>(list + (<usize>i << 3)), pivot)) i++;
      while (before(pivot, load<f64>(list + (<usize>j << 3)))) j--;
      if (i <= j) {
        swap(list, i, j);
        i++;
        j--;
      }
    }
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else return;
  }
}

@inline
function swap(list: usize, i: i32, j: i32): void {
  const a = list + (<usize>i << 3);
  const b = list + (<usize>j << 3);
  const value = load<f64>(a);
  store<f64>(a, load<f64>(b));
  store<f64>(b, value);
}

@inline
function sort2(list: usize, i: i32, j: i32): void {
  if (before(load<f64>(list + (<usize>j << 3)), load<f64>(list + (<usize>i << 3)))) swap(list, i, j);
}

// ---- top k: { i64 count, i64 words[k] } with the best first ---------------------------------------------------------

/** The k greatest (or least) words per group; equal words all count. */
export function aggTop(
  groups: usize,
  words: usize,
  validity: usize,
  length: i32,
  k: i32,
  isMax: bool,
  state: usize,
): void {
  const stride = <usize>(k + 1) << 3;
  // Least-first is greatest-first of the complement.
  const flip: i64 = isMax ? 0 : -1;
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = state + groupAt(groups, row) * stride;
    const value = load<i64>(words + (row << 3)) ^ flip;
    let place = load<i64>(at);
    if (place == <i64>k) {
      if (value <= load<i64>(at + (<usize>k << 3))) continue;
      place--;
    } else store<i64>(at, place + 1);
    let slot = at + 8 + (<usize>place << 3);
    while (place > 0 && load<i64>(slot - 8) < value) {
      store<i64>(slot, load<i64>(slot - 8));
      slot -= 8;
      place--;
    }
    store<i64>(slot, value);
  }
}

/** Offsets i32[count + 1]; returns the number of values. */
export function aggTopOffsets(state: usize, count: i32, k: i32, offsets: usize): i32 {
  const stride = <usize>(k + 1) << 3;
  let total = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    store<i32>(offsets + (row << 2), total);
    total += <i32>load<i64>(state + row * stride);
  }
  store<i32>(offsets + (<usize>count << 2), total);
  return total;
}

export function aggTopWords(state: usize, count: i32, k: i32, isMax: bool, words: usize): void {
  const stride = <usize>(k + 1) << 3;
  const flip: i64 = isMax ? 0 : -1;
  let out = words;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * stride;
    const size = load<i64>(at);
    for (let i: i64 = 0; i < size; i++, out += 8) store<i64>(out, load<i64>(at + 8 + (<usize>i << 3)) ^ flip);
  }
}
