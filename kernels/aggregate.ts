/**
 * Aggregates by group: state[groups[row]] takes in values[row] for every row that is not null.
 *   groups    u32[length]
 *   validity  bitmap from bit 0, or 0 where no row is null
 *   state     one record of fixed size per group; all zero = no value yet
 * `sign` is 1 to add rows and -1 to take them back. Merge kernels add `states`, records of the same layout, one per row.
 * Result kernels write `count` values from `state` on, and ceil(count / 8) bytes of validity.
 */
@inline
function isNull(validity: usize, row: usize): bool {
  return validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function groupAt(groups: usize, row: usize): usize {
  return <usize>load<u32>(groups + (row << 2));
}

@inline
function putBit(bits: usize, row: usize, bit: bool): void {
  const at = bits + (row >> 3);
  if ((row & 7) == 0) store<u8>(at, <u8>bit);
  else store<u8>(at, load<u8>(at) | (<u8>bit << <u8>(row & 7)));
}

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

// ---- sum of integers up to 32 bits: { i64 sum, i64 count } ----------------------------------------------------------
// 2^31 * 2^32 rows fit an int64, so these sums cannot overflow.

@inline
function sumNarrow<T>(groups: usize, values: usize, validity: usize, length: i32, sign: i32, state: usize): void {
  if (validity == 0) {
    for (let row: usize = 0; row < <usize>length; row++) {
      const at = state + (groupAt(groups, row) << 4);
      store<i64>(at, load<i64>(at) + <i64>load<T>(values + row * sizeof<T>()) * <i64>sign);
      store<i64>(at, load<i64>(at, 8) + <i64>sign, 8);
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
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const value = load<i64>(values + (row << 3));
    addWord(state + (groupAt(groups, row) << 5), <u64>value, <u64>(value >> 63), sign);
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

// ---- numbers as float64 ---------------------------------------------------------------------------------------------

@inline
function toFloat<T>(values: usize, length: i32, out: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<f64>(out + (row << 3), <f64>load<T>(values + row * sizeof<T>()));
  }
}

export function aggFloatI8(values: usize, length: i32, out: usize): void {
  toFloat<i8>(values, length, out);
}
export function aggFloatU8(values: usize, length: i32, out: usize): void {
  toFloat<u8>(values, length, out);
}
export function aggFloatI16(values: usize, length: i32, out: usize): void {
  toFloat<i16>(values, length, out);
}
export function aggFloatU16(values: usize, length: i32, out: usize): void {
  toFloat<u16>(values, length, out);
}
export function aggFloatI32(values: usize, length: i32, out: usize): void {
  toFloat<i32>(values, length, out);
}
export function aggFloatU32(values: usize, length: i32, out: usize): void {
  toFloat<u32>(values, length, out);
}
export function aggFloatI64(values: usize, length: i32, out: usize): void {
  toFloat<i64>(values, length, out);
}
export function aggFloatU64(values: usize, length: i32, out: usize): void {
  toFloat<u64>(values, length, out);
}
export function aggFloatF32(values: usize, length: i32, out: usize): void {
  toFloat<f32>(values, length, out);
}
/** Decimals: the unscaled 128-bit value over `divisor` = 10^scale. */
export function aggFloatI128(values: usize, length: i32, divisor: f64, out: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = values + (row << 4);
    let low = load<u64>(at);
    let high = load<u64>(at, 8);
    const negative = <i64>high < 0;
    if (negative) {
      low = ~low + 1;
      high = ~high + <u64>(low == 0);
    }
    const magnitude = (<f64>high * 18446744073709551616.0 + <f64>low) / divisor;
    store<f64>(out + (row << 3), negative ? -magnitude : magnitude);
  }
}

// ---- mean and variance: { f64 count, f64 mean, f64 m2 } -------------------------------------------------------------
// Welford's update (Technometrics 4(3), 1962); merged as in Chan, Golub, LeVeque (1979).

export function aggMoments(groups: usize, values: usize, validity: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = state + groupAt(groups, row) * 24;
    const value = load<f64>(values + (row << 3));
    const count = load<f64>(at) + 1;
    const mean = load<f64>(at, 8);
    const delta = value - mean;
    const next = mean + delta / count;
    store<f64>(at, count);
    store<f64>(at, next, 8);
    store<f64>(at, load<f64>(at, 16) + delta * (value - next), 16);
  }
}

export function aggMomentsMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const from = states + row * 24;
    const added = load<f64>(from);
    if (added == 0) continue;
    const at = state + groupAt(groups, row) * 24;
    const present = load<f64>(at);
    const count = present + added;
    const mean = load<f64>(at, 8);
    const delta = load<f64>(from, 8) - mean;
    store<f64>(at, count);
    store<f64>(at, mean + (delta * added) / count, 8);
    store<f64>(at, load<f64>(at, 16) + load<f64>(from, 16) + (delta * delta * present * added) / count, 16);
  }
}

/** m2 / (count - less), or its square root; null for fewer than less + 1 values. */
export function aggMomentsResult(state: usize, count: i32, less: f64, root: bool, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 24;
    const degrees = load<f64>(at) - less;
    const variance = load<f64>(at, 16) / degrees;
    store<f64>(out + (row << 3), root ? sqrt(variance) : variance);
    putBit(validity, row, degrees > 0);
  }
}

// ---- covariance: { f64 count, meanX, meanY, m2x, m2y, cxy } ---------------------------------------------------------

export function aggCovariance(
  groups: usize,
  xs: usize,
  ys: usize,
  xValidity: usize,
  yValidity: usize,
  length: i32,
  state: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(xValidity, row) || isNull(yValidity, row)) continue;
    const at = state + groupAt(groups, row) * 48;
    const x = load<f64>(xs + (row << 3));
    const y = load<f64>(ys + (row << 3));
    const count = load<f64>(at) + 1;
    const share = 1 / count;
    const dx = x - load<f64>(at, 8);
    const dy = y - load<f64>(at, 16);
    const meanX = load<f64>(at, 8) + dx * share;
    const meanY = load<f64>(at, 16) + dy * share;
    store<f64>(at, count);
    store<f64>(at, meanX, 8);
    store<f64>(at, meanY, 16);
    store<f64>(at, load<f64>(at, 24) + dx * (x - meanX), 24);
    store<f64>(at, load<f64>(at, 32) + dy * (y - meanY), 32);
    store<f64>(at, load<f64>(at, 40) + dx * (y - meanY), 40);
  }
}

export function aggCovarianceMerge(groups: usize, states: usize, length: i32, state: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const from = states + row * 48;
    const added = load<f64>(from);
    if (added == 0) continue;
    const at = state + groupAt(groups, row) * 48;
    const present = load<f64>(at);
    const count = present + added;
    const weight = (present * added) / count;
    const dx = load<f64>(from, 8) - load<f64>(at, 8);
    const dy = load<f64>(from, 16) - load<f64>(at, 16);
    store<f64>(at, count);
    store<f64>(at, load<f64>(at, 8) + (dx * added) / count, 8);
    store<f64>(at, load<f64>(at, 16) + (dy * added) / count, 16);
    store<f64>(at, load<f64>(at, 24) + load<f64>(from, 24) + dx * dx * weight, 24);
    store<f64>(at, load<f64>(at, 32) + load<f64>(from, 32) + dy * dy * weight, 32);
    store<f64>(at, load<f64>(at, 40) + load<f64>(from, 40) + dx * dy * weight, 40);
  }
}

/** cxy / (count - less); null for fewer than less + 1 pairs. */
export function aggCovarianceResult(state: usize, count: i32, less: f64, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 48;
    const degrees = load<f64>(at) - less;
    store<f64>(out + (row << 3), load<f64>(at, 40) / degrees);
    putBit(validity, row, degrees > 0);
  }
}

/** Pearson's r, within [-1, 1]; null where there is no pair, NaN where a side does not vary. */
export function aggCorrelationResult(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 48;
    const r = load<f64>(at, 40) / (sqrt(load<f64>(at, 24)) * sqrt(load<f64>(at, 32)));
    store<f64>(out + (row << 3), max(-1.0, min(1.0, r)));
    putBit(validity, row, load<f64>(at) > 0);
  }
}

// ---- order: values as i64 words whose signed order is the values' order --------------------------------------------
// Integers widen (hash tables' groupWiden kernels), uint64 flips its top bit, floats flip the other bits of negatives;
// all NaN count as one value above infinity, -0 as 0.

export function aggOrderU64(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u64>(words + (row << 3), load<u64>(values + (row << 3)) ^ 0x8000000000000000);
  }
}
@inline
function orderOfFloat(value: f64): i64 {
  if (value != value) return 0x7ff8000000000000;
  const bits = reinterpret<i64>(value + 0.0);
  return bits ^ ((bits >> 63) & 0x7fffffffffffffff);
}
export function aggOrderF32(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<i64>(words + (row << 3), orderOfFloat(<f64>load<f32>(values + (row << 2))));
  }
}
export function aggOrderF64(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<i64>(words + (row << 3), orderOfFloat(load<f64>(values + (row << 3))));
  }
}
/** And back. */
export function aggUnorderU64(words: usize, length: i32, values: usize): void {
  aggOrderU64(words, length, values);
}
export function aggUnorderF32(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const bits = load<i64>(words + (row << 3));
    store<f32>(values + (row << 2), <f32>reinterpret<f64>(bits ^ ((bits >> 63) & 0x7fffffffffffffff)));
  }
}
export function aggUnorderF64(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const bits = load<i64>(words + (row << 3));
    store<i64>(values + (row << 3), bits ^ ((bits >> 63) & 0x7fffffffffffffff));
  }
}

// ---- minimum and maximum: { i64 word, i64 1 if any } or { i128, i64 1 if any } or a string record ------------------
// With `pointers` u32 per group, a row that becomes the group's best leaves 0x80000000 | row there (aggCollect).

const PENDING: u32 = 0x80000000;

@inline
function mark(pointers: usize, group: usize, row: usize): void {
  if (pointers != 0) store<u32>(pointers + (group << 2), PENDING | <u32>row);
}

@inline
function bestWord(
  groups: usize,
  words: usize,
  validity: usize,
  length: i32,
  isMax: bool,
  state: usize,
  pointers: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const group = groupAt(groups, row);
    const at = state + (group << 4);
    const value = load<i64>(words + (row << 3));
    const best = load<i64>(at);
    const isBetter = isMax ? value > best : value < best;
    if (isBetter || load<i64>(at, 8) == 0) {
      store<i64>(at, value);
      store<i64>(at, 1, 8);
      mark(pointers, group, row);
    }
  }
}

export function aggMinWord(groups: usize, words: usize, validity: usize, length: i32, state: usize, pointers: usize): void {
  bestWord(groups, words, validity, length, false, state, pointers);
}
export function aggMaxWord(groups: usize, words: usize, validity: usize, length: i32, state: usize, pointers: usize): void {
  bestWord(groups, words, validity, length, true, state, pointers);
}

/** decimal: records of 24 bytes. */
export function aggBest128(
  groups: usize,
  values: usize,
  validity: usize,
  length: i32,
  isMax: bool,
  state: usize,
  pointers: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const group = groupAt(groups, row);
    const at = state + group * 24;
    const low = load<u64>(values + (row << 4));
    const high = load<i64>(values + (row << 4), 8);
    if (load<i64>(at, 16) != 0) {
      const bestLow = load<u64>(at);
      const bestHigh = load<i64>(at, 8);
      const isLess = high < bestHigh || (high == bestHigh && low < bestLow);
      const isSame = high == bestHigh && low == bestLow;
      if (isSame || isLess == isMax) continue;
    }
    store<u64>(at, low);
    store<i64>(at, high, 8);
    store<i64>(at, 1, 16);
    mark(pointers, group, row);
  }
}

/**
 * Strings by their bytes: records { u32 offset in the arena, u32 length, u32 room there, u32 1 if any }.
 * arenaState: u32 bytes used. Stops at the first row that would need more than `arenaBytes`, returns it or `length`.
 */
export function aggBestString(
  groups: usize,
  data: usize,
  offsets: usize,
  validity: usize,
  from: i32,
  length: i32,
  isMax: bool,
  state: usize,
  arena: usize,
  arenaBytes: u32,
  arenaState: usize,
  pointers: usize,
): i32 {
  let row: usize = <usize>from;
  for (; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const start = load<u32>(offsets + (row << 2));
    const size = load<u32>(offsets + (row << 2), 4) - start;
    const bytes = data + <usize>start;
    const group = groupAt(groups, row);
    const at = state + (group << 4);
    if (load<u32>(at, 12) != 0) {
      const order = compareBytes(bytes, size, arena + <usize>load<u32>(at), load<u32>(at, 4));
      if (isMax ? order <= 0 : order >= 0) continue;
    }
    if (size > load<u32>(at, 8)) {
      const used = load<u32>(arenaState);
      if (arenaBytes - used < size) break;
      store<u32>(arenaState, used + size);
      store<u32>(at, used);
      store<u32>(at, size, 8);
    }
    memory.copy(arena + <usize>load<u32>(at), bytes, <usize>size);
    store<u32>(at, size, 4);
    store<u32>(at, 1, 12);
    mark(pointers, group, row);
  }
  return <i32>row;
}

function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const shorter = <usize>min(aLength, bLength);
  let at: usize = 0;
  for (; at + 8 <= shorter; at += 8) {
    const x = load<u64>(a + at);
    const y = load<u64>(b + at);
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? -1 : 1;
  }
  for (; at < shorter; at++) {
    const x = load<u8>(a + at);
    const y = load<u8>(b + at);
    if (x != y) return x < y ? -1 : 1;
  }
  return aLength == bLength ? 0 : aLength < bLength ? -1 : 1;
}

/** Copies the strings of all records to a new arena without gaps, and the records' offsets with them. */
export function aggCompactStrings(state: usize, count: i32, arena: usize, newArena: usize): u32 {
  let used: u32 = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    const size = load<u32>(at, 4);
    memory.copy(newArena + <usize>used, arena + <usize>load<u32>(at), <usize>size);
    store<u32>(at, used);
    store<u32>(at, size, 8);
    used += size;
  }
  return used;
}

/** Offsets i32[count + 1] of the records' strings; returns the total bytes. */
export function aggStringOffsets(state: usize, count: i32, offsets: usize, validity: usize): f64 {
  let total: u64 = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    store<u32>(offsets + (row << 2), <u32>total);
    putBit(validity, row, load<u32>(at, 12) != 0);
    total += <u64>load<u32>(at, 4);
  }
  store<u32>(offsets + (<usize>count << 2), <u32>total);
  return <f64>total;
}

export function aggStringBytes(state: usize, count: i32, arena: usize, data: usize): void {
  let out = data;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    const size = <usize>load<u32>(at, 4);
    memory.copy(out, arena + <usize>load<u32>(at), size);
    out += size;
  }
}

/** words[i] = the word of record i; validity = its flag. */
export function aggWordResult(state: usize, count: i32, words: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    store<i64>(words + (row << 3), load<i64>(at));
    putBit(validity, row, load<i64>(at, 8) != 0);
  }
}
export function agg128Result(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 24;
    v128.store(out + (row << 4), v128.load(at));
    putBit(validity, row, load<i64>(at, 16) != 0);
  }
}

// ---- chosen rows: pointers u32 per group, 0 = none, else 1 + a row of the store -------------------------------------

export function aggFirst(groups: usize, validity: usize, length: i32, pointers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = pointers + (groupAt(groups, row) << 2);
    if (load<u32>(at) == 0) store<u32>(at, PENDING | <u32>row);
  }
}

export function aggLast(groups: usize, validity: usize, length: i32, pointers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    store<u32>(pointers + (groupAt(groups, row) << 2), PENDING | <u32>row);
  }
}

/** Lists the rows that pending pointers name, and points to where they go: store rows from `base` on. */
export function aggCollect(groups: usize, length: i32, base: u32, pointers: usize, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = pointers + (groupAt(groups, row) << 2);
    if (load<u32>(at) != (PENDING | <u32>row)) continue;
    store<u32>(rows + (count << 2), <u32>row);
    store<u32>(at, base + <u32>count + 1);
    count++;
  }
  return <i32>count;
}

/** Store rows of the groups as gather indices (0xffffffff = none). */
export function aggStoreRows(pointers: usize, count: i32, rows: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    store<u32>(rows + (row << 2), load<u32>(pointers + (row << 2)) - 1);
  }
}

/** After the store was gathered in group order: pointers of the groups that have one. */
export function aggRenumber(pointers: usize, count: i32): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    if (load<u32>(pointers + (row << 2)) != 0) store<u32>(pointers + (row << 2), <u32>row + 1);
  }
}

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
