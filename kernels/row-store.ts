/**
 * Rows of a growing store, packed one after the other as in kernels/packed-rows.ts: first the null masks, then fields by
 * falling width. `field` is the address of a field in the first row written; rows are `stride` bytes apart.
 * Fields of null rows are zero, so that equal rows have equal bytes but for the addresses of long texts.
 */
const INLINE_BYTES: u32 = 12;

/** Bytes of the texts at offsets i32[length + 1] that do not fit into their field. */
export function rowStoreLongBytes(offsets: usize, length: i32): f64 {
  let total: u64 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const size = load<u32>(offsets + (row << 2), 4) - load<u32>(offsets + (row << 2));
    if (size > INLINE_BYTES) total += <u64>size;
  }
  return <f64>total;
}

/** Copies the long texts of fields written by packedPutText to `arena`, and lets the fields point there. */
export function rowStoreOwnTexts(length: i32, arena: usize, field: usize, stride: usize): void {
  for (let row = 0; row < length; row++, field += stride) {
    const size = load<u32>(field);
    if (size <= INLINE_BYTES) continue;
    memory.copy(arena, <usize>load<u64>(field, 8), <usize>size);
    store<u64>(field, <u64>arena, 8);
    arena += <usize>size;
  }
}

/** Zeroes the field of rows that `validity` says are null. */
export function rowStoreClearNulls(validity: usize, length: i32, width: usize, field: usize, stride: usize): void {
  for (let row: usize = 0; row < <usize>length; row++, field += stride) {
    if (((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0) memory.fill(field, 0, width);
  }
}

/** Bits of the rows taken whose byte is not zero, as a bitmap of ceil(count / 8) bytes; NO_ROW gives 0. */
export function rowStoreTakeBits(field: usize, stride: usize, indices: usize, count: i32, bits: usize): void {
  for (let start: usize = 0; start < <usize>count; start += 8) {
    const end = min<usize>(start + 8, <usize>count);
    let byte: u32 = 0;
    for (let i = start; i < end; i++) {
      const row = load<u32>(indices + (i << 2));
      if (row != 0xffffffff && load<u8>(field + <usize>row * stride) != 0) byte |= 1 << (<u32>i & 7);
    }
    store<u8>(bits + (start >> 3), <u8>byte);
  }
}

/** Whether two rows are equal; textAt u32[texts]: offsets of the fields that may point to long texts. */
@inline
function equalRows(a: usize, b: usize, stride: usize, textAt: usize, texts: i32): bool {
  let at: usize = 0;
  for (let i: usize = 0; i < <usize>texts; i++) {
    const text = <usize>load<u32>(textAt + (i << 2));
    for (; at < text; at += 8) if (load<u64>(a + at) != load<u64>(b + at)) return false;
    const low = load<u64>(a + text);
    if (low != load<u64>(b + text)) return false;
    const high = load<u64>(a + text, 8);
    const other = load<u64>(b + text, 8);
    if (high != other) {
      if (<u32>low <= INLINE_BYTES) return false;
      if (memory.compare(<usize>high, <usize>other, <usize>(<u32>low)) != 0) return false;
    }
    at = text + 16;
  }
  for (; at < stride; at += 8) if (load<u64>(a + at) != load<u64>(b + at)) return false;
  return true;
}

/**
 * For each of `count` rows from `first` on, in order: whether it takes back an earlier one. Row r is a deletion where
 * kinds[r - first] (int8 RowKind) is updateBefore or delete; it and the newest equal living row of its chain die.
 *   heads  u32: the chain of each row's key (see kernels/chain-index.ts); the rows themselves are in their chains
 *   dead   u8 per row; deletions are to be born dead
 *   hashes u64 per row of the whole row
 *   taken  u32[count]: the row that died, or NO_ROW where it is no deletion or none was found
 * Returns how many deletions found nothing.
 */
export function rowStoreTakeBack(
  rows: usize,
  stride: usize,
  textAt: usize,
  texts: i32,
  hashes: usize,
  next: usize,
  kinds: usize,
  first: u32,
  count: i32,
  heads: usize,
  dead: usize,
  taken: usize,
): i32 {
  let missed = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const kind = load<i8>(kinds + i);
    store<u32>(taken + (i << 2), 0xffffffff);
    if (kind != 1 && kind != 3) continue;
    const row = <usize>first + i;
    const hash = load<u64>(hashes + (row << 3));
    let link = load<u32>(heads + (i << 2));
    let found = false;
    while (link != 0) {
      const at = <usize>link - 1;
      // Rows behind this one in the batch have not happened yet.
      if (at < row && load<u8>(dead + at) == 0 && load<u64>(hashes + (at << 3)) == hash) {
        if (equalRows(rows + at * stride, rows + row * stride, stride, textAt, texts)) {
          store<u8>(dead + at, 1);
          store<u32>(taken + (i << 2), <u32>at);
          found = true;
          break;
        }
      }
      link = load<u32>(next + (at << 2));
    }
    if (!found) missed++;
  }
  return missed;
}

/** rows = the numbers of the rows whose byte at `flags` equals `wanted`, ascending; returns how many. */
export function rowStoreFlagged(flags: usize, length: i32, wanted: u32, rows: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(rows + (count << 2), <u32>row);
    count += <usize>(<u32>load<u8>(flags + row) == wanted);
  }
  return <i32>count;
}

/**
 * Row numbers of one piece of a column that lies in pieces: out = indices[i] - start for those in [start, end), in order;
 * positions[i] = base + its place in out. Other positions stay. Returns how many there are.
 */
export function rowStorePiece(
  indices: usize,
  count: i32,
  start: u32,
  end: u32,
  base: u32,
  out: usize,
  positions: usize,
): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(indices + (i << 2));
    if (row < start || row >= end) continue;
    store<u32>(out + (found << 2), row - start);
    store<u32>(positions + (i << 2), base + <u32>found);
    found++;
  }
  return <i32>found;
}
