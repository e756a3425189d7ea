import { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** Bytes of a bitmap of `length` bits. */
export const bitmapBytes = (length: number): number => (length + 7) >>> 3;

/** A block for the values of a fixed-width or bool column; contents unspecified. */
export function allocateValues(workspace: Workspace, type: DataType, length: number): Block {
  return workspace.allocate(type.kind === "bool" ? bitmapBytes(length) : byteWidth(type) * length);
}

/**
 * Wraps written blocks as a column. Counts the nulls of `validity`, and drops the bitmap where there are none.
 * Takes over the references on the blocks.
 */
export function columnOf(
  workspace: Workspace,
  type: DataType,
  length: number,
  values: {
    data?: Block;
    /** Where in `data` the values begin; default: at its start. */
    dataAt?: Address;
    /** In place of `data`: decimals as int64, with the bound of `DecimalWords.bits`. */
    words?: { block: Block; bits: number };
    offsets?: Block;
    validity?: Block;
    children?: Column[];
    dictionary?: Column;
  },
): Column {
  const blocks: Block[] = [];
  if (values.data !== undefined) blocks.push(values.data);
  if (values.words !== undefined) blocks.push(values.words.block);
  if (values.offsets !== undefined) blocks.push(values.offsets);
  let nullCount = 0;
  let validity: Address = 0;
  if (values.validity !== undefined) {
    nullCount = length - workspace.kernels.bitmapCount(values.validity.address, length);
    if (nullCount === 0) values.validity.release();
    else {
      validity = values.validity.address;
      blocks.push(values.validity);
    }
  }
  return new Column(
    type,
    length,
    {
      nullCount,
      validity,
      data: values.dataAt ?? values.data?.address ?? 0,
      offsets: values.offsets?.address ?? 0,
      children: values.children ?? [],
      ...(values.words === undefined
        ? {}
        : { words: { address: values.words.block.address, bits: values.words.bits, workspace } }),
      ...(values.dictionary === undefined ? {} : { dictionary: values.dictionary }),
    },
    blocks,
  );
}

/** A bitmap of `length` bits, all zero; the caller owns the reference. */
export const allocateBitmap = (workspace: Workspace, length: number): Block =>
  workspace.allocateZeroed(bitmapBytes(length));
