import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";

/**
 * Plain values as text and back, for state without a declared type: null, undefined, booleans, numbers (also -0, NaN and
 * infinities), bigints, texts, Dates, Uint8Arrays, arrays, Maps, Sets and plain objects. The same value gives the same
 * text. JSON, in which what JSON lacks is an array that starts with its tag: ["date",0]; a plain array is ["array",...].
 * @throws {EvaluationError} STATE_VALUE_UNSUPPORTED for class instances, functions and symbols
 */
export function plainText(value: unknown, where: string): string {
  return JSON.stringify(encode(value, where, 0));
}

export function plainValue(text: string): unknown {
  return decode(JSON.parse(text));
}

/** Deeper values are most likely circular. */
const DEEPEST = 200;

function encode(value: unknown, where: string, depth: number): unknown {
  if (depth > DEEPEST) throw unsupported("values that are nested too deeply, or in a circle", where);
  const inner = (each: unknown) => encode(each, where, depth + 1);
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "undefined":
      return ["undefined"];
    case "bigint":
      return ["bigint", String(value)];
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return ["number", Object.is(value, -0) ? "-0" : String(value)];
    case "object": {
      if (value === null) return null;
      if (Array.isArray(value)) return ["array", ...value.map(inner)];
      if (value instanceof Date) return ["date", inner(value.getTime())];
      if (value instanceof Uint8Array) return ["bytes", ...value];
      if (value instanceof Map) return ["map", ...[...value].map(([key, each]) => [inner(key), inner(each)])];
      if (value instanceof Set) return ["set", ...[...value].map(inner)];
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) {
        // Entries rather than an object: names may be anything, "__proto__" included.
        return ["object", ...Object.entries(value).map(([name, each]) => [name, inner(each)])];
      }
    }
  }
  throw unsupported(describeValue(value), where);
}

const unsupported = (shown: string, where: string): EvaluationError =>
  new EvaluationError(
    "STATE_VALUE_UNSUPPORTED",
    `${where} keeps ${shown} as state, which cannot be stored in a checkpoint.`,
    "Keep plain data: numbers, texts, bigints, Dates, arrays, Maps, Sets and plain objects.",
  );

function decode(stored: unknown): unknown {
  if (!Array.isArray(stored)) return stored;
  const [tag, ...parts] = stored as [string, ...unknown[]];
  switch (tag) {
    case "bigint":
      return BigInt(parts[0] as string);
    case "number":
      return Number(parts[0]);
    case "array":
      return parts.map(decode);
    case "date":
      return new Date(decode(parts[0]) as number);
    case "bytes":
      return Uint8Array.from(parts as number[]);
    case "map":
      return new Map((parts as [unknown, unknown][]).map(([key, each]) => [decode(key), decode(each)]));
    case "set":
      return new Set(parts.map(decode));
    case "object":
      return Object.fromEntries((parts as [string, unknown][]).map(([name, each]) => [name, decode(each)]));
    default:
      return undefined;
  }
}
