import { assert, DataError } from "../../core/errors.ts";
import type { HostFiles } from "../../core/host.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import { type ByteInput, openInput } from "./byte-input.ts";
import { NEWLINE, type RecordFormat, recordLimit } from "./record-format.ts";
import { findRecordStart } from "./record-start.ts";
import type { TextSplit } from "./text-splits.ts";

/** A record with another number of fields than the format; 0 fields where a quote was never closed. */
export interface BadRecord {
  readonly start: number;
  readonly end: number;
  readonly fields: number;
}

/** Records of one scan: addresses of the first byte and of the table of csvScan (kernels/csv.ts). */
export interface RecordBlock {
  readonly text: Address;
  readonly table: Address;
  readonly stride: number;
  readonly rows: number;
  readonly bad: readonly BadRecord[];
  /** Bytes from `text` to the end of the last record. */
  readonly textBytes: number;
}

const CHUNK_BYTES = 1024 * 1024;
const MAX_BAD = 128;
/** Kernels read whole vectors past the end of the text. */
const SLACK_BYTES = 65;

/**
 * Reads the records of a split in blocks. A record belongs to the split in which it starts, so the last one may be read
 * from beyond the split's end; where a quoted field may hold newlines, the start of a split is found exactly (see
 * record-start.ts).
 *
 * Use: call `scan` until it gives a block or "end"; on "input" call `fill` first, and wait where that returns a promise.
 */
export class RecordScanner {
  readonly #workspace: Workspace;
  readonly #files: HostFiles;
  readonly #format: RecordFormat;
  readonly #split: TextSplit;
  readonly #input: ByteInput;
  readonly #table: Block;
  readonly #bad: Block;
  readonly #result: Block;
  readonly #blockRows: number;
  #buffer: Block;
  /** Offset in the file of the buffer's first byte. */
  #base: number;
  #at = 0;
  #filled = 0;
  #isInputAtEnd = false;
  #isOpen = true;
  /** Newlines before the buffer, from `#firstByte` on. */
  #newlines = 0;
  readonly #firstByte: number;

  /** `position`: where an earlier scanner of the split stood, to go on from; only where the file is not compressed. */
  constructor(
    workspace: Workspace,
    files: HostFiles,
    split: TextSplit,
    format: RecordFormat,
    blockRows: number,
    position?: number,
  ) {
    this.#workspace = workspace;
    this.#files = files;
    this.#format = format;
    this.#split = split;
    this.#blockRows = blockRows;
    const start = position ?? findRecordStart(workspace, files, split, format);
    this.#firstByte = start;
    this.#base = start;
    this.#input = openInput(files, split.file, split.compression, start);
    this.#buffer = workspace.allocate(Math.min(CHUNK_BYTES, recordLimit(format)) + SLACK_BYTES);
    this.#table = workspace.allocate((blockRows * (format.fields + 1) + 1) * 4);
    this.#bad = workspace.allocate(MAX_BAD * 12);
    this.#result = workspace.allocate(16);
  }

  /** The byte of the file behind the records that were given; it means nothing where the file is compressed. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** At the start of a file: drops a byte order mark. Called before the first `scan`, with input filled. */
  skipByteOrderMark(): void {
    const { u8 } = this.#workspace;
    const { address } = this.#buffer;
    const [a, b, c] = this.#filled < 2 ? [] : [u8[address], u8[address + 1], u8[address + 2]];
    if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
      throw new DataError(
        "TEXT_ENCODING",
        `"${this.#split.file.path}" is UTF-16 text.`,
        "Convert it to UTF-8, for example with iconv.",
      );
    }
    if (this.#filled >= 3 && a === 0xef && b === 0xbb && c === 0xbf) this.#at = 3;
  }

  /** The next at most `maxRows` records. The block is valid until the next call of `scan` or `fill`. */
  scan(maxRows: number): RecordBlock | "input" | "end" {
    assert(this.#isOpen && maxRows <= this.#blockRows, "a scan of an open scanner fits its table");
    const end = this.#split.end ?? Number.POSITIVE_INFINITY;
    if (this.#base + this.#at >= end) return "end";
    const length = this.#filled - this.#at;
    if (length === 0) return this.#isInputAtEnd ? "end" : "input";
    const { kernels, i32 } = this.#workspace;
    const { delimiter, quote, escape: escapeByte, comment, fields } = this.#format;
    const text = this.#buffer.address + this.#at;
    const { address: table } = this.#table;
    const { address: bad } = this.#bad;
    const { address: result } = this.#result;
    kernels.csvScan(text, length, delimiter, quote, escapeByte, comment, fields, maxRows, table, bad, MAX_BAD, result);
    const [rows, badRows, taken] = i32.subarray(result >>> 2, (result >>> 2) + 3);
    if (taken === 0) return this.#withoutRecord(text, length);
    const block = this.#block(text, rows, badRows, taken, end);
    this.#at += taken;
    return block;
  }

  /** Reads on. Needed once before the first scan, and whenever `scan` says so. */
  fill(): void | Promise<void> {
    this.#makeRoom();
    const { address, byteLength } = this.#buffer;
    const room = byteLength - SLACK_BYTES - this.#filled;
    const count = this.#input.read(this.#workspace.bytes(address + this.#filled, room));
    return count instanceof Promise ? count.then((ready) => this.#filledBy(ready)) : this.#filledBy(count);
  }

  /** The line of a byte of the present block, from 1; `offset` is relative to the block's text. */
  lineOf(block: RecordBlock, offset: number): number {
    const { kernels } = this.#workspace;
    const { address } = this.#buffer;
    const here = kernels.csvCountByte(address, block.text - address + offset, NEWLINE);
    return 1 + this.#linesBefore() + this.#newlines + here;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#input.close();
    for (const block of [this.#buffer, this.#table, this.#bad, this.#result]) block.release();
  }

  /** What lies in the buffer is no whole record. */
  #withoutRecord(text: Address, length: number): RecordBlock | "input" | "end" {
    if (!this.#isInputAtEnd) return "input";
    const { u8 } = this.#workspace;
    if (u8[text + length - 1] !== NEWLINE) {
      // The last line of a file may lack its newline.
      u8[text + length] = NEWLINE;
      this.#filled++;
      return this.scan(this.#blockRows);
    }
    // Every newline outside quotes ends something: the text ends in a quoted field.
    this.#at = this.#filled;
    const bad = [{ start: 0, end: length, fields: 0 }];
    return { text, table: this.#table.address, stride: this.#stride, rows: 0, bad, textBytes: length };
  }

  get #stride(): number {
    return (this.#format.fields + 1) * 4;
  }

  /** Records that start at or past the split's end belong to the next split. */
  #block(text: Address, found: number, badRows: number, taken: number, end: number): RecordBlock {
    const { i32 } = this.#workspace;
    const table = this.#table.address >>> 2;
    const stride = this.#stride;
    const limit = end - this.#base - this.#at;
    let rows = found;
    if (taken > limit) while (rows > 0 && i32[table + (rows - 1) * (stride >>> 2)] + 1 >= limit) rows--;
    const bad: BadRecord[] = [];
    const entries = this.#bad.address >>> 2;
    for (let i = 0; i < badRows; i++) {
      const [start, last, fields] = i32.subarray(entries + i * 3, entries + i * 3 + 3);
      if (start < limit) bad.push({ start, end: last, fields });
    }
    return { text, table: this.#table.address, stride, rows, bad, textBytes: taken };
  }

  #makeRoom(): void {
    const { kernels } = this.#workspace;
    const left = this.#filled - this.#at;
    const capacity = this.#buffer.byteLength - SLACK_BYTES;
    this.#newlines += kernels.csvCountByte(this.#buffer.address, this.#at, NEWLINE);
    if (left === capacity) {
      const limit = recordLimit(this.#format);
      if (capacity >= limit) throw this.#recordTooLong();
      const grown = this.#workspace.allocate(Math.min(limit, capacity * 2) + SLACK_BYTES);
      kernels.copyBytes(grown.address, this.#buffer.address + this.#at, left);
      this.#buffer.release();
      this.#buffer = grown;
    } else if (this.#at > 0) kernels.copyBytes(this.#buffer.address, this.#buffer.address + this.#at, left);
    this.#base += this.#at;
    this.#at = 0;
    this.#filled = left;
  }

  #filledBy(count: number): void {
    this.#filled += count;
    if (count === 0) this.#isInputAtEnd = true;
  }

  #recordTooLong(): DataError {
    const { maxRecordBytes } = this.#format;
    const line = 1 + this.#linesBefore() + this.#newlines;
    return new DataError(
      "RECORD_TOO_LONG",
      `"${this.#split.file.path}", line ${line}: the record that starts here is longer than ${maxRecordBytes} bytes.`,
      "Check for a quote that is never closed, or raise maxRecordBytes.",
    );
  }

  /** Newlines before this split's first byte; counted only when an error wants a line number. */
  #linesBefore(): number {
    if (this.#firstByte === 0) return 0;
    const file = this.#files.openRead(this.#split.file.path);
    const chunk = this.#workspace.allocate(CHUNK_BYTES);
    try {
      let lines = 0;
      for (let position = 0; position < this.#firstByte; position += CHUNK_BYTES) {
        const count = Math.min(CHUNK_BYTES, this.#firstByte - position);
        file.readInto(this.#workspace.bytes(chunk.address, count), position);
        lines += this.#workspace.kernels.csvCountByte(chunk.address, count, NEWLINE);
      }
      return lines;
    } finally {
      chunk.release();
      file.close();
    }
  }
}
