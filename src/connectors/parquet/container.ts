/**
 * The thrift structures of a file being written, serialised by parquetjs-lite. What its generated code predates
 * (nanoseconds, Bloom filters) is added here; its readers and writers of data are not used.
 */
import thrift from "parquetjs-lite/gen-nodejs/parquet_types.js";
import util, { type ThriftOutput, type ThriftStruct } from "parquetjs-lite/lib/util.js";
import { Encoding, type LogicalType, PageType } from "./format.ts";

const { serializeThrift } = util;

// Thrift's own type numbers, as its protocols take them.
const THRIFT_I32 = 8;
const THRIFT_I64 = 10;
const THRIFT_STRUCT = 12;

/** One element of the schema to write. */
export interface WrittenSchemaElement {
  readonly name: string;
  readonly type?: number;
  readonly typeLength?: number;
  readonly repetition?: number;
  readonly childCount?: number;
  readonly convertedType?: number;
  readonly logicalType?: LogicalType;
}

export interface WrittenStatistics {
  readonly nullCount: number;
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
}

export interface WrittenChunk {
  readonly physicalType: number;
  readonly encodings: readonly number[];
  readonly path: readonly string[];
  readonly codec: number;
  readonly valueCount: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  readonly dataPageOffset: number;
  readonly dictionaryPageOffset?: number;
  readonly statistics: WrittenStatistics;
  /** Set when the indexes are written, behind all row groups. */
  bloomFilterOffset?: number;
  bloomFilterLength?: number;
  offsetIndexOffset?: number;
  offsetIndexLength?: number;
  columnIndexOffset?: number;
  columnIndexLength?: number;
}

export interface WrittenRowGroup {
  readonly rowCount: number;
  readonly uncompressedSize: number;
  readonly chunks: readonly WrittenChunk[];
}

export interface WrittenPage {
  readonly offset: number;
  readonly compressedSize: number;
  readonly firstRow: number;
  readonly isNull: boolean;
  readonly nullCount: number;
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
}

export interface PageSizes {
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  readonly crc: number | undefined;
}

export function dictionaryPageHeader(sizes: PageSizes, valueCount: number): Uint8Array {
  return serializeThrift(
    new thrift.PageHeader({
      type: PageType.dictionary,
      ...pageSizes(sizes),
      dictionary_page_header: new thrift.DictionaryPageHeader({ num_values: valueCount, encoding: Encoding.plain }),
    }),
  );
}

export function dataPageHeader(sizes: PageSizes, valueCount: number, encoding: number): Uint8Array {
  return serializeThrift(
    new thrift.PageHeader({
      type: PageType.data,
      ...pageSizes(sizes),
      data_page_header: new thrift.DataPageHeader({
        num_values: valueCount,
        encoding,
        definition_level_encoding: Encoding.rle,
        repetition_level_encoding: Encoding.rle,
      }),
    }),
  );
}

export function dataPageHeaderV2(
  sizes: PageSizes,
  counts: { values: number; nulls: number; rows: number },
  encoding: number,
  levels: { definitionBytes: number; repetitionBytes: number },
): Uint8Array {
  return serializeThrift(
    new thrift.PageHeader({
      type: PageType.dataV2,
      ...pageSizes(sizes),
      data_page_header_v2: new thrift.DataPageHeaderV2({
        num_values: counts.values,
        num_nulls: counts.nulls,
        num_rows: counts.rows,
        encoding,
        definition_levels_byte_length: levels.definitionBytes,
        repetition_levels_byte_length: levels.repetitionBytes,
        is_compressed: true,
      }),
    }),
  );
}

/** The CRC is unsigned here and a signed i32 in the file. */
const pageSizes = ({ uncompressedSize, compressedSize, crc }: PageSizes): Record<string, unknown> => ({
  uncompressed_page_size: uncompressedSize,
  compressed_page_size: compressedSize,
  crc: crc === undefined ? undefined : crc | 0,
});

export function footerBytes(footer: {
  readonly schema: readonly WrittenSchemaElement[];
  readonly leafCount: number;
  readonly rowCount: number;
  readonly rowGroups: readonly WrittenRowGroup[];
  readonly createdBy: string;
  readonly keyValues: ReadonlyMap<string, string>;
}): Uint8Array {
  const order = (): ThriftStruct => new thrift.ColumnOrder({ TYPE_ORDER: new thrift.TypeDefinedOrder() });
  return serializeThrift(
    new thrift.FileMetaData({
      version: 1,
      schema: footer.schema.map(schemaElement),
      num_rows: footer.rowCount,
      row_groups: footer.rowGroups.map(rowGroup),
      key_value_metadata: [...footer.keyValues].map(([key, value]) => new thrift.KeyValue({ key, value })),
      created_by: footer.createdBy,
      column_orders: Array.from({ length: footer.leafCount }, order),
    }),
  );
}

function rowGroup(group: WrittenRowGroup): ThriftStruct {
  return new thrift.RowGroup({
    columns: group.chunks.map(columnChunk),
    total_byte_size: group.uncompressedSize,
    num_rows: group.rowCount,
  });
}

function columnChunk(chunk: WrittenChunk): ThriftStruct {
  const { nullCount, min, max } = chunk.statistics;
  const metadata = new thrift.ColumnMetaData({
    type: chunk.physicalType,
    encodings: [...chunk.encodings],
    path_in_schema: [...chunk.path],
    codec: chunk.codec,
    num_values: chunk.valueCount,
    total_uncompressed_size: chunk.uncompressedSize,
    total_compressed_size: chunk.compressedSize,
    data_page_offset: chunk.dataPageOffset,
    dictionary_page_offset: chunk.dictionaryPageOffset,
    statistics: new thrift.Statistics({ null_count: nullCount, min_value: buffer(min), max_value: buffer(max) }),
  });
  const { bloomFilterOffset, bloomFilterLength } = chunk;
  return new thrift.ColumnChunk({
    file_offset: 0,
    meta_data:
      bloomFilterOffset === undefined || bloomFilterLength === undefined
        ? metadata
        : withFields(metadata, (output) => {
            output.writeFieldBegin("bloom_filter_offset", THRIFT_I64, 14);
            output.writeI64(bloomFilterOffset);
            output.writeFieldEnd();
            output.writeFieldBegin("bloom_filter_length", THRIFT_I32, 15);
            output.writeI32(bloomFilterLength);
            output.writeFieldEnd();
          }),
    offset_index_offset: chunk.offsetIndexOffset,
    offset_index_length: chunk.offsetIndexLength,
    column_index_offset: chunk.columnIndexOffset,
    column_index_length: chunk.columnIndexLength,
  });
}

/** thrift writes a string field from a Buffer as it is. */
const buffer = (bytes: Uint8Array | undefined): Buffer | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes);

/** A structure with further fields in front of its stop mark; nested structures have marks of their own. */
function withFields(struct: ThriftStruct, writeFields: (output: ThriftOutput) => void): ThriftStruct {
  return {
    write(output) {
      let depth = 0;
      const extended: ThriftOutput = Object.assign(Object.create(output) as ThriftOutput, {
        writeStructBegin(name: string) {
          depth++;
          Object.getPrototypeOf(extended).writeStructBegin.call(extended, name);
        },
        writeStructEnd() {
          depth--;
          Object.getPrototypeOf(extended).writeStructEnd.call(extended);
        },
        writeFieldStop() {
          if (depth === 1) writeFields(extended);
          Object.getPrototypeOf(extended).writeFieldStop.call(extended);
        },
      });
      struct.write(extended);
    },
  };
}

function schemaElement(element: WrittenSchemaElement): ThriftStruct {
  const { logicalType } = element;
  return new thrift.SchemaElement({
    name: element.name,
    type: element.type,
    type_length: element.typeLength,
    repetition_type: element.repetition,
    num_children: element.childCount,
    converted_type: element.convertedType,
    ...(logicalType?.kind === "decimal" ? { scale: logicalType.scale, precision: logicalType.precision } : {}),
    logicalType: logicalType && logicalTypeStruct(logicalType),
  });
}

function logicalTypeStruct(type: LogicalType): ThriftStruct | undefined {
  switch (type.kind) {
    case "string":
      return new thrift.LogicalType({ STRING: new thrift.StringType() });
    case "list":
      return new thrift.LogicalType({ LIST: new thrift.ListType() });
    case "map":
      return new thrift.LogicalType({ MAP: new thrift.MapType() });
    case "date":
      return new thrift.LogicalType({ DATE: new thrift.DateType() });
    case "unknown":
      return new thrift.LogicalType({ UNKNOWN: new thrift.NullType() });
    case "decimal":
      return new thrift.LogicalType({
        DECIMAL: new thrift.DecimalType({ scale: type.scale, precision: type.precision }),
      });
    case "integer":
      return new thrift.LogicalType({
        INTEGER: new thrift.IntType({ bitWidth: type.bitWidth, isSigned: type.isSigned }),
      });
    case "time":
      return new thrift.LogicalType({
        TIME: new thrift.TimeType({ isAdjustedToUTC: type.isAdjustedToUtc, unit: timeUnit(type.unit) }),
      });
    case "timestamp":
      return new thrift.LogicalType({
        TIMESTAMP: new thrift.TimestampType({ isAdjustedToUTC: type.isAdjustedToUtc, unit: timeUnit(type.unit) }),
      });
    default:
      return undefined;
  }
}

function timeUnit(unit: "ms" | "us" | "ns"): ThriftStruct {
  if (unit === "ms") return new thrift.TimeUnit({ MILLIS: new thrift.MilliSeconds() });
  if (unit === "us") return new thrift.TimeUnit({ MICROS: new thrift.MicroSeconds() });
  // NANOS is member 3 of the union, an empty structure.
  return withFields(new thrift.TimeUnit(), (output) => {
    output.writeFieldBegin("NANOS", THRIFT_STRUCT, 3);
    new thrift.MicroSeconds().write(output);
    output.writeFieldEnd();
  });
}

export function offsetIndexBytes(pages: readonly WrittenPage[]): Uint8Array {
  return serializeThrift(
    new thrift.OffsetIndex({
      page_locations: pages.map(({ offset, compressedSize, firstRow }) => {
        const location = new thrift.PageLocation();
        return Object.assign(location, { offset, compressed_page_size: compressedSize, first_row_index: firstRow });
      }),
    }),
  );
}

/** Undefined where a page with values has no bounds: the format has no way to say so. */
export function columnIndexBytes(pages: readonly WrittenPage[]): Uint8Array | undefined {
  if (pages.some(({ isNull, min, max }) => !isNull && (min === undefined || max === undefined))) return undefined;
  const empty = new Uint8Array(0);
  const UNORDERED = 0;
  return serializeThrift(
    new thrift.ColumnIndex({
      null_pages: pages.map((page) => page.isNull),
      min_values: pages.map((page) => buffer(page.min ?? empty)),
      max_values: pages.map((page) => buffer(page.max ?? empty)),
      boundary_order: UNORDERED,
      null_counts: pages.map((page) => page.nullCount),
    }),
  );
}

/** The header of a split-block filter, which parquetjs-lite does not know: size, then three unions of one empty member. */
export function bloomFilterHeader(byteLength: number): Uint8Array {
  const varint: number[] = [];
  let zigzag = byteLength * 2;
  for (; zigzag >= 0x80; zigzag = Math.floor(zigzag / 0x80)) varint.push((zigzag & 0x7f) | 0x80);
  varint.push(zigzag);
  const union = [0x1c, 0x1c, 0x00, 0x00];
  return Uint8Array.from([0x15, ...varint, ...union, ...union, ...union, 0x00]);
}
