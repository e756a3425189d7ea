/**
 * Choosing between two columns row by row, and joining nulls.
 *   bits  bitmap from bit 0; a set bit takes `left`, a clear one `right`
 *   left, right  T[length], or one T where the `Single` flag is set
 *   out   room for T[length]; may be `left` or `right` where that operand is not single
 */
@inline
function choose<T>(bits: usize, left: usize, leftSingle: bool, right: usize, rightSingle: bool, length: i32, out: usize): void {
  const leftStep: usize = leftSingle ? 0 : sizeof<T>();
  const rightStep: usize = rightSingle ? 0 : sizeof<T>();
  for (let row = 0; row < length; row++) {
    const takesLeft = (load<u8>(bits + (row >>> 3)) >> <u8>(row & 7)) & 1;
    const a = load<T>(left);
    const b = load<T>(right);
    store<T>(out, takesLeft ? a : b);
    left += leftStep;
    right += rightStep;
    out += sizeof<T>();
  }
}

/** Values of `width` bytes: 1, 2, 4, 8 or 16. */
export function nullChoose(width: i32, bits: usize, left: usize, leftSingle: bool, right: usize, rightSingle: bool, length: i32, out: usize): void {
  switch (width) {
    case 1:
      choose<u8>(bits, left, leftSingle, right, rightSingle, length, out);
      return;
    case 2:
      choose<u16>(bits, left, leftSingle, right, rightSingle, length, out);
      return;
    case 4:
      choose<u32>(bits, left, leftSingle, right, rightSingle, length, out);
      return;
    case 8:
      choose<u64>(bits, left, leftSingle, right, rightSingle, length, out);
      return;
    default:
      choose128(bits, left, leftSingle, right, rightSingle, length, out);
  }
}

function choose128(bits: usize, left: usize, leftSingle: bool, right: usize, rightSingle: bool, length: i32, out: usize): void {
  const leftStep: usize = leftSingle ? 0 : 16;
  const rightStep: usize = rightSingle ? 0 : 16;
  for (let row = 0; row < length; row++) {
    const takesLeft = (load<u8>(bits + (row >>> 3)) >> <u8>(row & 7)) & 1;
    v128.store(out, v128.load(takesLeft ? left : right));
    left += leftStep;
    right += rightStep;
    out += 16;
  }
}

/**
 * Bit columns: out = bits ? left : right. An operand is a bitmap, or 1 (every bit set) or 0 (every bit clear) instead of
 * an address. Whole vectors are written.
 */
export function nullChooseBits(bits: usize, left: usize, right: usize, length: i32, out: usize): void {
  const end = <usize>((length + 7) >>> 3);
  for (let at: usize = 0; at < end; at += 16) {
    v128.store(out + at, v128.bitselect(bitsOf(left, at), bitsOf(right, at), v128.load(bits + at)));
  }
}

@inline
function bitsOf(address: usize, at: usize): v128 {
  return address == 0 ? i64x2.splat(0) : address == 1 ? i64x2.splat(-1) : v128.load(address + at);
}

/**
 * Row numbers for a gather from concatenated branch values: indices[row] = base, plus row unless `isSingle`, where the
 * bit is set; other entries stay.
 */
export function nullBranchRows(bits: usize, base: i32, isSingle: bool, length: i32, indices: usize): void {
  for (let row = 0; row < length; row++) {
    if ((load<u8>(bits + (row >>> 3)) >> <u8>(row & 7)) & 1) {
      store<i32>(indices + (<usize>row << 2), isSingle ? base : base + row);
    }
  }
}

/** out[indices[i]] = base + i: where each row went, to put gathered rows back. */
export function nullScatterRows(indices: usize, count: i32, base: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    store<i32>(out + (<usize>load<u32>(indices + (<usize>i << 2)) << 2), base + i);
  }
}

/** out[i] = outer[inner[i]]: row numbers of a selection within a selection. */
export function nullComposeRows(outer: usize, inner: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    store<u32>(out + (<usize>i << 2), load<u32>(outer + (<usize>load<u32>(inner + (<usize>i << 2)) << 2)));
  }
}
