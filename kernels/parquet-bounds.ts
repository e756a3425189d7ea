// Least and greatest values for Parquet's statistics. Each kernel writes both to `out` and returns whether there are any.

/** NaN is left out; zeros are written as -0 (least) and 0 (greatest), as the format asks. */
@inline
function boundsOf<T>(values: usize, count: i32, out: usize): bool {
  if (count == 0) return false;
  let least: T = isFloat<T>() ? <T>Infinity : load<T>(values);
  let greatest: T = isFloat<T>() ? <T>-Infinity : least;
  let found = !isFloat<T>();
  for (let i: usize = 0; i < <usize>count; i++) {
    const value = load<T>(values + i * sizeof<T>());
    if (isFloat<T>()) {
      if (value != value) continue;
      found = true;
    }
    least = value < least ? value : least;
    greatest = value > greatest ? value : greatest;
  }
  if (isFloat<T>()) {
    if (least == <T>0) least = <T>-0.0;
    if (greatest == <T>0) greatest = <T>0.0;
  }
  store<T>(out, least);
  store<T>(out + sizeof<T>(), greatest);
  return found;
}

export function parquetBoundsI32(values: usize, count: i32, out: usize): bool {
  return boundsOf<i32>(values, count, out);
}

export function parquetBoundsU32(values: usize, count: i32, out: usize): bool {
  return boundsOf<u32>(values, count, out);
}

export function parquetBoundsI64(values: usize, count: i32, out: usize): bool {
  return boundsOf<i64>(values, count, out);
}

export function parquetBoundsU64(values: usize, count: i32, out: usize): bool {
  return boundsOf<u64>(values, count, out);
}

export function parquetBoundsF32(values: usize, count: i32, out: usize): bool {
  return boundsOf<f32>(values, count, out);
}

export function parquetBoundsF64(values: usize, count: i32, out: usize): bool {
  return boundsOf<f64>(values, count, out);
}

/** Big-endian two's complement of 16 bytes, as decimals are stored. */
export function parquetBoundsDecimal(values: usize, count: i32, out: usize): bool {
  if (count == 0) return false;
  let least = values;
  let greatest = values;
  for (let i = 1; i < count; i++) {
    const at = values + (<usize>i << 4);
    if (decimalBelow(at, least)) least = at;
    if (decimalBelow(greatest, at)) greatest = at;
  }
  v128.store(out, v128.load(least));
  v128.store(out, v128.load(greatest), 16);
  return true;
}

@inline
function decimalBelow(a: usize, b: usize): bool {
  const highA = bswap<i64>(load<i64>(a));
  const highB = bswap<i64>(load<i64>(b));
  return highA < highB || (highA == highB && bswap<u64>(load<u64>(a, 8)) < bswap<u64>(load<u64>(b, 8)));
}

/** Bits [start, start + count) of a bitmap: false is below true; `out` receives two bytes. */
export function parquetBoundsBits(bits: usize, start: i32, count: i32, out: usize): bool {
  let set = 0;
  for (let i = start; i < start + count; i++) set += <i32>((load<u8>(bits + (i >> 3)) >> <u8>(i & 7)) & 1);
  store<u8>(out, <u8>(set == count));
  store<u8>(out, <u8>(set > 0), 1);
  return count > 0;
}

@inline
function bytesBelow(data: usize, offsets: usize, a: i32, b: i32): bool {
  const startA = load<i32>(offsets + (<usize>a << 2));
  const startB = load<i32>(offsets + (<usize>b << 2));
  const lengthA = load<i32>(offsets + (<usize>a << 2), 4) - startA;
  const lengthB = load<i32>(offsets + (<usize>b << 2), 4) - startB;
  const shorter = min(lengthA, lengthB);
  let at = 0;
  for (; at + 8 <= shorter; at += 8) {
    const wordA = load<u64>(data + startA + at);
    const wordB = load<u64>(data + startB + at);
    if (wordA != wordB) return bswap<u64>(wordA) < bswap<u64>(wordB);
  }
  for (; at < shorter; at++) {
    const byteA = load<u8>(data + startA + at);
    const byteB = load<u8>(data + startB + at);
    if (byteA != byteB) return byteA < byteB;
  }
  return lengthA < lengthB;
}

/** Byte arrays of rows [start, start + count), compared as unsigned bytes; `out` receives two rows, i32. */
export function parquetBoundsBytes(offsets: usize, data: usize, start: i32, count: i32, out: usize): bool {
  if (count == 0) return false;
  let least = start;
  let greatest = start;
  for (let row = start + 1; row < start + count; row++) {
    if (bytesBelow(data, offsets, row, least)) least = row;
    else if (bytesBelow(data, offsets, greatest, row)) greatest = row;
  }
  store<i32>(out, least);
  store<i32>(out, greatest, 4);
  return true;
}

/**
 * Byte arrays that `indices` refer to: every entry is compared once per call.
 *   stamps  i32[entries]; entries whose stamp is `stamp` count as compared
 * `out` receives two entries, i32.
 */
export function parquetBoundsEntries(offsets: usize, data: usize, indices: usize, count: i32, stamps: usize, stamp: i32, out: usize): bool {
  if (count == 0) return false;
  let least = load<i32>(indices);
  let greatest = least;
  for (let i: usize = 0; i < <usize>count; i++) {
    const entry = load<i32>(indices + (i << 2));
    if (load<i32>(stamps + (<usize>entry << 2)) == stamp) continue;
    store<i32>(stamps + (<usize>entry << 2), stamp);
    if (bytesBelow(data, offsets, entry, least)) least = entry;
    if (bytesBelow(data, offsets, greatest, entry)) greatest = entry;
  }
  store<i32>(out, least);
  store<i32>(out, greatest, 4);
  return true;
}
