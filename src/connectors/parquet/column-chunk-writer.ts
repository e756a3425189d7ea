import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import { type ChunkValues, chunkValues, indexWidth } from "./chunk-dictionary.ts";
import { pageChecksum } from "./codecs.ts";
import { CODEC_NUMBERS, PageCompressor, type WriteCodec } from "./compress.ts";
import {
  dataPageHeader,
  dataPageHeaderV2,
  dictionaryPageHeader,
  type PageSizes,
  type WrittenChunk,
  type WrittenPage,
} from "./container.ts";
import { PADDING_BYTES, ScratchSet } from "./decode-scope.ts";
import type { FileOutput } from "./file-output.ts";
import { Encoding } from "./format.ts";
import type { PhysicalValues } from "./physical-values.ts";
import type { ShreddedLeaf } from "./shred.ts";
import { boundsOfEntries, boundsOfValues, type StoredBounds, widest } from "./value-bounds.ts";

export interface ChunkOptions {
  readonly codec: WriteCodec;
  readonly dataPageVersion: 1 | 2;
  readonly pageRows: number;
  readonly pageBytes: number;
  readonly checksums: boolean;
}

/** What a written chunk leaves behind for the footer and the indexes. */
export interface ChunkResult {
  readonly chunk: WrittenChunk;
  readonly pages: readonly WrittenPage[];
  readonly bloomFilter: Uint8Array | undefined;
}

/** A run of rows of a chunk: the entries of its levels and the values that are not null. */
interface PageCut {
  readonly firstRow: number;
  readonly rowCount: number;
  readonly firstEntry: number;
  readonly entryCount: number;
  readonly firstValue: number;
  readonly valueCount: number;
}

const GREATEST_FILTER_BYTES = 1024 * 1024;

/** Writes column chunks one after the other; its buffers are reused. */
export class ColumnChunkWriter {
  readonly #workspace: Workspace;
  readonly #output: FileOutput;
  readonly #options: ChunkOptions;
  readonly #scratch: ScratchSet;
  readonly #compressor: PageCompressor;

  constructor(workspace: Workspace, output: FileOutput, options: ChunkOptions) {
    this.#workspace = workspace;
    this.#output = output;
    this.#options = options;
    this.#scratch = new ScratchSet(workspace, "Writing a Parquet page");
    this.#compressor = new PageCompressor(workspace, options.codec, this.#scratch.values, this.#scratch.codec);
  }

  release(): void {
    this.#scratch.release();
  }

  /** Writes the pages of one leaf of a row group. */
  write(shredded: ShreddedLeaf, options: { usesDictionary: boolean; hasBloomFilter: boolean }): ChunkResult {
    const { leaf } = shredded;
    const values = chunkValues(this.#workspace, leaf, shredded.values, options.usesDictionary);
    try {
      return new ChunkInProgress(
        this.#workspace,
        this.#output,
        this.#options,
        this.#scratch,
        this.#compressor,
        shredded,
        values,
      ).write(options.hasBloomFilter);
    } finally {
      values.release();
    }
  }
}

class ChunkInProgress {
  readonly #workspace: Workspace;
  readonly #output: FileOutput;
  readonly #options: ChunkOptions;
  readonly #scratch: ScratchSet;
  readonly #compressor: PageCompressor;
  readonly #shredded: ShreddedLeaf;
  readonly #chunk: ChunkValues;
  readonly #pages: WrittenPage[] = [];
  #uncompressedSize = 0;
  #compressedSize = 0;

  constructor(
    workspace: Workspace,
    output: FileOutput,
    options: ChunkOptions,
    scratch: ScratchSet,
    compressor: PageCompressor,
    shredded: ShreddedLeaf,
    chunk: ChunkValues,
  ) {
    this.#workspace = workspace;
    this.#output = output;
    this.#options = options;
    this.#scratch = scratch;
    this.#compressor = compressor;
    this.#shredded = shredded;
    this.#chunk = chunk;
  }

  write(hasBloomFilter: boolean): ChunkResult {
    const { leaf, entryCount, values } = this.#shredded;
    const { indices } = this.#chunk;
    const start = this.#output.position;
    if (indices !== undefined) this.#writeDictionary();
    const dataPageOffset = this.#output.position;
    const encoding = indices === undefined ? Encoding.plain : Encoding.plainDictionary;
    const stamps = indices === undefined ? undefined : this.#workspace.allocateZeroed(this.#chunk.values.count * 4);
    try {
      for (const cut of this.#cuts()) this.#writePage(cut, encoding, stamps?.address ?? 0);
    } finally {
      stamps?.release();
    }
    const bounds = this.#pages.reduce<StoredBounds | undefined>((all, { min, max }) => {
      if (min === undefined || max === undefined) return all;
      return all === undefined ? { min, max } : widest(leaf, all, { min, max });
    }, undefined);
    // A page without bounds that has values may hold anything above or below: then the chunk has none either.
    const isBounded = this.#pages.every(({ isNull, min }) => isNull || min !== undefined);
    return {
      chunk: {
        physicalType: leaf.physicalType,
        encodings:
          indices === undefined
            ? [Encoding.plain, Encoding.rle]
            : [Encoding.plainDictionary, Encoding.plain, Encoding.rle],
        path: leaf.path,
        codec: CODEC_NUMBERS[this.#options.codec],
        valueCount: entryCount,
        uncompressedSize: this.#uncompressedSize,
        compressedSize: this.#compressedSize,
        dataPageOffset,
        ...(indices === undefined ? {} : { dictionaryPageOffset: start }),
        statistics: { nullCount: entryCount - values.length, ...(isBounded ? bounds : {}) },
      },
      pages: this.#pages,
      bloomFilter: hasBloomFilter ? this.#bloomFilter() : undefined,
    };
  }

  #writeDictionary(): void {
    const { values } = this.#chunk;
    const body = this.#scratch.page.take(plainBytes(this.#workspace, values, 0, values.count) + PADDING_BYTES);
    const byteLength = encodePlain(this.#workspace, values, 0, values.count, body);
    const packed = this.#compressor.compress(body, byteLength);
    const crc = this.#checksum(packed.address, packed.byteLength);
    const sizes = { uncompressedSize: byteLength, compressedSize: packed.byteLength, crc };
    this.#append(dictionaryPageHeader(sizes, values.count), sizes);
    this.#output.append(packed.address, packed.byteLength);
  }

  /** The CRC-32 of bytes, going on from `first`; undefined where pages carry none. */
  #checksum(address: Address, byteLength: number, first?: number): number | undefined {
    return this.#options.checksums ? pageChecksum(this.#workspace, address, byteLength, first) : undefined;
  }

  /** Counts a page, whose bytes follow, and writes its header. */
  #append(header: Uint8Array, { uncompressedSize, compressedSize }: PageSizes): void {
    this.#uncompressedSize += header.length + uncompressedSize;
    this.#compressedSize += header.length + compressedSize;
    this.#output.appendBytes(header);
  }

  /** Cuts the chunk into pages at row boundaries. */
  *#cuts(): Generator<PageCut> {
    const { leaf, entryCount, repetitions, definitions, values } = this.#shredded;
    const { kernels } = this.#workspace;
    const totalBytes =
      this.#chunk.indices === undefined
        ? plainBytes(this.#workspace, this.#chunk.values, 0, values.length)
        : values.length * 4;
    const entryBytes = Math.max(1, totalBytes / Math.max(1, entryCount));
    const step = Math.max(1, Math.min(this.#options.pageRows, Math.floor(this.#options.pageBytes / entryBytes)));
    let firstRow = 0;
    let firstValue = 0;
    for (let firstEntry = 0; firstEntry < entryCount; ) {
      let end = Math.min(entryCount, firstEntry + step);
      let rowCount = end - firstEntry;
      if (repetitions !== undefined) {
        const { u8 } = this.#workspace;
        while (end < entryCount && u8[repetitions.address + end] !== 0) end++;
        rowCount = kernels.parquetCountLevel(repetitions.address + firstEntry, end - firstEntry, 0);
      }
      const count = end - firstEntry;
      const valueCount =
        definitions === undefined
          ? count
          : kernels.parquetCountLevel(definitions.address + firstEntry, count, leaf.maxDefinition);
      // A null column counts no values whatever its levels say.
      const stored = Math.min(valueCount, values.length - firstValue);
      yield { firstRow, rowCount, firstEntry, entryCount: count, firstValue, valueCount: stored };
      firstRow += rowCount;
      firstValue += stored;
      firstEntry = end;
    }
  }

  #writePage(cut: PageCut, encoding: number, stamps: Address): void {
    const { leaf, repetitions, definitions } = this.#shredded;
    const { values, indices } = this.#chunk;
    const isV2 = this.#options.dataPageVersion === 2;
    const levelRoom = 2 * (6 * cut.entryCount + 64 + 4);
    const valueRoom =
      indices === undefined
        ? plainBytes(this.#workspace, values, cut.firstValue, cut.valueCount)
        : 6 * cut.valueCount + 64;
    const body = this.#scratch.page.take(levelRoom + valueRoom + 2 * PADDING_BYTES);
    let at = body;
    const level = (levels: Address | undefined, greatest: number): number => {
      if (greatest === 0) return 0;
      const start = isV2 ? at : at + 4;
      const byteLength = this.#encodeLevels(levels, greatest, cut.entryCount, start);
      if (!isV2) new DataView(this.#workspace.memory.buffer).setUint32(at, byteLength, true);
      at = start + byteLength;
      return byteLength;
    };
    const repetitionBytes = level(repetitions && repetitions.address + cut.firstEntry, leaf.maxRepetition);
    const definitionBytes = level(definitions && definitions.address + cut.firstEntry, leaf.maxDefinition);
    const levelBytes = at - body;
    at += this.#encodeValues(cut, at);
    const bounds = this.#bounds(cut, stamps);
    const offset = this.#output.position;
    // Version 2 leaves the levels in front of the compressed values as they are.
    const packed = isV2
      ? this.#compressor.compress(body + levelBytes, at - body - levelBytes)
      : this.#compressor.compress(body, at - body);
    const levelCrc = isV2 ? this.#checksum(body, levelBytes) : undefined;
    const sizes: PageSizes = {
      uncompressedSize: at - body,
      compressedSize: packed.byteLength + (isV2 ? levelBytes : 0),
      crc: this.#checksum(packed.address, packed.byteLength, levelCrc),
    };
    const header = isV2
      ? dataPageHeaderV2(
          sizes,
          { values: cut.entryCount, nulls: cut.entryCount - cut.valueCount, rows: cut.rowCount },
          encoding === Encoding.plainDictionary ? Encoding.rleDictionary : encoding,
          { definitionBytes, repetitionBytes },
        )
      : dataPageHeader(sizes, cut.entryCount, encoding);
    this.#append(header, sizes);
    if (isV2) this.#output.append(body, levelBytes);
    this.#output.append(packed.address, packed.byteLength);
    this.#pages.push({
      offset,
      compressedSize: this.#output.position - offset,
      firstRow: cut.firstRow,
      isNull: cut.valueCount === 0,
      nullCount: cut.entryCount - cut.valueCount,
      ...bounds,
    });
  }

  /** Levels as RLE / bit-packed hybrid; `levels` undefined means that all are the greatest. Returns the bytes written. */
  #encodeLevels(levels: Address | undefined, greatest: number, count: number, out: Address): number {
    const { kernels } = this.#workspace;
    const words = this.#scratch.indices.take(count * 4 + PADDING_BYTES);
    if (levels === undefined) kernels.parquetFill32(words, greatest, count);
    else kernels.parquetWidenLevels(levels, count, words);
    return kernels.parquetEncodeHybrid(words, count, 32 - Math.clz32(greatest), out);
  }

  #encodeValues({ firstValue, valueCount }: PageCut, out: Address): number {
    const { values, indices } = this.#chunk;
    if (indices === undefined) return encodePlain(this.#workspace, values, firstValue, valueCount, out);
    const width = indexWidth(values.count);
    this.#workspace.u8[out] = width;
    const from = indices.address + firstValue * 4;
    return 1 + this.#workspace.kernels.parquetEncodeHybrid(from, valueCount, width, out + 1);
  }

  #bounds({ firstValue, valueCount }: PageCut, stamps: Address): StoredBounds | undefined {
    if (valueCount === 0) return undefined;
    const { leaf } = this.#shredded;
    const { values, indices } = this.#chunk;
    const workspace = this.#workspace;
    const scratch = this.#scratch.lengths.take(PADDING_BYTES + valueCount * 8);
    if (indices === undefined) return boundsOfValues(workspace, leaf, values, firstValue, valueCount, scratch);
    const from = indices.address + firstValue * 4;
    if (values.kind === "bytes") {
      const stamp = this.#pages.length + 1;
      return boundsOfEntries(workspace, leaf, values, from, valueCount, stamps, stamp, scratch);
    }
    // Numbers are looked up again: comparing them costs less than remembering which were compared.
    const dense = scratch + PADDING_BYTES;
    const lookUp = values.width === 4 ? workspace.kernels.gather32 : workspace.kernels.gather64;
    lookUp(values.data, from, valueCount, dense);
    return boundsOfValues(workspace, leaf, { ...values, data: dense }, 0, valueCount, scratch);
  }

  /** A filter of about ten bits per value, over the dictionary where there is one. */
  #bloomFilter(): Uint8Array | undefined {
    const { values } = this.#chunk;
    if (values.kind === "bits" || values.count === 0) return undefined;
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(32, (values.count * 10) / 8)));
    const byteLength = Math.min(GREATEST_FILTER_BYTES, wanted);
    const bits = this.#workspace.allocateZeroed(byteLength);
    const { kernels } = this.#workspace;
    const blocks = byteLength / 32;
    if (values.kind === "bytes") {
      kernels.parquetBloomBytes(values.offsets, values.data, values.count, bits.address, blocks);
    } else kernels.parquetBloomFixed(values.data, values.width, values.count, bits.address, blocks);
    const copy = this.#workspace.bytes(bits.address, byteLength).slice();
    bits.release();
    return copy;
  }
}

/** Bytes of values [first, first + count) in PLAIN encoding. */
function plainBytes(workspace: Workspace, values: PhysicalValues, first: number, count: number): number {
  if (values.kind === "bits") return (count + 7) >>> 3;
  if (values.kind === "fixed") return count * values.width;
  const offsets = (values.offsets >>> 2) + first;
  return workspace.i32[offsets + count] - workspace.i32[offsets] + count * 4;
}

/** Writes values [first, first + count) in PLAIN encoding; up to 64 bytes more may be written. Returns the bytes. */
function encodePlain(workspace: Workspace, values: PhysicalValues, first: number, count: number, out: Address): number {
  const { kernels } = workspace;
  if (values.kind === "bytes") return kernels.parquetEncodeBytes(values.offsets, values.data, first, count, out);
  const byteLength = plainBytes(workspace, values, first, count);
  if (values.kind === "bits") kernels.bitmapSlice(values.data, first, count, out);
  else kernels.copyBytes(out, values.data + first * values.width, byteLength);
  return byteLength;
}
