import type { DataType } from "../types.ts";

/** What tells keys apart in a JavaScript Map, as the engine does: nulls are equal, so are -0 and 0, and all NaN. */
export type KeyId = null | boolean | number | bigint | string;

/** The identity of values of the given types, in their stored form. */
export type KeyIdentity = (values: readonly unknown[]) => KeyId;

export function keyIdentity(types: readonly DataType[]): KeyIdentity {
  if (types.length === 1) {
    const [type] = types;
    if (isOwnIdentity(type)) return ([value]) => ownIdentity(value);
    return ([value]) => (value === null ? null : text(value));
  }
  return (values) => {
    let id = "";
    for (const value of values) id += text(value);
    return id;
  };
}

/** A total order of the identities of one kind of key: null first, NaN last. */
export function compareIds(a: KeyId, b: KeyId): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  if (a < b) return -1;
  if (a > b) return 1;
  // One of them is NaN, or both are.
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Whether a stored value is its own identity. */
export const isOwnIdentity = ({ kind }: DataType): boolean =>
  kind !== "list" && kind !== "map" && kind !== "struct" && kind !== "binary" && kind !== "interval";

/** Maps take NaN for NaN and -0 for 0; what is kept is 0, so that equal keys give equal bytes. */
export const ownIdentity = (value: unknown): KeyId => (value === 0 ? 0 : (value as KeyId));

/** Self-delimiting, and different for values that differ within a type. */
function text(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `${value.length}:${value}`;
    case "number":
    case "bigint":
    case "boolean":
      return `${value};`; // -0 is written "0"
  }
  if (value === null || value === undefined) return "-;";
  if (value instanceof Uint8Array) return `${value.length}:${bytesText(value)}`;
  let id = "(";
  for (const part of Array.isArray(value) ? value : Object.values(value)) id += text(part);
  return `${id})`;
}

function bytesText(bytes: Uint8Array): string {
  let characters = "";
  // In pieces: all bytes as arguments of one call could overflow the stack.
  for (let at = 0; at < bytes.length; at += 4096) characters += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return characters;
}
