import { Message, MessageHeader, RecordBatchReader, RecordBatchStreamWriter } from "apache-arrow";
import { DataError } from "../../core/errors.ts";
import type { ReadableFile } from "../../core/host.ts";
import { checkMessageMetadata, footerWithoutBlocks } from "./arrow-flatbuffers.ts";

/** Bytes of a file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where the messages of an Arrow IPC file or stream lie. */
export interface ArrowMessages {
  /** The schema message of a stream, or the footer of a file, which holds the schema too. */
  readonly schema: ByteRange;
  readonly isFooter: boolean;
  readonly dictionaries: readonly ByteRange[];
  readonly batches: readonly ByteRange[];
}

const MAGIC = "ARROW1";
const CONTINUATION = 0xffffffff;
/** Metadata of one message; a schema of ten thousand columns takes a few megabytes. */
const LARGEST_METADATA_BYTES = 256 * 1024 * 1024;

/**
 * Walks the messages of a file. The file format is the stream format between a mark and a footer, so one walk reads both;
 * every size is checked against the file before anything is read by it.
 * @throws {DataError} ARROW_NOT_ARROW, ARROW_TRUNCATED, ARROW_CORRUPT.
 */
export function walkMessages(file: ReadableFile): ArrowMessages {
  const isFile = file.sizeBytes >= 8 && ascii(readBytes(file, 0, 6)) === MAGIC;
  const footer = isFile ? footerOf(file) : undefined;
  const end = footer?.start ?? file.sizeBytes;
  let schema = footer;
  const dictionaries: ByteRange[] = [];
  const batches: ByteRange[] = [];
  for (let position = isFile ? 8 : 0; position < end; ) {
    const message = readMessage(file, position, end);
    if (message === undefined) break;
    const range = { start: position, end: message.end };
    if (message.kind === MessageHeader.Schema) schema ??= range;
    else if (schema === undefined) throw arrowError("ARROW_CORRUPT", file.path, "its first message is no schema");
    else if (message.kind === MessageHeader.DictionaryBatch) dictionaries.push(range);
    else if (message.kind === MessageHeader.RecordBatch) batches.push(range);
    position = message.end;
  }
  if (schema === undefined) throw arrowError("ARROW_NOT_ARROW", file.path, "it holds no schema");
  return { schema, isFooter: isFile, dictionaries, batches };
}

/** The end of a file: the footer, its length in four bytes, the mark. */
function footerOf(file: ReadableFile): ByteRange {
  const end = file.sizeBytes - MAGIC.length - 4;
  if (end < 8 || ascii(readBytes(file, end + 4, MAGIC.length)) !== MAGIC) {
    throw arrowError("ARROW_TRUNCATED", file.path, `it does not end with the mark "${MAGIC}"`);
  }
  const length = readUint32(file, end);
  if (length > end - 8) throw arrowError("ARROW_CORRUPT", file.path, `its footer claims ${length} bytes`);
  return { start: end - length, end };
}

/**
 * The schema message that `range` stands for. Some writers of files (apache-arrow for JavaScript among them) leave the
 * schema message out, so that of a file is made from the footer.
 */
export function schemaMessage(file: ReadableFile, range: ByteRange, isFooter: boolean): Uint8Array {
  const bytes = readBytes(file, range.start, range.end - range.start);
  if (!isFooter) return bytes;
  const mark = Buffer.from(MAGIC);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  // A file of nothing but its footer: its batches are not there, but only the schema is asked for.
  const footerOnly = Buffer.concat([mark, Buffer.alloc(2), footerWithoutBlocks(bytes), length, mark]);
  const { schema } = RecordBatchReader.from(footerOnly).open();
  const writer = new RecordBatchStreamWriter({ autoDestroy: false });
  writer.reset(undefined, schema);
  return writer.toUint8Array(true);
}

function readMessage(
  file: ReadableFile,
  position: number,
  limit: number,
): { kind: MessageHeader; end: number } | undefined {
  const { path } = file;
  const sizeBytes = limit;
  const truncated = () => arrowError("ARROW_TRUNCATED", path, `it ends inside the message at byte ${position}`);
  if (position + 8 > sizeBytes) {
    // An old stream may end with four zero bytes, and any stream without an end mark.
    if (position + 4 <= sizeBytes && readUint32(file, position) === 0) return undefined;
    throw position === 0 ? arrowError("ARROW_NOT_ARROW", path, `it has only ${sizeBytes} bytes`) : truncated();
  }
  let start = position;
  let length = readUint32(file, start);
  start += 4;
  if (length === CONTINUATION) {
    length = readUint32(file, start);
    start += 4;
  }
  if (length === 0) return undefined; // end of stream
  if (length > LARGEST_METADATA_BYTES) {
    const code = position === 0 ? "ARROW_NOT_ARROW" : "ARROW_CORRUPT";
    throw arrowError(code, path, `the message at byte ${position} claims ${length} bytes of metadata`);
  }
  if (start + length > sizeBytes)
    throw position === 0 ? arrowError("ARROW_NOT_ARROW", path, "no message starts it") : truncated();
  let message: Message;
  try {
    const metadata = readBytes(file, start, length);
    checkMessageMetadata(metadata);
    message = Message.decode(metadata);
  } catch (cause) {
    const code = position === 0 ? "ARROW_NOT_ARROW" : "ARROW_CORRUPT";
    throw arrowError(code, path, `the message at byte ${position} cannot be decoded`, cause);
  }
  const { bodyLength, headerType } = message;
  if (!Number.isSafeInteger(bodyLength) || bodyLength < 0) {
    throw arrowError("ARROW_CORRUPT", path, `the message at byte ${position} claims ${bodyLength} bytes`);
  }
  const end = start + length + bodyLength;
  if (end > sizeBytes) throw truncated();
  return { kind: headerType, end };
}

export function readBytes(file: ReadableFile, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  file.readInto(bytes, position);
  return bytes;
}

const readUint32 = (file: ReadableFile, position: number): number =>
  new DataView(readBytes(file, position, 4).buffer).getUint32(0, true);

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

export type ArrowErrorCode = "ARROW_NOT_ARROW" | "ARROW_TRUNCATED" | "ARROW_CORRUPT" | "ARROW_UNSUPPORTED";

const REMEDIES: Record<ArrowErrorCode, string> = {
  ARROW_NOT_ARROW: "Check the path, or read it with the source for its real format.",
  ARROW_TRUNCATED: "The file is incomplete: write or fetch it again.",
  ARROW_CORRUPT: "The file is damaged: write or fetch it again.",
  ARROW_UNSUPPORTED: "Write the file again without this feature.",
};

export function arrowError(code: ArrowErrorCode, path: string, what: string, cause?: unknown): DataError {
  const options = cause === undefined ? undefined : { cause };
  return new DataError(code, `Arrow file "${path}": ${what}.`, REMEDIES[code], options);
}
