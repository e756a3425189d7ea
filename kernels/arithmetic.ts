/**
 * Addition, subtraction, multiplication, division and remainder of fixed-width columns, and the bit operations.
 *
 * Shared contract:
 *   operation   one of the constants below
 *   left, right T[length], or one T where the matching `Single` flag is set; aligned to T
 *   validity    bitmap of the result from bit 0, or 0 where no row is null; null rows never fail
 *   out         room for T[length] rounded up to 16 bytes; may be `left` or `right` unless that operand is single
 * Integer kernels return the first row whose result does not fit T (or whose divisor is zero), -1 where all do.
 */
const ADD: i32 = 0;
const SUBTRACT: i32 = 1;
const MULTIPLY: i32 = 2;
const DIVIDE: i32 = 3;
const REMAINDER: i32 = 4;

const AND: i32 = 0;
const OR: i32 = 1;
const XOR: i32 = 2;
const SHIFT_LEFT: i32 = 3;

@inline
function isValid(validity: usize, row: i32): bool {
  return validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0;
}

@inline
function stepOf<T>(isSingle: bool): usize {
  return isSingle ? 0 : sizeof<T>();
}

/** Integers of up to 32 bits: computed in 64 bits, where nothing overflows, then checked against T. */
@inline
function narrowLoop<T>(
  operation: i32,
  left: usize,
  leftSingle: bool,
  right: usize,
  rightSingle: bool,
  out: usize,
  length: i32,
  validity: usize,
): i32 {
  const leftStep = stepOf<T>(leftSingle);
  const rightStep = stepOf<T>(rightSingle);
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = <i64>load<T>(left);
    const y = <i64>load<T>(right);
    let result: i64 = 0;
    if (operation == ADD) result = x + y;
    else if (operation == SUBTRACT) result = x - y;
    else if (operation == MULTIPLY) result = x * y;
    else {
      // A zero divisor gives a result that fits no T.
      if (y == 0) result = i64.MAX_VALUE;
      else if (operation == DIVIDE) result = x / y;
      else result = x % y;
    }
    // A u32 product past 2^63 turns negative here, which fits no u32 either.
    if (result != <i64>(<T>result)) {
      if (failed < 0 && isValid(validity, row)) failed = row;
    }
    store<T>(out, <T>result);
    left += leftStep;
    right += rightStep;
    out += sizeof<T>();
  }
  return failed;
}

@inline
function narrow<T>(
  operation: i32,
  left: usize,
  leftSingle: bool,
  right: usize,
  rightSingle: bool,
  out: usize,
  length: i32,
  validity: usize,
): i32 {
  switch (operation) {
    case ADD:
      return narrowLoop<T>(ADD, left, leftSingle, right, rightSingle, out, length, validity);
    case SUBTRACT:
      return narrowLoop<T>(SUBTRACT, left, leftSingle, right, rightSingle, out, length, validity);
    case MULTIPLY:
      return narrowLoop<T>(MULTIPLY, left, leftSingle, right, rightSingle, out, length, validity);
    case DIVIDE:
      return narrowLoop<T>(DIVIDE, left, leftSingle, right, rightSingle, out, length, validity);
    default:
      return narrowLoop<T>(REMAINDER, left, leftSingle, right, rightSingle, out, length, validity);
  }
}

export function arithmeticI8(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return narrow<i8>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
export function arithmeticU8(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return narrow<u8>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
export function arithmeticI16(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return narrow<i16>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
export function arithmeticU16(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return narrow<u16>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
export function arithmeticU32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return narrow<u32>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}

@inline
function operand(base: usize, at: usize, isSingle: bool, single: v128): v128 {
  return isSingle ? single : v128.load(base + at);
}

/**
 * 32-bit signed integers four at a time; overflow is collected over the whole column and located afterwards, because
 * it is rare and null rows may overflow freely.
 */
@inline
function vectorI32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): bool {
  const leftSplat = v128.load32_splat(left);
  const rightSplat = v128.load32_splat(right);
  let overflow = i64x2.splat(0);
  const whole = <usize>(length & ~3) << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const a = operand(left, at, leftSingle, leftSplat);
    const b = operand(right, at, rightSingle, rightSplat);
    let result: v128;
    if (operation == ADD) {
      result = i32x4.add(a, b);
      overflow = v128.or(overflow, v128.and(v128.xor(a, result), v128.xor(b, result)));
    } else if (operation == SUBTRACT) {
      result = i32x4.sub(a, b);
      overflow = v128.or(overflow, v128.and(v128.xor(a, b), v128.xor(a, result)));
    } else {
      const low = i64x2.extmul_low_i32x4_s(a, b);
      const high = i64x2.extmul_high_i32x4_s(a, b);
      result = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
      const upper = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
      // The upper half of a product that fits repeats the sign bit of the lower half.
      const wrong = i32x4.ne(upper, i32x4.shr_s(result, 31));
      overflow = v128.or(overflow, wrong);
    }
    v128.store(out + at, result);
  }
  return i32x4.bitmask(overflow) != 0;
}

export function arithmeticI32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  if (operation > MULTIPLY) return narrow<i32>(operation, left, leftSingle, right, rightSingle, out, length, validity);
  let overflowed: bool;
  // In place, an operand is gone once its result is written: locate failures before writing.
  const inPlace = out == left || out == right;
  if (inPlace) return narrow<i32>(operation, left, leftSingle, right, rightSingle, out, length, validity);
  if (operation == ADD) overflowed = vectorI32(ADD, left, leftSingle, right, rightSingle, out, length);
  else if (operation == SUBTRACT) overflowed = vectorI32(SUBTRACT, left, leftSingle, right, rightSingle, out, length);
  else overflowed = vectorI32(MULTIPLY, left, leftSingle, right, rightSingle, out, length);
  const from = overflowed ? 0 : length & ~3;
  const offset = <usize>from << 2;
  // Rows [from, length) again, one by one: the tail, or all rows when one of them overflowed.
  const failed = narrow<i32>(
    operation,
    leftSingle ? left : left + offset,
    leftSingle,
    right + (rightSingle ? 0 : offset),
    rightSingle,
    out + offset,
    length - from,
    overflowed ? validity : 0,
  );
  if (failed < 0 || overflowed) return failed;
  // The tail starts inside the bitmap, so its validity is looked up here.
  for (let row = from + failed; row < length; row++) {
    const x = <i64>load<i32>(left + (leftSingle ? 0 : <usize>row << 2));
    const y = <i64>load<i32>(right + (rightSingle ? 0 : <usize>row << 2));
    const result = operation == ADD ? x + y : operation == SUBTRACT ? x - y : x * y;
    if (result != <i64>(<i32>result) && isValid(validity, row)) return row;
  }
  return -1;
}

@inline
function wideResult<T>(operation: i32, x: T, y: T): T {
  if (operation == ADD) return <T>(x + y);
  if (operation == SUBTRACT) return <T>(x - y);
  if (operation == MULTIPLY) return <T>(x * y);
  if (y == 0) return 0;
  if (isSigned<T>() && <i64>y == -1) return operation == DIVIDE ? <T>(0 - x) : 0;
  return operation == DIVIDE ? <T>(x / y) : <T>(x % y);
}

/** Whether a 64-bit result is wrong: it left T, or the divisor is zero. */
@inline
function wideFails<T>(operation: i32, x: T, y: T, result: T): bool {
  if (operation == ADD) return isSigned<T>() ? ((x ^ result) & (y ^ result)) < 0 : result < x;
  if (operation == SUBTRACT) return isSigned<T>() ? ((x ^ y) & (x ^ result)) < 0 : x < y;
  if (operation == MULTIPLY) {
    if (isSigned<T>()) {
      const a = <i64>x;
      const b = <i64>y;
      // Both in 32 bits: the product fits.
      if (a == <i64>(<i32>a) && b == <i64>(<i32>b)) return false;
      if (a == 0) return false;
      if (a == -1) return b == i64.MIN_VALUE;
      return <i64>result / a != b;
    }
    if (((<u64>x | <u64>y) >> 32) == 0) return false;
    return <u64>x != 0 && <u64>result / <u64>x != <u64>y;
  }
  if (y == 0) return true;
  return isSigned<T>() && operation == DIVIDE && <i64>y == -1 && <i64>x == i64.MIN_VALUE;
}

@inline
function wideLoop<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  const leftStep = stepOf<T>(leftSingle);
  const rightStep = stepOf<T>(rightSingle);
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = load<T>(left);
    const y = load<T>(right);
    const result = wideResult<T>(operation, x, y);
    if (wideFails<T>(operation, x, y, result)) {
      if (failed < 0 && isValid(validity, row)) failed = row;
    }
    store<T>(out, result);
    left += leftStep;
    right += rightStep;
    out += 8;
  }
  return failed;
}

@inline
function wide<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  switch (operation) {
    case ADD:
      return wideLoop<T>(ADD, left, leftSingle, right, rightSingle, out, length, validity);
    case SUBTRACT:
      return wideLoop<T>(SUBTRACT, left, leftSingle, right, rightSingle, out, length, validity);
    case MULTIPLY:
      return wideLoop<T>(MULTIPLY, left, leftSingle, right, rightSingle, out, length, validity);
    case DIVIDE:
      return wideLoop<T>(DIVIDE, left, leftSingle, right, rightSingle, out, length, validity);
    default:
      return wideLoop<T>(REMAINDER, left, leftSingle, right, rightSingle, out, length, validity);
  }
}

/**
 * Two at a time over an even length; whether a sum or difference overflowed, or a product may have, which products of
 * numbers within 32 bits cannot.
 */
@inline
function vectorI64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): bool {
  const leftSplat = v128.load64_splat(left);
  const rightSplat = v128.load64_splat(right);
  let overflow = i64x2.splat(0);
  const whole = <usize>(length & ~1) << 3;
  for (let at: usize = 0; at < whole; at += 16) {
    const a = operand(left, at, leftSingle, leftSplat);
    const b = operand(right, at, rightSingle, rightSplat);
    let result: v128;
    if (operation == ADD) {
      result = i64x2.add(a, b);
      overflow = v128.or(overflow, v128.and(v128.xor(a, result), v128.xor(b, result)));
    } else if (operation == SUBTRACT) {
      result = i64x2.sub(a, b);
      overflow = v128.or(overflow, v128.and(v128.xor(a, b), v128.xor(a, result)));
    } else {
      result = i64x2.mul(a, b);
      overflow = v128.or(overflow, v128.or(v128.xor(a, extended(a)), v128.xor(b, extended(b))));
    }
    v128.store(out + at, result);
  }
  return operation == MULTIPLY ? v128.any_true(overflow) : i64x2.bitmask(overflow) != 0;
}

/** The low 32 bits of each lane, sign-extended. */
@inline
function extended(lanes: v128): v128 {
  return i64x2.shr_s(i64x2.shl(lanes, 32), 32);
}

/** 1.5 * 2^52: added to a whole number of up to 51 bits, it leaves that number in the lower bits of the double. */
const WHOLE_NUMBERS: f64 = 6755399441055744;
/** Numbers from -2^51 up to here, exclusively, become doubles by the addition of bits. */
const WHOLE_LIMIT: i64 = 1 << 51;

/**
 * Quotients or remainders of a positive divisor of 31 bits, two at a time as doubles, where integers are divided one by one
 * and slowly. That is exact: of a dividend of 51 bits, the quotient is farther from the next whole number than it is rounded.
 */
@inline
function divided(operation: i32, left: usize, divisor: i64, right: usize, out: usize, length: i32): i32 {
  const whole = (<usize>length & ~1) << 3;
  const divisors = f64x2.splat(<f64>divisor);
  const magic = f64x2.splat(WHOLE_NUMBERS);
  let at: usize = 0;
  do {
    const integers = v128.load(left + at);
    if (v128.any_true(i64x2.shr_u(i64x2.add(integers, i64x2.splat(WHOLE_LIMIT)), 52))) {
      wide<i64>(operation, left + at, false, right, true, out + at, 2, 0);
    } else {
      const dividends = f64x2.sub(i64x2.add(integers, magic), magic);
      let result = f64x2.trunc(f64x2.div(dividends, divisors));
      if (operation == REMAINDER) result = f64x2.sub(dividends, f64x2.mul(result, divisors));
      v128.store(out + at, i64x2.sub(f64x2.add(result, magic), magic));
    }
    at += 16;
  } while (at < whole);
  if ((length & 1) == 0) return -1;
  return wide<i64>(operation, left + whole, false, right, true, out + whole, 1, 0);
}

export function arithmeticI64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  if (operation > MULTIPLY && rightSingle && !leftSingle && length > 1) {
    const divisor = load<i64>(right);
    if (divisor > 0 && divisor <= i32.MAX_VALUE) return divided(operation, left, divisor, right, out, length);
  }
  // In place, an operand is gone once its result is written, so failures could not be located afterwards.
  if (operation > MULTIPLY || out == left || out == right || (length & 1) != 0) {
    return wide<i64>(operation, left, leftSingle, right, rightSingle, out, length, validity);
  }
  let overflowed: bool;
  if (operation == ADD) overflowed = vectorI64(ADD, left, leftSingle, right, rightSingle, out, length);
  else if (operation == SUBTRACT) overflowed = vectorI64(SUBTRACT, left, leftSingle, right, rightSingle, out, length);
  else overflowed = vectorI64(MULTIPLY, left, leftSingle, right, rightSingle, out, length);
  return overflowed ? wide<i64>(operation, left, leftSingle, right, rightSingle, out, length, validity) : -1;
}
export function arithmeticU64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return wide<u64>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}

@inline
function floatLoop<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  const leftSplat = v128.splat<T>(load<T>(left));
  const rightSplat = v128.splat<T>(load<T>(right));
  // Whole vectors throughout: `out` has room for the last one, and reading past an operand is safe.
  const end = <usize>length * sizeof<T>();
  for (let at: usize = 0; at < end; at += 16) {
    const a = operand(left, at, leftSingle, leftSplat);
    const b = operand(right, at, rightSingle, rightSplat);
    let result: v128;
    if (operation == ADD) result = v128.add<T>(a, b);
    else if (operation == SUBTRACT) result = v128.sub<T>(a, b);
    else if (operation == MULTIPLY) result = v128.mul<T>(a, b);
    else result = v128.div<T>(a, b);
    v128.store(out + at, result);
  }
}

/** One loop per shape keeps the test for a single operand out of the inner loop. */
@inline
function floatShapes<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  if (rightSingle) floatLoop<T>(operation, left, leftSingle, right, true, out, length);
  else if (leftSingle) floatLoop<T>(operation, left, true, right, false, out, length);
  else floatLoop<T>(operation, left, false, right, false, out, length);
}

@inline
function float<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  if (operation == ADD) floatShapes<T>(ADD, left, leftSingle, right, rightSingle, out, length);
  else if (operation == SUBTRACT) floatShapes<T>(SUBTRACT, left, leftSingle, right, rightSingle, out, length);
  else if (operation == MULTIPLY) floatShapes<T>(MULTIPLY, left, leftSingle, right, rightSingle, out, length);
  else if (operation == DIVIDE) floatShapes<T>(DIVIDE, left, leftSingle, right, rightSingle, out, length);
  else {
    const leftStep = stepOf<T>(leftSingle);
    const rightStep = stepOf<T>(rightSingle);
    for (let row = 0; row < length; row++) {
      store<T>(out, <T>(load<T>(left) % load<T>(right)));
      left += leftStep;
      right += rightStep;
      out += sizeof<T>();
    }
  }
}

/** IEEE arithmetic; the remainder has the dividend's sign and is NaN for a zero divisor. */
export function arithmeticF32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  float<f32>(operation, left, leftSingle, right, rightSingle, out, length);
}
export function arithmeticF64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  float<f64>(operation, left, leftSingle, right, rightSingle, out, length);
}

/**
 * Bit operations on integers of `width` bytes: 0 and, 1 or, 2 xor (any width, `byteLength` bytes in whole vectors).
 * A single operand repeats its `width` bytes.
 */
export function arithmeticBits(operation: i32, width: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32): void {
  const leftSplat = splatOf(left, width);
  const rightSplat = splatOf(right, width);
  const end = <usize>length * <usize>width;
  for (let at: usize = 0; at < end; at += 16) {
    const a = operand(left, at, leftSingle, leftSplat);
    const b = operand(right, at, rightSingle, rightSplat);
    v128.store(out + at, operation == AND ? v128.and(a, b) : operation == OR ? v128.or(a, b) : v128.xor(a, b));
  }
}

function splatOf(address: usize, width: i32): v128 {
  if (width == 1) return v128.load8_splat(address);
  if (width == 2) return v128.load16_splat(address);
  if (width == 4) return v128.load32_splat(address);
  return v128.load64_splat(address);
}

@inline
function shiftLoop<T>(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  const leftStep = stepOf<T>(leftSingle);
  const rightStep = stepOf<T>(rightSingle);
  const bits = <T>(sizeof<T>() * 8);
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const x = load<T>(left);
    const count = load<T>(right);
    if (count < 0 || count >= bits) {
      if (failed < 0 && isValid(validity, row)) failed = row;
    }
    store<T>(out, operation == SHIFT_LEFT ? <T>(x << count) : <T>(x >> count));
    left += leftStep;
    right += rightStep;
    out += sizeof<T>();
  }
  return failed;
}

/** Shifts (3 left, 4 right with the sign); fails where a count is outside 0..bits-1. Bits shifted out are lost. */
export function arithmeticShift32(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return shiftLoop<i32>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
export function arithmeticShift64(operation: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  return shiftLoop<i64>(operation, left, leftSingle, right, rightSingle, out, length, validity);
}
