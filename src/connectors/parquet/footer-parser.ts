import type {
  ColumnChunkMetadata,
  FileMetadata,
  FooterParser,
  LogicalType,
  RowGroupMetadata,
  SchemaElement,
  Statistics,
} from "./format.ts";
import { CompactReader, MalformedThrift, ThriftType } from "./thrift-compact.ts";

/**
 * Reads a footer in one pass and keeps only what the reader uses: column paths and encodings are skipped (chunks are in
 * the order of the schema's leaves), bounds stay views of the footer's bytes.
 */
export const leanFooterParser: FooterParser = {
  parseFooter(bytes) {
    return readFileMetadata(new CompactReader(bytes, 0, bytes.length));
  },
};

/** Interfaces are filled field by field. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

function readFileMetadata(reader: CompactReader): FileMetadata {
  let schema: SchemaElement[] | undefined;
  let rowGroups: RowGroupMetadata[] | undefined;
  let rowCount: number | undefined;
  let version = 1;
  let createdBy: string | undefined;
  let hasColumnOrders = false;
  const keyValues = new Map<string, string>();
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        version = reader.integerField();
        break;
      case 2:
        schema = readList(reader, readSchemaElement);
        break;
      case 3:
        rowCount = reader.integerField();
        break;
      case 4:
        rowGroups = readList(reader, readRowGroup);
        break;
      case 5:
        for (const [key, value] of readList(reader, readKeyValue)) keyValues.set(key, value);
        break;
      case 6:
        createdBy = reader.text();
        break;
      case 7:
        hasColumnOrders = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  if (schema === undefined || rowGroups === undefined || rowCount === undefined) {
    throw new MalformedThrift("the schema, the row groups or the row count is missing");
  }
  return {
    version,
    schema,
    rowCount,
    rowGroups,
    keyValues,
    hasColumnOrders,
    ...(createdBy === undefined ? {} : { createdBy }),
  };
}

function readList<T>(reader: CompactReader, readElement: (reader: CompactReader) => T): T[] {
  const count = reader.list(ThriftType.struct);
  const elements: T[] = [];
  for (let i = 0; i < count; i++) elements.push(readElement(reader));
  return elements;
}

function readKeyValue(reader: CompactReader): [string, string] {
  let key = "";
  let value = "";
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) key = reader.text();
    else if (reader.fieldId === 2) value = reader.text();
    else reader.skip();
  }
  reader.end(outer);
  return [key, value];
}

function readSchemaElement(reader: CompactReader): SchemaElement {
  const element: Draft<SchemaElement> = { name: "" };
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        element.type = reader.integerField();
        break;
      case 2:
        element.typeLength = reader.integerField();
        break;
      case 3:
        element.repetition = reader.integerField();
        break;
      case 4:
        element.name = reader.text();
        break;
      case 5:
        element.childCount = reader.integerField();
        break;
      case 6:
        element.convertedType = reader.integerField();
        break;
      case 7:
        element.scale = reader.integerField();
        break;
      case 8:
        element.precision = reader.integerField();
        break;
      case 10:
        element.logicalType = readLogicalType(reader);
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  return element;
}

const PLAIN_LOGICAL_TYPES: Record<number, LogicalType> = {
  1: { kind: "string" },
  2: { kind: "map" },
  3: { kind: "list" },
  4: { kind: "enum" },
  6: { kind: "date" },
  11: { kind: "unknown" },
  12: { kind: "json" },
  13: { kind: "bson" },
  14: { kind: "uuid" },
  15: { kind: "float16" },
};

function readLogicalType(reader: CompactReader): LogicalType {
  let type: LogicalType = { kind: "other" };
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    const id = reader.fieldId;
    if (id === 5 || id === 7 || id === 8 || id === 10) {
      reader.expectStruct();
      type = readParameters(reader, id);
    } else {
      type = PLAIN_LOGICAL_TYPES[id] ?? { kind: "other" };
      reader.skip();
    }
  }
  reader.end(outer);
  return type;
}

/** The parameters of DECIMAL (5), TIME (7), TIMESTAMP (8) and INTEGER (10). */
function readParameters(reader: CompactReader, id: number): LogicalType {
  let first = 0;
  let second = 0;
  let flag = true;
  let unit: "ms" | "us" | "ns" = "ms";
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldType === ThriftType.true || reader.fieldType === ThriftType.false) flag = reader.boolean();
    else if (reader.fieldType === ThriftType.struct) unit = readTimeUnit(reader);
    else if (reader.fieldId === 1) first = reader.integerField();
    else if (reader.fieldId === 2) second = reader.integerField();
    else reader.skip();
  }
  reader.end(outer);
  if (id === 5) return { kind: "decimal", scale: first, precision: second };
  if (id === 10) return { kind: "integer", bitWidth: first, isSigned: flag };
  return { kind: id === 7 ? "time" : "timestamp", isAdjustedToUtc: flag, unit };
}

function readTimeUnit(reader: CompactReader): "ms" | "us" | "ns" {
  let unit: "ms" | "us" | "ns" = "ms";
  const outer = reader.begin();
  while (reader.nextField()) {
    unit = reader.fieldId === 3 ? "ns" : reader.fieldId === 2 ? "us" : "ms";
    reader.skip();
  }
  reader.end(outer);
  return unit;
}

function readRowGroup(reader: CompactReader): RowGroupMetadata {
  const group: Draft<RowGroupMetadata> = { rowCount: -1, uncompressedSize: 0, columns: [] };
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) group.columns = readList(reader, readColumnChunk);
    else if (reader.fieldId === 2) group.uncompressedSize = reader.integerField();
    else if (reader.fieldId === 3) group.rowCount = reader.integerField();
    else reader.skip();
  }
  reader.end(outer);
  return group;
}

type ChunkDraft = Draft<ColumnChunkMetadata>;

function readColumnChunk(reader: CompactReader): ColumnChunkMetadata {
  // One shape for all chunks keeps the objects fast; NaN-free because every size is checked when the file is opened.
  const chunk: ChunkDraft = {
    physicalType: -1,
    codec: -1,
    valueCount: -1,
    uncompressedSize: -1,
    compressedSize: -1,
    dataPageOffset: -1,
    isExternal: false,
    isEncrypted: false,
  };
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        chunk.isExternal = true;
        reader.skip();
        break;
      case 3:
        readColumnMetadata(reader, chunk);
        break;
      case 4:
        chunk.offsetIndexOffset = reader.integerField();
        break;
      case 5:
        chunk.offsetIndexLength = reader.integerField();
        break;
      case 6:
        chunk.columnIndexOffset = reader.integerField();
        break;
      case 7:
        chunk.columnIndexLength = reader.integerField();
        break;
      case 8:
      case 9:
        chunk.isEncrypted = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  return chunk;
}

function readColumnMetadata(reader: CompactReader, chunk: ChunkDraft): void {
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        chunk.physicalType = reader.integerField();
        break;
      case 4:
        chunk.codec = reader.integerField();
        break;
      case 5:
        chunk.valueCount = reader.integerField();
        break;
      case 6:
        chunk.uncompressedSize = reader.integerField();
        break;
      case 7:
        chunk.compressedSize = reader.integerField();
        break;
      case 9:
        chunk.dataPageOffset = reader.integerField();
        break;
      case 11:
        chunk.dictionaryPageOffset = reader.integerField();
        break;
      case 12:
        chunk.statistics = readStatistics(reader);
        break;
      case 14:
        chunk.bloomFilterOffset = reader.integerField();
        break;
      case 15:
        chunk.bloomFilterLength = reader.integerField();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
}

function readStatistics(reader: CompactReader): Statistics {
  const statistics: Draft<Statistics> = {};
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        statistics.oldMax = reader.binary();
        break;
      case 2:
        statistics.oldMin = reader.binary();
        break;
      case 3:
        statistics.nullCount = reader.integerField();
        break;
      case 5:
        statistics.max = reader.binary();
        break;
      case 6:
        statistics.min = reader.binary();
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  return statistics;
}
