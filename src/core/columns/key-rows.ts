import type { Column } from "../column.ts";
import { EvaluationError, InternalError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { binary, byteWidth } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { columnOf } from "./allocate.ts";
import { plainColumn } from "./dictionary.ts";
import { sliceColumn } from "./slice.ts";

const MAXIMUM_OFFSET = 0x7fffffff;

/**
 * One binary value per row, equal for two rows if and only if they are equal in every given column: nulls equal each
 * other, so do -0 and 0, and all NaN. Only equality is kept, no order, and the bytes may change between versions.
 *   null             0
 *   fixed width      1, then the bytes of the value
 *   utf8, binary     1, u32 length, then the bytes
 *   list, map        1, u32 element count, then the elements
 *   struct           1, then the fields
 * The caller owns the column.
 */
export function encodeKeyRows(workspace: Workspace, columns: readonly Column[], rowCount: number): Column {
  const { kernels } = workspace;
  const plain = columns.map((column) => plainColumn(workspace, column));
  const sizes = workspace.allocateZeroed(rowCount * 4);
  for (const column of plain) addSizes(workspace, column, rowCount, sizes.address);
  const offsets = workspace.allocate((rowCount + 1) * 4);
  const total = kernels.keyRowsOffsets(sizes.address, rowCount, offsets.address);
  if (total > MAXIMUM_OFFSET) {
    for (const owned of [sizes, offsets, ...plain]) owned.release();
    throw new EvaluationError(
      "COLUMN_TOO_LONG",
      `The keys of ${rowCount} rows take ${total} bytes, more than one batch can address.`,
      "Use a smaller batchRows.",
    );
  }
  const data = workspace.allocate(total + 16);
  // From here on, sizes[row] is the address at which the row's next bytes go.
  kernels.keyRowsCursors(offsets.address, rowCount, data.address, sizes.address);
  for (const column of plain) write(workspace, column, rowCount, sizes.address);
  for (const owned of [sizes, ...plain]) owned.release();
  return columnOf(workspace, binary, rowCount, { data, offsets });
}

/** Adds each row's bytes to sizes u32[length]. */
function addSizes(workspace: Workspace, column: Column, length: number, sizes: Address): void {
  const { kernels } = workspace;
  const { type, validity, offsets } = column;
  switch (type.kind) {
    case "null":
      kernels.keyRowsAddConstant(sizes, length, 0, 1, 0);
      return;
    case "bool":
      kernels.keyRowsAddConstant(sizes, length, validity, 1, 1);
      return;
    case "utf8":
    case "binary":
      kernels.keyRowsAddVariable(sizes, length, validity, offsets, 5);
      return;
    case "struct":
      withFields(workspace, column, length, (total) => {
        kernels.keyRowsAddSizes(sizes, length, validity, total.address, 1);
      });
      return;
    case "list":
    case "map":
      withElements(workspace, column, length, (_, elementSizes) => {
        kernels.keyRowsAddLists(sizes, length, validity, offsets, elementSizes.address, 5);
      });
      return;
    default:
      kernels.keyRowsAddConstant(sizes, length, validity, 1, byteWidth(type));
  }
}

/** Writes each row's bytes at its cursor and moves the cursor behind them. A cursor of 0 skips the row. */
function write(workspace: Workspace, column: Column, length: number, cursors: Address): void {
  const { kernels } = workspace;
  const { type, validity, offsets, data } = column;
  switch (type.kind) {
    case "null":
      kernels.keyRowsWriteNulls(cursors, length);
      return;
    case "bool": {
      const bytes = workspace.allocate(length);
      kernels.groupUnpackBits(data, length, bytes.address);
      kernels.keyRowsWrite1(bytes.address, validity, length, cursors);
      bytes.release();
      return;
    }
    case "utf8":
    case "binary":
      kernels.keyRowsWriteVariable(data, offsets, validity, length, cursors);
      return;
    case "struct": {
      const inner = workspace.allocate(length * 4);
      kernels.keyRowsBegin(validity, length, cursors, inner.address);
      for (const child of column.children) write(workspace, child, length, inner.address);
      kernels.keyRowsEnd(inner.address, length, cursors);
      inner.release();
      return;
    }
    case "list":
    case "map":
      withElements(workspace, column, length, (elements, elementSizes, count) => {
        kernels.keyRowsWriteLists(offsets, validity, length, cursors, elementSizes.address, count);
        // The sizes have become the cursors of the elements.
        write(workspace, elements, count, elementSizes.address);
      });
      return;
    case "float32":
      kernels.keyRowsWriteF32(data, validity, length, cursors);
      return;
    case "float64":
      kernels.keyRowsWriteF64(data, validity, length, cursors);
      return;
    default:
      fixedWriter(workspace, byteWidth(type))(data, validity, length, cursors);
  }
}

type FixedWriter = (values: Address, validity: Address, length: number, cursors: Address) => void;

function fixedWriter({ kernels }: Workspace, width: number): FixedWriter {
  switch (width) {
    case 1:
      return kernels.keyRowsWrite1;
    case 2:
      return kernels.keyRowsWrite2;
    case 4:
      return kernels.keyRowsWrite4;
    case 8:
      return kernels.keyRowsWrite8;
    case 16:
      return kernels.keyRowsWrite16;
    default:
      throw new InternalError(`There are no values of ${width} bytes.`);
  }
}

function withFields(workspace: Workspace, column: Column, length: number, use: (sizes: Block) => void): void {
  const sizes = workspace.allocateZeroed(length * 4);
  for (const child of column.children) addSizes(workspace, child, length, sizes.address);
  use(sizes);
  sizes.release();
}

/** The elements that the lists refer to, and the bytes of each. */
function withElements(
  workspace: Workspace,
  column: Column,
  length: number,
  use: (elements: Column, sizes: Block, count: number) => void,
): void {
  const first = length === 0 ? 0 : workspace.i32[column.offsets >>> 2];
  const count = length === 0 ? 0 : workspace.i32[(column.offsets >>> 2) + length] - first;
  const elements = sliceColumn(workspace, column.children[0], first, count);
  const sizes = workspace.allocateZeroed(count * 4);
  addSizes(workspace, elements, count, sizes.address);
  use(elements, sizes, count);
  sizes.release();
  elements.release();
}
