// The structures of parquet.thrift (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift)
// as far as we read them; enumerations keep their numbers.

export const PhysicalType = {
  boolean: 0,
  int32: 1,
  int64: 2,
  int96: 3,
  float: 4,
  double: 5,
  byteArray: 6,
  fixedLenByteArray: 7,
} as const;

export const Repetition = { required: 0, optional: 1, repeated: 2 } as const;

export const ConvertedType = {
  utf8: 0,
  map: 1,
  mapKeyValue: 2,
  list: 3,
  enum: 4,
  decimal: 5,
  date: 6,
  timeMillis: 7,
  timeMicros: 8,
  timestampMillis: 9,
  timestampMicros: 10,
  uint8: 11,
  uint16: 12,
  uint32: 13,
  uint64: 14,
  int8: 15,
  int16: 16,
  int32: 17,
  int64: 18,
  json: 19,
  bson: 20,
  interval: 21,
} as const;

export const Encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  bitPacked: 4,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

export const Codec = { none: 0, snappy: 1, gzip: 2, lzo: 3, brotli: 4, lz4: 5, zstd: 6, lz4Raw: 7 } as const;

export const PageType = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const;

export type LogicalType =
  | { readonly kind: "string" | "map" | "list" | "enum" | "date" | "unknown" | "json" | "bson" | "uuid" | "float16" }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | {
      readonly kind: "time" | "timestamp";
      readonly isAdjustedToUtc: boolean;
      readonly unit: "ms" | "us" | "ns";
    }
  | { readonly kind: "integer"; readonly bitWidth: number; readonly isSigned: boolean }
  /** One that this reader does not know: the physical type is read as it is. */
  | { readonly kind: "other" };

export interface SchemaElement {
  readonly name: string;
  readonly type?: number;
  readonly typeLength?: number;
  readonly repetition?: number;
  readonly childCount?: number;
  readonly convertedType?: number;
  readonly scale?: number;
  readonly precision?: number;
  readonly logicalType?: LogicalType;
}

/** Bounds as PLAIN-encoded bytes of the physical type, without a length. */
export interface Statistics {
  /** Deprecated bounds, compared as signed bytes: right only for signed numbers. */
  readonly oldMin?: Uint8Array;
  readonly oldMax?: Uint8Array;
  readonly nullCount?: number;
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
}

export interface ColumnChunkMetadata {
  readonly physicalType: number;
  readonly codec: number;
  readonly valueCount: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  readonly dataPageOffset: number;
  readonly dictionaryPageOffset?: number;
  readonly statistics?: Statistics;
  readonly bloomFilterOffset?: number;
  readonly bloomFilterLength?: number;
  readonly offsetIndexOffset?: number;
  readonly offsetIndexLength?: number;
  readonly columnIndexOffset?: number;
  readonly columnIndexLength?: number;
  /** The chunk lies in another file (never written today). */
  readonly isExternal: boolean;
  readonly isEncrypted: boolean;
}

export interface RowGroupMetadata {
  readonly rowCount: number;
  readonly uncompressedSize: number;
  readonly columns: readonly ColumnChunkMetadata[];
}

export interface FileMetadata {
  readonly version: number;
  readonly schema: readonly SchemaElement[];
  readonly rowCount: number;
  readonly rowGroups: readonly RowGroupMetadata[];
  readonly keyValues: ReadonlyMap<string, string>;
  readonly createdBy?: string;
  /** Whether `min` and `max` follow the order of the type; without it they are not to be trusted. */
  readonly hasColumnOrders: boolean;
}

export interface PageHeader {
  readonly type: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  readonly crc?: number;
  readonly valueCount: number;
  readonly encoding: number;
  /** Data page v1. */
  readonly definitionEncoding: number;
  readonly repetitionEncoding: number;
  /** Data page v2. */
  readonly definitionBytes: number;
  readonly repetitionBytes: number;
  readonly isCompressed: boolean;
}

/** Turns the bytes of a footer into its structures; throws MalformedThrift. */
export interface FooterParser {
  parseFooter(bytes: Uint8Array): FileMetadata;
}
