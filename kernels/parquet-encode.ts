// Encoding of Parquet pages: levels, RLE / bit-packed hybrid, PLAIN values, dictionaries, Bloom filters.
import { hashBytes } from "./hash";

/**
 * Encodes u32 values of `width` (1..32) bits as RLE / bit-packed hybrid: groups of 8 equal values start a run, the
 * others are packed.
 *   values  u32[count]; up to 32 bytes past the end may be read
 *   out     room for 6 * count + 64 bytes
 * Returns the bytes written.
 */
export function parquetEncodeHybrid(values: usize, count: i32, width: i32, out: usize): i32 {
  let to = out;
  let packed = 0;
  let at = 0;
  while (at + 8 <= count) {
    const first = v128.load32_splat(values + (<usize>at << 2));
    const low = i32x4.eq(first, v128.load(values + (<usize>at << 2)));
    const high = i32x4.eq(first, v128.load(values + (<usize>at << 2), 16));
    if (!v128.any_true(v128.not(v128.and(low, high)))) {
      let end = at + 8;
      const value = load<u32>(values + (<usize>at << 2));
      while (end < count && load<u32>(values + (<usize>end << 2)) == value) end++;
      to = packGroups(values, packed, at, width, to);
      to = writeVarint(to, <u32>(end - at) << 1);
      store<u32>(to, value);
      to += (width + 7) >> 3;
      at = end;
      packed = end;
    } else at += 8;
  }
  return <i32>(packGroups(values, packed, count, width, to) - out);
}

@inline
function writeVarint(to: usize, value: u32): usize {
  while (value >= 0x80) {
    store<u8>(to++, <u8>(value | 0x80));
    value >>= 7;
  }
  store<u8>(to++, <u8>value);
  return to;
}

/** One bit-packed run of values [start, end), the last group filled up with zeros. */
function packGroups(values: usize, start: i32, end: i32, width: i32, to: usize): usize {
  if (start == end) return to;
  const groups = (end - start + 7) >> 3;
  to = writeVarint(to, (<u32>groups << 1) | 1);
  const packedEnd = to + <usize>groups * width;
  let bits: u64 = 0;
  let used: u32 = 0;
  for (let i = start; i < end; i++) {
    bits |= (<u64>load<u32>(values + (<usize>i << 2))) << used;
    used += width;
    if (used >= 32) {
      store<u32>(to, <u32>bits);
      bits >>= 32;
      used -= 32;
      to += 4;
    }
  }
  for (; to < packedEnd; to++) {
    store<u8>(to, <u8>bits);
    bits >>= 8;
  }
  return packedEnd;
}

/** Widens u8 levels to u32; `out` has room for u32[count + 16]. */
export function parquetWidenLevels(levels: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i += 8) {
    const words = v128.load8x8_u(levels + i);
    v128.store(out + (<usize>i << 2), i32x4.extend_low_i16x8_u(words));
    v128.store(out + (<usize>i << 2), i32x4.extend_high_i16x8_u(words), 16);
  }
}

// Shredding (Melnik et al., "Dremel", PVLDB 3(1), 2010). Entries have a repetition and a definition level and the slot
// of the node that they reached; an entry that ended at a null or an empty list has slot -1.

/** Moves entries through a nullable node: present ones gain a definition level, null ones end. */
export function parquetShredNullable(definitions: usize, slots: usize, count: i32, validity: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = load<i32>(slots + (i << 2));
    if (slot < 0) continue;
    if (validity == 0 || ((load<u8>(validity + (slot >> 3)) >> <u8>(slot & 7)) & 1) != 0) {
      store<u8>(definitions + i, load<u8>(definitions + i) + 1);
    } else store<i32>(slots + (i << 2), -1);
  }
}

/** How many entries parquetShredList will write: one per element, and one per entry that has none. */
export function parquetShredCount(slots: usize, count: i32, offsets: usize): f64 {
  let total: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = load<i32>(slots + (i << 2));
    const length = slot < 0 ? 0 : load<i32>(offsets + (<usize>slot << 2), 4) - load<i32>(offsets + (<usize>slot << 2));
    total += length > 1 ? length : 1;
  }
  return <f64>total;
}

/** Expands entries into the elements of their lists: the first keeps its repetition level, the others get `repetition`. */
export function parquetShredList(repetitions: usize, definitions: usize, slots: usize, count: i32, offsets: usize, repetition: i32, outRepetitions: usize, outDefinitions: usize, outSlots: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = load<i32>(slots + (i << 2));
    const definition = load<u8>(definitions + i);
    const start = slot < 0 ? 0 : load<i32>(offsets + (<usize>slot << 2));
    const end = slot < 0 ? 0 : load<i32>(offsets + (<usize>slot << 2), 4);
    store<u8>(outRepetitions, load<u8>(repetitions + i));
    if (start == end) {
      store<u8>(outDefinitions, definition);
      store<i32>(outSlots, -1);
      outRepetitions++;
      outDefinitions++;
      outSlots += 4;
      continue;
    }
    for (let element = start; element < end; element++) {
      if (element > start) store<u8>(outRepetitions, <u8>repetition);
      store<u8>(outDefinitions, definition + 1);
      store<i32>(outSlots, element);
      outRepetitions++;
      outDefinitions++;
      outSlots += 4;
    }
  }
}

/** Keeps the slots that are not -1, in order; returns how many. `out` may be `slots`. */
export function parquetLiveSlots(slots: usize, count: i32, out: usize): i32 {
  let written = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = load<i32>(slots + (i << 2));
    store<i32>(out + (<usize>written << 2), slot);
    written += <i32>(slot >= 0);
  }
  return written;
}

/** PLAIN byte arrays of rows [start, start + count): u32 length, bytes. Returns the bytes written; 64 more may be. */
export function parquetEncodeBytes(offsets: usize, data: usize, start: i32, count: i32, out: usize): i32 {
  let to = out;
  let at = offsets + (<usize>start << 2);
  for (let i = 0; i < count; i++, at += 4) {
    const from = load<i32>(at);
    const length = load<i32>(at, 4) - from;
    store<i32>(to, length);
    to += 4;
    v128.store(to, v128.load(data + from));
    if (length > 16) memory.copy(to + 16, data + from + 16, length - 16);
    to += length;
  }
  return <i32>(to - out);
}

/** int8, uint8, int16, uint16 to int32. */
@inline
function widen<T>(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<i32>(out + (i << 2), <i32>load<T>(source + i * sizeof<T>()));
}

export function parquetWidenI8(source: usize, count: i32, out: usize): void {
  widen<i8>(source, count, out);
}

export function parquetWidenU8(source: usize, count: i32, out: usize): void {
  widen<u8>(source, count, out);
}

export function parquetWidenI16(source: usize, count: i32, out: usize): void {
  widen<i16>(source, count, out);
}

export function parquetWidenU16(source: usize, count: i32, out: usize): void {
  widen<u16>(source, count, out);
}

/** The low 32 or 64 bits of 128-bit decimals; the caller knows by the precision that they fit. */
export function parquetDecimalTo32(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<i32>(out + (i << 2), load<i32>(source + (i << 4)));
}

export function parquetDecimalTo64(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<i64>(out + (i << 3), load<i64>(source + (i << 4)));
}

/** 128-bit decimals to 16 bytes big-endian. */
export function parquetDecimalToBytes(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<i64>(out + (i << 4), bswap<i64>(load<i64>(source + (i << 4), 8)));
    store<i64>(out + (i << 4), bswap<i64>(load<i64>(source + (i << 4))), 8);
  }
}

/** int32 or int64 times 1000, seconds to milliseconds; -1 where one overflows. */
export function parquetSecondsToMillis32(source: usize, count: i32, out: usize): i32 {
  for (let i: usize = 0; i < <usize>count; i++) {
    const value = <i64>load<i32>(source + (i << 2)) * 1000;
    if (value != <i64><i32>value) return -1;
    store<i32>(out + (i << 2), <i32>value);
  }
  return 0;
}

export function parquetSecondsToMillis64(source: usize, count: i32, out: usize): i32 {
  for (let i: usize = 0; i < <usize>count; i++) {
    const value = load<i64>(source + (i << 3));
    if (value > i64.MAX_VALUE / 1000 || value < i64.MIN_VALUE / 1000) return -1;
    store<i64>(out + (i << 3), value * 1000);
  }
  return 0;
}

/** Arrow intervals to Parquet's 12 bytes; -1 where one is negative or has parts of a millisecond. */
export function parquetEncodeIntervals(source: usize, count: i32, out: usize): i32 {
  for (let i = 0; i < count; i++) {
    const months = load<i32>(source);
    const days = load<i32>(source, 4);
    const nanos = load<i64>(source, 8);
    const millis = nanos / 1_000_000;
    if (months < 0 || days < 0 || nanos < 0 || millis * 1_000_000 != nanos || millis > <i64>u32.MAX_VALUE) return -1;
    store<i32>(out, months);
    store<i32>(out, days, 4);
    store<u32>(out, <u32>millis, 8);
    source += 16;
    out += 12;
  }
  return 0;
}

@inline
function mix(value: u64): u32 {
  // Fibonacci hashing of both halves; the table only needs the top bits to spread.
  return <u32>((value ^ (value >> 32)) * 0x9e3779b97f4a7c15 >> 32);
}

/**
 * Finds the distinct values among `count`.
 *   table    u32[2^tableBits], filled with 0xffffffff by this kernel; 2^tableBits >= 2 * limit
 *   rows     receives the row of each distinct value's first occurrence, in order; room for i32[limit + 1]
 *   indices  receives for each row the number of its distinct value; u32[count]
 * Returns the number of distinct values, or -1 as soon as there are more than `limit`, or more than 7/8 of the rows after
 * the first 16384 of them.
 */
@inline
function distinct<T>(values: usize, count: i32, table: usize, tableBits: i32, limit: i32, rows: usize, indices: usize): i32 {
  memory.fill(table, 0xff, <usize>4 << tableBits);
  const shift = 32 - tableBits;
  const mask = (<u32>1 << tableBits) - 1;
  let found = 0;
  for (let row = 0; row < count; row++) {
    const at = values + <usize>row * sizeof<T>();
    const value = load<T>(at);
    let slot = mix(<u64>value) >> shift;
    let index: i32 = -1;
    while (true) {
      index = load<i32>(table + (<usize>slot << 2));
      if (index < 0) {
        if (found == limit || (row >= 16384 && found > row - (row >> 3))) return -1;
        index = found++;
        store<i32>(table + (<usize>slot << 2), index);
        store<i32>(rows + (<usize>index << 2), row);
        break;
      }
      if (load<T>(values + <usize>load<i32>(rows + (<usize>index << 2)) * sizeof<T>()) == value) break;
      slot = (slot + 1) & mask;
    }
    store<i32>(indices + (<usize>row << 2), index);
  }
  return found;
}

/** `distinct` over 4-byte values. */
export function parquetDistinct32(values: usize, count: i32, table: usize, tableBits: i32, limit: i32, rows: usize, indices: usize): i32 {
  return distinct<u32>(values, count, table, tableBits, limit, rows, indices);
}

/** `distinct` over 8-byte values. */
export function parquetDistinct64(values: usize, count: i32, table: usize, tableBits: i32, limit: i32, rows: usize, indices: usize): i32 {
  return distinct<u64>(values, count, table, tableBits, limit, rows, indices);
}

/** `distinct` over byte arrays. */
export function parquetDistinctBytes(offsets: usize, data: usize, count: i32, table: usize, tableBits: i32, limit: i32, rows: usize, indices: usize): i32 {
  memory.fill(table, 0xff, <usize>4 << tableBits);
  const shift = 32 - tableBits;
  const mask = (<u32>1 << tableBits) - 1;
  let found = 0;
  for (let row = 0; row < count; row++) {
    const start = load<i32>(offsets + (<usize>row << 2));
    const length = load<i32>(offsets + (<usize>row << 2), 4) - start;
    let slot = mix(hashBytes(data + start, length)) >> shift;
    let index: i32 = -1;
    while (true) {
      index = load<i32>(table + (<usize>slot << 2));
      if (index < 0) {
        if (found == limit || (row >= 16384 && found > row - (row >> 3))) return -1;
        index = found++;
        store<i32>(table + (<usize>slot << 2), index);
        store<i32>(rows + (<usize>index << 2), row);
        break;
      }
      const known = offsets + (<usize>load<i32>(rows + (<usize>index << 2)) << 2);
      const knownStart = load<i32>(known);
      if (load<i32>(known, 4) - knownStart == length && memory.compare(data + knownStart, data + start, length) == 0) break;
      slot = (slot + 1) & mask;
    }
    store<i32>(indices + (<usize>row << 2), index);
  }
  return found;
}

/**
 * Renumbers dictionary indices by first use, so that unused entries drop out.
 *   seen     i32[dictionaryLength], overwritten
 *   entries  receives the used entries in their new order; room for i32[dictionaryLength]
 *   out      u32[count]; may be `indices`
 * Returns the number of used entries.
 */
export function parquetUsedEntries(indices: usize, count: i32, dictionaryLength: i32, seen: usize, entries: usize, out: usize): i32 {
  memory.fill(seen, 0xff, <usize>dictionaryLength << 2);
  let used = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const entry = <usize>load<i32>(indices + (i << 2));
    let number = load<i32>(seen + (entry << 2));
    if (number < 0) {
      number = used++;
      store<i32>(seen + (entry << 2), number);
      store<i32>(entries + (<usize>number << 2), <i32>entry);
    }
    store<i32>(out + (i << 2), number);
  }
  return used;
}

/** Sets the bits of a hash in a split-block Bloom filter of `blocks` blocks of 32 bytes. */
@inline
function bloomInsert(hash: u64, bits: usize, blocks: u32): void {
  const block = bits + (<usize>(((hash >> 32) * blocks) >> 32) << 5);
  const key = <u32>hash;
  bloomWord(block, key * 0x47b6137b);
  bloomWord(block + 4, key * 0x44974d91);
  bloomWord(block + 8, key * 0x8824ad5b);
  bloomWord(block + 12, key * 0xa2b7289d);
  bloomWord(block + 16, key * 0x705495c7);
  bloomWord(block + 20, key * 0x2df1424b);
  bloomWord(block + 24, key * 0x9efc4947);
  bloomWord(block + 28, key * 0x5c6bfb31);
}

@inline
function bloomWord(word: usize, product: u32): void {
  store<u32>(word, load<u32>(word) | (<u32>1 << (product >> 27)));
}

/** Adds values of `width` bytes to a Bloom filter. */
export function parquetBloomFixed(values: usize, width: i32, count: i32, bits: usize, blocks: i32): void {
  for (let i = 0; i < count; i++) bloomInsert(hashBytes(values + <usize>i * width, width), bits, <u32>blocks);
}

/** Adds byte arrays to a Bloom filter. */
export function parquetBloomBytes(offsets: usize, data: usize, count: i32, bits: usize, blocks: i32): void {
  for (let i = 0; i < count; i++) {
    const start = load<i32>(offsets + (<usize>i << 2));
    const length = load<i32>(offsets + (<usize>i << 2), 4) - start;
    bloomInsert(hashBytes(data + start, length), bits, <u32>blocks);
  }
}

/** `count` times the same u32; up to 12 bytes more are written. */
export function parquetFill32(out: usize, value: u32, count: i32): void {
  const all = i32x4.splat(<i32>value);
  for (let i = 0; i < count; i += 4) v128.store(out + (<usize>i << 2), all);
}
