import type { Column } from "../../core/column.ts";
import { bitmapBytes } from "../../core/columns/allocate.ts";
import type { Address } from "../../core/memory/allocator.ts";
import { BitValues, NullValues } from "./bit-values.ts";
import { ByteIndices, ByteValues, byteDictionary, canPickBytes } from "./byte-values.ts";
import type { ChunkBytes } from "./chunk-bytes.ts";
import { fixedLayout } from "./conversions.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { isDictionaryEncoding, keepMatching, type MatchingEntries, matchIndices } from "./dictionary-indices.ts";
import { canPickFixed, dictionaryColumn, type FixedDictionary, FixedValues, fixedDictionary } from "./fixed-values.ts";
import { type ColumnChunkMetadata, Encoding, PageType } from "./format.ts";
import { LoadedPage } from "./loaded-page.ts";
import { loadDataPage, loadDictionaryPage, type Page, PageCursor, type PageParts } from "./pages.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import type { EncodedValues, ValueWriter } from "./value-writer.ts";

/** Levels of a nested leaf, one byte per entry. */
export interface EntryLevels {
  /** 0 where the leaf has no repeated ancestor. */
  readonly repetitions: Address;
  readonly definitions: Address;
}

/** Ascending rows of one page: u32[count] at `rows`, as indices in the row group. */
export interface PagePick {
  readonly page: LoadedPage;
  readonly rows: Address;
  readonly count: number;
}

/**
 * Decodes the pages of one column chunk, a run of pages at a time. A run is what becomes one column: pages of one kind,
 * because a column of strings either has a dictionary or has none.
 */
export class LeafDecoder {
  readonly scope: DecodeScope;
  readonly leaf: LeafSchema;
  readonly cursor: PageCursor;
  readonly #chunk: ColumnChunkMetadata;
  readonly #bytes: ChunkBytes;
  readonly #isByteColumn: boolean;
  #byteDictionary: { column: Column; length: number } | undefined;
  #fixedDictionary: FixedDictionary | undefined;

  constructor(scope: DecodeScope, leaf: LeafSchema, chunk: ColumnChunkMetadata, bytes: ChunkBytes) {
    this.scope = scope;
    this.leaf = leaf;
    this.#chunk = chunk;
    this.#bytes = bytes;
    this.#isByteColumn = leaf.type.kind === "utf8" || leaf.type.kind === "binary";
    this.cursor = new PageCursor(scope, chunk, bytes);
  }

  /** Takes the pages of the next run: about `byteLimit` decoded bytes, at least one page, none at the end of the chunk. */
  takeRun(byteLimit: number): Page[] {
    const pages: Page[] = [];
    let byteCount = 0;
    let isEncoded = false;
    for (;;) {
      this.loadDictionary();
      const page = this.cursor.peek();
      if (page === undefined) return pages;
      const { encoding, uncompressedSize, valueCount } = page.header;
      if (pages.length > 0) {
        if (this.#isByteColumn && isDictionaryEncoding(encoding) !== isEncoded) return pages;
        if (byteCount >= byteLimit) return pages;
      }
      isEncoded = isDictionaryEncoding(encoding);
      byteCount += Math.max(uncompressedSize, valueCount * 4);
      pages.push(page);
      this.cursor.take();
    }
  }

  /** Decodes the dictionary page where it is next. */
  loadDictionary(): void {
    const page = this.cursor.peek();
    if (page?.header.type !== PageType.dictionary) return;
    const { scope, leaf } = this;
    scope.page = page.ordinal;
    if (this.#byteDictionary !== undefined || this.#fixedDictionary !== undefined) {
      scope.corrupt("its chunk has a second dictionary");
    }
    const { encoding, valueCount, uncompressedSize } = page.header;
    if (encoding !== Encoding.plain && encoding !== Encoding.plainDictionary) {
      scope.fail("PARQUET_UNSUPPORTED", `the encoding ${encoding} is not known for dictionaries`);
    }
    const address = loadDictionaryPage(scope, this.#chunk.codec, this.#bytes, page);
    const values = { encoding, address, byteLength: uncompressedSize, count: valueCount };
    if (this.#isByteColumn) {
      // Every entry takes at least its length, so a count that lies is noticed before it is allocated.
      const least = Math.max(1, leaf.typeLength === 0 ? 4 : leaf.typeLength);
      if (valueCount * least > uncompressedSize) scope.corrupt(`its ${valueCount} entries need more than its bytes`);
      this.#byteDictionary = byteDictionary(scope, leaf, values);
    } else if (leaf.type.kind === "bool") scope.fail("PARQUET_UNSUPPORTED", "booleans with a dictionary");
    else if (leaf.type.kind !== "null") this.#fixedDictionary = fixedDictionary(scope, leaf, values);
    this.cursor.take();
  }

  /** Takes the next data page without decoding its values, which start at row `firstRow`. */
  load(firstRow: number): LoadedPage | undefined {
    this.loadDictionary();
    const page = this.cursor.peek();
    if (page === undefined) return undefined;
    this.cursor.take();
    return LoadedPage.of(this.scope, this.#chunk.codec, this.#bytes, page, this.leaf, firstRow);
  }

  /** Whether `pick` can read single values of a page. */
  canPick({ header }: Page): boolean {
    const { leaf } = this;
    if (leaf.type.kind === "null" || leaf.type.kind === "bool") return false;
    if (!this.#isByteColumn) return canPickFixed(leaf, header.encoding);
    return isDictionaryEncoding(header.encoding) || canPickBytes(leaf, header.encoding);
  }

  /** Whether the picks of two pages can be one column. */
  isOneColumn(a: Page, b: Page): boolean {
    return !this.#isByteColumn || isDictionaryEncoding(a.header.encoding) === isDictionaryEncoding(b.header.encoding);
  }

  /** Rows of pages of one kind, which `canPick` allows, as one column. */
  pick(picks: readonly PagePick[]): Column {
    const { scope } = this;
    const { kernels } = scope.workspace;
    const slotCount = picks.reduce((sum, { count }) => sum + count, 0);
    return this.#column(picks[0].page, slotCount, 0, (writer, bitmap) => {
      let first = 0;
      for (const { page, rows, count } of picks) {
        scope.page = page.ordinal;
        const positions = scope.scratch.positions.take(count * 4 + PADDING_BYTES);
        kernels.addConstant32(rows, count, -page.firstRow, positions);
        let present = count;
        if (page.bitmap !== 0) {
          present = kernels.parquetValuesOfSlots(page.bitmap, positions, count, positions, bitmap, first);
        } else if (bitmap !== 0) kernels.bitmapSetRange(bitmap, first, count);
        const slots = { first, count, present, bitmap, firstBit: first };
        writer.pick(page.values, { positions, base: 0, cursor: page.pickCursor }, slots);
        first += count;
      }
      return first;
    });
  }

  /** The entries of the chunk's dictionary, if it has one that can be a column; the caller owns it. */
  entries(): Column | undefined {
    if (this.#byteDictionary !== undefined) {
      return this.#byteDictionary.length === 0 ? undefined : this.#byteDictionary.column.retain();
    }
    const dictionary = this.#fixedDictionary;
    if (dictionary === undefined || dictionary.length === 0) return undefined;
    return dictionaryColumn(this.scope, this.leaf, dictionary, fixedLayout(this.leaf).isWords);
  }

  /**
   * Writes those rows of [start, end) of a dictionary-encoded page that hold a matching entry to `target`, which has
   * room for one more than all; returns how many.
   */
  match(page: LoadedPage, matches: MatchingEntries, start: number, end: number, target: Address): number {
    const { scope } = this;
    const { kernels } = scope.workspace;
    const { bitmap, firstRow, values, matchCursor } = page;
    scope.page = page.ordinal;
    const slots = [start - firstRow, end - firstRow] as const;
    if (bitmap === 0) return matchIndices(scope, values, matches, matchCursor, slots, firstRow, target);
    const from = kernels.parquetCountBits(bitmap, 0, slots[0]);
    const to = from + kernels.parquetCountBits(bitmap, slots[0], slots[1] - slots[0]);
    const count = matchIndices(scope, values, matches, matchCursor, [from, to], 0, target);
    kernels.parquetSlotsOfValues(bitmap, target, count, firstRow, target);
    return count;
  }

  /**
   * Keeps those of some rows of a dictionary-encoded page without nulls that hold a matching entry: writes them to
   * `target`, which may be where they are; returns how many.
   */
  keep({ page, rows, count }: PagePick, matches: MatchingEntries, target: Address): number {
    const { scope } = this;
    scope.page = page.ordinal;
    const picked = { positions: rows, base: page.firstRow, cursor: page.pickCursor };
    return keepMatching(scope, page.values, matches, picked, count, target);
  }

  /**
   * Decodes a run of a column that is neither nested nor repeated: one slot per row. Where the run is a single page that
   * is loaded already, `loaded` is that page.
   */
  decodeFlat(pages: readonly Page[], loaded?: LoadedPage): Column {
    const { scope, leaf } = this;
    const { kernels } = scope.workspace;
    return this.#column(pages[0], countValues(pages), byteHintOf(pages), (writer, bitmap) => {
      let first = 0;
      for (const page of pages) {
        scope.page = page.ordinal;
        const parts = loaded?.parts ?? loadDataPage(scope, this.#chunk.codec, this.#bytes, page, leaf);
        const count = page.header.valueCount;
        let present = count;
        if (bitmap !== 0) {
          const { definitions, definitionBytes } = parts;
          if (kernels.parquetHybridBits(definitions, definitionBytes, bitmap, first, count) < 0) {
            scope.corrupt("its definition levels are malformed");
          }
          present = kernels.parquetCountBits(bitmap, first, count);
        }
        writer.append(valuesOf(page, parts, present), { first, count, present, bitmap, firstBit: first });
        first += count;
      }
      return first;
    });
  }

  /**
   * Decodes a run of a nested leaf: writes the levels of its entries and returns a column of its slots.
   * `levels` has room for the run's entries and PADDING_BYTES.
   */
  decodeNested(pages: readonly Page[], levels: EntryLevels): Column {
    const { scope, leaf } = this;
    const { kernels } = scope.workspace;
    const entryCount = countValues(pages);
    const { slotDefinition, maxDefinition } = leaf;
    const pageBitmap = scope.allocate(bitmapBytes(entryCount));
    try {
      return this.#column(pages[0], entryCount, byteHintOf(pages), (writer, validity) => {
        let entry = 0;
        let first = 0;
        for (const page of pages) {
          const parts = loadDataPage(scope, this.#chunk.codec, this.#bytes, page, leaf);
          const entries = page.header.valueCount;
          const definitions = levels.definitions + entry;
          this.#levels(parts.definitions, parts.definitionBytes, maxDefinition, definitions, entries);
          if (leaf.maxRepetition > 0) {
            const { repetitions, repetitionBytes } = parts;
            this.#levels(repetitions, repetitionBytes, leaf.maxRepetition, levels.repetitions + entry, entries);
          }
          const bitmap = pageBitmap.address;
          const count = kernels.parquetSlotValidity(0, definitions, entries, 0, slotDefinition, maxDefinition, bitmap);
          const present = kernels.parquetCountLevel(definitions, entries, maxDefinition);
          writer.append(valuesOf(page, parts, present), { first, count, present, bitmap, firstBit: 0 });
          entry += entries;
          first += count;
        }
        if (validity !== 0) {
          kernels.parquetSlotValidity(0, levels.definitions, entryCount, 0, slotDefinition, maxDefinition, validity);
        }
        return first;
      });
    } finally {
      pageBitmap.release();
    }
  }

  /**
   * A column of pages like `page`: room for `slotCount` slots, of which `fill` says how many it gave to the writer. Where
   * slots may be null it fills their bitmap too; 0 where none can be.
   */
  #column(
    page: Page,
    slotCount: number,
    byteHint: number,
    fill: (writer: ValueWriter, bitmap: Address) => number,
  ): Column {
    let validity = this.leaf.maxDefinition > 0 ? this.scope.allocate(bitmapBytes(slotCount)) : undefined;
    let writer: ValueWriter | undefined;
    try {
      writer = this.#writer(page, slotCount, byteHint);
      const filled = fill(writer, validity?.address ?? 0);
      const column = writer.finish(filled, validity);
      validity = undefined;
      return column;
    } finally {
      writer?.release();
      validity?.release();
    }
  }

  #levels(source: Address, byteLength: number, greatest: number, target: Address, count: number): void {
    const { scope } = this;
    if (greatest === 0) {
      scope.workspace.kernels.fillBytes(target, 0, count);
      return;
    }
    const scratch = scope.scratch.indices.take(count * 4 + PADDING_BYTES);
    if (scope.workspace.kernels.parquetLevels(source, byteLength, greatest, scratch, target, count) < 0) {
      scope.corrupt("its levels are malformed");
    }
  }

  /** For pages like `first`; `byteHint` is how many bytes byte arrays will have, about. */
  #writer(first: Page, slotCount: number, byteHint: number): ValueWriter {
    const scope: DecodeScope = this.scope;
    const { leaf } = this;
    if (leaf.type.kind === "null") return new NullValues();
    if (leaf.type.kind === "bool") return new BitValues(scope, leaf, slotCount);
    if (!this.#isByteColumn) return new FixedValues(scope, leaf, slotCount, this.#fixedDictionary);
    if (isDictionaryEncoding(first.header.encoding)) {
      if (this.#byteDictionary === undefined) {
        scope.corrupt("it is dictionary-encoded, but its chunk has no dictionary page");
      }
      return new ByteIndices(scope, leaf, slotCount, this.#byteDictionary);
    }
    return new ByteValues(scope, leaf, slotCount, byteHint);
  }

  release(): void {
    this.#bytes.release();
    this.#byteDictionary?.column.release();
    this.#byteDictionary = undefined;
    this.#fixedDictionary?.values.release();
    this.#fixedDictionary = undefined;
  }
}

const valuesOf = ({ header }: Page, { values, valueBytes }: PageParts, count: number): EncodedValues => ({
  encoding: header.encoding,
  address: values,
  byteLength: valueBytes,
  count,
});

const byteHintOf = (pages: readonly Page[]): number =>
  pages.reduce((sum, page) => sum + page.header.uncompressedSize, 0);

export const countValues = (pages: readonly Page[]): number =>
  pages.reduce((sum, page) => sum + page.header.valueCount, 0);
