// DELTA_BINARY_PACKED and the two byte-array encodings built on it,
// https://github.com/apache/parquet-format/blob/master/Encodings.md#delta-encoding-delta_binary_packed--5.

/** Reads a varint of up to 64 bits at `at`; leaves the value and the next address in `result` (u64, then usize). 0 where it ends early. */
@inline
function varintEnd(at: usize, end: usize): usize {
  for (let i: usize = 0; i < 10; i++) {
    if (at + i >= end) return 0;
    if (load<u8>(at + i) < 0x80) return at + i + 1;
  }
  return 0;
}

/** The varint in [at, next). */
@inline
function varintValue(at: usize, next: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (at < next) {
    value |= (<u64>load<u8>(at++) & 0x7f) << shift;
    shift += 7;
  }
  return value;
}

@inline
function zigzag(value: u64): i64 {
  return <i64>(value >> 1) ^ -(<i64>(value & 1));
}

/** `width` (1..64) bits from bit `bit` of `at`. */
@inline
function bitsAt(at: usize, bit: u64, width: u64): u64 {
  const address = at + <usize>(bit >> 3);
  const shift = bit & 7;
  let value = load<u64>(address) >> shift;
  if (shift + width > 64) value |= (<u64>load<u8>(address, 8)) << (64 - shift);
  return width == 64 ? value : value & ((<u64>1 << width) - 1);
}

/**
 * Decodes DELTA_BINARY_PACKED. Deltas wrap around in the width of T, as the specification asks.
 * Returns the bytes consumed, or -1 where the source is malformed, ends early or holds fewer than `count` values.
 */
@inline
function delta<T>(source: usize, sourceLength: i32, out: usize, count: i32): i32 {
  const end = source + sourceLength;
  let next = varintEnd(source, end);
  if (next == 0) return -1;
  const blockValues = varintValue(source, next);
  let at = next;
  next = varintEnd(at, end);
  if (next == 0) return -1;
  const miniblocks = varintValue(at, next);
  at = next;
  next = varintEnd(at, end);
  if (next == 0) return -1;
  const total = varintValue(at, next);
  at = next;
  next = varintEnd(at, end);
  if (next == 0) return -1;
  let value = <u64>zigzag(varintValue(at, next));
  at = next;
  if (total != <u64>count) return -1;
  if (count == 0) return <i32>(at - source);
  if (miniblocks == 0 || miniblocks > 65536 || blockValues > 1 << 24 || blockValues % miniblocks != 0) return -1;
  const miniblockValues = <u32>(blockValues / miniblocks);
  if (miniblockValues == 0 || (miniblockValues & 7) != 0) return -1;
  store<T>(out, <T>value);
  out += sizeof<T>();
  let left = <u32>count - 1;
  while (left > 0) {
    next = varintEnd(at, end);
    if (next == 0) return -1;
    const least = <u64>zigzag(varintValue(at, next));
    at = next;
    if (<u64>(end - at) < miniblocks) return -1;
    const widths = at;
    at += <usize>miniblocks;
    for (let miniblock: usize = 0; miniblock < <usize>miniblocks && left > 0; miniblock++) {
      const width = <u64>load<u8>(widths + miniblock);
      if (width > 64) return -1;
      const taken = min(miniblockValues, left);
      if (width == 0) {
        for (let i: u32 = 0; i < taken; i++) {
          value += least;
          store<T>(out, <T>value);
          out += sizeof<T>();
        }
      } else {
        if ((<u64>taken * width + 7) >> 3 > <u64>(end - at)) return -1;
        let bit: u64 = 0;
        if (width <= 56) {
          const mask = (<u64>1 << width) - 1;
          for (let i: u32 = 0; i < taken; i++) {
            value += least + ((load<u64>(at + <usize>(bit >> 3)) >> (bit & 7)) & mask);
            bit += width;
            store<T>(out, <T>value);
            out += sizeof<T>();
          }
        } else {
          for (let i: u32 = 0; i < taken; i++) {
            value += least + bitsAt(at, bit, width);
            bit += width;
            store<T>(out, <T>value);
            out += sizeof<T>();
          }
        }
        const bytes = (<u64>miniblockValues * width) >> 3;
        at = bytes > <u64>(end - at) ? end : at + <usize>bytes;
      }
      left -= taken;
    }
  }
  return <i32>(at - source);
}

/** Decodes exactly `count` int32 values; see `delta`. Up to 64 bytes past the source may be read. */
export function parquetDelta32(source: usize, sourceLength: i32, out: usize, count: i32): i32 {
  return delta<i32>(source, sourceLength, out, count);
}

/** Decodes exactly `count` int64 values; see `delta`. Up to 64 bytes past the source may be read. */
export function parquetDelta64(source: usize, sourceLength: i32, out: usize, count: i32): i32 {
  return delta<i64>(source, sourceLength, out, count);
}

/**
 * Lengths to offsets: offsets[0] = base, offsets[i + 1] = offsets[i] + lengths[i]; `offsets` may be `lengths`.
 * Returns the last offset, or -1 where a length is negative or 2^31 - 1 is passed.
 */
export function parquetOffsetsOfLengths(lengths: usize, count: i32, base: i32, offsets: usize): i32 {
  let offset = <i64>base;
  for (let i = 0; i < count; i++) {
    const length = load<i32>(lengths + (<usize>i << 2));
    store<i32>(offsets + (<usize>i << 2), <i32>offset);
    offset += <i64>length;
    if (length < 0 || offset > <i64>i32.MAX_VALUE) return -1;
  }
  store<i32>(offsets + (<usize>count << 2), <i32>offset);
  return <i32>offset;
}

/**
 * DELTA_BYTE_ARRAY, first step: checks prefix and suffix lengths and writes offsets from `base` on.
 * Returns the last offset, or -1 where a length is negative, a prefix is longer than the value before it, the suffixes
 * need more than suffixBytes, or 2^31 - 1 is passed.
 */
export function parquetPrefixedOffsets(prefixes: usize, suffixes: usize, count: i32, suffixBytes: i32, base: i32, offsets: usize): i32 {
  let offset = <i64>base;
  let previous: i64 = 0;
  let suffixTotal: i64 = 0;
  for (let i = 0; i < count; i++) {
    const prefix = <i64>load<i32>(prefixes + (<usize>i << 2));
    const suffix = <i64>load<i32>(suffixes + (<usize>i << 2));
    store<i32>(offsets + (<usize>i << 2), <i32>offset);
    if (prefix < 0 || suffix < 0 || prefix > previous) return -1;
    previous = prefix + suffix;
    suffixTotal += suffix;
    offset += previous;
    if (suffixTotal > <i64>suffixBytes || offset > <i64>i32.MAX_VALUE) return -1;
  }
  store<i32>(offsets + (<usize>count << 2), <i32>offset);
  return <i32>offset;
}

/** DELTA_BYTE_ARRAY, second step: writes the values where parquetPrefixedOffsets placed them. */
export function parquetPrefixedBytes(prefixes: usize, suffixes: usize, count: i32, bytes: usize, offsets: usize, data: usize): void {
  let previous = data;
  for (let i = 0; i < count; i++) {
    const to = data + load<i32>(offsets + (<usize>i << 2));
    const prefix = <usize>load<i32>(prefixes + (<usize>i << 2));
    const suffix = <usize>load<i32>(suffixes + (<usize>i << 2));
    memory.copy(to, previous, prefix);
    memory.copy(to + prefix, bytes, suffix);
    bytes += suffix;
    previous = to;
  }
}
