// Number and bool fields of a csvScan table to column values.
// The arguments that all these kernels share are described in csv-field.ts.
import { BAD, bounds, digitAt, isNull, MINUS, PLUS, POINT, UNDECIDED } from "./csv-field";
import { decimalToDouble } from "./csv-float";

/** Stores the integer that [from, to) spells, as i64 bits; false where it spells none or one outside the type. */
function parseInteger(from: usize, to: usize, isSigned: bool, out: usize): bool {
  let at = from;
  let isNegative = false;
  if (at < to) {
    const first = load<u8>(at);
    if (first == MINUS || first == PLUS) {
      isNegative = first == MINUS;
      at++;
    }
  }
  if (at == to) return false;
  let value: u64 = 0;
  if (to - at <= 18) {
    for (; at < to; at++) {
      const digit = digitAt(at);
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
  } else {
    for (; at < to; at++) {
      const digit = digitAt(at);
      if (digit > 9 || value > 1844674407370955161) return false;
      const next = value * 10 + digit;
      if (next < value * 10) return false;
      value = next;
    }
  }
  if (isSigned) {
    if (value > (<u64>1 << 63) - <u64>(!isNegative)) return false;
  } else if (isNegative && value != 0) return false;
  store<u64>(out, isNegative ? 0 - value : value);
  return true;
}

@inline
function integers<T extends number>(
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  nulls: usize,
  scratch: usize,
  out: usize,
  valid: usize,
  bad: usize,
): i32 {
  let badCount = 0;
  let record = table;
  for (let row: usize = 0; row < <usize>rows; row++, record += <usize>stride) {
    const span = bounds(text, record, column, quote);
    const from = <usize>(span >> 32);
    const to = <usize>(<u32>span);
    const target = out + row * sizeof<T>();
    store<T>(target, 0);
    if (isNull(from, to, nulls)) {
      store<u8>(valid + row, 0);
      continue;
    }
    store<u8>(valid + row, 1);
    let fits = parseInteger(from, to, isSigned<T>(), scratch);
    if (fits) {
      const value = load<i64>(scratch);
      if (sizeof<T>() < 8) fits = <i64>(<T>value) == value;
      store<T>(target, <T>value);
    }
    if (!fits) {
      store<u8>(bad + row, load<u8>(bad + row) | BAD);
      badCount++;
    }
  }
  return badCount;
}

/**
 * Integers of `kind` 8, 16, 32 or 64 bits, negative where signed. scratch: 8 bytes; out: room for the values.
 */
export function csvIntegers(
  kind: i32,
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  nulls: usize,
  scratch: usize,
  out: usize,
  valid: usize,
  bad: usize,
): i32 {
  switch (kind) {
    case -8:
      return integers<i8>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case -16:
      return integers<i16>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case -32:
      return integers<i32>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case -64:
      return integers<i64>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case 8:
      return integers<u8>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case 16:
      return integers<u16>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    case 32:
      return integers<u32>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
    default:
      return integers<u64>(text, table, stride, column, rows, quote, nulls, scratch, out, valid, bad);
  }
}

/** The double that [from, to) spells, or NaN where the caller has to look. */
@inline
function parseDouble(from: usize, to: usize): f64 {
  let at = from;
  const isNegative = at < to && load<u8>(at) == MINUS;
  if (isNegative) at++;
  let significand: u64 = 0;
  let power = 0;
  const digitsStart = at;
  let digit: u32 = 0;
  while (at < to && (digit = digitAt(at)) <= 9) {
    significand = significand * 10 + digit;
    at++;
  }
  let digits = <i32>(at - digitsStart);
  if (at < to && load<u8>(at) == POINT) {
    at++;
    const fractionStart = at;
    while (at < to && (digit = digitAt(at)) <= 9) {
      significand = significand * 10 + digit;
      at++;
    }
    power = -(<i32>(at - fractionStart));
    digits -= power;
  }
  // 19 digits always fit into u64. Leading zeros count here as well, so a few such texts are undecided for nothing.
  if (digits == 0 || digits > 19) return NaN;
  if (at < to) {
    if ((load<u8>(at) | 32) != 101) return NaN;
    at++;
    let isNegativePower = false;
    if (at < to) {
      const sign = load<u8>(at);
      if (sign == MINUS || sign == PLUS) {
        isNegativePower = sign == MINUS;
        at++;
      }
    }
    if (at == to || to - at > 4) return NaN;
    let exponent = 0;
    for (; at < to; at++) {
      const digit = digitAt(at);
      if (digit > 9) return NaN;
      exponent = exponent * 10 + <i32>digit;
    }
    power += isNegativePower ? -exponent : exponent;
  }
  const value = decimalToDouble(significand, power);
  return isNegative ? -value : value;
}

/**
 * float64, correctly rounded. Rows that need the exact conversion, or hold no number, are marked UNDECIDED in `bad`.
 * out: f64[rows]
 */
export function csvDoubles(
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  nulls: usize,
  out: usize,
  valid: usize,
  bad: usize,
): i32 {
  let undecided = 0;
  let record = table;
  for (let row: usize = 0; row < <usize>rows; row++, record += <usize>stride) {
    const span = bounds(text, record, column, quote);
    const from = <usize>(span >> 32);
    const to = <usize>(<u32>span);
    let value: f64 = 0;
    let hasValue: u8 = 0;
    if (!isNull(from, to, nulls)) {
      hasValue = 1;
      value = parseDouble(from, to);
      if (value != value) {
        store<u8>(bad + row, load<u8>(bad + row) | UNDECIDED);
        undecided++;
        value = 0;
      }
    }
    store<f64>(out + (row << 3), value);
    store<u8>(valid + row, hasValue);
  }
  return undecided;
}

/** true, false, t, f, 1, 0 in any case. out: u8[rows] of 0 and 1, to be packed. */
export function csvBools(
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  nulls: usize,
  out: usize,
  valid: usize,
  bad: usize,
): i32 {
  let badCount = 0;
  let record = table;
  for (let row: usize = 0; row < <usize>rows; row++, record += <usize>stride) {
    const span = bounds(text, record, column, quote);
    const from = <usize>(span >> 32);
    const to = <usize>(<u32>span);
    const isMissing = isNull(from, to, nulls);
    store<u8>(valid + row, isMissing ? 0 : 1);
    const value = isMissing ? 0 : parseBool(from, to);
    store<u8>(out + row, value == 1 ? 1 : 0);
    if (value < 0) {
      store<u8>(bad + row, load<u8>(bad + row) | BAD);
      badCount++;
    }
  }
  return badCount;
}

function parseBool(from: usize, to: usize): i32 {
  const length = to - from;
  if (length == 1) {
    const byte = load<u8>(from) | 32;
    if (byte == 116 || load<u8>(from) == 49) return 1;
    return byte == 102 || load<u8>(from) == 48 ? 0 : -1;
  }
  if (length < 4 || length > 5) return -1;
  const word = load<u32>(from) | 0x20202020;
  if (length == 4) return word == 0x65757274 ? 1 : -1;
  return word == 0x736c6166 && (load<u8>(from, 4) | 32) == 101 ? 0 : -1;
}

/** Decimals to 16-byte values: exact, so nonzero digits beyond the scale and values beyond the precision are BAD. */
export function csvDecimals(
  precision: i32,
  scale: i32,
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  nulls: usize,
  out: usize,
  valid: usize,
  bad: usize,
): i32 {
  let badCount = 0;
  let record = table;
  for (let row: usize = 0; row < <usize>rows; row++, record += <usize>stride) {
    const span = bounds(text, record, column, quote);
    const from = <usize>(span >> 32);
    const to = <usize>(<u32>span);
    const target = out + (row << 4);
    store<i64>(target, 0);
    store<i64>(target, 0, 8);
    const isMissing = isNull(from, to, nulls);
    store<u8>(valid + row, isMissing ? 0 : 1);
    if (!isMissing && !parseUnscaled(from, to, precision, scale, target)) {
      store<u8>(bad + row, load<u8>(bad + row) | BAD);
      badCount++;
    }
  }
  return badCount;
}

/** Stores the 128-bit value * 10^scale of [-+]digits[.digits]; false where there is none of `precision` digits. */
function parseUnscaled(from: usize, to: usize, precision: i32, scale: i32, out: usize): bool {
  let at = from;
  const isNegative = at < to && load<u8>(at) == MINUS;
  if (isNegative || (at < to && load<u8>(at) == PLUS)) at++;
  let high: u64 = 0;
  let low: u64 = 0;
  let significant = 0;
  let digits = 0;
  let fraction = -1;
  for (; at < to; at++) {
    const byte = load<u8>(at);
    if (byte == POINT && fraction < 0) {
      fraction = 0;
      continue;
    }
    const digit = <u64>byte - 48;
    if (digit > 9) return false;
    digits++;
    if (fraction >= scale) {
      if (digit != 0) return false;
      continue;
    }
    if (fraction >= 0) fraction++;
    if (significant > 0 || digit != 0) significant++;
    if (significant > precision) return false;
    const carried = timesTenCarry(low);
    low = low * 10 + digit;
    high = high * 10 + carried + (low < digit ? 1 : 0);
  }
  if (digits == 0) return false;
  for (let missing = scale - max(fraction, 0); missing > 0 && significant > 0; missing--) {
    if (++significant > precision) return false;
    const carried = timesTenCarry(low);
    low *= 10;
    high = high * 10 + carried;
  }
  if (isNegative) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  store<u64>(out, low);
  store<u64>(out, high, 8);
  return true;
}

/** What value * 10 carries into the next 64 bits. */
@inline
function timesTenCarry(value: u64): u64 {
  return ((value >> 32) * 10 + (((value & 0xffffffff) * 10) >> 32)) >> 32;
}
