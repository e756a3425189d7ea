/**
 * From key columns to group numbers: direct-mapped tables, dictionary codes, packed composite keys.
 * Group numbers and `state` are those of hash-table.ts.
 */
const STATE_GROUPS: usize = 0;
const STATE_NULL: usize = 4;

@inline
function isNull(validity: usize, row: usize): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

/**
 * Looks keys up in u32[range] at `direct`, whose entry for value v is entry v - low: group + 1, or 0 while it has none.
 * keys  u64 per group: the value, sign-extended
 * Stops at the first row outside [low, low + range) or beyond group `limit`, and returns that row, or `length`.
 */
@inline
function assignDirect<T>(
  values: usize,
  validity: usize,
  from: i32,
  length: i32,
  low: i64,
  range: u32,
  direct: usize,
  keys: usize,
  limit: u32,
  state: usize,
  groups: usize,
): i32 {
  let count = load<u32>(state, STATE_GROUPS);
  let row: usize = <usize>from;
  for (; row < <usize>length; row++) {
    let entry: usize;
    if (validity != 0 && isNull(validity, row)) entry = state + STATE_NULL;
    else {
      const offset = <u64>(<i64>load<T>(values + row * sizeof<T>()) - low);
      if (offset >= <u64>range) break;
      entry = direct + (<usize>offset << 2);
    }
    let group = load<u32>(entry);
    if (group == 0) {
      if (count == limit) break;
      const isNullKey = entry == state + STATE_NULL;
      store<u64>(keys + (<usize>count << 3), isNullKey ? 0 : <u64>(<i64>load<T>(values + row * sizeof<T>())));
      count++;
      group = count;
      store<u32>(entry, group);
    }
    store<u32>(groups + (row << 2), group - 1);
  }
  store<u32>(state, count, STATE_GROUPS);
  return <i32>row;
}

export function groupDirectI8(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<i8>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectU8(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<u8>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectI16(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<i16>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectU16(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<u16>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectI32(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<i32>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectU32(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<u32>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}
export function groupDirectI64(values: usize, validity: usize, from: i32, length: i32, low: i64, range: u32, direct: usize, keys: usize, limit: u32, state: usize, groups: usize): i32 {
  return assignDirect<i64>(values, validity, from, length, low, range, direct, keys, limit, state, groups);
}

/** Least and greatest of the words at rows [0, length) that are not null, as i64[2] at `out`; false where all are null. */
export function groupRange(words: usize, validity: usize, length: i32, out: usize): bool {
  let low = i64.MAX_VALUE;
  let high = i64.MIN_VALUE;
  let any = false;
  for (let row: usize = 0; row < <usize>length; row++) {
    if (validity != 0 && isNull(validity, row)) continue;
    const value = load<i64>(words + (row << 3));
    low = min(low, value);
    high = max(high, value);
    any = true;
  }
  store<i64>(out, low);
  store<i64>(out, high, 8);
  return any;
}

/** Fills a zeroed direct table from keys [0, count); the group of null (`skip`) has no entry. */
export function groupDirectFill(keys: usize, count: u32, skip: u32, low: i64, direct: usize): void {
  for (let group: u32 = 0; group < count; group++) {
    if (group == skip) continue;
    const offset = <usize>(load<i64>(keys + (<usize>group << 3)) - low);
    store<u32>(direct + (offset << 2), group + 1);
  }
}

@inline
function widen<T>(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const value = load<T>(values + row * sizeof<T>());
    store<u64>(words + (row << 3), isSigned<T>() ? <u64>(<i64>value) : <u64>value);
  }
}

/** Values as 8-byte keys: sign- or zero-extended. */
export function groupWidenI8(values: usize, length: i32, words: usize): void {
  widen<i8>(values, length, words);
}
export function groupWidenU8(values: usize, length: i32, words: usize): void {
  widen<u8>(values, length, words);
}
export function groupWidenI16(values: usize, length: i32, words: usize): void {
  widen<i16>(values, length, words);
}
export function groupWidenU16(values: usize, length: i32, words: usize): void {
  widen<u16>(values, length, words);
}
export function groupWidenI32(values: usize, length: i32, words: usize): void {
  widen<i32>(values, length, words);
}
export function groupWidenU32(values: usize, length: i32, words: usize): void {
  widen<u32>(values, length, words);
}
/** Floats by their bits, with one zero and one NaN. */
export function groupWidenF32(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const value = load<f32>(values + (row << 2)) + 0;
    store<u64>(words + (row << 3), value == value ? <u64>reinterpret<u32>(value) : 0x7fc00000);
  }
}
export function groupWidenF64(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const value = load<f64>(values + (row << 3)) + 0;
    store<u64>(words + (row << 3), value == value ? reinterpret<u64>(value) : 0x7ff8000000000000);
  }
}

/** The low bytes of 8-byte keys, as values of 1, 2 or 4 bytes. */
export function groupNarrow8(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) store<u8>(values + row, load<u8>(words + (row << 3)));
}
export function groupNarrow16(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) store<u16>(values + (row << 1), load<u16>(words + (row << 3)));
}
export function groupNarrow32(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) store<u32>(values + (row << 2), load<u32>(words + (row << 3)));
}

/** Bits as bytes 0 and 1, and back. */
export function groupUnpackBits(bits: usize, length: i32, bytes: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u8>(bytes + row, (load<u8>(bits + (row >> 3)) >> <u8>(row & 7)) & 1);
  }
}
export function groupPackBits(bytes: usize, length: i32, bits: usize): void {
  memory.fill(bits, 0, (<usize>length + 7) >> 3);
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = bits + (row >> 3);
    store<u8>(at, load<u8>(at) | ((load<u8>(bytes + row) & 1) << <u8>(row & 7)));
  }
}

/**
 * Maps dictionary indices to groups by `cache` u32[entries + 1] (group + 1; 0 = not asked yet; entry `entries` = null).
 * An entry met for the first time is marked and listed in u32 `fresh`, in the order of first occurrence.
 * Returns how many are listed; with 0, groups[row] holds the groups of all rows.
 */
export function groupDictionary(
  indices: usize,
  validity: usize,
  length: i32,
  cache: usize,
  entries: u32,
  fresh: usize,
  groups: usize,
): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    let entry = load<u32>(indices + (row << 2));
    if (validity != 0 && isNull(validity, row)) entry = entries;
    const slot = cache + (<usize>entry << 2);
    const group = load<u32>(slot);
    if (group == 0) {
      store<u32>(slot, 0xffffffff);
      store<u32>(fresh + (count << 2), entry);
      count++;
    }
    store<u32>(groups + (row << 2), group - 1);
  }
  return <i32>count;
}

/** cache[fresh[i]] = groups[i] + 1. */
export function groupDictionaryLearn(fresh: usize, groups: usize, count: i32, cache: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u32>(cache + (<usize>load<u32>(fresh + (i << 2)) << 2), load<u32>(groups + (i << 2)) + 1);
  }
}

/**
 * Puts codes u32[length] at bit `shift` of keys that are `stride` bytes apart: `replace` overwrites the word, else the
 * bits are ORed in.
 */
export function groupPack(codes: usize, length: i32, shift: u32, keys: usize, stride: u32, replace: bool): void {
  let key = keys;
  for (let row: usize = 0; row < <usize>length; row++, key += <usize>stride) {
    const bits = <u64>load<u32>(codes + (row << 2)) << <u64>shift;
    store<u64>(key, replace ? bits : load<u64>(key) | bits);
  }
}

/** The codes of `bits` bits at bit `shift` of such keys. */
export function groupUnpack(keys: usize, length: i32, stride: u32, shift: u32, bits: u32, codes: usize): void {
  const mask: u64 = (<u64>1 << <u64>bits) - 1;
  let key = keys;
  for (let row: usize = 0; row < <usize>length; row++, key += <usize>stride) {
    store<u32>(codes + (row << 2), <u32>((load<u64>(key) >> <u64>shift) & mask));
  }
}

/**
 * Codes as dictionary indices: code `nullCode` becomes a null (bit 0, index 0). Writes ceil(length / 8) bytes of
 * validity.
 */
export function groupIndices(codes: usize, length: i32, nullCode: u32, indices: usize, validity: usize): void {
  memory.fill(validity, 0, (<usize>length + 7) >> 3);
  for (let row: usize = 0; row < <usize>length; row++) {
    const code = load<u32>(codes + (row << 2));
    const present = code != nullCode;
    store<u32>(indices + (row << 2), present ? code : 0);
    const at = validity + (row >> 3);
    store<u8>(at, load<u8>(at) | (<u8>present << <u8>(row & 7)));
  }
}

/** Rows where groups from `firstGroup` on occur first; groups are numbered in that order. Returns how many there are. */
export function groupFirstRows(groups: usize, length: i32, firstGroup: u32, rows: usize): i32 {
  let next = firstGroup;
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    if (load<u32>(groups + (row << 2)) != next) continue;
    store<u32>(rows + (count << 2), <u32>row);
    count++;
    next++;
  }
  return <i32>count;
}

/** 0, 1, 2, ... from `start`. */
export function groupSequence(start: u32, length: i32, out: usize): void {
  for (let row: u32 = 0; row < <u32>length; row++) store<u32>(out + (<usize>row << 2), start + row);
}
