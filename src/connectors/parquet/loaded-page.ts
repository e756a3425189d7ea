import { bitmapBytes } from "../../core/columns/allocate.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { ChunkBytes } from "./chunk-bytes.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import type { PageHeader } from "./format.ts";
import { loadDataPage, type Page, type PageParts } from "./pages.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import type { EncodedValues } from "./value-writer.ts";

const CURSOR_BYTES = 8;

/** A decompressed data page of a flat column, in memory of its own: its values can be read in parts and more than once. */
export class LoadedPage implements Page {
  readonly header: PageHeader;
  readonly position: number;
  readonly ordinal: number;
  /** Index of its first row in the row group. */
  readonly firstRow: number;
  readonly parts: PageParts;
  /** Which rows hold a value; 0 where all do. */
  readonly bitmap: Address;
  /** Where kernels go on that read its values forward: u32[2] each. */
  readonly matchCursor: Address;
  readonly pickCursor: Address;
  readonly values: EncodedValues;
  readonly #block: Block;

  private constructor(
    page: Page,
    firstRow: number,
    parts: PageParts,
    nulls: PageNulls,
    cursors: Address,
    block: Block,
  ) {
    this.header = page.header;
    this.position = page.position;
    this.ordinal = page.ordinal;
    this.firstRow = firstRow;
    this.parts = parts;
    this.bitmap = nulls.bitmap;
    this.matchCursor = cursors;
    this.pickCursor = cursors + CURSOR_BYTES;
    const { encoding } = page.header;
    this.values = { encoding, address: parts.values, byteLength: parts.valueBytes, count: nulls.present };
    this.#block = block;
  }

  /** Loads a page and its definition levels. */
  static of(
    scope: DecodeScope,
    codec: number,
    bytes: ChunkBytes,
    page: Page,
    leaf: LeafSchema,
    firstRow: number,
  ): LoadedPage {
    const { uncompressedSize, valueCount } = page.header;
    const pageBytes = (uncompressedSize + PADDING_BYTES + 7) & ~7;
    const levelBytes = leaf.maxDefinition > 0 ? (bitmapBytes(valueCount) + 16 + 7) & ~7 : 0;
    const block = scope.allocate(pageBytes + levelBytes + 2 * CURSOR_BYTES);
    try {
      const parts = loadDataPage(scope, codec, bytes, page, leaf, block.address);
      const nulls = nullsOf(scope, parts, valueCount, leaf, block.address + pageBytes);
      const cursors = block.address + pageBytes + levelBytes;
      scope.workspace.kernels.fillBytes(cursors, 0, 2 * CURSOR_BYTES);
      return new LoadedPage(page, firstRow, parts, nulls, cursors, block);
    } catch (error) {
      block.release();
      throw error;
    }
  }

  get endRow(): number {
    return this.firstRow + this.header.valueCount;
  }

  release(): void {
    this.#block.release();
  }
}

interface PageNulls {
  readonly bitmap: Address;
  readonly present: number;
}

function nullsOf(
  scope: DecodeScope,
  { definitions, definitionBytes }: PageParts,
  count: number,
  leaf: LeafSchema,
  bitmap: Address,
): PageNulls {
  if (leaf.maxDefinition === 0) return { bitmap: 0, present: count };
  const { kernels } = scope.workspace;
  if (kernels.parquetHybridBits(definitions, definitionBytes, bitmap, 0, count) < 0) {
    scope.corrupt("its definition levels are malformed");
  }
  const present = kernels.parquetCountBits(bitmap, 0, count);
  return { bitmap: present === count ? 0 : bitmap, present };
}
