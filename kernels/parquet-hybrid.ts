// The RLE / bit-packed hybrid of Parquet, https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE:
// runs of one header varint each; even: (header >> 1) repeats of one value, odd: (header >> 1) groups of 8 packed values.

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
  const valueBytes = (width + 7) >> 3;
  const greatest: u32 = limit - 1;
  let left = count;
  while (left > 0) {
    let header: u32 = 0;
    let shift: u32 = 0;
    while (true) {
      if (at >= end || shift > 28) return -1;
      const byte = <u32>load<u8>(at++);
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    if ((header & 1) == 0) {
      const run = header >> 1;
      if (run == 0 || <usize>valueBytes > <usize>(end - at)) return -1;
      let value = load<u32>(at);
      if (valueBytes < 4) value &= (<u32>1 << (<u32>valueBytes << 3)) - 1;
      at += valueBytes;
      if (value > greatest) return -1;
      const taken = min<u32>(run, <u32>left);
      fillValues<T>(out, isLookup ? load<T>(dictionary + <usize>value * sizeof<T>()) : <T>value, taken);
      out += <usize>taken * sizeof<T>();
      left -= <i32>taken;
    } else {
      const groups = header >> 1;
      if (groups == 0) return -1;
      const wantedGroups = <u32>((left + 7) >> 3);
      const takenGroups = min(groups, wantedGroups);
      const taken = min<u32>(takenGroups << 3, <u32>left);
      // Writers may leave the unused end of the last group out: only the bytes of wanted values must be there.
      const neededBytes = (<u64>taken * width + 7) >> 3;
      if (neededBytes > <u64>(end - at)) return -1;
      if (isLookup) {
        let from = at;
        for (let done: u32 = 0; done < taken; done += TILE) {
          const some = min<u32>(TILE, taken - done);
          if (unpack(from, width, scratch, some, greatest)) return -1;
          lookUp<T>(dictionary, scratch, some, out + <usize>done * sizeof<T>());
          from += (TILE >> 3) * width;
        }
      } else if (unpack(at, width, out, taken, greatest)) return -1;
      at = <u64>groups * width > <u64>(end - at) ? end : at + <usize>groups * width;
      out += <usize>taken * sizeof<T>();
      left -= <i32>taken;
    }
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

/** Unpacks `count` values to u32, whole groups of 8; true where one of them passes `greatest`. */
function unpack(at: usize, width: i32, out: usize, count: u32, greatest: u32): bool {
  if (width > 25) return unpackWide(at, width, out, <i32>count, greatest);
  const groups = count >> 3;
  const over = width <= 9 ? unpackShort(at, <u32>width, out, groups) : unpackNarrow(at, <u32>width, out, groups);
  if (over > greatest) return true;
  const rest = <i32>(count & 7);
  return rest > 0 && unpackWide(at + groups * width, width, out + (<usize>groups << 5), rest, greatest);
}

/** Unpacks groups of 8 values of up to 9 bits, eight lanes at a time; returns the greatest value. */
function unpackShort(at: usize, w: u32, out: usize, groups: u32): u32 {
  // Lane k takes the two bytes where its value starts; multiplying by 2^(7 - bit) brings every value to bit 7.
  const lanes = i16x8(
    twoBytes(0),
    twoBytes(w >> 3),
    twoBytes((2 * w) >> 3),
    twoBytes((3 * w) >> 3),
    twoBytes((4 * w) >> 3),
    twoBytes((5 * w) >> 3),
    twoBytes((6 * w) >> 3),
    twoBytes((7 * w) >> 3),
  );
  const scale = i16x8(
    scaleOf(0),
    scaleOf(w),
    scaleOf(2 * w),
    scaleOf(3 * w),
    scaleOf(4 * w),
    scaleOf(5 * w),
    scaleOf(6 * w),
    scaleOf(7 * w),
  );
  const mask = i16x8.splat(<i16>((<u32>1 << w) - 1));
  let greatestSeen = i16x8.splat(0);
  for (let group: u32 = 0; group < groups; group++) {
    const all = v128.and(i16x8.shr_u(i16x8.mul(i8x16.swizzle(v128.load(at), lanes), scale), 7), mask);
    v128.store(out, i32x4.extend_low_i16x8_u(all));
    v128.store(out, i32x4.extend_high_i16x8_u(all), 16);
    greatestSeen = i16x8.max_u(greatestSeen, all);
    at += w;
    out += 32;
  }
  return greatestLane(i32x4.max_u(i32x4.extend_low_i16x8_u(greatestSeen), i32x4.extend_high_i16x8_u(greatestSeen)));
}

@inline
function twoBytes(first: u32): i16 {
  return <i16>(first * 0x0101 + 0x0100);
}

@inline
function scaleOf(bit: u32): i16 {
  const scale: u32 = 128;
  return <i16>(scale >> (bit & 7));
}

@inline
function greatestLane(lanes: v128): u32 {
  const pair = i32x4.max_u(lanes, i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max(<u32>i32x4.extract_lane(pair, 0), <u32>i32x4.extract_lane(pair, 1));
}

/** Unpacks groups of 8 values of up to 25 bits; returns the greatest value. */
function unpackNarrow(at: usize, w: u32, out: usize, groups: u32): u32 {
  // Lane k takes the four bytes where its value starts; multiplying by 2^(7 - bit) brings every value to bit 7.
  const low = byteLanes(0, w >> 3, (2 * w) >> 3, (3 * w) >> 3);
  const lowScale = i32x4(
    128,
    1 << (7 - (w & 7)),
    1 << (7 - ((2 * w) & 7)),
    1 << (7 - ((3 * w) & 7)),
  );
  const start = (4 * w) >> 3;
  const bit = (4 * w) & 7;
  const high = byteLanes(0, (bit + w) >> 3, (bit + 2 * w) >> 3, (bit + 3 * w) >> 3);
  const highScale = i32x4(
    1 << (7 - bit),
    1 << (7 - ((bit + w) & 7)),
    1 << (7 - ((bit + 2 * w) & 7)),
    1 << (7 - ((bit + 3 * w) & 7)),
  );
  const mask = i32x4.splat((1 << w) - 1);
  let greatestSeen = i32x4.splat(0);
  for (let group: u32 = 0; group < groups; group++) {
    const a = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(at), low), lowScale), 7), mask);
    const b = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(at + start), high), highScale), 7), mask);
    v128.store(out, a);
    v128.store(out, b, 16);
    greatestSeen = i32x4.max_u(greatestSeen, i32x4.max_u(a, b));
    at += w;
    out += 32;
  }
  return greatestLane(greatestSeen);
}

/** A swizzle that brings the bytes a..a+3, b..b+3, c..c+3 and d..d+3 into the four lanes. */
@inline
function byteLanes(a: u32, b: u32, c: u32, d: u32): v128 {
  return i32x4(fourBytes(a), fourBytes(b), fourBytes(c), fourBytes(d));
}

@inline
function fourBytes(first: u32): i32 {
  return <i32>(first * 0x01010101 + 0x03020100);
}

/** Unpacks `taken` values of 1..32 bits one by one. */
function unpackWide(at: usize, width: i32, out: usize, taken: i32, greatest: u32): bool {
  const mask = <u32>(((<u64>1) << width) - 1);
  let over = false;
  let bit: u64 = 0;
  for (let i = 0; i < taken; i++) {
    const value = <u32>(load<u64>(at + <usize>(bit >> 3)) >> (bit & 7)) & mask;
    over = over || value > greatest;
    store<u32>(out + (<usize>i << 2), value);
    bit += width;
  }
  return over;
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
    let header: u32 = 0;
    let shift: u32 = 0;
    while (true) {
      if (at >= end || shift > 28) return -1;
      const byte = <u32>load<u8>(at++);
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    if ((header & 1) == 0) {
      const run = header >> 1;
      if (run == 0 || at >= end) return -1;
      const value = load<u8>(at++);
      if (value > 1) return -1;
      const taken = min<u32>(run, <u32>left);
      fillBits(out, bit, taken, value != 0);
      bit += taken;
      left -= <i32>taken;
    } else {
      const groups = header >> 1;
      if (groups == 0) return -1;
      const taken = <u32>min<u64>(<u64>groups << 3, <u64>left);
      const neededBytes = (taken + 7) >> 3;
      if (neededBytes > <u32>(end - at)) return -1;
      copyBits(at, taken, out, bit);
      at = groups > <u32>(end - at) ? end : at + groups;
      bit += taken;
      left -= <i32>taken;
    }
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
