import type { Address } from "../../memory/allocator.ts";
import { byteWidth, type DataType } from "../../types.ts";

/** How a fixed-width type is stored, which chooses the kernel. */
export type StorageKind = "I8" | "U8" | "I16" | "U16" | "I32" | "U32" | "I64" | "U64" | "F32" | "F64" | "I128";

const STORAGE: Readonly<Record<string, StorageKind>> = {
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  int64: "I64",
  uint64: "U64",
  float32: "F32",
  float64: "F64",
  decimal: "I128",
  date: "I32",
  timestamp: "I64",
};

/** Undefined for types that are not stored as one number (bool, text, nested, interval). */
export function storageKind(type: DataType): StorageKind | undefined {
  if (type.kind === "time") return byteWidth(type) === 4 ? "I32" : "I64";
  return STORAGE[type.kind];
}

/** Kernel numbers of the arithmetic kernels. */
export const ARITHMETIC = { add: 0, sub: 1, mul: 2, div: 3, intDiv: 3, mod: 4 } as const;

/** Integer kernels return the first failing row or -1; the float kernels never fail and return nothing. */
export type BinaryKernel = (
  operation: number,
  left: Address,
  isLeftSingle: boolean,
  right: Address,
  isRightSingle: boolean,
  out: Address,
  length: number,
  validity: Address,
) => unknown;
