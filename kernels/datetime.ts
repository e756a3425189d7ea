/**
 * Calendar arithmetic on days since 1970-01-01 (i32) in the proleptic Gregorian calendar, and clocks on i64 units.
 * Algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Days are good for years -32767..32767 and
 * beyond, up to about a year off the ends of i32.
 */
const YEAR: i32 = 0;
const QUARTER: i32 = 1;
const MONTH: i32 = 2;
const WEEK: i32 = 3;
const DAY: i32 = 4;
const DAY_OF_YEAR: i32 = 5;
const DAY_OF_WEEK: i32 = 6;

@inline
function floorDivide(a: i32, b: i32): i32 {
  return (a >= 0 ? a : a - b + 1) / b;
}

/** Year, month (1..12) and day packed as year << 9 | month << 5 | day. */
function civilOf(days: i32): i64 {
  // From year 0 on, and as far as four times the days stay below 2^31: Neri and Schneider, "Euclidean affine functions and their application
  // to calendar algorithms", Software: Practice and Experience 53(4), 2023.
  if (days >= -719468 && days < 500_000_000) {
    const n1 = 4 * <u32>(days + 719468) + 3;
    const century = n1 / 146097;
    const n2 = ((n1 % 146097) | 3) as u32;
    const p2 = <u64>2939745 * <u64>n2;
    const dayOfYear = (<u32>p2 / 2939745) >> 2;
    const n3 = 2141 * dayOfYear + 197913;
    // March comes first: the last two months belong to the next year.
    const isLate = u32(dayOfYear >= 306);
    const year = 100 * century + <u32>(p2 >> 32) + isLate;
    const month = (n3 >> 16) - 12 * isLate;
    return (<i64>year << 9) | <i64>((month << 5) | ((n3 & 0xffff) / 2141 + 1));
  }
  return civilOfAny(days);
}

function civilOfAny(days: i32): i64 {
  const z = <i64>days + 719468;
  const era = (z >= 0 ? z : z - 146096) / 146097;
  const dayOfEra = <i32>(z - era * 146097);
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shifted = (5 * dayOfYear + 2) / 153;
  const day = dayOfYear - (153 * shifted + 2) / 5 + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = <i64>yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return (year << 9) | (month << 5) | day;
}

@inline
function yearOf(civil: i64): i64 {
  return civil >> 9;
}
@inline
function monthOf(civil: i64): i32 {
  return <i32>(civil >> 5) & 15;
}
@inline
function dayOf(civil: i64): i32 {
  return <i32>civil & 31;
}

function daysOf(year: i64, month: i32, day: i32): i64 {
  if (year >= 1 && year < 3_000_000) {
    const y = <u32>year - u32(month <= 2);
    const era = y / 400;
    const yearOfEra = y - era * 400;
    const dayOfYear = (153 * <u32>(month + (month > 2 ? -3 : 9)) + 2) / 5 + <u32>day - 1;
    return <i64>(era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear) - 719468;
  }
  return daysOfAny(year, month, day);
}

function daysOfAny(year: i64, month: i32, day: i32): i64 {
  const y = month <= 2 ? year - 1 : year;
  const era = (y >= 0 ? y : y - 399) / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}

@inline
function isLeap(year: i64): bool {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

@inline
function daysInMonth(year: i64, month: i32): i32 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** 1 Monday .. 7 Sunday; day 0 was a Thursday. */
@inline
function dayOfWeek(days: i32): i32 {
  const rest = (<i64>days + 3) % 7;
  return <i32>(rest < 0 ? rest + 7 : rest) + 1;
}

@inline
function isoWeek(days: i32): i32 {
  // The week belongs to the year of its Thursday.
  const thursday = days + 4 - dayOfWeek(days);
  return (thursday - <i32>daysOf(yearOf(civilOf(thursday)), 1, 1)) / 7 + 1;
}

/** out i32[length]: 0 year, 1 quarter, 2 month, 3 ISO week, 4 day of month, 5 day of year, 6 ISO day of week. */
export function datetimePart(part: i32, days: usize, length: i32, out: usize): void {
  // Events mostly come day by day: what the last day gave is kept.
  let lastDay = 0;
  let value = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const day = load<i32>(days + (i << 2));
    if (day == lastDay && i > 0) {
      store<i32>(out + (i << 2), value);
      continue;
    }
    lastDay = day;
    if (part == DAY_OF_WEEK) value = dayOfWeek(day);
    else if (part == WEEK) value = isoWeek(day);
    else {
      const civil = civilOf(day);
      if (part == YEAR) value = <i32>yearOf(civil);
      else if (part == QUARTER) value = (monthOf(civil) + 2) / 3;
      else if (part == MONTH) value = monthOf(civil);
      else if (part == DAY) value = dayOf(civil);
      else value = day - <i32>daysOf(yearOf(civil), 1, 1) + 1;
    }
    store<i32>(out + (i << 2), value);
  }
}

/** First day of the 0 year, 1 quarter, 2 month, 3 ISO week; out i32[length], may be `days`. */
export function datetimeTruncate(unit: i32, days: usize, length: i32, out: usize): void {
  let lastDay = 0;
  let value = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const day = load<i32>(days + (i << 2));
    if (day == lastDay && i > 0) {
      store<i32>(out + (i << 2), value);
      continue;
    }
    lastDay = day;
    if (unit == MONTH) value = day - dayOf(civilOf(day)) + 1;
    else if (unit == WEEK) value = day + 1 - dayOfWeek(day);
    else {
      const civil = civilOf(day);
      const month = unit == YEAR ? 1 : ((monthOf(civil) - 1) / 3) * 3 + 1;
      value = <i32>daysOf(yearOf(civil), month, 1);
    }
    store<i32>(out + (i << 2), value);
  }
}

/** Number of the 0 year, 1 quarter, 2 month, 3 week, 4 day that a day lies in; out i64[length]. */
export function datetimeOrdinal(unit: i32, days: usize, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    const day = load<i32>(days + (i << 2));
    let value: i64;
    if (unit == DAY) value = day;
    else if (unit == WEEK) value = <i64>floorDivide(day + 3, 7);
    else {
      const civil = civilOf(day);
      if (unit == YEAR) value = yearOf(civil);
      else if (unit == QUARTER) value = yearOf(civil) * 4 + (monthOf(civil) - 1) / 3;
      else value = yearOf(civil) * 12 + monthOf(civil) - 1;
    }
    store<i64>(out + (i << 3), value);
  }
}

/**
 * Days moved by months; a day past the end of its month becomes the last.
 *   months  i64[length], or one where `monthsSingle`;  out  i32[length]
 * Returns the first valid row whose result is no i32 day, or -1.
 */
export function datetimeAddMonths(days: usize, daysSingle: bool, months: usize, monthsSingle: bool, length: i32, validity: usize, out: usize): i32 {
  let failed = -1;
  for (let row = 0; row < length; row++) {
    const civil = civilOf(load<i32>(days + (daysSingle ? 0 : <usize>row << 2)));
    const amount = load<i64>(months + (monthsSingle ? 0 : <usize>row << 3));
    const isFar = amount > 200_000_000 || amount < -200_000_000;
    const total = yearOf(civil) * 12 + monthOf(civil) - 1 + (isFar ? 0 : amount);
    const year = (total >= 0 ? total : total - 11) / 12;
    const month = <i32>(total - year * 12) + 1;
    const value = daysOf(year, month, min(dayOf(civil), daysInMonth(year, month)));
    if (isFar || value != <i64>(<i32>value)) {
      if (failed < 0 && (validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0)) failed = row;
    }
    store<i32>(out + (<usize>row << 2), <i32>value);
  }
  return failed;
}

/** Days of year, month, day (i32[length] or single each); rows that are no date get their bit in `clear` cleared. */
export function datetimeMake(
  years: usize,
  yearsSingle: bool,
  months: usize,
  monthsSingle: bool,
  days: usize,
  daysSingle: bool,
  length: i32,
  clear: usize,
  out: usize,
): void {
  for (let row = 0; row < length; row++) {
    const year = load<i32>(years + (yearsSingle ? 0 : <usize>row << 2));
    const month = load<i32>(months + (monthsSingle ? 0 : <usize>row << 2));
    const day = load<i32>(days + (daysSingle ? 0 : <usize>row << 2));
    let value: i64 = 0;
    const exists =
      month >= 1 && month <= 12 && day >= 1 && year >= -5_000_000 && year <= 5_000_000 && day <= daysInMonth(year, month);
    if (exists) value = daysOf(year, month, day);
    else {
      const address = clear + (row >>> 3);
      store<u8>(address, load<u8>(address) & ~(<u8>(<u32>1 << <u32>(row & 7))));
    }
    store<i32>(out + (<usize>row << 2), <i32>value);
  }
}

/** ((value mod perDay) / divisor) mod modulus, all rounded down; out i32[length]. Gives hours, minutes, and so on. */
export function datetimeClock(values: usize, perDay: i64, divisor: i64, modulus: i64, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    let rest = load<i64>(values + (i << 3)) % perDay;
    if (rest < 0) rest += perDay;
    store<i32>(out + (i << 2), <i32>((rest / divisor) % modulus));
  }
}

/** Splits i64 units into i32 days and i64 units since midnight, rounded down. */
export function datetimeSplit(values: usize, perDay: i64, length: i32, outDays: usize, outRest: usize): void {
  // Events mostly come day by day, and a division of i64 is slow: first look whether the last day still holds.
  let days: i64 = 0;
  let start: i64 = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const value = load<i64>(values + (i << 3));
    let rest = value - start;
    if (<u64>rest >= <u64>perDay) {
      days = value / perDay;
      rest = value - days * perDay;
      if (rest < 0) {
        rest += perDay;
        days--;
      }
      start = value - rest;
    }
    store<i32>(outDays + (i << 2), <i32>days);
    store<i64>(outRest + (i << 3), rest);
  }
}

/** days * perDay + rest, where `rest` is i64[length] or 0 for midnight; the first valid row that overflows, or -1. */
export function datetimeJoin(days: usize, rest: usize, perDay: i64, length: i32, validity: usize, out: usize): i32 {
  let failed = -1;
  const limit = i64.MAX_VALUE / perDay;
  for (let row = 0; row < length; row++) {
    const day = <i64>load<i32>(days + (<usize>row << 2));
    const product = day * perDay;
    const extra = rest == 0 ? 0 : load<i64>(rest + (<usize>row << 3));
    const sum = product + extra;
    // `extra` is never negative, so only the upper end can be crossed by it.
    if (day > limit || day < -limit || sum < product) {
      if (failed < 0 && (validity == 0 || ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) != 0)) failed = row;
    }
    store<i64>(out + (<usize>row << 3), sum);
  }
  return failed;
}
