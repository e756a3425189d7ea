import type { Column } from "../column.ts";
import { allocateValues, columnOf } from "../columns/allocate.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** Whether values of the type fit an int64 that keeps their order: all ordered types but strings and decimals. */
export const hasOrderWords = (type: DataType): boolean =>
  type.kind === "bool" || (byteWidth(type) > 0 && byteWidth(type) <= 8);

/** i64[length] in the order of the plain column's values; NaN above infinity. Slots of nulls are unspecified. */
export function orderWords(workspace: Workspace, column: Column): Block {
  const { kernels } = workspace;
  const words = workspace.allocate(column.length * 8);
  if (column.type.kind === "bool") {
    const bytes = workspace.allocate(column.length);
    kernels.groupUnpackBits(column.data, column.length, bytes.address);
    kernels.groupWidenU8(bytes.address, column.length, words.address);
    bytes.release();
  } else wordsOf(workspace, column.type)(column.data, column.length, words.address);
  return words;
}

/** The values that such words stand for; takes over `validity`. */
export function valuesOfWords(
  workspace: Workspace,
  type: DataType,
  words: Address,
  length: number,
  validity?: Block,
): Column {
  const { kernels } = workspace;
  const data = allocateValues(workspace, type, length);
  if (type.kind === "bool") {
    const bytes = workspace.allocate(length);
    kernels.groupNarrow8(words, length, bytes.address);
    kernels.groupPackBits(bytes.address, length, data.address);
    bytes.release();
  } else valuesOf(workspace, type)(words, length, data.address);
  return columnOf(workspace, type, length, { data, ...(validity === undefined ? {} : { validity }) });
}

type Convert = (from: Address, length: number, to: Address) => void;

function wordsOf({ kernels }: Workspace, type: DataType): Convert {
  switch (type.kind) {
    case "int8":
      return kernels.groupWidenI8;
    case "uint8":
      return kernels.groupWidenU8;
    case "int16":
      return kernels.groupWidenI16;
    case "uint16":
      return kernels.groupWidenU16;
    case "uint32":
      return kernels.groupWidenU32;
    case "uint64":
      return kernels.aggOrderU64;
    case "float32":
      return kernels.aggOrderF32;
    case "float64":
      return kernels.aggOrderF64;
    default:
      return byteWidth(type) === 4
        ? kernels.groupWidenI32
        : (from, length, to) => kernels.copyBytes(to, from, length * 8);
  }
}

function valuesOf({ kernels }: Workspace, type: DataType): Convert {
  switch (type.kind) {
    case "uint64":
      return kernels.aggUnorderU64;
    case "float32":
      return kernels.aggUnorderF32;
    case "float64":
      return kernels.aggUnorderF64;
    default:
      switch (byteWidth(type)) {
        case 1:
          return kernels.groupNarrow8;
        case 2:
          return kernels.groupNarrow16;
        case 4:
          return kernels.groupNarrow32;
        default:
          return (from, length, to) => kernels.copyBytes(to, from, length * 8);
      }
  }
}
