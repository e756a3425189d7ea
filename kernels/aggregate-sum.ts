import { groupAt, isNull, putBit } from "./aggregate-records";

/**
 * Counts and sums by group: state[groups[row]] takes in values[row] for every row that is not null.
 *   groups    u32[length]
 *   validity  bitmap from bit 0, or 0 where no row is null
 *   state     one record of fixed size per group; all zero = no value yet
 * `sign` is 1 to add rows and -1 to take them back.
 * Merge kernels add `states`, records of the same layout, one per row; unmerge kernels take them back. Integers wrap, so
 * that a record is to the last bit what it would be had it never held them; sums of floats have no such kernel.
 * Result kernels write `count` values from `state` on, and ceil(count / 8) bytes of validity.
 */

// ---- count: i64 -----------------------------------------------------------------------------------------------------

export function aggCount(groups: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = state + (groupAt(groups, row) << 3);
    store<i64>(at, load<i64>(at) + <i64>sign);
  }
}

export function aggCountMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = state + (groupAt(groups, row) << 3);
    store<i64>(at, load<i64>(at) + load<i64>(states + (row << 3)));
  }
}

export function aggCountUnmerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = state + (groupAt(groups, row) << 3);
    store<i64>(at, load<i64>(at) - load<i64>(states + (row << 3)));
  }
}

// ---- sum of integers up to 32 bits: { i64 sum, i64 count } ----------------------------------------------------------
// 2^31 * 2^32 rows fit an int64, so these sums cannot overflow.

@inline
function sumNarrow<T>(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  if (validity == 0) {
    const one = i64x2.splat(<i64>sign);
    for (let row: usize = 0; row < <usize>length; row++) {
      const at = state + (groupAt(groups, row) << 4);
      const added = i64x2.replace_lane(one, 0, <i64>load<T>(values + row * sizeof<T>()) * <i64>sign);
      v128.store(at, i64x2.add(v128.load(at), added));
    }
    return;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = state + (groupAt(groups, row) << 4);
    store<i64>(at, load<i64>(at) + <i64>load<T>(values + row * sizeof<T>()) * <i64>sign);
    store<i64>(at, load<i64>(at, 8) + <i64>sign, 8);
  }
}

export function aggSumI32(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  sumNarrow<i32>(groups, values, validity, length, sign, state);
}
/** Values of 8 to 32 bits, widened to 64. */
export function aggSumWords(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  sumNarrow<i64>(groups, values, validity, length, sign, state);
}

export function aggSumNarrowMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = state + (groupAt(groups, row) << 4);
    v128.store(at, i64x2.add(v128.load(at), v128.load(states + (row << 4))));
  }
}

export function aggSumNarrowUnmerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = state + (groupAt(groups, row) << 4);
    v128.store(at, i64x2.sub(v128.load(at), v128.load(states + (row << 4))));
  }
}

export function aggSumNarrowResult(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    store<i64>(out + (row << 3), load<i64>(at));
    putBit(validity, row, load<i64>(at, 8) != 0);
  }
}

export function aggSumNarrowMean(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    const rows = load<i64>(at, 8);
    store<f64>(out + (row << 3), <f64>load<i64>(at) / <f64>rows);
    putBit(validity, row, rows != 0);
  }
}

// ---- sum of 64- and 128-bit integers: { u64 low, u64 middle, i64 high, i64 count } ----------------------------------
// 192 bits hold 2^64 values of 128 bits: only the final sum can overflow its type, so the order of rows cannot matter.

@inline
function addWide(at: usize, low: u64, middle: u64, high: i64, count: i64): void {
  const low0 = load<u64>(at);
  const low1 = low0 + low;
  let carry = <u64>(low1 < low0);
  const middle0 = load<u64>(at, 8);
  const middle1 = middle0 + middle;
  const middle2 = middle1 + carry;
  carry = <u64>(middle1 < middle0) + <u64>(middle2 < middle1);
  store<u64>(at, low1);
  store<u64>(at, middle2, 8);
  store<i64>(at, load<i64>(at, 16) + high + <i64>carry, 16);
  store<i64>(at, load<i64>(at, 24) + count, 24);
}

@inline
function addWord(at: usize, value: u64, extension: u64, sign: i32): void {
  // -v = ~v + 1 over all 192 bits.
  if (sign < 0) {
    addWide(at, ~value, ~extension, <i64>~extension, -1);
    addWide(at, 1, 0, 0, 0);
  } else addWide(at, value, extension, <i64>extension, 1);
}

export function aggSumI64(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  if (sign > 0 && validity == 0) {
    for (let row: usize = 0; row < <usize>length; row++) {
      const at = state + (groupAt(groups, row) << 5);
      const value = load<i64>(values + (row << 3));
      const before = load<u64>(at);
      const after = before + <u64>value;
      store<u64>(at, after);
      store<i64>(at, load<i64>(at, 24) + 1, 24);
      // The upper words change only where a sum crosses zero or 2^64.
      const upper = (value >> 63) + <i64>(after < before);
      if (upper != 0) addWide(at, 0, <u64>upper, upper >> 63, 0);
    }
    return;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const value = load<i64>(values + (row << 3));
    addWord(state + (groupAt(groups, row) << 5), <u64>value, <u64>(value >> 63), sign);
  }
}

/**
 * Like aggSumI64 for few groups and a batch whose sums fit 64 bits: sum and count share a vector, and neighbouring rows
 * add to different lanes, so that a group of many rows does not wait for its own last sum.
 *   scratch  room for { i64 sum, i64 count }[4 * groupCount], 16-byte aligned
 */
export function aggSumI64Few(groups: usize, values: usize, length: i32, groupCount: i32, scratch: usize, state: usize): void {
  const laneBytes = <usize>groupCount << 4;
  memory.fill(scratch, 0, laneBytes << 2);
  const one = i64x2(0, 1);
  const end = <usize>length & ~3;
  let row: usize = 0;
  for (; row < end; row += 4) {
    const from = values + (row << 3);
    const first = scratch + (groupAt(groups, row) << 4);
    v128.store(first, i64x2.add(v128.load(first), v128.load64_lane(from, one, 0)));
    const second = scratch + laneBytes + (groupAt(groups, row + 1) << 4);
    v128.store(second, i64x2.add(v128.load(second), v128.load64_lane(from, one, 0, 8)));
    const third = scratch + (laneBytes << 1) + (groupAt(groups, row + 2) << 4);
    v128.store(third, i64x2.add(v128.load(third), v128.load64_lane(from, one, 0, 16)));
    const fourth = scratch + laneBytes * 3 + (groupAt(groups, row + 3) << 4);
    v128.store(fourth, i64x2.add(v128.load(fourth), v128.load64_lane(from, one, 0, 24)));
  }
  for (; row < <usize>length; row++) {
    const at = scratch + (groupAt(groups, row) << 4);
    v128.store(at, i64x2.add(v128.load(at), v128.load64_lane(values + (row << 3), one, 0)));
  }
  for (let group: usize = 0; group < <usize>groupCount; group++) {
    const at = scratch + (group << 4);
    const pair = i64x2.add(v128.load(at), v128.load(at + laneBytes));
    const other = i64x2.add(v128.load(at + (laneBytes << 1)), v128.load(at + laneBytes * 3));
    const both = i64x2.add(pair, other);
    const sum = i64x2.extract_lane(both, 0);
    addWide(state + (group << 5), <u64>sum, <u64>(sum >> 63), sum >> 63, i64x2.extract_lane(both, 1));
  }
}

export function aggSumU64(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    addWord(state + (groupAt(groups, row) << 5), load<u64>(values + (row << 3)), 0, sign);
  }
}

/** decimal: 16-byte two's complement. */
export function aggSumI128(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const value = values + (row << 4);
    const at = state + (groupAt(groups, row) << 5);
    const low = load<u64>(value);
    const middle = load<u64>(value, 8);
    const high = <i64>middle >> 63;
    if (sign < 0) {
      addWide(at, ~low, ~middle, ~high, -1);
      addWide(at, 1, 0, 0, 0);
    } else addWide(at, low, middle, high, 1);
  }
}

export function aggSumWideMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const from = states + (row << 5);
    addWide(
      state + (groupAt(groups, row) << 5),
      load<u64>(from),
      load<u64>(from, 8),
      load<i64>(from, 16),
      load<i64>(from, 24),
    );
  }
}

export function aggSumWideUnmerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const from = states + (row << 5);
    const at = state + (groupAt(groups, row) << 5);
    // -v = ~v + 1 over all 192 bits.
    addWide(at, ~load<u64>(from), ~load<u64>(from, 8), ~load<i64>(from, 16), -load<i64>(from, 24));
    addWide(at, 1, 0, 0, 0);
  }
}

/** Sums as int64; returns the first row whose sum does not fit, or -1. */
export function aggSumWideToI64(state: usize, count: i32, out: usize, validity: usize): i32 {
  let overflow = -1;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 5);
    const low = load<i64>(at);
    const extension = low >> 63;
    if (overflow < 0 && (load<i64>(at, 8) != extension || load<i64>(at, 16) != extension)) overflow = <i32>row;
    store<i64>(out + (row << 3), low);
    putBit(validity, row, load<i64>(at, 24) != 0);
  }
  return overflow;
}

/** Sums as decimal(38, s), below 10^38 in magnitude; returns the first row whose sum does not fit, or -1. */
export function aggSumWideToI128(state: usize, count: i32, out: usize, validity: usize): i32 {
  let overflow = -1;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 5);
    let low = load<u64>(at);
    let middle = load<u64>(at, 8);
    const high = load<i64>(at, 16);
    store<u64>(out + (row << 4), low);
    store<u64>(out + (row << 4), middle, 8);
    putBit(validity, row, load<i64>(at, 24) != 0);
    let fits = high == <i64>middle >> 63;
    if (high < 0) {
      low = ~low + 1;
      middle = ~middle + <u64>(low == 0);
    }
    // 10^38 = 0x4b3b4ca85a86c47a_098a224000000000
    if (middle > 0x4b3b4ca85a86c47a || (middle == 0x4b3b4ca85a86c47a && low >= 0x098a224000000000)) fits = false;
    if (!fits && overflow < 0) overflow = <i32>row;
  }
  return overflow;
}

/** Means as float64: sum / count / divisor. */
export function aggSumWideMean(state: usize, count: i32, divisor: f64, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 5);
    const rows = load<i64>(at, 24);
    store<f64>(out + (row << 3), wideToFloat(at) / <f64>rows / divisor);
    putBit(validity, row, rows != 0);
  }
}

@inline
function wideToFloat(at: usize): f64 {
  let low = load<u64>(at);
  let middle = load<u64>(at, 8);
  let high = load<u64>(at, 16);
  const negative = <i64>high < 0;
  if (negative) {
    low = ~low + 1;
    middle = ~middle + <u64>(low == 0);
    high = ~high + <u64>(low == 0 && middle == 0);
  }
  const magnitude = <f64>high * 3.402823669209385e38 + <f64>middle * 18446744073709551616.0 + <f64>low;
  return negative ? -magnitude : magnitude;
}

// ---- sum of floats: { f64 sum, f64 error, i64 count } ---------------------------------------------------------------
// Knuth's TwoSum keeps what each addition rounds away, so sum + error carries about 106 bits and the order of rows
// hardly ever shows (Knuth, TAOCP 2, 4.2.2, theorem B). Infinities and NaN live in `sum` alone.

@inline
function addFloat(at: usize, value: f64, error: f64, count: i64): void {
  const sum = load<f64>(at);
  const next = sum + value;
  const part = next - sum;
  store<f64>(at, next);
  store<f64>(at, load<f64>(at, 8) + error + ((sum - (next - part)) + (value - part)), 8);
  store<i64>(at, load<i64>(at, 16) + count, 16);
}

@inline
function sumFloat<T>(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  const factor = <f64>sign;
  if (validity == 0) {
    for (let row: usize = 0; row < <usize>length; row++) {
      const value = <f64>load<T>(values + row * sizeof<T>()) * factor;
      addFloat(state + groupAt(groups, row) * 24, value, 0, <i64>sign);
    }
    return;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const value = <f64>load<T>(values + row * sizeof<T>()) * factor;
    addFloat(state + groupAt(groups, row) * 24, value, 0, <i64>sign);
  }
}

export function aggSumF32(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  sumFloat<f32>(groups, values, validity, length, sign, state);
}
export function aggSumF64(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  sumFloat<f64>(groups, values, validity, length, sign, state);
}

export function aggSumFloatMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const from = states + row * 24;
    addFloat(state + groupAt(groups, row) * 24, load<f64>(from), load<f64>(from, 8), load<i64>(from, 16));
  }
}

@inline
function floatSum(at: usize): f64 {
  const sum = load<f64>(at);
  return sum - sum == 0 ? sum + load<f64>(at, 8) : sum;
}

export function aggSumFloatResult(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 24;
    store<f64>(out + (row << 3), floatSum(at));
    putBit(validity, row, load<i64>(at, 16) != 0);
  }
}

export function aggSumFloatMean(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 24;
    const rows = load<i64>(at, 16);
    store<f64>(out + (row << 3), floatSum(at) / <f64>rows);
    putBit(validity, row, rows != 0);
  }
}

/** Copies the i64 at `at` of each record: counts. */
export function aggField(state: usize, stride: i32, at: i32, count: i32, out: usize): void {
  let from = state + <usize>at;
  for (let row: usize = 0; row < <usize>count; row++, from += <usize>stride) store<i64>(out + (row << 3), load<i64>(from));
}
