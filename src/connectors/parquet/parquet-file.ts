import { ExternalError } from "../../core/errors.ts";
import type { HostFiles, ReadableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import { type ParquetPlace, parquetError } from "./errors.ts";
import { leanFooterParser } from "./footer-parser.ts";
import type { FileMetadata, FooterParser, RowGroupMetadata } from "./format.ts";
import { mapSchema, type ParquetSchema } from "./schema-mapping.ts";

const FOOTER_TAIL_BYTES = 8;
/** Read at once from the end: holds most footers, so that opening a file takes one read. */
const FOOTER_GUESS_BYTES = 256 * 1024;

/**
 * Reads a Parquet file's footer and checks every size in it against the file. The result holds no open handle: it may
 * be cached, and readers open the file themselves.
 * @throws {DataError} PARQUET_NOT_PARQUET, PARQUET_FOOTER_CORRUPT, PARQUET_SCHEMA_INVALID or PARQUET_UNSUPPORTED.
 */
export function openParquet(files: HostFiles, path: string, parser: FooterParser = leanFooterParser): ParquetFile {
  const file = files.openRead(path);
  try {
    const metadata = readFooter(file, parser);
    const mapped = mapSchema(metadata.schema, { path });
    checkMetadata(metadata, mapped, file);
    return new ParquetFile(files, path, file.sizeBytes, metadata, mapped);
  } finally {
    file.close();
  }
}

/** A Parquet file: its schema and the metadata of its row groups. */
export class ParquetFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly metadata: FileMetadata;
  readonly mapped: ParquetSchema;
  readonly #files: HostFiles;

  constructor(files: HostFiles, path: string, sizeBytes: number, metadata: FileMetadata, mapped: ParquetSchema) {
    this.#files = files;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.metadata = metadata;
    this.mapped = mapped;
  }

  get schema(): Schema {
    return this.mapped.schema;
  }

  get numRows(): number {
    return this.metadata.rowCount;
  }

  get rowGroups(): readonly RowGroupMetadata[] {
    return this.metadata.rowGroups;
  }

  /** A handle on the file, which the caller closes; fails where the file is not the one whose footer was read. */
  open(): ReadableFile {
    const file = this.#files.openRead(this.path);
    if (file.sizeBytes === this.sizeBytes) return file;
    file.close();
    throw new ExternalError(
      "FILE_CHANGED",
      true,
      `"${this.path}" had ${this.sizeBytes} bytes when the job was planned and has ${file.sizeBytes} now.`,
      "Do not write to files that a job reads; run the job again.",
    );
  }
}

function readFooter(file: ReadableFile, parser: FooterParser): FileMetadata {
  const place: ParquetPlace = { path: file.path };
  const { sizeBytes } = file;
  if (sizeBytes < FOOTER_TAIL_BYTES + 4) {
    throw parquetError("PARQUET_NOT_PARQUET", place, `it has only ${sizeBytes} bytes`);
  }
  let tail: Uint8Array = new Uint8Array(Math.min(sizeBytes, FOOTER_GUESS_BYTES));
  file.readInto(tail, sizeBytes - tail.length);
  const magic = String.fromCharCode(...tail.subarray(tail.length - 4));
  if (magic === "PARE") throw parquetError("PARQUET_UNSUPPORTED", place, "its footer is encrypted");
  if (magic !== "PAR1") {
    const head = new Uint8Array(4);
    file.readInto(head, 0);
    if (String.fromCharCode(...head) === "PAR1") {
      throw parquetError("PARQUET_FOOTER_CORRUPT", place, "it begins as a Parquet file, but its end is missing");
    }
    throw parquetError("PARQUET_NOT_PARQUET", place, `it does not end with the Parquet mark "PAR1"`);
  }
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const length = view.getUint32(tail.length - FOOTER_TAIL_BYTES, true);
  if (length > sizeBytes - FOOTER_TAIL_BYTES - 4) {
    const what = `its footer claims ${length} bytes, but the file has ${sizeBytes}`;
    throw parquetError("PARQUET_FOOTER_CORRUPT", place, what);
  }
  if (length + FOOTER_TAIL_BYTES > tail.length) {
    tail = new Uint8Array(length + FOOTER_TAIL_BYTES);
    file.readInto(tail, sizeBytes - tail.length);
  }
  const bytes = tail.slice(tail.length - FOOTER_TAIL_BYTES - length, tail.length - FOOTER_TAIL_BYTES);
  try {
    return parser.parseFooter(bytes);
  } catch (error) {
    // Whatever a parser throws on wrong bytes, the footer is what is wrong.
    const cause = error instanceof Error ? error.message : String(error);
    throw parquetError("PARQUET_FOOTER_CORRUPT", place, `its footer cannot be parsed: ${cause}`, { cause: error });
  }
}

/** Checks counts and ranges, so that the readers may rely on them. */
function checkMetadata(metadata: FileMetadata, mapped: ParquetSchema, file: ReadableFile): void {
  const { path, sizeBytes } = file;
  let rows = 0;
  for (const [rowGroup, group] of metadata.rowGroups.entries()) {
    const corrupt = (what: string, column?: string): never => {
      const place = column === undefined ? { path, rowGroup } : { path, rowGroup, column };
      throw parquetError("PARQUET_FOOTER_CORRUPT", place, what);
    };
    if (!isCount(group.rowCount)) corrupt(`its row count is ${group.rowCount}`);
    rows += group.rowCount;
    if (group.columns.length !== mapped.leaves.length) {
      corrupt(`it has ${group.columns.length} column chunks, but the schema has ${mapped.leaves.length} columns`);
    }
    for (const [index, chunk] of group.columns.entries()) {
      const leaf = mapped.leaves[index];
      if (chunk.isEncrypted || chunk.isExternal) continue; // refused when the column is read
      if (chunk.physicalType !== leaf.physicalType)
        corrupt("the type of its chunk is not that of the schema", leaf.path);
      const start = chunkStart(chunk);
      if (!isCount(start) || !isCount(chunk.compressedSize) || start + chunk.compressedSize > sizeBytes) {
        corrupt(
          `its chunk [${start}, +${chunk.compressedSize}) lies outside the file of ${sizeBytes} bytes`,
          leaf.path,
        );
      }
      if (!isCount(chunk.valueCount)) corrupt(`its value count is ${chunk.valueCount}`, leaf.path);
      if (leaf.maxRepetition === 0 && chunk.valueCount !== group.rowCount) {
        corrupt(`it has ${chunk.valueCount} values for ${group.rowCount} rows`, leaf.path);
      }
    }
  }
  if (rows !== metadata.rowCount) {
    const what = `its row groups have ${rows} rows, but the footer says ${metadata.rowCount}`;
    throw parquetError("PARQUET_FOOTER_CORRUPT", { path }, what);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Where a chunk's first page header lies: some writers leave the dictionary offset out or write 0. */
export function chunkStart(chunk: { dataPageOffset: number; dictionaryPageOffset?: number }): number {
  const { dataPageOffset, dictionaryPageOffset } = chunk;
  return dictionaryPageOffset !== undefined && dictionaryPageOffset > 0 && dictionaryPageOffset < dataPageOffset
    ? dictionaryPageOffset
    : dataPageOffset;
}
