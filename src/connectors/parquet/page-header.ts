import type { PageHeader } from "./format.ts";
import { PageType } from "./format.ts";
import { CompactReader, MalformedThrift } from "./thrift-compact.ts";

/** A page header and where the page's bytes start. */
export interface ParsedPageHeader {
  readonly header: PageHeader;
  /** Index in the given bytes, just behind the header. */
  readonly end: number;
}

type Draft = { -readonly [K in keyof PageHeader]: PageHeader[K] };

/** Parses the page header at `position`; throws MalformedThrift, also where it does not end before `limit`. */
export function parsePageHeader(bytes: Uint8Array, position: number, limit: number): ParsedPageHeader {
  const reader = new CompactReader(bytes, position, limit);
  const header: Draft = {
    type: -1,
    uncompressedSize: -1,
    compressedSize: -1,
    valueCount: -1,
    encoding: -1,
    definitionEncoding: -1,
    repetitionEncoding: -1,
    definitionBytes: 0,
    repetitionBytes: 0,
    isCompressed: true,
  };
  const outer = reader.begin();
  while (reader.nextField()) {
    switch (reader.fieldId) {
      case 1:
        header.type = reader.integerField();
        break;
      case 2:
        header.uncompressedSize = reader.integerField();
        break;
      case 3:
        header.compressedSize = reader.integerField();
        break;
      case 4:
        header.crc = reader.integerField() >>> 0;
        break;
      case 5:
        readDataPage(reader, header);
        break;
      case 7:
        readDictionaryPage(reader, header);
        break;
      case 8:
        readDataPageV2(reader, header);
        break;
      default:
        reader.skip();
    }
  }
  reader.end(outer);
  if (header.uncompressedSize < 0 || header.compressedSize < 0) throw new MalformedThrift("a page size is missing");
  if (header.type !== PageType.index && (header.valueCount < 0 || header.encoding < 0)) {
    throw new MalformedThrift("a page has no value count or no encoding");
  }
  return { header, end: reader.position };
}

function readDataPage(reader: CompactReader, header: Draft): void {
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) header.valueCount = reader.integerField();
    else if (reader.fieldId === 2) header.encoding = reader.integerField();
    else if (reader.fieldId === 3) header.definitionEncoding = reader.integerField();
    else if (reader.fieldId === 4) header.repetitionEncoding = reader.integerField();
    else reader.skip();
  }
  reader.end(outer);
}

function readDictionaryPage(reader: CompactReader, header: Draft): void {
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) header.valueCount = reader.integerField();
    else if (reader.fieldId === 2) header.encoding = reader.integerField();
    else reader.skip();
  }
  reader.end(outer);
}

function readDataPageV2(reader: CompactReader, header: Draft): void {
  reader.expectStruct();
  const outer = reader.begin();
  while (reader.nextField()) {
    if (reader.fieldId === 1) header.valueCount = reader.integerField();
    else if (reader.fieldId === 4) header.encoding = reader.integerField();
    else if (reader.fieldId === 5) header.definitionBytes = reader.integerField();
    else if (reader.fieldId === 6) header.repetitionBytes = reader.integerField();
    else if (reader.fieldId === 7) header.isCompressed = reader.boolean();
    else reader.skip();
  }
  reader.end(outer);
  if (header.definitionBytes < 0 || header.repetitionBytes < 0) throw new MalformedThrift("a level size is negative");
}
