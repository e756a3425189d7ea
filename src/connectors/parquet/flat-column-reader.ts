import type { Column } from "../../core/column.ts";
import { concatColumns } from "../../core/columns/concat.ts";
import { gatherColumn } from "../../core/columns/gather.ts";
import { sliceColumn } from "../../core/columns/slice.ts";
import { assert } from "../../core/errors.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { ColumnReader } from "./column-readers.ts";
import { isDictionaryEncoding, type MatchingEntries } from "./dictionary-indices.ts";
import type { LeafDecoder, PagePick } from "./leaf-decoder.ts";
import type { LoadedPage } from "./loaded-page.ts";
import type { PageLocation } from "./page-index.ts";

/** What a flat column decodes at once: large enough to amortise batches, small enough for many columns in a budget. */
const RUN_BYTES = 4 * 1024 * 1024;

/** Rows [start, end) that are in memory: decoded as `column`, or as the `page` that holds them. */
interface Span {
  readonly start: number;
  readonly end: number;
  column: Column | undefined;
  page: LoadedPage | undefined;
}

/**
 * A column that is neither nested nor repeated. Where rows are read one behind the other, a run of pages is decoded at a
 * time and slices share its memory; where only some rows are wanted, pages are loaded one by one and just their values
 * are decoded. Pages without a wanted row are not decompressed, nor are their checksums looked at.
 */
export class FlatColumnReader implements ColumnReader {
  readonly #workspace: Workspace;
  readonly #rowCount: number;
  readonly #locations: readonly PageLocation[] | undefined;
  #decoder: LeafDecoder | undefined;
  /** Ascending; the chunk's cursor stands behind the last of them. */
  #spans: Span[] = [];

  /** @param locations - From the offset index: lets the reader jump over pages that it needs no row of. */
  constructor(decoder: LeafDecoder, rowCount: number, locations?: readonly PageLocation[]) {
    this.#workspace = decoder.scope.workspace;
    this.#decoder = decoder;
    this.#rowCount = rowCount;
    this.#locations = locations;
  }

  read(start: number, end: number): Column {
    this.forget(start);
    const column = this.slice(start, end);
    this.forget(end);
    return column;
  }

  /** Like `read`, but the same rows may be asked for again. */
  slice(start: number, end: number): Column {
    const pieces: Column[] = [];
    try {
      for (let at = start; at < end; ) {
        const span = this.#spanAt(at) ?? this.#decodeRun(at);
        const stop = Math.min(end, span.end);
        pieces.push(sliceColumn(this.#workspace, this.#decoded(span), at - span.start, stop - at));
        at = stop;
      }
      return concatColumns(this.#workspace, pieces);
    } finally {
      for (const piece of pieces) piece.release();
    }
  }

  /** The end of the rows in memory from `row` on, which are loaded for it. */
  spanEnd(row: number): number {
    return (this.#spanAt(row) ?? this.#load(row)).end;
  }

  pick(rows: Address, count: number): Column {
    return this.#pick(rows, count, true);
  }

  /** Like `pick`, but the same rows may be asked for again. */
  peek(rows: Address, count: number): Column {
    return this.#pick(rows, count, false);
  }

  /**
   * Which rows of [start, stop) hold a dictionary entry that matches, where `stop` is `end` or the end of a page.
   * `matchesOf` gives the matching entries of the chunk's dictionary, or undefined if these do not tell. Writes the rows
   * to `target`, which has room for one more than all.
   * @returns Undefined where the page is encoded otherwise.
   */
  match(
    start: number,
    end: number,
    matchesOf: (decoder: LeafDecoder) => MatchingEntries | undefined,
    target: Address,
  ): { readonly stop: number; readonly count: number } | undefined {
    const { page, end: endRow } = this.#spanAt(start) ?? this.#load(start);
    const decoder = this.#decoder as LeafDecoder;
    if (page === undefined || !isDictionaryEncoding(page.header.encoding)) return undefined;
    const matches = matchesOf(decoder);
    if (matches === undefined) return undefined;
    const stop = Math.min(end, endRow);
    return { stop, count: decoder.match(page, matches, start, stop, target) };
  }

  /**
   * Keeps those of the first `taken` of `count` rows that hold a matching entry, where `taken` is all that lie in one page:
   * writes them to `target`, which may be where they are. See `match`.
   * @returns Undefined where the page is encoded otherwise or has nulls.
   */
  keep(
    rows: Address,
    count: number,
    matchesOf: (decoder: LeafDecoder) => MatchingEntries | undefined,
    target: Address,
  ): { readonly taken: number; readonly kept: number } | undefined {
    const row = this.#workspace.u32[rows >>> 2];
    const { page, end } = this.#spanAt(row) ?? this.#load(row);
    const decoder = this.#decoder as LeafDecoder;
    if (page === undefined || page.bitmap !== 0 || !isDictionaryEncoding(page.header.encoding)) return undefined;
    const matches = matchesOf(decoder);
    if (matches === undefined) return undefined;
    const taken = this.#rowsBefore(end, rows, count);
    return { taken, kept: decoder.keep({ page, rows, count: taken }, matches, target) };
  }

  #pick(rows: Address, count: number, isLast: boolean): Column {
    assert(count > 0, "some rows are picked");
    const decoder = this.#decoder as LeafDecoder;
    const pieces: Column[] = [];
    let group: PagePick[] = [];
    let groupBytes = 0;
    const flush = (): void => {
      if (group.length > 0) pieces.push(decoder.pick(group));
      group = [];
      groupBytes = 0;
    };
    try {
      for (let i = 0; i < count; ) {
        const at = rows + i * 4;
        const row = this.#workspace.u32[at >>> 2];
        if (isLast && groupBytes > RUN_BYTES) {
          flush();
          this.forget(row);
        }
        const span = this.#spanAt(row) ?? this.#load(row);
        const some = this.#rowsBefore(span.end, at, count - i);
        const { page } = span;
        if (page !== undefined && decoder.canPick(page)) {
          if (group.length > 0 && !decoder.isOneColumn(group[0].page, page)) flush();
          group.push({ page, rows: at, count: some });
          groupBytes += page.header.uncompressedSize;
        } else {
          flush();
          pieces.push(this.#gather(span, at, some));
        }
        i += some;
      }
      flush();
      return concatColumns(this.#workspace, pieces);
    } finally {
      for (const piece of pieces) piece.release();
    }
  }

  /** How many of `count` ascending rows lie before `end`. */
  #rowsBefore(end: number, rows: Address, count: number): number {
    const { u32 } = this.#workspace;
    const first = rows >>> 2;
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (u32[first + middle] < end) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #gather(span: Span, rows: Address, count: number): Column {
    const column = this.#decoded(span);
    const positions = this.#workspace.allocate(count * 4);
    try {
      this.#workspace.kernels.addConstant32(rows, count, -span.start, positions.address);
      return gatherColumn(this.#workspace, column, positions.address, count);
    } finally {
      positions.release();
    }
  }

  #spanAt(row: number): Span | undefined {
    return this.#spans.find(({ start, end }) => start <= row && row < end);
  }

  #decoded(span: Span): Column {
    if (span.column === undefined) {
      const page = span.page as LoadedPage;
      span.column = (this.#decoder as LeafDecoder).decodeFlat([page], page);
      page.release();
      span.page = undefined;
    }
    return span.column;
  }

  /** Decodes the run that begins with the page of row `row`. */
  #decodeRun(row: number): Span {
    const decoder = this.#seek(row);
    const start = decoder.cursor.valuesTaken;
    // Where pages are skipped, the next page may be one of them: no run reaches past the wanted one.
    const pages = decoder.takeRun(this.#locations === undefined ? RUN_BYTES : 0);
    const column = decoder.decodeFlat(pages);
    return this.#keep({ start, end: start + column.length, column, page: undefined });
  }

  /** Loads the page of row `row`. */
  #load(row: number): Span {
    const decoder = this.#seek(row);
    const page = decoder.load(decoder.cursor.valuesTaken);
    if (page === undefined) return decoder.scope.corrupt(`its chunk ends before row ${row}`);
    return this.#keep({ start: page.firstRow, end: page.endRow, column: undefined, page });
  }

  #keep(span: Span): Span {
    this.#spans.push(span);
    return span;
  }

  /** Brings the cursor to the page that holds row `row`, past pages that are not decompressed. */
  #seek(row: number): LeafDecoder {
    const decoder = this.#decoder as LeafDecoder;
    decoder.loadDictionary();
    this.#jump(decoder, row);
    for (;;) {
      const page = decoder.cursor.peek();
      if (page === undefined || decoder.cursor.valuesTaken + page.header.valueCount > row) return decoder;
      decoder.cursor.take();
      decoder.loadDictionary();
    }
  }

  /** Jumps to the page that holds `row`, where the offset index tells; a page that disagrees with it fails. */
  #jump(decoder: LeafDecoder, row: number): void {
    const locations = this.#locations;
    if (locations === undefined) return;
    let index = locations.length - 1;
    while (index > 0 && locations[index].firstRow > row) index--;
    const { offset, firstRow } = locations[index];
    const { cursor, scope } = decoder;
    if (firstRow <= cursor.valuesTaken) return;
    cursor.seek(offset, firstRow, index);
    const rows = (locations[index + 1]?.firstRow ?? this.#rowCount) - firstRow;
    const page = cursor.peek();
    if (page?.header.valueCount !== rows) {
      scope.corrupt(`it has ${page?.header.valueCount} values where the offset index says ${rows}`);
    }
  }

  forget(row: number): void {
    while (this.#spans.length > 0 && this.#spans[0].end <= row) {
      const span = this.#spans.shift();
      span?.column?.release();
      span?.page?.release();
    }
    if (row < this.#rowCount) return;
    this.#decoder?.release();
    this.#decoder = undefined;
  }

  release(): void {
    this.forget(Number.POSITIVE_INFINITY);
  }
}
