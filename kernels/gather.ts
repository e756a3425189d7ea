/**
 * Gathers rows by index: out[i] = values[indices[i]].
 *   indices  u32[count]; the `Nullable` twins allow NO_ROW (0xffffffff), whose output is null and zero
 * Inputs and outputs may not overlap.
 */
const NO_ROW: u32 = 0xffffffff;

@inline
function gather<T>(values: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (let at = indices; at < end; at += 4, out += sizeof<T>()) {
    store<T>(out, load<T>(values + (<usize>load<u32>(at)) * sizeof<T>()));
  }
}

@inline
function gatherNullable<T>(values: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (let at = indices; at < end; at += 4, out += sizeof<T>()) {
    const row = load<u32>(at);
    store<T>(out, row == NO_ROW ? <T>0 : load<T>(values + (<usize>row) * sizeof<T>()));
  }
}

export function gather8(values: usize, indices: usize, count: i32, out: usize): void {
  gather<u8>(values, indices, count, out);
}
export function gather16(values: usize, indices: usize, count: i32, out: usize): void {
  gather<u16>(values, indices, count, out);
}
export function gather32(values: usize, indices: usize, count: i32, out: usize): void {
  gather<u32>(values, indices, count, out);
}
export function gather64(values: usize, indices: usize, count: i32, out: usize): void {
  gather<u64>(values, indices, count, out);
}
export function gather128(values: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (let at = indices; at < end; at += 4, out += 16) {
    v128.store(out, v128.load(values + ((<usize>load<u32>(at)) << 4)));
  }
}
export function gatherNullable8(values: usize, indices: usize, count: i32, out: usize): void {
  gatherNullable<u8>(values, indices, count, out);
}
export function gatherNullable16(values: usize, indices: usize, count: i32, out: usize): void {
  gatherNullable<u16>(values, indices, count, out);
}
export function gatherNullable32(values: usize, indices: usize, count: i32, out: usize): void {
  gatherNullable<u32>(values, indices, count, out);
}
export function gatherNullable64(values: usize, indices: usize, count: i32, out: usize): void {
  gatherNullable<u64>(values, indices, count, out);
}
export function gatherNullable128(values: usize, indices: usize, count: i32, out: usize): void {
  const end = indices + ((<usize>count) << 2);
  for (let at = indices; at < end; at += 4, out += 16) {
    const row = load<u32>(at);
    v128.store(out, row == NO_ROW ? i64x2.splat(0) : v128.load(values + ((<usize>row) << 4)));
  }
}

/** Whether the eight indices at `at` are `row` and the seven behind it. */
@inline
function areNeighbours(at: usize, row: u32): bool {
  const first = i32x4.add(i32x4.splat(row), i32x4(0, 1, 2, 3));
  const second = i32x4.add(first, i32x4.splat(4));
  const same = v128.and(i32x4.eq(v128.load(at), first), i32x4.eq(v128.load(at, 16), second));
  return i32x4.all_true(same);
}

@inline
function bitOf(bits: usize, row: u32): u32 {
  if (row == NO_ROW) return 0;
  return (<u32>load<u8>(bits + (row >>> 3)) >> (row & 7)) & 1;
}

/**
 * Gathers bits into a bitmap from bit 0; every byte of `out` up to ceil(count / 8) is written. NO_ROW gives 0. Rows that
 * lie next to each other, as those that pass a filter often do, are taken eight at a time.
 *   bits  a byte past its end is addressable (the allocator sees to it)
 */
export function gatherBits(bits: usize, indices: usize, count: i32, out: usize): void {
  let at = indices;
  let base = 0;
  for (; base + 8 <= count; base += 8, at += 32, out++) {
    const row = load<u32>(at);
    if (areNeighbours(at, row) && row < NO_ROW - 8) {
      store<u8>(out, <u8>(<u32>load<u16>(bits + (row >>> 3)) >> (row & 7)));
      continue;
    }
    let byte = bitOf(bits, row);
    for (let i = 1; i < 8; i++) byte |= bitOf(bits, load<u32>(at + (i << 2))) << i;
    store<u8>(out, <u8>byte);
  }
  if (base == count) return;
  let byte: u32 = 0;
  for (let i = 0; base + i < count; i++) byte |= bitOf(bits, load<u32>(at + (i << 2))) << i;
  store<u8>(out, <u8>byte);
}

/** Bitmap of the indices that are rows (not NO_ROW); for columns without nulls of their own. Returns how many are not. */
export function gatherPresence(indices: usize, count: i32, out: usize): i32 {
  let missing = 0;
  let at = indices;
  for (let base = 0; base < count; base += 8) {
    const limit = min(8, count - base);
    let byte: u32 = 0;
    for (let i = 0; i < limit; i++, at += 4) {
      const present: u32 = load<u32>(at) != NO_ROW ? 1 : 0;
      byte |= present << i;
      missing += 1 - <i32>present;
    }
    store<u8>(out + (base >>> 3), <u8>byte);
  }
  return missing;
}

/**
 * Output offsets of gathered variable-length rows: outOffsets[0] = 0, outOffsets[i + 1] = running length.
 * NO_ROW has length 0. Returns the total length as f64, which the caller checks against the 2 GiB limit of int32
 * offsets (offsets past it are meaningless).
 */
export function gatherOffsets(offsets: usize, indices: usize, count: i32, outOffsets: usize): f64 {
  let total: u64 = 0;
  store<i32>(outOffsets, 0);
  for (let i = 0; i < count; ) {
    const at = indices + ((<usize>i) << 2);
    const row = load<u32>(at);
    if (i + 16 <= count && load<u32>(at, 60) == row + 15 && areSixteenNeighbours(at, row)) {
      total = copyLengths(offsets + ((<usize>row) << 2), total, outOffsets + ((<usize>i) << 2));
      i += 16;
      continue;
    }
    if (row != NO_ROW) {
      const from = offsets + ((<usize>row) << 2);
      total += <u64>(load<i32>(from + 4) - load<i32>(from));
    }
    i++;
    store<i32>(outOffsets + ((<usize>i) << 2), <i32>total);
  }
  return <f64>total;
}

/** Whether the sixteen indices at `at` are `row` and the fifteen behind it, none of them NO_ROW. */
@inline
function areSixteenNeighbours(at: usize, row: u32): bool {
  return row < NO_ROW - 16 && areNeighbours(at, row) && areNeighbours(at + 32, row + 8);
}

/** Offsets behind `total` of the sixteen rows at `from`, to `out` and on; returns the total behind them. */
@inline
function copyLengths(from: usize, total: u64, out: usize): u64 {
  const start = load<i32>(from);
  const shift = i32x4.splat(<i32>total - start);
  v128.store(out, i32x4.add(v128.load(from, 4), shift), 4);
  v128.store(out, i32x4.add(v128.load(from, 20), shift), 20);
  v128.store(out, i32x4.add(v128.load(from, 36), shift), 36);
  v128.store(out, i32x4.add(v128.load(from, 52), shift), 52);
  return total + <u64>(load<i32>(from, 64) - start);
}

/** Whether each of the indices is greater than the one before it. */
export function gatherAscends(indices: usize, count: i32): bool {
  let i = 0;
  for (; i + 4 < count; i += 4) {
    const at = indices + ((<usize>i) << 2);
    if (!i32x4.all_true(i32x4.gt_u(v128.load(at, 4), v128.load(at)))) return false;
  }
  for (; i + 1 < count; i++) {
    const at = indices + ((<usize>i) << 2);
    if (load<u32>(at, 4) <= load<u32>(at)) return false;
  }
  return true;
}

/** Up to so many bytes are copied here, 16 at a time: a call of memory.copy costs more. */
const LONGEST_STEPWISE: i32 = 192;

/**
 * Copies the bytes of gathered utf8/binary rows; `outOffsets` comes from `gatherOffsets`. Rows that lie next to each other
 * in the input, as those that pass a filter often do, are copied at once.
 *   data  16 bytes past its end are addressable (the allocator sees to it)
 *   out   owns 16 bytes past the total: 16 bytes are copied at a time
 */
export function gatherBytes(
  data: usize,
  offsets: usize,
  indices: usize,
  count: i32,
  outOffsets: usize,
  out: usize,
): void {
  const end = indices + ((<usize>count) << 2);
  let outAt = outOffsets;
  for (let at = indices; at < end; ) {
    const row = load<u32>(at);
    const target = out + <usize>load<i32>(outAt);
    at += 4;
    outAt += 4;
    if (row == NO_ROW) continue;
    let next = row + 1;
    for (; at < end && load<u32>(at) == next; at += 4, outAt += 4) next++;
    const start = load<i32>(offsets + ((<usize>row) << 2));
    const length = load<i32>(offsets + ((<usize>next) << 2)) - start;
    const source = data + <usize>start;
    // Rows are written in order, so what is written past these is overwritten by the next ones.
    if (length <= LONGEST_STEPWISE) {
      for (let i: usize = 0; i < <usize>length; i += 16) v128.store(target + i, v128.load(source + i));
    } else memory.copy(target, source, length);
  }
}

/**
 * Row indices of list elements: for each gathered row, its element positions in order.
 * `out` has room for the total that `gatherOffsets` returned.
 */
export function gatherElementRows(offsets: usize, indices: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    const row = load<u32>(indices + ((<usize>i) << 2));
    if (row == NO_ROW) continue;
    const at = offsets + ((<usize>row) << 2);
    const end = load<i32>(at + 4);
    for (let element = load<i32>(at); element < end; element++, out += 4) store<i32>(out, element);
  }
}

/** out[i] = offsets[i] - offsets[0] + base, for i in 0..count inclusive; used to append or rebase offsets. */
export function rebaseOffsets(offsets: usize, count: i32, base: i32, out: usize): void {
  const shift = base - load<i32>(offsets);
  for (let i = 0; i <= count; i++) {
    store<i32>(out + ((<usize>i) << 2), load<i32>(offsets + ((<usize>i) << 2)) + shift);
  }
}

/** out[i] = start + i. */
export function fillSequence32(start: i32, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) store<i32>(out + ((<usize>i) << 2), start + i);
}

/** out[i] = i * step: offsets of values that are `step` bytes each. */
export function fillSteps32(step: i32, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) store<i32>(out + ((<usize>i) << 2), step * i);
}

/** out[i] = values[i] + delta, for dictionary indices that move behind another dictionary. */
export function addConstant32(values: usize, count: i32, delta: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    store<i32>(out + ((<usize>i) << 2), load<i32>(values + ((<usize>i) << 2)) + delta);
  }
}

/** Sets values[i] to 0 where the validity bit is clear: dictionary indices of null rows must be 0. */
export function zeroNulls32(values: usize, validity: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    if (((load<u8>(validity + (i >>> 3)) >> (<u8>(i & 7))) & 1) == 0) store<i32>(values + ((<usize>i) << 2), 0);
  }
}
