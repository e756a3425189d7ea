import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import { boundOf, compareBounds } from "./bounds.ts";
import { PhysicalType } from "./format.ts";
import type { PhysicalValues } from "./physical-values.ts";
import type { WriteLeaf } from "./write-schema.ts";

/** Bounds as stored in statistics, or undefined where there are none. */
export interface StoredBounds {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** Bounds of long texts are cut to this many bytes; they stay bounds. */
const GREATEST_BOUND_BYTES = 64;

/** Bounds of values [first, first + count); `scratch` has room for 64 bytes. */
export function boundsOfValues(
  workspace: Workspace,
  leaf: WriteLeaf,
  values: PhysicalValues,
  first: number,
  count: number,
  scratch: Address,
): StoredBounds | undefined {
  const { kernels } = workspace;
  if (values.kind === "bytes") {
    if (!kernels.parquetBoundsBytes(values.offsets, values.data, first, count, scratch)) return undefined;
    return boundsOfRows(workspace, leaf, values, scratch);
  }
  if (values.kind === "bits") {
    return kernels.parquetBoundsBits(values.data, first, count, scratch) ? copyPair(workspace, scratch, 1) : undefined;
  }
  const found = fixedBounds(workspace, leaf, values.data + first * values.width, count, scratch);
  return found ? copyPair(workspace, scratch, values.width) : undefined;
}

/** Bounds of the dictionary entries that `count` indices refer to. */
export function boundsOfEntries(
  workspace: Workspace,
  leaf: WriteLeaf,
  entries: PhysicalValues,
  indices: Address,
  count: number,
  stamps: Address,
  stamp: number,
  scratch: Address,
): StoredBounds | undefined {
  const { kernels } = workspace;
  const { offsets, data } = entries;
  if (!kernels.parquetBoundsEntries(offsets, data, indices, count, stamps, stamp, scratch)) return undefined;
  return boundsOfRows(workspace, leaf, entries, scratch);
}

function fixedBounds(workspace: Workspace, leaf: WriteLeaf, data: Address, count: number, out: Address): boolean {
  const { kernels } = workspace;
  const isUnsigned = leaf.type.kind.startsWith("uint");
  switch (leaf.physicalType) {
    case PhysicalType.int32:
      return Boolean((isUnsigned ? kernels.parquetBoundsU32 : kernels.parquetBoundsI32)(data, count, out));
    case PhysicalType.int64:
      return Boolean((isUnsigned ? kernels.parquetBoundsU64 : kernels.parquetBoundsI64)(data, count, out));
    case PhysicalType.float:
      return Boolean(kernels.parquetBoundsF32(data, count, out));
    case PhysicalType.double:
      return Boolean(kernels.parquetBoundsF64(data, count, out));
    default:
      // Intervals have no order in Parquet.
      return leaf.type.kind === "decimal" && Boolean(kernels.parquetBoundsDecimal(data, count, out));
  }
}

function copyPair(workspace: Workspace, address: Address, width: number): StoredBounds {
  return { min: workspace.bytes(address, width).slice(), max: workspace.bytes(address + width, width).slice() };
}

function boundsOfRows(
  workspace: Workspace,
  leaf: WriteLeaf,
  values: PhysicalValues,
  rows: Address,
): StoredBounds | undefined {
  const { i32 } = workspace;
  const bytesOf = (row: number): Uint8Array => {
    const start = i32[(values.offsets >>> 2) + row];
    const length = i32[(values.offsets >>> 2) + row + 1] - start;
    return workspace.bytes(values.data + start, Math.min(length, GREATEST_BOUND_BYTES + 1)).slice();
  };
  const isText = leaf.type.kind === "utf8";
  const max = upperBound(bytesOf(i32[(rows >>> 2) + 1]), isText);
  return max === undefined ? undefined : { min: lowerBound(bytesOf(i32[rows >>> 2]), isText), max };
}

/** A prefix is below what it starts. */
function lowerBound(bytes: Uint8Array, isText: boolean): Uint8Array {
  return bytes.length <= GREATEST_BOUND_BYTES ? bytes : bytes.subarray(0, prefixLength(bytes, isText));
}

/** A prefix whose last character is raised is above everything that starts with the prefix. */
function upperBound(bytes: Uint8Array, isText: boolean): Uint8Array | undefined {
  if (bytes.length <= GREATEST_BOUND_BYTES) return bytes;
  for (let length = prefixLength(bytes, isText); length > 0; length--) {
    const last = bytes[length - 1];
    // Only an ASCII character is raised in text: the result stays UTF-8.
    if (last >= (isText ? 0x7f : 0xff)) continue;
    const raised = bytes.slice(0, length);
    raised[length - 1]++;
    return raised;
  }
  return undefined;
}

/** Where to cut: in text not inside a character. */
function prefixLength(bytes: Uint8Array, isText: boolean): number {
  let length = GREATEST_BOUND_BYTES;
  while (isText && length > 0 && (bytes[length] & 0xc0) === 0x80) length--;
  return length;
}

/** The bounds of two ranges together. */
export function widest(leaf: WriteLeaf, a: StoredBounds, b: StoredBounds): StoredBounds {
  return { min: isBelow(leaf, b.min, a.min) ? b.min : a.min, max: isBelow(leaf, a.max, b.max) ? b.max : a.max };
}

function isBelow(leaf: WriteLeaf, a: Uint8Array, b: Uint8Array): boolean {
  const boundA = boundOf(leaf, a);
  const boundB = boundOf(leaf, b);
  return boundA !== undefined && boundB !== undefined && compareBounds(boundA, boundB) < 0;
}
