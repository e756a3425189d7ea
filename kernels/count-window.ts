/**
 * Windows of so many rows per key. The rows of a key are numbered, and every `slide` of them end a window of the last
 * `size`. All windows of a key begin and end at bounds of its panes: within each period of `slide` rows one pane begins
 * at row 0, and one at row `split`, if `split` is below `slide`. With `skips` (size below slide) the rows before `split`
 * are in no window, and no pane begins at row 0.
 *
 * Key, 16 bytes: u64 rows in the present period; u32 newest pane + 1, 0 for none; 4 bytes unused. `previous`: u32 per
 * pane, the pane of the key before it + 1, 0 for none.
 */
const KEY_SHIFT: usize = 4;
const NEWEST: usize = 8;

/**
 * Puts rows in panes; new panes are numbered as they come.
 *   groups   u32[rowCount], the key of each row; may be `panes`
 *   state    u32[2]: in, how many panes there are; out, how many there are now, and how many rows are in a pane
 *   previous u32 per pane, room for rowCount more
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
  keys: usize,
  previous: usize,
  state: usize,
  rows: usize,
  panes: usize,
  fired: usize,
  firedKeys: usize,
): i32 {
  const slide = <u64>slideRows;
  const split = <u64>splitRows;
  let paneCount = load<u32>(state);
  let taken: usize = 0;
  let firings: usize = 0;
  for (let row: usize = 0; row < <usize>rowCount; row++) {
    const group = load<u32>(groups + (row << 2));
    const key = keys + (<usize>group << KEY_SHIFT);
    let position = load<u64>(key);
    if (position == split || (position == 0 && !skips)) {
      store<u32>(previous + (<usize>paneCount << 2), load<u32>(key, NEWEST));
      store<u32>(key, ++paneCount, NEWEST);
    }
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
  store<u32>(state, paneCount);
  store<u32>(state, <u32>taken, 4);
  return <i32>firings;
}

/**
 * The panes of `count` windows, each of up to `most` panes that end with its newest one, oldest first.
 *   panes, windows  out: room for u32[count * most]; windows: 0 to count - 1
 * Returns how many panes were written.
 */
export function countWindowPanes(
  newest: usize,
  count: i32,
  most: i32,
  previous: usize,
  panes: usize,
  windows: usize,
): i32 {
  let written: usize = 0;
  for (let window: usize = 0; window < <usize>count; window++) {
    const from = written;
    written = walk(load<u32>(newest + (window << 2)) + 1, <usize>most, previous, panes, written);
    for (let at = from; at < written; at++) store<u32>(windows + (at << 2), <u32>window);
  }
  return <i32>written;
}

/**
 * What windows to come still need: keys that are within a period or have panes, and these panes, by key and oldest
 * first, as if nothing else had ever been.
 *   most       panes of a window; perPeriod: panes that begin in a period
 *   livingKeys out: u32[keyCount]; records: their keys, 16 bytes each
 *   panes      out: u32, room for the lesser of keyCount * most and all panes; newPrevious: as `previous`, for them
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
  previous: usize,
  livingKeys: usize,
  records: usize,
  panes: usize,
  newPrevious: usize,
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
    written = walk(load<u32>(key, NEWEST), <usize>(most - perPeriod + begun), previous, panes, written);
    if (position == 0 && written == from) continue;
    store<u32>(livingKeys + (living << 2), <u32>group);
    const record = records + (living << KEY_SHIFT);
    store<u64>(record, position);
    store<u64>(record, written == from ? 0 : <u64>written, NEWEST);
    for (let at = from; at < written; at++) store<u32>(newPrevious + (at << 2), at == from ? 0 : <u32>at);
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

/** Gives each of the keys u32[count] one more pane, the first of them number `paneCount`. */
export function countWindowAppend(groups: usize, count: i32, keys: usize, previous: usize, paneCount: i32): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const key = keys + (<usize>load<u32>(groups + (i << 2)) << KEY_SHIFT);
    const pane = <usize>paneCount + i;
    store<u32>(previous + (pane << 2), load<u32>(key, NEWEST));
    store<u32>(key, <u32>pane + 1, NEWEST);
  }
}

/** The rows of their present period that the records have had, i64[count]. */
export function countWindowPositions(records: usize, count: i32, positions: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u64>(positions + (i << 3), load<u64>(records + (i << KEY_SHIFT)));
  }
}

/** The key of each pane of `countWindowLiving`: u32 out of the keys u32[count] and their records. */
export function countWindowOwners(records: usize, keys: usize, count: i32, owners: usize): void {
  let at: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    // The newest pane of a key is its last one; a key without panes has none.
    const end = <usize>load<u32>(records + (i << KEY_SHIFT), NEWEST);
    for (; at < end; at++) store<u32>(owners + (at << 2), load<u32>(keys + (i << 2)));
  }
}

/** Up to `most` panes from pane `last` - 1 backwards, written from `panes[written]` on with the oldest first. */
@inline
function walk(last: u32, most: usize, previous: usize, panes: usize, written: usize): usize {
  let end = written;
  for (let pane = last; pane != 0 && end - written < most; end++) {
    store<u32>(panes + (end << 2), pane - 1);
    pane = load<u32>(previous + (<usize>(pane - 1) << 2));
  }
  for (let low = panes + (written << 2), high = panes + (end << 2); low + 4 < high; low += 4) {
    high -= 4;
    const pane = load<u32>(low);
    store<u32>(low, load<u32>(high));
    store<u32>(high, pane);
  }
  return end;
}
