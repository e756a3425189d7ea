import type { ReadableFile } from "../../core/host.ts";
import { type ParquetPlace, parquetError } from "./errors.ts";
import type { ColumnChunkMetadata } from "./format.ts";
import { CompactReader, MalformedThrift, ThriftType } from "./thrift-compact.ts";

/** Where a data page lies, from the offset index. */
export interface PageLocation {
  /** File position of its header. */
  readonly offset: number;
  readonly compressedSize: number;
  /** Index of its first row in the row group. */
  readonly firstRow: number;
}

/** Bounds of every page of a chunk, as in Statistics; page i of the column index is page i of the offset index. */
export interface PageBounds {
  readonly isNull: readonly boolean[];
  readonly min: readonly Uint8Array[];
  readonly max: readonly Uint8Array[];
  readonly nullCounts: readonly number[] | undefined;
}

/** A page index larger than this is not worth reading. */
const GREATEST_INDEX_BYTES = 64 * 1024 * 1024;

/** The offset index of a chunk, checked against chunk and row count; undefined where the file has none. */
export function readPageLocations(
  file: ReadableFile,
  chunk: ColumnChunkMetadata,
  rowCount: number,
  place: ParquetPlace,
): PageLocation[] | undefined {
  const reader = indexReader(file, chunk.offsetIndexOffset, chunk.offsetIndexLength);
  if (reader === undefined) return undefined;
  const locations = parsed(place, "offset index", () => parseLocations(reader));
  let row = -1;
  for (const { offset, compressedSize, firstRow } of locations) {
    const isInside = offset >= 0 && compressedSize > 0 && offset + compressedSize <= file.sizeBytes;
    if (!isInside || firstRow <= row || firstRow >= rowCount) corrupt(place, "its offset index contradicts the file");
    row = firstRow;
  }
  if (rowCount > 0 && locations[0]?.firstRow !== 0) corrupt(place, "its offset index does not start at the first row");
  return locations;
}

/** The column index of a chunk with `pageCount` pages; undefined where the file has none. */
export function readPageBounds(
  file: ReadableFile,
  chunk: ColumnChunkMetadata,
  pageCount: number,
  place: ParquetPlace,
): PageBounds | undefined {
  const reader = indexReader(file, chunk.columnIndexOffset, chunk.columnIndexLength);
  if (reader === undefined) return undefined;
  const bounds = parsed(place, "column index", () => parseBounds(reader));
  const { isNull, min, max, nullCounts } = bounds;
  const lengths = [isNull.length, min.length, max.length, nullCounts?.length ?? pageCount];
  if (lengths.some((length) => length !== pageCount)) corrupt(place, "its two page indexes have different lengths");
  return bounds;
}

function corrupt(place: ParquetPlace, what: string, cause?: unknown): never {
  throw parquetError("PARQUET_FOOTER_CORRUPT", place, what, cause === undefined ? undefined : { cause });
}

function parsed<T>(place: ParquetPlace, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MalformedThrift) corrupt(place, `its ${what} cannot be parsed: ${error.message}`, error);
    throw error;
  }
}

function indexReader(file: ReadableFile, offset?: number, length?: number): CompactReader | undefined {
  if (offset === undefined || length === undefined || length <= 0 || length > GREATEST_INDEX_BYTES) return undefined;
  if (offset < 0 || offset + length > file.sizeBytes) return undefined;
  const bytes = new Uint8Array(length);
  file.readInto(bytes, offset);
  return new CompactReader(bytes, 0, length);
}

function parseLocations(reader: CompactReader): PageLocation[] {
  const locations: PageLocation[] = [];
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) {
      const count = reader.list(ThriftType.struct);
      for (let i = 0; i < count; i++) locations.push(parseLocation(reader));
    } else reader.skip();
  }
  reader.end(outer);
  return locations;
}

function parseLocation(reader: CompactReader): PageLocation {
  let offset = -1;
  let compressedSize = -1;
  let firstRow = -1;
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) offset = reader.integerField();
    else if (reader.fieldId === 2) compressedSize = reader.integerField();
    else if (reader.fieldId === 3) firstRow = reader.integerField();
    else reader.skip();
  }
  reader.end(outer);
  return { offset, compressedSize, firstRow };
}

function parseBounds(reader: CompactReader): PageBounds {
  const isNull: boolean[] = [];
  const min: Uint8Array[] = [];
  const max: Uint8Array[] = [];
  let nullCounts: number[] | undefined;
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) {
      const count = reader.list(ThriftType.true);
      for (let i = 0; i < count; i++) isNull.push(reader.byte() === ThriftType.true);
    } else if (reader.fieldId === 2 || reader.fieldId === 3) {
      const target = reader.fieldId === 2 ? min : max;
      const count = reader.list(ThriftType.binary);
      for (let i = 0; i < count; i++) target.push(reader.binaryElement());
    } else if (reader.fieldId === 5) {
      nullCounts = [];
      const count = reader.list(ThriftType.i64);
      for (let i = 0; i < count; i++) nullCounts.push(reader.integer());
    } else reader.skip();
  }
  reader.end(outer);
  return { isNull, min, max, nullCounts };
}
