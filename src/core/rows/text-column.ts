import type { Column } from "../column.ts";
import { bitmapBytes, columnOf } from "../columns/allocate.ts";
import { EvaluationError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { utf8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { encodeText } from "./text.ts";

const MAXIMUM_BYTES = 0x7fffffff;
/** Text of an average row, as a first guess of the room it takes. */
const GUESSED_BYTES = 16;

/** A utf8 column that is being filled, row by row. */
export class TextColumn {
  readonly #workspace: Workspace;
  #offsetBlock: Block | undefined;
  #data: Block | undefined;
  #validity: Block | undefined;
  #capacity = 0;
  #offsets: Int32Array = new Int32Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  #nulls: Uint8Array | undefined;
  #used = 0;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Room for `capacity` rows, of which the first `used` are kept; texts find room as they come. */
  reserve(capacity: number, used: number): void {
    const { kernels, memory } = this.#workspace;
    const offsets = this.#workspace.allocate((capacity + 1) * 4);
    if (this.#offsetBlock !== undefined) {
      kernels.copyBytes(offsets.address, this.#offsetBlock.address, (used + 1) * 4);
      this.#offsetBlock.release();
    }
    this.#offsetBlock = offsets;
    this.#offsets = new Int32Array(memory.buffer, offsets.address, capacity + 1);
    this.#offsets[0] = 0;
    this.#capacity = capacity;
    if (this.#data === undefined) this.#reserveBytes(capacity * GUESSED_BYTES);
    if (this.#nulls !== undefined) this.#addNulls();
  }

  append(text: string, row: number): void {
    // Three bytes per UTF-16 unit is the most that UTF-8 takes.
    if (this.#used + text.length * 3 > this.#bytes.length) this.#reserveBytes(this.#used + text.length * 3);
    this.#used += encodeText(text, this.#bytes, this.#used);
    this.#offsets[row + 1] = this.#used;
  }

  appendNull(row: number): void {
    const nulls = this.#nulls ?? this.#addNulls();
    nulls[row >>> 3] &= ~(1 << (row & 7));
    this.#offsets[row + 1] = this.#used;
  }

  take(length: number): Column {
    const [offsets, data, validity] = [this.#offsetBlock, this.#data, this.#validity];
    this.#offsetBlock = undefined;
    this.#data = undefined;
    this.#validity = undefined;
    this.#nulls = undefined;
    this.#bytes = new Uint8Array(0);
    this.#used = 0;
    return columnOf(this.#workspace, utf8, length, {
      ...(offsets === undefined ? {} : { offsets }),
      ...(data === undefined ? {} : { data }),
      ...(validity === undefined ? {} : { validity }),
    });
  }

  close(): void {
    for (const block of [this.#offsetBlock, this.#data, this.#validity]) block?.release();
    this.#offsetBlock = undefined;
    this.#data = undefined;
    this.#validity = undefined;
  }

  #addNulls(): Uint8Array {
    const byteLength = bitmapBytes(this.#capacity);
    const validity = this.#workspace.allocate(byteLength);
    const nulls = this.#workspace.bytes(validity.address, byteLength);
    nulls.fill(0xff);
    if (this.#nulls !== undefined) nulls.set(this.#nulls);
    this.#validity?.release();
    this.#validity = validity;
    this.#nulls = nulls;
    return nulls;
  }

  #reserveBytes(needed: number): void {
    if (needed > MAXIMUM_BYTES) {
      throw new EvaluationError(
        "COLUMN_TOO_LONG",
        "A utf8 column would pass 2 GiB in one batch.",
        "Use a smaller batchRows.",
      );
    }
    const byteLength = Math.min(MAXIMUM_BYTES, Math.max(needed, this.#bytes.length * 2));
    // Readers of short values may read 16 bytes past the end.
    const data = this.#workspace.allocate(byteLength + 16);
    if (this.#data !== undefined) {
      this.#workspace.kernels.copyBytes(data.address, this.#data.address, this.#used);
      this.#data.release();
    }
    this.#data = data;
    this.#bytes = this.#workspace.bytes(data.address, byteLength);
  }
}
