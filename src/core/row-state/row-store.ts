import type { Column } from "../column.ts";
import { allocateBitmap, bitmapBytes, columnOf } from "../columns/allocate.ts";
import { buildColumn } from "../columns/builder.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn, NO_ROW } from "../columns/gather.ts";
import { putKernel, takeKernel } from "../columns/packed-rows.ts";
import { columnBytes } from "../columns/size.ts";
import { sliceColumn } from "../columns/slice.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import { byteWidth, type DataType, isNested, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { KeptTexts, TEXT_WIDTH } from "./kept-texts.ts";
import { PieceColumn } from "./piece-column.ts";
import { RowSegments } from "./row-segments.ts";

const MAXIMUM_OFFSET = 0x7fffffff;

interface Field {
  readonly type: DataType;
  /** Where it lies in a row; unused where `pieces` is set. */
  readonly offset: number;
  readonly width: number;
  /** Nested types are kept in columns. */
  readonly pieces: PieceColumn | undefined;
  readonly texts: KeptTexts | undefined;
}

/**
 * Rows that come batch by batch and are taken in no order, numbered 0, 1, 2, ... as they come. They lie row by row
 * (kernels/row-store.ts), so taking one costs a cache miss instead of one or two per value. Rows are never removed:
 * a store whose rows have gone is released, or its living rows are moved to a new one.
 */
export class RowStore {
  readonly types: readonly DataType[];
  readonly #workspace: Workspace;
  readonly #fields: readonly Field[];
  readonly #rows: RowSegments;
  #nestedBytes = 0;
  #rowCount = 0;

  constructor(workspace: Workspace, types: readonly DataType[]) {
    this.#workspace = workspace;
    this.types = types;
    let offset = Math.ceil(types.length / 64) * 8;
    const fields: Field[] = new Array(types.length);
    // Wide fields first: whatever may be a text is then aligned to 8 bytes.
    const byWidth = [...types.keys()].sort((a, b) => storedWidth(types[b]) - storedWidth(types[a]));
    for (const i of byWidth) {
      const type = types[i];
      const width = storedWidth(type);
      fields[i] = {
        type,
        offset,
        width,
        pieces: isNested(type) ? new PieceColumn(workspace, type) : undefined,
        texts: isVariableLength(type) ? new KeptTexts(workspace) : undefined,
      };
      offset += width;
    }
    this.#fields = fields;
    this.#rows = new RowSegments(workspace, Math.ceil(offset / 8) * 8);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get memoryBytes(): number {
    const texts = this.#fields.reduce((sum, field) => sum + (field.texts?.byteLength ?? 0), 0);
    return this.#rows.byteLength + this.#nestedBytes + texts;
  }

  /** Bytes that `rowCount` more rows would take on top, long texts not counted. */
  growthBytes(rowCount: number): number {
    return this.#rows.growthBytes(this.#rowCount + rowCount);
  }

  /** Appends rows, one column per type; returns the number of the first. Borrows the columns. */
  append(columns: readonly Column[], rowCount: number): number {
    const first = this.#rowCount;
    this.#rowCount += rowCount;
    this.#rows.ensure(this.#rowCount);
    for (let from = 0; from < rowCount; ) {
      const { address, room } = this.#rows.at(first + from);
      const size = Math.min(room, rowCount - from);
      for (const [i, column] of columns.entries()) {
        const piece = sliceColumn(this.#workspace, column, from, size);
        this.#put(piece, i, address);
        piece.release();
      }
      from += size;
    }
    return first;
  }

  /** Column `field` of the rows u32[count] at `indices`; with `nullable`, NO_ROW gives a null. The caller owns it. */
  gather(field: number, indices: Address, count: number, nullable = false): Column {
    const { type, pieces } = this.#fields[field];
    if (this.#rowCount === 0 || type.kind === "null") return nullColumn(this.#workspace, type, count);
    if (pieces !== undefined) return pieces.gather(indices, count, nullable);
    const rows = this.#rows.addresses(indices, count);
    try {
      return this.#take(field, rows.address, count);
    } finally {
      rows.release();
    }
  }

  /** All columns of the rows u32[count] at `indices`; the caller owns them. */
  gatherAll(indices: Address, count: number): Column[] {
    return this.#fields.map((_, i) => this.gather(i, indices, count));
  }

  release(): void {
    this.#rows.release();
    for (const { pieces, texts } of this.#fields) {
      pieces?.release();
      texts?.release();
    }
  }

  /** A field of the rows whose addresses are u32[count]: for the kernels, rows one byte apart from address 0 on. */
  #take(field: number, rows: Address, count: number): Column {
    const { type, offset, width } = this.#fields[field];
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const validity = workspace.allocate(bitmapBytes(count));
    kernels.packedTakeValidity(8 * (field >>> 6), 1, field & 63, rows, count, validity.address);
    if (type.kind === "bool") {
      const data = allocateBitmap(workspace, count);
      kernels.rowStoreTakeBits(offset, 1, rows, count, data.address);
      return columnOf(workspace, type, count, { data, validity });
    }
    if (isVariableLength(type)) {
      const offsets = workspace.allocate((count + 1) * 4);
      const total = kernels.packedTakeOffsets(offset, 1, rows, count, offsets.address);
      if (total > MAXIMUM_OFFSET) {
        offsets.release();
        validity.release();
        throw new EvaluationError(
          "COLUMN_TOO_LONG",
          `${count} rows of a ${type.kind} column hold ${total} bytes, more than one batch can address.`,
          "Use a smaller batchRows.",
        );
      }
      const data = workspace.allocate(total + 16);
      kernels.packedTakeText(offset, 1, rows, count, data.address);
      return columnOf(workspace, type, count, { data, offsets, validity });
    }
    const data = workspace.allocate(count * width);
    takeKernel(workspace, width)(offset, 1, rows, count, data.address);
    return columnOf(workspace, type, count, { data, validity });
  }

  #put(given: Column, index: number, base: Address): void {
    const { type, offset, width, pieces, texts } = this.#fields[index];
    if (type.kind === "null") return;
    if (pieces !== undefined) {
      this.#nestedBytes += columnBytes(this.#workspace, given);
      pieces.append(given);
      return;
    }
    const { kernels } = this.#workspace;
    const { stride } = this.#rows;
    const at = base + offset;
    const isPut = texts?.putEncoded(given, at, stride) === true;
    const column = isPut ? given.retain() : decodeDictionary(this.#workspace, given);
    const { length, validity } = column;
    if (type.kind === "bool") {
      const bytes = this.#workspace.allocate(length);
      kernels.groupUnpackBits(column.data, length, bytes.address);
      kernels.packedPut8(bytes.address, length, at, stride);
      bytes.release();
    } else if (texts === undefined) putKernel(this.#workspace, width)(column.data, length, at, stride);
    else if (!isPut) texts.put(column, at, stride);
    if (validity !== 0) {
      kernels.packedPutNulls(validity, length, index & 63, base + 8 * (index >>> 6), stride);
      kernels.rowStoreClearNulls(validity, length, width, at, stride);
    }
    column.release();
  }
}

function storedWidth(type: DataType): number {
  if (isNested(type) || type.kind === "null") return 0;
  if (isVariableLength(type)) return TEXT_WIDTH;
  return type.kind === "bool" ? 1 : byteWidth(type);
}

/** A column of nulls; the caller owns it. */
export function nullColumn(workspace: Workspace, type: DataType, length: number): Column {
  const one = buildColumn(workspace, type, [null]);
  const rows = workspace.allocate(length * 4);
  workspace.kernels.sortKeyFill(rows.address, length, NO_ROW);
  const column = gatherColumn(workspace, one, rows.address, length, true);
  rows.release();
  one.release();
  return column;
}
