import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { byteWidth, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bitmapBytes } from "./allocate.ts";

/** Bytes that the rows of a column take; its dictionary, which other batches may share, is left out. */
export function columnBytes(workspace: Workspace, column: Column): number {
  const { type, length, offsets } = column;
  let bytes = column.validity === 0 ? 0 : bitmapBytes(length);
  if (column.dictionary !== undefined) return bytes + length * 4;
  if (offsets !== 0) {
    const first = workspace.i32[offsets >>> 2];
    const count = workspace.i32[(offsets >>> 2) + length] - first;
    bytes += (length + 1) * 4;
    if (isVariableLength(type)) return bytes + count;
    const [elements] = column.children;
    const share = elements.length === 0 ? 0 : count / elements.length;
    return bytes + Math.ceil(columnBytes(workspace, elements) * share);
  }
  const width = column.words === undefined ? byteWidth(type) : 8;
  bytes += type.kind === "bool" ? bitmapBytes(length) : width * length;
  for (const child of column.children) bytes += columnBytes(workspace, child);
  return bytes;
}

/** Bytes that the rows of a batch take, dictionaries left out. */
export const batchBytes = (workspace: Workspace, batch: Batch): number =>
  batch.columns.reduce((sum, column) => sum + columnBytes(workspace, column), 0);
