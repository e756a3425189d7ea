import {
  type DataType,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
} from "../../core/types.ts";

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
