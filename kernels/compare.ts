/**
 * Comparisons of fixed-width and utf8 columns into bitmaps, in a total order: NaN equals NaN and is above every other
 * number, -0 equals 0, strings compare by their bytes (which is code point order).
 *
 * Shared contract:
 *   left, right T[length] (or one T where the `Single` flag is set); may be read up to 64 bytes past their end
 *   invert      0, or 0xff to write the complement: >= is the complement of <, and so on
 *   out         room for ceil(length / 8) bytes; every bit is written, those past `length` and of null rows are unspecified
 */
const EQUAL: i32 = 0;
const LESS: i32 = 1;

@inline
function operand(base: usize, isSingle: bool, single: v128): v128 {
  return isSingle ? single : v128.load(base);
}

/** One vector's lanes as a mask with all bits set where the comparison holds. */
@inline
function lanes<T>(operation: i32, a: v128, b: v128): v128 {
  if (isFloat<T>()) {
    if (operation == EQUAL) {
      const bothNaN = v128.andnot(v128.ne<T>(a, a), v128.eq<T>(b, b));
      return v128.or(v128.eq<T>(a, b), bothNaN);
    }
    return v128.or(v128.lt<T>(a, b), v128.andnot(v128.ne<T>(b, b), v128.ne<T>(a, a)));
  }
  if (operation == EQUAL) return v128.eq<T>(a, b);
  if (!isSigned<T>() && sizeof<T>() == 8) {
    const top = i64x2.splat(i64.MIN_VALUE);
    return i64x2.lt_s(v128.xor(a, top), v128.xor(b, top));
  }
  return v128.lt<T>(a, b);
}

@inline
function compareLoop<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  const leftSplat = v128.splat<T>(load<T>(left));
  const rightSplat = v128.splat<T>(load<T>(right));
  const leftStep: usize = leftSingle ? 0 : 8 * sizeof<T>();
  const rightStep: usize = rightSingle ? 0 : 8 * sizeof<T>();
  const end = out + <usize>((length + 7) >>> 3);
  for (; out < end; out++) {
    let byte: i32;
    if (sizeof<T>() == 1) {
      byte = i8x16.bitmask(
        lanes<T>(
          operation,
          leftSingle ? leftSplat : v128.load64_zero(left),
          rightSingle ? rightSplat : v128.load64_zero(right),
        ),
      );
    } else if (sizeof<T>() == 2) {
      byte = i16x8.bitmask(
        lanes<T>(operation, operand(left, leftSingle, leftSplat), operand(right, rightSingle, rightSplat)),
      );
    } else if (sizeof<T>() == 4) {
      const low = lanes<T>(operation, operand(left, leftSingle, leftSplat), operand(right, rightSingle, rightSplat));
      const high = lanes<T>(
        operation,
        operand(left + 16, leftSingle, leftSplat),
        operand(right + 16, rightSingle, rightSplat),
      );
      byte = i16x8.bitmask(i16x8.narrow_i32x4_s(low, high));
    } else {
      const m0 = lanes<T>(operation, operand(left, leftSingle, leftSplat), operand(right, rightSingle, rightSplat));
      const m1 = lanes<T>(operation, operand(left + 16, leftSingle, leftSplat), operand(right + 16, rightSingle, rightSplat));
      const m2 = lanes<T>(operation, operand(left + 32, leftSingle, leftSplat), operand(right + 32, rightSingle, rightSplat));
      const m3 = lanes<T>(operation, operand(left + 48, leftSingle, leftSplat), operand(right + 48, rightSingle, rightSplat));
      const low = i16x8.narrow_i32x4_s(v128.shuffle<i32>(m0, m1, 0, 2, 4, 6), v128.shuffle<i32>(m2, m3, 0, 2, 4, 6));
      byte = i16x8.bitmask(low);
    }
    store<u8>(out, <u8>(byte ^ invert));
    left += leftStep;
    right += rightStep;
  }
}

@inline
function compare<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  // One loop per shape keeps the test for a single operand out of the inner loop.
  if (operation == EQUAL) {
    if (rightSingle) compareLoop<T>(EQUAL, left, false, right, true, invert, out, length);
    else if (leftSingle) compareLoop<T>(EQUAL, right, false, left, true, invert, out, length);
    else compareLoop<T>(EQUAL, left, false, right, false, invert, out, length);
  } else {
    if (rightSingle) compareLoop<T>(LESS, left, false, right, true, invert, out, length);
    else if (leftSingle) compareLoop<T>(LESS, left, true, right, false, invert, out, length);
    else compareLoop<T>(LESS, left, false, right, false, invert, out, length);
  }
}

export function compareI8(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<i8>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareU8(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<u8>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareI16(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<i16>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareU16(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<u16>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareI32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<i32>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareU32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<u32>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareI64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<i64>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareU64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<u64>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareF32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<f32>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}
export function compareF64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  compare<f64>(operation, left, leftSingle, right, rightSingle, invert, out, length);
}

@inline
function wideLoop(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  const leftStep: usize = leftSingle ? 0 : 16;
  const rightStep: usize = rightSingle ? 0 : 16;
  for (let base = 0; base < length; base += 8) {
    const limit = min(8, length - base);
    let byte: i32 = 0;
    for (let i = 0; i < limit; i++) {
      const leftLow = load<u64>(left);
      const rightLow = load<u64>(right);
      const leftHigh = load<i64>(left, 8);
      const rightHigh = load<i64>(right, 8);
      let holds: i32;
      if (operation == EQUAL) holds = i32(((leftLow ^ rightLow) | <u64>(leftHigh ^ rightHigh)) == 0);
      else holds = i32(leftHigh < rightHigh) | (i32(leftHigh == rightHigh) & i32(leftLow < rightLow));
      byte |= holds << i;
      left += leftStep;
      right += rightStep;
    }
    store<u8>(out++, <u8>(byte ^ invert));
  }
}

/** 128-bit signed integers, low word first (decimals of one scale). */
export function compareI128(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, invert: i32, out: usize, length: i32): void {
  if (operation == EQUAL) wideLoop(EQUAL, left, leftSingle, right, rightSingle, invert, out, length);
  else wideLoop(LESS, left, leftSingle, right, rightSingle, invert, out, length);
}

/** Like memcmp over the shorter length, then by length: negative, zero or positive. */
@inline
function compareBytes(a: usize, aLength: i32, b: usize, bLength: i32): i32 {
  const shorter = min(aLength, bLength);
  let at: i32 = 0;
  for (; at + 8 <= shorter; at += 8) {
    const x = load<u64>(a + at);
    const y = load<u64>(b + at);
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? -1 : 1;
  }
  for (; at < shorter; at++) {
    const difference = <i32>load<u8>(a + at) - <i32>load<u8>(b + at);
    if (difference != 0) return difference;
  }
  return aLength - bLength;
}

/**
 * utf8 and binary columns; a single operand has one row. `out` as above.
 *   data     byte addresses;  offsets i32[length + 1]
 */
export function compareBytesColumns(
  operation: i32,
  leftData: usize,
  leftOffsets: usize,
  leftSingle: bool,
  rightData: usize,
  rightOffsets: usize,
  rightSingle: bool,
  invert: i32,
  out: usize,
  length: i32,
): void {
  const leftStep: usize = leftSingle ? 0 : 4;
  const rightStep: usize = rightSingle ? 0 : 4;
  let byte: i32 = 0;
  for (let row = 0; row < length; row++) {
    const leftStart = load<i32>(leftOffsets);
    const rightStart = load<i32>(rightOffsets);
    const leftLength = load<i32>(leftOffsets, 4) - leftStart;
    const rightLength = load<i32>(rightOffsets, 4) - rightStart;
    let holds: bool;
    if (operation == EQUAL) {
      holds = leftLength == rightLength && equalBytes(leftData + leftStart, rightData + rightStart, leftLength);
    } else holds = compareBytes(leftData + leftStart, leftLength, rightData + rightStart, rightLength) < 0;
    byte |= i32(holds) << (row & 7);
    if ((row & 7) == 7) {
      store<u8>(out++, <u8>(byte ^ invert));
      byte = 0;
    }
    leftOffsets += leftStep;
    rightOffsets += rightStep;
  }
  if ((length & 7) != 0) store<u8>(out, <u8>(byte ^ invert));
}

@inline
function equalBytes(a: usize, b: usize, length: i32): bool {
  let at: i32 = 0;
  for (; at + 8 <= length; at += 8) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
  }
  const left = length - at;
  if (left == 0) return true;
  // Reading past a value is safe; the bytes that do not belong to it are shifted out.
  return (load<u64>(a + at) ^ load<u64>(b + at)) << <u64>((8 - left) << 3) == 0;
}
