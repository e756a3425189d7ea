/**
 * Hash join: tables over the build side's rows, lookups of the probe side's, and pairs of matching rows.
 *
 * A table gives the first build row of each key, plus 1 (0 = none): its head. Rows of one key are chained in their
 * order by next[row] = the following row + 1. Keys are words (u64) or pairs (two u64; as views of kernels/hash-table.ts
 * they may point to longer strings). `valid` is a bitmap of the rows that take part, or 0 for all: keys with a null
 * match nothing. `marks` is one byte per build row: 1 once it found a match.
 */

/** Strings up to this length lie inside their view. */
const INLINE_BYTES: u32 = 12;
/** Rows whose slots are read ahead together, so that their cache misses overlap: WebAssembly has no prefetch. */
const TOUCH_ROWS: usize = 512;
const NO_ROW: u32 = 0xffffffff;

@inline
function isOut(valid: usize, row: usize): bool {
  return valid != 0 && ((load<u8>(valid + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

/**
 * A table indexed by word - low.
 *   table  u32[range], zeroed; every valid word lies in [low, low + range)
 *   next   u32[length]
 * Returns whether any key occurs twice.
 */
export function joinBuildDirect(words: usize, valid: usize, length: i32, low: u64, table: usize, next: usize): bool {
  let repeats = false;
  // Backwards, so that chains run forwards.
  for (let row: usize = <usize>length; row-- > 0; ) {
    if (isOut(valid, row)) continue;
    const slot = table + ((<usize>(load<u64>(words + (row << 3)) - low)) << 2);
    const head = load<u32>(slot);
    repeats |= head != 0;
    store<u32>(next + (row << 2), head);
    store<u32>(slot, <u32>row + 1);
  }
  return repeats;
}

/** heads[row] = head of each row's word. */
export function joinFindDirect(
  words: usize,
  valid: usize,
  length: i32,
  low: u64,
  range: u32,
  table: usize,
  heads: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const offset = load<u64>(words + (row << 3)) - low;
    let head: u32 = 0;
    if (offset < <u64>range && !isOut(valid, row)) head = load<u32>(table + (<usize>offset << 2));
    store<u32>(heads + (row << 2), head);
  }
}

@inline
function slotOf(hashes: usize, row: usize, shift: u32): usize {
  return <usize>(<u64>load<u32>(hashes + (row << 2)) >> <u64>shift);
}

/**
 * An open-addressing table with the keys in its slots.
 *   hashes  u32[length]
 *   slots   { word u64, head u32, u32 }[2^(32 - shift)], zeroed, more than `length`
 *   next    u32[length]
 * Returns whether any key occurs twice.
 */
export function joinBuildWords(
  words: usize,
  hashes: usize,
  valid: usize,
  length: i32,
  slots: usize,
  shift: u32,
  next: usize,
): bool {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let repeats = false;
  let seen: u32 = 0;
  for (let end: usize = <usize>length; end > 0; ) {
    const start = end > TOUCH_ROWS ? end - TOUCH_ROWS : 0;
    for (let row = start; row < end; row++) seen ^= load<u32>(slots + (slotOf(hashes, row, shift) << 4));
    for (let row = end; row-- > start; ) {
      if (isOut(valid, row)) continue;
      const word = load<u64>(words + (row << 3));
      let at = slotOf(hashes, row, shift);
      let head: u32;
      while (true) {
        const slot = slots + (at << 4);
        head = load<u32>(slot, 8);
        if (head == 0 || load<u64>(slot) == word) break;
        at = (at + 1) & last;
      }
      repeats |= head != 0;
      const slot = slots + (at << 4);
      store<u32>(next + (row << 2), head);
      store<u64>(slot, word);
      store<u32>(slot, <u32>row + 1, 8);
    }
    end = start;
  }
  // Keeps the read-ahead alive; the word itself is spare.
  store<u32>(slots, seen, 12);
  return repeats;
}

/** heads[row] = head of each row's word in such a table. */
export function joinFindWords(
  words: usize,
  hashes: usize,
  valid: usize,
  length: i32,
  slots: usize,
  shift: u32,
  heads: usize,
): void {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let seen: u32 = 0;
  for (let start: usize = 0; start < <usize>length; start += TOUCH_ROWS) {
    const end = min<usize>(start + TOUCH_ROWS, <usize>length);
    for (let row = start; row < end; row++) seen ^= load<u32>(slots + (slotOf(hashes, row, shift) << 4));
    for (let row = start; row < end; row++) {
      let head: u32 = 0;
      if (!isOut(valid, row)) {
        const word = load<u64>(words + (row << 3));
        let at = slotOf(hashes, row, shift);
        while (true) {
          const slot = slots + (at << 4);
          head = load<u32>(slot, 8);
          if (head == 0 || load<u64>(slot) == word) break;
          at = (at + 1) & last;
        }
      }
      store<u32>(heads + (row << 2), head);
    }
  }
  store<u32>(slots, seen, 12);
}

/** Whether two strings of more than 8 bytes are equal; the last words overlap. */
function equalStrings(a: usize, b: usize, length: u32): bool {
  const end = <usize>length - 8;
  for (let at: usize = 0; at < end; at += 8) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
  }
  return load<u64>(a + end) == load<u64>(b + end);
}

@inline
function equalPairs(a: usize, b: usize, areViews: bool): bool {
  const low = load<u64>(a);
  if (low != load<u64>(b)) return false;
  if (!areViews || <u32>low <= INLINE_BYTES) return load<u64>(a, 8) == load<u64>(b, 8);
  return equalStrings(<usize>load<u64>(a, 8), <usize>load<u64>(b, 8), <u32>low);
}

/**
 * An open-addressing table with the keys outside.
 *   pairs  16 bytes per row; views where `areViews`
 *   slots  { hash u32, head u32 }[2^(32 - shift)], zeroed, more than `length`
 */
export function joinBuildPairs(
  pairs: usize,
  areViews: bool,
  hashes: usize,
  valid: usize,
  length: i32,
  slots: usize,
  shift: u32,
  next: usize,
): bool {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let repeats = false;
  for (let row: usize = <usize>length; row-- > 0; ) {
    if (isOut(valid, row)) continue;
    const hash = load<u32>(hashes + (row << 2));
    let at = slotOf(hashes, row, shift);
    let head: u32;
    while (true) {
      const slot = slots + (at << 3);
      head = load<u32>(slot, 4);
      if (head == 0) break;
      if (load<u32>(slot) == hash && equalPairs(pairs + ((<usize>head - 1) << 4), pairs + (row << 4), areViews)) break;
      at = (at + 1) & last;
    }
    repeats |= head != 0;
    const slot = slots + (at << 3);
    store<u32>(next + (row << 2), head);
    store<u32>(slot, hash);
    store<u32>(slot, <u32>row + 1, 4);
  }
  return repeats;
}

/**
 * heads[row] = head of each row's pair in such a table.
 *   buildPairs  the pairs that the table was built from
 *   scratch     u32[TOUCH_ROWS]: joinTouchBytes()
 */
export function joinFindPairs(
  pairs: usize,
  areViews: bool,
  hashes: usize,
  valid: usize,
  length: i32,
  slots: usize,
  shift: u32,
  buildPairs: usize,
  scratch: usize,
  heads: usize,
): void {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  for (let start: usize = 0; start < <usize>length; start += TOUCH_ROWS) {
    const end = min<usize>(start + TOUCH_ROWS, <usize>length);
    // The first slot of each row, then the key that it names: two rounds of misses that overlap.
    for (let row = start; row < end; row++) {
      store<u32>(scratch + ((row - start) << 2), load<u32>(slots + (slotOf(hashes, row, shift) << 3), 4));
    }
    let seen: u32 = 0;
    for (let row = start; row < end; row++) {
      const head = load<u32>(scratch + ((row - start) << 2));
      seen ^= load<u32>(buildPairs + ((<usize>(head == 0 ? 0 : head - 1)) << 4));
    }
    for (let row = start; row < end; row++) {
      let head: u32 = 0;
      if (!isOut(valid, row)) {
        const hash = load<u32>(hashes + (row << 2));
        let at = slotOf(hashes, row, shift);
        while (true) {
          const slot = slots + (at << 3);
          head = load<u32>(slot, 4);
          if (head == 0) break;
          if (load<u32>(slot) == hash && equalPairs(buildPairs + ((<usize>head - 1) << 4), pairs + (row << 4), areViews)) break;
          at = (at + 1) & last;
        }
      }
      store<u32>(heads + (row << 2), head);
    }
    store<u32>(scratch, seen);
  }
}

/** Bytes of the scratch of joinFindPairs. */
export function joinTouchBytes(): i32 {
  return <i32>TOUCH_ROWS * 4;
}

/** heads[row] = entryHeads[indices[row]] of a dictionary column, 0 where the row is not valid. */
export function joinFindEntries(indices: usize, valid: usize, length: i32, entryHeads: usize, heads: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const head = load<u32>(entryHeads + ((<usize>load<u32>(indices + (row << 2))) << 2));
    store<u32>(heads + (row << 2), isOut(valid, row) ? 0 : head);
  }
}

/** How many rows have a head. */
export function joinCountMatched(heads: usize, length: i32): i32 {
  let count = 0;
  for (let row: usize = 0; row < <usize>length; row++) count += <i32>(load<u32>(heads + (row << 2)) != 0);
  return count;
}

/** rows = the rows that have a head (`matched`) or have none, ascending; u32[length]. Returns how many. */
export function joinSelect(heads: usize, length: i32, matched: bool, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>((load<u32>(heads + (row << 2)) != 0) == matched);
  }
  return <i32>count;
}

/** For keys that occur once: probeRows, buildRows u32[length] = the rows that match, in order. Returns how many. */
export function joinPairsUnique(heads: usize, length: i32, probeRows: usize, buildRows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const head = load<u32>(heads + (row << 2));
    store<u32>(probeRows + (count << 2), <u32>row);
    store<u32>(buildRows + (count << 2), head - 1);
    count += <usize>(head != 0);
  }
  return <i32>count;
}

/** For keys that occur once: buildRows[row] = the matching row, or NO_ROW. */
export function joinRowsOrNone(heads: usize, length: i32, buildRows: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(buildRows + (row << 2), load<u32>(heads + (row << 2)) - 1); // 0 - 1 = NO_ROW
  }
}

/**
 * Pairs of matching rows, probe row by probe row, up to `limit`; with `outer`, a row without match pairs with NO_ROW.
 *   state  u32[2] = { probe row, its next build row + 1 or 0 for its head }: zero at first, then where to go on;
 *          done once the probe row is `length`
 * Returns how many pairs were written.
 */
export function joinPairs(
  heads: usize,
  next: usize,
  length: i32,
  outer: bool,
  limit: i32,
  state: usize,
  probeRows: usize,
  buildRows: usize,
): i32 {
  let row = <usize>load<u32>(state);
  let link = load<u32>(state, 4);
  let count: usize = 0;
  for (; row < <usize>length; row++) {
    if (link == 0) {
      link = load<u32>(heads + (row << 2));
      if (link == 0) {
        if (!outer) continue;
        if (count == <usize>limit) break;
        store<u32>(probeRows + (count << 2), <u32>row);
        store<u32>(buildRows + (count << 2), NO_ROW);
        count++;
        continue;
      }
    }
    while (link != 0 && count < <usize>limit) {
      store<u32>(probeRows + (count << 2), <u32>row);
      store<u32>(buildRows + (count << 2), link - 1);
      count++;
      link = load<u32>(next + ((<usize>link - 1) << 2));
    }
    if (link != 0) break;
  }
  store<u32>(state, <u32>row);
  store<u32>(state, link, 4);
  return <i32>count;
}

/** Marks every build row of the keys that were found. A marked head means that its chain is marked. */
export function joinMarkChains(heads: usize, next: usize, length: i32, marks: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    let link = load<u32>(heads + (row << 2));
    if (link == 0 || load<u8>(marks + <usize>link - 1) != 0) continue;
    while (link != 0) {
      store<u8>(marks + <usize>link - 1, 1);
      link = load<u32>(next + ((<usize>link - 1) << 2));
    }
  }
}

/** marks[rows[i]] = 1. */
export function joinMarkRows(rows: usize, count: i32, marks: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<u8>(marks + <usize>load<u32>(rows + (i << 2)), 1);
}

/**
 * rows = up to `limit` row numbers from `from` on whose mark is 1 (`marked`) or 0, ascending.
 *   state  u32: where the next call goes on; `length` at the end
 */
export function joinMarkedRows(marks: usize, length: i32, marked: bool, limit: i32, state: usize, rows: usize): i32 {
  let row = <usize>load<u32>(state);
  let count: usize = 0;
  for (; row < <usize>length && count < <usize>limit; row++) {
    if ((load<u8>(marks + row) != 0) != marked) continue;
    store<u32>(rows + (count << 2), <u32>row);
    count++;
  }
  store<u32>(state, <u32>row);
  return <i32>count;
}

/** Every pair of rows: probe row start / buildCount and so on, `count` pairs from pair `start` on. */
export function joinCross(start: f64, count: i32, buildCount: i32, probeRows: usize, buildRows: usize): void {
  const first = <u64>start;
  let probe = <u32>(first / <u64>buildCount);
  let build = <u32>(first % <u64>buildCount);
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u32>(probeRows + (i << 2), probe);
    store<u32>(buildRows + (i << 2), build);
    build++;
    if (build == <u32>buildCount) {
      build = 0;
      probe++;
    }
  }
}

/** marks[row] = 1 for every row that has a head; other marks stay. */
export function joinMarkHeads(heads: usize, length: i32, marks: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    if (load<u32>(heads + (row << 2)) != 0) store<u8>(marks + row, 1);
  }
}
