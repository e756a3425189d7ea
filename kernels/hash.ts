/**
 * The engine's one stable hash: u64 per row. Key groups and savepoints rest on it, so it never changes.
 *   integers, dates, times, timestamps, bools: value sign-extended to 64 bits (unsigned types zero-extended), then
 *     SplitMix64's output for that seed (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
 *     OOPSLA 2014; finalizer = Stafford's variant 13): hash(0) = 0xe220a8397b1dcdaf
 *   floats: promoted to float64, -0 as 0, every NaN as 0x7ff8000000000000, then the bits as an integer
 *   16-byte values (decimal, interval): low and high word hashed as integers and combined in that order
 *   utf8, binary: XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)
 *   null: HASH_NULL
 *   composite: combine(combine(h0, h1), h2), combine(a, b) = rotl(a, 27) * PRIME_1 + b mod 2^64; both inputs are
 *     already well mixed, so that one multiplication suffices for order to matter.
 * Every kernel below writes out[row] = hash, or with `combine` set out[row] = combine(out[row], hash).
 * `validity` is an Arrow bitmap from bit 0 or 0 where no row is null.
 */
export const HASH_NULL: u64 = 0x9fb21c651e98df25;

const GOLDEN: u64 = 0x9e3779b97f4a7c15;
const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

@inline
export function hashWord(value: u64): u64 {
  let h = value + GOLDEN;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

@inline
export function hashCombine(a: u64, b: u64): u64 {
  return rotl<u64>(a, 27) * PRIME_1 + b;
}

/** The bits that stand for a float value: one for both zeros, one for all NaN. */
@inline
export function hashFloatBits(value: f64): u64 {
  if (value != value) return 0x7ff8000000000000;
  return reinterpret<u64>(value + 0.0); // -0 + 0 = 0
}

@inline
function round(accumulator: u64, lane: u64): u64 {
  return rotl<u64>(accumulator + lane * PRIME_2, 31) * PRIME_1;
}

@inline
function mergeRound(h: u64, lane: u64): u64 {
  return (h ^ round(0, lane)) * PRIME_1 + PRIME_4;
}

/** XXH64 of `length` bytes with seed 0. */
export function hashBytes(bytes: usize, length: i32): u64 {
  let at = bytes;
  let left = length;
  let h: u64 = PRIME_5;
  if (left >= 32) {
    let v1: u64 = PRIME_1 + PRIME_2;
    let v2: u64 = PRIME_2;
    let v3: u64 = 0;
    let v4: u64 = 0 - PRIME_1;
    do {
      v1 = round(v1, load<u64>(at));
      v2 = round(v2, load<u64>(at, 8));
      v3 = round(v3, load<u64>(at, 16));
      v4 = round(v4, load<u64>(at, 24));
      at += 32;
      left -= 32;
    } while (left >= 32);
    h = rotl<u64>(v1, 1) + rotl<u64>(v2, 7) + rotl<u64>(v3, 12) + rotl<u64>(v4, 18);
    h = mergeRound(h, v1);
    h = mergeRound(h, v2);
    h = mergeRound(h, v3);
    h = mergeRound(h, v4);
  }
  h += <u64>length;
  while (left >= 8) {
    h = rotl<u64>(h ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
    at += 8;
    left -= 8;
  }
  if (left >= 4) {
    h = rotl<u64>(h ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
    left -= 4;
  }
  while (left > 0) {
    h = rotl<u64>(h ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
    at += 1;
    left -= 1;
  }
  h = (h ^ (h >> 33)) * PRIME_2;
  h = (h ^ (h >> 29)) * PRIME_3;
  return h ^ (h >> 32);
}

@inline
function put(out: usize, row: usize, hash: u64, combine: bool): void {
  const slot = out + (row << 3);
  store<u64>(slot, combine ? hashCombine(load<u64>(slot), hash) : hash);
}

@inline
function isNull(validity: usize, row: usize): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function hashAt<T>(values: usize, row: usize): u64 {
  const value = load<T>(values + row * sizeof<T>());
  if (isFloat<T>()) return hashWord(hashFloatBits(<f64>value));
  if (isSigned<T>()) return hashWord(<u64>(<i64>value));
  return hashWord(<u64>value);
}

@inline
function hashFixed<T>(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  if (validity == 0) {
    for (let row: usize = 0; row < <usize>length; row++) put(out, row, hashAt<T>(values, row), combine);
  } else {
    for (let row: usize = 0; row < <usize>length; row++) {
      put(out, row, select<u64>(HASH_NULL, hashAt<T>(values, row), isNull(validity, row)), combine);
    }
  }
}

export function hashI8(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<i8>(values, validity, length, out, combine);
}
export function hashI16(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<i16>(values, validity, length, out, combine);
}
export function hashI32(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<i32>(values, validity, length, out, combine);
}
export function hashU8(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<u8>(values, validity, length, out, combine);
}
export function hashU16(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<u16>(values, validity, length, out, combine);
}
export function hashU32(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<u32>(values, validity, length, out, combine);
}
/** int64 and uint64 alike: the same 64 bits hash the same. */
export function hashI64(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<i64>(values, validity, length, out, combine);
}
export function hashF32(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<f32>(values, validity, length, out, combine);
}
export function hashF64(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  hashFixed<f64>(values, validity, length, out, combine);
}

/** Bits of an Arrow bool column, as the integers 0 and 1. */
export function hashBool(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  const hash0 = hashWord(0);
  const hash1 = hashWord(1);
  for (let row: usize = 0; row < <usize>length; row++) {
    let hash = isNull(values, row) ? hash0 : hash1;
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    put(out, row, hash, combine);
  }
}

/** 16-byte values: decimal and interval. */
export function hash16(values: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = values + (row << 4);
    let hash = hashCombine(hashWord(load<u64>(at)), hashWord(load<u64>(at, 8)));
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    put(out, row, hash, combine);
  }
}

/** utf8 and binary: offsets i32[length + 1] into `data`. */
export function hashVariable(
  data: usize,
  offsets: usize,
  validity: usize,
  length: i32,
  out: usize,
  combine: bool,
): void {
  let start = load<i32>(offsets);
  for (let row: usize = 0; row < <usize>length; row++) {
    const end = load<i32>(offsets + (row << 2), 4);
    let hash: u64;
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    else hash = hashBytes(data + <usize>start, end - start);
    put(out, row, hash, combine);
    start = end;
  }
}

/** Dictionary columns: `entryHashes` u64 per dictionary entry, indices i32[length]. */
export function hashDictionary(
  indices: usize,
  entryHashes: usize,
  validity: usize,
  length: i32,
  out: usize,
  combine: bool,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    let hash = load<u64>(entryHashes + ((<usize>load<u32>(indices + (row << 2))) << 3));
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    put(out, row, hash, combine);
  }
}

/**
 * Lists and maps: folds the elements' hashes in order, starting from the hash of the element count.
 * elementHashes[0] belongs to element offsets[0].
 */
export function hashList(
  offsets: usize,
  elementHashes: usize,
  validity: usize,
  length: i32,
  out: usize,
  combine: bool,
): void {
  const first = load<i32>(offsets);
  let at = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const end = load<i32>(offsets + (row << 2), 4) - first;
    let hash: u64 = hashWord(<u64>(end - at));
    for (; at < end; at++) hash = hashCombine(hash, load<u64>(elementHashes + ((<usize>at) << 3)));
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    put(out, row, hash, combine);
  }
}

/** Hashes that were made elsewhere (of a struct's fields), with the column's own nulls. */
export function hashMask(hashes: usize, validity: usize, length: i32, out: usize, combine: bool): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    let hash = load<u64>(hashes + (row << 3));
    if (validity != 0 && isNull(validity, row)) hash = HASH_NULL;
    put(out, row, hash, combine);
  }
}

/** The null of every row: columns of type null. */
export function hashNulls(length: i32, out: usize, combine: bool): void {
  for (let row: usize = 0; row < <usize>length; row++) put(out, row, HASH_NULL, combine);
}
