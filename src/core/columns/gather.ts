import { Batch, mapMarks } from "../batch.ts";
import type { Column } from "../column.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bitmapBytes, columnOf } from "./allocate.ts";

/** The row index that stands for "no row": it gathers a null. */
export const NO_ROW = 0xffffffff;

const MAXIMUM_OFFSET = 0x7fffffff;

/** How many times the bytes that are shared of a block its size may be. */
const MOST_BLOCK = 2;

/**
 * Copies the rows whose indices are u32[count] at `indices`, in that order. With `nullable`, an index may be NO_ROW.
 * Dictionary columns stay encoded and share their dictionary. The caller owns the result.
 */
export function gatherColumn(
  workspace: Workspace,
  column: Column,
  indices: Address,
  count: number,
  nullable = false,
  shared?: SharedBlocks,
): Column {
  const { kernels } = workspace;
  const validity = gatherValidity(workspace, column, indices, count, nullable, shared);
  const { type, dictionary } = column;
  if (dictionary !== undefined) {
    const data = workspace.allocate(count * 4);
    (nullable ? kernels.gatherNullable32 : kernels.gather32)(column.data, indices, count, data.address);
    return columnOf(workspace, type, count, { data, ...validity, dictionary: dictionary.retain() });
  }
  switch (type.kind) {
    case "null":
      validity.validity?.release();
      return column.view(count, { nullCount: count });
    case "bool": {
      const data = workspace.allocate(bitmapBytes(count));
      kernels.gatherBits(column.data, indices, count, data.address);
      return columnOf(workspace, type, count, { data, ...validity });
    }
    case "utf8":
    case "binary": {
      const { offsets, total } = gatherOffsets(workspace, column, indices, count);
      const first = workspace.i32[column.offsets >>> 2];
      const length = workspace.i32[(column.offsets >>> 2) + column.length] - first;
      // What was left out has no bytes, as columns that are null in the rows that a filter drops: all bytes stay in place.
      if (total === length && total > 0) {
        const dataAt = column.data + first;
        const block = blockOfBytes(column, dataAt, total);
        if (block !== undefined && kernels.gatherAscends(indices, count)) {
          return columnOf(workspace, type, count, { data: block.retain(), dataAt, offsets, ...validity });
        }
      }
      const data = workspace.allocate(total + 16);
      kernels.gatherBytes(column.data, column.offsets, indices, count, offsets.address, data.address);
      return columnOf(workspace, type, count, { data, offsets, ...validity });
    }
    case "list":
    case "map": {
      const { offsets, total } = gatherOffsets(workspace, column, indices, count);
      const elementRows = workspace.allocate(total * 4);
      kernels.gatherElementRows(column.offsets, indices, count, elementRows.address);
      const children = column.children.map((child) => gatherColumn(workspace, child, elementRows.address, total));
      elementRows.release();
      return columnOf(workspace, type, count, { offsets, ...validity, children });
    }
    case "struct": {
      const children = column.children.map((child) => gatherColumn(workspace, child, indices, count, nullable));
      return columnOf(workspace, type, count, { ...validity, children });
    }
    default: {
      const { words } = column;
      if (words !== undefined) {
        const block = workspace.allocate(count * 8);
        gatherFixed(workspace, 8, nullable)(words.address, indices, count, block.address);
        return columnOf(workspace, type, count, { words: { block, bits: words.bits }, ...validity });
      }
      const width = byteWidth(type);
      const gather = () => {
        const block = workspace.allocate(count * width);
        gatherFixed(workspace, width, nullable)(column.data, indices, count, block.address);
        return block;
      };
      const data = shared === undefined ? gather() : shared.of(column.data, width, gather);
      return columnOf(workspace, type, count, { data, ...validity });
    }
  }
}

/**
 * The block that holds so many bytes of a text column, if it holds little else: whoever shares a part of a block keeps all
 * of it, and rows that a filter lets pass may be kept for long.
 */
function blockOfBytes({ blocks }: Column, start: Address, byteLength: number): Block | undefined {
  const block = blocks.find(({ address, byteLength: size }) => start >= address && start < address + size);
  return block !== undefined && block.byteLength <= MOST_BLOCK * byteLength ? block : undefined;
}

/** `gatherColumn` for every column and mark of a batch; what columns have in common is gathered once. */
export function gatherBatch(workspace: Workspace, batch: Batch, indices: Address, count: number): Batch {
  const shared = new SharedBlocks();
  const gather = (column: Column) => gatherColumn(workspace, column, indices, count, false, shared);
  const gathered = new Batch(batch.schema, count, batch.columns.map(gather), mapMarks(batch.marks, gather));
  shared.release();
  return gathered;
}

/**
 * Of columns that are gathered by the same indices, those that lie at one address are gathered once: a bitmap that several
 * columns have, times that are a column and the event time.
 */
class SharedBlocks {
  readonly #blocks = new Map<Address, { readonly width: number; readonly block: Block }>();

  /** `width` in bytes, 0 for bits; the caller gets a reference of its own. */
  of(address: Address, width: number, gather: () => Block): Block {
    const present = this.#blocks.get(address);
    if (present?.width === width) return present.block.retain();
    const block = gather();
    if (present === undefined) this.#blocks.set(address, { width, block: block.retain() });
    return block;
  }

  release(): void {
    for (const { block } of this.#blocks.values()) block.release();
  }
}

type GatherKernel = (values: Address, indices: Address, count: number, out: Address) => void;

function gatherFixed({ kernels }: Workspace, width: number, nullable: boolean): GatherKernel {
  switch (width) {
    case 1:
      return nullable ? kernels.gatherNullable8 : kernels.gather8;
    case 2:
      return nullable ? kernels.gatherNullable16 : kernels.gather16;
    case 4:
      return nullable ? kernels.gatherNullable32 : kernels.gather32;
    case 8:
      return nullable ? kernels.gatherNullable64 : kernels.gather64;
    default:
      return nullable ? kernels.gatherNullable128 : kernels.gather128;
  }
}

function gatherValidity(
  workspace: Workspace,
  column: Column,
  indices: Address,
  count: number,
  nullable: boolean,
  shared: SharedBlocks | undefined,
): { validity?: Block } {
  if (column.validity === 0 && !nullable) return {};
  const gather = () => {
    const validity = workspace.allocate(bitmapBytes(count));
    if (column.validity !== 0) workspace.kernels.gatherBits(column.validity, indices, count, validity.address);
    else workspace.kernels.gatherPresence(indices, count, validity.address);
    return validity;
  };
  return { validity: column.validity === 0 || shared === undefined ? gather() : shared.of(column.validity, 0, gather) };
}

function gatherOffsets(
  workspace: Workspace,
  column: Column,
  indices: Address,
  count: number,
): { offsets: Block; total: number } {
  const offsets = workspace.allocate((count + 1) * 4);
  const total = workspace.kernels.gatherOffsets(column.offsets, indices, count, offsets.address);
  if (total > MAXIMUM_OFFSET) {
    offsets.release();
    throw new EvaluationError(
      "COLUMN_TOO_LONG",
      `${count} rows of a ${column.type.kind} column hold ${total} bytes, more than one batch can address.`,
      "Use a smaller batchRows.",
    );
  }
  return { offsets, total };
}
