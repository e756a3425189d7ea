/**
 * Merge of sorted runs by a tree of losers (Knuth, TAOCP 3, 5.4.1), over keys as words (kernels/sort-key.ts).
 *
 * cursors[k] = { word u64, words u32, positions u32, stride i32, at u32, end u32, pad u32 }: rows at..end-1 of a run's
 * present batch are left; `word` is scratch. A cursor with at == end has no rows: its run has ended.
 * Rows with equal keys leave in the order of their cursors, so the merge is stable.
 */
import { sortKeyCompare } from "./sort-key";

const CURSOR_BYTES: usize = 32;

/** Bytes of one cursor. */
export function mergeCursorBytes(): i32 {
  return <i32>CURSOR_BYTES;
}

@inline
function cursorOf(cursors: usize, k: u32): usize {
  return cursors + <usize>k * CURSOR_BYTES;
}

@inline
function keyOf(cursor: usize): usize {
  const words = <usize>load<u32>(cursor, 8);
  const positions = <usize>load<u32>(cursor, 12);
  const at = <usize>load<u32>(cursor, 20);
  return words + ((positions == 0 ? at * <usize>load<i32>(cursor, 16) : <usize>load<u32>(positions + (at << 2))) << 3);
}

@inline
function keyWords(cursor: usize): i32 {
  const positions = <usize>load<u32>(cursor, 12);
  if (positions == 0) return load<i32>(cursor, 16);
  const at = positions + ((<usize>load<u32>(cursor, 20)) << 2);
  return load<u32>(at, 4) - load<u32>(at);
}

@inline
function isEmpty(cursor: usize): bool {
  return load<u32>(cursor, 20) == load<u32>(cursor, 24);
}

/** Whether the row of cursor `a` leaves before the row of cursor `b`. */
function isBefore(cursors: usize, count: u32, a: u32, b: u32): bool {
  if (b >= count) return true;
  if (a >= count) return false;
  const left = cursorOf(cursors, a);
  const right = cursorOf(cursors, b);
  if (isEmpty(right)) return true;
  if (isEmpty(left)) return false;
  const leftWord = load<u64>(left);
  const rightWord = load<u64>(right);
  if (leftWord != rightWord) return leftWord < rightWord;
  const order = sortKeyCompare(keyOf(left), keyWords(left), keyOf(right), keyWords(right));
  return order == 0 ? a < b : order < 0;
}

/**
 * Takes rows in order until `limit` rows are taken or a cursor has none left.
 *   tree   u32[2 * the next power of two from `count`]
 *   picks  u32[limit]: the cursor of each row taken; rows of one cursor are taken in order
 * Returns the number of rows taken; the cursors' `at` move on.
 */
export function mergePick(cursors: usize, count: u32, limit: i32, tree: usize, picks: usize): i32 {
  let leaves: u32 = 1;
  while (leaves < count) leaves <<= 1;
  for (let k: u32 = 0; k < count; k++) {
    const cursor = cursorOf(cursors, k);
    if (!isEmpty(cursor)) store<u64>(cursor, load<u64>(keyOf(cursor)));
  }
  // tree[leaves + k] holds leaf k; while it is built, tree[node] holds winners, then losers.
  for (let k: u32 = 0; k < leaves; k++) store<u32>(tree + ((<usize>(leaves + k)) << 2), k);
  for (let node = leaves - 1; node > 0; node--) {
    const a = load<u32>(tree + ((<usize>node) << 3));
    const b = load<u32>(tree + ((<usize>node) << 3), 4);
    store<u32>(tree + ((<usize>node) << 2), isBefore(cursors, count, a, b) ? a : b);
  }
  let winner = load<u32>(tree + 4);
  for (let node: u32 = 1; node < leaves; node++) {
    const a = load<u32>(tree + ((<usize>node) << 3));
    const b = load<u32>(tree + ((<usize>node) << 3), 4);
    const won = load<u32>(tree + ((<usize>node) << 2));
    // Parents come before children, so a child still holds its winner when its parent asks.
    store<u32>(tree + ((<usize>node) << 2), won == a ? b : a);
  }
  let taken = 0;
  while (taken < limit) {
    const cursor = cursorOf(cursors, winner);
    if (winner >= count || isEmpty(cursor)) break;
    store<u32>(picks + ((<usize>taken) << 2), winner);
    taken++;
    const at = load<u32>(cursor, 20) + 1;
    store<u32>(cursor, at, 20);
    if (at == load<u32>(cursor, 24)) break;
    store<u64>(cursor, load<u64>(keyOf(cursor)));
    for (let node = (leaves + winner) >> 1; node > 0; node >>= 1) {
      const slot = tree + ((<usize>node) << 2);
      const loser = load<u32>(slot);
      if (isBefore(cursors, count, loser, winner)) {
        store<u32>(slot, winner);
        winner = loser;
      }
    }
  }
  return taken;
}

/**
 * indices[i] = starts[picks[i]]++: where the rows taken lie once the runs' pieces are put one after the other.
 *   starts  u32 per cursor: where its piece starts; moved on
 */
export function mergeIndices(picks: usize, length: i32, starts: usize, indices: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    const start = starts + ((<usize>load<u32>(picks + (i << 2))) << 2);
    const index = load<u32>(start);
    store<u32>(start, index + 1);
    store<u32>(indices + (i << 2), index);
  }
}

/**
 * How many of the sorted keys from row `at` to `end` are below a bound (`orEqual`: or equal to it).
 *   bound  a key of `boundWords` words
 */
export function mergeBound(
  words: usize,
  positions: usize,
  stride: i32,
  at: u32,
  end: u32,
  bound: usize,
  boundWords: i32,
  orEqual: bool,
): u32 {
  let low = at;
  let high = end;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    const order = compareRow(words, positions, stride, middle, bound, boundWords);
    if (order < 0 || (orEqual && order == 0)) low = middle + 1;
    else high = middle;
  }
  return low - at;
}

@inline
function compareRow(words: usize, positions: usize, stride: i32, row: u32, other: usize, otherWords: i32): i32 {
  if (positions == 0) return sortKeyCompare(words + ((<usize>row * <usize>stride) << 3), stride, other, otherWords);
  const at = positions + ((<usize>row) << 2);
  const start = load<u32>(at);
  return sortKeyCompare(words + ((<usize>start) << 3), load<u32>(at, 4) - start, other, otherWords);
}

/**
 * numbers[row] = how many of the sorted bounds are below or equal to the row's key: its range partition.
 *   bounds, boundPositions, boundStride  `boundCount` keys in order
 */
export function mergeRangeNumbers(
  words: usize,
  positions: usize,
  stride: i32,
  length: i32,
  bounds: usize,
  boundPositions: usize,
  boundStride: i32,
  boundCount: i32,
  numbers: usize,
): void {
  for (let row: u32 = 0; row < <u32>length; row++) {
    const key = words + ((positions == 0 ? <usize>row * <usize>stride : <usize>load<u32>(positions + ((<usize>row) << 2))) << 3);
    const keyLength = positions == 0
      ? stride
      : load<u32>(positions + ((<usize>row) << 2), 4) - load<u32>(positions + ((<usize>row) << 2));
    let low: u32 = 0;
    let high: u32 = boundCount;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareRow(bounds, boundPositions, boundStride, middle, key, keyLength) <= 0) low = middle + 1;
      else high = middle;
    }
    store<u32>(numbers + ((<usize>row) << 2), low);
  }
}

/**
 * rows = the row numbers whose key is below the bound (`orEqual`: or equal), in order; returns how many.
 *   rows  u32[length]
 */
export function mergeSelectBelow(
  words: usize,
  positions: usize,
  stride: i32,
  length: i32,
  bound: usize,
  boundWords: i32,
  orEqual: bool,
  rows: usize,
): i32 {
  let count = 0;
  for (let row: u32 = 0; row < <u32>length; row++) {
    const order = compareRow(words, positions, stride, row, bound, boundWords);
    store<u32>(rows + ((<usize>count) << 2), row);
    count += <i32>(order < 0 || (orEqual && order == 0));
  }
  return count;
}
