import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { bitLength } from "../../core/expressions/decimal-words.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import { ByteArrays } from "./byte-arrays.ts";
import { type FixedLayout, fixedLayout } from "./conversions.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { indicesInScratch, isDictionaryEncoding, lookUpValues, pickIndices } from "./dictionary-indices.ts";
import { Encoding, PhysicalType } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import type { EncodedValues, PageSlots, PickedValues, ValueWriter } from "./value-writer.ts";

/** A decoded dictionary of fixed-width values; numbers are looked up at once, so the encoding ends here. */
export interface FixedDictionary {
  readonly values: Block;
  readonly length: number;
  /** Of decimals in words: their greatest |value|. */
  readonly magnitude: bigint;
}

/** Columns of fixed width: numbers, dates and times, decimals, intervals. Pages may mix encodings. */
export class FixedValues implements ValueWriter {
  readonly #scope: DecodeScope;
  readonly #leaf: LeafSchema;
  readonly #layout: FixedLayout;
  readonly #dictionary: FixedDictionary | undefined;
  #data: Block | undefined;
  /** Of decimals in words: the greatest |value| so far. */
  #magnitude = 0n;

  constructor(scope: DecodeScope, leaf: LeafSchema, slotCount: number, dictionary: FixedDictionary | undefined) {
    this.#scope = scope;
    this.#leaf = leaf;
    this.#layout = fixedLayout(leaf);
    this.#dictionary = dictionary;
    this.#data = scope.allocate(slotCount * this.#layout.width);
  }

  append(values: EncodedValues, slots: PageSlots): void {
    const { width } = this.#layout;
    const target = (this.#data as Block).address + slots.first * width;
    let magnitude: bigint;
    if (isDictionaryEncoding(values.encoding)) magnitude = this.#gather(values, target);
    else {
      decodeFixed(this.#scope, this.#leaf, this.#layout, values, target);
      magnitude = magnitudeOf(this.#scope, this.#layout, target, values.count);
    }
    if (magnitude > this.#magnitude) this.#magnitude = magnitude;
    if (slots.present !== slots.count) spread(this.#scope, width, target, slots);
  }

  pick(values: EncodedValues, picked: PickedValues, slots: PageSlots): void {
    const scope: DecodeScope = this.#scope;
    const { kernels } = scope.workspace;
    const { width, storedWidth, convert } = this.#layout;
    const { present } = slots;
    const target = (this.#data as Block).address + slots.first * width;
    let magnitude: bigint;
    if (isDictionaryEncoding(values.encoding)) {
      const dictionary = this.#knownDictionary();
      const indices = scope.scratch.indices.take(present * 4 + PADDING_BYTES);
      pickIndices(scope, values, dictionary.length, picked, present, indices);
      gatherFixed(scope, width, dictionary.values.address, indices, present, target);
      magnitude = dictionary.magnitude;
    } else {
      checkPlainLength(scope, this.#leaf, this.#layout, values);
      const gather = storedWidth === 4 ? kernels.gather32 : kernels.gather64;
      if (convert === undefined) gather(values.address, picked.positions, present, target);
      else {
        const stored = scope.scratch.values.take(present * storedWidth + PADDING_BYTES);
        gather(values.address, picked.positions, present, stored);
        convert(scope, stored, present, target);
      }
      magnitude = magnitudeOf(scope, this.#layout, target, present);
    }
    if (magnitude > this.#magnitude) this.#magnitude = magnitude;
    if (present !== slots.count) spread(scope, width, target, slots);
  }

  #knownDictionary(): FixedDictionary {
    const scope: DecodeScope = this.#scope;
    if (this.#dictionary === undefined) scope.corrupt("it is dictionary-encoded, but its chunk has no dictionary page");
    return this.#dictionary;
  }

  /** Looks indices up; returns the magnitude of the dictionary. */
  #gather(values: EncodedValues, target: Address): bigint {
    const scope: DecodeScope = this.#scope;
    const dictionary = this.#knownDictionary();
    const { width } = this.#layout;
    const source = dictionary.values.address;
    if (width === 4 || width === 8) {
      lookUpValues(scope, values, source, dictionary.length, width, target);
      return dictionary.magnitude;
    }
    gatherFixed(scope, width, source, indicesInScratch(scope, values, dictionary.length), values.count, target);
    return dictionary.magnitude;
  }

  finish(slotCount: number, validity: Block | undefined): Column {
    const { type } = this.#leaf;
    const { workspace } = this.#scope;
    let data = this.#data as Block;
    const nulls = validity === undefined ? {} : { validity };
    if (this.#layout.isWords && type.kind === "decimal") {
      if (this.#magnitude < 10n ** BigInt(type.precision)) {
        this.#data = undefined;
        const bits = bitLength(this.#magnitude);
        return columnOf(workspace, type, slotCount, { words: { block: data, bits }, ...nulls });
      }
      // Values beyond the declared precision void its promises about sums and products: 128 bits hold those anyway.
      data = this.#scope.allocate(slotCount * 16);
      workspace.kernels.decimalFromI64((this.#data as Block).address, false, slotCount, data.address);
      this.#data?.release();
    }
    this.#data = undefined;
    return columnOf(workspace, type, slotCount, { data, ...nulls });
  }

  release(): void {
    this.#data?.release();
    this.#data = undefined;
  }
}

/** Whether `FixedValues.pick` knows the encoding; otherwise whole pages are decoded. */
export function canPickFixed(leaf: LeafSchema, encoding: number): boolean {
  if (isDictionaryEncoding(encoding)) return true;
  if (encoding !== Encoding.plain || leaf.physicalType === PhysicalType.byteArray) return false;
  const { storedWidth } = fixedLayout(leaf);
  return storedWidth === 4 || storedWidth === 8;
}

/** The entries of a dictionary as a column; undefined where decimals pass their declared precision. */
export function dictionaryColumn(
  { workspace }: DecodeScope,
  { type }: LeafSchema,
  { values, length, magnitude }: FixedDictionary,
  isWords: boolean,
): Column | undefined {
  if (!isWords) return columnOf(workspace, type, length, { data: values.retain() });
  if (type.kind !== "decimal" || magnitude >= 10n ** BigInt(type.precision)) return undefined;
  return columnOf(workspace, type, length, { words: { block: values.retain(), bits: bitLength(magnitude) } });
}

/** Decodes a dictionary page of fixed-width values; the caller owns the block. */
export function fixedDictionary(scope: DecodeScope, leaf: LeafSchema, values: EncodedValues): FixedDictionary {
  const layout = fixedLayout(leaf);
  checkPlainLength(scope, leaf, layout, values);
  const block = scope.allocate(values.count * layout.width);
  try {
    const encoding = values.encoding === Encoding.plainDictionary ? Encoding.plain : values.encoding;
    decodeFixed(scope, leaf, layout, { ...values, encoding }, block.address);
  } catch (error) {
    block.release();
    throw error;
  }
  return { values: block, length: values.count, magnitude: magnitudeOf(scope, layout, block.address, values.count) };
}

/** The greatest |value| of decimals in words; 0 of anything else. */
function magnitudeOf({ workspace }: DecodeScope, layout: FixedLayout, values: Address, count: number): bigint {
  return layout.isWords ? BigInt.asUintN(64, workspace.kernels.decimalWordsMagnitude(values, count)) : 0n;
}

function checkPlainLength(scope: DecodeScope, leaf: LeafSchema, layout: FixedLayout, values: EncodedValues): void {
  const least = leaf.physicalType === PhysicalType.byteArray ? 4 : layout.storedWidth;
  if (values.count * least > values.byteLength) {
    scope.corrupt(`its ${values.count} values need more than its ${values.byteLength} bytes`);
  }
}

/** Decodes dense values of any encoding but the dictionary's into the column's layout. */
function decodeFixed(
  scope: DecodeScope,
  leaf: LeafSchema,
  layout: FixedLayout,
  values: EncodedValues,
  target: Address,
): void {
  const { kernels } = scope.workspace;
  const { storedWidth, convert } = layout;
  const { address, byteLength, count, encoding } = values;
  if (count === 0) return;
  if (leaf.physicalType === PhysicalType.byteArray) {
    decodeDecimalBytes(scope, values, target);
    return;
  }
  if (encoding === Encoding.plain) {
    checkPlainLength(scope, leaf, layout, values);
    if (convert === undefined) kernels.copyBytes(target, address, count * storedWidth);
    else convert(scope, address, count, target);
    return;
  }
  if (encoding === Encoding.deltaByteArray && leaf.physicalType === PhysicalType.fixedLenByteArray) {
    const arrays = new ByteArrays(scope, count, count * storedWidth);
    try {
      arrays.appendFixed(values, 0, storedWidth);
      convert?.(scope, arrays.data.address, count, target);
    } finally {
      arrays.release();
    }
    return;
  }
  const stored = convert === undefined ? target : scope.scratch.values.take(count * storedWidth + PADDING_BYTES);
  if (encoding === Encoding.byteStreamSplit) {
    checkPlainLength(scope, leaf, layout, values);
    kernels.parquetByteStreams(address, storedWidth, count, stored);
  } else if (encoding === Encoding.deltaBinaryPacked && leaf.physicalType === PhysicalType.int32) {
    if (kernels.parquetDelta32(address, byteLength, stored, count) < 0) scope.corrupt("its deltas are malformed");
  } else if (encoding === Encoding.deltaBinaryPacked && leaf.physicalType === PhysicalType.int64) {
    if (kernels.parquetDelta64(address, byteLength, stored, count) < 0) scope.corrupt("its deltas are malformed");
  } else scope.fail("PARQUET_UNSUPPORTED", `the encoding ${encoding} is not known for this type`);
  convert?.(scope, stored, count, target);
}

/** Values of `width` bytes by their indices. */
function gatherFixed(
  { workspace }: DecodeScope,
  width: number,
  source: Address,
  indices: Address,
  count: number,
  target: Address,
): void {
  const { kernels } = workspace;
  switch (width) {
    case 1:
      kernels.gather8(source, indices, count, target);
      break;
    case 2:
      kernels.gather16(source, indices, count, target);
      break;
    case 4:
      kernels.gather32(source, indices, count, target);
      break;
    case 8:
      kernels.gather64(source, indices, count, target);
      break;
    default:
      kernels.gather128(source, indices, count, target);
  }
}

/** Decimals stored as byte arrays of any length. */
function decodeDecimalBytes(scope: DecodeScope, values: EncodedValues, target: Address): void {
  const arrays = new ByteArrays(scope, values.count, values.byteLength);
  try {
    arrays.append(values, 0);
    const { kernels } = scope.workspace;
    if (kernels.parquetDecimalBytes(arrays.offsets.address, arrays.data.address, values.count, target) < 0) {
      scope.fail("PARQUET_VALUE_RANGE", "a decimal has more than 16 bytes");
    }
  } finally {
    arrays.release();
  }
}

function spread(scope: DecodeScope, width: number, target: Address, slots: PageSlots): void {
  const { kernels } = scope.workspace;
  const { bitmap, firstBit, count, present } = slots;
  switch (width) {
    case 1:
      kernels.parquetSpread8(target, bitmap, firstBit, count, present);
      break;
    case 2:
      kernels.parquetSpread16(target, bitmap, firstBit, count, present);
      break;
    case 4:
      kernels.parquetSpread32(target, bitmap, firstBit, count, present);
      break;
    case 8:
      kernels.parquetSpread64(target, bitmap, firstBit, count, present);
      break;
    default:
      kernels.parquetSpread128(target, bitmap, firstBit, count, present);
  }
}
