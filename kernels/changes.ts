/**
 * Which rows of a table have changed since a snapshot, and a table put together of what several snapshots have written.
 * A mark is u8 per group: bit 0, changed since the last snapshot; bit 1, changed before that, since the one to build on.
 */

/** Marks the groups u32[count]. */
export function changesMark(groups: usize, count: i32, marks: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = marks + <usize>load<u32>(groups + (i << 2));
    store<u8>(at, load<u8>(at) | 1);
  }
}

/**
 * A snapshot is taken: what has changed since the last one counts as changed before it; so does what had changed before,
 * where `joins`. Writes those groups, ascending, to u32 `out`, which has room for all, and returns how many.
 */
export function changesTake(marks: usize, groupCount: i32, joins: bool, out: usize): i32 {
  const kept: u8 = joins ? 3 : 1;
  const end = <usize>groupCount;
  let count: usize = 0;
  for (let group: usize = 0; group < end; ) {
    if (group + 16 <= end && !v128.any_true(v128.load(marks + group))) {
      group += 16;
      continue;
    }
    const stop = min(group + 16, end);
    for (; group < stop; group++) {
      const isKept = (load<u8>(marks + group) & kept) != 0;
      store<u8>(marks + group, isKept ? 2 : 0);
      if (isKept) store<u32>(out + (count++ << 2), <u32>group);
    }
  }
  return <i32>count;
}

/** Of u64 hashes, one bit each in `bits`, which has `mask` + 1 of them, a power of two. */
@inline
function bitOf(hashes: usize, row: usize, mask: u32): usize {
  const hash = load<u64>(hashes + (row << 3));
  return <usize>((<u32>(hash >> 32) ^ <u32>hash) & mask);
}

/** Sets the bits of u64[length] hashes. */
export function changesNote(hashes: usize, length: i32, bits: usize, mask: u32): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const bit = bitOf(hashes, row, mask);
    const at = bits + (bit >> 3);
    store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(bit & 7)));
  }
}

/** The rows whose bits are set, ascending, in u32 `out`, room for `length` and one more; returns how many. */
export function changesHits(hashes: usize, length: i32, bits: usize, mask: u32, out: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const bit = bitOf(hashes, row, mask);
    store<u32>(out + (count << 2), <u32>row);
    count += <usize>((load<u8>(bits + (bit >> 3)) >> <u8>(bit & 7)) & 1);
  }
  return <i32>count;
}

/**
 * The rows of [0, length), but those of u32[hitCount] `hits`, ascending, whose number in u32 `groups`, one per hit, is below
 * `before`. `out` has room for `length`; returns how many.
 */
export function changesLeft(length: i32, hits: usize, hitCount: i32, groups: usize, before: u32, out: usize): i32 {
  let count: usize = 0;
  let hit: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const isHit = hit < <usize>hitCount && load<u32>(hits + (hit << 2)) == <u32>row;
    if (!isHit || load<u32>(groups + (hit << 2)) >= before) store<u32>(out + (count++ << 2), <u32>row);
    if (isHit) hit++;
  }
  return <i32>count;
}

/**
 * The rows whose number in u32[length] `groups` is not below `before`, and that are not removed (a bitmap), ascending, in
 * u32 `out`, room for `length`; returns how many.
 */
export function changesFresh(groups: usize, length: i32, before: u32, removed: usize, out: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const isRemoved = ((load<u8>(removed + (row >> 3)) >> <u8>(row & 7)) & 1) != 0;
    if (isRemoved || load<u32>(groups + (row << 2)) < before) continue;
    store<u32>(out + (count++ << 2), <u32>row);
  }
  return <i32>count;
}

/** A bitmap of `length` bits: where the i64 count of rows is not above zero. */
export function changesRemoved(counts: usize, length: i32, out: usize): void {
  memory.fill(out, 0, (<usize>length + 7) >> 3);
  for (let row: usize = 0; row < <usize>length; row++) {
    if (load<i64>(counts + (row << 3)) > 0) continue;
    const at = out + (row >> 3);
    store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(row & 7)));
  }
}
