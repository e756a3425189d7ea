/**
 * Changelogs: which groups a batch touched, what changed, and rows that are taken back. Row kinds are int8: 0 insert,
 * 1 update-before, 2 update-after, 3 delete; `kinds` 0 means that every row is an insert.
 */
const NO_ROW: u32 = 0xffffffff;

@inline
function takesBack(kinds: usize, row: usize): bool {
  const kind = load<i8>(kinds + row);
  return kind == 1 || kind == 3;
}

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

/**
 * The best rows of each touched group. Candidates come sorted by group, best first; a group keeps its first `limit`.
 *   sorted     u32[count]: numbers of candidates in order
 *   candidates u32[count]: their rows in a store; groups u32[count]: their groups, sorted as they are
 *   slots      u32[limit] per group: its rows, best first; sizes u32 per group. Both hold what was before.
 *   scratch    u32[limit]
 *   changes    u32[4 limit] at most per touched group: { row, rank } pairs; kinds int8 per change
 * Without ranks a row that left is deleted, one that came inserted; with ranks, every place whose row changed is updated.
 * Returns how many changes there are.
 */
export function changelogTop(
  sorted: usize,
  candidates: usize,
  groups: usize,
  count: i32,
  limit: u32,
  slots: usize,
  sizes: usize,
  withRank: bool,
  scratch: usize,
  changes: usize,
  kinds: usize,
): i32 {
  let written: usize = 0;
  let i: usize = 0;
  while (i < <usize>count) {
    const group = load<u32>(groups + (<usize>load<u32>(sorted + (i << 2)) << 2));
    const slot = slots + <usize>group * (<usize>limit << 2);
    const oldSize = load<u32>(sizes + (<usize>group << 2));
    let size: u32 = 0;
    while (i < <usize>count) {
      const candidate = <usize>load<u32>(sorted + (i << 2));
      if (load<u32>(groups + (candidate << 2)) != group) break;
      if (size < limit) {
        store<u32>(scratch + (<usize>size << 2), load<u32>(candidates + (candidate << 2)));
        size++;
      }
      i++;
    }
    if (withRank) {
      const places = max(size, oldSize);
      for (let rank: u32 = 0; rank < places; rank++) {
        const was = rank < oldSize ? load<u32>(slot + (<usize>rank << 2)) : NO_ROW;
        const is = rank < size ? load<u32>(scratch + (<usize>rank << 2)) : NO_ROW;
        if (was == is) continue;
        if (was != NO_ROW) {
          store<u32>(changes + (written << 3), was);
          store<u32>(changes + (written << 3), rank + 1, 4);
          store<u8>(kinds + written, is == NO_ROW ? 3 : 1);
          written++;
        }
        if (is != NO_ROW) {
          store<u32>(changes + (written << 3), is);
          store<u32>(changes + (written << 3), rank + 1, 4);
          store<u8>(kinds + written, was == NO_ROW ? 0 : 2);
          written++;
        }
      }
    } else {
      written = leftOver(slot, oldSize, scratch, size, 3, changes, kinds, written);
      written = leftOver(scratch, size, slot, oldSize, 0, changes, kinds, written);
    }
    for (let rank: usize = 0; rank < <usize>size; rank++) {
      store<u32>(slot + (rank << 2), load<u32>(scratch + (rank << 2)));
    }
    store<u32>(sizes + (<usize>group << 2), size);
  }
  return <i32>written;
}

/** Changes of kind `kind` for the rows of one list that are not in the other. */
@inline
function leftOver(
  list: usize,
  size: u32,
  other: usize,
  otherSize: u32,
  kind: u8,
  changes: usize,
  kinds: usize,
  written: usize,
): usize {
  for (let i: usize = 0; i < <usize>size; i++) {
    const row = load<u32>(list + (i << 2));
    let isThere = false;
    for (let j: usize = 0; j < <usize>otherSize; j++) {
      if (load<u32>(other + (j << 2)) == row) {
        isThere = true;
        break;
      }
    }
    if (isThere) continue;
    store<u32>(changes + (written << 3), row);
    store<u32>(changes + (written << 3), <u32>i + 1, 4);
    store<u8>(kinds + written, kind);
    written++;
  }
  return written;
}

/** The rows in the slots of groups u32[count] (see changelogTop), and the group of each; returns how many. */
export function changelogSlots(
  groups: usize,
  count: i32,
  limit: u32,
  slots: usize,
  sizes: usize,
  rows: usize,
  owners: usize,
): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const group = load<u32>(groups + (i << 2));
    const size = <usize>load<u32>(sizes + (<usize>group << 2));
    for (let rank: usize = 0; rank < size; rank++) {
      store<u32>(rows + (found << 2), load<u32>(slots + (<usize>group * <usize>limit + rank) * 4));
      store<u32>(owners + (found << 2), group);
      found++;
    }
  }
  return <i32>found;
}

/** Even or odd words: out[i] = pairs[2 i + part], all u32. */
export function changelogPart(pairs: usize, count: i32, part: u32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u32>(out + (i << 2), load<u32>(pairs + (i << 3) + (<usize>part << 2)));
  }
}

/**
 * What a batch of rows first..first + count means together, once `rowStoreTakeBack` has run: rows from before that are
 * gone, and new ones that are still there. Returns how many are gone; sizes u32[1]: how many are fresh.
 */
export function changelogNet(
  taken: usize,
  dead: usize,
  first: u32,
  count: i32,
  gone: usize,
  fresh: usize,
  sizes: usize,
): i32 {
  let goneCount: usize = 0;
  let freshCount: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(taken + (i << 2));
    if (row != NO_ROW && row < first) {
      store<u32>(gone + (goneCount << 2), row);
      goneCount++;
    }
    if (load<u8>(dead + <usize>first + i) == 0) {
      store<u32>(fresh + (freshCount << 2), first + <u32>i);
      freshCount++;
    }
  }
  store<u32>(sizes, <u32>freshCount);
  return <i32>goneCount;
}

/** dead[first + i] = whether row i takes one back. */
export function changelogBornDead(kinds: usize, count: i32, dead: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) store<u8>(dead + i, kinds == 0 ? 0 : <u8>takesBack(kinds, i));
}

/** out[i] = values[indices[i]] where the flag of indices[i] is 0 or not, as `wanted`; returns how many. */
export function changelogWhereZero(rows: usize, count: i32, owners: usize, counts: usize, wantZero: bool, out: usize): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(rows + (i << 2));
    const owner = <usize>load<u32>(owners + (<usize>row << 2));
    store<u32>(out + (found << 2), row);
    found += <usize>((load<u32>(counts + (owner << 2)) == 0) == wantZero);
  }
  return <i32>found;
}

/**
 * Adds `sign` to the count (u32) of the owner of each row. Owners whose count leaves 0 (sign 1), or comes to it (-1),
 * are written to `turned`; returns how many.
 */
export function changelogTurn(rows: usize, count: i32, owners: usize, sign: i32, counts: usize, turned: usize): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const owner = load<u32>(owners + (<usize>load<u32>(rows + (i << 2)) << 2));
    const at = counts + (<usize>owner << 2);
    const old = load<u32>(at);
    store<u32>(at, <u32>(<i32>old + sign));
    const turns = sign > 0 ? old == 0 : old == 1;
    store<u32>(turned + (found << 2), owner);
    found += <usize>turns;
  }
  return <i32>found;
}

/** out[i] = heads[owners[rows[i]]], all u32. */
export function changelogHeads(rows: usize, count: i32, owners: usize, heads: usize, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const owner = <usize>load<u32>(owners + (<usize>load<u32>(rows + (i << 2)) << 2));
    store<u32>(out + (i << 2), load<u32>(heads + (owner << 2)));
  }
}

/**
 * Up to `limit` pairs of a place and a living row of its chain.
 *   heads  u32[length]; next u32 and dead u8 per row; state { u32 place, u32 link }, as in joinPairs
 */
export function changelogPairs(
  heads: usize,
  next: usize,
  dead: usize,
  length: i32,
  limit: i32,
  state: usize,
  places: usize,
  rows: usize,
): i32 {
  let place = <usize>load<u32>(state);
  let link = load<u32>(state, 4);
  let count: usize = 0;
  for (; place < <usize>length; place++) {
    if (link == 0) {
      link = load<u32>(heads + (place << 2));
      if (link == 0) continue;
    }
    while (link != 0 && count < <usize>limit) {
      const row = <usize>link - 1;
      if (load<u8>(dead + row) == 0) {
        store<u32>(places + (count << 2), <u32>place);
        store<u32>(rows + (count << 2), <u32>row);
        count++;
      }
      link = load<u32>(next + (row << 2));
    }
    if (link != 0) break;
  }
  store<u32>(state, <u32>place);
  store<u32>(state, link, 4);
  return <i32>count;
}
