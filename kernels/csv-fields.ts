// Fields of a csvScan table to column values. Every kernel here takes
//   text, table, stride, column, rows, quote   as csvScan left them; stride is the bytes of one record of the table
//   nulls   texts that mean null: u32 1 if the empty text does, u32 count, then per text u8 length and its bytes
//   valid   u8[rows], out: 1 where there is a value
//   bad     u8[rows], in and out: BAD is set where the field is no value of the type; such rows get a zero value
// and returns how many rows it marked. Numbers, dates and bools may have blanks around them and may be quoted.
import { decimalToDouble } from "./csv-float";

const BAD: u8 = 1;
/** Maybe a value, but only the exact, slower conversion of the caller can tell. */
const UNDECIDED: u8 = 2;

const MINUS: u8 = 45;
const PLUS: u8 = 43;
const POINT: u8 = 46;

/** Start (upper half) and end (lower half) of a field, without blanks and quotes around it. */
@inline
function bounds(text: usize, record: usize, column: i32, quote: i32): u64 {
  const entry = record + (<usize>column << 2);
  const from = text + <usize>(load<i32>(entry) + 1);
  const to = text + <usize>load<i32>(entry, 4);
  if (from < to) {
    const first = load<u8>(from);
    if (first <= 32 || <i32>first == quote || load<u8>(to - 1) <= 32) return trimmed(from, to, quote);
  }
  return (<u64>from << 32) | <u64>to;
}

function trimmed(start: usize, end: usize, quote: i32): u64 {
  let from = start;
  let to = end;
  while (from < to && isBlank(load<u8>(from))) from++;
  while (from < to && isBlank(load<u8>(to - 1))) to--;
  if (to - from >= 2 && <i32>load<u8>(from) == quote && <i32>load<u8>(to - 1) == quote) {
    from++;
    to--;
    while (from < to && isBlank(load<u8>(from))) from++;
    while (from < to && isBlank(load<u8>(to - 1))) to--;
  }
  return (<u64>from << 32) | <u64>to;
}

@inline
function isBlank(byte: u8): bool {
  return byte == 32 || byte == 9;
}

@inline
function isNull(from: usize, to: usize, nulls: usize): bool {
  if (from == to) return load<u32>(nulls) != 0;
  if (load<u32>(nulls, 4) == 0) return false;
  return isNullText(from, to, nulls);
}

function isNullText(from: usize, to: usize, nulls: usize): bool {
  const length = <u32>(to - from);
  let entry = nulls + 8;
  for (let left = load<u32>(nulls, 4); left > 0; left--) {
    const size = <u32>load<u8>(entry);
    if (size == length) {
      let i: u32 = 0;
      while (i < size && load<u8>(from + i) == load<u8>(entry + 1 + i)) i++;
      if (i == size) return true;
    }
    entry += 1 + size;
  }
  return false;
}

@inline
function digitAt(at: usize): u32 {
  return <u32>load<u8>(at) - 48;
}

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

const NO_DAY = i32.MIN_VALUE;

/** Days since 1970-01-01 of YYYY-MM-DD at `at` (10 bytes), or NO_DAY. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
function parseDay(at: usize): i32 {
  if (load<u8>(at, 4) != MINUS || load<u8>(at, 7) != MINUS) return NO_DAY;
  const yearHigh = twoDigits(at);
  const yearLow = twoDigits(at + 2);
  const month = twoDigits(at + 5);
  const day = twoDigits(at + 8);
  if (yearHigh < 0 || yearLow < 0 || month < 1 || month > 12 || day < 1 || day > 31) return NO_DAY;
  const year = yearHigh * 100 + yearLow;
  if (day > 28 && day > daysOfMonth(year, month)) return NO_DAY;
  const shifted = year - (month <= 2 ? 1 : 0);
  const era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const yearOfEra = shifted - era * 400;
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}

function daysOfMonth(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** 0..99, or -1. */
@inline
function twoDigits(at: usize): i32 {
  const tens = digitAt(at);
  const ones = digitAt(at + 1);
  return tens > 9 || ones > 9 ? -1 : <i32>(tens * 10 + ones);
}

/** YYYY-MM-DD to i32[rows] of days since 1970-01-01. */
export function csvDates(
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
    let day = 0;
    const isMissing = isNull(from, to, nulls);
    store<u8>(valid + row, isMissing ? 0 : 1);
    if (!isMissing) {
      day = to - from == 10 ? parseDay(from) : NO_DAY;
      if (day == NO_DAY) {
        day = 0;
        store<u8>(bad + row, load<u8>(bad + row) | BAD);
        badCount++;
      }
    }
    store<i32>(out + (row << 2), day);
  }
  return badCount;
}

/**
 * YYYY-MM-DD, optionally T or a blank and hh:mm[:ss[.fraction]], optionally Z or +hh:mm, +hhmm or +hh, to i64[rows] of
 * units since the epoch. An offset is taken off, so such a text is read as its UTC time. Digits of the fraction that the
 * unit cannot hold are cut off.
 *   unitsPerSecond  1, 1e3, 1e6 or 1e9
 */
export function csvTimestamps(
  unitsPerSecond: i32,
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
    const target = out + (row << 3);
    store<i64>(target, 0);
    const isMissing = isNull(from, to, nulls);
    store<u8>(valid + row, isMissing ? 0 : 1);
    if (!isMissing && !parseTimestamp(from, to, unitsPerSecond, target)) {
      store<u8>(bad + row, load<u8>(bad + row) | BAD);
      badCount++;
    }
  }
  return badCount;
}

function parseTimestamp(from: usize, to: usize, unitsPerSecond: i32, out: usize): bool {
  if (to - from < 10) return false;
  const day = parseDay(from);
  if (day == NO_DAY) return false;
  let at = from + 10;
  let seconds: i64 = <i64>day * 86400;
  let nanoseconds = 0;
  if (at < to) {
    const separator = load<u8>(at);
    if ((separator != 84 && separator != 116 && separator != 32) || to - at < 6 || load<u8>(at, 3) != 58) return false;
    const hour = twoDigits(at + 1);
    const minute = twoDigits(at + 4);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
    seconds += hour * 3600 + minute * 60;
    at += 6;
    if (at < to && load<u8>(at) == 58) {
      if (to - at < 3) return false;
      const second = twoDigits(at + 1);
      if (second < 0 || second > 59) return false;
      seconds += second;
      at += 3;
      if (at < to && (load<u8>(at) == POINT || load<u8>(at) == 44)) {
        at++;
        const start = at;
        let scale = 100000000;
        let digit: u32 = 0;
        while (at < to && (digit = digitAt(at)) <= 9) {
          nanoseconds += <i32>digit * scale;
          scale /= 10;
          at++;
        }
        if (at == start) return false;
      }
    }
    if (at < to) {
      const zone = load<u8>(at++);
      if (zone == PLUS || zone == MINUS) {
        const left = to - at;
        if (left < 2) return false;
        const hours = twoDigits(at);
        let minutes = 0;
        if (left == 5 && load<u8>(at, 2) == 58) minutes = twoDigits(at + 3);
        else if (left == 4) minutes = twoDigits(at + 2);
        else if (left != 2) return false;
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
        const offset = hours * 3600 + minutes * 60;
        seconds -= zone == MINUS ? -offset : offset;
      } else if ((zone != 90 && zone != 122) || at != to) return false;
    }
  }
  // Nanoseconds reach from 1677 to 2262; coarser units hold every year of four digits.
  if (unitsPerSecond == 1000000000 && (seconds > 9223372035 || seconds < -9223372036)) return false;
  store<i64>(out, seconds * <i64>unitsPerSecond + <i64>(nanoseconds / (1000000000 / unitsPerSecond)));
  return true;
}

/** hh:mm[:ss[.fraction]] to units since midnight: i32[rows] where `width` is 4, i64[rows] where it is 8. */
export function csvTimes(
  unitsPerSecond: i32,
  width: i32,
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
    let value: i64 = isMissing ? 0 : parseTime(from, to, unitsPerSecond);
    if (value < 0) {
      value = 0;
      store<u8>(bad + row, load<u8>(bad + row) | BAD);
      badCount++;
    }
    if (width == 4) store<i32>(out + (row << 2), <i32>value);
    else store<i64>(out + (row << 3), value);
  }
  return badCount;
}

/** Units since midnight, or -1. */
function parseTime(from: usize, to: usize, unitsPerSecond: i32): i64 {
  const length = to - from;
  if (length < 5 || load<u8>(from, 2) != 58) return -1;
  const hour = twoDigits(from);
  const minute = twoDigits(from + 3);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1;
  let seconds = hour * 3600 + minute * 60;
  let nanoseconds = 0;
  if (length > 5) {
    const second = length >= 8 && load<u8>(from, 5) == 58 ? twoDigits(from + 6) : -1;
    if (second < 0 || second > 59) return -1;
    seconds += second;
    let at = from + 8;
    if (at < to) {
      if (load<u8>(at) != POINT || ++at == to) return -1;
      let scale = 100000000;
      for (; at < to; at++) {
        const digit = digitAt(at);
        if (digit > 9) return -1;
        nanoseconds += <i32>digit * scale;
        scale /= 10;
      }
    }
  }
  return <i64>seconds * unitsPerSecond + nanoseconds / (1000000000 / unitsPerSecond);
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
