// The encodings of Parquet (https://github.com/apache/parquet-format/blob/master/Encodings.md), value by value.

/** Bits of a byte sequence, least significant first; reading past the end gives undefined. */
class BitReader {
  readonly #bytes: Uint8Array;
  #bit: number;

  constructor(bytes: Uint8Array, byteOffset: number) {
    this.#bytes = bytes;
    this.#bit = byteOffset * 8;
  }

  take(width: number): bigint | undefined {
    let value = 0n;
    for (let i = 0; i < width; i++, this.#bit++) {
      const byte = this.#bytes[this.#bit >> 3];
      if (byte === undefined) return undefined;
      value |= BigInt((byte >> (this.#bit & 7)) & 1) << BigInt(i);
    }
    return value;
  }
}

function varint(bytes: Uint8Array, at: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: at + i + 1 };
  }
  return undefined;
}

/** RLE / bit-packed hybrid; undefined where it is malformed, ends early, or a value reaches `limit` (0: no limit). */
export function hybridReference(bytes: Uint8Array, width: number, limit: number, count: number): number[] | undefined {
  const values: number[] = [];
  if (width === 0) return new Array(count).fill(0);
  let at = 0;
  while (values.length < count) {
    const header = varint(bytes.subarray(0, at + 5), at);
    if (header === undefined) return undefined;
    at = header.end;
    const run = Number(BigInt.asUintN(32, header.value) >> 1n);
    if (run === 0) return undefined;
    const left = count - values.length;
    if ((header.value & 1n) === 0n) {
      const size = (width + 7) >> 3;
      if (at + size > bytes.length) return undefined;
      let value = 0;
      for (let i = 0; i < size; i++) value += bytes[at + i] * 2 ** (8 * i);
      at += size;
      if (limit !== 0 && value >= limit) return undefined;
      for (let i = 0; i < Math.min(run, left); i++) values.push(value);
    } else {
      const reader = new BitReader(bytes, at);
      for (let i = 0; i < Math.min(run * 8, left); i++) {
        const value = reader.take(width);
        if (value === undefined || (limit !== 0 && value >= BigInt(limit))) return undefined;
        values.push(Number(value));
      }
      at = Math.min(bytes.length, at + run * width);
    }
  }
  return values;
}

/** Encodes values as DELTA_BINARY_PACKED in blocks of 128 values and miniblocks of 32. */
export function deltaEncodeReference(values: readonly bigint[], bits: 32 | 64): Uint8Array {
  const out: number[] = [];
  const write = (value: bigint): void => {
    let left = BigInt.asUintN(64, value);
    for (; left >= 0x80n; left >>= 7n) out.push(Number(left & 0x7fn) | 0x80);
    out.push(Number(left));
  };
  const zigzag = (value: bigint): bigint => BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  write(128n);
  write(4n);
  write(BigInt(values.length));
  write(zigzag(values[0] ?? 0n));
  const deltas = values.slice(1).map((value, i) => BigInt.asIntN(bits, value - values[i]));
  for (let start = 0; start < deltas.length; start += 128) {
    const block = deltas.slice(start, start + 128);
    const [least] = [...block].sort((a, b) => (a < b ? -1 : 1));
    write(zigzag(least));
    const parts = [0, 1, 2, 3].map((k) =>
      block.slice(k * 32, k * 32 + 32).map((delta) => BigInt.asUintN(bits, delta - least)),
    );
    const widths = parts.map((part) =>
      Math.max(0, ...part.map((value) => value.toString(2).length * Number(value > 0n))),
    );
    out.push(...widths);
    for (const [k, part] of parts.entries()) {
      if (part.length === 0) continue;
      let packed = 0n;
      part.forEach((value, i) => {
        packed |= value << BigInt(i * widths[k]);
      });
      for (let i = 0; i < (widths[k] * 32) / 8; i++) out.push(Number((packed >> BigInt(8 * i)) & 0xffn));
    }
  }
  return Uint8Array.from(out);
}

/** Values without gaps, put where `present` is true; undefined elsewhere. */
export function spreadReference<T>(dense: readonly T[], present: readonly boolean[]): (T | undefined)[] {
  let next = 0;
  return present.map((isPresent) => (isPresent ? dense[next++] : undefined));
}
