import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import { ByteArrays } from "./byte-arrays.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { decodeIndices, pickIndices } from "./dictionary-indices.ts";
import { Encoding, PhysicalType } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import type { EncodedValues, PageSlots, PickedValues, ValueWriter } from "./value-writer.ts";

/** utf8 and binary columns of pages that are not dictionary-encoded. */
export class ByteValues implements ValueWriter {
  readonly #scope: DecodeScope;
  readonly #leaf: LeafSchema;
  readonly #arrays: ByteArrays;

  constructor(scope: DecodeScope, leaf: LeafSchema, slotCount: number, byteHint: number) {
    this.#scope = scope;
    this.#leaf = leaf;
    this.#arrays = new ByteArrays(scope, slotCount, byteHint);
  }

  append(values: EncodedValues, slots: PageSlots): void {
    appendByteArrays(this.#scope, this.#arrays, this.#leaf, values, slots.first);
    this.#spread(slots);
  }

  pick(values: EncodedValues, { positions }: PickedValues, slots: PageSlots): void {
    this.#arrays.pickPlain(values, positions, slots.present, slots.first);
    checkUtf8(this.#scope, this.#arrays, this.#leaf, slots.first, slots.present);
    this.#spread(slots);
  }

  #spread(slots: PageSlots): void {
    if (slots.present === slots.count) return;
    this.#scope.workspace.kernels.parquetSpreadOffsets(
      this.#arrays.offsets.address + slots.first * 4,
      slots.bitmap,
      slots.firstBit,
      slots.count,
      slots.present,
    );
  }

  finish(slotCount: number, validity: Block | undefined): Column {
    const { offsets, data } = this.#arrays.take();
    return columnOf(this.#scope.workspace, this.#leaf.type, slotCount, {
      offsets,
      data,
      ...(validity === undefined ? {} : { validity }),
    });
  }

  release(): void {
    this.#arrays.release();
  }
}

function appendByteArrays(
  scope: DecodeScope,
  arrays: ByteArrays,
  leaf: LeafSchema,
  values: EncodedValues,
  first: number,
): void {
  if (leaf.physicalType === PhysicalType.fixedLenByteArray) arrays.appendFixed(values, first, leaf.typeLength);
  else arrays.append(values, first);
  checkUtf8(scope, arrays, leaf, first, values.count);
}

/** The format asks it of writers, but not all obey, and whoever reads the strings relies on it. */
function checkUtf8(scope: DecodeScope, arrays: ByteArrays, leaf: LeafSchema, first: number, count: number): void {
  if (leaf.type.kind !== "utf8") return;
  const { kernels } = scope.workspace;
  const invalid = kernels.utf8FirstInvalid(arrays.data.address, arrays.offsets.address + first * 4, count);
  if (invalid >= 0) scope.fail("PARQUET_UTF8_INVALID", `its string ${invalid} is not UTF-8`);
}

/** Whether `ByteValues.pick` knows the encoding; otherwise whole pages are decoded. */
export const canPickBytes = (leaf: LeafSchema, encoding: number): boolean =>
  encoding === Encoding.plain && leaf.physicalType === PhysicalType.byteArray;

/** utf8 and binary columns whose pages all are dictionary-encoded: the dictionary is kept. */
export class ByteIndices implements ValueWriter {
  readonly #scope: DecodeScope;
  readonly #leaf: LeafSchema;
  readonly #dictionary: Column;
  readonly #dictionaryLength: number;
  #indices: Block | undefined;

  /** Borrows `dictionary`; the column that `finish` makes retains it. */
  constructor(scope: DecodeScope, leaf: LeafSchema, slotCount: number, dictionary: { column: Column; length: number }) {
    this.#scope = scope;
    this.#leaf = leaf;
    this.#dictionary = dictionary.column;
    this.#dictionaryLength = dictionary.length;
    this.#indices = scope.allocate(slotCount * 4);
  }

  append(values: EncodedValues, slots: PageSlots): void {
    const target = (this.#indices as Block).address + slots.first * 4;
    decodeIndices(this.#scope, values, this.#dictionaryLength, target);
    this.#spread(target, slots);
  }

  pick(values: EncodedValues, picked: PickedValues, slots: PageSlots): void {
    const target = (this.#indices as Block).address + slots.first * 4;
    pickIndices(this.#scope, values, this.#dictionaryLength, picked, slots.present, target);
    this.#spread(target, slots);
  }

  #spread(target: Address, slots: PageSlots): void {
    if (slots.present === slots.count) return;
    const { kernels } = this.#scope.workspace;
    kernels.parquetSpreadIndices(target, slots.bitmap, slots.firstBit, slots.count, slots.present);
  }

  finish(slotCount: number, validity: Block | undefined): Column {
    const data = this.#indices as Block;
    this.#indices = undefined;
    return columnOf(this.#scope.workspace, this.#leaf.type, slotCount, {
      data,
      dictionary: this.#dictionary.retain(),
      ...(validity === undefined ? {} : { validity }),
    });
  }

  release(): void {
    this.#indices?.release();
    this.#indices = undefined;
  }
}

/**
 * Decodes a dictionary page of byte arrays. An empty dictionary becomes one empty entry, since columns need at least one
 * for the indices of null rows; `length` stays what the file says.
 */
export function byteDictionary(
  scope: DecodeScope,
  leaf: LeafSchema,
  values: EncodedValues,
): { column: Column; length: number } {
  const { count } = values;
  const arrays = new ByteArrays(scope, Math.max(1, count), values.byteLength + PADDING_BYTES);
  try {
    const encoding = values.encoding === Encoding.plainDictionary ? Encoding.plain : values.encoding;
    appendByteArrays(scope, arrays, leaf, { ...values, encoding }, 0);
  } catch (error) {
    arrays.release();
    throw error;
  }
  if (count === 0) scope.workspace.i32.fill(0, arrays.offsets.address >>> 2, (arrays.offsets.address >>> 2) + 2);
  const { offsets, data } = arrays.take();
  return { column: columnOf(scope.workspace, leaf.type, Math.max(1, count), { offsets, data }), length: count };
}
