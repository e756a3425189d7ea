import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { Encoding } from "./format.ts";
import type { EncodedValues } from "./value-writer.ts";

const GREATEST_BYTES = 2 ** 31 - 1;

/**
 * Byte arrays as Arrow offsets and data, appended page by page. After `append`, the `count` values of the page lie at
 * offsets [first, first + count]; whoever spreads them over more slots moves the offsets.
 */
export class ByteArrays {
  readonly #scope: DecodeScope;
  readonly offsets: Block;
  #data: Block;
  #used = 0;
  #isReleased = false;

  /** @param byteHint - Bytes of data expected; more are found room for. */
  constructor(scope: DecodeScope, slotCount: number, byteHint: number) {
    this.#scope = scope;
    this.offsets = scope.allocate((slotCount + 1) * 4);
    try {
      this.#data = scope.allocate(Math.min(byteHint, GREATEST_BYTES));
    } catch (error) {
      this.offsets.release();
      throw error;
    }
  }

  get data(): Block {
    return this.#data;
  }

  /** Hands both blocks to the caller. */
  take(): { offsets: Block; data: Block } {
    this.#isReleased = true;
    return { offsets: this.offsets, data: this.#data };
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.offsets.release();
    this.#data.release();
  }

  /** Decodes values of variable length behind slot `first`. */
  append(values: EncodedValues, first: number): void {
    const { kernels } = this.#scope.workspace;
    const { address, byteLength, count } = values;
    const offsets = this.offsets.address + first * 4;
    let end: number;
    switch (values.encoding) {
      case Encoding.plain:
        this.#reserve(byteLength);
        end = kernels.parquetPlainBytes(address, byteLength, count, offsets, this.#data.address, this.#used);
        if (end < 0) this.#scope.corrupt("its byte arrays are cut off");
        break;
      case Encoding.deltaLengthByteArray:
        end = this.#appendDeltaLengths(values, offsets);
        break;
      case Encoding.deltaByteArray:
        end = this.#appendPrefixed(values, offsets);
        break;
      default:
        this.#scope.fail("PARQUET_UNSUPPORTED", `the encoding ${values.encoding} is not known for byte arrays`);
    }
    this.#used = end;
  }

  /** Appends the PLAIN values at `count` ascending positions of a page behind slot `first`. */
  pickPlain({ address, byteLength }: EncodedValues, positions: Address, count: number, first: number): void {
    const scope = this.#scope;
    const { kernels, i32 } = scope.workspace;
    const offsets = this.offsets.address + first * 4;
    i32[offsets >>> 2] = this.#used;
    const starts = scope.scratch.lengths.take(count * 4);
    const total = kernels.parquetFindBytes(address, byteLength, positions, count, this.#used, starts, offsets + 4);
    if (total < 0) scope.corrupt("its byte arrays are cut off");
    this.#reserve(total);
    kernels.parquetCopyBytes(address, starts, offsets, count, this.#data.address + this.#used);
    this.#used += total;
  }

  /** Appends values that all have `width` bytes, PLAIN or as byte streams; a wrong length fails. */
  appendFixed(values: EncodedValues, first: number, width: number): void {
    const scope = this.#scope;
    const { kernels } = scope.workspace;
    const { address, byteLength, count, encoding } = values;
    if (encoding === Encoding.deltaByteArray) {
      const base = this.#used;
      this.append(values, first);
      if (this.#used - base !== count * width) scope.corrupt(`its values are not all of ${width} bytes`);
      const offsets = (this.offsets.address >>> 2) + first;
      for (let i = 0; i <= count; i++) {
        if (scope.workspace.i32[offsets + i] !== base + i * width) scope.corrupt(`a value is not of ${width} bytes`);
      }
      return;
    }
    const total = count * width;
    if (total > byteLength) scope.corrupt(`its ${count} values of ${width} bytes are cut off`);
    this.#reserve(total);
    const target = this.#data.address + this.#used;
    if (encoding === Encoding.plain) kernels.copyBytes(target, address, total);
    else if (encoding === Encoding.byteStreamSplit) kernels.parquetByteStreams(address, width, count, target);
    else scope.fail("PARQUET_UNSUPPORTED", `the encoding ${encoding} is not known for fixed-length byte arrays`);
    kernels.parquetFixedOffsets(this.offsets.address + first * 4, this.#used, width, count);
    this.#used += total;
  }

  #appendDeltaLengths({ address, byteLength, count }: EncodedValues, offsets: number): number {
    const scope = this.#scope;
    const { kernels } = scope.workspace;
    const consumed = kernels.parquetDelta32(address, byteLength, offsets, count);
    if (consumed < 0) scope.corrupt("its lengths are malformed");
    const end = kernels.parquetOffsetsOfLengths(offsets, count, this.#used, offsets);
    const total = end - this.#used;
    if (end < 0 || total > byteLength - consumed) scope.corrupt("its byte arrays are cut off");
    this.#reserve(total);
    kernels.copyBytes(this.#data.address + this.#used, address + consumed, total);
    return end;
  }

  #appendPrefixed({ address, byteLength, count }: EncodedValues, offsets: number): number {
    const scope = this.#scope;
    const { kernels } = scope.workspace;
    const room = count * 4 + PADDING_BYTES;
    const prefixes = scope.scratch.lengths.take(2 * room);
    const suffixes = prefixes + room - (room % 4);
    const first = kernels.parquetDelta32(address, byteLength, prefixes, count);
    if (first < 0) scope.corrupt("its prefix lengths are malformed");
    const second = kernels.parquetDelta32(address + first, byteLength - first, suffixes, count);
    if (second < 0) scope.corrupt("its suffix lengths are malformed");
    const left = byteLength - first - second;
    const end = kernels.parquetPrefixedOffsets(prefixes, suffixes, count, left, this.#used, offsets);
    if (end < 0) scope.corrupt("its prefixes or suffixes do not fit the page");
    this.#reserve(end - this.#used);
    const bytes = address + first + second;
    kernels.parquetPrefixedBytes(prefixes, suffixes, count, bytes, offsets, this.#data.address);
    return end;
  }

  #reserve(byteLength: number): void {
    const needed = this.#used + byteLength;
    if (needed > GREATEST_BYTES) {
      this.#scope.fail("PARQUET_VALUE_RANGE", "its strings pass the 2 GiB that one column of a batch can hold");
    }
    if (needed + PADDING_BYTES <= this.#data.byteLength) return;
    const grown = this.#scope.allocate(Math.min(GREATEST_BYTES, Math.max(needed, this.#used * 2)));
    this.#scope.workspace.kernels.copyBytes(grown.address, this.#data.address, this.#used);
    this.#data.release();
    this.#data = grown;
  }
}
