import { EvaluationError } from "../errors.ts";
import type { TimeUnit } from "../types.ts";

/** Units per second. */
export const UNITS_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  s: 1n,
  ms: 1_000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
};
export const SECONDS_PER_DAY = 86_400;

/**
 * Days since 1970-01-01 of a proleptic Gregorian date (month 1..12).
 * @see Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

export function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const DATE = String.raw`([+-]?\d{4,6})-(\d{2})-(\d{2})`;
const TIME = String.raw`(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?`;
const ZONE = String.raw`(Z|[+-]\d{2}(?::?\d{2})?)`;
const DATE_PATTERN = new RegExp(`^${DATE}$`);
const TIME_PATTERN = new RegExp(`^${TIME}$`);
const TIMESTAMP_PATTERN = new RegExp(`^${DATE}(?:[T ]${TIME} ?${ZONE}?)?$`, "i");

/** Days since the epoch of "2024-02-29"; undefined where the text is no date or the date does not exist. */
export function parseDate(text: string): number | undefined {
  const match = DATE_PATTERN.exec(text.trim());
  return match === null ? undefined : dateOf(match[1], match[2], match[3]);
}

/** Units since midnight of "13:45:10.5"; digits below the unit must be zero. */
export function parseTime(text: string, unit: TimeUnit): bigint | undefined {
  const match = TIME_PATTERN.exec(text.trim());
  return match === null ? undefined : timeOf(match[1], match[2], match[3], match[4], unit);
}

/**
 * Units since the epoch of "2024-02-29T13:45:10.5+02:00", "2024-02-29 13:45" or "2024-02-29".
 * With a zone in the text, the instant; without one, the wall-clock time in `timezone` (UTC where undefined).
 */
export function parseTimestamp(text: string, unit: TimeUnit, timezone?: string): bigint | undefined {
  const match = TIMESTAMP_PATTERN.exec(text.trim());
  if (match === null) return undefined;
  const days = dateOf(match[1], match[2], match[3]);
  if (days === undefined) return undefined;
  const time = match[4] === undefined ? 0n : timeOf(match[4], match[5], match[6], match[7], unit);
  if (time === undefined) return undefined;
  const perSecond = UNITS_PER_SECOND[unit];
  const local = BigInt(days) * BigInt(SECONDS_PER_DAY) * perSecond + time;
  const zone = match[8];
  if (zone !== undefined) return local - BigInt(zoneSeconds(zone)) * perSecond;
  if (timezone === undefined || isUtc(timezone)) return local;
  return local - BigInt(offsetOfLocal(timezone, floorDiv(local, perSecond))) * perSecond;
}

function dateOf(yearText: string, monthText: string, dayText: string): number | undefined {
  const year = Number(yearText);
  const month = Number(monthText);
  const day = Number(dayText);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return daysFromCivil(year, month, day);
}

function timeOf(
  hours: string,
  minutes: string,
  seconds: string | undefined,
  fraction: string | undefined,
  unit: TimeUnit,
) {
  const [hour, minute, second] = [Number(hours), Number(minutes), Number(seconds ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const nanos = BigInt((fraction ?? "").padEnd(9, "0"));
  const nanosPerUnit = UNITS_PER_SECOND.ns / UNITS_PER_SECOND[unit];
  if (nanos % nanosPerUnit !== 0n) return undefined;
  return BigInt(hour * 3600 + minute * 60 + second) * UNITS_PER_SECOND[unit] + nanos / nanosPerUnit;
}

function zoneSeconds(zone: string): number {
  if (zone.toUpperCase() === "Z") return 0;
  const sign = zone[0] === "-" ? -1 : 1;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return sign * (Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2)) * 60);
}

/** Division that rounds towards minus infinity. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

export const formatDate = (days: number): string => {
  const { year, month, day } = civilFromDays(days);
  return `${formatYear(year)}-${two(month)}-${two(day)}`;
};

/** "13:45:10", with a fraction of 3, 6 or 9 digits where there is one. */
export function formatTime(units: bigint, unit: TimeUnit): string {
  const perSecond = UNITS_PER_SECOND[unit];
  const seconds = Number(units / perSecond);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const fraction = units % perSecond;
  return fraction === 0n ? clock : `${clock}.${fraction.toString().padStart(perSecond.toString().length - 1, "0")}`;
}

/** "2024-02-29T13:45:10.5"; of an instant with its offset ("Z" or "+02:00") in its own zone. */
export function formatTimestamp(units: bigint, unit: TimeUnit, timezone?: string): string {
  const perSecond = UNITS_PER_SECOND[unit];
  const offset = timezone === undefined ? 0 : zoneOffsetSeconds(timezone, Number(floorDiv(units, perSecond)));
  const local = units + BigInt(offset) * perSecond;
  const perDay = BigInt(SECONDS_PER_DAY) * perSecond;
  const days = floorDiv(local, perDay);
  const text = `${formatDate(Number(days))}T${formatTime(local - days * perDay, unit)}`;
  return timezone === undefined ? text : `${text}${formatOffset(timezone, offset)}`;
}

function formatOffset(timezone: string, offset: number): string {
  if (offset === 0 && isUtc(timezone)) return "Z";
  const minutes = Math.abs(Math.trunc(offset / 60));
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

const formatYear = (year: number): string => {
  const digits = String(Math.abs(year)).padStart(4, "0");
  return year < 0 ? `-${digits}` : year > 9999 ? `+${digits}` : digits;
};

export const isUtc = (timezone: string): boolean => /^(utc|z|gmt|etc\/(utc|gmt)|[+-]00:?00)$/i.test(timezone);

const FIXED_OFFSET = /^[+-]\d{2}:?\d{2}$/;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (formatter === undefined) {
    formatter = newFormatter(timezone);
    formatters.set(timezone, formatter);
  }
  return formatter;
}

/** @throws {EvaluationError} TIME_ZONE_UNKNOWN */
function newFormatter(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      calendar: "iso8601",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
      hourCycle: "h23",
    });
  } catch (cause) {
    throw new EvaluationError(
      "TIME_ZONE_UNKNOWN",
      `The time zone "${timezone}" is not known to this runtime.`,
      'Use a name such as "Europe/Brussels", or cast the column to timestamps of "UTC", which keeps the instants.',
      { cause },
    );
  }
}

/** Whether the runtime knows a time zone ("Europe/Berlin", "UTC", "+02:00"). */
export function isKnownZone(timezone: string): boolean {
  if (isUtc(timezone) || FIXED_OFFSET.test(timezone)) return true;
  try {
    formatterOf(timezone);
    return true;
  } catch {
    return false;
  }
}

/** Seconds that local time in the zone is ahead of UTC at an instant. */
export function zoneOffsetSeconds(timezone: string, epochSeconds: number): number {
  if (isUtc(timezone)) return 0;
  if (FIXED_OFFSET.test(timezone)) return zoneSeconds(timezone);
  const parts: Record<string, number> = {};
  let isBeforeChrist = false;
  for (const { type, value } of formatterOf(timezone).formatToParts(epochSeconds * 1000)) {
    if (type === "era") isBeforeChrist = value.startsWith("B");
    else parts[type] = Number(value);
  }
  const year = isBeforeChrist ? 1 - parts.year : parts.year;
  const local =
    daysFromCivil(year, parts.month, parts.day) * SECONDS_PER_DAY +
    parts.hour * 3600 +
    parts.minute * 60 +
    parts.second;
  return local - epochSeconds;
}

/**
 * Offset that applies at a wall-clock time. Of a time that occurs twice, the first; a time that is skipped is read with
 * the offset from before the gap, so it lands behind it.
 */
export function offsetOfLocal(timezone: string, localSeconds: bigint): number {
  const local = Number(localSeconds);
  const before = zoneOffsetSeconds(timezone, local - SECONDS_PER_DAY);
  const after = zoneOffsetSeconds(timezone, local + SECONDS_PER_DAY);
  if (before === after) return before;
  if (zoneOffsetSeconds(timezone, local - before) === before) return before;
  return zoneOffsetSeconds(timezone, local - after) === after ? after : before;
}
