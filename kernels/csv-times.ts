// Date and time fields of a csvScan table to column values.
// The arguments that all these kernels share are described in csv-field.ts.
import { BAD, bounds, digitAt, isNull, MINUS, PLUS, POINT } from "./csv-field";

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
