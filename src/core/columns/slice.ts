import { Batch, mapMarks } from "../batch.ts";
import type { Column, ColumnLayout } from "../column.ts";
import { assert } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bitmapBytes } from "./allocate.ts";

/**
 * Rows [start, start + length) of a column. Values, offsets and children are shared; bitmaps that would start inside a
 * byte are copied. The caller owns the new reference.
 */
export function sliceColumn(workspace: Workspace, column: Column, start: number, length: number): Column {
  assert(start >= 0 && length >= 0 && start + length <= column.length, "a slice lies inside its column");
  if (start === 0 && length === column.length) return column.retain();
  const extra: Block[] = [];
  const sliceBits = (bitmap: number): number => {
    if ((start & 7) === 0) return bitmap + (start >>> 3);
    const block = workspace.allocate(bitmapBytes(length));
    workspace.kernels.bitmapSlice(bitmap, start, length, block.address);
    extra.push(block);
    return block.address;
  };
  let nullCount = 0;
  let validity = 0;
  if (column.validity !== 0) {
    validity = sliceBits(column.validity);
    nullCount = length - workspace.kernels.bitmapCount(validity, length);
  } else if (column.type.kind === "null") nullCount = length;

  const { type, dictionary } = column;
  const layout: ColumnLayout = { nullCount, validity };
  if (dictionary !== undefined) {
    return column.view(length, { ...layout, data: column.data + start * 4, dictionary }, extra);
  }
  switch (type.kind) {
    case "null":
      return column.view(length, layout, extra);
    case "bool":
      return column.view(length, { ...layout, data: sliceBits(column.data) }, extra);
    case "utf8":
    case "binary":
      return column.view(length, { ...layout, data: column.data, offsets: column.offsets + start * 4 }, extra);
    case "list":
    case "map":
      return column.view(length, { ...layout, offsets: column.offsets + start * 4, children: column.children }, extra);
    case "struct": {
      const children = column.children.map((child) => sliceColumn(workspace, child, start, length));
      const sliced = column.view(length, { ...layout, children }, extra);
      for (const child of children) child.release();
      return sliced;
    }
    default: {
      const { words } = column;
      if (words !== undefined) {
        return column.view(length, { ...layout, words: { ...words, address: words.address + start * 8 } }, extra);
      }
      return column.view(length, { ...layout, data: column.data + start * byteWidth(type) }, extra);
    }
  }
}

/** Rows [start, start + length) of a batch; the caller owns the new batch. */
export function sliceBatch(workspace: Workspace, batch: Batch, start: number, length: number): Batch {
  if (start === 0 && length === batch.rowCount) return batch.retain();
  const columns = batch.columns.map((column) => sliceColumn(workspace, column, start, length));
  const marks = mapMarks(batch.marks, (column) => sliceColumn(workspace, column, start, length));
  return new Batch(batch.schema, length, columns, marks);
}
