import type { DataType } from "../../core/types.ts";
import { PhysicalType, type Statistics } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";

/**
 * A value in a form that compares: integers, dates, times, timestamps and bool as bigint or number (which compare with
 * each other exactly), decimals as bigint at the column's scale, utf8 and binary as bytes.
 */
export type Comparable = number | bigint | Uint8Array;

/** What is known about the values of a row group or page; bounds are of the values that are not null. */
export interface ColumnFacts {
  readonly rowCount: number;
  readonly nullCount: number | undefined;
  readonly min: Comparable | undefined;
  readonly max: Comparable | undefined;
  /** False only where a bloom filter says that no row has the value. */
  readonly mightContain?: (value: unknown) => boolean;
}

/** Below 0, 0 or above 0. Bytes compare unsigned, a prefix comes first. */
export function compareBounds(a: Comparable, b: Comparable): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    const shorter = Math.min(a.length, b.length);
    for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The trustworthy bounds of a leaf's statistics; a bound that cannot be trusted or understood is undefined. */
export function trustedBounds(
  leaf: LeafSchema,
  statistics: Statistics,
  hasColumnOrders: boolean,
): { min: Comparable | undefined; max: Comparable | undefined } {
  const none = { min: undefined, max: undefined };
  if (!leaf.hasKnownOrder) return none;
  const isSigned = isSignedNumber(leaf);
  let { min, max } = statistics;
  // The deprecated bounds were compared as signed bytes, which is right for signed numbers only.
  if (isSigned && (min === undefined || max === undefined)) ({ oldMin: min, oldMax: max } = statistics);
  else if (!isSigned && !hasColumnOrders) return none;
  if (min === undefined || max === undefined) return none;
  const low = boundOf(leaf, min);
  const high = boundOf(leaf, max);
  // One wrong bound makes the other suspect.
  if (low === undefined || high === undefined || compareBounds(low, high) > 0) return none;
  return { min: low, max: high };
}

function isSignedNumber({ physicalType, type }: LeafSchema): boolean {
  if (physicalType === PhysicalType.float || physicalType === PhysicalType.double) return true;
  const isInteger = physicalType === PhysicalType.int32 || physicalType === PhysicalType.int64;
  return isInteger && !type.kind.startsWith("uint");
}

/** Decodes a PLAIN bound; undefined where it has the wrong length or is NaN. */
export function boundOf(leaf: Pick<LeafSchema, "physicalType" | "type">, bytes: Uint8Array): Comparable | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { physicalType, type } = leaf;
  const isUnsigned = type.kind.startsWith("uint");
  switch (physicalType) {
    case PhysicalType.boolean:
      return bytes.length === 1 ? bytes[0] & 1 : undefined;
    case PhysicalType.int32:
      if (bytes.length !== 4) return undefined;
      return type.kind === "decimal"
        ? BigInt(view.getInt32(0, true))
        : isUnsigned
          ? view.getUint32(0, true)
          : view.getInt32(0, true);
    case PhysicalType.int64:
      if (bytes.length !== 8) return undefined;
      return isUnsigned ? view.getBigUint64(0, true) : view.getBigInt64(0, true);
    case PhysicalType.float:
      return bytes.length === 4 ? notNaN(view.getFloat32(0, true)) : undefined;
    case PhysicalType.double:
      return bytes.length === 8 ? notNaN(view.getFloat64(0, true)) : undefined;
    default:
      return type.kind === "decimal" ? signedBigEndian(bytes) : bytes;
  }
}

const notNaN = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);

function signedBigEndian(bytes: Uint8Array): bigint | undefined {
  if (bytes.length === 0 || bytes.length > 16) return undefined;
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

const encoder = new TextEncoder();

/** A predicate's value (`ValueOf` of the type) in comparable form; undefined where it is not a value of the type. */
export function comparableOf(type: DataType, value: unknown): Comparable | undefined {
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean" ? Number(value) : undefined;
    case "utf8":
      return typeof value === "string" ? encoder.encode(value) : undefined;
    case "binary":
      return value instanceof Uint8Array ? value : undefined;
    case "decimal":
      return decimalOf(value, type.scale);
    default:
      if (typeof value === "bigint") return value;
      return typeof value === "number" ? notNaN(value) : undefined;
  }
}

/** An exact decimal text at the given scale; undefined where it has more digits behind the point. */
function decimalOf(value: unknown, scale: number): bigint | undefined {
  const match = typeof value === "string" ? /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) : null;
  if (match === null) return undefined;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return undefined;
  const digits = BigInt(match[2] + fraction.padEnd(scale, "0"));
  return match[1] === "-" ? -digits : digits;
}
