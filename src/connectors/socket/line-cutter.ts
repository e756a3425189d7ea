import { isUtf8 } from "node:buffer";
import { Batch } from "../../core/batch.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { DataError } from "../../core/errors.ts";
import type { Schema } from "../../core/schema.ts";
import { utf8 } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";

const CARRIAGE_RETURN = 13;
const NEWLINE = 10;

/** Cuts bytes, as they arrive, into texts that a delimiter ends. Bytes that are no UTF-8 become U+FFFD. */
export class LineCutter {
  readonly #workspace: Workspace;
  readonly #schema: Schema;
  readonly #delimiter: Buffer;
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the next text begins, and up to where no delimiter begins. */
  #at = 0;
  #searched = 0;

  /** The schema has one utf8 column, or none. */
  constructor(workspace: Workspace, schema: Schema, delimiter: string, maxBytes: number) {
    this.#workspace = workspace;
    this.#schema = schema;
    this.#delimiter = Buffer.from(delimiter);
    this.#maxBytes = maxBytes;
  }

  /** @throws {DataError} RECORD_TOO_LONG */
  push(chunk: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#searched -= this.#at;
    this.#at = 0;
    this.#bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
  }

  /** The next texts that are complete, at most `maxRows`; undefined where there is none. */
  take(maxRows: number): Batch | undefined {
    const ends: number[] = [];
    const starts: number[] = [];
    while (starts.length < maxRows) {
      const end = this.#bytes.indexOf(this.#delimiter, this.#searched);
      if (end < 0) {
        this.#searched = Math.max(this.#at, this.#bytes.length - this.#delimiter.length + 1);
        break;
      }
      starts.push(this.#at);
      ends.push(this.#endOf(this.#at, end));
      this.#at = end + this.#delimiter.length;
      this.#searched = this.#at;
    }
    if (this.#bytes.length - this.#at > this.#maxBytes) throw this.#tooLong();
    return starts.length === 0 ? undefined : this.#batch(starts, ends);
  }

  /** What no delimiter ended, where the bytes are at their end. */
  takeRest(): Batch | undefined {
    const [start, end] = [this.#at, this.#bytes.length];
    this.clear();
    return start === end ? undefined : this.#batch([start], [end]);
  }

  /** Drops what is not complete. */
  clear(): void {
    this.#at = this.#searched = this.#bytes.length;
  }

  /** A line may end with CR LF. */
  #endOf(start: number, end: number): number {
    const isLine = this.#delimiter.length === 1 && this.#delimiter[0] === NEWLINE;
    return isLine && end > start && this.#bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  }

  #batch(starts: readonly number[], ends: readonly number[]): Batch {
    const rows = starts.length;
    if (this.#schema.fields.length === 0) return new Batch(this.#schema, rows, []);
    const first = starts[0];
    const all = this.#bytes.subarray(first, ends[rows - 1]);
    if (!isUtf8(all)) return this.#repaired(starts, ends);
    return this.#column(starts.map((start, i) => this.#bytes.subarray(start, ends[i])));
  }

  #repaired(starts: readonly number[], ends: readonly number[]): Batch {
    return this.#column(starts.map((start, i) => Buffer.from(this.#bytes.subarray(start, ends[i]).toString("utf8"))));
  }

  #column(texts: readonly Uint8Array[]): Batch {
    const workspace = this.#workspace;
    const rows = texts.length;
    const offsets = workspace.allocate((rows + 1) * 4);
    const data = workspace.allocate(texts.reduce((sum, { length }) => sum + length, 0));
    const { u8, i32 } = workspace;
    let byte = 0;
    for (let row = 0; row < rows; row++) {
      i32[(offsets.address >>> 2) + row] = byte;
      u8.set(texts[row], data.address + byte);
      byte += texts[row].length;
    }
    i32[(offsets.address >>> 2) + rows] = byte;
    return new Batch(this.#schema, rows, [columnOf(workspace, utf8, rows, { offsets, data })]);
  }

  #tooLong(): DataError {
    return new DataError(
      "RECORD_TOO_LONG",
      `More than ${this.#maxBytes} bytes came without a delimiter.`,
      "Check the delimiter, or raise maxRecordBytes.",
    );
  }
}
