import type { Column } from "../column.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType, isNested, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bitmapBytes, columnOf } from "./allocate.ts";

/** Fewer rows than this lie in the caches however they are laid out. */
const FEWEST_ROWS = 2 ** 16;
/** A single column of scattered rows costs the same either way. */
const FEWEST_COLUMNS = 2;
/** One bit for the nulls of each column. */
const MOST_COLUMNS = 64;
const MAXIMUM_OFFSET = 0x7fffffff;
const NO_NULLS = 64;

interface PackedField {
  readonly type: DataType;
  readonly offset: number;
  readonly width: number;
  /** Bit of the null mask, or NO_NULLS. */
  readonly nullBit: number;
  readonly isText: boolean;
  readonly dictionary: Column | undefined;
  /** What the texts point into. */
  readonly bytes: Column | undefined;
}

/** Whether rows that are taken in no order are worth packing. */
export const isWorthPacking = (columns: readonly Column[], rowCount: number): boolean =>
  rowCount >= FEWEST_ROWS && columns.filter(isPackable).length >= FEWEST_COLUMNS;

export const isPackable = ({ type, dictionary }: Column): boolean =>
  dictionary !== undefined || (!isNested(type) && type.kind !== "null" && type.kind !== "bool");

/**
 * Columns laid out row by row (kernels/packed-rows.ts), for taking many columns of rows in no order: one cache miss
 * per row instead of one or two per value.
 */
export class PackedRows {
  readonly #workspace: Workspace;
  readonly #rows: Block;
  readonly #stride: number;
  readonly #fields: readonly PackedField[];

  /** Copies the packable columns, at most MOST_COLUMNS; what texts and dictionaries lie in is retained. */
  constructor(workspace: Workspace, columns: readonly Column[], rowCount: number) {
    this.#workspace = workspace;
    const hasNulls = columns.some((column) => column.nullCount > 0);
    let offset = hasNulls ? 8 : 0;
    const fields: (PackedField | undefined)[] = new Array(columns.length).fill(undefined);
    // Wide fields first, so that every field is aligned to its width.
    const byWidth = [...columns.keys()].sort((a, b) => packedWidth(columns[b]) - packedWidth(columns[a]));
    if (byWidth.some((i) => packedWidth(columns[i]) === 16) && hasNulls) offset = 16;
    for (const i of byWidth) {
      const { type, dictionary, nullCount } = columns[i];
      const isText = dictionary === undefined && isVariableLength(type);
      const width = packedWidth(columns[i]);
      const nullBit = nullCount > 0 ? i : NO_NULLS;
      const bytes = isText ? columns[i].retain() : undefined;
      fields[i] = { type, offset, width, nullBit, isText, dictionary: dictionary?.retain(), bytes };
      offset += width;
    }
    this.#fields = fields.filter((field) => field !== undefined);
    this.#stride = Math.ceil(offset / 8) * 8;
    this.#rows = hasNulls
      ? workspace.allocateZeroed(this.#stride * rowCount)
      : workspace.allocate(this.#stride * rowCount);
    for (const [i, column] of columns.entries()) this.#put(column, this.#fields[i]);
  }

  static readonly mostColumns = MOST_COLUMNS;

  get byteLength(): number {
    return this.#rows.byteLength;
  }

  /** Column `field` of the rows u32[count] at `indices`; with `nullable`, NO_ROW gives a null. The caller owns it. */
  gather(field: number, indices: Address, count: number, nullable: boolean): Column {
    const packed = this.#fields[field];
    const { type, dictionary, width } = packed;
    const at = this.#rows.address + packed.offset;
    const validity = this.#validity(packed, indices, count, nullable);
    const { kernels } = this.#workspace;
    if (packed.isText) {
      const offsets = this.#workspace.allocate((count + 1) * 4);
      const total = kernels.packedTakeOffsets(at, this.#stride, indices, count, offsets.address);
      if (total > MAXIMUM_OFFSET) {
        for (const owned of [offsets, ...Object.values(validity)]) owned.release();
        throw new EvaluationError(
          "COLUMN_TOO_LONG",
          `${count} rows of a ${type.kind} column hold ${total} bytes, more than one batch can address.`,
          "Use a smaller batchRows.",
        );
      }
      const data = this.#workspace.allocate(total + 16);
      kernels.packedTakeText(at, this.#stride, indices, count, data.address);
      return columnOf(this.#workspace, type, count, { data, offsets, ...validity });
    }
    const data = this.#workspace.allocate(count * width);
    takeKernel(this.#workspace, width)(at, this.#stride, indices, count, data.address);
    return columnOf(this.#workspace, type, count, {
      data,
      ...validity,
      ...(dictionary === undefined ? {} : { dictionary: dictionary.retain() }),
    });
  }

  release(): void {
    this.#rows.release();
    for (const { dictionary, bytes } of this.#fields) {
      dictionary?.release();
      bytes?.release();
    }
  }

  #put(column: Column, { offset, width, nullBit, isText }: PackedField): void {
    const { kernels } = this.#workspace;
    const { address } = this.#rows;
    const { length, data, offsets, validity } = column;
    if (isText) {
      if (length > 0) kernels.packedPutText(data, offsets, length, address + offset, this.#stride);
    } else putKernel(this.#workspace, width)(data, length, address + offset, this.#stride);
    if (nullBit !== NO_NULLS) kernels.packedPutNulls(validity, length, nullBit, address, this.#stride);
  }

  #validity({ nullBit }: PackedField, indices: Address, count: number, nullable: boolean): { validity?: Block } {
    if (nullBit === NO_NULLS && !nullable) return {};
    const validity = this.#workspace.allocate(bitmapBytes(count));
    const { address } = this.#rows;
    this.#workspace.kernels.packedTakeValidity(address, this.#stride, nullBit, indices, count, validity.address);
    return { validity };
  }
}

const packedWidth = ({ type, dictionary }: Column): number =>
  dictionary !== undefined ? 4 : isVariableLength(type) ? 16 : byteWidth(type);

type PutKernel = (values: Address, length: number, field: Address, stride: number) => void;
type TakeKernel = (field: Address, stride: number, indices: Address, count: number, out: Address) => void;

/** Writes values of a width into packed rows. */
export function putKernel({ kernels }: Workspace, width: number): PutKernel {
  switch (width) {
    case 1:
      return kernels.packedPut8;
    case 2:
      return kernels.packedPut16;
    case 4:
      return kernels.packedPut32;
    case 8:
      return kernels.packedPut64;
    default:
      return kernels.packedPut128;
  }
}

/** Takes values of a width out of packed rows. */
export function takeKernel({ kernels }: Workspace, width: number): TakeKernel {
  switch (width) {
    case 1:
      return kernels.packedTake8;
    case 2:
      return kernels.packedTake16;
    case 4:
      return kernels.packedTake32;
    case 8:
      return kernels.packedTake64;
    default:
      return kernels.packedTake128;
  }
}
