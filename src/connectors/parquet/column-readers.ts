import type { Column } from "../../core/column.ts";
import { concatColumns } from "../../core/columns/concat.ts";
import { sliceColumn } from "../../core/columns/slice.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { LeafDecoder } from "./leaf-decoder.ts";
import { decodeNestedColumn } from "./nested-columns.ts";
import type { PageLocation } from "./page-index.ts";
import type { SchemaNode } from "./schema-mapping.ts";

/** Reads one top-level column of a row group, front to back. */
export interface ColumnReader {
  /** Rows [start, end) of the row group; calls go forward. The caller owns the column. */
  read(start: number, end: number): Column;
  release(): void;
}

/** What a flat column decodes at once: large enough to amortise batches, small enough for many columns in a budget. */
const RUN_BYTES = 4 * 1024 * 1024;

/** A column that is neither nested nor repeated: decoded a run of pages at a time, slices share the run's memory. */
export class FlatColumnReader implements ColumnReader {
  readonly #workspace: Workspace;
  readonly #rowCount: number;
  readonly #locations: readonly PageLocation[] | undefined;
  #decoder: LeafDecoder | undefined;
  #run: Column | undefined;
  #runStart = 0;
  #runEnd = 0;

  /** @param locations - From the offset index: lets the reader jump over pages that it needs no row of. */
  constructor(decoder: LeafDecoder, rowCount: number, locations?: readonly PageLocation[]) {
    this.#workspace = decoder.scope.workspace;
    this.#decoder = decoder;
    this.#rowCount = rowCount;
    this.#locations = locations;
  }

  read(start: number, end: number): Column {
    const pieces: Column[] = [];
    try {
      for (let at = start; at < end; ) {
        if (at >= this.#runEnd) this.#decodeRun(at);
        const stop = Math.min(end, this.#runEnd);
        const run = this.#run as Column;
        pieces.push(sliceColumn(this.#workspace, run, at - this.#runStart, stop - at));
        at = stop;
      }
      return concatColumns(this.#workspace, pieces);
    } finally {
      for (const piece of pieces) piece.release();
      if (end >= this.#runEnd) this.#dropRun();
      if (end >= this.#rowCount) this.#dropDecoder();
    }
  }

  /** Decodes the run that holds row `row`. */
  #decodeRun(row: number): void {
    this.#dropRun();
    const decoder = this.#decoder as LeafDecoder;
    decoder.loadDictionary();
    this.#seek(decoder, row);
    for (;;) {
      const runStart = decoder.cursor.valuesTaken;
      const page = decoder.cursor.peek();
      // Pages in front of the row are passed over without being decompressed.
      if (page !== undefined && runStart + page.header.valueCount <= row) {
        decoder.cursor.take();
        decoder.loadDictionary();
        continue;
      }
      // Where pages are skipped, the next page may be one of them: no run reaches past the wanted one.
      const pages = decoder.takeRun(this.#locations === undefined ? RUN_BYTES : 0);
      this.#run = decoder.decodeFlat(pages);
      this.#runStart = runStart;
      this.#runEnd = runStart + this.#run.length;
      return;
    }
  }

  /** Jumps to the page that holds `row`, where the offset index tells; a page that disagrees with it fails. */
  #seek(decoder: LeafDecoder, row: number): void {
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

  #dropRun(): void {
    this.#run?.release();
    this.#run = undefined;
    this.#runStart = this.#runEnd;
  }

  #dropDecoder(): void {
    this.#decoder?.release();
    this.#decoder = undefined;
  }

  release(): void {
    this.#dropRun();
    this.#dropDecoder();
  }
}

/** A nested column: its leaves must be cut at the same rows, so the row group is decoded as a whole. */
export class NestedColumnReader implements ColumnReader {
  readonly #workspace: Workspace;
  readonly #node: SchemaNode;
  readonly #rowCount: number;
  #decoders: readonly LeafDecoder[];
  #column: Column | undefined;

  constructor(workspace: Workspace, node: SchemaNode, decoders: readonly LeafDecoder[], rowCount: number) {
    this.#workspace = workspace;
    this.#node = node;
    this.#decoders = decoders;
    this.#rowCount = rowCount;
  }

  read(start: number, end: number): Column {
    if (this.#column === undefined) {
      this.#column = decodeNestedColumn(this.#workspace, this.#node, this.#decoders, this.#rowCount);
      this.#releaseDecoders();
    }
    const slice = sliceColumn(this.#workspace, this.#column, start, end - start);
    if (end >= this.#rowCount) this.release();
    return slice;
  }

  #releaseDecoders(): void {
    for (const decoder of this.#decoders) decoder.release();
    this.#decoders = [];
  }

  release(): void {
    this.#releaseDecoders();
    this.#column?.release();
    this.#column = undefined;
  }
}
