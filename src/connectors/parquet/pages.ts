import type { Address } from "../../core/memory/allocator.ts";
import type { ChunkBytes } from "./chunk-bytes.ts";
import { checkPageSizes, decompress, pageChecksum } from "./codecs.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { Codec, type ColumnChunkMetadata, Encoding, type PageHeader, PageType } from "./format.ts";
import { parsePageHeader } from "./page-header.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import { MalformedThrift } from "./thrift-compact.ts";

/** A page of a chunk, not yet decompressed. */
export interface Page {
  readonly header: PageHeader;
  /** File position of its bytes, behind the header. */
  readonly position: number;
  readonly ordinal: number;
}

/** The parts of a decompressed data page; they lie in scratch or in the chunk's own bytes. */
export interface PageParts {
  readonly repetitions: Address;
  readonly repetitionBytes: number;
  readonly definitions: Address;
  readonly definitionBytes: number;
  readonly values: Address;
  readonly valueBytes: number;
}

const HEADER_BYTES = 4096;
const GREATEST_HEADER_BYTES = 16 * 1024 * 1024;

/** Walks over the pages of a chunk and checks their sizes and counts against the chunk. */
export class PageCursor {
  readonly #scope: DecodeScope;
  readonly #chunk: ColumnChunkMetadata;
  readonly #bytes: ChunkBytes;
  #position: number;
  #ordinal = 0;
  #valuesSeen = 0;
  #next: Page | undefined;

  constructor(scope: DecodeScope, chunk: ColumnChunkMetadata, bytes: ChunkBytes) {
    this.#scope = scope;
    this.#chunk = chunk;
    this.#bytes = bytes;
    this.#position = bytes.range.start;
  }

  /** Values of the data pages that were taken. */
  get valuesTaken(): number {
    return this.#valuesSeen;
  }

  /** Goes on at another page whose position and first value are known from the offset index. */
  seek(position: number, firstValue: number, ordinal: number): void {
    this.#position = position;
    this.#valuesSeen = firstValue;
    this.#ordinal = ordinal;
    this.#next = undefined;
  }

  /** The next data or dictionary page without taking it; undefined once the chunk's values are complete. */
  peek(): Page | undefined {
    if (this.#valuesSeen === this.#chunk.valueCount) return undefined;
    this.#next ??= this.#parse();
    return this.#next;
  }

  take(): void {
    const page = this.peek();
    if (page === undefined) return;
    if (page.header.type !== PageType.dictionary) this.#valuesSeen += page.header.valueCount;
    this.#position = page.position + page.header.compressedSize;
    this.#ordinal++;
    this.#next = undefined;
  }

  #parse(): Page {
    const scope = this.#scope;
    for (;;) {
      scope.page = this.#ordinal;
      const { header, position } = this.#parseHeader();
      const { compressedSize, uncompressedSize, type } = header;
      if (compressedSize > this.#bytes.range.end - position) {
        scope.corrupt(`its header claims ${compressedSize} bytes, but its chunk ends before`);
      }
      if (type === PageType.index) {
        this.#position = position + compressedSize;
        this.#ordinal++;
        continue;
      }
      if (type !== PageType.data && type !== PageType.dataV2 && type !== PageType.dictionary) {
        scope.fail("PARQUET_UNSUPPORTED", `its page type ${type} is unknown`);
      }
      checkPageSizes(scope, this.#chunk.codec, compressedSize, uncompressedSize);
      if (header.definitionBytes + header.repetitionBytes > Math.min(compressedSize, uncompressedSize)) {
        scope.corrupt("its levels are larger than the page");
      }
      if (type !== PageType.dictionary && header.valueCount > this.#chunk.valueCount - this.#valuesSeen) {
        scope.corrupt(
          `its ${header.valueCount} values and the ${this.#valuesSeen} before it pass the chunk's ${this.#chunk.valueCount}`,
        );
      }
      return { header, position, ordinal: this.#ordinal };
    }
  }

  #parseHeader(): { header: PageHeader; position: number } {
    const left = this.#bytes.range.end - this.#position;
    if (left <= 0) {
      this.#scope.corrupt(
        `its chunk ends after ${this.#valuesSeen} of ${this.#chunk.valueCount} values, where a page should follow`,
      );
    }
    let wanted = Math.min(left, HEADER_BYTES);
    for (;;) {
      const address = this.#bytes.at(this.#position, wanted);
      const limit = Math.max(wanted, Math.min(this.#bytes.residentFrom(this.#position), GREATEST_HEADER_BYTES));
      try {
        const parsed = parsePageHeader(this.#scope.workspace.u8, address, address + limit);
        return { header: parsed.header, position: this.#position + (parsed.end - address) };
      } catch (error) {
        if (!(error instanceof MalformedThrift)) throw error;
        if (limit >= left || limit >= GREATEST_HEADER_BYTES) {
          this.#scope.corrupt(`its header cannot be parsed: ${error.message}`, { cause: error });
        }
        // Long bounds can make a header larger than what was read at first.
        wanted = Math.min(left, limit * 8);
      }
    }
  }
}

/** Brings the bytes of a page to memory and checks its checksum. */
function pageBytes(scope: DecodeScope, bytes: ChunkBytes, page: Page): Address {
  const { compressedSize, crc } = page.header;
  const address = bytes.at(page.position, compressedSize);
  if (crc !== undefined && pageChecksum(scope.workspace, address, compressedSize) !== crc) {
    scope.fail("PARQUET_CHECKSUM_MISMATCH", "its bytes do not have the checksum of its header");
  }
  return address;
}

/** Decompresses a page to `kept`; without it into scratch, or returns its own bytes where it is not compressed. */
function expand(
  scope: DecodeScope,
  codec: number,
  address: Address,
  compressedSize: number,
  size: number,
  kept?: Address,
): Address {
  if (codec === Codec.none) {
    if (compressedSize !== size) scope.corrupt("its two sizes differ although it is not compressed");
    if (kept === undefined) return address;
    scope.workspace.kernels.copyBytes(kept, address, size);
    return kept;
  }
  if (codec === Codec.snappy && scope.workspace.kernels.snappyDeclaredLength(address, compressedSize) !== size) {
    scope.corrupt(`its snappy data does not declare the ${size} bytes of its header`);
  }
  const target = kept ?? scope.scratch.page.take(size + PADDING_BYTES);
  decompress(scope, codec, address, compressedSize, target, size);
  return target;
}

/** The values of a dictionary page; they hold until the next page is loaded. */
export function loadDictionaryPage(scope: DecodeScope, codec: number, bytes: ChunkBytes, page: Page): Address {
  scope.page = page.ordinal;
  const { compressedSize, uncompressedSize } = page.header;
  return expand(scope, codec, pageBytes(scope, bytes, page), compressedSize, uncompressedSize);
}

/**
 * The parts of a data page; they hold until the next page is loaded, or lie at `kept`, which has room for the
 * uncompressed page and PADDING_BYTES.
 */
export function loadDataPage(
  scope: DecodeScope,
  codec: number,
  bytes: ChunkBytes,
  page: Page,
  leaf: LeafSchema,
  kept?: Address,
): PageParts {
  scope.page = page.ordinal;
  const { header } = page;
  const address = pageBytes(scope, bytes, page);
  if (header.type === PageType.dataV2) {
    const { repetitionBytes, definitionBytes } = header;
    const levelBytes = repetitionBytes + definitionBytes;
    const valueBytes = header.uncompressedSize - levelBytes;
    const packed = header.compressedSize - levelBytes;
    const isPlain = !header.isCompressed || codec === Codec.none || (valueBytes === 0 && packed === 0);
    if (kept !== undefined) scope.workspace.kernels.copyBytes(kept, address, levelBytes);
    const levels = kept ?? address;
    const target = kept === undefined ? undefined : kept + levelBytes;
    return {
      repetitions: levels,
      repetitionBytes,
      definitions: levels + repetitionBytes,
      definitionBytes,
      values: expand(scope, isPlain ? Codec.none : codec, address + levelBytes, packed, valueBytes, target),
      valueBytes,
    };
  }
  const body = expand(scope, codec, address, header.compressedSize, header.uncompressedSize, kept);
  const end = body + header.uncompressedSize;
  let at = body;
  const levels = (encoding: number): { start: Address; length: number } => {
    if (encoding !== Encoding.rle) scope.fail("PARQUET_UNSUPPORTED", `its level encoding ${encoding} is not supported`);
    if (end - at < 4) scope.corrupt("its levels are cut off");
    const { u8 } = scope.workspace;
    const length = (u8[at] | (u8[at + 1] << 8) | (u8[at + 2] << 16) | (u8[at + 3] << 24)) >>> 0;
    const start = at + 4;
    if (length > end - start) scope.corrupt("its levels are larger than the page");
    at = start + length;
    return { start, length };
  };
  const repetitions = leaf.maxRepetition > 0 ? levels(header.repetitionEncoding) : { start: body, length: 0 };
  const definitions = leaf.maxDefinition > 0 ? levels(header.definitionEncoding) : { start: body, length: 0 };
  return {
    repetitions: repetitions.start,
    repetitionBytes: repetitions.length,
    definitions: definitions.start,
    definitionBytes: definitions.length,
    values: at,
    valueBytes: end - at,
  };
}
