/**
 * Decimals: 128-bit two's complement integers, low word first; the scale is the caller's business.
 *
 * Shared contract:
 *   values, left, right  i128[length] (or one where the `Single` flag is set), 8-byte aligned, within 38 digits
 *   precision  digits of the result, 1..38; a larger magnitude fails
 *   validity   bitmap of the rows that matter, or 0 for all
 *   clear      0, or a bitmap in which the bit of each failing row is cleared
 *   out        i128[length]; may be an input that is not single
 * Returns the first valid row that fails, -1 where there is none or where `clear` is given.
 * Most decimals fit 64 bits: those take one multiplication or addition.
 */
const ADD: i32 = 0;
const SUBTRACT: i32 = 1;
const MULTIPLY: i32 = 2;

@inline
function isValid(validity: usize, row: i32): bool {
  return validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0;
}

@inline
function clearBit(bitmap: usize, row: i32): void {
  const address = bitmap + (row >>> 3);
  store<u8>(address, load<u8>(address) & ~(<u8>(<u32>1 << <u32>(row & 7))));
}

/** Whether |value| >= 10^precision. */
@inline
function isTooLarge(low: u64, high: i64, precision: i32): bool {
  // 18 digits and less of a 64-bit value need one comparison.
  const isNegative = high < 0;
  const magnitudeLow = isNegative ? 0 - low : low;
  const magnitudeHigh = isNegative ? ~(<u64>high) + <u64>(low == 0) : <u64>high;
  const limit = POWERS_OF_TEN + (<usize>precision << 4);
  const limitHigh = load<u64>(limit, 8);
  return magnitudeHigh > limitHigh || (magnitudeHigh == limitHigh && magnitudeLow >= load<u64>(limit));
}

/** Upper half of a 64 x 64 bit product. */
@inline
function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >> 32);
  const other = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (other >> 32);
}

/** Writes the product of two 128-bit integers; false where it leaves 128 bits. */
function multiplyWide(aLow: u64, aHigh: i64, bLow: u64, bHigh: i64, out: usize): bool {
  const isNegative = aHigh < 0 != bHigh < 0;
  const xLow = aHigh < 0 ? 0 - aLow : aLow;
  const xHigh = aHigh < 0 ? ~(<u64>aHigh) + <u64>(aLow == 0) : <u64>aHigh;
  const yLow = bHigh < 0 ? 0 - bLow : bLow;
  const yHigh = bHigh < 0 ? ~(<u64>bHigh) + <u64>(bLow == 0) : <u64>bHigh;
  if (xHigh != 0 && yHigh != 0) return false;
  // One upper word is zero, so there is one cross product.
  const upper = xHigh != 0 ? xHigh : yHigh;
  const other = xHigh != 0 ? yLow : xLow;
  if (multiplyHigh(upper, other) != 0) return false;
  const low = xLow * yLow;
  const carried = multiplyHigh(xLow, yLow);
  const high = upper * other + carried;
  if (high < carried || <i64>high < 0) return false;
  store<u64>(out, isNegative ? 0 - low : low);
  store<u64>(out, isNegative ? ~high + <u64>(low == 0) : high, 8);
  return true;
}

/** `isChecked` false: the caller knows that every result has at most `precision` digits. */
@inline
function arithmeticLoop(operation: i32, isChecked: bool, precision: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize, clear: usize): i32 {
  const leftStep: usize = leftSingle ? 0 : 16;
  const rightStep: usize = rightSingle ? 0 : 16;
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const aLow = load<u64>(left);
    const aHigh = load<i64>(left, 8);
    const bLow = load<u64>(right);
    const bHigh = load<i64>(right, 8);
    left += leftStep;
    right += rightStep;
    let fits = true;
    if (operation == MULTIPLY) {
      const areShort = ((aHigh ^ (<i64>aLow >> 63)) | (bHigh ^ (<i64>bLow >> 63))) == 0;
      // Leading sign bits of both sides leave room for the product in 63 bits.
      if (areShort && clz<u64>(aLow ^ <u64>aHigh) + clz<u64>(bLow ^ <u64>bHigh) >= 66) {
        const product = <i64>(aLow * bLow);
        store<i64>(out, product);
        store<i64>(out, product >> 63, 8);
        // 19 digits hold any 64-bit product.
        if (!isChecked || precision >= 19) {
          out += 16;
          continue;
        }
      } else fits = multiplyWide(aLow, aHigh, bLow, bHigh, out);
    } else {
      let low: u64;
      let high: i64;
      if (operation == ADD) {
        low = aLow + bLow;
        high = aHigh + bHigh + <i64>(low < aLow);
        if (isChecked) fits = ((aHigh ^ high) & (bHigh ^ high)) >= 0;
      } else {
        low = aLow - bLow;
        high = aHigh - bHigh - <i64>(aLow < bLow);
        if (isChecked) fits = ((aHigh ^ bHigh) & (aHigh ^ high)) >= 0;
      }
      store<u64>(out, low);
      store<i64>(out, high, 8);
    }
    if (isChecked && (!fits || isTooLarge(load<u64>(out), load<i64>(out, 8), precision))) {
      if (clear != 0) clearBit(clear, row);
      else if (failed < 0 && isValid(validity, row)) failed = row;
      // A failing slot may be a null row's: it must still hold a decimal.
      store<u64>(out, 0);
      store<u64>(out, 0, 8);
    }
    out += 16;
  }
  return failed;
}

/**
 * 0 add, 1 subtract (operands of one scale), 2 multiply.
 *   isChecked  false where the types' digits show that every result fits `precision`; null rows may then hold more
 */
export function decimalArithmetic(operation: i32, isChecked: bool, precision: i32, left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  if (isChecked) {
    if (operation == ADD) return arithmeticLoop(ADD, true, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
    if (operation == SUBTRACT) return arithmeticLoop(SUBTRACT, true, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
    return arithmeticLoop(MULTIPLY, true, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
  }
  if (operation == ADD) return arithmeticLoop(ADD, false, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
  if (operation == SUBTRACT) return arithmeticLoop(SUBTRACT, false, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
  return arithmeticLoop(MULTIPLY, false, precision, left, leftSingle, right, rightSingle, out, length, validity, 0);
}

/** Times 10^digits (0..38). */
export function decimalScaleUp(values: usize, digits: i32, precision: i32, length: i32, validity: usize, clear: usize, out: usize): i32 {
  return arithmeticLoop(MULTIPLY, true, precision, values, false, POWERS_OF_TEN + (<usize>digits << 4), true, out, length, validity, clear);
}

/** Divides a 128-bit magnitude at `at` by 10^digits, by at most nine digits at a time. */
@inline
function divideByPower(at: usize, digits: i32): void {
  let left = digits;
  while (left > 0) {
    const step = min(left, 9);
    const divisor = load<u64>(POWERS_OF_TEN + (<usize>step << 4));
    const high = load<u64>(at, 8);
    const low = load<u64>(at);
    if (high == 0) store<u64>(at, low / divisor);
    else {
      const upper = high / divisor;
      let remainder = high % divisor;
      // 30 bits of remainder and 32 bits of value fit 64 bits.
      const first = (remainder << 32) | (low >> 32);
      remainder = first % divisor;
      const second = (remainder << 32) | (low & 0xffffffff);
      store<u64>(at, ((first / divisor) << 32) | (second / divisor));
      store<u64>(at, upper, 8);
    }
    left -= step;
  }
}

/**
 * Divided by 10^digits (0..38).
 *   rounding  0 half away from zero, 1 towards zero, 2 towards minus infinity, 3 towards plus infinity
 */
export function decimalScaleDown(values: usize, digits: i32, rounding: i32, precision: i32, length: i32, validity: usize, clear: usize, out: usize): i32 {
  let failed = -1;
  const power = POWERS_OF_TEN + (<usize>digits << 4);
  const powerLow = load<u64>(power);
  const powerHigh = load<u64>(power, 8);
  for (let row = 0; row < length; row++) {
    let low = load<u64>(values);
    let high = load<u64>(values, 8);
    const isNegative = <i64>high < 0;
    if (isNegative) {
      high = ~high + <u64>(low == 0);
      low = 0 - low;
    }
    if (digits > 0) {
      let addLow: u64 = 0;
      let addHigh: u64 = 0;
      if (rounding == 0) {
        addLow = (powerLow >> 1) | (powerHigh << 63);
        addHigh = powerHigh >> 1;
      } else if (rounding == (isNegative ? 2 : 3)) {
        // Away from zero: anything below a whole counts up.
        addLow = powerLow - 1;
        addHigh = powerHigh - <u64>(powerLow == 0);
      }
      const sum = low + addLow;
      high = high + addHigh + <u64>(sum < low);
      low = sum;
    }
    store<u64>(out, low);
    store<u64>(out, high, 8);
    divideByPower(out, digits);
    low = load<u64>(out);
    high = load<u64>(out, 8);
    if (isTooLarge(low, <i64>high, precision)) {
      if (clear != 0) clearBit(clear, row);
      else if (failed < 0 && isValid(validity, row)) failed = row;
      low = 0;
      high = 0;
    }
    store<u64>(out, isNegative ? 0 - low : low);
    store<u64>(out, isNegative ? ~high + <u64>(low == 0) : high, 8);
    values += 16;
    out += 16;
  }
  return failed;
}

/** Remainder with the sign of the dividend; fails where the divisor is zero. */
export function decimalRemainder(left: usize, leftSingle: bool, right: usize, rightSingle: bool, out: usize, length: i32, validity: usize): i32 {
  const leftStep: usize = leftSingle ? 0 : 16;
  const rightStep: usize = rightSingle ? 0 : 16;
  let failed = -1;
  for (let row = 0; row < length; row++) {
    let low = load<u64>(left);
    let high = load<u64>(left, 8);
    let divisorLow = load<u64>(right);
    let divisorHigh = load<u64>(right, 8);
    const isNegative = <i64>high < 0;
    if (isNegative) {
      high = ~high + <u64>(low == 0);
      low = 0 - low;
    }
    if (<i64>divisorHigh < 0) {
      divisorHigh = ~divisorHigh + <u64>(divisorLow == 0);
      divisorLow = 0 - divisorLow;
    }
    if ((divisorLow | divisorHigh) == 0) {
      if (failed < 0 && isValid(validity, row)) failed = row;
      low = 0;
      high = 0;
    } else if ((high | divisorHigh) == 0) low %= divisorLow;
    else {
      // Long division, one bit at a time: rare, and at most 128 steps.
      let restLow: u64 = 0;
      let restHigh: u64 = 0;
      for (let bit = 127; bit >= 0; bit--) {
        restHigh = (restHigh << 1) | (restLow >> 63);
        restLow = (restLow << 1) | (bit >= 64 ? (high >> <u64>(bit - 64)) & 1 : (low >> <u64>bit) & 1);
        if (restHigh > divisorHigh || (restHigh == divisorHigh && restLow >= divisorLow)) {
          const borrow = <u64>(restLow < divisorLow);
          restLow -= divisorLow;
          restHigh -= divisorHigh + borrow;
        }
      }
      low = restLow;
      high = restHigh;
    }
    store<u64>(out, isNegative ? 0 - low : low);
    store<u64>(out, isNegative ? ~high + <u64>(low == 0) : high, 8);
    left += leftStep;
    right += rightStep;
    out += 16;
  }
  return failed;
}

/** i64 (or u64) integers as decimals of scale 0. */
export function decimalFromI64(values: usize, isUnsigned: bool, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    const value = load<i64>(values + (<usize>row << 3));
    store<i64>(out + (<usize>row << 4), value);
    store<i64>(out + (<usize>row << 4), isUnsigned ? 0 : value >> 63, 8);
  }
}

/** Decimals of scale 0 as i64 (or u64); fails outside its range. */
export function decimalToI64(values: usize, isUnsigned: bool, length: i32, validity: usize, clear: usize, out: usize): i32 {
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const low = load<i64>(values + (<usize>row << 4));
    const high = load<i64>(values + (<usize>row << 4), 8);
    store<i64>(out + (<usize>row << 3), low);
    if (high != (isUnsigned ? 0 : low >> 63)) {
      if (clear != 0) clearBit(clear, row);
      else if (failed < 0 && isValid(validity, row)) failed = row;
    }
  }
  return failed;
}

/** f64 values times 10^scale, rounded half away from zero; fails for NaN and past the precision. */
export function decimalFromF64(values: usize, scale: i32, precision: i32, length: i32, validity: usize, clear: usize, out: usize): i32 {
  let failed = -1;
  const factor = load<f64>(POWERS_F64 + (<usize>scale << 3));
  for (let row = 0; row < length; row++) {
    const value = load<f64>(values + (<usize>row << 3));
    const scaled = abs<f64>(value) * factor;
    let low: u64 = 0;
    let high: u64 = 0;
    let fits = false;
    if (scaled < 1.0e38) {
      const whole = floor<f64>(scaled);
      const rounded = scaled - whole >= 0.5 ? whole + 1.0 : whole;
      high = <u64>(rounded / 18446744073709551616.0);
      low = <u64>(rounded - <f64>high * 18446744073709551616.0);
      fits = !isTooLarge(low, <i64>high, precision);
    }
    if (!fits) {
      if (clear != 0) clearBit(clear, row);
      else if (failed < 0 && isValid(validity, row)) failed = row;
      low = 0;
      high = 0;
    }
    store<u64>(out, value < 0 ? 0 - low : low);
    store<u64>(out, value < 0 ? ~high + <u64>(low == 0) : high, 8);
    out += 16;
  }
  return failed;
}

/** The nearest f64: the upper 64 significant bits decide, with what lies below them folded into the last. */
function wideToF64(low: u64, high: i64): f64 {
  const isNegative = high < 0;
  const upper = isNegative ? ~(<u64>high) + <u64>(low == 0) : <u64>high;
  const lower = isNegative ? 0 - low : low;
  let value = <f64>lower;
  if (upper != 0) {
    const shift = 64 - clz<u64>(upper);
    const top = (upper << (64 - shift)) | (lower >> shift) | <u64>(lower << (64 - shift) != 0);
    value = <f64>top * reinterpret<f64>((1023 + shift) << 52);
  }
  return isNegative ? -value : value;
}

/** Decimals divided by 10^scale as f64. */
export function decimalToF64(values: usize, scale: i32, length: i32, out: usize): void {
  const divisor = load<f64>(POWERS_F64 + (<usize>scale << 3));
  for (let row = 0; row < length; row++) {
    const low = load<u64>(values + (<usize>row << 4));
    const high = load<i64>(values + (<usize>row << 4), 8);
    const value = high == <i64>low >> 63 ? <f64>(<i64>low) : wideToF64(low, high);
    store<f64>(out + (<usize>row << 3), value / divisor);
  }
}

/** |value|; `out` may be `values`. */
export function decimalAbs(values: usize, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    const low = load<u64>(values + (<usize>row << 4));
    const high = load<u64>(values + (<usize>row << 4), 8);
    const isNegative = <i64>high < 0;
    store<u64>(out + (<usize>row << 4), isNegative ? 0 - low : low);
    store<u64>(out + (<usize>row << 4), isNegative ? ~high + <u64>(low == 0) : high, 8);
  }
}

/** 10^0 .. 10^38 as u128, low word first. */
const POWERS_OF_TEN = memory.data<u64>([
  1, 0,
  10, 0,
  100, 0,
  1000, 0,
  10000, 0,
  100000, 0,
  1000000, 0,
  10000000, 0,
  100000000, 0,
  1000000000, 0,
  10000000000, 0,
  100000000000, 0,
  1000000000000, 0,
  10000000000000, 0,
  100000000000000, 0,
  1000000000000000, 0,
  10000000000000000, 0,
  100000000000000000, 0,
  1000000000000000000, 0,
  10000000000000000000, 0,
  7766279631452241920, 5,
  3875820019684212736, 54,
  1864712049423024128, 542,
  200376420520689664, 5421,
  2003764205206896640, 54210,
  1590897978359414784, 542101,
  15908979783594147840, 5421010,
  11515845246265065472, 54210108,
  4477988020393345024, 542101086,
  7886392056514347008, 5421010862,
  5076944270305263616, 54210108624,
  13875954555633532928, 542101086242,
  9632337040368467968, 5421010862427,
  4089650035136921600, 54210108624275,
  4003012203950112768, 542101086242752,
  3136633892082024448, 5421010862427522,
  12919594847110692864, 54210108624275221,
  68739955140067328, 542101086242752217,
  687399551400673280, 5421010862427522170,
], 16);
/** 10^0 .. 10^38 as f64. */
const POWERS_F64 = memory.data<f64>([
  1.0e0, 1.0e1, 1.0e2, 1.0e3, 1.0e4, 1.0e5, 1.0e6, 1.0e7, 1.0e8, 1.0e9, 1.0e10, 1.0e11, 1.0e12, 1.0e13, 1.0e14, 1.0e15, 1.0e16, 1.0e17, 1.0e18, 1.0e19, 1.0e20, 1.0e21, 1.0e22, 1.0e23, 1.0e24, 1.0e25, 1.0e26, 1.0e27, 1.0e28, 1.0e29, 1.0e30, 1.0e31, 1.0e32, 1.0e33, 1.0e34, 1.0e35, 1.0e36, 1.0e37, 1.0e38,
], 16);
