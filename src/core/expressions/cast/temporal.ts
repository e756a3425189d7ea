import type * as types from "../../types.ts";
import { byteWidth, type DataType, type TimeUnit } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { UNITS_PER_SECOND } from "../temporal.ts";
import { toInstants, toLocalTimes } from "../zone.ts";
import { type Convert, conversion } from "./convert.ts";

const SECONDS_PER_DAY = 86_400n;

const I32 = 4;
const I64 = 6;

/**
 * Dates, times and timestamps among each other. A date is midnight; a timestamp without a zone and one with a zone
 * convert as wall-clock time of that zone. Finer units fail on overflow, coarser ones round down.
 */
export function temporalCast(from: DataType, to: DataType, isSafe: boolean): Routine | undefined {
  if (from.kind === "date" && to.kind === "timestamp") return conversion(from, to, isSafe, false, dateToTimestamp(to));
  if (from.kind === "timestamp" && to.kind === "date")
    return conversion(from, to, isSafe, false, timestampToDate(from));
  if (from.kind === "timestamp" && to.kind === "timestamp") {
    return conversion(from, to, isSafe, isFinerOrEqual(from.unit, to.unit), timestampToTimestamp(from, to));
  }
  if (from.kind === "time" && to.kind === "time") return conversion(from, to, isSafe, true, timeToTime(from, to));
  if (from.kind === "timestamp" && to.kind === "time")
    return conversion(from, to, isSafe, true, timestampToTime(from, to));
  return undefined;
}

const isFinerOrEqual = (a: TimeUnit, b: TimeUnit): boolean => UNITS_PER_SECOND[a] >= UNITS_PER_SECOND[b];

/** Values of one unit in another; `source` may be `target`. */
function changeUnit(from: TimeUnit, to: TimeUnit): (...args: Parameters<Convert>) => number {
  return (frame, source, target, clear) => {
    const isDivision = isFinerOrEqual(from, to);
    const factor = isDivision
      ? UNITS_PER_SECOND[from] / UNITS_PER_SECOND[to]
      : UNITS_PER_SECOND[to] / UNITS_PER_SECOND[from];
    const { rowCount, validity } = frame;
    return frame.workspace.kernels.castScale(source, rowCount, factor, isDivision, validity, clear, target.address);
  };
}

const dateToTimestamp =
  (to: types.TimestampType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    const days = frame.allocate(rowCount * 8);
    kernels.castNumbers(I32, I64, source, rowCount, 0, 0, days.address);
    const perDay = SECONDS_PER_DAY * UNITS_PER_SECOND[to.unit];
    const local = to.timezone === undefined ? target : frame.allocate(rowCount * 8);
    const failedRow = kernels.castScale(days.address, rowCount, perDay, false, validity, clear, local.address);
    if (local !== target) {
      const instants = toInstants(frame, local.address, to.unit, to.timezone);
      kernels.copyBytes(target.address, instants, rowCount * 8);
    }
    return failedRow;
  };

const timestampToDate =
  (from: types.TimestampType): Convert =>
  (frame, source, target, clear) => {
    const { kernels } = frame.workspace;
    const { rowCount, validity } = frame;
    const local = toLocalTimes(frame, source, from.unit, from.timezone);
    const days = frame.allocate(rowCount * 8);
    const perDay = SECONDS_PER_DAY * UNITS_PER_SECOND[from.unit];
    kernels.castScale(local, rowCount, perDay, true, 0, 0, days.address);
    return kernels.castNumbers(I64, I32, days.address, rowCount, validity, clear, target.address);
  };

const timestampToTimestamp =
  (from: types.TimestampType, to: types.TimestampType): Convert =>
  (frame, source, target, clear) => {
    let values = source;
    if (from.timezone !== undefined && to.timezone === undefined) {
      values = toLocalTimes(frame, source, from.unit, from.timezone);
    } else if (from.timezone === undefined && to.timezone !== undefined) {
      values = toInstants(frame, source, from.unit, to.timezone);
    }
    return changeUnit(from.unit, to.unit)(frame, values, target, clear);
  };

const timeToTime =
  (from: types.TimeType, to: types.TimeType): Convert =>
  (frame, source, target) => {
    const { kernels } = frame.workspace;
    const { rowCount } = frame;
    const wide = frame.allocate(rowCount * 8);
    const isShort = byteWidth(from) === 4;
    if (isShort) kernels.castNumbers(I32, I64, source, rowCount, 0, 0, wide.address);
    const scaled = frame.allocate(rowCount * 8);
    changeUnit(from.unit, to.unit)(frame, isShort ? wide.address : source, scaled, 0);
    if (byteWidth(to) === 4) kernels.castNumbers(I64, I32, scaled.address, rowCount, frame.validity, 0, target.address);
    else kernels.copyBytes(target.address, scaled.address, rowCount * 8);
    return -1;
  };

const timestampToTime =
  (from: types.TimestampType, to: types.TimeType): Convert =>
  (frame, source, target) => {
    const { kernels } = frame.workspace;
    const { rowCount } = frame;
    const local = toLocalTimes(frame, source, from.unit, from.timezone);
    const perDay = SECONDS_PER_DAY * UNITS_PER_SECOND[from.unit];
    const midnights = frame.allocate(rowCount * 8);
    kernels.castScale(local, rowCount, perDay, true, 0, 0, midnights.address);
    kernels.castScale(midnights.address, rowCount, perDay, false, 0, 0, midnights.address);
    const clock = frame.allocate(rowCount * 8);
    kernels.arithmeticI64(1, local, false, midnights.address, false, clock.address, rowCount, 0);
    return timeToTime({ kind: "time", unit: from.unit === "s" || from.unit === "ms" ? "us" : from.unit }, to)(
      frame,
      scaleToLong(frame, clock.address, from.unit),
      target,
      0,
    );
  };

/** Times of day in a unit that is stored as int64. */
function scaleToLong(frame: Parameters<Convert>[0], values: number, unit: TimeUnit): number {
  if (unit === "us" || unit === "ns") return values;
  const scaled = frame.allocate(frame.rowCount * 8);
  changeUnit(unit, "us")(frame, values, scaled, 0);
  return scaled.address;
}
