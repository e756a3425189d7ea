import type { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { concatColumns } from "../../core/columns/concat.ts";
import { sliceBatch } from "../../core/columns/slice.ts";
import { assert, PlanError } from "../../core/errors.ts";
import type { WritableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { DataType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { type ChunkResult, ColumnChunkWriter } from "./column-chunk-writer.ts";
import { CODEC_NUMBERS, type WriteCodec } from "./compress.ts";
import {
  bloomFilterHeader,
  columnIndexBytes,
  footerBytes,
  offsetIndexBytes,
  type WrittenRowGroup,
} from "./container.ts";
import { FileOutput } from "./file-output.ts";
import { releaseShredded, shred } from "./shred.ts";
import { type WriteNode, type WriteSchema, writeSchema } from "./write-schema.ts";

export interface ParquetWriteOptions {
  /** Default "snappy". */
  readonly codec?: WriteCodec;
  /** Rows per row group; default 122,880. Readers take row groups in parallel. */
  readonly rowGroupRows?: number;
  /**
   * A row group also ends when about this many bytes of values are buffered; default 128 MiB, or an eighth of the
   * thread's memory budget where that is less.
   */
  readonly rowGroupBytes?: number;
  /** Default 1, which every reader understands. */
  readonly dataPageVersion?: 1 | 2;
  /** Rows and bytes per page at most; default 20,480 and 1 MiB. */
  readonly pageRows?: number;
  readonly pageBytes?: number;
  /** Whether columns with few distinct values get a dictionary; default true. */
  readonly dictionary?: boolean;
  /** Whether pages carry checksums; default true. */
  readonly checksums?: boolean;
  /** Columns (dotted paths for nested ones) that get a Bloom filter. */
  readonly bloomFilters?: readonly string[];
  /** Written to the footer. */
  readonly keyValues?: Readonly<Record<string, string>>;
}

const MAGIC = Uint8Array.from([0x50, 0x41, 0x52, 0x31]);

/**
 * Writes batches as one Parquet file: statistics, page index and, where asked, Bloom filters included.
 * Buffers batches (by reference) until a row group is full. The file stays its owner's: `finish` neither syncs nor closes
 * it. After a failure only `close` may be called.
 */
export class ParquetWriter {
  readonly #workspace: Workspace;
  readonly #schema: Schema;
  readonly #layout: WriteSchema;
  readonly #options: Required<Omit<ParquetWriteOptions, "bloomFilters" | "keyValues">>;
  readonly #bloomFilters: ReadonlySet<string>;
  readonly #keyValues: ReadonlyMap<string, string>;
  readonly #output: FileOutput;
  readonly #chunks: ColumnChunkWriter;
  readonly #groups: { rowCount: number; results: ChunkResult[] }[] = [];
  #buffered: Batch[] = [];
  #bufferedRows = 0;
  #bufferedBytes = 0;
  #rowCount = 0;

  /** @throws {PlanError} PARQUET_TYPE_UNWRITABLE, OPTION_INVALID. */
  constructor(workspace: Workspace, file: WritableFile, schema: Schema, options: ParquetWriteOptions = {}) {
    for (const { name, type } of schema.fields) checkWritable(name, type);
    this.#workspace = workspace;
    this.#schema = schema;
    this.#layout = writeSchema(schema);
    this.#options = {
      codec: knownCodec(options.codec ?? "snappy"),
      rowGroupRows: positive("rowGroupRows", options.rowGroupRows ?? 122_880),
      rowGroupBytes: positive("rowGroupBytes", options.rowGroupBytes ?? defaultGroupBytes(workspace)),
      dataPageVersion: options.dataPageVersion ?? 1,
      pageRows: positive("pageRows", options.pageRows ?? 20_480),
      pageBytes: positive("pageBytes", options.pageBytes ?? 1024 * 1024),
      dictionary: options.dictionary ?? true,
      checksums: options.checksums ?? true,
    };
    this.#bloomFilters = new Set(options.bloomFilters ?? []);
    const paths = new Set(this.#layout.leaves.map((leaf) => leaf.path.join(".")));
    for (const path of this.#bloomFilters) {
      if (paths.has(path)) continue;
      throw new PlanError(
        "OPTION_INVALID",
        `The Parquet option bloomFilters names "${path}", which is no column of values.`,
        `Those columns are ${[...paths].map((known) => `"${known}"`).join(", ")}.`,
      );
    }
    this.#keyValues = new Map(Object.entries(options.keyValues ?? {}));
    this.#output = new FileOutput(workspace, file);
    this.#chunks = new ColumnChunkWriter(workspace, this.#output, this.#options);
    this.#output.appendBytes(MAGIC);
  }

  /** Borrows the batch. */
  write(batch: Batch): void {
    assert(batch.schema.equals(this.#schema), "batches have the schema of the file");
    for (let start = 0; start < batch.rowCount; ) {
      const count = Math.min(batch.rowCount - start, this.#options.rowGroupRows - this.#bufferedRows);
      const piece = sliceBatch(this.#workspace, batch, start, count);
      this.#buffered.push(piece);
      this.#bufferedRows += count;
      this.#bufferedBytes += piece.columns.reduce((sum, column) => sum + columnBytes(this.#workspace, column), 0);
      start += count;
      const isFull =
        this.#bufferedRows >= this.#options.rowGroupRows || this.#bufferedBytes >= this.#options.rowGroupBytes;
      if (isFull) this.#writeRowGroup();
    }
  }

  /** Writes what is buffered, the indexes and the footer. */
  finish(): { rowCount: number; byteLength: number } {
    this.#writeRowGroup();
    this.#writeBloomFilters();
    this.#writePageIndexes();
    const rowGroups = this.#groups.map(({ rowCount, results }): WrittenRowGroup => {
      const chunks = results.map(({ chunk }) => chunk);
      return { rowCount, chunks, uncompressedSize: chunks.reduce((sum, chunk) => sum + chunk.uncompressedSize, 0) };
    });
    const footer = footerBytes({
      schema: this.#layout.elements,
      leafCount: this.#layout.leaves.length,
      rowCount: this.#rowCount,
      rowGroups,
      createdBy: "millrace",
      keyValues: this.#keyValues,
    });
    this.#output.appendBytes(footer);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, footer.length, true);
    this.#output.appendBytes(length);
    this.#output.appendBytes(MAGIC);
    this.#output.flush();
    const byteLength = this.#output.position;
    this.close();
    return { rowCount: this.#rowCount, byteLength };
  }

  /** Releases all memory; may be called more than once. */
  close(): void {
    for (const batch of this.#buffered) batch.release();
    this.#buffered = [];
    this.#output.release();
    this.#chunks.release();
  }

  #writeRowGroup(): void {
    if (this.#bufferedRows === 0) return;
    const results: ChunkResult[] = [];
    for (const [index, node] of this.#layout.roots.entries()) {
      const column = concatColumns(
        this.#workspace,
        this.#buffered.map((batch) => batch.columns[index]),
      );
      try {
        this.#writeColumn(node, column, results);
      } finally {
        column.release();
      }
    }
    this.#groups.push({ rowCount: this.#bufferedRows, results });
    this.#rowCount += this.#bufferedRows;
    for (const batch of this.#buffered) batch.release();
    this.#buffered = [];
    this.#bufferedRows = 0;
    this.#bufferedBytes = 0;
  }

  #writeColumn(node: WriteNode, column: Column, results: ChunkResult[]): void {
    const leaves = shred(this.#workspace, node, column);
    try {
      for (const shredded of leaves) {
        const hasBloomFilter = this.#bloomFilters.has(shredded.leaf.path.join("."));
        results.push(this.#chunks.write(shredded, { usesDictionary: this.#options.dictionary, hasBloomFilter }));
      }
    } finally {
      for (const shredded of leaves) releaseShredded(shredded);
    }
  }

  #writeBloomFilters(): void {
    for (const { chunk, bloomFilter } of this.#groups.flatMap(({ results }) => results)) {
      if (bloomFilter === undefined) continue;
      const offset = this.#output.position;
      this.#output.appendBytes(bloomFilterHeader(bloomFilter.length));
      this.#output.appendBytes(bloomFilter);
      chunk.bloomFilterOffset = offset;
      chunk.bloomFilterLength = this.#output.position - offset;
    }
  }

  /** All column indexes, then all offset indexes, each in the order of the chunks, as the format lays them out. */
  #writePageIndexes(): void {
    const results = this.#groups.flatMap(({ results }) => results);
    for (const { chunk, pages } of results) {
      const bytes = columnIndexBytes(pages);
      if (bytes === undefined) continue;
      chunk.columnIndexOffset = this.#output.position;
      chunk.columnIndexLength = bytes.length;
      this.#output.appendBytes(bytes);
    }
    for (const { chunk, pages } of results) {
      const bytes = offsetIndexBytes(pages);
      chunk.offsetIndexOffset = this.#output.position;
      chunk.offsetIndexLength = bytes.length;
      this.#output.appendBytes(bytes);
    }
  }
}

/** Buffered values, one column of them as a whole and what encodes it are held at once. */
const defaultGroupBytes = ({ governor }: Workspace): number =>
  Math.max(64 * 1024, Math.min(128 * 1024 * 1024, Math.floor(governor.limitBytes / 8)));

function knownCodec(codec: WriteCodec): WriteCodec {
  if (Object.hasOwn(CODEC_NUMBERS, codec)) return codec;
  throw new PlanError(
    "OPTION_INVALID",
    `The Parquet option codec is ${JSON.stringify(codec)}.`,
    `It is one of ${Object.keys(CODEC_NUMBERS).join(", ")}.`,
  );
}

function positive(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new PlanError("OPTION_INVALID", `The Parquet option ${option} is ${value}.`, "Give a whole number above 0.");
}

function checkWritable(column: string, type: DataType): void {
  if (type.kind === "list") checkWritable(column, type.element);
  else if (type.kind === "map") {
    checkWritable(column, type.key);
    checkWritable(column, type.value);
  } else if (type.kind === "struct") {
    const fields = Object.values(type.fields);
    if (fields.length === 0) {
      throw new PlanError(
        "PARQUET_TYPE_UNWRITABLE",
        `Column "${column}" contains a struct without fields, which Parquet cannot store.`,
        "Leave the column out, or give the struct a field.",
      );
    }
    for (const field of fields) checkWritable(column, field);
  }
}

/** Bytes of a column's values, roughly. */
function columnBytes(workspace: Workspace, column: Column): number {
  const own =
    column.dictionary !== undefined
      ? column.length * 4
      : column.offsets !== 0 && column.children.length === 0
        ? workspace.i32[(column.offsets >>> 2) + column.length] -
          workspace.i32[column.offsets >>> 2] +
          column.length * 4
        : column.length * 8;
  return column.children.reduce((sum, child) => sum + columnBytes(workspace, child), own);
}
