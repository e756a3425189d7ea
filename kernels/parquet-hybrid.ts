// The RLE / bit-packed hybrid of Parquet, https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE:
// runs of one header varint each (parquet-run.ts); even: (header >> 1) repeats of one value, odd: (header >> 1) groups of 8
// packed values.
import { isPacked, MALFORMED, runEnd, runHeader, runLength, runValue, valueBytes } from "./parquet-run";
import { unpack } from "./parquet-unpack";

/**
 * Decodes `count` unsigned values of `width` bits (0..32) to u32.
 *   source  sourceLength bytes; up to 64 bytes past its end may be read
 *   limit   every value must be below it (a dictionary's size, a level's maximum plus one); 0 allows all
 *   out     room for u32[count + 8], since bit-packed groups are stored whole
 * Returns the bytes consumed, or -1 where a run is malformed, the source ends early or a value reaches the limit.
 */
export function parquetHybridU32(source: usize, sourceLength: i32, width: i32, limit: u32, out: usize, count: i32): i32 {
  return decodeHybrid<u32>(source, sourceLength, width, limit, out, count, false, 0, 0);
}

/**
 * Decodes `count` dictionary indices of `width` bits (0..32) and writes the entries that they stand for.
 *   source      sourceLength bytes; up to 64 bytes past its end may be read
 *   dictionary  `limit` (1 or more) entries of 4 or 8 bytes
 *   scratch     u32[1024 + 8], contents irrelevant
 *   out         room for `count` entries and 64 bytes; overlaps nothing
 * Returns the bytes consumed, or -1 as parquetHybridU32 does.
 */
export function parquetLookup32(source: usize, sourceLength: i32, width: i32, limit: u32, dictionary: usize, scratch: usize, out: usize, count: i32): i32 {
  return decodeHybrid<u32>(source, sourceLength, width, limit, out, count, true, dictionary, scratch);
}

export function parquetLookup64(source: usize, sourceLength: i32, width: i32, limit: u32, dictionary: usize, scratch: usize, out: usize, count: i32): i32 {
  return decodeHybrid<u64>(source, sourceLength, width, limit, out, count, true, dictionary, scratch);
}

/** Indices that a lookup unpacks at once: they stay in the first-level cache. */
const TILE: u32 = 1024;

@inline
function decodeHybrid<T>(source: usize, sourceLength: i32, width: i32, limit: u32, out: usize, count: i32, isLookup: bool, dictionary: usize, scratch: usize): i32 {
  if (<u32>width > 32) return -1;
  if (width == 0) {
    fillValues<T>(out, isLookup ? load<T>(dictionary) : <T>0, <u32>count);
    return 0;
  }
  let at = source;
  const end = source + sourceLength;
  const valueSize = valueBytes(width);
  const greatest: u32 = limit - 1;
  let left = count;
  while (left > 0) {
    const parsed = runHeader(at, end);
    if (parsed == MALFORMED) return -1;
    const header = <u32>parsed;
    const body = at + <usize>(parsed >> 32);
    const taken = <u32>min<u64>(runLength(header), <u64>left);
    if (isPacked(header)) {
      // Writers may leave the unused end of the last group out: only the bytes of wanted values must be there.
      if (((<u64>taken * width + 7) >> 3) > <u64>(end - body)) return -1;
      if (isLookup) {
        let from = body;
        for (let done: u32 = 0; done < taken; done += TILE) {
          const some = min<u32>(TILE, taken - done);
          if (unpack(from, width, scratch, some, greatest)) return -1;
          lookUp<T>(dictionary, scratch, some, out + <usize>done * sizeof<T>());
          from += (TILE >> 3) * width;
        }
      } else if (unpack(body, width, out, taken, greatest)) return -1;
    } else {
      if (valueSize > end - body) return -1;
      const value = runValue(body, valueSize);
      if (value > greatest) return -1;
      fillValues<T>(out, isLookup ? load<T>(dictionary + <usize>value * sizeof<T>()) : <T>value, taken);
    }
    at = runEnd(header, body, width, end);
    out += <usize>taken * sizeof<T>();
    left -= <i32>taken;
  }
  return <i32>(at - source);
}

/** Writes `count` copies of a value of 4 or 8 bytes, and up to 12 bytes more. */
@inline
function fillValues<T>(out: usize, value: T, count: u32): void {
  const all = sizeof<T>() == 4 ? i32x4.splat(<i32>value) : i64x2.splat(<i64>value);
  const end = out + <usize>count * sizeof<T>();
  for (; out < end; out += 16) v128.store(out, all);
}

@inline
function lookUp<T>(dictionary: usize, indices: usize, count: u32, out: usize): void {
  const end = indices + (<usize>count << 2);
  // Up to three indices past the last are stale, so they are not looked up.
  for (; indices + 16 <= end; indices += 16) {
    const two = load<u64>(indices);
    const more = load<u64>(indices, 8);
    store<T>(out, load<T>(dictionary + <usize>(two & 0xffffffff) * sizeof<T>()));
    store<T>(out + sizeof<T>(), load<T>(dictionary + <usize>(two >> 32) * sizeof<T>()));
    store<T>(out + 2 * sizeof<T>(), load<T>(dictionary + <usize>(more & 0xffffffff) * sizeof<T>()));
    store<T>(out + 3 * sizeof<T>(), load<T>(dictionary + <usize>(more >> 32) * sizeof<T>()));
    out += 4 * sizeof<T>();
  }
  for (; indices < end; indices += 4) {
    store<T>(out, load<T>(dictionary + <usize>load<u32>(indices) * sizeof<T>()));
    out += sizeof<T>();
  }
}

/**
 * Decodes `count` levels (0..greatest, greatest <= 255) to u8.
 *   scratch  room for u32[count + 8]
 *   out      room for u8[count + 16]
 * Returns the bytes consumed, or -1 as parquetHybridU32 does.
 */
export function parquetLevels(source: usize, sourceLength: i32, greatest: i32, scratch: usize, out: usize, count: i32): i32 {
  const width = 32 - <i32>clz<i32>(greatest);
  const consumed = parquetHybridU32(source, sourceLength, width, <u32>greatest + 1, scratch, count);
  if (consumed < 0) return -1;
  for (let i = 0; i < count; i += 8) {
    const from = scratch + (<usize>i << 2);
    const words = i16x8.narrow_i32x4_u(v128.load(from), v128.load(from, 16));
    v128.store64_lane(out + i, i8x16.narrow_i16x8_u(words, words), 0);
  }
  return consumed;
}

/**
 * Decodes `count` one-bit values (definition levels of a flat nullable column, RLE booleans) into a bitmap.
 *   out, outBit  receives the bits from bit outBit on; bits before it are kept, bits after the last are unspecified up
 *                to the next multiple of 8, plus 8 bytes of room
 * Returns the bytes consumed, or -1 where a run is malformed or the source ends early.
 */
export function parquetHybridBits(source: usize, sourceLength: i32, out: usize, outBit: i32, count: i32): i32 {
  let at = source;
  const end = source + sourceLength;
  let left = count;
  let bit = <u32>outBit;
  while (left > 0) {
    const parsed = runHeader(at, end);
    if (parsed == MALFORMED) return -1;
    const header = <u32>parsed;
    const body = at + <usize>(parsed >> 32);
    const taken = <u32>min<u64>(runLength(header), <u64>left);
    if (isPacked(header)) {
      if (((taken + 7) >> 3) > <u32>(end - body)) return -1;
      copyBits(body, taken, out, bit);
    } else {
      if (body >= end) return -1;
      const value = load<u8>(body);
      if (value > 1) return -1;
      fillBits(out, bit, taken, value != 0);
    }
    at = runEnd(header, body, 1, end);
    bit += taken;
    left -= <i32>taken;
  }
  return <i32>(at - source);
}

/** Copies `count` packed bits from bit 0 of `source` to bit `outBit`; parquetHybridBits' contract for `out`. */
export function parquetPlainBits(source: usize, out: usize, outBit: i32, count: i32): void {
  copyBits(source, <u32>count, out, <u32>outBit);
}

@inline
function copyBits(source: usize, count: u32, out: usize, outBit: u32): void {
  const shift = outBit & 7;
  let to = out + (outBit >> 3);
  if (shift == 0) {
    memory.copy(to, source, (count + 7) >> 3);
    return;
  }
  // The bits already written to the first byte travel along as `carry`.
  let carry = <u64>load<u8>(to) & ((1 << shift) - 1);
  let at = source;
  let left = <i32>count;
  while (left > 0) {
    const word = load<u32>(at);
    carry |= (<u64>word) << shift;
    store<u32>(to, <u32>carry);
    carry >>= 32;
    at += 4;
    to += 4;
    left -= 32;
  }
  store<u8>(to, <u8>carry);
}

@inline
function fillBits(out: usize, bit: u32, bits: u32, value: bool): void {
  let count: u32 = bits;
  const first: u32 = bit & 7;
  let to = out + (bit >> 3);
  if (first != 0) {
    const kept = load<u8>(to) & <u8>(<u32>(1 << first) - 1);
    store<u8>(to, value ? kept | <u8>(<u32>0xff << first) : kept);
    to += 1;
    const inFirst: u32 = 8 - first;
    if (count <= inFirst) return;
    count -= inFirst;
  }
  memory.fill(to, value ? 0xff : 0, (count + 7) >> 3);
}

/** Counts the set bits among `count` bits from bit `firstBit` of `bitmap`. */
export function parquetCountBits(bitmap: usize, firstBit: i32, count: i32): i32 {
  let bit = <u32>firstBit;
  const end = bit + <u32>count;
  let set: i32 = 0;
  while (bit < end && (bit & 63) != 0) {
    set += <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
    bit++;
  }
  for (; bit + 64 <= end; bit += 64) set += <i32>popcnt<u64>(load<u64>(bitmap + (bit >> 3)));
  for (; bit < end; bit++) set += <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
  return set;
}
