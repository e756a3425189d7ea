import type { Column } from "../../column.ts";
import type { Address } from "../../memory/allocator.ts";
import * as types from "../../types.ts";
import { byteWidth, type DataType, formatType, isInteger, type TimestampType } from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import { safeValidity } from "../cast/convert.ts";
import type { Frame } from "../frame.ts";
import type { CallNode } from "../node.ts";
import type { Operand } from "../operand.ts";
import { UNITS_PER_SECOND } from "../temporal.ts";
import { toLocalTimes } from "../zone.ts";
import { constantText, constantWord } from "./constant.ts";
import { addition } from "./date-add.ts";
import type { FunctionDefinition, FunctionTable, TypeBinder } from "./definition.ts";
import {
  type DateUnitName,
  FIXED_UNITS,
  type FixedUnit,
  fromLocalTime,
  isFixed,
  localTime,
  perDayOf,
  UNITS,
} from "./local-time.ts";

/** Number kinds of kernels/cast.ts. */
const I32 = 4;
const I64 = 6;

/** Numbers of `datetimePart`; the first five also of `datetimeOrdinal`, the first four of `datetimeTruncate`. */
const CALENDAR = { year: 0, quarter: 1, month: 2, week: 3, day: 4, dayOfYear: 5, dayOfWeek: 6 } as const;
type CalendarPart = keyof typeof CALENDAR;

const CLOCK = ["hour", "minute", "second", "millisecond"] as const;
type ClockPart = (typeof CLOCK)[number];

const EPOCH_UNITS = ["s", "ms", "us", "ns"] as const;

/** year ... millisecond, dateTrunc, dateAdd, dateDiff, toEpoch, toTimestamp, makeDate. */
export const datetimeFunctions: FunctionTable = {
  ...Object.fromEntries((Object.keys(CALENDAR) as CalendarPart[]).map((part) => [part, calendarPart(part)])),
  ...Object.fromEntries(CLOCK.map((part) => [part, clockPart(part)])),
  dateTrunc: {
    arity: [2, 2],
    bind(binder, node, [arg, unitArg]) {
      const unit = constantWord(node, unitArg, "unit", UNITS);
      const value = requireInstant(binder, node, arg);
      if (value.type.kind === "date" && isFixed(unit)) return value;
      return binder.call(node, truncation(value.type, unit), value.type, [value]);
    },
  },
  dateAdd: {
    arity: [3, 3],
    bind(binder, node, [arg, amount, unitArg]) {
      const unit = constantWord(node, unitArg, "unit", UNITS);
      const value = requireInstant(binder, node, arg);
      if (!isInteger(amount.type) && amount.type.kind !== "null")
        throw binder.mismatch(node, [amount.type], "whole amounts");
      if (value.type.kind === "date" && isFixed(unit) && unit !== "day") {
        throw binder.mismatch(node, [value.type], "timestamps; cast the date to timestamp(ms) first");
      }
      return binder.call(node, addition(value.type, unit), value.type, [
        value,
        binder.coerce(amount, types.int64, node),
      ]);
    },
  },
  dateDiff: {
    arity: [3, 3],
    bind(binder, node, [later, earlier, unitArg]) {
      const unit = constantWord(node, unitArg, "unit", UNITS);
      const { type, args } = binder.unify(node, [later, earlier]);
      if (type.kind !== "date" && type.kind !== "timestamp") {
        throw binder.mismatch(node, [later.type, earlier.type], "two dates or timestamps");
      }
      const isSubDay = isFixed(unit) && unit !== "day";
      const common = type.kind === "date" && isSubDay ? types.timestamp("ms") : type;
      const ordinals = args.map((arg) => {
        const value = binder.coerce(arg, common, node);
        return binder.call(node, ordinal(common, unit), types.int64, [value]);
      });
      return binder.call(node, differenceRoutine, types.int64, ordinals);
    },
  },
  toEpoch: {
    arity: [2, 2],
    bind(binder, node, [arg, unitArg]) {
      const unit = constantWord(node, unitArg, "unit", EPOCH_UNITS);
      const value = requireInstant(binder, node, arg);
      const timezone = value.type.kind === "timestamp" ? value.type.timezone : undefined;
      const scaled = binder.coerce(value, types.timestamp(unit, timezone), node);
      return binder.call(node, rereading(scaled.type, types.int64), types.int64, [scaled]);
    },
  },
  toTimestamp: {
    arity: [2, 3],
    bind(binder, node, [arg, unitArg, zoneArg]) {
      const unit = constantWord(node, unitArg, "unit", EPOCH_UNITS);
      if (!isInteger(arg.type) && arg.type.kind !== "null") throw binder.mismatch(node, [arg.type], "an integer");
      const type =
        zoneArg === undefined ? types.timestamp(unit) : types.timestamp(unit, constantText(node, zoneArg, "zone"));
      return binder.call(node, rereading(types.int64, type), type, [binder.coerce(arg, types.int64)]);
    },
  },
  makeDate: {
    arity: [3, 3],
    bind: (binder, node, args) =>
      binder.call(
        node,
        makeDateRoutine,
        types.date,
        args.map((arg) => binder.coerce(arg, types.int32, node)),
      ),
  },
};

function requireInstant(binder: TypeBinder, node: CallNode, arg: BoundNode): BoundNode {
  if (arg.type.kind === "null") return binder.coerce(arg, types.date);
  if (arg.type.kind === "date" || arg.type.kind === "timestamp") {
    return arg.kind === "literal" ? binder.coerce(arg, arg.type) : arg;
  }
  throw binder.mismatch(node, [arg.type], "a date or timestamp; cast text to one first");
}

function calendarPart(part: CalendarPart): FunctionDefinition {
  return {
    arity: [1, 1],
    bind(binder, node, [arg]) {
      const value = requireInstant(binder, node, arg);
      const routine: Routine = {
        key: part,
        nulls: "strict",
        isFallible: false,
        run(frame, [operand]) {
          const data = frame.allocateValues(types.int32);
          const { days } = localTime(frame, operand, value.type);
          frame.workspace.kernels.datetimePart(CALENDAR[part], days, frame.rowCount, data.address);
          return frame.strictColumn(types.int32, { data });
        },
      };
      return binder.call(node, routine, types.int32, [value]);
    },
  };
}

/** hour, minute, second, millisecond of timestamps, times and (zero) dates. */
function clockPart(part: ClockPart): FunctionDefinition {
  return {
    arity: [1, 1],
    bind(binder, node, [arg]) {
      const value = arg.type.kind === "time" ? arg : requireInstant(binder, node, arg);
      const { type } = value;
      const routine: Routine = {
        key: part,
        nulls: "strict",
        isFallible: false,
        run(frame, [operand]) {
          const data = frame.allocateValues(types.int32);
          writeClock(frame, operand, type, part, data.address);
          return frame.strictColumn(types.int32, { data });
        },
      };
      return binder.call(node, routine, types.int32, [value]);
    },
  };
}

function writeClock(frame: Frame, { column }: Operand, type: DataType, part: ClockPart, out: Address): void {
  const { kernels } = frame.workspace;
  const { rowCount } = frame;
  if (type.kind !== "time" && type.kind !== "timestamp") {
    kernels.fillBytes(out, 0, rowCount * 4);
    return;
  }
  let values = column.data;
  if (type.kind === "timestamp") values = toLocalTimes(frame, values, type.unit, type.timezone);
  else if (byteWidth(type) === 4) {
    values = frame.allocate(rowCount * 8).address;
    kernels.castNumbers(I32, I64, column.data, rowCount, 0, 0, values);
  }
  const perSecond = UNITS_PER_SECOND[type.unit];
  const [divisor, modulus] = {
    hour: [3600n * perSecond, 24n],
    minute: [60n * perSecond, 60n],
    second: [perSecond, 60n],
    // Whole seconds have no milliseconds: the remainder by 1 is 0.
    millisecond: type.unit === "s" ? [1n, 1n] : [perSecond / 1000n, 1000n],
  }[part];
  kernels.datetimeClock(values, perDayOf(type.unit), divisor, modulus, rowCount, out);
}

function truncation(type: DataType, unit: DateUnitName): Routine {
  return {
    key: `dateTrunc:${unit}:${formatType(type)}`,
    nulls: "strict",
    isFallible: type.kind === "timestamp",
    run(frame, [operand]) {
      const { kernels } = frame.workspace;
      const { rowCount } = frame;
      if (type.kind === "timestamp" && isFixed(unit) && unit !== "day") {
        return truncateClock(frame, operand.column, type, unit);
      }
      const { days } = localTime(frame, operand, type);
      if (type.kind !== "timestamp") {
        const data = frame.allocateValues(type);
        kernels.datetimeTruncate(CALENDAR[unit as CalendarPart], days, rowCount, data.address);
        return frame.strictColumn(type, { data });
      }
      if (unit !== "day") kernels.datetimeTruncate(CALENDAR[unit as CalendarPart], days, rowCount, days);
      return fromLocalTime(frame, type, { days, rest: 0 });
    },
  };
}

/** Timestamps rounded down to hours, minutes, ...; a unit finer than the type's changes nothing. */
function truncateClock(frame: Frame, column: Column, type: TimestampType, unit: FixedUnit): Column {
  const { kernels } = frame.workspace;
  const { rowCount } = frame;
  const factor = (FIXED_UNITS[unit] * UNITS_PER_SECOND[type.unit]) / UNITS_PER_SECOND.ns;
  const data = frame.allocateValues(type);
  if (factor <= 1n) kernels.copyBytes(data.address, column.data, rowCount * 8);
  else {
    // Hours of local time: zones may be half an hour off.
    const local = toLocalTimes(frame, column.data, type.unit, type.timezone);
    kernels.castScale(local, rowCount, factor, true, 0, 0, data.address);
    kernels.castScale(data.address, rowCount, factor, false, 0, 0, data.address);
    if (local !== column.data) {
      // Kept as a distance from the instant, so that an hour that occurs twice stays the one that it is.
      kernels.arithmeticI64(1, local, false, data.address, false, data.address, rowCount, 0);
      kernels.arithmeticI64(1, column.data, false, data.address, false, data.address, rowCount, 0);
    }
  }
  return frame.strictColumn(type, { data });
}

/** The number of the unit that a date or timestamp lies in, counted from the epoch. */
function ordinal(type: DataType, unit: DateUnitName): Routine {
  return {
    key: `ordinal:${unit}:${formatType(type)}`,
    nulls: "strict",
    isFallible: true,
    run(frame, [operand]) {
      const { kernels } = frame.workspace;
      const { rowCount, validity } = frame;
      const data = frame.allocateValues(types.int64);
      if (type.kind === "timestamp" && isFixed(unit) && unit !== "day") {
        const perSecond = UNITS_PER_SECOND[type.unit];
        const isDivision = FIXED_UNITS[unit] * perSecond >= UNITS_PER_SECOND.ns;
        const factor = isDivision
          ? (FIXED_UNITS[unit] * perSecond) / UNITS_PER_SECOND.ns
          : UNITS_PER_SECOND.ns / (FIXED_UNITS[unit] * perSecond);
        const failedRow = kernels.castScale(
          operand.column.data,
          rowCount,
          factor,
          isDivision,
          validity,
          0,
          data.address,
        );
        if (failedRow >= 0) throw frame.overflow(failedRow, "int64");
      } else {
        const { days } = localTime(frame, operand, type);
        kernels.datetimeOrdinal(CALENDAR[unit as CalendarPart], days, rowCount, data.address);
      }
      return frame.strictColumn(types.int64, { data });
    },
  };
}

const differenceRoutine: Routine = {
  key: "difference",
  nulls: "strict",
  isFallible: true,
  run(frame, [left, right]) {
    const data = frame.allocateValues(types.int64);
    const failedRow = frame.workspace.kernels.arithmeticI64(
      1,
      left.column.data,
      left.isSingle,
      right.column.data,
      right.isSingle,
      data.address,
      frame.rowCount,
      frame.validity,
    );
    if (failedRow >= 0) throw frame.overflow(failedRow, "int64");
    return frame.strictColumn(types.int64, { data });
  },
};

/** The same bits as another type of the same layout. */
const rereading = (from: DataType, to: DataType): Routine => ({
  key: `reread:${formatType(from)}:${formatType(to)}`,
  nulls: "strict",
  isFallible: false,
  run: (_frame, [{ column }]) => column.viewAs(to, column.length, column.layout),
});

const makeDateRoutine: Routine = {
  key: "makeDate",
  nulls: "strict",
  isFallible: false,
  run(frame, [year, month, day]) {
    const validity = safeValidity(frame);
    const data = frame.allocateValues(types.date);
    frame.workspace.kernels.datetimeMake(
      year.column.data,
      year.isSingle,
      month.column.data,
      month.isSingle,
      day.column.data,
      day.isSingle,
      frame.rowCount,
      validity.address,
      data.address,
    );
    return frame.column(types.date, { data, validity });
  },
};
