import type { PlanError } from "../errors.ts";
import { type DataType, sameType } from "../types.ts";
import { incompatible } from "./incompatible.ts";

/** Makes a value of a state, or null, what a wider or changed type has for it. */
export type WidenValue = (value: unknown) => unknown;

/** New names of columns and of fields of structs, by their old ones. */
export type Renamed = Readonly<Record<string, string>>;

const INTEGERS = ["int8", "int16", "int32", "int64"];
const UNSIGNED = ["uint8", "uint16", "uint32", "uint64"];
/** Of the numbers that every value of a type can be as they are. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  int8: ["int16", "int32", "int64", "float32", "float64"],
  int16: ["int32", "int64", "float32", "float64"],
  int32: ["int64", "float64"],
  uint8: ["uint16", "uint32", "uint64", "int16", "int32", "int64", "float32", "float64"],
  uint16: ["uint32", "uint64", "int32", "int64", "float32", "float64"],
  uint32: ["uint64", "int64", "float64"],
  float32: ["float64"],
};
const isBig = (kind: string): boolean => kind === "int64" || kind === "uint64";

/**
 * How values of one type become those of another without a loss: wider numbers, more digits of a decimal, structs with
 * fields that are new (null), gone, renamed or wider, and lists and maps of such. Undefined where that cannot be.
 * @throws {PlanError} STATE_INCOMPATIBLE, told of `what`, where two fields are one then
 */
export function wideningOf(from: DataType, to: DataType, what: string, renamed: Renamed = {}): WidenValue | undefined {
  if (sameType(from, to)) return (value) => value;
  if (from.kind === "struct" && to.kind === "struct") return structWidening(from.fields, to.fields, what, renamed);
  if (from.kind === "list" && to.kind === "list") {
    const element = wideningOf(from.element, to.element, what, renamed);
    return element && ((value) => (value === null ? null : (value as unknown[]).map(element)));
  }
  if (from.kind === "map" && to.kind === "map") {
    const value = wideningOf(from.value, to.value, what, renamed);
    if (value === undefined || !sameType(from.key, to.key)) return undefined;
    return (map) => (map === null ? null : new Map([...(map as Map<unknown, unknown>)].map(([k, v]) => [k, value(v)])));
  }
  if (from.kind === "decimal" && to.kind === "decimal") {
    return to.scale === from.scale && to.precision > from.precision ? (value) => value : undefined;
  }
  if (from.kind === "null") return () => null;
  if (!(WIDER[from.kind] ?? []).includes(to.kind)) return undefined;
  if ((INTEGERS.includes(to.kind) || UNSIGNED.includes(to.kind)) && isBig(to.kind)) {
    return (value) => (value === null ? null : BigInt(value as number));
  }
  return (value) => value;
}

function structWidening(
  from: Readonly<Record<string, DataType>>,
  to: Readonly<Record<string, DataType>>,
  what: string,
  renamed: Renamed,
): WidenValue | undefined {
  const fields: { name: string; source: string | undefined; widen: WidenValue }[] = [];
  const sources = new Map<string, string>();
  for (const old of Object.keys(from)) {
    const name = newName(old, renamed);
    if (sources.has(name)) throw hasBoth(what, name);
    sources.set(name, old);
  }
  for (const [name, type] of Object.entries(to)) {
    const source = sources.get(name);
    const widen = source === undefined ? () => null : wideningOf(from[source], type, what, renamed);
    if (widen === undefined) return undefined;
    fields.push({ name, source, widen });
  }
  // One that has nothing in common is another thing.
  if (fields.every(({ source }) => source === undefined)) return undefined;
  return (value) => {
    if (value === null) return null;
    const given = value as Record<string, unknown>;
    const made: Record<string, unknown> = {};
    for (const { name, source, widen } of fields)
      made[name] = source === undefined ? null : widen(given[source] ?? null);
    return made;
  };
}

export const newName = (name: string, renamed: Renamed): string =>
  Object.hasOwn(renamed, name) ? renamed[name] : name;

/** A type whose fields have their new names. @throws {PlanError} STATE_INCOMPATIBLE, told of `what`, where two are one then */
export function renamedType(type: DataType, renamed: Renamed, what: string): DataType {
  if (Object.keys(renamed).length === 0) return type;
  switch (type.kind) {
    case "list":
      return { ...type, element: renamedType(type.element, renamed, what) };
    case "map":
      // Another key would be another entry.
      return { ...type, value: renamedType(type.value, renamed, what) };
    case "struct": {
      const fields: Record<string, DataType> = {};
      for (const [name, field] of Object.entries(type.fields)) {
        const own = newName(name, renamed);
        if (Object.hasOwn(fields, own)) throw hasBoth(what, own);
        fields[own] = renamedType(field, renamed, what);
      }
      return { ...type, fields };
    }
    default:
      return type;
  }
}

/** Of two of one name the wrong one could be taken. */
export const hasBoth = (what: string, name: string): PlanError =>
  incompatible(
    `${what} would have "${name}" twice: the snapshot has it, beside the one that renamedState gives its name to. A checkpoint of the changed job needs no renamedState any more.`,
  );
