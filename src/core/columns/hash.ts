import type { Column } from "../column.ts";
import { InternalError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { gatherColumn } from "./gather.ts";
import { sliceColumn } from "./slice.ts";

/**
 * u64[rowCount]: the engine's stable hash of each row's values in the given columns, taken in order.
 * The function is fixed in kernels/hash.ts and never changes: partitions, key groups and savepoints rest on it.
 * Equal values have equal hashes whatever the encoding (dictionary or plain, slice or whole, -0 or 0, any NaN) and
 * whatever the integer width (int32 5 and int64 5); float32 agrees with float64, but no float with an integer.
 * Decimals hash by their unscaled value and timestamps by their count of units: bring both sides of a join to one type.
 * The caller owns the block.
 */
export function hashColumns(workspace: Workspace, columns: readonly Column[], rowCount: number): Block {
  const hashes = workspace.allocate(rowCount * 8);
  if (columns.length === 0) workspace.kernels.fillBytes(hashes.address, 0, rowCount * 8);
  columns.forEach((column, i) => {
    hashInto(workspace, column, rowCount, hashes.address, i > 0);
  });
  return hashes;
}

/** Hashes one column into u64[length] at `out`, or combines with what is there. */
function hashInto(workspace: Workspace, column: Column, length: number, out: Address, combine: boolean): void {
  const { kernels } = workspace;
  const { data, offsets, validity, dictionary, type } = column;
  if (length === 0) return;
  if (dictionary !== undefined) {
    if (dictionary.length > 2 * length + 64) {
      hashSparseDictionary(workspace, column, dictionary, length, out, combine);
      return;
    }
    const entries = hashColumns(workspace, [dictionary], dictionary.length);
    kernels.hashDictionary(data, entries.address, validity, length, out, combine);
    entries.release();
    return;
  }
  switch (type.kind) {
    case "null":
      kernels.hashNulls(length, out, combine);
      return;
    case "list":
    case "map": {
      const first = workspace.i32[offsets >>> 2];
      const count = workspace.i32[(offsets >>> 2) + length] - first;
      const used = sliceColumn(workspace, column.children[0], first, count);
      const elements = hashColumns(workspace, [used], count);
      used.release();
      kernels.hashList(offsets, elements.address, validity, length, out, combine);
      elements.release();
      return;
    }
    case "struct": {
      const fields = hashColumns(workspace, column.children, length);
      kernels.hashMask(fields.address, validity, length, out, combine);
      fields.release();
      return;
    }
    case "utf8":
    case "binary":
      kernels.hashVariable(data, offsets, validity, length, out, combine);
      return;
    default:
      fixedHash(workspace, type)(data, validity, length, out, combine);
  }
}

/** A few rows of a large dictionary: hashes the entries that occur, row by row. */
function hashSparseDictionary(
  workspace: Workspace,
  column: Column,
  dictionary: Column,
  length: number,
  out: Address,
  combine: boolean,
): void {
  const plain = gatherColumn(workspace, dictionary, column.data, length);
  const hashes = hashColumns(workspace, [plain], length);
  workspace.kernels.hashMask(hashes.address, column.validity, length, out, combine);
  hashes.release();
  plain.release();
}

type FixedHash = (values: Address, validity: Address, length: number, out: Address, combine: boolean) => void;

function fixedHash({ kernels }: Workspace, type: DataType): FixedHash {
  switch (type.kind) {
    case "bool":
      return kernels.hashBool;
    case "int8":
      return kernels.hashI8;
    case "int16":
      return kernels.hashI16;
    case "int32":
    case "date":
      return kernels.hashI32;
    case "uint8":
      return kernels.hashU8;
    case "uint16":
      return kernels.hashU16;
    case "uint32":
      return kernels.hashU32;
    case "int64":
    case "uint64":
    case "timestamp":
      return kernels.hashI64;
    case "time":
      return type.unit === "s" || type.unit === "ms" ? kernels.hashI32 : kernels.hashI64;
    case "float32":
      return kernels.hashF32;
    case "float64":
      return kernels.hashF64;
    case "decimal":
    case "interval":
      return kernels.hash16;
    default:
      throw new InternalError(`No hash is defined for a ${type.kind} column.`);
  }
}
