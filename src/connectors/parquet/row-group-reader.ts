import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { assert } from "../../core/errors.ts";
import type { ReadableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { Workspace } from "../../core/workspace.ts";
import { planReads, windows } from "./chunk-bytes.ts";
import { type ColumnReader, NestedColumnReader } from "./column-readers.ts";
import { DecodeScope, ScratchSet } from "./decode-scope.ts";
import { type ParquetPlace, parquetError } from "./errors.ts";
import { FlatColumnReader } from "./flat-column-reader.ts";
import { LeafDecoder } from "./leaf-decoder.ts";
import type { PageLocation } from "./page-index.ts";
import { chunkStart, type ParquetFile } from "./parquet-file.ts";
import { type FilteredColumn, type PassedRows, RowGroupFilter } from "./row-group-filter.ts";
import type { ScanFilter } from "./scan-filter.ts";
import type { SchemaNode } from "./schema-mapping.ts";

/** Rows [start, end) of a row group. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

export interface RowGroupOptions {
  /** Which rows to read, ascending and disjoint; default all. */
  readonly ranges?: readonly RowRange[];
  /** Where the pages of each leaf lie, by its index, so that pages without a wanted row are not read. */
  readonly locations?: ReadonlyMap<number, readonly PageLocation[]>;
  /** Conditions on flat ones of the columns that are read: rows that do not pass may be left out. */
  readonly filter?: ScanFilter;
}

/**
 * Reads top-level columns of one row group as batches, front to back. Reading is lazy: bytes are fetched when the first
 * batch asks for them, columns are decoded a few pages ahead, and batches are slices that share the decoded memory.
 * With a filter, the columns of its conditions come first, and of the others only the rows that pass are decoded.
 * Failing or abandoned readers are closed by their owner; `close` may be called more than once.
 */
export class ParquetRowGroupReader {
  readonly schema: Schema;
  readonly #scratch: ScratchSet;
  readonly #file: ReadableFile;
  #isOpen = true;
  readonly #columns: ColumnReader[] = [];
  readonly #ranges: readonly RowRange[];
  readonly #scanFilter: ScanFilter | undefined;
  readonly #filter: RowGroupFilter | undefined;
  #range = 0;
  #row = 0;

  constructor(
    workspace: Workspace,
    file: ParquetFile,
    rowGroup: number,
    columns: readonly string[],
    options: RowGroupOptions = {},
  ) {
    assert(rowGroup >= 0 && rowGroup < file.rowGroups.length, "the row group exists");
    this.schema = file.schema.pick(columns);
    this.#scratch = new ScratchSet(workspace);
    const { rowCount } = file.rowGroups[rowGroup];
    this.#ranges = options.ranges ?? [{ start: 0, end: rowCount }];
    this.#row = this.#ranges[0]?.start ?? 0;
    const nodes = columns.map((name) => file.mapped.roots[file.schema.indexOf(name)]);
    refuseUnreadable(file, rowGroup, nodes);
    this.#file = file.open();
    const isSparse = options.ranges !== undefined;
    const decoders = leafDecoders(workspace, this.#scratch, file, this.#file, rowGroup, nodes, isSparse);
    for (const node of nodes) {
      const own = leavesOf(node).map((index) => decoders.get(index) as LeafDecoder);
      this.#columns.push(
        node.kind === "leaf"
          ? new FlatColumnReader(own[0], rowCount, options.locations?.get(own[0].leaf.index))
          : new NestedColumnReader(workspace, node, own, rowCount),
      );
    }
    this.#scanFilter = options.filter;
    if (options.filter !== undefined) {
      const chunks = file.rowGroups[rowGroup].columns;
      const filtered = new Map<string, FilteredColumn>();
      for (const [i, reader] of this.#columns.entries()) {
        if (!(reader instanceof FlatColumnReader)) continue;
        const bytesPerRow = chunks[leavesOf(nodes[i])[0]].compressedSize / Math.max(1, rowCount);
        filtered.set(columns[i], { reader, bytesPerRow });
      }
      this.#filter = new RowGroupFilter(workspace, options.filter, filtered);
    }
  }

  /** The row of the group behind those that were given. */
  get position(): number {
    return this.#row;
  }

  /**
   * The next at most `batchRows` rows, or undefined at the end; about so many of those that pass a filter. The caller
   * owns the batch.
   */
  next(batchRows: number): Batch | undefined {
    for (;;) {
      const range = this.#rangeOfRow();
      if (range === undefined) {
        this.close();
        return undefined;
      }
      const attempt = this.#scanFilter?.attemptRows(batchRows) ?? 0;
      if (attempt === 0) return this.#whole(Math.min(range.end, this.#row + batchRows));
      const end = Math.min(range.end, this.#row + attempt);
      const passed = this.#filter?.select(this.#row, end);
      if (passed === undefined) continue;
      try {
        const batch = passed.count === 0 ? undefined : this.#picked(passed);
        this.#row = end;
        for (const column of this.#columns) column.forget(end);
        if (batch !== undefined) return batch;
      } finally {
        passed.rows.release();
      }
    }
  }

  /** The range of the next row; undefined at the end. */
  #rangeOfRow(): RowRange | undefined {
    while (this.#range < this.#ranges.length && this.#row >= this.#ranges[this.#range].end) {
      this.#range++;
      this.#row = this.#ranges[this.#range]?.start ?? 0;
    }
    return this.#ranges[this.#range];
  }

  /** All rows up to `end`. */
  #whole(end: number): Batch {
    const rowCount = end - this.#row;
    const columns = this.#fromColumns((reader) => reader.read(this.#row, end));
    this.#row = end;
    this.#scanFilter?.passOver(rowCount);
    return new Batch(this.schema, rowCount, columns);
  }

  #picked({ rows, count }: PassedRows): Batch {
    return new Batch(
      this.schema,
      count,
      this.#fromColumns((reader) => reader.pick(rows.address, count)),
    );
  }

  #fromColumns(read: (reader: ColumnReader) => Column): Column[] {
    const columns: Column[] = [];
    try {
      for (const reader of this.#columns) columns.push(read(reader));
    } catch (error) {
      for (const column of columns) column.release();
      throw error;
    }
    return columns;
  }

  close(): void {
    for (const column of this.#columns) column.release();
    this.#columns.length = 0;
    this.#filter?.close();
    this.#range = this.#ranges.length;
    this.#scratch.release();
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

function leavesOf(node: SchemaNode): number[] {
  return node.leaf === undefined ? node.children.flatMap(leavesOf) : [node.leaf.index];
}

function refuseUnreadable(file: ParquetFile, rowGroup: number, nodes: readonly SchemaNode[]): void {
  for (const index of nodes.flatMap(leavesOf)) {
    const chunk = file.rowGroups[rowGroup].columns[index];
    const place: ParquetPlace = { path: file.path, rowGroup, column: file.mapped.leaves[index].path };
    if (chunk.isEncrypted) throw parquetError("PARQUET_UNSUPPORTED", place, "it is encrypted");
    if (chunk.isExternal) throw parquetError("PARQUET_UNSUPPORTED", place, "its data lies in another file");
  }
}

/** A decoder for every leaf below the given nodes, with reads planned over all of them. */
function leafDecoders(
  workspace: Workspace,
  scratch: ScratchSet,
  file: ParquetFile,
  handle: ReadableFile,
  rowGroup: number,
  nodes: readonly SchemaNode[],
  isSparse: boolean,
): Map<number, LeafDecoder> {
  const chunks = file.rowGroups[rowGroup].columns;
  const indices = [...new Set(nodes.flatMap(leavesOf))];
  const ranges = indices.map((index) => {
    const start = chunkStart(chunks[index]);
    return { start, end: start + chunks[index].compressedSize };
  });
  const bytes = isSparse ? windows(workspace, handle, ranges) : planReads(workspace, handle, ranges);
  return new Map(
    indices.map((index, i) => {
      const leaf = file.mapped.leaves[index];
      const scope = new DecodeScope(workspace, scratch, { path: file.path, rowGroup, column: leaf.path });
      return [index, new LeafDecoder(scope, leaf, chunks[index], bytes[i])];
    }),
  );
}
