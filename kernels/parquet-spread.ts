// Null spreading: values of a page are stored without gaps; these kernels move them to the slots whose bit is set.
// All work in place from the end, which is safe because a value never moves towards the front.

/**
 * Spreads `dense` values at the front of `values` over `count` slots.
 *   bitmap, firstBit  1 = the slot holds a value; exactly `dense` of the `count` bits are set
 * Null slots receive a copy of some present value of the page, or zero where there is none before them.
 */
@inline
function spread<T>(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  let from = dense;
  let slot = count - 1;
  // Slots in front of the last gap are in place already.
  while (slot >= 0 && from != slot + 1) {
    const bit = <u32>(firstBit + slot);
    const set = <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
    store<T>(values + <usize>slot * sizeof<T>(), from > 0 ? load<T>(values + <usize>(from - 1) * sizeof<T>()) : <T>0);
    from -= set;
    slot--;
  }
}

export function parquetSpread8(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  spread<u8>(values, bitmap, firstBit, count, dense);
}

export function parquetSpread16(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  spread<u16>(values, bitmap, firstBit, count, dense);
}

export function parquetSpread32(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  spread<u32>(values, bitmap, firstBit, count, dense);
}

export function parquetSpread64(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  spread<u64>(values, bitmap, firstBit, count, dense);
}

export function parquetSpread128(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  let from = dense;
  for (let slot = count - 1; slot >= 0 && from != slot + 1; slot--) {
    const bit = <u32>(firstBit + slot);
    const set = <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
    v128.store(values + (<usize>slot << 4), from > 0 ? v128.load(values + (<usize>(from - 1) << 4)) : i32x4.splat(0));
    from -= set;
  }
}

/** Like parquetSpread32 for dictionary indices: null slots become 0. */
export function parquetSpreadIndices(values: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  let from = dense;
  for (let slot = count - 1; slot >= 0 && from != slot + 1; slot--) {
    const bit = <u32>(firstBit + slot);
    const set = <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
    store<i32>(values + (<usize>slot << 2), set ? load<i32>(values + (<usize>(from - 1) << 2)) : 0);
    from -= set;
  }
}

/**
 * Spreads bits in place: the first `dense` bits from bit `valueBit` of `values` over `count` bits; null slots become 0.
 */
export function parquetSpreadBits(values: usize, valueBit: i32, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  let from = valueBit + dense - 1;
  for (let slot = count - 1; slot >= 0; slot--) {
    const bit = <u32>(firstBit + slot);
    const present = (load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1;
    let value: u8 = 0;
    if (present) {
      value = (load<u8>(values + (from >> 3)) >> <u8>(from & 7)) & 1;
      from--;
    }
    const to = <u32>(valueBit + slot);
    const address = values + (to >> 3);
    const mask = <u8>(<u32>1 << (to & 7));
    store<u8>(address, value ? load<u8>(address) | mask : load<u8>(address) & ~mask);
  }
}

/**
 * Spreads offsets in place: `offsets` holds dense + 1 int32, and becomes count + 1, null slots of length 0.
 */
export function parquetSpreadOffsets(offsets: usize, bitmap: usize, firstBit: i32, count: i32, dense: i32): void {
  let from = dense;
  store<i32>(offsets + (<usize>count << 2), load<i32>(offsets + (<usize>dense << 2)));
  for (let slot = count - 1; slot >= 0 && from != slot + 1; slot--) {
    const bit = <u32>(firstBit + slot);
    from -= <i32>((load<u8>(bitmap + (bit >> 3)) >> <u8>(bit & 7)) & 1);
    store<i32>(offsets + (<usize>slot << 2), load<i32>(offsets + (<usize>from << 2)));
  }
}
