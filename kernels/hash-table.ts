import { hashBytes } from "./hash";

/**
 * Open-addressing hash tables that map keys to dense group numbers 0, 1, 2, ... in the order of first occurrence.
 *
 * Slots: u64[2^(32 - shift)], 0 = empty, else hash << 32 | group + 1. A slot's place is the top bits of its hash, so
 * that growing reads the old slots in order and writes the new ones nearly in order, without touching the keys.
 * Keys lie densely by group, outside the slots: 8 bytes (a word) or 16 bytes (a pair of words).
 * State: u32[4] = { groups so far, group of null + 1 (0 = none yet), bytes used in the arena, unused }.
 *
 * Every `...Assign` kernel works on rows [from, length) and stops at the first row that would need group `limit`
 * or more arena than `arenaBytes`; it returns that row, or `length`. The binding makes room and calls again.
 * groups[row] is written for the rows done. `validity` is a bitmap or 0; nulls share one group, whose key is zero.
 */
const STATE_GROUPS: usize = 0;
const STATE_NULL: usize = 4;
const STATE_ARENA: usize = 8;

/** Strings up to this length lie inside their 16-byte key; longer ones in the arena. */
const INLINE_BYTES: u32 = 12;

@inline
function isNull(validity: usize, row: usize): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function mix(word: u64): u64 {
  // Two rounds of multiply and fold: every key bit reaches the top 32 bits.
  const a = (word ^ (word >> 32)) * 0xd6e8feb86659fd93;
  return (a ^ (a >> 32)) * 0xd6e8feb86659fd93;
}

/** Internal hashes of 8-byte keys: u32[length], ANDed with `mask` (tests force collisions with 0). */
export function tableHashWords(words: usize, length: i32, mask: u32, hashes: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(hashes + (row << 2), <u32>(mix(load<u64>(words + (row << 3))) >> 32) & mask);
  }
}

@inline
function mixPair(low: u64, high: u64): u64 {
  const a = (low ^ (low >> 32)) * 0xd6e8feb86659fd93;
  return mix(a + high);
}

/** Internal hashes of 16-byte keys. */
export function tableHashPairs(pairs: usize, length: i32, mask: u32, hashes: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = pairs + (row << 4);
    store<u32>(hashes + (row << 2), <u32>(mixPair(load<u64>(at), load<u64>(at, 8)) >> 32) & mask);
  }
}

/**
 * 16-byte keys and hashes of strings: { u32 length, first 4 bytes } and, up to 12 bytes, the other 8 bytes padded with
 * zeros, else the address of the string. Null rows get the key of the empty string, which nobody reads.
 */
export function tableViews(data: usize, offsets: usize, length: i32, mask: u32, views: usize, hashes: usize): void {
  let start = load<u32>(offsets);
  for (let row: usize = 0; row < <usize>length; row++) {
    const end = load<u32>(offsets + (row << 2), 4);
    const size = end - start;
    const at = data + <usize>start;
    start = end;
    // Reading past the end is safe for every block (allocator contract).
    let low = load<u64>(at);
    let high: u64;
    let hash: u64;
    if (size <= INLINE_BYTES) {
      const bits = <u64>size << 3;
      if (size < 8) {
        low &= ((<u64>1) << bits) - 1;
        high = low >> 32;
      } else {
        high = (low >> 32) | ((load<u64>(at, 8) & (((<u64>1) << (bits - 64)) - 1)) << 32);
      }
      low = <u64>size | (low << 32);
      hash = mixPair(low, high);
    } else {
      low = <u64>size | (low << 32);
      high = <u64>at;
      hash = hashBytes(at, <i32>size);
    }
    const view = views + (row << 4);
    store<u64>(view, low);
    store<u64>(view, high, 8);
    store<u32>(hashes + (row << 2), <u32>(hash >> 32) & mask);
  }
}

/**
 * Reads the slot of each hash, and the key that it points to, ahead of an Assign, so that cache misses of many rows
 * overlap: there is no prefetch in WebAssembly, and a probe's branches would serialise them. Keys are 1 << keyShift bytes
 * apart. The result only keeps the loads alive.
 */
export function tableTouch(hashes: usize, length: i32, slots: usize, shift: u32, keys: usize, keyShift: u32): u32 {
  let seen: u32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const group = load<u32>(slots + (slotOf(load<u32>(hashes + (row << 2)), shift) << 3));
    // An empty slot points to no key: the first one stands in, without a branch.
    seen ^= load<u32>(keys + ((<usize>group - <usize>(group != 0)) << <usize>keyShift));
  }
  return seen;
}

@inline
function slotOf(hash: u32, shift: u32): usize {
  return <usize>(<u64>hash >> <u64>shift);
}

/** Group of the null key, made on first use; the caller has checked `limit`. */
@inline
function nullGroup(state: usize, keys: usize, keyShift: usize, count: u32): u32 {
  memory.fill(keys + (<usize>count << keyShift), 0, (<usize>1) << keyShift);
  store<u32>(state, count + 1, STATE_NULL);
  return count;
}

export function tableAssignWords(
  words: usize,
  hashes: usize,
  validity: usize,
  from: i32,
  length: i32,
  slots: usize,
  shift: u32,
  keys: usize,
  limit: u32,
  state: usize,
  groups: usize,
): i32 {
  let count = load<u32>(state, STATE_GROUPS);
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let row: usize = <usize>from;
  for (; row < <usize>length; row++) {
    if (validity != 0 && isNull(validity, row)) {
      let group = load<u32>(state, STATE_NULL);
      if (group == 0) {
        if (count == limit) break;
        group = nullGroup(state, keys, 3, count) + 1;
        count++;
      }
      store<u32>(groups + (row << 2), group - 1);
      continue;
    }
    const word = load<u64>(words + (row << 3));
    const hash = load<u32>(hashes + (row << 2));
    let at = slotOf(hash, shift);
    let group: u32 = 0;
    while (true) {
      const slot = load<u64>(slots + (at << 3));
      if (slot == 0) break;
      if (<u32>(slot >> 32) == hash) {
        const candidate = <u32>slot - 1;
        if (load<u64>(keys + (<usize>candidate << 3)) == word) {
          group = <u32>slot;
          break;
        }
      }
      at = (at + 1) & last;
    }
    if (group == 0) {
      if (count == limit) break;
      store<u64>(keys + (<usize>count << 3), word);
      count++;
      group = count;
      store<u64>(slots + (at << 3), (<u64>hash << 32) | <u64>group);
    }
    store<u32>(groups + (row << 2), group - 1);
  }
  store<u32>(state, count, STATE_GROUPS);
  return <i32>row;
}

export function tableAssignPairs(
  pairs: usize,
  hashes: usize,
  validity: usize,
  from: i32,
  length: i32,
  slots: usize,
  shift: u32,
  keys: usize,
  limit: u32,
  state: usize,
  groups: usize,
): i32 {
  return assign16(pairs, hashes, validity, from, length, slots, shift, keys, limit, 0, 0, state, groups, false);
}

/** `views` as written by `tableViews`; strings of more than 12 bytes are copied to `arena` and keyed by their offset. */
export function tableAssignViews(
  views: usize,
  hashes: usize,
  validity: usize,
  from: i32,
  length: i32,
  slots: usize,
  shift: u32,
  keys: usize,
  limit: u32,
  arena: usize,
  arenaBytes: usize,
  state: usize,
  groups: usize,
): i32 {
  return assign16(views, hashes, validity, from, length, slots, shift, keys, limit, arena, arenaBytes, state, groups, true);
}

@inline
function assign16(
  pairs: usize,
  hashes: usize,
  validity: usize,
  from: i32,
  length: i32,
  slots: usize,
  shift: u32,
  keys: usize,
  limit: u32,
  arena: usize,
  arenaBytes: usize,
  state: usize,
  groups: usize,
  isView: bool,
): i32 {
  let count = load<u32>(state, STATE_GROUPS);
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let row: usize = <usize>from;
  for (; row < <usize>length; row++) {
    if (validity != 0 && isNull(validity, row)) {
      let group = load<u32>(state, STATE_NULL);
      if (group == 0) {
        if (count == limit) break;
        group = nullGroup(state, keys, 4, count) + 1;
        count++;
      }
      store<u32>(groups + (row << 2), group - 1);
      continue;
    }
    const pair = pairs + (row << 4);
    const low = load<u64>(pair);
    let high = load<u64>(pair, 8);
    const isLong = isView && <u32>low > INLINE_BYTES;
    const hash = load<u32>(hashes + (row << 2));
    let at = slotOf(hash, shift);
    let group: u32 = 0;
    while (true) {
      const slot = load<u64>(slots + (at << 3));
      if (slot == 0) break;
      if (<u32>(slot >> 32) == hash) {
        const key = keys + (<usize>(<u32>slot - 1) << 4);
        if (load<u64>(key) == low) {
          const keyHigh = load<u64>(key, 8);
          if (isLong ? equalBytes(arena + <usize>keyHigh, <usize>high, <u32>low) : keyHigh == high) {
            group = <u32>slot;
            break;
          }
        }
      }
      at = (at + 1) & last;
    }
    if (group == 0) {
      if (count == limit) break;
      if (isLong) {
        const used = <usize>load<u32>(state, STATE_ARENA);
        const size = <usize>(<u32>low);
        if (arenaBytes - used < size) break;
        memory.copy(arena + used, <usize>high, size);
        store<u32>(state, <u32>(used + size), STATE_ARENA);
        high = <u64>used;
      }
      const key = keys + (<usize>count << 4);
      store<u64>(key, low);
      store<u64>(key, high, 8);
      count++;
      group = count;
      store<u64>(slots + (at << 3), (<u64>hash << 32) | <u64>group);
    }
    store<u32>(groups + (row << 2), group - 1);
  }
  store<u32>(state, count, STATE_GROUPS);
  return <i32>row;
}

/** Whether two byte strings of more than 8 bytes are equal; the last words overlap. */
@inline
function equalBytes(a: usize, b: usize, length: u32): bool {
  let at: usize = 0;
  const end = <usize>length - 8;
  while (at < end) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
    at += 8;
  }
  return load<u64>(a + end) == load<u64>(b + end);
}

/** Moves the entries of `oldSlots` into `slots`, which is zeroed and larger. */
export function tableGrow(oldSlots: usize, oldShift: u32, slots: usize, shift: u32): void {
  const end = oldSlots + ((<usize>1 << (32 - <usize>oldShift)) << 3);
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  for (let old = oldSlots; old < end; old += 8) {
    const slot = load<u64>(old);
    if (slot != 0) insertNew(slots, shift, last, slot);
  }
}

/** Enters groups [0, count) with the given hashes into zeroed slots; their keys are distinct. `skip` has no entry. */
export function tableRebuild(hashes: usize, count: u32, skip: u32, slots: usize, shift: u32): void {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  for (let group: u32 = 0; group < count; group++) {
    if (group == skip) continue;
    const hash = load<u32>(hashes + (<usize>group << 2));
    insertNew(slots, shift, last, (<u64>hash << 32) | <u64>(group + 1));
  }
}

@inline
function insertNew(slots: usize, shift: u32, last: usize, slot: u64): void {
  let at = slotOf(<u32>(slot >> 32), shift);
  while (load<u64>(slots + (at << 3)) != 0) at = (at + 1) & last;
  store<u64>(slots + (at << 3), slot);
}

/** Total bytes of the strings of keys [0, count) at `keys` (see tableViews). */
export function tableViewBytes(keys: usize, count: i32): f64 {
  let total: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) total += <u64>load<u32>(keys + (i << 4));
  return <f64>total;
}

/** Writes the strings of keys [0, count) as a plain column: offsets i32[count + 1] from 0, and bytes. */
export function tableViewStrings(keys: usize, count: i32, arena: usize, offsets: usize, data: usize): void {
  let used: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const key = keys + (i << 4);
    const size = load<u32>(key);
    store<u32>(offsets + (i << 2), <u32>used);
    if (size <= INLINE_BYTES) {
      // Three overlapping stores of 12 bytes; the buffer has room for 16 past its end.
      store<u32>(data + used, load<u32>(key, 4));
      store<u64>(data + used, load<u64>(key, 8), 4);
    } else memory.copy(data + used, arena + <usize>load<u64>(key, 8), size);
    used += <usize>size;
  }
  store<u32>(offsets + (<usize>count << 2), <u32>used);
}
