import { groupAt, isNull, putBit } from "./aggregate-records";

/**
 * Least and greatest values by group, and rows chosen by them or by position.
 *   groups    u32[length]
 *   validity  bitmap from bit 0, or 0 where no row is null
 *   state     one record of fixed size per group; all zero = no value yet
 * Merge kernels add `states`, records of the same layout, one per row.
 * Result kernels write `count` values from `state` on, and ceil(count / 8) bytes of validity.
 */

// ---- order: values as i64 words whose signed order is the values' order --------------------------------------------
// Integers widen (hash tables' groupWiden kernels), uint64 flips its top bit, floats flip the other bits of negatives;
// all NaN count as one value above infinity, -0 as 0.

export function aggOrderU64(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u64>(words + (row << 3), load<u64>(values + (row << 3)) ^ 0x8000000000000000);
  }
}
@inline
function orderOfFloat(value: f64): i64 {
  if (value != value) return 0x7ff8000000000000;
  const bits = reinterpret<i64>(value + 0.0);
  return bits ^ ((bits >> 63) & 0x7fffffffffffffff);
}
export function aggOrderF32(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<i64>(words + (row << 3), orderOfFloat(<f64>load<f32>(values + (row << 2))));
  }
}
export function aggOrderF64(values: usize, length: i32, words: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<i64>(words + (row << 3), orderOfFloat(load<f64>(values + (row << 3))));
  }
}
/** And back. */
export function aggUnorderU64(words: usize, length: i32, values: usize): void {
  aggOrderU64(words, length, values);
}
export function aggUnorderF32(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const bits = load<i64>(words + (row << 3));
    store<f32>(values + (row << 2), <f32>reinterpret<f64>(bits ^ ((bits >> 63) & 0x7fffffffffffffff)));
  }
}
export function aggUnorderF64(words: usize, length: i32, values: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const bits = load<i64>(words + (row << 3));
    store<i64>(values + (row << 3), bits ^ ((bits >> 63) & 0x7fffffffffffffff));
  }
}

// ---- minimum and maximum: { i64 word, i64 1 if any } or { i128, i64 1 if any } or a string record ------------------
// With `pointers` u32 per group, a row that becomes the group's best leaves 0x80000000 | row there (aggCollect).

const PENDING: u32 = 0x80000000;

@inline
function mark(pointers: usize, group: usize, row: usize): void {
  if (pointers != 0) store<u32>(pointers + (group << 2), PENDING | <u32>row);
}

@inline
function bestWord(
  groups: usize,
  words: usize,
  validity: usize,
  length: i32,
  isMax: bool,
  state: usize,
  pointers: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const group = groupAt(groups, row);
    const at = state + (group << 4);
    const value = load<i64>(words + (row << 3));
    const best = load<i64>(at);
    const isBetter = isMax ? value > best : value < best;
    if (isBetter || load<i64>(at, 8) == 0) {
      store<i64>(at, value);
      store<i64>(at, 1, 8);
      mark(pointers, group, row);
    }
  }
}

export function aggMinWord(groups: usize, words: usize, validity: usize, length: i32, state: usize, pointers: usize): void {
  bestWord(groups, words, validity, length, false, state, pointers);
}
export function aggMaxWord(groups: usize, words: usize, validity: usize, length: i32, state: usize, pointers: usize): void {
  bestWord(groups, words, validity, length, true, state, pointers);
}

/** decimal: records of 24 bytes. */
export function aggBest128(
  groups: usize,
  values: usize,
  validity: usize,
  length: i32,
  isMax: bool,
  state: usize,
  pointers: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const group = groupAt(groups, row);
    const at = state + group * 24;
    const low = load<u64>(values + (row << 4));
    const high = load<i64>(values + (row << 4), 8);
    if (load<i64>(at, 16) != 0) {
      const bestLow = load<u64>(at);
      const bestHigh = load<i64>(at, 8);
      const isLess = high < bestHigh || (high == bestHigh && low < bestLow);
      const isSame = high == bestHigh && low == bestLow;
      if (isSame || isLess == isMax) continue;
    }
    store<u64>(at, low);
    store<i64>(at, high, 8);
    store<i64>(at, 1, 16);
    mark(pointers, group, row);
  }
}

/**
 * Strings by their bytes: records { u32 offset in the arena, u32 length, u32 room there, u32 1 if any }.
 * arenaState: u32 bytes used. Stops at the first row that would need more than `arenaBytes`, returns it or `length`.
 */
export function aggBestString(
  groups: usize,
  data: usize,
  offsets: usize,
  validity: usize,
  from: i32,
  length: i32,
  isMax: bool,
  state: usize,
  arena: usize,
  arenaBytes: u32,
  arenaState: usize,
  pointers: usize,
): i32 {
  let row: usize = <usize>from;
  for (; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const start = load<u32>(offsets + (row << 2));
    const size = load<u32>(offsets + (row << 2), 4) - start;
    const bytes = data + <usize>start;
    const group = groupAt(groups, row);
    const at = state + (group << 4);
    if (load<u32>(at, 12) != 0) {
      const order = compareBytes(bytes, size, arena + <usize>load<u32>(at), load<u32>(at, 4));
      if (isMax ? order <= 0 : order >= 0) continue;
    }
    if (size > load<u32>(at, 8)) {
      const used = load<u32>(arenaState);
      if (arenaBytes - used < size) break;
      store<u32>(arenaState, used + size);
      store<u32>(at, used);
      store<u32>(at, size, 8);
    }
    memory.copy(arena + <usize>load<u32>(at), bytes, <usize>size);
    store<u32>(at, size, 4);
    store<u32>(at, 1, 12);
    mark(pointers, group, row);
  }
  return <i32>row;
}

function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const shorter = <usize>min(aLength, bLength);
  let at: usize = 0;
  for (; at + 8 <= shorter; at += 8) {
    const x = load<u64>(a + at);
    const y = load<u64>(b + at);
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? -1 : 1;
  }
  for (; at < shorter; at++) {
    const x = load<u8>(a + at);
    const y = load<u8>(b + at);
    if (x != y) return x < y ? -1 : 1;
  }
  return aLength == bLength ? 0 : aLength < bLength ? -1 : 1;
}

/** Copies the strings of all records to a new arena without gaps, and the records' offsets with them. */
export function aggCompactStrings(state: usize, count: i32, arena: usize, newArena: usize): u32 {
  let used: u32 = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    const size = load<u32>(at, 4);
    memory.copy(newArena + <usize>used, arena + <usize>load<u32>(at), <usize>size);
    store<u32>(at, used);
    store<u32>(at, size, 8);
    used += size;
  }
  return used;
}

/** Offsets i32[count + 1] of the records' strings; returns the total bytes. */
export function aggStringOffsets(state: usize, count: i32, offsets: usize, validity: usize): f64 {
  let total: u64 = 0;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    store<u32>(offsets + (row << 2), <u32>total);
    putBit(validity, row, load<u32>(at, 12) != 0);
    total += <u64>load<u32>(at, 4);
  }
  store<u32>(offsets + (<usize>count << 2), <u32>total);
  return <f64>total;
}

export function aggStringBytes(state: usize, count: i32, arena: usize, data: usize): void {
  let out = data;
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    const size = <usize>load<u32>(at, 4);
    memory.copy(out, arena + <usize>load<u32>(at), size);
    out += size;
  }
}

/** words[i] = the word of record i; validity = its flag. */
export function aggWordResult(state: usize, count: i32, words: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + (row << 4);
    store<i64>(words + (row << 3), load<i64>(at));
    putBit(validity, row, load<i64>(at, 8) != 0);
  }
}
export function agg128Result(state: usize, count: i32, out: usize, validity: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    const at = state + row * 24;
    v128.store(out + (row << 4), v128.load(at));
    putBit(validity, row, load<i64>(at, 16) != 0);
  }
}

// ---- chosen rows: pointers u32 per group, 0 = none, else 1 + a row of the store -------------------------------------

export function aggFirst(groups: usize, validity: usize, length: i32, pointers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    const at = pointers + (groupAt(groups, row) << 2);
    if (load<u32>(at) == 0) store<u32>(at, PENDING | <u32>row);
  }
}

export function aggLast(groups: usize, validity: usize, length: i32, pointers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) continue;
    store<u32>(pointers + (groupAt(groups, row) << 2), PENDING | <u32>row);
  }
}

/** Lists the rows that pending pointers name, and points to where they go: store rows from `base` on. */
export function aggCollect(groups: usize, length: i32, base: u32, pointers: usize, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = pointers + (groupAt(groups, row) << 2);
    if (load<u32>(at) != (PENDING | <u32>row)) continue;
    store<u32>(rows + (count << 2), <u32>row);
    store<u32>(at, base + <u32>count + 1);
    count++;
  }
  return <i32>count;
}

/** Store rows of the groups as gather indices (0xffffffff = none). */
export function aggStoreRows(pointers: usize, count: i32, rows: usize): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    store<u32>(rows + (row << 2), load<u32>(pointers + (row << 2)) - 1);
  }
}

/** After the store was gathered in group order: pointers of the groups that have one. */
export function aggRenumber(pointers: usize, count: i32): void {
  for (let row: usize = 0; row < <usize>count; row++) {
    if (load<u32>(pointers + (row << 2)) != 0) store<u32>(pointers + (row << 2), <u32>row + 1);
  }
}
