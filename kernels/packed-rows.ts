/**
 * Rows packed one after the other, `stride` bytes each, so that taking many columns of scattered rows costs one cache
 * miss per row instead of one or two per value. `field` is the address of a field in row 0.
 *
 * Texts are 16 bytes: u32 length, then up to 12 bytes of text padded with zeros, or 4 bytes of it and the u64 address
 * of the whole. Nulls are bits of a u64: 1 = null.
 * Gathering: `indices` is u32[count], where NO_ROW gives zero; out may not overlap the rows.
 */
const NO_ROW: u32 = 0xffffffff;
const INLINE_BYTES: u32 = 12;

@inline
function pack<T>(values: usize, length: i32, field: usize, stride: usize): void {
  for (let row = 0; row < length; row++, values += sizeof<T>(), field += stride) store<T>(field, load<T>(values));
}

@inline
function take<T>(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, out += sizeof<T>()) {
    const row = load<u32>(indices);
    store<T>(out, row == NO_ROW ? <T>0 : load<T>(field + <usize>row * stride));
  }
}

export function packedPut8(values: usize, length: i32, field: usize, stride: usize): void {
  pack<u8>(values, length, field, stride);
}
export function packedPut16(values: usize, length: i32, field: usize, stride: usize): void {
  pack<u16>(values, length, field, stride);
}
export function packedPut32(values: usize, length: i32, field: usize, stride: usize): void {
  pack<u32>(values, length, field, stride);
}
export function packedPut64(values: usize, length: i32, field: usize, stride: usize): void {
  pack<u64>(values, length, field, stride);
}
export function packedPut128(values: usize, length: i32, field: usize, stride: usize): void {
  for (let row = 0; row < length; row++, values += 16, field += stride) v128.store(field, v128.load(values));
}
export function packedTake8(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  take<u8>(field, stride, indices, count, out);
}
export function packedTake16(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  take<u16>(field, stride, indices, count, out);
}
export function packedTake32(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  take<u32>(field, stride, indices, count, out);
}
export function packedTake64(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  take<u64>(field, stride, indices, count, out);
}
export function packedTake128(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, out += 16) {
    const row = load<u32>(indices);
    v128.store(out, row == NO_ROW ? i64x2.splat(0) : v128.load(field + <usize>row * stride));
  }
}

/** Sets bit `bit` of the u64 at `field` for every row that a bitmap says is null. */
export function packedPutNulls(validity: usize, length: i32, bit: u32, field: usize, stride: usize): void {
  for (let row: usize = 0; row < <usize>length; row++, field += stride) {
    const isNull = <u64>(((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) ^ 1);
    store<u64>(field, load<u64>(field) | (isNull << <u64>bit));
  }
}

/**
 * A bitmap of the rows taken: 0 where bit `bit` is set, or for NO_ROW. With `bit` at 64 or above only NO_ROW is null,
 * and the field is not read. Writes ceil(count / 8) bytes; returns how many bits are 1.
 */
export function packedTakeValidity(
  field: usize,
  stride: usize,
  bit: u32,
  indices: usize,
  count: i32,
  validity: usize,
): i32 {
  let valid = 0;
  for (let start: usize = 0; start < <usize>count; start += 8) {
    const end = min<usize>(start + 8, <usize>count);
    let byte: u32 = 0;
    for (let i = start; i < end; i++) {
      const row = load<u32>(indices + (i << 2));
      if (row == NO_ROW) continue;
      if (bit < 64 && ((load<u64>(field + <usize>row * stride) >> <u64>bit) & 1) != 0) continue;
      byte |= 1 << (<u32>i & 7);
      valid++;
    }
    store<u8>(validity + (start >> 3), <u8>byte);
  }
  return valid;
}

/** Texts by offsets i32[length + 1] into `data`, which stays where it is as long as the rows are read. */
export function packedPutText(data: usize, offsets: usize, length: i32, field: usize, stride: usize): void {
  let start = load<u32>(offsets);
  for (let row: usize = 0; row < <usize>length; row++, field += stride) {
    const end = load<u32>(offsets + (row << 2), 4);
    const size = end - start;
    const at = data + <usize>start;
    start = end;
    // Reading past the end is safe for every block (allocator contract).
    const low = load<u64>(at);
    store<u32>(field, size);
    if (size > INLINE_BYTES) {
      store<u32>(field, <u32>low, 4);
      store<u64>(field, <u64>at, 8);
    } else if (size < 8) {
      const bytes = low & (((<u64>1) << (<u64>size << 3)) - 1);
      store<u32>(field, <u32>bytes, 4);
      store<u64>(field, bytes >> 32, 8);
    } else {
      const high = load<u64>(at, 8) & (((<u64>1) << ((<u64>size << 3) - 64)) - 1);
      store<u32>(field, <u32>low, 4);
      store<u64>(field, (low >> 32) | (high << 32), 8);
    }
  }
}

/** Offsets i32[count + 1] from 0 of the texts taken; returns their bytes, which may pass what int32 holds. */
export function packedTakeOffsets(field: usize, stride: usize, indices: usize, count: i32, offsets: usize): f64 {
  let total: u64 = 0;
  store<u32>(offsets, 0);
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(indices + (i << 2));
    if (row != NO_ROW) total += <u64>load<u32>(field + <usize>row * stride);
    store<u32>(offsets + (i << 2), <u32>total, 4);
  }
  return <f64>total;
}

/** The bytes of the texts taken; `out` has room for 16 more. */
export function packedTakeText(field: usize, stride: usize, indices: usize, count: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = load<u32>(indices + (i << 2));
    if (row == NO_ROW) continue;
    const text = field + <usize>row * stride;
    const size = load<u32>(text);
    if (size > INLINE_BYTES) memory.copy(out, <usize>load<u64>(text, 8), <usize>size);
    else {
      store<u32>(out, load<u32>(text, 4));
      store<u64>(out, load<u64>(text, 8), 4);
    }
    out += <usize>size;
  }
}
