/**
 * Decimals as 64-bit integers (`Column.words`): unscaled values whose results the caller knows to fit 64 bits.
 *
 * Shared contract:
 *   values, left, right  i64[length] (or one where the `Single` flag is set), 8-byte aligned; up to 8 bytes past the last
 *                        value may be read
 *   out        room for i64[length] and 8 bytes; may be an input that is not single
 */
const ADD: i32 = 0;
const SUBTRACT: i32 = 1;
const MULTIPLY: i32 = 2;

@inline
function arithmeticLoop(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  const leftSplat = v128.load64_splat(left);
  const rightSplat = v128.load64_splat(right);
  for (let row = 0; row < length; row += 2) {
    const a = leftSingle ? leftSplat : v128.load(left);
    const b = rightSingle ? rightSplat : v128.load(right);
    const result =
      operation == ADD ? i64x2.add(a, b) : operation == SUBTRACT ? i64x2.sub(a, b) : i64x2.mul(a, b);
    v128.store(out, result);
    left += 16;
    right += 16;
    out += 16;
  }
}

@inline
function arithmetic(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  if (leftSingle) arithmeticLoop(operation, left, true, right, rightSingle, out, length);
  else if (rightSingle) arithmeticLoop(operation, left, false, right, true, out, length);
  else arithmeticLoop(operation, left, false, right, false, out, length);
}

/** 0 add, 1 subtract, 2 multiply. */
export function decimalWordsArithmetic(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  if (operation == ADD) arithmetic(ADD, left, leftSingle, right, rightSingle, out, length);
  else if (operation == SUBTRACT) arithmetic(SUBTRACT, left, leftSingle, right, rightSingle, out, length);
  else arithmetic(MULTIPLY, left, leftSingle, right, rightSingle, out, length);
}

/** The greatest |value| as an unsigned integer, 0 without values. */
export function decimalWordsMagnitude(values: usize, length: i32): u64 {
  let least = i64x2.splat(0);
  let greatest = i64x2.splat(0);
  let row = 0;
  for (; row + 2 <= length; row += 2) {
    const two = v128.load(values + (<usize>row << 3));
    least = v128.bitselect(two, least, i64x2.lt_s(two, least));
    greatest = v128.bitselect(two, greatest, i64x2.gt_s(two, greatest));
  }
  let low = min(i64x2.extract_lane(least, 0), i64x2.extract_lane(least, 1));
  let high = max(i64x2.extract_lane(greatest, 0), i64x2.extract_lane(greatest, 1));
  if (row < length) {
    const last = load<i64>(values + (<usize>row << 3));
    low = min(low, last);
    high = max(high, last);
  }
  return max(<u64>0 - <u64>low, <u64>high);
}

/** values / divisor as f64; the divisor is a power of ten. */
export function decimalWordsToF64(values: usize, divisor: f64, length: i32, out: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<f64>(out + (row << 3), <f64>load<i64>(values + (row << 3)) / divisor);
  }
}
