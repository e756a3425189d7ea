import type { Column } from "../../core/column.ts";
import { columnReader } from "../../core/columns/read.ts";
import type { DataType, TimeUnit } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";

/** The text of each row of a column, or null: what text formats write, and their readers read back. */
export function columnText(workspace: Workspace, column: Column): (row: number) => string | null {
  const read = valuesOf(workspace, column);
  const format = valueText(column.type);
  return (row) => {
    const value = read(row);
    return value === null ? null : format(value);
  };
}

/**
 * Like `columnReader`. Texts of a plain column are decoded at once where every byte is one character: decoding each on its
 * own is most of the cost of writing text.
 */
export function valuesOf(workspace: Workspace, column: Column): (row: number) => unknown {
  const { type, length, data, dictionary, nullCount } = column;
  const read = columnReader(workspace, column);
  if (type.kind !== "utf8" || dictionary !== undefined || nullCount === length) return read;
  const { i32, u8 } = workspace;
  const offsets = column.offsets >>> 2;
  const first = i32[offsets];
  const bytes = u8.subarray(data + first, data + i32[offsets + length]);
  const all = decoder.decode(bytes);
  // Decoding never lengthens, so equal lengths mean a character per byte.
  if (all.length !== bytes.length) return read;
  const textOf = (row: number) => all.slice(i32[offsets + row] - first, i32[offsets + row + 1] - first);
  if (nullCount === 0) return textOf;
  const { validity } = column;
  return (row) => ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1 ? textOf(row) : null);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of one value in the form of `ValueOf`; nested values as JSON. */
export function valueText(type: DataType): (value: unknown) => string {
  switch (type.kind) {
    case "float32":
    case "float64":
      return (value) => (Object.is(value, -0) ? "-0" : String(value));
    case "date":
      return (value) => dateText(value as number);
    case "time":
      return (value) => timeText(BigInt(value as number | bigint), type.unit);
    case "timestamp":
      return (value) => timestampText(BigInt(value as number | bigint), type.unit, type.timezone !== undefined);
    default:
      return String;
  }
}

/** YYYY-MM-DD, with a sign and six digits outside of the years 0 to 9999 (ISO 8601). */
export function dateText(day: number): string {
  // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${yearText(year)}-${padded(month, 2)}-${padded(dayOfMonth, 2)}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return padded(year, 4);
  return `${year < 0 ? "-" : "+"}${padded(Math.abs(year), 6)}`;
}

const PER_SECOND: Record<TimeUnit, bigint> = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };
const FRACTION_DIGITS: Record<TimeUnit, number> = { s: 0, ms: 3, us: 6, ns: 9 };

/** hh:mm:ss with the unit's digits of a fraction, where it is not 0. */
function timeText(units: bigint, unit: TimeUnit): string {
  const perSecond = PER_SECOND[unit];
  const seconds = Number(units / perSecond);
  const fraction = units % perSecond;
  const clock = `${padded(Math.floor(seconds / 3600), 2)}:${padded(Math.floor(seconds / 60) % 60, 2)}:${padded(seconds % 60, 2)}`;
  return fraction === 0n ? clock : `${clock}.${String(fraction).padStart(FRACTION_DIGITS[unit], "0")}`;
}

/** YYYY-MM-DDThh:mm:ss, with Z where it is an instant. */
function timestampText(units: bigint, unit: TimeUnit, isInstant: boolean): string {
  const perDay = PER_SECOND[unit] * 86_400n;
  const ofDay = ((units % perDay) + perDay) % perDay;
  const day = Number((units - ofDay) / perDay);
  return `${dateText(day)}T${timeText(ofDay, unit)}${isInstant ? "Z" : ""}`;
}

const padded = (value: number, width: number): string => String(value).padStart(width, "0");
