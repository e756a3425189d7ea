import { PlanError } from "../../core/errors.ts";
import type { Field } from "../../core/schema.ts";
import {
  binary,
  bool,
  type DataType,
  type Fields,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  list,
  nullType,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
} from "../../core/types.ts";

/**
 * Columns of row objects, in the order in which names first appear.
 * boolean is bool, number float64, bigint int64, string utf8, Date timestamp(ms), Uint8Array binary, an array a list, any
 * other object a struct; a column of nulls alone has the null type.
 * @throws {PlanError} VALUES_MIXED where a column holds values of different types.
 */
export function inferFields(rows: readonly object[]): Field[] {
  return Object.entries(fieldsOf(rows, "")).map(([name, type]) => ({ name, type }));
}

function fieldsOf(objects: readonly object[], path: string): Fields {
  const types = new Map<string, DataType>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      const where = path === "" ? name : `${path}.${name}`;
      const known = types.get(name);
      const type = typeOfValue(value, where);
      types.set(name, known === undefined ? type : common(known, type, where));
    }
  }
  // fromEntries defines properties, so a column named __proto__ stays a column.
  return Object.fromEntries(types);
}

/** The type of an array's values; see `inferFields`. */
export function inferType(values: Iterable<unknown>, where: string): DataType {
  let type: DataType = nullType;
  for (const value of values) type = common(type, typeOfValue(value, where), where);
  return type;
}

function typeOfValue(value: unknown, where: string): DataType {
  switch (typeof value) {
    case "boolean":
      return bool;
    case "number":
      return float64;
    case "bigint":
      return int64;
    case "string":
      return utf8;
    case "undefined":
      return nullType;
    case "object":
      if (value === null) return nullType;
      if (value instanceof Date) return timestamp("ms");
      if (value instanceof Uint8Array) return binary;
      if (ArrayBuffer.isView(value)) return list(typedArrayType(value) ?? float64);
      if (Array.isArray(value)) return list(inferType(value, `${where}[]`));
      return { kind: "struct", fields: fieldsOf([value], where) };
    default:
      throw mixed(where, `a ${typeof value}, which no column holds`);
  }
}

function common(a: DataType, b: DataType, where: string): DataType {
  if (a === b || b.kind === "null") return a;
  if (a.kind === "null") return b;
  if (a.kind === "list" && b.kind === "list") return list(common(a.element, b.element, `${where}[]`));
  if (a.kind === "struct" && b.kind === "struct") {
    const names = new Set([...Object.keys(a.fields), ...Object.keys(b.fields)]);
    const fields = [...names].map((name) => {
      const [left, right] = [own(a.fields, name), own(b.fields, name)];
      return [name, common(left, right, `${where}.${name}`)] as const;
    });
    return { kind: "struct", fields: Object.fromEntries(fields) };
  }
  if (a.kind === b.kind) return a;
  throw mixed(where, `values of the types ${a.kind} and ${b.kind}`);
}

const own = (fields: Fields, name: string): DataType => (Object.hasOwn(fields, name) ? fields[name] : nullType);

function mixed(where: string, what: string): PlanError {
  return new PlanError(
    "VALUES_MIXED",
    `Column "${where}" holds ${what}.`,
    "Give the values one type, or pass a schema.",
  );
}

/** The type whose layout a typed array has; undefined where it is none. Uint8ClampedArray is uint8. */
export function typedArrayType(values: unknown): DataType | undefined {
  if (values instanceof Int8Array) return int8;
  if (values instanceof Int16Array) return int16;
  if (values instanceof Int32Array) return int32;
  if (values instanceof BigInt64Array) return int64;
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) return uint8;
  if (values instanceof Uint16Array) return uint16;
  if (values instanceof Uint32Array) return uint32;
  if (values instanceof BigUint64Array) return uint64;
  if (values instanceof Float32Array) return float32;
  return values instanceof Float64Array ? float64 : undefined;
}
