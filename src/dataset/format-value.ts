import { formatDate, formatTime, formatTimestamp, isKnownZone } from "../core/expressions/temporal.ts";
import type { DataType, TimestampType } from "../core/types.ts";

/** A value that is not null (see `ValueOf`) as text for people: dates and times in ISO form, bytes as hexadecimal. */
export function formatValue(value: unknown, type: DataType): string {
  switch (type.kind) {
    case "date":
      return formatDate(Number(value));
    case "time":
      return formatTime(BigInt(value as number | bigint), type.unit);
    case "timestamp":
      return timestampText(BigInt(value as number | bigint), type);
    case "float32":
    case "float64":
      return Object.is(value, -0) ? "-0" : String(value);
    case "binary":
      return Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("");
    case "interval": {
      const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
      const time = `${nanoseconds < 0n ? "-" : ""}${formatTime(nanoseconds < 0n ? -nanoseconds : nanoseconds, "ns")}`;
      return `${months} months ${days} days ${time}`;
    }
    case "list":
      return `[${(value as unknown[]).map((element) => formatInner(element, type.element)).join(", ")}]`;
    case "struct": {
      const fields = value as Record<string, unknown>;
      const parts = Object.entries(type.fields).map(([name, field]) => `${name}: ${formatInner(fields[name], field)}`);
      return `{${parts.join(", ")}}`;
    }
    case "map": {
      const entries = value as [unknown, unknown][];
      const parts = entries.map(([key, entry]) => `${formatInner(key, type.key)}: ${formatInner(entry, type.value)}`);
      return `{${parts.join(", ")}}`;
    }
    default:
      return String(value);
  }
}

const formatInner = (value: unknown, type: DataType): string =>
  value === null || value === undefined
    ? "NULL"
    : type.kind === "utf8"
      ? JSON.stringify(value)
      : formatValue(value, type);

/** An instant of a zone that this machine does not know is shown as UTC. */
function timestampText(units: bigint, { unit, timezone }: TimestampType): string {
  const zone = timezone === undefined || isKnownZone(timezone) ? timezone : "UTC";
  return formatTimestamp(units, unit, zone).replace("T", " ");
}
