import { ByteSink } from "./bytes.ts";

/*
 * A page, little-endian:
 *   header   u32 checksum of what follows, u32 bytes with padding, u32 page number, u32 records
 *   records  u32 hash, u32 stamp, u32 bytes of the key, u32 bytes of the cells, key, cells
 *   padding  zeros, to a multiple of 4
 */
export const PAGE_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 16;

const NO_BYTES = Buffer.alloc(0);

/** A record of a page, or one that is about to become one; valid until the next is asked for. */
export class RecordView {
  bytes: Buffer = NO_BYTES;
  hash = 0;
  /** The epoch in which it changed last. */
  stamp = 0;
  keyAt = 0;
  cellsAt = 0;
  end = 0;
}

/** Whether two records, or a record and a key, are of one key. `other` has its key from `from` to `to`. */
export function isKeyOf(record: RecordView, hash: number, other: Buffer, from: number, to: number): boolean {
  if (record.hash !== hash || record.cellsAt - record.keyAt !== to - from) return false;
  return record.bytes.compare(other, from, to, record.keyAt, record.cellsAt) === 0;
}

/** Walks through the records of a page. */
export class PageReader {
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, 0);
  #at = 0;
  #left = 0;

  /** A page, which was checked, in the first bytes. */
  bind(bytes: Buffer): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#left = this.#view.getUint32(12, true);
    this.#at = PAGE_HEADER_BYTES;
  }

  /** How many records the page has, wherever the reader is. */
  get count(): number {
    return this.#view.getUint32(12, true);
  }

  /** Where they end; -1 where one of them has no cells. */
  end(): number {
    const view = this.#view;
    let at = PAGE_HEADER_BYTES;
    for (let left = this.count; left > 0; left--) {
      const cellBytes = view.getUint32(at + 12, true);
      if (cellBytes === 0) return -1;
      at += RECORD_HEADER_BYTES + view.getUint32(at + 8, true) + cellBytes;
    }
    return at;
  }

  /** False at the end. */
  next(record: RecordView): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const view = this.#view;
    const at = this.#at;
    record.bytes = this.#bytes;
    record.hash = view.getInt32(at, true);
    record.stamp = view.getUint32(at + 4, true);
    record.keyAt = at + RECORD_HEADER_BYTES;
    record.cellsAt = record.keyAt + view.getUint32(at + 8, true);
    record.end = record.cellsAt + view.getUint32(at + 12, true);
    this.#at = record.end;
    return true;
  }
}

/** Puts a page together. */
export class PageBuilder {
  readonly #sink = new ByteSink();
  #words: Int32Array = new Int32Array(0);
  count = 0;
  /** The greatest of its records. */
  stamp = 0;

  begin(): void {
    this.#sink.at = PAGE_HEADER_BYTES;
    this.count = 0;
    this.stamp = 0;
  }

  add({ bytes, hash, stamp, keyAt, cellsAt, end }: RecordView): void {
    const sink = this.#sink;
    sink.reserve(RECORD_HEADER_BYTES + end - keyAt);
    sink.int32(hash);
    sink.uint32(stamp);
    sink.uint32(cellsAt - keyAt);
    sink.uint32(end - cellsAt);
    bytes.copy(sink.bytes, sink.at, keyAt, end);
    sink.at += end - keyAt;
    this.count++;
    if (stamp > this.stamp) this.stamp = stamp;
  }

  /** Records as they lie on a page, as text of a character per byte. */
  addAll(text: string, count: number, stamp: number): void {
    const sink = this.#sink;
    sink.reserve(text.length);
    sink.at += sink.bytes.write(text, sink.at, "latin1");
    this.count += count;
    if (count > 0 && stamp > this.stamp) this.stamp = stamp;
  }

  /** The page, until the next one is begun. */
  finish(page: number): Buffer {
    const sink = this.#sink;
    while (sink.at % 4 !== 0) sink.uint8(0);
    sink.setUint32(4, sink.at);
    sink.setUint32(8, page);
    sink.setUint32(12, this.count);
    if (this.#words.buffer !== sink.bytes.buffer) this.#words = wordsOf(sink.bytes);
    sink.setUint32(0, checksum(this.#words, 1, sink.at / 4));
    return sink.bytes.subarray(0, sink.at);
  }
}

/** The words of a buffer that has its memory for itself. */
export const wordsOf = ({ buffer, byteLength }: Buffer): Int32Array => new Int32Array(buffer, 0, byteLength >>> 2);

/**
 * Of words, in the order of the machine: a page never leaves it. Four sums, each of which changes with every bit of its
 * words, as one would wait for itself: it takes a tenth of the time of reading the page.
 */
export function checksum(words: Int32Array, from: number, to: number): number {
  let a = to - from;
  let b = 0x165667b1;
  let c = 0x27d4eb2f;
  let d = 0x61c88647;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    a = Math.imul(a ^ words[i], 0x9e3779b1);
    b = Math.imul(b ^ words[i + 1], 0x85ebca77);
    c = Math.imul(c ^ words[i + 2], 0xc2b2ae3d);
    d = Math.imul(d ^ words[i + 3], 0x27d4eb2f);
  }
  for (; i < to; i++) a = Math.imul(a ^ words[i], 0x9e3779b1);
  return finalMix(finalMix(finalMix(finalMix(a) ^ b) ^ c) ^ d) >>> 0;
}

/** Of bytes, as a signed 32-bit integer. FNV-1a, mixed at the end, as its low bits choose the page. */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return finalMix(hash);
}

function finalMix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
