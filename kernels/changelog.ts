import { takesBack } from "./row-kinds";

/**
 * Changelogs: which groups a batch touched, what changed, and rows that are taken back. `kinds` as in row-kinds.ts.
 */

/**
 * The distinct groups of rows in the order of first occurrence, and the first row of each; `flags` u8 per group is zero
 * before and after. Both outputs have room for `length` and one more.
 */
export function changelogTouched(groups: usize, length: i32, flags: usize, touched: usize, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const group = load<u32>(groups + (row << 2));
    store<u32>(touched + (count << 2), group);
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>(load<u8>(flags + <usize>group) == 0);
    store<u8>(flags + <usize>group, 1);
  }
  for (let i: usize = 0; i < count; i++) store<u8>(flags + <usize>load<u32>(touched + (i << 2)), 0);
  return <i32>count;
}

/** out = the rows that are taken back (`back`) or added, ascending; returns how many. */
export function changelogSelect(kinds: usize, length: i32, back: bool, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>(takesBack(kinds, row) == back);
  }
  return <i32>count;
}

/** How many rows are there of a place that had some and has none any more. */
const EMPTIED: i64 = i64.MIN_VALUE;

/**
 * rows = those that are added, and those that take back a row that is there, ascending; returns how many. Stops at the
 * first row that is added to a place which had rows and has none any more: accumulators may hold what was forgotten there.
 *   counts  i64 per group: how many rows are there, before and after
 *   seen    u32: the rows in front of the one that it stopped at
 */
export function changelogPresent(
  groups: usize,
  kinds: usize,
  length: i32,
  counts: usize,
  rows: usize,
  seen: usize,
): i32 {
  let found: usize = 0;
  let row: usize = 0;
  for (; row < <usize>length; row++) {
    const at = counts + (<usize>load<u32>(groups + (row << 2)) << 3);
    const count = load<i64>(at);
    const isBack = takesBack(kinds, row);
    if (isBack && count <= 0) continue;
    if (!isBack && count == EMPTIED) break;
    store<i64>(at, isBack ? (count == 1 ? EMPTIED : count - 1) : count + 1);
    store<u32>(rows + (found++ << 2), <u32>row);
  }
  store<u32>(seen, <u32>row);
  return <i32>found;
}

/** Row kinds as i32, which index a dictionary of their names; `kinds` 0 gives inserts. */
export function changelogIndices(kinds: usize, length: i32, out: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<i32>(out + (row << 2), kinds == 0 ? 0 : <i32>load<i8>(kinds + row));
  }
}

/** Records of `stride` bytes (a multiple of 4) of the groups u32[count], one after the other. */
export function changelogRecords(records: usize, stride: usize, groups: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++, out += stride) {
    const from = records + <usize>load<u32>(groups + (i << 2)) * stride;
    for (let at: usize = 0; at < stride; at += 4) store<u32>(out + at, load<u32>(from + at));
  }
}

/**
 * What to emit for groups whose rows were [0, count) before and are [count, 2 count) now, by their numbers of rows
 * (i64): writes row numbers and kinds, up to two for each group; returns how many. A group whose row is the same bytes
 * (a binary column: offsets i32[2 count + 1] and data) gives none. Without `withBefore`, an update is its new row alone.
 */
export function changelogUpdates(
  before: usize,
  after: usize,
  count: i32,
  offsets: usize,
  data: usize,
  withBefore: bool,
  rows: usize,
  kinds: usize,
): i32 {
  let written: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const was = load<i64>(before + (i << 3)) > 0;
    const is = load<i64>(after + (i << 3)) > 0;
    const now = <usize>count + i;
    if (was && is) {
      const a = load<u32>(offsets + (i << 2));
      const b = load<u32>(offsets + (now << 2));
      const size = load<u32>(offsets + (i << 2), 4) - a;
      if (size == load<u32>(offsets + (now << 2), 4) - b) {
        if (memory.compare(data + <usize>a, data + <usize>b, <usize>size) == 0) continue;
      }
    }
    if (was && (!is || withBefore)) {
      store<u32>(rows + (written << 2), <u32>i);
      store<u8>(kinds + written, is ? 1 : 3);
      written++;
    }
    if (is) {
      store<u32>(rows + (written << 2), <u32>now);
      store<u8>(kinds + written, was ? 2 : 0);
      written++;
    }
  }
  return <i32>written;
}

/** rows = the groups whose i64 count is above 0, ascending; returns how many. */
export function changelogLiving(counts: usize, length: i32, rows: usize): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    store<u32>(rows + (found << 2), <u32>i);
    found += <usize>(load<i64>(counts + (i << 3)) > 0);
  }
  return <i32>found;
}

/** Adds 1 to counts[pairs[row]] (i64), or takes 1 away. */
export function changelogCount(pairs: usize, length: i32, sign: i32, counts: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = counts + (<usize>load<u32>(pairs + (row << 2)) << 3);
    store<i64>(at, load<i64>(at) + <i64>sign);
  }
}

/** Adds weights[row] to counts[pairs[row]], both i64. */
export function changelogWeigh(pairs: usize, length: i32, weights: usize, counts: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = counts + (<usize>load<u32>(pairs + (row << 2)) << 3);
    store<i64>(at, load<i64>(at) + load<i64>(weights + (row << 3)));
  }
}

/** Chains entries [from, to) by their owner u32: heads u32 per owner, next u32 per entry; newest first, + 1, 0 = none. */
export function changelogChain(owners: usize, from: i32, to: i32, heads: usize, next: usize): void {
  for (let entry: usize = <usize>from; entry < <usize>to; entry++) {
    const head = heads + (<usize>load<u32>(owners + (entry << 2)) << 2);
    store<u32>(next + (entry << 2), load<u32>(head));
    store<u32>(head, <u32>entry + 1);
  }
}

/**
 * The entries with a count (i64) above 0 in the chains of owners u32[count], and the place of the owner of each.
 * With entries = 0 only counts them.
 */
export function changelogEntries(
  owners: usize,
  count: i32,
  heads: usize,
  next: usize,
  counts: usize,
  places: usize,
  entries: usize,
): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    let link = load<u32>(heads + (<usize>load<u32>(owners + (i << 2)) << 2));
    while (link != 0) {
      const entry = <usize>link - 1;
      if (load<i64>(counts + (entry << 3)) > 0) {
        if (entries != 0) {
          store<u32>(places + (found << 2), <u32>i);
          store<u32>(entries + (found << 2), <u32>entry);
        }
        found++;
      }
      link = load<u32>(next + (entry << 2));
    }
  }
  return <i32>found;
}
