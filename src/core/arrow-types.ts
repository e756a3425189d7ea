import * as arrow from "apache-arrow";
import { PlanError } from "./errors.ts";
import { Schema } from "./schema.ts";
import type { DataType, TimeUnit } from "./types.ts";

const UNITS: readonly TimeUnit[] = ["s", "ms", "us", "ns"];

/** The apache-arrow form of a type. */
export function arrowType(type: DataType): arrow.DataType {
  switch (type.kind) {
    case "null":
      return new arrow.Null();
    case "bool":
      return new arrow.Bool();
    case "int8":
      return new arrow.Int8();
    case "int16":
      return new arrow.Int16();
    case "int32":
      return new arrow.Int32();
    case "int64":
      return new arrow.Int64();
    case "uint8":
      return new arrow.Uint8();
    case "uint16":
      return new arrow.Uint16();
    case "uint32":
      return new arrow.Uint32();
    case "uint64":
      return new arrow.Uint64();
    case "float32":
      return new arrow.Float32();
    case "float64":
      return new arrow.Float64();
    case "utf8":
      return new arrow.Utf8();
    case "binary":
      return new arrow.Binary();
    case "date":
      return new arrow.DateDay();
    case "decimal":
      return new arrow.Decimal(type.scale, type.precision, 128);
    case "time": {
      const wide = type.unit === "us" || type.unit === "ns";
      return new arrow.Time(UNITS.indexOf(type.unit), wide ? 64 : 32);
    }
    case "timestamp":
      return new arrow.Timestamp(UNITS.indexOf(type.unit), type.timezone ?? null);
    case "interval":
      return new arrow.IntervalMonthDayNano();
    case "list":
      return new arrow.List(new arrow.Field("item", arrowType(type.element), true));
    case "struct":
      return new arrow.Struct(arrowFields(Object.entries(type.fields)));
    case "map": {
      const entries = new arrow.Struct<{ key: arrow.DataType; value: arrow.DataType }>([
        new arrow.Field("key", arrowType(type.key), false),
        new arrow.Field("value", arrowType(type.value), true),
      ]);
      return new arrow.Map_(new arrow.Field("entries", entries, false));
    }
  }
}

const arrowFields = (fields: readonly (readonly [string, DataType])[]): arrow.Field[] =>
  fields.map(([name, type]) => new arrow.Field(name, arrowType(type), true));

/** Our form of an apache-arrow type; large, view and fixed-size variants become the plain ones. */
export function typeFromArrow(type: arrow.DataType, where: string): DataType {
  const { DataType: Is } = arrow;
  if (Is.isNull(type)) return { kind: "null" };
  if (Is.isBool(type)) return { kind: "bool" };
  if (Is.isInt(type)) {
    const kind = `${type.isSigned ? "" : "u"}int${type.bitWidth}`;
    return { kind } as DataType;
  }
  if (Is.isFloat(type)) {
    if (type.precision === arrow.Precision.HALF) return { kind: "float32" };
    return { kind: type.precision === arrow.Precision.SINGLE ? "float32" : "float64" };
  }
  if (Is.isUtf8(type) || Is.isLargeUtf8(type)) return { kind: "utf8" };
  if (Is.isBinary(type) || Is.isLargeBinary(type) || Is.isFixedSizeBinary(type)) return { kind: "binary" };
  if (Is.isDecimal(type) && type.bitWidth === 128) {
    return { kind: "decimal", precision: type.precision, scale: type.scale };
  }
  if (Is.isDate(type)) {
    return type.unit === arrow.DateUnit.DAY ? { kind: "date" } : { kind: "timestamp", unit: "ms" };
  }
  if (Is.isTime(type)) return { kind: "time", unit: UNITS[type.unit] };
  if (Is.isTimestamp(type)) {
    const unit = UNITS[type.unit];
    const zone = type.timezone;
    return zone === null || zone === undefined || zone === ""
      ? { kind: "timestamp", unit }
      : { kind: "timestamp", unit, timezone: zone };
  }
  if (Is.isDuration(type)) return { kind: "int64" };
  if (Is.isInterval(type) && type.unit === arrow.IntervalUnit.MONTH_DAY_NANO) return { kind: "interval" };
  if (Is.isList(type)) return { kind: "list", element: typeFromArrow(type.children[0].type, where) };
  if (Is.isFixedSizeList(type)) return { kind: "list", element: typeFromArrow(type.children[0].type, where) };
  if (Is.isStruct(type)) {
    const fields = type.children.map((child) => {
      const name = fieldName(child);
      return [name, typeFromArrow(child.type, `${where}.${name}`)];
    });
    return { kind: "struct", fields: Object.fromEntries(fields) };
  }
  if (Is.isMap(type)) {
    const [key, value] = type.children[0].type.children;
    return { kind: "map", key: typeFromArrow(key.type, where), value: typeFromArrow(value.type, where) };
  }
  if (Is.isDictionary(type)) return typeFromArrow(type.dictionary, where);
  throw new PlanError(
    "ARROW_TYPE_UNSUPPORTED",
    `Column "${where}" has the Arrow type ${String(type)}, which Millrace does not hold.`,
    "Cast it to another type, or leave the column out.",
  );
}

export const schemaFromArrow = (schema: arrow.Schema): Schema =>
  new Schema(
    schema.fields.map((field) => {
      const name = fieldName(field);
      return { name, type: typeFromArrow(field.type, name) };
    }),
  );

/** apache-arrow reads an empty name from a file as null. */
const fieldName = (field: arrow.Field): string => (field.name as string | null) ?? "";

/** The Arrow schema of a batch whose columns are all plain. */
export const arrowSchema = (schema: Schema): arrow.Schema =>
  new arrow.Schema(arrowFields(schema.fields.map((field) => [field.name, field.type] as const)));
