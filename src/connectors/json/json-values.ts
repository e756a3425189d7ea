import { dateDays, parseDecimal } from "../../core/columns/values.ts";
import { byteWidth, type DataType, type TimeUnit } from "../../core/types.ts";
import { NumberText } from "./exact-json.ts";

/** What a conversion gives where the JSON value is no value of the type. */
export const NO_VALUE = Symbol("no value");

/**
 * Converts a parsed JSON value to the form that column builders take (`ValueOf`), null to null; NO_VALUE where it does not
 * fit. 64-bit integers and decimals may be texts, as some writers protect them; a text column takes the JSON text of any
 * other value; binary is base64; maps are objects or lists of pairs; fields that an object lacks are null.
 */
export type JsonConversion = (value: unknown) => unknown;

export function jsonConversion(type: DataType): JsonConversion {
  const convert = presentConversion(type);
  return (value) => (value === null || value === undefined ? null : convert(value));
}

function presentConversion(type: DataType): JsonConversion {
  switch (type.kind) {
    case "null":
      return () => NO_VALUE;
    case "bool":
      return (value) => (typeof value === "boolean" ? value : NO_VALUE);
    case "float32":
    case "float64":
      return toDouble;
    case "utf8":
      return (value) => (typeof value === "string" ? value : jsonText(value));
    case "binary":
      return (value) => (typeof value === "string" ? base64Bytes(value) : NO_VALUE);
    case "decimal":
      return (value) => {
        const text = value instanceof NumberText ? value.text : value;
        return parseDecimal(text, type) === undefined ? NO_VALUE : text;
      };
    case "date":
      return (value) => dateDays(value) ?? NO_VALUE;
    case "time":
      return (value) => asStored(typeof value === "string" ? timeUnits(value, type.unit) : wholeNumber(value), type);
    case "timestamp":
      return (value) =>
        asStored(typeof value === "string" ? timestampUnits(value, type.unit) : wholeNumber(value), type);
    case "interval":
      return toInterval;
    case "list": {
      const element = jsonConversion(type.element);
      return (value) => (Array.isArray(value) ? allOrNone(value.map(element)) : NO_VALUE);
    }
    case "struct": {
      const fields = Object.entries(type.fields).map(([name, field]) => [name, jsonConversion(field)] as const);
      return (value) => {
        if (!isObject(value)) return NO_VALUE;
        const converted = fields.map(([name, field]) => [name, field(ownValue(value, name))] as const);
        return converted.some(([, each]) => each === NO_VALUE) ? NO_VALUE : Object.fromEntries(converted);
      };
    }
    case "map": {
      const key = jsonConversion(type.key);
      const item = jsonConversion(type.value);
      return (value) => {
        const entries: unknown[] = Array.isArray(value) ? value : isObject(value) ? Object.entries(value) : [NO_VALUE];
        const pairs = entries.map((entry) =>
          Array.isArray(entry) && entry.length === 2 ? allOrNone([key(entry[0]), item(entry[1])]) : NO_VALUE,
        );
        return allOrNone(pairs);
      };
    }
    default:
      return integerConversion(type);
  }
}

/** A field of a parsed object; inherited names such as `constructor` are not there. */
export const ownValue = (object: object, name: string): unknown =>
  Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberText);

const allOrNone = (values: unknown[]): unknown => (values.includes(NO_VALUE) ? NO_VALUE : values);

function integerConversion(type: DataType): JsonConversion {
  const bits = BigInt(byteWidth(type) * 8);
  const isUnsigned = type.kind.startsWith("u");
  const least = isUnsigned ? 0n : -(2n ** (bits - 1n));
  const greatest = isUnsigned ? 2n ** bits - 1n : 2n ** (bits - 1n) - 1n;
  return (value) => {
    const whole = wholeNumber(typeof value === "string" && bits === 64n ? new NumberText(value) : value);
    return whole === undefined || whole < least || whole > greatest ? NO_VALUE : whole;
  };
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (!(value instanceof NumberText)) return undefined;
  const match = /^(-?\d{1,40})(\.0+)?$/.exec(value.text);
  if (match !== null) return BigInt(match[1]);
  const double = /^-?[\d.]+[eE][+-]?\d+$/.test(value.text) ? Number(value.text) : Number.NaN;
  return Number.isSafeInteger(double) ? BigInt(double) : undefined;
}

const DOUBLE_WORDS = new Set(["NaN", "Infinity", "-Infinity"]);

function toDouble(value: unknown): unknown {
  if (typeof value === "number") return value;
  if (value instanceof NumberText) return Number(value.text);
  return typeof value === "string" && DOUBLE_WORDS.has(value) ? Number(value) : NO_VALUE;
}

function base64Bytes(text: string): unknown {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return NO_VALUE;
  return Uint8Array.from(Buffer.from(text, "base64"));
}

function toInterval(value: unknown): unknown {
  if (!isObject(value)) return NO_VALUE;
  const [months, days, nanoseconds] = ["months", "days", "nanoseconds"].map((name) =>
    wholeNumber(ownValue(value, name) ?? 0),
  );
  if (months === undefined || days === undefined || nanoseconds === undefined) return NO_VALUE;
  return { months: Number(months), days: Number(days), nanoseconds };
}

/** Column builders want numbers for units of 32 bits and milliseconds, bigint else. */
function asStored(units: bigint | undefined, type: DataType & { unit: TimeUnit }): unknown {
  if (units === undefined || BigInt.asIntN(64, units) !== units) return NO_VALUE;
  return type.kind === "time" && byteWidth(type) === 4 ? Number(units) : units;
}

const PER_SECOND: Record<TimeUnit, bigint> = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };
const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?$/;
const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ]([\d:.,]+?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

function timeUnits(text: string, unit: TimeUnit): bigint | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3] ?? 0);
  const nanoseconds = BigInt((match[4] ?? "").padEnd(9, "0"));
  return BigInt(seconds) * PER_SECOND[unit] + nanoseconds / (1_000_000_000n / PER_SECOND[unit]);
}

/** ISO 8601; an offset is taken off, so the text is read as its UTC time. */
function timestampUnits(text: string, unit: TimeUnit): bigint | undefined {
  const match = INSTANT.exec(text);
  const day = match === null ? undefined : dateDays(match[1]);
  if (match === null || day === undefined) return undefined;
  const time = match[2] === undefined ? 0n : timeUnits(match[2], unit);
  if (time === undefined) return undefined;
  const zone = /^([+-])(\d\d):?(\d\d)?$/.exec(match[3] ?? "");
  const offset = zone === null ? 0 : (Number(zone[2]) * 3600 + Number(zone[3] ?? 0) * 60) * (zone[1] === "-" ? -1 : 1);
  return (BigInt(day) * 86_400n - BigInt(offset)) * PER_SECOND[unit] + time;
}

/** The JSON text of a parsed value. */
function jsonText(value: unknown): string {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}:${jsonText(each)}`)
    .join(",")}}`;
}
