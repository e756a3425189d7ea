import { decodeText, encodeText } from "../../core/rows/text.ts";

const FIRST_BYTES = 1 << 12;
/** A text of so many UTF-16 units is written where it surely fits, without asking how many bytes it has. */
const SHORT_UNITS = 1 << 10;

/** Values written one behind the other into bytes that grow. Little-endian, at any offset. */
export class ByteSink {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #view = viewOf(this.bytes);
  /** Where the next value goes; what lies behind means nothing. */
  at = 0;

  /** Room for so many bytes more. */
  reserve(byteLength: number): void {
    const needed = this.at + byteLength;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
    this.#view = viewOf(grown);
  }

  uint8(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** At a place that was written before. */
  setUint32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.at, value, true);
    this.at += 4;
  }

  int64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.at, value, true);
    this.at += 8;
  }

  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A whole number from 0 to 2^32, in as few bytes as it takes. */
  count(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest > 127) {
      this.bytes[this.at++] = (rest & 127) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Length and UTF-8; a lone surrogate becomes U+FFFD. */
  text(text: string): void {
    const most = text.length <= SHORT_UNITS ? text.length * 3 : Buffer.byteLength(text);
    this.reserve(4 + most);
    const start = this.at + 4;
    const written =
      text.length <= 32 ? encodeText(text, this.bytes, start) : this.bytes.write(text, start, most, "utf8");
    this.#view.setUint32(this.at, written, true);
    this.at = start + written;
  }
}

/** Reads what a ByteSink wrote, from bytes that may be replaced by others at any time. */
export class ByteSource {
  bytes: Buffer = Buffer.alloc(0);
  #view = viewOf(this.bytes);
  at = 0;

  /** From now on these bytes, read from `at`. */
  bind(bytes: Buffer, at: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = viewOf(bytes);
    }
    this.at = at;
  }

  uint8(): number {
    return this.bytes[this.at++];
  }

  uint32(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  int32(): number {
    const value = this.#view.getInt32(this.at, true);
    this.at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.#view.getBigInt64(this.at, true);
    this.at += 8;
    return value;
  }

  uint64(): bigint {
    const value = this.#view.getBigUint64(this.at, true);
    this.at += 8;
    return value;
  }

  float64(): number {
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** A copy. */
  raw(byteLength: number): Uint8Array {
    const copy = Uint8Array.from(this.bytes.subarray(this.at, this.at + byteLength));
    this.at += byteLength;
    return copy;
  }

  text(): string {
    const length = this.uint32();
    const start = this.at;
    this.at += length;
    if (length <= 16) return decodeText(this.bytes, start, length);
    return this.bytes.toString("utf8", start, this.at);
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView => new DataView(buffer, byteOffset, byteLength);
