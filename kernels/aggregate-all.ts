/**
 * Aggregates of all rows as one group: the records of the other aggregate kernels, without group numbers, in registers and vectors.
 *   validity  bitmap from bit 0, or 0 where no row is null
 * Counts are added by the caller.
 */
@inline
function isNull(validity: usize, row: usize): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

/** record.sum (i64) += all values of i32. */
export function aggAllSumI32(values: usize, validity: usize, length: i32, record: usize): void {
  let sum: i64 = 0;
  let row: usize = 0;
  if (validity == 0) {
    let low = i64x2.splat(0);
    let high = i64x2.splat(0);
    const end = <usize>length & ~3;
    for (; row < end; row += 4) {
      const four = v128.load(values + (row << 2));
      low = i64x2.add(low, i64x2.extend_low_i32x4_s(four));
      high = i64x2.add(high, i64x2.extend_high_i32x4_s(four));
    }
    const both = i64x2.add(low, high);
    sum = i64x2.extract_lane(both, 0) + i64x2.extract_lane(both, 1);
    for (; row < <usize>length; row++) sum += <i64>load<i32>(values + (row << 2));
  } else {
    for (; row < <usize>length; row++) sum += select<i64>(0, <i64>load<i32>(values + (row << 2)), isNull(validity, row));
  }
  store<i64>(record, load<i64>(record) + sum);
}

/** record (u192) += all values of i64: halves are summed apart, which 2^32 rows cannot overflow. */
export function aggAllSumI64(values: usize, validity: usize, length: i32, record: usize): void {
  let low: u64 = 0;
  let high: i64 = 0;
  let row: usize = 0;
  if (validity == 0) {
    let lows = i64x2.splat(0);
    let highs = i64x2.splat(0);
    const mask = i64x2.splat(0xffffffff);
    const end = <usize>length & ~1;
    for (; row < end; row += 2) {
      const two = v128.load(values + (row << 3));
      lows = i64x2.add(lows, v128.and(two, mask));
      highs = i64x2.add(highs, i64x2.shr_s(two, 32));
    }
    low = <u64>i64x2.extract_lane(lows, 0) + <u64>i64x2.extract_lane(lows, 1);
    high = i64x2.extract_lane(highs, 0) + i64x2.extract_lane(highs, 1);
  }
  for (; row < <usize>length; row++) {
    if (validity != 0 && isNull(validity, row)) continue;
    const value = load<i64>(values + (row << 3));
    low += <u64>value & 0xffffffff;
    high += value >> 32;
  }
  // high * 2^32 + low as 192 bits.
  high += <i64>(low >> 32);
  const word = (<u64>high << 32) | (low & 0xffffffff);
  const upper = high >> 32;
  const sum = load<u64>(record) + word;
  const carry = <u64>(sum < word);
  const middle0 = load<u64>(record, 8);
  const middle1 = middle0 + <u64>upper;
  const middle2 = middle1 + carry;
  store<u64>(record, sum);
  store<u64>(record, middle2, 8);
  const extension = upper >> 63;
  store<i64>(record, load<i64>(record, 16) + extension + <i64>(middle1 < middle0) + <i64>(middle2 < middle1), 16);
}

/**
 * Sums of f64 in eight lanes with their rounding errors: lanes f64[8] sums, then f64[8] errors. Row i of the whole input
 * goes to lane i mod 8 (`phase` = rows before this batch, mod 8), so batch cuts cannot change a sum. Null rows add 0.
 */
export function aggAllSumF64(values: usize, validity: usize, length: i32, phase: i32, lanes: usize): void {
  let row = 0;
  if (validity == 0) {
    const head = min((8 - phase) & 7, length);
    for (; row < head; row++) addLane(lanes, phase + row, load<f64>(values + (<usize>row << 3)));
    let s0 = v128.load(lanes);
    let s1 = v128.load(lanes, 16);
    let s2 = v128.load(lanes, 32);
    let s3 = v128.load(lanes, 48);
    let e0 = v128.load(lanes, 64);
    let e1 = v128.load(lanes, 80);
    let e2 = v128.load(lanes, 96);
    let e3 = v128.load(lanes, 112);
    for (; row + 8 <= length; row += 8) {
      const at = values + (<usize>row << 3);
      const v0 = v128.load(at);
      const v1 = v128.load(at, 16);
      const v2 = v128.load(at, 32);
      const v3 = v128.load(at, 48);
      const n0 = f64x2.add(s0, v0);
      const n1 = f64x2.add(s1, v1);
      const n2 = f64x2.add(s2, v2);
      const n3 = f64x2.add(s3, v3);
      e0 = f64x2.add(e0, rounded(s0, v0, n0));
      e1 = f64x2.add(e1, rounded(s1, v1, n1));
      e2 = f64x2.add(e2, rounded(s2, v2, n2));
      e3 = f64x2.add(e3, rounded(s3, v3, n3));
      s0 = n0;
      s1 = n1;
      s2 = n2;
      s3 = n3;
    }
    v128.store(lanes, s0);
    v128.store(lanes, s1, 16);
    v128.store(lanes, s2, 32);
    v128.store(lanes, s3, 48);
    v128.store(lanes, e0, 64);
    v128.store(lanes, e1, 80);
    v128.store(lanes, e2, 96);
    v128.store(lanes, e3, 112);
  }
  for (; row < length; row++) {
    if (validity != 0 && isNull(validity, <usize>row)) continue;
    addLane(lanes, phase + row, load<f64>(values + (<usize>row << 3)));
  }
}

/** What rounding took from sum + value = next (Knuth's TwoSum). */
@inline
function rounded(sum: v128, value: v128, next: v128): v128 {
  const part = f64x2.sub(next, sum);
  return f64x2.add(f64x2.sub(sum, f64x2.sub(next, part)), f64x2.sub(value, part));
}

@inline
function addLane(lanes: usize, lane: i32, value: f64): void {
  const at = lanes + ((<usize>lane & 7) << 3);
  const sum = load<f64>(at);
  const next = sum + value;
  const part = next - sum;
  store<f64>(at, next);
  store<f64>(at, load<f64>(at, 64) + ((sum - (next - part)) + (value - part)), 64);
}

/** Adds the lanes, in order, to the record { f64 sum, f64 error, i64 count } and empties them. */
export function aggAllFoldLanes(lanes: usize, record: usize): void {
  for (let lane: usize = 0; lane < 8; lane++) {
    const at = lanes + (lane << 3);
    const value = load<f64>(at);
    const sum = load<f64>(record);
    const next = sum + value;
    const part = next - sum;
    store<f64>(record, next);
    store<f64>(record, load<f64>(record, 8) + load<f64>(at, 64) + ((sum - (next - part)) + (value - part)), 8);
  }
  memory.fill(lanes, 0, 128);
}

/** record { i64 word, i64 1 if any }: the least or greatest of it and all words. */
export function aggAllBestWord(words: usize, validity: usize, length: i32, isMax: bool, record: usize): void {
  // Least is greatest of the complement.
  const flip: i64 = isMax ? 0 : -1;
  let best: i64 = i64.MIN_VALUE;
  let any = false;
  if (validity == 0) {
    any = length > 0;
    for (let row: usize = 0; row < <usize>length; row++) best = max(best, load<i64>(words + (row << 3)) ^ flip);
  } else {
    for (let row: usize = 0; row < <usize>length; row++) {
      if (isNull(validity, row)) continue;
      best = max(best, load<i64>(words + (row << 3)) ^ flip);
      any = true;
    }
  }
  if (!any) return;
  if (load<i64>(record, 8) != 0) best = max(best, load<i64>(record) ^ flip);
  store<i64>(record, best ^ flip);
  store<i64>(record, 1, 8);
}
