/**
 * Stable sort of rows by the key words of kernels/sort-key.ts.
 *
 * The leading bits of a key and its row number share one u64 element, which an LSD radix sort orders (Knuth, TAOCP 3,
 * 5.2.5): rows enter in order, so equal bits keep it. Rows whose bits tie are then refined word by word.
 */

/** Ranges up to this length are sorted by insertion, longer ones by radix. */
const INSERTION_LENGTH: i32 = 32;
const DIGIT_BITS: i32 = 8;
const DIGITS: i32 = 256;

/** Bytes of the `counts` scratch of the radix kernels: u32[8][256]. */
export function sortCountsBytes(): i32 {
  return 8 * DIGITS * 4;
}

@inline
function wordsAt(words: usize, positions: usize, stride: i32, row: u32): usize {
  return words + ((positions == 0 ? <usize>row * <usize>stride : <usize>load<u32>(positions + ((<usize>row) << 2))) << 3);
}

@inline
function wordCount(positions: usize, stride: i32, row: u32): i32 {
  if (positions == 0) return stride;
  const at = positions + ((<usize>row) << 2);
  return load<u32>(at, 4) - load<u32>(at);
}

/**
 * elements[i] = leading bits of row i's first word, above the row number: (word >> shift) << rowBits | i.
 *   positions, stride  where keys start, as in sort-key.ts
 *   elements           u64[length]; may be `words` itself where stride is 1
 */
export function sortPack(
  words: usize,
  positions: usize,
  stride: i32,
  length: i32,
  shift: i32,
  rowBits: i32,
  elements: usize,
): void {
  for (let row: u32 = 0; row < <u32>length; row++) {
    const word = load<u64>(wordsAt(words, positions, stride, row));
    store<u64>(elements + ((<usize>row) << 3), ((word >> shift) << rowBits) | <u64>row);
  }
}

/** Turns the counts of one digit into the addresses where its elements go. */
@inline
function countsToAddresses(counts: usize, target: usize, elementShift: i32): void {
  let at = target;
  for (let digit: usize = 0; digit < <usize>DIGITS; digit++) {
    const count = <usize>load<u32>(counts + (digit << 2));
    store<u32>(counts + (digit << 2), <u32>at);
    at += count << elementShift;
  }
}

/**
 * Sorts u64 elements by their bits from `fromBit` on, stable; digits that all elements share cost no pass.
 *   scratch  u64[length]
 *   counts   sortCountsBytes()
 * Returns where the sorted elements lie: `elements` or `scratch`; the other one is unspecified.
 */
export function sortRadix(elements: usize, length: i32, fromBit: i32, scratch: usize, counts: usize): usize {
  const end = elements + ((<usize>length) << 3);
  memory.fill(counts, 0, <usize>sortCountsBytes());
  let varying: u64 = 0;
  let isSorted = true;
  if (length == 0) return elements;
  const first = load<u64>(elements);
  let previous: u64 = 0;
  for (let at = elements; at < end; at += 8) {
    const element = load<u64>(at);
    varying |= element ^ first;
    isSorted &= element >= previous;
    previous = element;
  }
  // Row numbers ascend, so elements in order are rows in order.
  if (isSorted) return elements;
  varying = (varying >> fromBit) << fromBit;
  // Digits start at the lowest bit that varies.
  const low = <i32>ctz<u64>(varying);
  const high = 64 - <i32>clz<u64>(varying);
  const passes = (high - low + DIGIT_BITS - 1) / DIGIT_BITS;
  for (let at = elements; at < end; at += 8) {
    let bits = load<u64>(at) >> low;
    let table = counts;
    for (let pass = 0; pass < passes; pass++, bits >>= DIGIT_BITS, table += DIGITS << 2) {
      const counter = table + ((<usize>(bits & (DIGITS - 1))) << 2);
      store<u32>(counter, load<u32>(counter) + 1);
    }
  }
  let source = elements;
  let target = scratch;
  for (let pass = 0, shift = low; pass < passes; pass++, shift += DIGIT_BITS) {
    // The last digit ends with the key; bits above it are equal.
    if (((varying >> shift) & (DIGITS - 1)) == 0) continue;
    const table = counts + ((<usize>pass) << (DIGIT_BITS + 2));
    countsToAddresses(table, target, 3);
    const stop = source + ((<usize>length) << 3);
    for (let at = source; at < stop; at += 8) {
      const element = load<u64>(at);
      const slot = table + ((<usize>((element >> shift) & (DIGITS - 1))) << 2);
      const address = load<u32>(slot);
      store<u32>(slot, address + 8);
      store<u64>(<usize>address, element);
    }
    const swap = source;
    source = target;
    target = swap;
  }
  return source;
}

/** rows[i] = row number of element i. */
export function sortUnpack(elements: usize, length: i32, rowBits: i32, rows: usize): void {
  const mask: u64 = (<u64>1 << rowBits) - 1;
  for (let i: usize = 0; i < <usize>length; i++) {
    store<u32>(rows + (i << 2), <u32>(load<u64>(elements + (i << 3)) & mask));
  }
}

/** Length of the longest run of elements that are equal from `fromBit` on. */
export function sortLongestTie(elements: usize, length: i32, fromBit: i32): i32 {
  let longest = 0;
  let start = 0;
  for (let i = 1; i <= length; i++) {
    if (i < length) {
      const at = elements + ((<usize>i) << 3);
      if ((load<u64>(at) ^ load<u64>(at - 8)) >> fromBit == 0) continue;
    }
    longest = max(longest, i - start);
    start = i;
  }
  return longest;
}

/** Sorts pairs (u64 key, u64 row) by key, stable, by insertion. */
@inline
function insertPairs(pairs: usize, length: i32): void {
  const end = pairs + ((<usize>length) << 4);
  for (let at = pairs + 16; at < end; at += 16) {
    const key = load<u64>(at);
    const row = load<u64>(at, 8);
    let hole = at;
    while (hole > pairs && load<u64>(hole - 16) > key) {
      v128.store(hole, v128.load(hole - 16));
      hole -= 16;
    }
    store<u64>(hole, key);
    store<u64>(hole, row, 8);
  }
}

/** Sorts pairs by key, stable; returns where they lie, `pairs` or `scratch`. */
function radixPairs(pairs: usize, length: i32, varying: u64, scratch: usize, counts: usize): usize {
  let source = pairs;
  let target = scratch;
  for (let shift = 0; shift < 64; shift += DIGIT_BITS) {
    if (((varying >> shift) & (DIGITS - 1)) == 0) continue;
    memory.fill(counts, 0, <usize>DIGITS << 2);
    const stop = source + ((<usize>length) << 4);
    for (let at = source; at < stop; at += 16) {
      const counter = counts + ((<usize>((load<u64>(at) >> shift) & (DIGITS - 1))) << 2);
      store<u32>(counter, load<u32>(counter) + 1);
    }
    countsToAddresses(counts, target, 4);
    for (let at = source; at < stop; at += 16) {
      const slot = counts + ((<usize>((load<u64>(at) >> shift) & (DIGITS - 1))) << 2);
      const address = load<u32>(slot);
      store<u32>(slot, address + 16);
      v128.store(<usize>address, v128.load(at));
    }
    const swap = source;
    source = target;
    target = swap;
  }
  return source;
}

/**
 * Orders rows that the packed bits left tied, and their ties in turn, by their words from `firstWord` on.
 *   elements  sorted, as sortRadix left them; only their bits from `rowBits` on are read
 *   rows      u32[length] as sortUnpack made them; rearranged within each run of equal elements
 *   pairs     16 bytes for each row of the longest tie, twice
 *   stack     12 bytes for each two rows of the longest tie
 *   counts    sortCountsBytes()
 */
export function sortRefine(
  elements: usize,
  length: i32,
  rowBits: i32,
  firstWord: i32,
  words: usize,
  positions: usize,
  stride: i32,
  rows: usize,
  pairs: usize,
  longestTie: i32,
  stack: usize,
  counts: usize,
): void {
  let start = 0;
  for (let i = 1; i <= length; i++) {
    if (i < length) {
      const at = elements + ((<usize>i) << 3);
      if ((load<u64>(at) ^ load<u64>(at - 8)) >> rowBits == 0) continue;
    }
    if (i - start > 1) {
      refineTie(start, i, firstWord, words, positions, stride, rows, pairs, longestTie, stack, counts);
    }
    start = i;
  }
}

function refineTie(
  start: i32,
  end: i32,
  word: i32,
  words: usize,
  positions: usize,
  stride: i32,
  rows: usize,
  pairs: usize,
  longestTie: i32,
  stack: usize,
  counts: usize,
): void {
  const scratch = pairs + ((<usize>longestTie) << 4);
  let top = stack;
  while (true) {
    const length = end - start;
    const range = rows + ((<usize>start) << 2);
    // Keys that share all words of one of them are equal: none is a proper prefix of another.
    if (word < wordCount(positions, stride, load<u32>(range))) {
      const first = load<u64>(wordsAt(words, positions, stride, load<u32>(range)) + ((<usize>word) << 3));
      let varying: u64 = 0;
      for (let i: usize = 0; i < <usize>length; i++) {
        const row = load<u32>(range + (i << 2));
        const key = load<u64>(wordsAt(words, positions, stride, row) + ((<usize>word) << 3));
        varying |= key ^ first;
        store<u64>(pairs + (i << 4), key);
        store<u64>(pairs + (i << 4), <u64>row, 8);
      }
      if (varying == 0) {
        word++;
        continue;
      }
      let sorted = pairs;
      if (length <= INSERTION_LENGTH) insertPairs(pairs, length);
      else sorted = radixPairs(pairs, length, varying, scratch, counts);
      let tie = 0;
      for (let i = 0; i < length; i++) {
        const at = sorted + ((<usize>i) << 4);
        store<u32>(range + ((<usize>i) << 2), load<u32>(at, 8));
        if (i + 1 < length && load<u64>(at) == load<u64>(at, 16)) continue;
        if (i > tie) {
          store<i32>(top, start + tie);
          store<i32>(top, start + i + 1, 4);
          store<i32>(top, word + 1, 8);
          top += 12;
        }
        tie = i + 1;
      }
    }
    if (top == stack) return;
    top -= 12;
    start = load<i32>(top);
    end = load<i32>(top, 4);
    word = load<i32>(top, 8);
  }
}

/**
 * ranks[rows[i]] = number of different keys before row rows[i]: rows with equal keys share a rank.
 *   rows  u32[length], sorted by key
 * Returns the number of different keys.
 */
export function sortRanks(
  rows: usize,
  length: i32,
  words: usize,
  positions: usize,
  stride: i32,
  ranks: usize,
): i32 {
  let rank: i32 = -1;
  let previous: u32 = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const row = load<u32>(rows + (i << 2));
    if (rank < 0 || !equalKeys(words, positions, stride, previous, row)) rank++;
    store<u32>(ranks + ((<usize>row) << 2), rank);
    previous = row;
  }
  return rank + 1;
}

@inline
function equalKeys(words: usize, positions: usize, stride: i32, a: u32, b: u32): bool {
  const left = wordsAt(words, positions, stride, a);
  const right = wordsAt(words, positions, stride, b);
  const count = min(wordCount(positions, stride, a), wordCount(positions, stride, b));
  for (let i: usize = 0; i < <usize>count; i++) {
    if (load<u64>(left + (i << 3)) != load<u64>(right + (i << 3))) return false;
  }
  return true;
}
