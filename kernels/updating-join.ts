import { takesBack } from "./row-kinds";

/**
 * The bookkeeping of an updating join: how often the rows of each side are there, and how many rows of the other side
 * match them. Rows are numbered as they came, and chained by key as in kernels/chain-index.ts.
 *   counts   u32 per row: how often it is there, 0 = gone. Address 0: every row is there once.
 *   times    i64 per row; one whose time is at most `bound` has expired. Address 0: rows live for ever.
 *   matches  u32 per row: how many rows of the other side match it, below ZEROED.
 */

/** The row's last match has gone in this batch, which has not been told yet. */
const ZEROED: u32 = 0x80000000;
const MATCHES: u32 = 0x7fffffff;

@inline
function isThere(counts: usize, times: usize, bound: i64, row: usize): bool {
  if (counts != 0 && load<u32>(counts + (row << 2)) == 0) return false;
  return times == 0 || load<i64>(times + (row << 3)) > bound;
}

@inline
function countOf(counts: usize, row: usize): u32 {
  return counts == 0 ? 1 : load<u32>(counts + (row << 2));
}

/**
 * What a batch of changes means together, by content: equal rows have one content, whose living row is in `rowOf`.
 *   contents   u32[length]; touched and firstRows as changelogTouched gives them, for touchedCount contents
 *   kinds      int8[length] or 0; weights u32[length] or 0: how often each row of the batch counts
 *   rowTimes   i64[length] or 0, and times likewise
 *   rowOf      u32 per content: row + 1, or 0 = none is there
 *   deltas     i32 per content, zero before and after
 *   nextRow    number of the first row that is new; counts and times have room for touchedCount more
 *   lists      u32[length][7]: removed { place in batch, row, weight }, added { the same }, places of the new rows
 *   sizes      u32[4]: removed, added and new rows, and removals of rows that were not there
 */
export function updatingJoinNet(
  contents: usize,
  kinds: usize,
  weights: usize,
  rowTimes: usize,
  length: i32,
  touched: usize,
  firstRows: usize,
  touchedCount: i32,
  rowOf: usize,
  deltas: usize,
  counts: usize,
  times: usize,
  bound: f64,
  nextRow: u32,
  lists: usize,
  sizes: usize,
): void {
  const list = <usize>length << 2;
  let removed: usize = 0;
  let added: usize = 0;
  let fresh: usize = 0;
  let missed: u32 = 0;
  for (let i: usize = 0; i < <usize>length; i++) {
    const at = deltas + (<usize>load<u32>(contents + (i << 2)) << 2);
    const weight = <i32>countOf(weights, i);
    store<i32>(at, load<i32>(at) + (takesBack(kinds, i) ? -weight : weight));
  }
  for (let i: usize = 0; i < <usize>touchedCount; i++) {
    const content = <usize>load<u32>(touched + (i << 2)) << 2;
    const place = load<u32>(firstRows + (i << 2));
    const delta = load<i32>(deltas + content);
    store<i32>(deltas + content, 0);
    let row = load<u32>(rowOf + content);
    if (row != 0 && times != 0 && load<i64>(times + ((<usize>row - 1) << 3)) <= <i64>bound) {
      store<u32>(counts + ((<usize>row - 1) << 2), 0);
      store<u32>(rowOf + content, 0);
      row = 0;
    }
    if (delta < 0) {
      let weight = <u32>-delta;
      if (row == 0) {
        missed += weight;
        continue;
      }
      const at = counts + ((<usize>row - 1) << 2);
      const count = load<u32>(at);
      if (weight > count) {
        missed += weight - count;
        weight = count;
      }
      store<u32>(at, count - weight);
      if (weight == count) store<u32>(rowOf + content, 0);
      put(lists, list, removed++, place, row - 1, weight);
    } else if (delta > 0) {
      if (row == 0) {
        row = nextRow + <u32>fresh + 1;
        store<u32>(rowOf + content, row);
        store<u32>(lists + 6 * list + (fresh << 2), place);
        fresh++;
        store<u32>(counts + ((<usize>row - 1) << 2), <u32>delta);
        if (times != 0) store<i64>(times + ((<usize>row - 1) << 3), i64.MIN_VALUE);
      } else {
        const at = counts + ((<usize>row - 1) << 2);
        store<u32>(at, load<u32>(at) + <u32>delta);
      }
      put(lists + 3 * list, list, added++, place, row - 1, <u32>delta);
    }
  }
  if (times != 0) renew(contents, kinds, rowTimes, length, rowOf, times);
  store<u32>(sizes, <u32>removed);
  store<u32>(sizes, <u32>added, 4);
  store<u32>(sizes, <u32>fresh, 8);
  store<u32>(sizes, missed, 12);
}

@inline
function put(lists: usize, list: usize, at: usize, place: u32, row: u32, weight: u32): void {
  store<u32>(lists + (at << 2), place);
  store<u32>(lists + list + (at << 2), row);
  store<u32>(lists + 2 * list + (at << 2), weight);
}

/** A row that is added again is as old as its newest addition. */
@inline
function renew(contents: usize, kinds: usize, rowTimes: usize, length: i32, rowOf: usize, times: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    if (takesBack(kinds, i)) continue;
    const row = <usize>load<u32>(rowOf + (<usize>load<u32>(contents + (i << 2)) << 2));
    if (row == 0) continue;
    const at = times + ((row - 1) << 3);
    store<i64>(at, max(load<i64>(at), load<i64>(rowTimes + (i << 3))));
  }
}

/**
 * Up to `limit` pairs of a probe and a row of its chain that is there. Rows that are not leave the chain on the way,
 * all but its first, so that a key whose row changes often stays fast.
 *   heads  u32[length]: newest row of each probe's key + 1, or 0
 *   state  u32[3], zero at first: where the next call goes on; state[0] is `length` at the end
 */
export function updatingJoinPairs(
  heads: usize,
  next: usize,
  counts: usize,
  times: usize,
  bound: f64,
  length: i32,
  limit: i32,
  state: usize,
  probes: usize,
  rows: usize,
): i32 {
  const expired = <i64>bound;
  let probe = <usize>load<u32>(state);
  let link = load<u32>(state, 4);
  let before = load<u32>(state, 8);
  let count: usize = 0;
  for (; probe < <usize>length; probe++) {
    if (link == 0) {
      link = load<u32>(heads + (probe << 2));
      before = 0;
    }
    while (link != 0 && count < <usize>limit) {
      const row = <usize>link - 1;
      const following = load<u32>(next + (row << 2));
      if (isThere(counts, times, expired, row)) {
        store<u32>(probes + (count << 2), <u32>probe);
        store<u32>(rows + (count << 2), <u32>row);
        count++;
        before = link;
      } else if (before == 0) before = link;
      else store<u32>(next + ((<usize>before - 1) << 2), following);
      link = following;
    }
    if (link != 0) break;
  }
  store<u32>(state, <u32>probe);
  store<u32>(state, link, 4);
  store<u32>(state, before, 8);
  return <i32>count;
}

/**
 * The probes of pairs are gone: their rows have so many matches less. Rows that lose the last one are marked and written
 * to `turned`, once until updatingJoinSettle. Returns how many are written.
 */
export function updatingJoinTake(
  probes: usize,
  rows: usize,
  count: i32,
  weights: usize,
  matches: usize,
  turned: usize,
): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(rows + (i << 2));
    const at = matches + (<usize>row << 2);
    const value = load<u32>(at);
    const weight = countOf(weights, <usize>load<u32>(probes + (i << 2)));
    const had = value & MATCHES;
    // Where rows expire, matches may have been forgotten.
    const left = had > weight ? had - weight : 0;
    const turns = had != 0 && left == 0;
    store<u32>(turned + (found << 2), row);
    found += <usize>(turns && (value & ZEROED) == 0);
    store<u32>(at, left | (turns ? ZEROED : value & ZEROED));
  }
  return <i32>found;
}

/** The probes of pairs have come. Rows that had no match before, nor lost their last one in this batch, go to `turned`. */
export function updatingJoinGive(
  probes: usize,
  rows: usize,
  count: i32,
  weights: usize,
  matches: usize,
  turned: usize,
): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(rows + (i << 2));
    const at = matches + (<usize>row << 2);
    const value = load<u32>(at);
    store<u32>(turned + (found << 2), row);
    found += <usize>(value == 0);
    store<u32>(at, value + countOf(weights, <usize>load<u32>(probes + (i << 2))));
  }
  return <i32>found;
}

/** Clears the marks of rows u32[count]; out = those that have no match now, which may be `rows`. Returns how many. */
export function updatingJoinSettle(rows: usize, count: i32, matches: usize, out: usize): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(rows + (i << 2));
    const at = matches + (<usize>row << 2);
    const value = load<u32>(at) & MATCHES;
    store<u32>(at, value);
    store<u32>(out + (found << 2), row);
    found += <usize>(value == 0);
  }
  return <i32>found;
}

@inline
function ownRow(own: usize, first: u32, probe: usize): u32 {
  return own == 0 ? first + <u32>probe : load<u32>(own + (probe << 2));
}

/**
 * Counts the matches of probes that are new rows of their own side.
 *   own  u32 per probe: its row, of which those from `first` on are new; 0 = first + its number
 */
export function updatingJoinOwn(
  probes: usize,
  rows: usize,
  count: i32,
  counts: usize,
  own: usize,
  first: u32,
  ownMatches: usize,
): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = ownRow(own, first, <usize>load<u32>(probes + (i << 2)));
    if (row < first) continue;
    const at = ownMatches + (<usize>row << 2);
    store<u32>(at, load<u32>(at) + countOf(counts, <usize>load<u32>(rows + (i << 2))));
  }
}

/** out = the probes that have a match (`wanted`) or none, ascending; own as in updatingJoinOwn. Returns how many. */
export function updatingJoinSelect(
  own: usize,
  first: u32,
  length: i32,
  ownMatches: usize,
  wanted: bool,
  out: usize,
): i32 {
  let found: usize = 0;
  for (let probe: usize = 0; probe < <usize>length; probe++) {
    const row = <usize>ownRow(own, first, probe);
    store<u32>(out + (found << 2), <u32>probe);
    found += <usize>((load<u32>(ownMatches + (row << 2)) != 0) == wanted);
  }
  return <i32>found;
}

/**
 * Each pair (a[i], b[i]) as often as weights[a[i]] * counts[b[i]] says, up to `limit` at a time. With b = 0 there are no
 * pairs, only a.
 *   state  { u32 i, u32 unused, u64 written of i }, zero at first; i is `count` at the end
 */
export function updatingJoinRepeat(
  a: usize,
  b: usize,
  count: i32,
  weights: usize,
  counts: usize,
  limit: i32,
  state: usize,
  outA: usize,
  outB: usize,
): i32 {
  let i = <usize>load<u32>(state);
  let done = load<u64>(state, 8);
  let written: usize = 0;
  for (; i < <usize>count; i++) {
    const first = load<u32>(a + (i << 2));
    const second: u32 = b == 0 ? 0 : load<u32>(b + (i << 2));
    const times = <u64>countOf(weights, <usize>first) * (b == 0 ? 1 : <u64>countOf(counts, <usize>second));
    for (; done < times && written < <usize>limit; done++) {
      store<u32>(outA + (written << 2), first);
      if (b != 0) store<u32>(outB + (written << 2), second);
      written++;
    }
    if (done < times) break;
    done = 0;
  }
  store<u32>(state, <u32>i);
  store<u64>(state, done, 8);
  return <i32>written;
}

/** out = the rows of [from, from + length) that are there, ascending; returns how many. */
export function updatingJoinLiving(
  counts: usize,
  times: usize,
  bound: f64,
  from: u32,
  length: i32,
  out: usize,
): i32 {
  let found: usize = 0;
  const expired = <i64>bound;
  for (let i: usize = 0; i < <usize>length; i++) {
    const row = <usize>from + i;
    store<u32>(out + (found << 2), <u32>row);
    found += <usize>isThere(counts, times, expired, row);
  }
  return <i32>found;
}

/** out = insert (0) or delete (3) for each kind of a changelog, int8. */
export function updatingJoinKinds(kinds: usize, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) store<u8>(out + i, takesBack(kinds, i) ? 3 : 0);
}
