/**
 * An index over rows that come batch by batch: rows of one key are chained, the newest first.
 *
 * Rows are numbered 0, 1, 2, ... as they come. keys: one of 1 << keyShift bytes per row, words (u64) or pairs; pairs may
 * be views of texts (kernels/hash-table.ts). next: u32 per row, the row before it of its key + 1, or 0.
 * slots: { hash u32, head u32 }[2^(32 - shift)], zeroed at first, at most half full; head = newest row + 1, 0 = empty.
 * A slot's place is the top bits of its hash, so growing touches no key. `valid` is a bitmap of rows that take part, or 0.
 */
const INLINE_BYTES: u32 = 12;
const TOUCH_ROWS: usize = 512;

@inline
function isOut(valid: usize, row: usize): bool {
  return valid != 0 && ((load<u8>(valid + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function slotOf(hash: u32, shift: u32): usize {
  return <usize>(<u64>hash >> <u64>shift);
}

@inline
function equalKeys(a: usize, b: usize, keyShift: u32, areViews: bool): bool {
  const low = load<u64>(a);
  if (low != load<u64>(b)) return false;
  if (keyShift == 3) return true;
  const high = load<u64>(a, 8);
  const other = load<u64>(b, 8);
  if (high == other) return true;
  if (!areViews || <u32>low <= INLINE_BYTES) return false;
  return memory.compare(<usize>high, <usize>other, <usize>(<u32>low)) == 0;
}

/** Bytes of the texts of views that do not lie inside them. */
export function chainLongBytes(views: usize, length: i32): f64 {
  let total: u64 = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const size = load<u32>(views + (i << 4));
    if (size > INLINE_BYTES) total += <u64>size;
  }
  return <f64>total;
}

/** Reads the slots of rows ahead, so that their cache misses overlap, and the keys that they name. */
@inline
function touch(hashes: usize, start: usize, end: usize, slots: usize, shift: u32, keys: usize, keyShift: u32): u32 {
  let seen: u32 = 0;
  for (let row = start; row < end; row++) {
    const head = load<u32>(slots + (slotOf(load<u32>(hashes + (row << 2)), shift) << 3), 4);
    seen ^= load<u32>(keys + (<usize>(head - <u32>(head != 0)) << <usize>keyShift));
  }
  return seen;
}

/**
 * Chains rows first..first + length, whose keys are in `keys` already; hashes u32[length] and valid are by row - first.
 *   scratch  u32: keeps the read-ahead alive
 * Returns how many keys were new.
 */
export function chainInsert(
  keys: usize,
  keyShift: u32,
  areViews: bool,
  hashes: usize,
  valid: usize,
  first: u32,
  length: i32,
  slots: usize,
  shift: u32,
  next: usize,
  scratch: usize,
): i32 {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  let fresh = 0;
  for (let start: usize = 0; start < <usize>length; start += TOUCH_ROWS) {
    const end = min<usize>(start + TOUCH_ROWS, <usize>length);
    store<u32>(scratch, touch(hashes, start, end, slots, shift, keys, keyShift));
    for (let i = start; i < end; i++) {
      const row = <usize>first + i;
      if (isOut(valid, i)) {
        store<u32>(next + (row << 2), 0);
        continue;
      }
      const hash = load<u32>(hashes + (i << 2));
      const key = keys + (row << <usize>keyShift);
      let at = slotOf(hash, shift);
      let head: u32;
      while (true) {
        const slot = slots + (at << 3);
        head = load<u32>(slot, 4);
        if (head == 0) {
          fresh++;
          store<u32>(slot, hash);
          break;
        }
        if (load<u32>(slot) == hash && equalKeys(keys + ((<usize>head - 1) << <usize>keyShift), key, keyShift, areViews)) break;
        at = (at + 1) & last;
      }
      store<u32>(next + (row << 2), head);
      store<u32>(slots + (at << 3), <u32>row + 1, 4);
    }
  }
  return fresh;
}

/** heads[row] = head of the chain of each probe key, or 0. */
export function chainFind(
  probe: usize,
  keyShift: u32,
  areViews: bool,
  hashes: usize,
  valid: usize,
  length: i32,
  keys: usize,
  slots: usize,
  shift: u32,
  heads: usize,
): void {
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  for (let start: usize = 0; start < <usize>length; start += TOUCH_ROWS) {
    const end = min<usize>(start + TOUCH_ROWS, <usize>length);
    store<u32>(heads + (start << 2), touch(hashes, start, end, slots, shift, keys, keyShift));
    for (let row = start; row < end; row++) {
      let head: u32 = 0;
      if (!isOut(valid, row)) {
        const hash = load<u32>(hashes + (row << 2));
        const key = probe + (row << <usize>keyShift);
        let at = slotOf(hash, shift);
        while (true) {
          const slot = slots + (at << 3);
          head = load<u32>(slot, 4);
          if (head == 0) break;
          if (load<u32>(slot) == hash && equalKeys(keys + ((<usize>head - 1) << <usize>keyShift), key, keyShift, areViews)) break;
          at = (at + 1) & last;
        }
      }
      store<u32>(heads + (row << 2), head);
    }
  }
}

/** Moves the entries of old slots into larger ones, which are zeroed. */
export function chainGrow(oldSlots: usize, oldShift: u32, slots: usize, shift: u32): void {
  const end = oldSlots + ((<usize>1 << (32 - <usize>oldShift)) << 3);
  const last = <usize>((<u64>1 << (32 - <u64>shift)) - 1);
  for (let old = oldSlots; old < end; old += 8) {
    const entry = load<u64>(old);
    if (<u32>(entry >> 32) == 0) continue;
    let at = slotOf(<u32>entry, shift);
    while (load<u32>(slots + (at << 3), 4) != 0) at = (at + 1) & last;
    store<u64>(slots + (at << 3), entry);
  }
}

/**
 * Up to `limit` pairs of probe rows and rows of their chains for which least <= times[row] - probeTimes[probe row] <=
 * greatest; pairs are marked at `marks` and `probeMarks` (u8 per row, or 0 for none).
 *   state  { u32 probe row, u32 link }: where the next call goes on; the probe row is `length` at the end
 */
export function chainPairsInTime(
  heads: usize,
  next: usize,
  length: i32,
  probeTimes: usize,
  times: usize,
  least: f64,
  greatest: f64,
  limit: i32,
  state: usize,
  probeRows: usize,
  rows: usize,
  marks: usize,
  probeMarks: usize,
): i32 {
  const low = <i64>least;
  const high = <i64>greatest;
  let probe = <usize>load<u32>(state);
  let link = load<u32>(state, 4);
  let count: usize = 0;
  for (; probe < <usize>length; probe++) {
    if (link == 0) {
      link = load<u32>(heads + (probe << 2));
      if (link == 0) continue;
    }
    const time = load<i64>(probeTimes + (probe << 3));
    while (link != 0 && count < <usize>limit) {
      const row = <usize>link - 1;
      const distance = load<i64>(times + (row << 3)) - time;
      if (distance >= low && distance <= high) {
        store<u32>(probeRows + (count << 2), <u32>probe);
        store<u32>(rows + (count << 2), <u32>row);
        count++;
        if (marks != 0) store<u8>(marks + row, 1);
        if (probeMarks != 0) store<u8>(probeMarks + probe, 1);
      }
      link = load<u32>(next + (row << 2));
    }
    if (link != 0) break;
  }
  store<u32>(state, <u32>probe);
  store<u32>(state, link, 4);
  return <i32>count;
}

/** rows = the rows without a mark whose time is at most `bound`, which get the mark 2; at most `limit` from `state` on. */
export function chainExpire(
  times: usize,
  marks: usize,
  length: i32,
  bound: f64,
  limit: i32,
  state: usize,
  rows: usize,
): i32 {
  const latest = <i64>bound;
  let row = <usize>load<u32>(state);
  let count: usize = 0;
  for (; row < <usize>length && count < <usize>limit; row++) {
    if (load<u8>(marks + row) != 0 || load<i64>(times + (row << 3)) > latest) continue;
    store<u8>(marks + row, 2);
    store<u32>(rows + (count << 2), <u32>row);
    count++;
  }
  store<u32>(state, <u32>row);
  return <i32>count;
}
