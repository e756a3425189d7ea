import { types } from "../../../src/index.ts";

/** Types of values in state; all numbers in the test are so small that each type of numbers can hold them. */
export const SCALARS = {
  int8: types.int8,
  int16: types.int16,
  int32: types.int32,
  int64: types.int64,
  uint8: types.uint8,
  uint32: types.uint32,
  float32: types.float32,
  float64: types.float64,
  decimal6: types.decimal(6, 1),
  decimal12: types.decimal(12, 1),
  utf8: types.utf8,
} as const;
export type Scalar = keyof typeof SCALARS;

/** What docs/savepoints.md says that each may become. */
export const WIDER: Readonly<Record<Scalar, readonly Scalar[]>> = {
  int8: ["int16", "int32", "int64", "float32", "float64"],
  int16: ["int32", "int64", "float32", "float64"],
  int32: ["int64", "float64"],
  int64: [],
  uint8: ["int16", "uint32", "int64", "float32"],
  uint32: ["int64", "float64"],
  float32: ["float64"],
  float64: [],
  decimal6: ["decimal12"],
  decimal12: [],
  utf8: [],
};

/** What loses something, or is another thing. */
export const OTHERS: Readonly<Record<Scalar, readonly Scalar[]>> = {
  int8: ["utf8", "uint8"],
  int16: ["int8", "uint32"],
  int32: ["int16", "float32", "utf8"],
  int64: ["int32", "float64"],
  uint8: ["int8", "utf8"],
  uint32: ["int32", "uint8"],
  float32: ["int32", "utf8"],
  float64: ["int64", "float32"],
  decimal6: ["int64", "float64"],
  decimal12: ["decimal6"],
  utf8: ["int32"],
};

export interface Field {
  readonly name: string;
  readonly scalar: Scalar;
}

/** A value is one number or text, or a struct of them. */
export type Shape = Scalar | readonly Field[];

/** A value as the model has it: numbers are numbers, whatever their type. */
export type Plain = number | string | null | { readonly [field: string]: number | string | null };

export const shapeText = (shape: Shape): string =>
  typeof shape === "string" ? shape : `{ ${shape.map(({ name, scalar }) => `${name}: ${scalar}`).join(", ")} }`;

export const typeOf = (shape: Shape): types.DataType =>
  typeof shape === "string"
    ? SCALARS[shape]
    : types.struct(Object.fromEntries(shape.map(({ name, scalar }) => [name, SCALARS[scalar]])));

/** What a value becomes with a row of the value `v`, at first and later. */
export function added(shape: Shape, before: Plain, v: number): Plain {
  if (shape === "utf8") return `${before ?? ""}${v}`;
  if (typeof shape === "string") return Number(before ?? 0) + v;
  const fields = before as Readonly<Record<string, number | string | null>> | null;
  return Object.fromEntries(shape.map(({ name, scalar }) => [name, added(scalar, fields?.[name] ?? null, v)])) as Plain;
}

/** As functions give it to their state. */
export function stored(shape: Shape, value: Plain): unknown {
  if (value === null) return null;
  if (typeof shape !== "string") {
    const fields = value as Readonly<Record<string, number | string | null>>;
    return Object.fromEntries(shape.map(({ name, scalar }) => [name, stored(scalar, fields[name] ?? null)]));
  }
  if (shape === "int64") return BigInt(value as number);
  if (shape.startsWith("decimal")) return `${value}.0`;
  return value;
}

/** As functions get it from their state. */
export function loaded(shape: Shape, value: unknown): Plain {
  if (value === null || value === undefined) return null;
  if (typeof shape !== "string") {
    const fields = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(shape.map(({ name, scalar }) => [name, loaded(scalar, fields[name])])) as Plain;
  }
  return shape === "utf8" ? String(value) : Number(value);
}

/** What an old value is under a new shape: fields by name, null where they are new. */
export function carried(shape: Shape, value: Plain, renamed: Readonly<Record<string, string>>): Plain {
  if (typeof shape === "string" || value === null) return value;
  const old = Object.entries(value as Readonly<Record<string, number | string | null>>);
  const by = new Map(old.map(([name, each]) => [renamed[name] ?? name, each]));
  return Object.fromEntries(shape.map(({ name }) => [name, by.get(name) ?? null]));
}
