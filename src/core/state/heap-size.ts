/** Of collections larger than this only so many entries are looked at, spread evenly; the others count like these. */
const SAMPLE = 32;
/** Deeper than this nothing is counted: values of users may refer to each other in circles. */
const DEEPEST = 6;

/** What V8 takes for the parts of a value, roughly, on 64 bits without compressed pointers. */
const POINTER_BYTES = 8;
const OBJECT_BYTES = 24;
const NUMBER_BYTES = 16;
const TEXT_BYTES = 16;
const ENTRY_BYTES = 32;

/**
 * About how many bytes of the JavaScript heap a value takes, from its shape: an estimate for metrics, whose cost does not
 * grow with the value.
 */
export function heapBytes(value: unknown, depth = 0): number {
  switch (typeof value) {
    case "string":
      return TEXT_BYTES + value.length;
    case "number":
    case "bigint":
      return NUMBER_BYTES;
    case "object":
      return value === null || depth === DEEPEST ? 0 : objectBytes(value, depth + 1);
    default:
      return 0;
  }
}

/** The same of `count` things, of which `some` begins with the first ones: their mean counts for all. */
export function sampledBytes<T>(some: Iterable<T>, count: number, bytesOf: (one: T) => number): number {
  let bytes = 0;
  let seen = 0;
  for (const one of some) {
    bytes += bytesOf(one);
    if (++seen === SAMPLE) break;
  }
  return seen === 0 ? 0 : Math.round((bytes / seen) * count);
}

function objectBytes(value: object, depth: number): number {
  if (ArrayBuffer.isView(value)) return OBJECT_BYTES + value.byteLength;
  if (Array.isArray(value)) {
    const length = value.length;
    return OBJECT_BYTES + length * POINTER_BYTES + sampledBytes(spread(value), length, (one) => heapBytes(one, depth));
  }
  if (value instanceof Date) return OBJECT_BYTES * 2;
  if (value instanceof Map) {
    const entryBytes = ([key, one]: [unknown, unknown]) => ENTRY_BYTES + heapBytes(key, depth) + heapBytes(one, depth);
    return OBJECT_BYTES + sampledBytes(value, value.size, entryBytes);
  }
  if (value instanceof Set) {
    return OBJECT_BYTES + sampledBytes(value, value.size, (one) => ENTRY_BYTES + heapBytes(one, depth));
  }
  const values = Object.values(value);
  return OBJECT_BYTES + sampledBytes(values, values.length, (one) => POINTER_BYTES + heapBytes(one, depth));
}

function* spread(values: readonly unknown[]): Generator<unknown, void, void> {
  const step = Math.max(1, values.length / SAMPLE);
  for (let at = 0; at < values.length; at += step) yield values[Math.floor(at)];
}
