/**
 * Windows of so many rows per key. The rows of a key are numbered, and every `slide` of them end a window of the last
 * `size`. All windows of a key begin and end at bounds of its panes: within each period of `slide` rows one pane begins
 * at row 0, and one at row `split`, if `split` is below `slide`. With `skips` (size below slide) the rows before `split`
 * are in no window, and no pane begins at row 0.
 *
 * Key, 16 bytes: u64 rows in the present period; u32 newest pane + 1, 0 for none; u32 how many panes it has begun.
 *
 * So that a window is put together from few pieces, 2^level panes of a key are a block, where as many begin at the same
 * multiple: a pane that follows completes the blocks that end before it, each made of two of the level below. Panes and
 * blocks are nodes of one numbering, 8 bytes each: u32 the pane before its first one + 1, 0 for none; u32 the block of
 * the next level that ends with the same pane + 1, 0 for none. A window takes two blocks of each level at most.
 */
const KEY_SHIFT: usize = 4;
const NEWEST: usize = 8;
const BEGUN: usize = 12;
const NODE_SHIFT: usize = 3;
const ABOVE: usize = 4;
/** Blocks to be made, 16 bytes: u32 its node, the two nodes that it is made of, the older one first, and its level. */
const BLOCK_SHIFT: usize = 4;

/**
 * Puts rows in panes; new panes and blocks are numbered as they come.
 *   groups   u32[rowCount], the key of each row; may be `panes`
 *   levels   of blocks; 0: none are made
 *   state    u32[3]: in, how many nodes there are; out, how many there are now, how many rows are in a pane, how many
 *            blocks are to be made
 *   blocks   out: room for rowCount + levels * (keys that rows have); nodes: room for as many more, and rowCount
 *   rows     out: u32[rowCount], the rows in a pane, ascending; panes: their panes
 *   fired    out: u32[rowCount], the newest pane of each window that is complete, by its last row; firedKeys: its key
 * Returns how many windows are complete.
 */
export function countWindowAssign(
  groups: usize,
  rowCount: i32,
  slideRows: f64,
  splitRows: f64,
  skips: bool,
  levels: i32,
  keys: usize,
  nodes: usize,
  state: usize,
  blocks: usize,
  rows: usize,
  panes: usize,
  fired: usize,
  firedKeys: usize,
): i32 {
  const slide = <u64>slideRows;
  const split = <u64>splitRows;
  let taken: usize = 0;
  let firings: usize = 0;
  store<u32>(state, 0, 8);
  for (let row: usize = 0; row < <usize>rowCount; row++) {
    const group = load<u32>(groups + (row << 2));
    const key = keys + (<usize>group << KEY_SHIFT);
    let position = load<u64>(key);
    if (position == split || (position == 0 && !skips)) beginPane(key, levels, nodes, state, blocks);
    if (!skips || position >= split) {
      store<u32>(rows + (taken << 2), <u32>row);
      store<u32>(panes + (taken << 2), load<u32>(key, NEWEST) - 1);
      taken++;
    }
    if (++position == slide) {
      store<u32>(fired + (firings << 2), load<u32>(key, NEWEST) - 1);
      store<u32>(firedKeys + (firings << 2), group);
      firings++;
      position = 0;
    }
    store<u64>(key, position);
  }
  store<u32>(state, <u32>taken, 4);
  return <i32>firings;
}

/** Gives a key its next pane, before it the blocks that the pane before completes; `state` as in countWindowAssign. */
function beginPane(key: usize, levels: i32, nodes: usize, state: usize, blocks: usize): void {
  const begun = load<u32>(key, BEGUN);
  const newest = load<u32>(key, NEWEST);
  let count = load<u32>(state);
  let newer = newest;
  for (let level = 1; level <= levels && begun != 0 && (begun & ((1 << level) - 1)) == 0; level++) {
    let older = load<u32>(nodeOf(nodes, newer));
    for (let below = 1; below < level; below++) older = load<u32>(nodeOf(nodes, older), ABOVE);
    const made = load<u32>(state, 8);
    const block = blocks + (<usize>made << BLOCK_SHIFT);
    store<u32>(block, count);
    store<u32>(block, older - 1, 4);
    store<u32>(block, newer - 1, 8);
    store<u32>(block, <u32>level, 12);
    store<u32>(state, made + 1, 8);
    const before = load<u32>(nodeOf(nodes, older));
    store<u32>(nodeOf(nodes, newer), ++count, ABOVE);
    newer = count;
    store<u32>(nodeOf(nodes, newer), before);
    store<u32>(nodeOf(nodes, newer), 0, ABOVE);
  }
  store<u32>(nodeOf(nodes, ++count), newest);
  store<u32>(nodeOf(nodes, count), 0, ABOVE);
  store<u32>(key, count, NEWEST);
  store<u32>(key, begun + 1, BEGUN);
  store<u32>(state, count);
}

/**
 * The blocks of one level out of the `count` that are to be made: the nodes that they are made of, two for each.
 *   members, groups  out: room for u32[2 count]: a node, and the block that it goes to
 * Returns how many nodes. Those of lower levels are to be made before.
 */
export function countWindowBlocks(blocks: usize, count: i32, level: i32, members: usize, groups: usize): i32 {
  let written: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const block = blocks + (i << BLOCK_SHIFT);
    if (load<u32>(block, 12) != <u32>level) continue;
    for (let side: usize = 4; side <= 8; side += 4, written += 4) {
      store<u32>(members + written, load<u32>(block + side));
      store<u32>(groups + written, load<u32>(block));
    }
  }
  return <i32>(written >> 2);
}

/**
 * The nodes that make up `count` windows, each of up to `most` panes that end with its newest one, oldest first.
 *   found, windows  out: u32, room for `most` nodes per window, or for two of each level and one; windows: 0 to count - 1
 * Returns how many nodes were written.
 */
export function countWindowNodes(
  newest: usize,
  count: i32,
  most: i32,
  nodes: usize,
  found: usize,
  windows: usize,
): i32 {
  let written: usize = 0;
  for (let window: usize = 0; window < <usize>count; window++) {
    const from = written;
    let left = most;
    for (let node = load<u32>(newest + (window << 2)) + 1; node != 0 && left > 0; ) {
      let size = 1;
      for (let above = load<u32>(nodeOf(nodes, node), ABOVE); above != 0 && size << 1 <= left; size <<= 1) {
        node = above;
        above = load<u32>(nodeOf(nodes, node), ABOVE);
      }
      store<u32>(found + (written << 2), node - 1);
      store<u32>(windows + (written << 2), <u32>window);
      written++;
      left -= size;
      node = load<u32>(nodeOf(nodes, node));
    }
    reverse(found + (from << 2), found + (written << 2));
  }
  return <i32>written;
}

/**
 * What windows to come still need: keys that are within a period or have panes, and these panes, by key and oldest first.
 *   most       panes of a window; perPeriod: panes that begin in a period
 *   livingKeys out: u32[keyCount]; positions: i64[keyCount], the rows of their present period
 *   panes      out: u32, room for the lesser of keyCount * most and all nodes; owners: u32, which living key each is of
 *   state      out: u32, how many panes
 * Returns how many keys.
 */
export function countWindowLiving(
  keys: usize,
  keyCount: i32,
  splitRows: f64,
  skips: bool,
  most: i32,
  perPeriod: i32,
  nodes: usize,
  livingKeys: usize,
  positions: usize,
  panes: usize,
  owners: usize,
  state: usize,
): i32 {
  const split = <u64>splitRows;
  let living: usize = 0;
  let written: usize = 0;
  for (let group: usize = 0; group < <usize>keyCount; group++) {
    const key = keys + (group << KEY_SHIFT);
    const position = load<u64>(key);
    // Panes that have begun in this period are in the next window; it takes the others from the periods before.
    let begun = 0;
    if (position > 0) begun = (skips ? 0 : 1) + (position > split ? 1 : 0);
    const from = written;
    const end = from + <usize>(most - perPeriod + begun);
    for (let pane = load<u32>(key, NEWEST); pane != 0 && written < end; written++) {
      store<u32>(panes + (written << 2), pane - 1);
      store<u32>(owners + (written << 2), <u32>living);
      pane = load<u32>(nodeOf(nodes, pane));
    }
    reverse(panes + (from << 2), panes + (written << 2));
    if (position == 0 && written == from) continue;
    store<u32>(livingKeys + (living << 2), <u32>group);
    store<u64>(positions + (living << 3), position);
    living++;
  }
  store<u32>(state, <u32>written);
  return <i32>living;
}

/** Sets how many rows of their present period keys have had: i64[count] at `positions`, of the keys u32[count]. */
export function countWindowRestore(groups: usize, count: i32, positions: usize, keys: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u64>(keys + (<usize>load<u32>(groups + (i << 2)) << KEY_SHIFT), load<u64>(positions + (i << 3)));
  }
}

/**
 * Gives each of the keys u32[count] one more pane; state and blocks as in countWindowAssign.
 *   panes  out: u32[count], may be `groups`
 */
export function countWindowAppend(
  groups: usize,
  count: i32,
  levels: i32,
  keys: usize,
  nodes: usize,
  state: usize,
  blocks: usize,
  panes: usize,
): void {
  store<u32>(state, 0, 8);
  for (let i: usize = 0; i < <usize>count; i++) {
    const key = keys + (<usize>load<u32>(groups + (i << 2)) << KEY_SHIFT);
    beginPane(key, levels, nodes, state, blocks);
    store<u32>(panes + (i << 2), load<u32>(key, NEWEST) - 1);
  }
}

/** The record of node `number` - 1. */
@inline
function nodeOf(nodes: usize, number: u32): usize {
  return nodes + (<usize>(number - 1) << NODE_SHIFT);
}

/** Turns the u32 in [low, high) round. */
@inline
function reverse(low: usize, high: usize): void {
  for (high -= 4; low < high; low += 4, high -= 4) {
    const value = load<u32>(low);
    store<u32>(low, load<u32>(high));
    store<u32>(high, value);
  }
}
