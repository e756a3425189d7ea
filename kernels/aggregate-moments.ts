import { groupAt, isNull, putBit } from "./aggregate-records";

/**
 * Means, variances and covariances by group, over values as float64.
 *   groups    u32[length]
 *   validity  bitmap from bit 0, or 0 where no row is null
 *   state     one record of fixed size per group; all zero = no value yet
 * Merge kernels add `states`, records of the same layout, one per row.
 * Result kernels write `count` values from `state` on, and ceil(count / 8) bytes of validity.
 */

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
