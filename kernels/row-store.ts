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

/** Copies fields of 16 bytes by indices i32[length]. */
export function rowStorePutFields(indices: usize, length: i32, fields: usize, field: usize, stride: usize): void {
  for (let row: usize = 0; row < <usize>length; row++, field += stride) {
    v128.store(field, v128.load(fields + (<usize>load<u32>(indices + (row << 2)) << 4)));
  }
}

/**
 * Addresses u32 of rows that lie in segments of 1 << shift rows; NO_ROW stays. `segments` is u32 per segment.
 * With these as indices and a stride of 1, kernels that take fields of packed rows read them from anywhere.
 */
export function rowStoreAddresses(
  rows: usize,
  count: i32,
  segments: usize,
  shift: u32,
  stride: usize,
  out: usize,
): void {
  const mask: u32 = (1 << shift) - 1;
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(rows + (i << 2));
    let address: u32 = 0xffffffff;
    if (row != 0xffffffff) {
      address = load<u32>(segments + ((<usize>row >> <usize>shift) << 2)) + (row & mask) * <u32>stride;
    }
    store<u32>(out + (i << 2), address);
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
