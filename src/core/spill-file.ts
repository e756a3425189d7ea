import { Batch } from "./batch.ts";
import type { Column } from "./column.ts";
import { assert, ExternalError } from "./errors.ts";
import type { HostFiles, ReadableFile, WritableFile } from "./host.ts";
import type { Address } from "./memory/allocator.ts";
import type { Block } from "./memory/block.ts";
import type { Schema } from "./schema.ts";
import { DictionaryTrail, RecordReader, RecordWriter } from "./spill-record.ts";
import { type DataType, int8, int64 } from "./types.ts";
import type { Workspace } from "./workspace.ts";

/*
 * A spill file is one record per batch, in the machine's byte order (it never outlives its process):
 *   header    u32[8]: magic, rows, marks that follow the columns, words, body bytes (low, high), 0, CRC-32C
 *   words     i32[]: what the body holds, see spill-record.ts
 *   body      buffers
 * The checksum covers the header before it, the words and the body.
 */
const MAGIC = 0x4c50534d; // "MSPL"
const HEADER_WORDS = 8;
const HEADER_BYTES = HEADER_WORDS * 4;
const CRC_WORD = 7;
/** Marks that follow the columns. */
const HAS_KINDS = 1;
const HAS_TIMES = 2;

/**
 * Writes batches of one schema to a private file, straight from linear memory.
 * Dictionaries stay dictionaries; one that successive batches share is written once.
 * Failures are ExternalErrors (SPILL_DISK_FULL, SPILL_WRITE_FAILED) and remove the file.
 */
export class SpillWriter {
  readonly path: string;
  readonly schema: Schema;
  readonly #files: HostFiles;
  readonly #file: WritableFile;
  readonly #trail = new DictionaryTrail();
  #isOpen = true;
  #rowCount = 0;
  #batchCount = 0;
  #byteLength = 0;

  private constructor(files: HostFiles, path: string, schema: Schema) {
    this.path = path;
    this.schema = schema;
    this.#files = files;
    this.#file = outside("write", path, () => files.openWrite(path));
  }

  /** `name` is unique in `directory`. */
  static create(files: HostFiles, directory: string, name: string, schema: Schema): SpillWriter {
    return new SpillWriter(files, `${directory}/${name}`, schema);
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#byteLength;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Appends a batch, which it borrows. */
  write(workspace: Workspace, batch: Batch): void {
    assert(this.#isOpen, "a finished spill file takes no more batches");
    const record = new RecordWriter(workspace, this.#trail);
    let prefix: Block | undefined;
    try {
      for (const column of batch.columns) record.add(column);
      const { kinds, times } = batch.marks;
      if (kinds !== undefined) record.add(kinds);
      if (times !== undefined) record.add(times);
      const prefixBytes = HEADER_BYTES + record.words.length * 4;
      prefix = workspace.allocate(prefixBytes);
      let bodyBytes = 0;
      for (const buffer of record.buffers) bodyBytes += buffer.byteLength;
      const view = new Int32Array(workspace.memory.buffer, prefix.address, prefixBytes >> 2);
      const marks = (kinds === undefined ? 0 : HAS_KINDS) | (times === undefined ? 0 : HAS_TIMES);
      const bodyHigh = Math.floor(bodyBytes / 2 ** 32);
      view.set([MAGIC, batch.rowCount, marks, record.words.length, bodyBytes | 0, bodyHigh, 0, 0]);
      view.set(record.words, HEADER_WORDS);
      const spans = [{ address: prefix.address, byteLength: prefixBytes }, ...record.buffers];
      view[CRC_WORD] = checksum(workspace, spans);
      for (const span of spans) this.#append(workspace.bytes(span.address, span.byteLength));
    } catch (error) {
      this.abort();
      throw error;
    } finally {
      prefix?.release();
      record.release();
    }
    this.#rowCount += batch.rowCount;
    this.#batchCount++;
  }

  /** Ends the file; whoever takes the result removes it. */
  finish(): SpillFile {
    assert(this.#isOpen, "a spill file is finished once");
    try {
      outside("write", this.path, () => this.#file.close());
    } catch (error) {
      this.abort();
      throw error;
    }
    this.#isOpen = false;
    this.#trail.release();
    const { path, schema } = this;
    return new SpillFile(this.#files, path, schema, this.#rowCount, this.#batchCount, this.#byteLength);
  }

  /** Closes and removes the file; nothing happens where it is finished or aborted already. */
  abort(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#trail.release();
    try {
      this.#file.close();
    } catch {
      // The failure that led here says more, and the job removes the whole spill directory at its end.
    }
    this.#files.remove(this.path);
  }

  #append(bytes: Uint8Array): void {
    outside("write", this.path, () => this.#file.write(bytes));
    this.#byteLength += bytes.length;
  }
}

/** A finished spill file. Its owner calls `remove` once. */
export class SpillFile {
  readonly path: string;
  readonly schema: Schema;
  readonly rowCount: number;
  readonly batchCount: number;
  readonly byteLength: number;
  readonly #files: HostFiles;

  constructor(
    files: HostFiles,
    path: string,
    schema: Schema,
    rowCount: number,
    batchCount: number,
    byteLength: number,
  ) {
    this.#files = files;
    this.path = path;
    this.schema = schema;
    this.rowCount = rowCount;
    this.batchCount = batchCount;
    this.byteLength = byteLength;
  }

  /** Reads from the first batch on; any number of readers may be open. */
  open(): SpillReader {
    return new SpillReader(
      this,
      outside("read", this.path, () => this.#files.openRead(this.path)),
    );
  }

  remove(): void {
    this.#files.remove(this.path);
  }
}

/**
 * Reads a spill file back, batch by batch, each into one block that its columns share.
 * Sizes are checked before memory is taken and checksums before rows are used: a damaged file is an ExternalError
 * SPILL_CORRUPT, an unreadable one SPILL_READ_FAILED. The owner closes the reader.
 */
export class SpillReader {
  readonly #spill: SpillFile;
  readonly #file: ReadableFile;
  readonly #trail = new DictionaryTrail();
  #position = 0;
  #isOpen = true;

  constructor(spill: SpillFile, file: ReadableFile) {
    this.#spill = spill;
    this.#file = file;
    if (file.sizeBytes !== spill.byteLength) {
      file.close();
      throw corrupt(spill.path, `it has ${file.sizeBytes} bytes, and ${spill.byteLength} were written`);
    }
  }

  /** The next batch, which the caller owns; undefined at the end. */
  next(workspace: Workspace): Batch | undefined {
    assert(this.#isOpen, "a closed spill reader reads no more");
    if (this.#position === this.#spill.byteLength) return undefined;
    const header = new Int32Array(HEADER_WORDS);
    this.#read(new Uint8Array(header.buffer), HEADER_BYTES);
    const [magic, rowCount, marks, wordCount, bodyLow, bodyHigh, , crc] = header;
    const bodyBytes = bodyHigh * 2 ** 32 + (bodyLow >>> 0);
    const left = this.#spill.byteLength - this.#position;
    if (magic !== MAGIC || wordCount < 0 || bodyHigh < 0 || wordCount * 4 + bodyBytes > left) {
      throw corrupt(this.#spill.path, `no record starts at byte ${this.#position - HEADER_BYTES}`);
    }
    const prefixBytes = HEADER_BYTES + wordCount * 4;
    const prefix = workspace.allocate(prefixBytes);
    let body: Block | undefined;
    try {
      body = workspace.allocate(bodyBytes);
      const view = new Int32Array(workspace.memory.buffer, prefix.address, prefixBytes >> 2);
      view.set(header);
      view[CRC_WORD] = 0;
      this.#read(workspace.bytes(prefix.address + HEADER_BYTES, wordCount * 4), wordCount * 4);
      this.#read(workspace.bytes(body.address, bodyBytes), bodyBytes);
      const spans = [
        { address: prefix.address, byteLength: prefixBytes },
        { address: body.address, byteLength: bodyBytes },
      ];
      if (checksum(workspace, spans) !== crc) {
        throw corrupt(this.#spill.path, `the checksum of the record that ends at byte ${this.#position} is wrong`);
      }
      const record = new RecordReader(workspace, this.#trail, view.slice(HEADER_WORDS), body, bodyBytes);
      return this.#batch(record, rowCount, marks);
    } finally {
      prefix.release();
      body?.release();
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#trail.release();
    this.#file.close();
  }

  #batch(record: RecordReader, rowCount: number, marks: number): Batch {
    const { schema, path } = this.#spill;
    const columns: Column[] = [];
    const types: DataType[] = schema.fields.map((field) => field.type);
    if ((marks & HAS_KINDS) !== 0) types.push(int8);
    if ((marks & HAS_TIMES) !== 0) types.push(int64);
    for (const type of types) {
      const column = record.next(type);
      if (column !== undefined) columns.push(column);
      if (column === undefined || column.length !== rowCount) {
        for (const taken of columns) taken.release();
        throw corrupt(path, `a record does not hold ${rowCount} rows of ${schema}`);
      }
    }
    if (!record.isAtEnd) {
      for (const taken of columns) taken.release();
      throw corrupt(path, `a record holds more than ${rowCount} rows of ${schema}`);
    }
    const times = (marks & HAS_TIMES) === 0 ? undefined : columns.pop();
    const kinds = (marks & HAS_KINDS) === 0 ? undefined : columns.pop();
    return new Batch(schema, rowCount, columns, {
      ...(kinds === undefined ? {} : { kinds }),
      ...(times === undefined ? {} : { times }),
    });
  }

  #read(target: Uint8Array, byteLength: number): void {
    outside("read", this.#spill.path, () => this.#file.readInto(target, this.#position));
    this.#position += byteLength;
  }
}

/** CRC-32C of the spans, one after the other, as int32. */
function checksum(workspace: Workspace, spans: readonly { address: Address; byteLength: number }[]): number {
  const { kernels } = workspace;
  const table = workspace.checksumTable;
  let crc = 0;
  for (const { address, byteLength } of spans) crc = kernels.crc32c(table, address, byteLength, crc);
  return crc | 0;
}

function corrupt(path: string, what: string): ExternalError {
  return new ExternalError(
    "SPILL_CORRUPT",
    true,
    `The spill file "${path}" changed after it was written: ${what}.`,
    "Check the disk and that nothing else writes to the spill directory, then run the job again.",
  );
}

/** Runs a file operation; whatever it throws becomes an ExternalError that names the spill file. */
function outside<T>(verb: "read" | "write", path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (isDiskFull(cause)) {
      throw new ExternalError(
        "SPILL_DISK_FULL",
        false,
        `The disk is full: the spill file "${path}" cannot grow.`,
        "Free space, point the spill directory to a larger disk, or raise memoryBytes so that less is spilled.",
        { cause },
      );
    }
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new ExternalError(
      verb === "write" ? "SPILL_WRITE_FAILED" : "SPILL_READ_FAILED",
      true,
      `The spill file "${path}" could not be ${verb === "write" ? "written" : "read"}: ${text}`,
      "Check the disk and the permissions of the spill directory.",
      { cause },
    );
  }
}

/** ENOSPC or EDQUOT anywhere in the chain of causes. */
function isDiskFull(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown };
    if (code === "ENOSPC" || code === "EDQUOT") return true;
  }
  return false;
}
