import { formatDecimal } from "../columns/read.ts";
import { dateDays, parseDecimal, timestampUnits } from "../columns/values.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import { byteWidth, type DataType, formatType, isNested } from "../types.ts";

/** Values of one type as state holds them: in the form of `ValueOf`, sharing nothing with what users hold. */
export interface StoredType {
  readonly type: DataType;
  /** A copy of a user's value in the stored form; null for null and undefined. @throws {EvaluationError} VALUE_INVALID */
  store(value: unknown): unknown;
  /** What a user may have of a stored value: a copy of what can be changed. */
  load(stored: unknown): unknown;
}

/** `where` names the state in messages: `the state "count"`. */
export function storedType(type: DataType, where: string): StoredType {
  const convert = converter(type);
  return {
    type,
    store(value) {
      if (value === null || value === undefined) return null;
      const stored = convert(value);
      if (stored === undefined) throw invalid(value, type, where);
      return stored;
    },
    load: isNested(type) || type.kind === "binary" || type.kind === "interval" ? copier(type) : same,
  };
}

const same = (stored: unknown): unknown => stored;

function invalid(value: unknown, type: DataType, where: string): EvaluationError {
  return new EvaluationError(
    "VALUE_INVALID",
    `${where} of type ${formatType(type)} was given ${describeValue(value)}${structProperties(value, type)}.`,
    "Give a value of the state's type, or declare another type for the state.",
  );
}

const structProperties = (value: unknown, type: DataType): string =>
  type.kind === "struct" && typeof value === "object"
    ? ` with the properties ${Object.keys(value as object).join(", ") || "none"}`
    : "";

/** Gives the stored form, undefined for what does not fit; never gets null. */
type Converter = (value: unknown) => unknown;

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
};

const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/gu;

function converter(type: DataType): Converter {
  switch (type.kind) {
    case "null":
      return () => undefined;
    case "bool":
      return (value) => (typeof value === "boolean" ? value : undefined);
    case "float64":
      return (value) => (typeof value === "number" ? value : undefined);
    case "float32":
      return (value) => (typeof value === "number" ? Math.fround(value) : undefined);
    case "int64":
      return (value) => wide(value, (integer) => BigInt.asIntN(64, integer));
    case "uint64":
      return (value) => wide(value, (integer) => BigInt.asUintN(64, integer));
    case "utf8":
      // As in columns: UTF-8 has no form for lone surrogates.
      return (value) =>
        typeof value !== "string" ? undefined : SURROGATE.test(value) ? value.replace(LONE_SURROGATE, "\ufffd") : value;
    case "binary":
      return (value) => (value instanceof Uint8Array ? Uint8Array.from(value) : undefined);
    case "date":
      return dateDays;
    case "timestamp": {
      const { unit } = type;
      const isNumber = unit === "s" || unit === "ms";
      return (value) => {
        if (isNumber && typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
        const units = timestampUnits(value, unit);
        if (units === undefined || BigInt.asIntN(64, units) !== units) return undefined;
        return isNumber ? Number(units) : units;
      };
    }
    case "time":
      if (byteWidth(type) === 8) return (value) => wide(value, (integer) => BigInt.asIntN(64, integer));
      return (value) => narrow(value, -2_147_483_648, 2_147_483_647);
    case "decimal":
      return (value) => {
        const unscaled = parseDecimal(value, type);
        return unscaled === undefined ? undefined : formatDecimal(unscaled, type.scale);
      };
    case "interval":
      return (value) => {
        const { months, days, nanoseconds } = value as Record<string, unknown>;
        if (!Number.isInteger(months) || !Number.isInteger(days) || typeof nanoseconds !== "bigint") return undefined;
        return { months, days, nanoseconds };
      };
    case "list":
      return listConverter(type.element);
    case "map":
      return mapConverter(type.key, type.value);
    case "struct":
      return structConverter(type.fields);
    default: {
      const [low, high] = RANGES[type.kind];
      return (value) => narrow(value, low, high);
    }
  }
}

function narrow(value: unknown, low: number, high: number): number | undefined {
  const integer = typeof value === "bigint" ? Number(value) : value;
  if (typeof integer !== "number" || !Number.isInteger(integer) || integer < low || integer > high) return undefined;
  return integer === 0 ? 0 : integer; // never -0
}

function wide(value: unknown, wrap: (integer: bigint) => bigint): bigint | undefined {
  const integer = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
  return integer !== undefined && wrap(integer) === integer ? integer : undefined;
}

const nullable =
  (convert: Converter): Converter =>
  (value) =>
    value === null || value === undefined ? null : convert(value);

function listConverter(element: DataType): Converter {
  const convert = nullable(converter(element));
  return (value) => {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return undefined;
    const stored: unknown[] = [];
    for (const each of value as Iterable<unknown>) {
      const converted = convert(each);
      if (converted === undefined) return undefined;
      stored.push(converted);
    }
    return stored;
  };
}

function mapConverter(keyType: DataType, valueType: DataType): Converter {
  const key = converter(keyType);
  const convert = nullable(converter(valueType));
  return (value) => {
    if (!(value instanceof Map) && !Array.isArray(value)) return undefined;
    const stored: [unknown, unknown][] = [];
    for (const entry of value as Iterable<unknown>) {
      if (!Array.isArray(entry) || entry.length !== 2 || entry[0] === null || entry[0] === undefined) return undefined;
      const pair: [unknown, unknown] = [key(entry[0]), convert(entry[1])];
      if (pair[0] === undefined || pair[1] === undefined) return undefined;
      stored.push(pair);
    }
    return stored;
  };
}

/** Missing properties are null, further ones are left out; one that is missing beside a further one is misspelt. */
function structConverter(fields: Readonly<Record<string, DataType>>): Converter {
  const names = Object.keys(fields);
  const converters = names.map((name) => nullable(converter(fields[name])));
  return (value) => {
    if (typeof value !== "object" || Array.isArray(value) || value instanceof Promise) return undefined;
    const given = value as Record<string, unknown>;
    const stored: Record<string, unknown> = {};
    let isIncomplete = false;
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const property = !(name in Object.prototype) || Object.hasOwn(given, name) ? given[name] : undefined;
      if (property === undefined) isIncomplete = true;
      const converted = converters[i](property);
      if (converted === undefined) return undefined;
      put(stored, name, converted);
    }
    if (isIncomplete && Object.keys(given).some((name) => !Object.hasOwn(fields, name))) return undefined;
    return stored;
  };
}

function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

/** Copies a stored value deeply. */
function copier(type: DataType): (stored: unknown) => unknown {
  const copy = valueCopier(type);
  return (stored) => (stored === null || stored === undefined ? stored : copy(stored));
}

function valueCopier(type: DataType): (stored: unknown) => unknown {
  switch (type.kind) {
    case "binary":
      return (stored) => Uint8Array.from(stored as Uint8Array);
    case "interval":
      return (stored) => ({ ...(stored as object) });
    case "list": {
      const copy = copier(type.element);
      return (stored) => (stored as unknown[]).map(copy);
    }
    case "map": {
      const copyKey = copier(type.key);
      const copyValue = copier(type.value);
      return (stored) => (stored as [unknown, unknown][]).map(([key, value]) => [copyKey(key), copyValue(value)]);
    }
    case "struct": {
      const names = Object.keys(type.fields);
      const copiers = names.map((name) => copier(type.fields[name]));
      return (stored) => {
        const copy: Record<string, unknown> = {};
        for (let i = 0; i < names.length; i++) {
          put(copy, names[i], copiers[i]((stored as Record<string, unknown>)[names[i]]));
        }
        return copy;
      };
    }
    default:
      return same;
  }
}
