/**
 * The best rows of each group in an order, kept up to date row by row: those of ROW_NUMBER() <= limit.
 *
 * Rows that are kept have numbers 0, 1, 2, ... as they come, and keys as words (kernels/sort-key.ts): row i has
 * words[positions[i]..positions[i + 1]), where positions is u32[rows + 1] and begins with 0. They are chained by group
 * from the worst to the best, since a new row mostly has to beat the worst only.
 *   lists  { worst u32, count u32 } per group: number of the worst row + 1, or 0 for a group without rows
 *   next   u32 per row: the next better row of its group + 1, or 0
 */
import { sortKeyCompare } from "./sort-key";

@inline
function listOf(lists: usize, group: u32): usize {
  return lists + (<usize>group << 3);
}

@inline
function wordsBefore(positions: usize, row: u32): u32 {
  return load<u32>(positions + (<usize>row << 2));
}

/** Whether a new key ranks before that of a kept row; of equal ones `laterWins` says so. */
@inline
export function rankedIsBetter(key: usize, size: i32, row: u32, positions: usize, words: usize, laterWins: bool): bool {
  const start = wordsBefore(positions, row);
  const end = wordsBefore(positions, row + 1);
  const order = sortKeyCompare(key, size, words + (<usize>start << 3), <i32>(end - start));
  return order < 0 || (order == 0 && laterWins);
}

/**
 * Puts the rows of a batch into the lists of their groups u32[length] as far as they are among the `limit` best, and
 * drops those that they displace.
 *   newWords, newPositions, stride  the keys of the batch; newPositions is 0 where they are `stride` words apart
 *   first    number of the first row to come; next, positions and words have room for all rows of the batch
 *   rows     room for u32[length]: the rows of the batch that were put in; the i-th has the number first + i
 *   dropped  u8[length], zeroed: 1 for those of them that a later one displaced
 * Returns how many rows were put in.
 */
export function rankedInsert(
  groups: usize,
  length: i32,
  newWords: usize,
  newPositions: usize,
  stride: i32,
  lists: usize,
  next: usize,
  positions: usize,
  words: usize,
  first: u32,
  limit: u32,
  laterWins: bool,
  rows: usize,
  dropped: usize,
): i32 {
  let taken: u32 = 0;
  let end = wordsBefore(positions, first);
  for (let row: usize = 0; row < <usize>length; row++) {
    const list = listOf(lists, load<u32>(groups + (row << 2)));
    let start = <u32>row * <u32>stride;
    let size = stride;
    if (newPositions != 0) {
      start = wordsBefore(newPositions, <u32>row);
      size = <i32>(wordsBefore(newPositions, <u32>row + 1) - start);
    }
    const key = newWords + (<usize>start << 3);
    // The link that will name the new row: the list's own at first, then that of the last row it beats.
    let link = list;
    let better = load<u32>(list);
    const isFull = load<u32>(list, 4) == limit;
    while (better != 0 && rankedIsBetter(key, size, better - 1, positions, words, laterWins)) {
      link = next + (<usize>(better - 1) << 2);
      better = load<u32>(link);
    }
    if (isFull && link == list) continue;
    const number = first + taken;
    memory.copy(words + (<usize>end << 3), key, <usize>size << 3);
    end += <u32>size;
    store<u32>(positions + (<usize>(number + 1) << 2), end);
    store<u32>(next + (<usize>number << 2), better);
    store<u32>(link, number + 1);
    store<u32>(rows + (<usize>taken << 2), <u32>row);
    taken++;
    if (isFull) {
      const worst = load<u32>(list) - 1;
      store<u32>(list, load<u32>(next + (<usize>worst << 2)));
      if (worst >= first) store<u8>(dropped + <usize>(worst - first), 1);
    } else store<u32>(list, load<u32>(list, 4) + 1, 4);
  }
  return <i32>taken;
}

/**
 * Closes the gaps that dropped rows left among the `taken` newest, and renumbers these; `touched` u32[count] are the
 * groups that have some of them. numbers: scratch u32[taken]. Returns how many are left.
 */
export function rankedSettle(
  touched: usize,
  count: i32,
  lists: usize,
  next: usize,
  positions: usize,
  words: usize,
  first: u32,
  taken: i32,
  dropped: usize,
  rows: usize,
  numbers: usize,
): i32 {
  let left: u32 = 0;
  let end = wordsBefore(positions, first);
  let start = end;
  for (let i: u32 = 0; i < <u32>taken; i++) {
    // Rows move down only, so what is written here was read before.
    const upTo = wordsBefore(positions, first + i + 1);
    const size = upTo - start;
    if (load<u8>(dropped + <usize>i) == 0) {
      memory.copy(words + (<usize>end << 3), words + (<usize>start << 3), <usize>size << 3);
      end += size;
      store<u32>(positions + (<usize>(first + left + 1) << 2), end);
      store<u32>(next + (<usize>(first + left) << 2), load<u32>(next + (<usize>(first + i) << 2)));
      store<u32>(rows + (<usize>left << 2), load<u32>(rows + (<usize>i << 2)));
      store<u32>(numbers + (<usize>i << 2), left);
      left++;
    }
    start = upTo;
  }
  for (let i: usize = 0; i < <usize>count; i++) {
    let link = listOf(lists, load<u32>(touched + (i << 2)));
    let row = load<u32>(link);
    while (row != 0) {
      if (row > first) {
        row = first + load<u32>(numbers + (<usize>(row - 1 - first) << 2)) + 1;
        store<u32>(link, row);
      }
      link = next + (<usize>(row - 1) << 2);
      row = load<u32>(link);
    }
  }
  return <i32>left;
}

/** How many rows the groups touched[count] have; with touched = 0, the groups [0, count). */
export function rankedTotal(touched: usize, count: i32, lists: usize): f64 {
  let total: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const group = touched == 0 ? <u32>i : load<u32>(touched + (i << 2));
    total += <u64>load<u32>(listOf(lists, group), 4);
  }
  return <f64>total;
}

/**
 * The rows of the groups touched[count] from the best to the worst; with touched = 0, of the groups [0, count).
 *   starts  u32[count + 1]: where the rows of each group start
 *   rows    u32[rankedTotal]
 */
export function rankedRows(touched: usize, count: i32, lists: usize, next: usize, starts: usize, rows: usize): void {
  let end: u32 = 0;
  store<u32>(starts, 0);
  for (let i: usize = 0; i < <usize>count; i++) {
    const list = listOf(lists, touched == 0 ? <u32>i : load<u32>(touched + (i << 2)));
    end += load<u32>(list, 4);
    store<u32>(starts + (i << 2), end, 4);
    let at = rows + (<usize>end << 2);
    for (let row = load<u32>(list); row != 0; row = load<u32>(next + (<usize>(row - 1) << 2))) {
      at -= 4;
      store<u32>(at, row - 1);
    }
  }
}

/** ranks[i] = place of each row in its group, from 1 on; starts: u32[count + 1], ranks: i64[starts[count]] */
export function rankedNumbers(starts: usize, count: i32, ranks: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const start = load<u32>(starts + (i << 2));
    const end = load<u32>(starts + (i << 2), 4);
    for (let at = start; at < end; at++) store<i64>(ranks + (<usize>at << 3), <i64>(at - start) + 1);
  }
}

@inline
function put(change: usize, row: u32, kind: u8, rank: u32, rows: usize, kinds: usize, ranks: usize): void {
  store<u32>(rows + (change << 2), row);
  store<u8>(kinds + change, kind);
  store<i64>(ranks + (change << 3), <i64>rank);
}

/**
 * What to emit for groups whose rows were `before` and are `after`, both by starts[count + 1] and best first.
 * hasRanks: a row at another place than before is another row; else a group gives the rows that have gone and those
 * that have come. Row kinds as in kernels/changelog.ts; rows from `first` on are new.
 * rows u32, kinds i8 and ranks i64 have room for both lists. Returns the number of changes.
 */
export function rankedChanges(
  startsBefore: usize,
  before: usize,
  startsAfter: usize,
  after: usize,
  count: i32,
  first: u32,
  limit: u32,
  hasRanks: bool,
  rows: usize,
  kinds: usize,
  ranks: usize,
): i32 {
  let changes: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const was = before + (<usize>load<u32>(startsBefore + (i << 2)) << 2);
    const is = after + (<usize>load<u32>(startsAfter + (i << 2)) << 2);
    const wasCount = load<u32>(startsBefore + (i << 2), 4) - load<u32>(startsBefore + (i << 2));
    const isCount = load<u32>(startsAfter + (i << 2), 4) - load<u32>(startsAfter + (i << 2));
    if (hasRanks) {
      for (let rank: u32 = 0; rank < isCount; rank++) {
        const now = load<u32>(is + (<usize>rank << 2));
        const had = rank < wasCount;
        if (had) {
          const old = load<u32>(was + (<usize>rank << 2));
          if (old == now) continue;
          put(changes++, old, 1, rank + 1, rows, kinds, ranks);
        }
        put(changes++, now, had ? 2 : 0, rank + 1, rows, kinds, ranks);
      }
      continue;
    }
    let kept: u32 = 0;
    for (let rank: u32 = 0; rank < isCount; rank++) kept += <u32>(load<u32>(is + (<usize>rank << 2)) < first);
    // Of one row per key, the new one updates the old one.
    const isUpdate = limit == 1 && kept < wasCount;
    // Only the worst rows are displaced, so those that are left are the best of before.
    for (let rank = kept; rank < wasCount; rank++) {
      put(changes++, load<u32>(was + (<usize>rank << 2)), isUpdate ? 1 : 3, rank + 1, rows, kinds, ranks);
    }
    for (let rank: u32 = 0; rank < isCount; rank++) {
      const now = load<u32>(is + (<usize>rank << 2));
      if (now >= first) put(changes++, now, isUpdate ? 2 : 0, rank + 1, rows, kinds, ranks);
    }
  }
  return <i32>changes;
}

/**
 * Numbers the rows of all groups anew, group by group from the worst to the best, and copies their keys.
 *   rows  u32 per living row: its old number
 * newNext, newPositions and newWords are as next, positions and words, without the rows that have gone; rows may not
 * overlap any of them. Returns how many rows there are.
 */
export function rankedCompact(
  lists: usize,
  groupCount: i32,
  next: usize,
  positions: usize,
  words: usize,
  rows: usize,
  newNext: usize,
  newPositions: usize,
  newWords: usize,
): i32 {
  let count: u32 = 0;
  let end: u32 = 0;
  store<u32>(newPositions, 0);
  for (let group: u32 = 0; group < <u32>groupCount; group++) {
    const list = listOf(lists, group);
    let row = load<u32>(list);
    if (row != 0) store<u32>(list, count + 1);
    while (row != 0) {
      const old = row - 1;
      row = load<u32>(next + (<usize>old << 2));
      const start = wordsBefore(positions, old);
      const size = wordsBefore(positions, old + 1) - start;
      memory.copy(newWords + (<usize>end << 3), words + (<usize>start << 3), <usize>size << 3);
      end += size;
      store<u32>(rows + (<usize>count << 2), old);
      store<u32>(newNext + (<usize>count << 2), row == 0 ? 0 : count + 2);
      count++;
      store<u32>(newPositions + (<usize>count << 2), end);
    }
  }
  return <i32>count;
}

/** Takes all rows out of the groups u32[count]; returns how many there were. */
export function rankedClear(groups: usize, count: i32, lists: usize): f64 {
  let gone: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const list = listOf(lists, load<u32>(groups + (i << 2)));
    gone += <u64>load<u32>(list, 4);
    store<u64>(list, 0);
  }
  return <f64>gone;
}

/** How many of the groups [0, count) have rows; also of the trees of kernels/ranked-tree.ts. */
export function rankedLivingGroups(lists: usize, count: i32): i32 {
  let living = 0;
  for (let group: u32 = 0; group < <u32>count; group++) living += <i32>(load<u32>(listOf(lists, group), 4) != 0);
  return living;
}
