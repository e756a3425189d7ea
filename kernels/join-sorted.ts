import { sortKeyCompare } from "./sort-key";

/**
 * Joins and groups over rows sorted by keys as words (kernels/sort-key.ts): positions u32[length + 1] or 0 and stride.
 * Heads and chains are those of kernels/join.ts.
 */

@inline
function isOut(valid: usize, row: usize): bool {
  return valid != 0 && ((load<u8>(valid + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function wordsOf(words: usize, positions: usize, stride: i32, row: usize): usize {
  return words + ((positions == 0 ? row * <usize>stride : <usize>load<u32>(positions + (row << 2))) << 3);
}

@inline
function countOf(positions: usize, stride: i32, row: usize): i32 {
  if (positions == 0) return stride;
  return load<u32>(positions + (row << 2), 4) - load<u32>(positions + (row << 2));
}

@inline
function compareRows(
  words: usize,
  positions: usize,
  stride: i32,
  row: usize,
  otherWords: usize,
  otherPositions: usize,
  otherStride: i32,
  otherRow: usize,
): i32 {
  return sortKeyCompare(
    wordsOf(words, positions, stride, row),
    countOf(positions, stride, row),
    wordsOf(otherWords, otherPositions, otherStride, otherRow),
    countOf(otherPositions, otherStride, otherRow),
  );
}

/** next[row] = the following row + 1 where it has the same key, else 0. Returns whether any key occurs twice. */
export function joinSortedNext(words: usize, positions: usize, stride: i32, length: i32, next: usize): bool {
  let repeats = false;
  for (let row: usize = 0; row < <usize>length; row++) {
    let link: u32 = 0;
    if (row + 1 < <usize>length && compareRows(words, positions, stride, row, words, positions, stride, row + 1) == 0) {
      link = <u32>row + 2;
      repeats = true;
    }
    store<u32>(next + (row << 2), link);
  }
  return repeats;
}

/**
 * heads[row] = first row + 1 of `build` with the key of each row, or 0; both sides sorted by the same order.
 *   valid, buildValid  bitmaps of the rows that can match, or 0
 */
export function joinSortedFind(
  words: usize,
  positions: usize,
  stride: i32,
  valid: usize,
  length: i32,
  buildWords: usize,
  buildPositions: usize,
  buildStride: i32,
  buildValid: usize,
  buildLength: i32,
  heads: usize,
): void {
  let build: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    let order = 1;
    while (build < <usize>buildLength) {
      order = compareRows(buildWords, buildPositions, buildStride, build, words, positions, stride, row);
      if (order >= 0) break;
      build++;
    }
    const found = order == 0 && build < <usize>buildLength && !isOut(valid, row) && !isOut(buildValid, build);
    store<u32>(heads + (row << 2), found ? <u32>build + 1 : 0);
  }
}

/**
 * Aligns the groups of equal keys of two sorted sides: bounds[i] = u32[4] { left start, left end, right start,
 * right end } of group i, in order of keys; a side without the key has start = end. Room for one group per row.
 * Returns how many groups there are.
 */
export function joinSortedGroups(
  words: usize,
  positions: usize,
  stride: i32,
  length: i32,
  otherWords: usize,
  otherPositions: usize,
  otherStride: i32,
  otherLength: i32,
  bounds: usize,
): i32 {
  let left: usize = 0;
  let right: usize = 0;
  let at = bounds;
  while (left < <usize>length || right < <usize>otherLength) {
    let order: i32;
    if (left == <usize>length) order = 1;
    else if (right == <usize>otherLength) order = -1;
    else order = compareRows(words, positions, stride, left, otherWords, otherPositions, otherStride, right);
    store<u32>(at, <u32>left);
    store<u32>(at, <u32>right, 8);
    if (order <= 0) {
      const first = left++;
      while (left < <usize>length && compareRows(words, positions, stride, first, words, positions, stride, left) == 0) {
        left++;
      }
    }
    if (order >= 0) {
      const first = right++;
      while (
        right < <usize>otherLength &&
        compareRows(otherWords, otherPositions, otherStride, first, otherWords, otherPositions, otherStride, right) == 0
      ) {
        right++;
      }
    }
    store<u32>(at, <u32>left, 4);
    store<u32>(at, <u32>right, 12);
    at += 16;
  }
  return <i32>((at - bounds) >> 4);
}
