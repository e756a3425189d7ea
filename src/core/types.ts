import { describeValue } from "./describe-value.ts";
import { PlanError } from "./errors.ts";

/**
 * Data types as plain JSON: they travel to workers, into plans and savepoints as they are.
 * Dictionary encoding is a property of a column's layout, not of its type.
 */
export type TimeUnit = "s" | "ms" | "us" | "ns";
export type IntKind = "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64";
export type FloatKind = "float32" | "float64";

export interface SimpleType<K extends string = SimpleKind> {
  readonly kind: K;
}
export type SimpleKind = "null" | "bool" | IntKind | FloatKind | "utf8" | "binary" | "date";
/** 128-bit two's complement (in memory also 64-bit, see `DecimalWords`), value = unscaled / 10^scale; precision 1..38. */
export interface DecimalType {
  readonly kind: "decimal";
  readonly precision: number;
  readonly scale: number;
}
/** Time of day since midnight; stored as int32 for s and ms, as int64 for us and ns. */
export interface TimeType<U extends TimeUnit = TimeUnit> {
  readonly kind: "time";
  readonly unit: U;
}
/** int64 units since the epoch; with a timezone it is an instant, without one a wall-clock time. */
export interface TimestampType<U extends TimeUnit = TimeUnit> {
  readonly kind: "timestamp";
  readonly unit: U;
  readonly timezone?: string;
}
/** Months, days and nanoseconds, kept apart as in Arrow's MonthDayNano (16 bytes: i32, i32, i64). */
export interface IntervalType {
  readonly kind: "interval";
}
export interface ListType<E extends DataType = DataType> {
  readonly kind: "list";
  readonly element: E;
}
export interface StructType<F extends Fields = Fields> {
  readonly kind: "struct";
  readonly fields: F;
}
export interface MapType<K extends DataType = DataType, V extends DataType = DataType> {
  readonly kind: "map";
  readonly key: K;
  readonly value: V;
}
/** Column names to types, in order. Every column is nullable. */
export interface Fields {
  readonly [name: string]: DataType;
}
export type DataType =
  | SimpleType
  | DecimalType
  | TimeType
  | TimestampType
  | IntervalType
  | ListType
  | StructType
  | MapType;

const simple = <K extends SimpleKind>(kind: K): SimpleType<K> => ({ kind });

export const nullType = simple("null");
export const bool = simple("bool");
export const int8 = simple("int8");
export const int16 = simple("int16");
export const int32 = simple("int32");
export const int64 = simple("int64");
export const uint8 = simple("uint8");
export const uint16 = simple("uint16");
export const uint32 = simple("uint32");
export const uint64 = simple("uint64");
export const float32 = simple("float32");
export const float64 = simple("float64");
export const utf8 = simple("utf8");
export const binary = simple("binary");
/** int32 days since 1970-01-01. */
export const date = simple("date");
/**
 * An exact number of up to `precision` digits, `scale` of them behind the point.
 * @throws {PlanError} TYPE_INVALID
 */
export function decimal(precision: number, scale: number): DecimalType {
  const isWhole = Number.isInteger(precision) && Number.isInteger(scale);
  if (!isWhole || precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    throw invalidType(
      `decimal(${describeValue(precision)}, ${describeValue(scale)})`,
      "Its precision is a whole number from 1 to 38, its scale one from 0 to the precision",
    );
  }
  return { kind: "decimal", precision, scale };
}
/** @throws {PlanError} TYPE_INVALID */
export const time = <U extends TimeUnit>(unit: U): TimeType<U> => ({ kind: "time", unit: checkedUnit("time", unit) });
/** @throws {PlanError} TYPE_INVALID */
export function timestamp<U extends TimeUnit>(unit: U, timezone?: string): TimestampType<U> {
  checkedUnit("timestamp", unit);
  if (timezone === undefined) return { kind: "timestamp", unit };
  if (typeof timezone === "string") return { kind: "timestamp", unit, timezone };
  throw invalidType(
    `timestamp("${unit}", ${describeValue(timezone)})`,
    'Its zone is a text, such as "Europe/Brussels"',
  );
}
export const interval: IntervalType = { kind: "interval" };
/** @throws {PlanError} TYPE_INVALID */
export const list = <E extends DataType>(element: E): ListType<E> => ({
  kind: "list",
  element: checkedType(element, "the elements of a list"),
});
/** @throws {PlanError} TYPE_INVALID */
export const struct = <const F extends Fields>(fields: F): StructType<F> => ({
  kind: "struct",
  fields: checkedFields(fields),
});
/** @throws {PlanError} TYPE_INVALID */
export const map = <K extends DataType, V extends DataType>(key: K, value: V): MapType<K, V> => ({
  kind: "map",
  key: checkedType(key, "the keys of a map"),
  value: checkedType(value, "the values of a map"),
});

const KINDS: ReadonlySet<unknown> = new Set<DataType["kind"]>([
  ...(["null", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"] as const),
  ...(["float32", "float64", "utf8", "binary", "date", "decimal", "time", "timestamp", "interval"] as const),
  ...(["list", "struct", "map"] as const),
]);

/**
 * The types of the columns of a schema or struct, which plain JavaScript may get wrong.
 * @throws {PlanError} TYPE_INVALID
 */
export function checkedFields<F extends Fields>(fields: F): F {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw invalidType(describeValue(fields), "Give an object of names and types");
  }
  for (const [name, type] of Object.entries(fields)) checkedType(type, `"${name}"`);
  return fields;
}

/** @throws {PlanError} TYPE_INVALID */
export function checkedType<T extends DataType>(type: T, where: string): T {
  if (typeof type === "object" && type !== null && KINDS.has((type as DataType).kind)) return type;
  throw invalidType(
    `${describeValue(type)}, given for ${where},`,
    "Types are made with types: types.int64, types.list(types.utf8)",
  );
}

function checkedUnit<U extends TimeUnit>(kind: string, unit: U): U {
  if (["s", "ms", "us", "ns"].includes(unit)) return unit;
  throw invalidType(`${kind}(${describeValue(unit)})`, 'Its unit is "s", "ms", "us" or "ns"');
}

const invalidType = (what: string, hint: string): PlanError =>
  new PlanError("TYPE_INVALID", `${what} is no type.`, `${hint}.`);

/**
 * The JavaScript value of a type at the API edge (null aside):
 * 64-bit integers and timestamps in us/ns are bigint, timestamps in s/ms are numbers in their unit, dates are days,
 * decimals are exact decimal strings, binary is Uint8Array.
 */
export type ValueOf<T> = T extends { kind: "bool" }
  ? boolean
  : T extends { kind: "int64" | "uint64" }
    ? bigint
    : T extends { kind: IntKind | FloatKind | "date" }
      ? number
      : T extends { kind: "utf8" | "decimal" }
        ? string
        : T extends { kind: "binary" }
          ? Uint8Array
          : T extends { kind: "time" | "timestamp"; unit: infer U }
            ? U extends "s" | "ms"
              ? number
              : bigint
            : T extends { kind: "interval" }
              ? { months: number; days: number; nanoseconds: bigint }
              : T extends { kind: "list"; element: infer E }
                ? (ValueOf<E> | null)[]
                : T extends { kind: "struct"; fields: infer F }
                  ? { [N in keyof F]: ValueOf<F[N]> | null }
                  : T extends { kind: "map"; key: infer K; value: infer V }
                    ? [ValueOf<K>, ValueOf<V> | null][]
                    : T extends { kind: "null" }
                      ? null
                      : unknown;

/** Bytes of one value in the data buffer; 0 where values are bits, have variable length or no data buffer. */
export function byteWidth(type: DataType): number {
  switch (type.kind) {
    case "int8":
    case "uint8":
      return 1;
    case "int16":
    case "uint16":
      return 2;
    case "int32":
    case "uint32":
    case "float32":
    case "date":
      return 4;
    case "int64":
    case "uint64":
    case "float64":
    case "timestamp":
      return 8;
    case "time":
      return type.unit === "s" || type.unit === "ms" ? 4 : 8;
    case "decimal":
    case "interval":
      return 16;
    default:
      return 0;
  }
}

/** utf8 and binary: an offsets buffer (int32) and a data buffer. */
export const isVariableLength = (type: DataType): boolean => type.kind === "utf8" || type.kind === "binary";

export const isNested = (type: DataType): boolean =>
  type.kind === "list" || type.kind === "struct" || type.kind === "map";

export const isInteger = (type: DataType): boolean => /^u?int\d+$/.test(type.kind);

export const isFloat = (type: DataType): boolean => type.kind === "float32" || type.kind === "float64";

export const isNumeric = (type: DataType): boolean => isInteger(type) || isFloat(type) || type.kind === "decimal";

/** Structural equality; the order of struct fields matters. */
export function sameType(a: DataType, b: DataType): boolean {
  return a === b || formatType(a) === formatType(b);
}

/** `decimal(12,2)`, `timestamp(ms, UTC)`, `list<int32>`, `struct<a: utf8>`; unique per type. */
export function formatType(type: DataType): string {
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "time":
      return `time(${type.unit})`;
    case "timestamp":
      return type.timezone === undefined ? `timestamp(${type.unit})` : `timestamp(${type.unit}, ${type.timezone})`;
    case "list":
      return `list<${formatType(type.element)}>`;
    case "struct":
      return `struct<${Object.entries(type.fields)
        .map(([name, field]) => `${JSON.stringify(name)}: ${formatType(field)}`)
        .join(", ")}>`;
    case "map":
      return `map<${formatType(type.key)}, ${formatType(type.value)}>`;
    default:
      return type.kind;
  }
}
