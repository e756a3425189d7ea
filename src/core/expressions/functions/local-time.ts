import type { Column } from "../../column.ts";
import type { Address } from "../../memory/allocator.ts";
import { type DataType, formatType, type TimestampType, type TimeUnit } from "../../types.ts";
import type { Frame } from "../frame.ts";
import type { Operand } from "../operand.ts";
import { UNITS_PER_SECOND } from "../temporal.ts";
import { toInstants, toLocalTimes } from "../zone.ts";

const SECONDS_PER_DAY = 86_400n;

/** Nanoseconds of the units that have a fixed length. */
export const FIXED_UNITS = {
  day: 86_400_000_000_000n,
  hour: 3_600_000_000_000n,
  minute: 60_000_000_000n,
  second: 1_000_000_000n,
  millisecond: 1_000_000n,
  microsecond: 1_000n,
  nanosecond: 1n,
} as const;
export type FixedUnit = keyof typeof FIXED_UNITS;

/** The words of `DateUnit`. */
export const UNITS = ["year", "quarter", "month", "week", ...(Object.keys(FIXED_UNITS) as FixedUnit[])] as const;
export type DateUnitName = (typeof UNITS)[number];

export const isFixed = (unit: DateUnitName): unit is FixedUnit => unit in FIXED_UNITS;

export const perDayOf = (unit: TimeUnit): bigint => SECONDS_PER_DAY * UNITS_PER_SECOND[unit];

/** Days (and, of timestamps, the time of day) in local time. */
export interface LocalTime {
  days: Address;
  /** i64 units since midnight; 0 of dates. */
  rest: Address;
}

export function localTime(frame: Frame, { column }: Operand, type: DataType): LocalTime {
  if (type.kind !== "timestamp") return { days: column.data, rest: 0 };
  const { rowCount } = frame;
  const values = toLocalTimes(frame, column.data, type.unit, type.timezone);
  const days = frame.allocate(rowCount * 4).address;
  const rest = frame.allocate(rowCount * 8).address;
  frame.workspace.kernels.datetimeSplit(values, perDayOf(type.unit), rowCount, days, rest);
  return { days, rest };
}

/** The result column of local days and times, in the type of the input. */
export function fromLocalTime(frame: Frame, type: TimestampType, { days, rest }: LocalTime): Column {
  const { kernels } = frame.workspace;
  const { rowCount } = frame;
  const local = frame.allocateValues(type);
  const failedRow = kernels.datetimeJoin(days, rest, perDayOf(type.unit), rowCount, frame.validity, local.address);
  if (failedRow >= 0) throw frame.overflow(failedRow, formatType(type));
  const instants = toInstants(frame, local.address, type.unit, type.timezone);
  if (instants !== local.address) kernels.copyBytes(local.address, instants, rowCount * 8);
  return frame.strictColumn(type, { data: local });
}
