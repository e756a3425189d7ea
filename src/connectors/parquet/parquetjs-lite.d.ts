// The parts of parquetjs-lite that write thrift: its generated structures and their serialisation.
declare module "parquetjs-lite/gen-nodejs/parquet_types.js" {
  import type { ThriftOutput, ThriftStruct } from "parquetjs-lite/lib/util.js";

  type StructClass = new (fields?: Record<string, unknown>) => ThriftStruct;
  const types: Record<
    | "PageHeader"
    | "DataPageHeader"
    | "DataPageHeaderV2"
    | "DictionaryPageHeader"
    | "Statistics"
    | "ColumnMetaData"
    | "ColumnChunk"
    | "RowGroup"
    | "SchemaElement"
    | "FileMetaData"
    | "KeyValue"
    | "ColumnOrder"
    | "TypeDefinedOrder"
    | "PageLocation"
    | "OffsetIndex"
    | "ColumnIndex"
    | "LogicalType"
    | "StringType"
    | "MapType"
    | "ListType"
    | "DecimalType"
    | "DateType"
    | "TimeType"
    | "TimestampType"
    | "IntType"
    | "NullType"
    | "TimeUnit"
    | "MilliSeconds"
    | "MicroSeconds",
    StructClass
  >;

  export type { ThriftOutput };
  export default types;
}

declare module "parquetjs-lite/lib/util.js" {
  /** A protocol that structures write themselves to. */
  export interface ThriftOutput {
    writeStructBegin(name: string): void;
    writeStructEnd(): void;
    writeFieldBegin(name: string, type: number, id: number): void;
    writeFieldEnd(): void;
    writeFieldStop(): void;
    writeI32(value: number): void;
    writeI64(value: number): void;
  }
  export interface ThriftStruct {
    write(output: ThriftOutput): void;
  }
  const util: { serializeThrift(struct: ThriftStruct): Uint8Array };
  export default util;
}
