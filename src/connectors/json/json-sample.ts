import type { Field } from "../../core/schema.ts";
import { bool, type DataType, type Fields, float64, int64, utf8 } from "../../core/types.ts";
import { typeOfTexts } from "../csv/csv-sample.ts";
import type { TextSample } from "../files/sample.ts";
import { NumberText, parseExactJson } from "./exact-json.ts";
import { isObject } from "./json-values.ts";

const SAMPLE_LINES = 10_000;
/** Deeper values are text columns: a type per level of a hostile line would exhaust the stack. */
const MAX_DEPTH = 64;

/**
 * The columns of JSON lines, in the order in which names first appear in the samples. Lines that are no objects are left to
 * the reader. Types: bool, int64, float64, utf8, structs and lists of them; with `timestamps` also date and timestamp where
 * all texts of a column are ISO 8601. Values of different types make a utf8 column, which holds their JSON text; so does a
 * column without a value.
 */
export function inferJsonFields(samples: Iterable<TextSample>, timestamps: boolean): Field[] {
  const rows: object[] = [];
  for (const sample of samples) {
    const lines = sample.text.replace(/^\ufeff/, "").split("\n");
    if (!sample.isWhole) lines.pop();
    for (const line of lines.slice(0, SAMPLE_LINES - rows.length)) {
      try {
        const value = parseExactJson(line);
        if (isObject(value)) rows.push(value);
      } catch {
        // Whether a wrong line fails the job or is dropped is the reader's to say.
      }
    }
    if (rows.length >= SAMPLE_LINES / 2) break;
  }
  return Object.entries(fieldsOf(rows, timestamps, 1)).map(([name, type]) => ({ name, type }));
}

function fieldsOf(objects: readonly object[], timestamps: boolean, depth: number): Fields {
  const valuesByName = new Map<string, unknown[]>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      const values = valuesByName.get(name);
      if (values === undefined) valuesByName.set(name, [value]);
      else values.push(value);
    }
  }
  // fromEntries defines properties, so a key named __proto__ stays a key.
  return Object.fromEntries([...valuesByName].map(([name, values]) => [name, typeOfValues(values, timestamps, depth)]));
}

function typeOfValues(all: readonly unknown[], timestamps: boolean, depth: number): DataType {
  const values = all.filter((value) => value !== null);
  if (values.length === 0) return utf8;
  if (values.every((value) => typeof value === "boolean")) return bool;
  if (values.every(isInt64)) return int64;
  if (values.every((value) => typeof value === "number" || isFractional(value))) return float64;
  if (values.every((value) => typeof value === "string")) return textType(values as string[], timestamps);
  if (depth > MAX_DEPTH) return utf8;
  if (values.every(Array.isArray)) return { kind: "list", element: typeOfValues(values.flat(), timestamps, depth + 1) };
  if (values.every(isObject)) {
    const fields = fieldsOf(values, timestamps, depth + 1);
    // A struct without fields has nothing to hold: keep the text.
    return Object.keys(fields).length === 0 ? utf8 : { kind: "struct", fields };
  }
  return utf8;
}

function isInt64(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0);
  if (!(value instanceof NumberText) || !/^-?\d+$/.test(value.text)) return false;
  return BigInt.asIntN(64, BigInt(value.text)) === BigInt(value.text);
}

/** Integers beyond int64 are identifiers that a double would cut: they make a text column. */
const isFractional = (value: unknown): boolean =>
  value instanceof NumberText && (!/^-?\d+$/.test(value.text) || isInt64(value));

function textType(texts: readonly string[], timestamps: boolean): DataType {
  if (!timestamps) return utf8;
  const type = typeOfTexts(texts);
  return type.kind === "date" || type.kind === "timestamp" ? type : utf8;
}
