import type { Column } from "../column.ts";
import { assert, PlanError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType, formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { decodeDictionary } from "./dictionary.ts";

/**
 * One column of an order. Ascending and nulls last unless said, in both directions, as in DuckDB and PostgreSQL's
 * ascending order. NaN is one value, greater than every number; -0 equals 0; false is below true; text compares by its
 * UTF-8 bytes, which is the order of code points, and binary by its bytes. Intervals and nested types have no order.
 */
export interface SortKey {
  /** Position of the column in its schema. */
  readonly column: number;
  readonly descending?: boolean;
  readonly nullsFirst?: boolean;
}

/** Keys of rows as words (kernels/sort-key.ts): they compare word by word like the rows. */
export interface EncodedKeys {
  readonly words: Block;
  /** u32[length + 1] where each row's words start; undefined where rows are `stride` words apart. */
  readonly positions: Block | undefined;
  readonly stride: number;
  /** Bits of the first word that may be set: the others are 0 in every row. */
  readonly firstBits: number;
  /** True where the first word is the whole key. */
  readonly isOneWord: boolean;
}

export function releaseKeys(keys: EncodedKeys): void {
  keys.words.release();
  keys.positions?.release();
}

/** A PlanError SORT_KEY_UNSUPPORTED where a type has no order. */
export function checkSortable(type: DataType, column: string): void {
  if (type.kind === "interval" || type.kind === "list" || type.kind === "struct" || type.kind === "map") {
    throw new PlanError(
      "SORT_KEY_UNSUPPORTED",
      `The column "${column}" has the type ${formatType(type)}, which has no order.`,
      "Order by an expression of a simple type, such as one of its fields.",
    );
  }
}

/**
 * "absolute" keys compare across batches of the same types and order. "compact" keys compare only with each other:
 * they leave out what all rows share, so they are shorter. "equality" keys are absolute, but leave the nulls out:
 * they tell the values of rows apart that have no null.
 */
export type KeyMode = "absolute" | "compact" | "equality";

/**
 * Encodes the key columns of `length` rows; `order[i]` is the direction of `columns[i]`. The caller owns the result.
 */
export function encodeKeys(
  workspace: Workspace,
  columns: readonly Column[],
  order: readonly Omit<SortKey, "column">[],
  length: number,
  mode: KeyMode,
): EncodedKeys {
  const plain = columns.map((column) => decodeDictionary(workspace, column));
  try {
    return encodeSegments(workspace, segmentsOf(workspace, plain, order, length, mode), length);
  } finally {
    for (const column of plain) column.release();
  }
}

/** A part of a key in a fixed number of bits. */
interface Field {
  readonly bits: number;
  put(bitOffset: number, cursors: Address, stride: number, words: Address): void;
}

/** A text or binary column, which takes whole words. */
interface Text {
  readonly column: Column;
  /** Bytes that all rows start with. */
  readonly skip: number;
  readonly flip: boolean;
}

/** Fixed fields, then at most one text. */
interface Segment {
  readonly fields: Field[];
  text?: Text;
}

function segmentsOf(
  workspace: Workspace,
  columns: readonly Column[],
  order: readonly Omit<SortKey, "column">[],
  length: number,
  mode: KeyMode,
): Segment[] {
  const segments: Segment[] = [{ fields: [] }];
  for (const [i, column] of columns.entries()) {
    const { fields } = segments[segments.length - 1];
    const flip = order[i].descending === true;
    if (mode === "absolute" || (mode === "compact" && column.nullCount > 0))
      fields.push(nullFlag(workspace, column, order[i].nullsFirst === true));
    if (column.type.kind === "utf8" || column.type.kind === "binary") {
      const { data, offsets, validity } = column;
      const skip = mode !== "compact" ? 0 : workspace.kernels.sortKeyCommonPrefix(data, offsets, validity, length);
      segments[segments.length - 1].text = { column, skip, flip };
      segments.push({ fields: [] });
    } else fields.push(...fixedFields(workspace, column, flip, mode));
  }
  return segments;
}

/** 1 where the row belongs behind: null and nulls last, or not null and nulls first. */
function nullFlag({ kernels }: Workspace, column: Column, nullsFirst: boolean): Field {
  const { length, validity } = column;
  const put: Field["put"] = (bitOffset, cursors, stride, words) => {
    if (validity !== 0) kernels.sortKeyPutBits(validity, 0, length, !nullsFirst, bitOffset, cursors, stride, words);
    else if ((column.type.kind === "null") !== nullsFirst && length > 0) {
      // A column without nulls under "nulls first", or one of nulls only: the flag is 1 in every row.
      kernels.sortKeyPutConstant(length, bitOffset, cursors, stride, words);
    }
  };
  return { bits: 1, put };
}

type RangeKernel = (values: Address, step: number, validity: Address, length: number, range: Address) => void;
type PutKernel = (
  values: Address,
  step: number,
  validity: Address,
  length: number,
  base: bigint,
  flip: boolean,
  bits: number,
  bitOffset: number,
  cursors: Address,
  stride: number,
  words: Address,
) => void;

/** A number inside a value: where it lies, its width, and the kernels for its kind. */
interface Part {
  readonly byteOffset: number;
  readonly bits: number;
  readonly range: RangeKernel;
  readonly put: PutKernel;
}

function fixedFields(workspace: Workspace, column: Column, flip: boolean, mode: KeyMode): Field[] {
  const { type, length, validity, data } = column;
  const { kernels } = workspace;
  if (type.kind === "null") return [];
  if (type.kind === "bool") {
    const put: Field["put"] = (bitOffset, cursors, stride, words) =>
      kernels.sortKeyPutBits(data, validity, length, flip, bitOffset, cursors, stride, words);
    return [{ bits: 1, put }];
  }
  const step = byteWidth(type);
  const fields: Field[] = [];
  for (const part of partsOf(workspace, type)) {
    const values = data + part.byteOffset;
    const { base, bits } =
      mode !== "compact" ? { base: 0n, bits: part.bits } : compactRange(workspace, part.range, values, step, column);
    if (bits === 0) continue;
    fields.push({
      bits,
      put: (bitOffset, cursors, stride, words) =>
        part.put(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words),
    });
  }
  return fields;
}

function compactRange(
  workspace: Workspace,
  kernel: RangeKernel,
  values: Address,
  step: number,
  { validity, length }: Column,
): { base: bigint; bits: number } {
  const range = workspace.allocate(16);
  kernel(values, step, validity, length, range.address);
  const least = workspace.u64[range.address / 8];
  const greatest = workspace.u64[range.address / 8 + 1];
  range.release();
  return least >= greatest ? { base: least, bits: 0 } : { base: least, bits: (greatest - least).toString(2).length };
}

function partsOf({ kernels }: Workspace, type: DataType): Part[] {
  const part = (bits: number, range: RangeKernel, put: PutKernel, byteOffset = 0): Part => {
    return { bits, range, put, byteOffset };
  };
  switch (type.kind) {
    case "int8":
      return [part(8, kernels.sortKeyRangeI8, kernels.sortKeyPutI8)];
    case "int16":
      return [part(16, kernels.sortKeyRangeI16, kernels.sortKeyPutI16)];
    case "int32":
    case "date":
      return [part(32, kernels.sortKeyRangeI32, kernels.sortKeyPutI32)];
    case "int64":
    case "timestamp":
      return [part(64, kernels.sortKeyRangeI64, kernels.sortKeyPutI64)];
    case "time":
      return byteWidth(type) === 4
        ? [part(32, kernels.sortKeyRangeI32, kernels.sortKeyPutI32)]
        : [part(64, kernels.sortKeyRangeI64, kernels.sortKeyPutI64)];
    case "uint8":
      return [part(8, kernels.sortKeyRangeU8, kernels.sortKeyPutU8)];
    case "uint16":
      return [part(16, kernels.sortKeyRangeU16, kernels.sortKeyPutU16)];
    case "uint32":
      return [part(32, kernels.sortKeyRangeU32, kernels.sortKeyPutU32)];
    case "uint64":
      return [part(64, kernels.sortKeyRangeU64, kernels.sortKeyPutU64)];
    case "float32":
      return [part(32, kernels.sortKeyRangeF32, kernels.sortKeyPutF32)];
    case "float64":
      return [part(64, kernels.sortKeyRangeF64, kernels.sortKeyPutF64)];
    case "decimal":
      return [
        part(64, kernels.sortKeyRangeI64, kernels.sortKeyPutI64, 8),
        part(64, kernels.sortKeyRangeU64, kernels.sortKeyPutU64),
      ];
    default:
      throw new PlanError(
        "SORT_KEY_UNSUPPORTED",
        `A column of the type ${formatType(type)} has no order.`,
        "Order by an expression of a simple type.",
      );
  }
}

function encodeSegments(workspace: Workspace, segments: readonly Segment[], length: number): EncodedKeys {
  const { kernels } = workspace;
  const bitsOf = ({ fields }: Segment) => fields.reduce((sum, field) => sum + field.bits, 0);
  const hasText = segments.some((segment) => segment.text !== undefined);
  const fixedWords = segments.map((segment) => Math.ceil(bitsOf(segment) / 64));
  let stride = fixedWords.reduce((sum, words) => sum + words, 0);
  let positions: Block | undefined;
  let wordCount = stride * length;
  if (hasText) {
    positions = workspace.allocate((length + 1) * 4);
    kernels.sortKeyFill(positions.address, length, stride);
    for (const { text } of segments) {
      if (text === undefined) continue;
      const { offsets, validity } = text.column;
      kernels.sortKeyCountText(offsets, validity, length, text.skip, positions.address);
    }
    wordCount = kernels.sortKeyPositions(positions.address, length) >>> 0;
  } else if (stride === 0) {
    // All rows are equal: one word of zeros each keeps every kernel simple.
    stride = 1;
    wordCount = length;
  }
  const words = workspace.allocateZeroed(wordCount * 8);
  const cursors = positions && workspace.allocate(length * 4);
  if (positions && cursors) kernels.copyBytes(cursors.address, positions.address, length * 4);
  const at = cursors?.address ?? 0;
  for (const [i, { fields, text }] of segments.entries()) {
    let bitOffset = 0;
    for (const field of fields) {
      field.put(bitOffset, at, stride, words.address);
      bitOffset += field.bits;
    }
    if (text === undefined) continue;
    assert(cursors !== undefined, "keys with text have cursors");
    const { data, offsets, validity } = text.column;
    kernels.sortKeyPutText(data, offsets, validity, length, text.skip, text.flip, fixedWords[i], at, words.address);
  }
  cursors?.release();
  const leadingBits = bitsOf(segments[0]);
  return {
    words,
    positions,
    stride,
    firstBits: leadingBits === 0 && hasText ? 64 : Math.min(64, leadingBits),
    isOneWord: !hasText && stride === 1,
  };
}
