import { takesBack } from "./row-kinds";

/**
 * All rows of each group in an order, where rows may be taken back: those of ROW_NUMBER() <= limit are the first ones.
 *
 * Rows have numbers 0, 1, 2, ... as they come, and keys as in kernels/ranked.ts. Those that are there form a treap per
 * group, from the best to the worst (Seidel and Aragon, "Randomized Search Trees", Algorithmica 16, 1996); priorities
 * are hashes of the numbers. Rows of equal columns have one content, by which a row that is taken back is found.
 *   trees     { root u32, count u32 } per group: number of the root + 1, or 0 for a group without rows
 *   nodes     { left u32, right u32, parent u32, twin u32 } per row, each a row + 1 or 0; the twin is the row of its
 *             content that came before it and is still there
 *   contents  u32 per row: its content
 *   heads     u32 per content: its newest row that is there + 1, or 0
 */
import { rankedIsBetter } from "./ranked";

@inline
function treeOf(trees: usize, group: u32): usize {
  return trees + (<usize>group << 3);
}

/** Of a row + 1; the fields are left (0), right (4), parent (8) and twin (12). */
@inline
function nodeOf(nodes: usize, link: u32): usize {
  return nodes + ((<usize>link - 1) << 4);
}

/** The finalizer of MurmurHash3. */
@inline
function priorityOf(link: u32): u32 {
  let hash = link;
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
  return hash ^ (hash >>> 16);
}

/** Puts `child`, which may be 0, where `old` hangs below `parent`, or below the root where that is 0. */
@inline
function replaceChild(nodes: usize, tree: usize, parent: u32, old: u32, child: u32): void {
  if (parent == 0) store<u32>(tree, child);
  else {
    const at = nodeOf(nodes, parent);
    if (load<u32>(at) == old) store<u32>(at, child);
    else store<u32>(at, child, 4);
  }
  if (child != 0) store<u32>(nodeOf(nodes, child), parent, 8);
}

/** Turns a row up, above its parent. */
function rotateUp(nodes: usize, tree: usize, link: u32): void {
  const node = nodeOf(nodes, link);
  const parent = load<u32>(node, 8);
  const above = nodeOf(nodes, parent);
  replaceChild(nodes, tree, load<u32>(above, 8), parent, link);
  const isLeft = load<u32>(above) == link;
  const inner = isLeft ? load<u32>(node, 4) : load<u32>(node);
  if (isLeft) {
    store<u32>(above, inner);
    store<u32>(node, parent, 4);
  } else {
    store<u32>(above, inner, 4);
    store<u32>(node, parent);
  }
  if (inner != 0) store<u32>(nodeOf(nodes, inner), parent, 8);
  store<u32>(above, link, 8);
}

@inline
function remove(nodes: usize, tree: usize, link: u32): void {
  const node = nodeOf(nodes, link);
  for (;;) {
    const left = load<u32>(node);
    const right = load<u32>(node, 4);
    if (left == 0 || right == 0) {
      replaceChild(nodes, tree, load<u32>(node, 8), link, left | right);
      break;
    }
    rotateUp(nodes, tree, priorityOf(left) < priorityOf(right) ? left : right);
  }
  store<u32>(tree, load<u32>(tree, 4) - 1, 4);
}

@inline
function wordsBefore(positions: usize, row: u32): u32 {
  return load<u32>(positions + (<usize>row << 2));
}

/**
 * Puts the rows of a batch into the trees of their groups u32[length], or takes them out again.
 *   newContents  u32[length]
 *   kinds        int8[length], or 0 = every row is put in
 *   newWords, newPositions, stride  the keys of the batch; newPositions is 0 where they are `stride` words apart
 *   first        number of the first row to come; nodes, contents, positions and words have room for the whole batch
 *   rows         room for u32[length]: the rows of the batch that were put in; the i-th has the number first + i
 *   sizes        u32[2]: rows that were put in, and rows that were to be taken back and are not there
 */
export function rankedTreeApply(
  groups: usize,
  newContents: usize,
  kinds: usize,
  length: i32,
  newWords: usize,
  newPositions: usize,
  stride: i32,
  trees: usize,
  nodes: usize,
  contents: usize,
  heads: usize,
  positions: usize,
  words: usize,
  first: u32,
  laterWins: bool,
  rows: usize,
  sizes: usize,
): void {
  let taken: u32 = 0;
  let missed: u32 = 0;
  let end = wordsBefore(positions, first);
  for (let row: usize = 0; row < <usize>length; row++) {
    const tree = treeOf(trees, load<u32>(groups + (row << 2)));
    const content = load<u32>(newContents + (row << 2));
    const head = heads + (<usize>content << 2);
    if (takesBack(kinds, row)) {
      const gone = load<u32>(head);
      if (gone == 0) missed++;
      else {
        store<u32>(head, load<u32>(nodeOf(nodes, gone), 12));
        remove(nodes, tree, gone);
      }
      continue;
    }
    let start = <u32>row * <u32>stride;
    let size = stride;
    if (newPositions != 0) {
      start = wordsBefore(newPositions, <u32>row);
      size = <i32>(wordsBefore(newPositions, <u32>row + 1) - start);
    }
    const key = newWords + (<usize>start << 3);
    const number = first + taken++;
    memory.copy(words + (<usize>end << 3), key, <usize>size << 3);
    end += <u32>size;
    store<u32>(positions + (<usize>(number + 1) << 2), end);
    store<u32>(contents + (<usize>number << 2), content);
    store<u32>(rows + (<usize>(taken - 1) << 2), <u32>row);
    const link = number + 1;
    let parent: u32 = 0;
    let isLeft = false;
    for (let below = load<u32>(tree); below != 0; ) {
      parent = below;
      isLeft = rankedIsBetter(key, size, below - 1, positions, words, laterWins);
      below = load<u32>(nodeOf(nodes, below) + (isLeft ? 0 : 4));
    }
    const node = nodeOf(nodes, link);
    store<u64>(node, 0);
    store<u32>(node, parent, 8);
    store<u32>(node, load<u32>(head), 12);
    store<u32>(head, link);
    if (parent == 0) store<u32>(tree, link);
    else store<u32>(nodeOf(nodes, parent) + (isLeft ? 0 : 4), link);
    const priority = priorityOf(link);
    while (parent != 0 && priority < priorityOf(parent)) {
      rotateUp(nodes, tree, link);
      parent = load<u32>(node, 8);
    }
    store<u32>(tree, load<u32>(tree, 4) + 1, 4);
  }
  store<u32>(sizes, taken);
  store<u32>(sizes, missed, 4);
}

/** The best row below a link that is not 0. */
@inline
function bestBelow(nodes: usize, link: u32): u32 {
  let at = link;
  let left = load<u32>(nodeOf(nodes, at));
  while (left != 0) {
    at = left;
    left = load<u32>(nodeOf(nodes, at));
  }
  return at;
}

/** The row behind another one; 0 = none. */
@inline
function rowBehind(nodes: usize, link: u32): u32 {
  const right = load<u32>(nodeOf(nodes, link), 4);
  if (right != 0) return bestBelow(nodes, right);
  let at = link;
  let parent = load<u32>(nodeOf(nodes, at), 8);
  while (parent != 0 && load<u32>(nodeOf(nodes, parent)) != at) {
    at = parent;
    parent = load<u32>(nodeOf(nodes, at), 8);
  }
  return parent;
}

/** How many rows the groups touched[count] have, up to `limit` each; with touched = 0, the groups [0, count). */
export function rankedTreeTotal(touched: usize, count: i32, trees: usize, limit: u32): f64 {
  let total: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const group = touched == 0 ? <u32>i : load<u32>(touched + (i << 2));
    total += <u64>min(limit, load<u32>(treeOf(trees, group), 4));
  }
  return <f64>total;
}

/**
 * The first `limit` rows of the groups touched[count]; with touched = 0, of the groups [0, count).
 *   starts  u32[count + 1]: where the rows of each group start
 *   rows    u32[rankedTreeTotal]
 */
export function rankedTreeRows(
  touched: usize,
  count: i32,
  trees: usize,
  nodes: usize,
  limit: u32,
  starts: usize,
  rows: usize,
): void {
  let end: u32 = 0;
  store<u32>(starts, 0);
  for (let i: usize = 0; i < <usize>count; i++) {
    const tree = treeOf(trees, touched == 0 ? <u32>i : load<u32>(touched + (i << 2)));
    const root = load<u32>(tree);
    let link = root == 0 ? 0 : bestBelow(nodes, root);
    for (let left = min(limit, load<u32>(tree, 4)); left > 0; left--) {
      store<u32>(rows + (<usize>end << 2), link - 1);
      end++;
      link = rowBehind(nodes, link);
    }
    store<u32>(starts + (i << 2), end, 4);
  }
}

/**
 * rows = all that are there, as they came; returns how many. `heads` u32[contentCount], `flags` u8[rowCount] zero, and
 * room for u32[rowCount].
 */
export function rankedTreeLiving(
  heads: usize,
  contentCount: i32,
  nodes: usize,
  rowCount: i32,
  flags: usize,
  rows: usize,
): i32 {
  for (let content: usize = 0; content < <usize>contentCount; content++) {
    for (let link = load<u32>(heads + (content << 2)); link != 0; link = load<u32>(nodeOf(nodes, link), 12)) {
      store<u8>(flags + <usize>link - 1, 1);
    }
  }
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>rowCount; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>load<u8>(flags + row);
  }
  return <i32>count;
}

/** Takes all rows out of the groups u32[count]; returns how many there were. */
export function rankedTreeClear(
  groups: usize,
  count: i32,
  trees: usize,
  nodes: usize,
  contents: usize,
  heads: usize,
): f64 {
  let gone: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const tree = treeOf(trees, load<u32>(groups + (i << 2)));
    const root = load<u32>(tree);
    if (root == 0) continue;
    // Rows of one content are in one group.
    for (let link = bestBelow(nodes, root); link != 0; link = rowBehind(nodes, link)) {
      store<u32>(heads + (<usize>load<u32>(contents + ((<usize>link - 1) << 2)) << 2), 0);
      gone++;
    }
    store<u64>(tree, 0);
  }
  return <f64>gone;
}

@inline
function put(change: usize, row: u32, kind: u8, rank: u32, rows: usize, kinds: usize, ranks: usize): void {
  store<u32>(rows + (change << 2), row);
  store<u8>(kinds + change, kind);
  store<i64>(ranks + (change << 3), <i64>rank);
}

/**
 * What to emit for groups whose first rows were `before` and are `after`, both by starts[count + 1] and best first; a row
 * is as good as another one of its content.
 * hasRanks: each place that has another content changes; else a group gives the rows that have gone and those that have
 * come, and where one row is kept (isSingle) the new one updates the old one. Row kinds as in kernels/changelog.ts.
 *   deltas  i32 per content, zero before and after
 * rows u32, kinds i8 and ranks i64 have room for both lists. Returns the number of changes.
 */
export function rankedTreeChanges(
  startsBefore: usize,
  before: usize,
  startsAfter: usize,
  after: usize,
  count: i32,
  contents: usize,
  deltas: usize,
  isSingle: bool,
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
    if (hasRanks || isSingle) {
      for (let rank: u32 = 0; rank < max(wasCount, isCount); rank++) {
        const old = rank < wasCount ? load<u32>(was + (<usize>rank << 2)) : 0;
        const now = rank < isCount ? load<u32>(is + (<usize>rank << 2)) : 0;
        if (rank < wasCount && rank < isCount) {
          if (contentOf(contents, old) == contentOf(contents, now)) continue;
          put(changes++, old, 1, rank + 1, rows, kinds, ranks);
          put(changes++, now, 2, rank + 1, rows, kinds, ranks);
        } else if (rank < wasCount) put(changes++, old, 3, rank + 1, rows, kinds, ranks);
        else put(changes++, now, 0, rank + 1, rows, kinds, ranks);
      }
      continue;
    }
    for (let rank: u32 = 0; rank < wasCount; rank++) add(deltas, contents, load<u32>(was + (<usize>rank << 2)), -1);
    for (let rank: u32 = 0; rank < isCount; rank++) add(deltas, contents, load<u32>(is + (<usize>rank << 2)), 1);
    for (let rank: u32 = 0; rank < wasCount; rank++) {
      const row = load<u32>(was + (<usize>rank << 2));
      if (deltaOf(deltas, contents, row) >= 0) continue;
      add(deltas, contents, row, 1);
      put(changes++, row, 3, rank + 1, rows, kinds, ranks);
    }
    for (let rank: u32 = 0; rank < isCount; rank++) {
      const row = load<u32>(is + (<usize>rank << 2));
      if (deltaOf(deltas, contents, row) <= 0) continue;
      add(deltas, contents, row, -1);
      put(changes++, row, 0, rank + 1, rows, kinds, ranks);
    }
  }
  return <i32>changes;
}

@inline
function contentOf(contents: usize, row: u32): u32 {
  return load<u32>(contents + (<usize>row << 2));
}

@inline
function deltaOf(deltas: usize, contents: usize, row: u32): i32 {
  return load<i32>(deltas + (<usize>contentOf(contents, row) << 2));
}

@inline
function add(deltas: usize, contents: usize, row: u32, delta: i32): void {
  const at = deltas + (<usize>contentOf(contents, row) << 2);
  store<i32>(at, load<i32>(at) + delta);
}
