// Values of Parquet pages to Arrow values: byte arrays, fixed-length byte arrays, INT96, decimals, byte streams.

/**
 * PLAIN byte arrays (u32 length, bytes, ...) to offsets and data.
 *   source   sourceLength bytes; up to 64 bytes past its end may be read
 *   base     bytes already in `data`; becomes offsets[0]
 *   offsets  room for i32[count + 1]
 *   data     room for base + sourceLength + 64 bytes
 * Returns the bytes in `data` afterwards, or -1 where the source ends early or 2^31 - 1 bytes are passed.
 */
export function parquetPlainBytes(source: usize, sourceLength: i32, count: i32, offsets: usize, data: usize, base: i32): i32 {
  let at = source;
  const end = source + sourceLength;
  if (<u64>(<u32>base) + <u64>sourceLength > <u64>i32.MAX_VALUE) return -1;
  let to = data + base;
  for (let i = 0; i < count; i++) {
    store<i32>(offsets, <i32>(to - data));
    offsets += 4;
    if (end - at < 4) return -1;
    const length = <usize>load<u32>(at);
    at += 4;
    if (length > end - at) return -1;
    v128.store(to, v128.load(at));
    if (length > 16) {
      v128.store(to, v128.load(at, 16), 16);
      if (length > 32) {
        if (length <= 64) {
          v128.store(to, v128.load(at, 32), 32);
          v128.store(to, v128.load(at, 48), 48);
        } else memory.copy(to + 32, at + 32, length - 32);
      }
    }
    at += length;
    to += length;
  }
  store<i32>(offsets, <i32>(to - data));
  return <i32>(to - data);
}

/** Offsets base, base + width, ... of `count` values of one width; the caller checked that the last fits int32. */
export function parquetFixedOffsets(offsets: usize, base: i32, width: i32, count: i32): void {
  for (let i = 0; i <= count; i++) store<i32>(offsets + (<usize>i << 2), base + i * width);
}

/** INT96 (nanoseconds of the day, then the Julian day) to int64 nanoseconds since the epoch; -1 where one is outside. */
export function parquetInt96(source: usize, count: i32, out: usize): i32 {
  // The days that int64 nanoseconds cover with any time of day: 1677-09-22 to 2262-04-10.
  const dayLimit: i64 = 106_750;
  for (let i = 0; i < count; i++) {
    const day = <i64>load<i32>(source, 8) - 2_440_588;
    if (day > dayLimit || day < -dayLimit) return -1;
    const nanos = load<i64>(source);
    if (nanos < 0 || nanos > 86_400_000_000_000) return -1;
    store<i64>(out, day * 86_400_000_000_000 + nanos);
    source += 12;
    out += 8;
  }
  return 0;
}

/** int32 to its low 8 or 16 bits; `out` may be `source`. */
export function parquetNarrow8(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<u8>(out + i, load<u8>(source + (i << 2)));
}

export function parquetNarrow16(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<u16>(out + (i << 1), load<u16>(source + (i << 2)));
}

/** Sign-extends int32 to 64 bits; `out` does not overlap. */
export function parquetWiden32(source: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<i64>(out + (i << 3), <i64>load<i32>(source + (i << 2)));
}

/** Big-endian two's complement of 0..16 bytes to 128 bits little-endian. */
@inline
function decimalFromBytes(source: usize, length: usize, out: usize): void {
  const negative = length > 0 && load<i8>(source) < 0;
  v128.store(out, i8x16.splat(negative ? -1 : 0));
  for (let i: usize = 0; i < length; i++) store<u8>(out + (length - 1 - i), load<u8>(source + i));
}

/** Fixed-length big-endian decimals of `width` (1..16) bytes to 128 bits. */
export function parquetDecimalFixed(source: usize, width: i32, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    decimalFromBytes(source, width, out);
    source += width;
    out += 16;
  }
}

/** Variable-length big-endian decimals to 128 bits; -1 where one has more than 16 bytes. */
export function parquetDecimalBytes(offsets: usize, data: usize, count: i32, out: usize): i32 {
  for (let i = 0; i < count; i++) {
    const start = load<i32>(offsets + (<usize>i << 2));
    const length = load<i32>(offsets + (<usize>i << 2), 4) - start;
    if (length > 16) return -1;
    decimalFromBytes(data + start, length, out);
    out += 16;
  }
  return 0;
}

/** INTERVAL (u32 months, u32 days, u32 milliseconds) to Arrow's months, days and nanoseconds. */
export function parquetIntervals(source: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    store<i64>(out, load<i64>(source));
    store<i64>(out, <i64>load<u32>(source, 8) * 1_000_000, 8);
    source += 12;
    out += 16;
  }
}

/** IEEE half precision to float32, all values exactly. */
export function parquetFloat16(source: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    const half = <u32>load<u16>(source + (<usize>i << 1));
    const sign = (half & 0x8000) << 16;
    const magnitude = half & 0x7fff;
    // Scaling by 2^112 rebases the exponent and turns subnormal halves into normal floats.
    const finite = reinterpret<u32>(reinterpret<f32>(magnitude << 13) * reinterpret<f32>(0x77800000));
    const bits = magnitude >= 0x7c00 ? 0x7f800000 | (magnitude << 13) : finite;
    store<u32>(out + (<usize>i << 2), sign | bits);
  }
}

/** BYTE_STREAM_SPLIT: byte k of value i lies at source[k * count + i]; `out` does not overlap. */
export function parquetByteStreams(source: usize, width: i32, count: i32, out: usize): void {
  if (width == 4) {
    const n = <usize>count;
    let i: usize = 0;
    for (; i + 16 <= n; i += 16) {
      const a = v128.load(source + i);
      const b = v128.load(source + n + i);
      const c = v128.load(source + 2 * n + i);
      const d = v128.load(source + 3 * n + i);
      const abLow = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const abHigh = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const cdLow = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const cdHigh = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const to = out + (i << 2);
      v128.store(to, i16x8.shuffle(abLow, cdLow, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(to, i16x8.shuffle(abLow, cdLow, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      v128.store(to, i16x8.shuffle(abHigh, cdHigh, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(to, i16x8.shuffle(abHigh, cdHigh, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    }
    for (; i < n; i++) {
      for (let k: usize = 0; k < 4; k++) store<u8>(out + (i << 2) + k, load<u8>(source + k * n + i));
    }
    return;
  }
  for (let k = 0; k < width; k++) {
    let from = source + <usize>k * count;
    let to = out + k;
    for (let i = 0; i < count; i++) {
      store<u8>(to, load<u8>(from++));
      to += width;
    }
  }
}
