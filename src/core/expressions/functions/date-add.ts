import type { Column } from "../../column.ts";
import type { Address } from "../../memory/allocator.ts";
import { type DataType, formatType, type TimestampType } from "../../types.ts";
import type { Routine } from "../bound.ts";
import type { Frame } from "../frame.ts";
import type { Operand } from "../operand.ts";
import { UNITS_PER_SECOND } from "../temporal.ts";
import { type DateUnitName, FIXED_UNITS, fromLocalTime, isFixed, localTime } from "./local-time.ts";

/** Number kinds of kernels/cast.ts. */
const I32 = 4;
const I64 = 6;

/** Months in the units that are counted in months. */
const MONTHS: Readonly<Record<string, bigint>> = { year: 12n, quarter: 3n, month: 1n };

/** Dates and timestamps moved by whole units, in local time from days up. */
export function addition(type: DataType, unit: DateUnitName): Routine {
  return {
    key: `dateAdd:${unit}:${formatType(type)}`,
    nulls: "strict",
    isFallible: true,
    run(frame, [value, amount]) {
      const spread: Operand = { column: frame.spread(value), isSingle: false };
      if (isFixed(unit) && unit !== "day" && type.kind === "timestamp") {
        return addUnits(frame, spread, amount, type, FIXED_UNITS[unit]);
      }
      const { days, rest } = localTime(frame, spread, type);
      const months = MONTHS[unit];
      const moved =
        months === undefined
          ? addDays(frame, days, amount, unit === "week" ? 7n : 1n)
          : addMonths(frame, days, amount, months);
      if (type.kind === "timestamp") return fromLocalTime(frame, type, { days: moved, rest });
      const data = frame.allocateValues(type);
      frame.workspace.kernels.copyBytes(data.address, moved, frame.rowCount * 4);
      return frame.strictColumn(type, { data });
    },
  };
}

/** Amounts times a factor, one per row or single; fails on overflow. */
function scaledAmounts(frame: Frame, amount: Operand, factor: bigint): Address {
  if (factor === 1n) return amount.column.data;
  const scaled = frame.allocate(amount.column.length * 8);
  const validity = amount.isSingle ? 0 : frame.validity;
  const { length, data } = amount.column;
  const failedRow = frame.workspace.kernels.castScale(data, length, factor, false, validity, 0, scaled.address);
  if (failedRow >= 0) throw frame.overflow(failedRow, "int64");
  return scaled.address;
}

function addUnits(frame: Frame, value: Operand, amount: Operand, type: TimestampType, nanoseconds: bigint): Column {
  const { kernels } = frame.workspace;
  const { rowCount, validity } = frame;
  const perSecond = UNITS_PER_SECOND[type.unit];
  const data = frame.allocateValues(type);
  // A unit finer than the type's counts in whole units of the type, rounded down.
  const isFiner = nanoseconds * perSecond < UNITS_PER_SECOND.ns;
  let amounts: Address;
  if (isFiner) {
    const scaled = frame.allocate(amount.column.length * 8);
    const divisor = UNITS_PER_SECOND.ns / (nanoseconds * perSecond);
    kernels.castScale(amount.column.data, amount.column.length, divisor, true, 0, 0, scaled.address);
    amounts = scaled.address;
  } else amounts = scaledAmounts(frame, amount, (nanoseconds * perSecond) / UNITS_PER_SECOND.ns);
  const failedRow = kernels.arithmeticI64(
    0,
    value.column.data,
    false,
    amounts,
    amount.isSingle,
    data.address,
    rowCount,
    validity,
  );
  if (failedRow >= 0) throw frame.overflow(failedRow, formatType(type));
  return frame.strictColumn(type, { data });
}

function addDays(frame: Frame, days: Address, amount: Operand, factor: bigint): Address {
  const { kernels } = frame.workspace;
  const { rowCount, validity } = frame;
  const wide = frame.allocate(rowCount * 8);
  const sums = frame.allocate(rowCount * 8);
  const out = frame.allocate(rowCount * 4);
  kernels.castNumbers(I32, I64, days, rowCount, 0, 0, wide.address);
  const amounts = scaledAmounts(frame, amount, factor);
  let failedRow = kernels.arithmeticI64(
    0,
    wide.address,
    false,
    amounts,
    amount.isSingle,
    sums.address,
    rowCount,
    validity,
  );
  if (failedRow < 0) failedRow = kernels.castNumbers(I64, I32, sums.address, rowCount, validity, 0, out.address);
  if (failedRow >= 0) throw frame.overflow(failedRow, "date");
  return out.address;
}

function addMonths(frame: Frame, days: Address, amount: Operand, factor: bigint): Address {
  const out = frame.allocate(frame.rowCount * 4);
  const failedRow = frame.workspace.kernels.datetimeAddMonths(
    days,
    false,
    scaledAmounts(frame, amount, factor),
    amount.isSingle,
    frame.rowCount,
    frame.validity,
    out.address,
  );
  if (failedRow >= 0) throw frame.overflow(failedRow, "date");
  return out.address;
}
