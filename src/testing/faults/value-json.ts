import { PlanError } from "../../core/errors.ts";

/** Plain JSON. */
export type PlainJson =
  | null
  | boolean
  | number
  | string
  | readonly PlainJson[]
  | { readonly [name: string]: PlainJson };

/** What JSON has no form for is an object with one of these names alone. */
const MARKS = ["$bigint", "$number", "$date", "$bytes", "$map", "$object"] as const;

/** A value of a row as JSON, from which `fromPlain` makes it again. @throws {PlanError} REPLAY_UNSUPPORTED */
export function toPlain(value: unknown): PlainJson {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") return { $bigint: `${value}` };
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? "-0" : `${value}` };
  }
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  if (value instanceof Map) return { $map: [...value].map(([key, each]) => [toPlain(key), toPlain(each)]) };
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([name, each]) => [name, toPlain(each)] as const);
    return entries.some(([name]) => name.startsWith("$") || name === "__proto__")
      ? { $object: entries.map((entry) => [...entry]) }
      : Object.fromEntries(entries);
  }
  throw new PlanError(
    "REPLAY_UNSUPPORTED",
    `A ${typeof value} cannot stand in a replay string.`,
    "Use plain values in rows.",
  );
}

export function fromPlain(json: PlainJson): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(fromPlain);
  const entries = Object.entries(json as { readonly [name: string]: PlainJson });
  const [mark, held] = entries.length === 1 ? entries[0] : ["", null];
  switch (mark as (typeof MARKS)[number]) {
    case "$bigint":
      return BigInt(held as string);
    case "$number":
      return Number(held);
    case "$date":
      return new Date((held as number | null) ?? Number.NaN);
    case "$bytes":
      return Uint8Array.from(held as number[]);
    case "$map":
      return new Map((held as [PlainJson, PlainJson][]).map(([key, each]) => [fromPlain(key), fromPlain(each)]));
    case "$object":
      return objectOf(held as [string, PlainJson][]);
    default:
      return objectOf(entries);
  }
}

/** A name such as "__proto__" is one like any other. */
function objectOf(entries: readonly (readonly [string, PlainJson])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [name, each] of entries) {
    Object.defineProperty(object, name, {
      value: fromPlain(each),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return object;
}
