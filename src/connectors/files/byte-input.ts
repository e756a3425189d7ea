import { Readable } from "node:stream";
import { createGunzip, type Gunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { DataError, ExternalError, PlanError } from "../../core/errors.ts";
import type { HostFiles, ReadableFile } from "../../core/host.ts";
import type { FoundFile } from "./paths.ts";

/** Bytes of a file, front to back, decompressed where it is compressed. */
export interface ByteInput {
  /** Writes the next bytes to the start of `target`; their number is 0 only at the end (or for an empty target). */
  read(target: Uint8Array): number | Promise<number>;
  close(): void;
}

export type Compression = "none" | "gzip" | "zstd";

/** The compression of a file: as the option says, or by the extension (.gz, .gzip, .zst, .zstd). */
export function compressionOf(path: string, option: Compression | "auto" | undefined): Compression {
  if (option === "none" || option === "gzip" || option === "zstd") return option;
  if (option !== undefined && option !== "auto") {
    throw new PlanError(
      "OPTION_INVALID",
      `compression is ${JSON.stringify(option)}.`,
      'It is one of "auto", "none", "gzip" and "zstd".',
    );
  }
  if (/\.gz(ip)?$/i.test(path)) return "gzip";
  return /\.zstd?$/i.test(path) ? "zstd" : "none";
}

/**
 * Opens a file at byte `position` (0 where it is compressed).
 * Compressed input that ends early or is damaged is a DataError COMPRESSED_CORRUPT. gzip and zstd may have several members.
 */
export function openInput(files: HostFiles, file: FoundFile, compression: Compression, position = 0): ByteInput {
  const open = files.openRead(file.path);
  if (open.sizeBytes !== file.sizeBytes) {
    open.close();
    throw new ExternalError(
      "FILE_CHANGED",
      true,
      `"${file.path}" had ${file.sizeBytes} bytes when the job was planned and has ${open.sizeBytes} now.`,
      "Do not write to files that a job reads; run the job again.",
    );
  }
  if (compression === "none") return new PlainInput(open, position);
  return compression === "gzip" ? new GzipInput(open) : new ZstdInput(open);
}

class PlainInput implements ByteInput {
  readonly #file: ReadableFile;
  #position: number;

  constructor(file: ReadableFile, position: number) {
    this.#file = file;
    this.#position = position;
  }

  read(target: Uint8Array): number {
    const count = Math.min(target.length, this.#file.sizeBytes - this.#position);
    if (count > 0) this.#file.readInto(target.subarray(0, count), this.#position);
    this.#position += count;
    return count;
  }

  close(): void {
    this.#file.close();
  }
}

const COMPRESSED_CHUNK_BYTES = 128 * 1024;
const PLAIN_CHUNK_BYTES = 256 * 1024;

function* chunksOf(file: ReadableFile): Generator<Uint8Array> {
  for (let position = 0; position < file.sizeBytes; ) {
    const chunk = new Uint8Array(Math.min(COMPRESSED_CHUNK_BYTES, file.sizeBytes - position));
    file.readInto(chunk, position);
    position += chunk.length;
    yield chunk;
  }
}

/** node:zlib inflates on another thread while this one parses, which is why reads are promises. */
class GzipInput implements ByteInput {
  readonly #file: ReadableFile;
  readonly #gunzip: Gunzip;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(file: ReadableFile) {
    this.#file = file;
    this.#gunzip = createGunzip({ chunkSize: PLAIN_CHUNK_BYTES });
    this.#chunks = this.#gunzip[Symbol.asyncIterator]();
    const source = Readable.from(chunksOf(file));
    source.once("error", (error) => this.#gunzip.destroy(error));
    source.pipe(this.#gunzip);
  }

  async read(target: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next().catch((cause: unknown) => {
        throw isZlibError(cause) ? corrupt(this.#file.path, "gzip", cause) : cause;
      });
      if (done === true) return 0;
      this.#rest = value;
    }
    const count = Math.min(target.length, this.#rest.length);
    target.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  close(): void {
    this.#gunzip.destroy();
    this.#file.close();
  }
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith("Z_");

/** The greatest window that the zstd tool accepts without being asked: it bounds what a header makes us allocate. */
const LARGEST_WINDOW_BYTES = 128 * 1024 * 1024;

class ZstdInput implements ByteInput {
  readonly #file: ReadableFile;
  readonly #decompress: Decompress;
  readonly #ready: Uint8Array[] = [];
  #position = 0;
  #isFinished = false;

  constructor(file: ReadableFile) {
    this.#file = file;
    this.#decompress = new Decompress((chunk) => {
      if (chunk.length > 0) this.#ready.push(chunk);
    });
  }

  read(target: Uint8Array): number {
    try {
      while (this.#ready.length === 0 && !this.#isFinished) this.#push();
    } catch (cause) {
      throw cause instanceof DataError || cause instanceof ExternalError
        ? cause
        : corrupt(this.#file.path, "zstd", cause);
    }
    const first = this.#ready[0];
    if (first === undefined) return 0;
    const count = Math.min(target.length, first.length);
    target.set(first.subarray(0, count));
    if (count === first.length) this.#ready.shift();
    else this.#ready[0] = first.subarray(count);
    return count;
  }

  close(): void {
    this.#file.close();
  }

  #push(): void {
    const { sizeBytes } = this.#file;
    const chunk = new Uint8Array(Math.min(COMPRESSED_CHUNK_BYTES, sizeBytes - this.#position));
    this.#file.readInto(chunk, this.#position);
    if (this.#position === 0) checkWindow(this.#file.path, chunk);
    this.#position += chunk.length;
    this.#isFinished = this.#position === sizeBytes;
    this.#decompress.push(chunk, this.#isFinished);
  }
}

/** RFC 8878, section 3.1.1: the frame header says how much memory its window takes. */
function checkWindow(path: string, start: Uint8Array): void {
  if (start.length < 6) throw corrupt(path, "zstd", new Error("it is too short"));
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const magic = view.getUint32(0, true);
  if (magic >>> 4 === 0x184d2a5) return; // a skippable frame has no window
  if (magic !== 0xfd2fb528) throw corrupt(path, "zstd", new Error("it does not start with a zstd frame"));
  const isSingleSegment = (start[4] & 0x20) !== 0;
  const windowBytes = isSingleSegment ? contentBytes(view) : 2 ** (10 + (start[5] >> 3)) * (1 + (start[5] & 7) / 8);
  if (windowBytes > LARGEST_WINDOW_BYTES) {
    throw corrupt(path, "zstd", new Error(`its window of ${windowBytes} bytes is larger than ${LARGEST_WINDOW_BYTES}`));
  }
}

/** Of a frame without a window descriptor, whose window is its whole content. */
function contentBytes(view: DataView): number {
  const flags = view.getUint8(4);
  const at = 5 + [0, 1, 2, 4][flags & 3];
  const width = 1 << (flags >> 6);
  if (at + width > view.byteLength) return 0; // shorter than its header: the decompressor says so
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true) + 256;
  return width === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}

function corrupt(path: string, format: "gzip" | "zstd", cause: unknown): DataError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new DataError(
    "COMPRESSED_CORRUPT",
    `"${path}" cannot be decompressed as ${format}: ${text}.`,
    'The file is cut, damaged or not compressed so: write it again, or set compression: "none".',
    { cause },
  );
}
