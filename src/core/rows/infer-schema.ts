import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import { Schema } from "../schema.ts";
import type { DataType } from "../types.ts";
import * as types from "../types.ts";

/**
 * The schema of sample rows; columns in the order in which they are first seen.
 *   number -> float64 (never an integer: a later row may have a fraction), bigint -> int64, string -> utf8,
 *   boolean -> bool, Date -> timestamp(ms, UTC), Uint8Array -> binary, array -> list, Map -> map, object -> struct;
 *   null only -> null, which a later row with a value contradicts: declare the schema then.
 * @throws {EvaluationError} ROW_SHAPE_CHANGED where two rows give a column different types, ROW_INVALID where a row is
 * no object, ROW_TYPE_UNKNOWN where a value has no type (function, symbol, class instance).
 */
export function inferSchema(rows: readonly unknown[]): Schema {
  const columns = new Map<string, DataType>();
  for (const [row, object] of rows.entries()) {
    if (!isRecord(object)) {
      throw new EvaluationError(
        "ROW_INVALID",
        `Row ${row} is ${describeValue(object)}, where an object with the columns as properties is needed.`,
        "Return an object such as { name: value }.",
      );
    }
    for (const [name, value] of Object.entries(object)) {
      const path = `column "${name}" of row ${row}`;
      columns.set(name, unify(columns.get(name) ?? types.nullType, typeOfValue(value, path), path));
    }
  }
  return new Schema([...columns].map(([name, type]) => ({ name, type })));
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Promise) &&
  !(value instanceof Date) &&
  !(value instanceof Map) &&
  !ArrayBuffer.isView(value) &&
  hasFields(value);

/** A plain object, or one of a class that keeps data in properties: a Set or a RegExp would be an empty struct. */
const hasFields = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.keys(value).length > 0;
};

function typeOfValue(value: unknown, path: string): DataType {
  switch (typeof value) {
    case "undefined":
      return types.nullType;
    case "number":
      return types.float64;
    case "bigint":
      return types.int64;
    case "string":
      return types.utf8;
    case "boolean":
      return types.bool;
    case "object": {
      if (value === null) return types.nullType;
      if (value instanceof Date) return types.timestamp("ms", "UTC");
      if (value instanceof Uint8Array) return types.binary;
      if (Array.isArray(value)) return types.list(commonType(value, path));
      if (value instanceof Map) return types.map(commonType(value.keys(), path), commonType(value.values(), path));
      if (isRecord(value)) {
        const fields = Object.entries(value).map(([name, field]) => [name, typeOfValue(field, `${path}, ${name}`)]);
        return types.struct(Object.fromEntries(fields));
      }
    }
  }
  throw new EvaluationError(
    "ROW_TYPE_UNKNOWN",
    `The ${path} holds ${describeValue(value)}, which has no column type.`,
    "Return plain values, or declare the output schema.",
  );
}

function commonType(values: Iterable<unknown>, path: string): DataType {
  let type: DataType = types.nullType;
  for (const value of values) type = unify(type, typeOfValue(value, path), path);
  return type;
}

/** The type of both; null is part of every type. */
function unify(known: DataType, seen: DataType, path: string): DataType {
  if (known.kind === "null" || types.sameType(known, seen)) return seen;
  if (seen.kind === "null") return known;
  if (known.kind === "list" && seen.kind === "list") return types.list(unify(known.element, seen.element, path));
  if (known.kind === "map" && seen.kind === "map") {
    return types.map(unify(known.key, seen.key, path), unify(known.value, seen.value, path));
  }
  if (known.kind === "struct" && seen.kind === "struct") {
    const fields = new Map(Object.entries(known.fields));
    for (const [name, type] of Object.entries(seen.fields)) {
      fields.set(name, unify(fields.get(name) ?? types.nullType, type, `${path}, ${name}`));
    }
    return types.struct(Object.fromEntries(fields));
  }
  throw new EvaluationError(
    "ROW_SHAPE_CHANGED",
    `The ${path} is ${types.formatType(seen)}, where earlier rows had ${types.formatType(known)}.`,
    "Return one type per column, or declare the output schema.",
  );
}
