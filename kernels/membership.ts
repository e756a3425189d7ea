import { hashBytes, hashWord } from "./hash";

/**
 * Sets of constants for long IN lists: open addressing with linear probing.
 *   table   u32[mask + 1], zeroed before building; a slot holds the position of a value plus one, 0 is free.
 *           mask + 1 is a power of two of at least twice the number of values
 *   kind    how values are read: 0 bytes, 1 16-bit, 2 32-bit, 3 64-bit, 4 f32, 5 f64, 6 128-bit; floats compare with
 *           -0 equal to 0 and NaN equal to NaN
 */
@inline
function keyOf(kind: i32, values: usize, row: i32): u64 {
  switch (kind) {
    case 0:
      return <u64>load<u8>(values + row);
    case 1:
      return <u64>load<u16>(values + (<usize>row << 1));
    case 2:
      return <u64>load<u32>(values + (<usize>row << 2));
    case 3:
      return load<u64>(values + (<usize>row << 3));
    case 4:
      return canonical(<f64>load<f32>(values + (<usize>row << 2)));
    case 5:
      return canonical(load<f64>(values + (<usize>row << 3)));
    default:
      return load<u64>(values + (<usize>row << 4));
  }
}

@inline
function canonical(value: f64): u64 {
  if (value == 0) return 0;
  return value != value ? 0x7ff8000000000000 : reinterpret<u64>(value);
}

@inline
function upperOf(kind: i32, values: usize, row: i32): u64 {
  return kind == 6 ? load<u64>(values + (<usize>row << 4), 8) : 0;
}

@inline
function slotOf(key: u64, upper: u64): u32 {
  return <u32>(hashWord(key ^ (upper * 0x9e3779b97f4a7c15)) >> 32);
}

export function membershipBuild(kind: i32, values: usize, count: i32, table: usize, mask: i32): void {
  for (let i = 0; i < count; i++) {
    let slot = slotOf(keyOf(kind, values, i), upperOf(kind, values, i)) & <u32>mask;
    while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & <u32>mask;
    store<u32>(table + (<usize>slot << 2), <u32>i + 1);
  }
}

/** Bits of the rows whose value is in the set; every byte of `out` is written. */
export function membershipTest(kind: i32, values: usize, length: i32, list: usize, table: usize, mask: i32, out: usize): void {
  let byte: u32 = 0;
  for (let row = 0; row < length; row++) {
    const key = keyOf(kind, values, row);
    const upper = upperOf(kind, values, row);
    let slot = slotOf(key, upper) & <u32>mask;
    let entry = load<u32>(table + (<usize>slot << 2));
    while (entry != 0) {
      if (keyOf(kind, list, <i32>entry - 1) == key && upperOf(kind, list, <i32>entry - 1) == upper) {
        byte |= <u32>1 << (row & 7);
        break;
      }
      slot = (slot + 1) & <u32>mask;
      entry = load<u32>(table + (<usize>slot << 2));
    }
    if ((row & 7) == 7) {
      store<u8>(out++, <u8>byte);
      byte = 0;
    }
  }
  if ((length & 7) != 0) store<u8>(out, <u8>byte);
}

export function membershipBuildBytes(data: usize, offsets: usize, count: i32, table: usize, mask: i32): void {
  for (let i = 0; i < count; i++) {
    const start = load<i32>(offsets + (<usize>i << 2));
    const size = load<i32>(offsets + (<usize>i << 2), 4) - start;
    let slot = <u32>(hashBytes(data + start, size) >> 32) & <u32>mask;
    while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & <u32>mask;
    store<u32>(table + (<usize>slot << 2), <u32>i + 1);
  }
}

export function membershipTestBytes(
  data: usize,
  offsets: usize,
  length: i32,
  listData: usize,
  listOffsets: usize,
  table: usize,
  mask: i32,
  out: usize,
): void {
  let byte: u32 = 0;
  for (let row = 0; row < length; row++) {
    const start = load<i32>(offsets + (<usize>row << 2));
    const size = load<i32>(offsets + (<usize>row << 2), 4) - start;
    let slot = <u32>(hashBytes(data + start, size) >> 32) & <u32>mask;
    let entry = load<u32>(table + (<usize>slot << 2));
    while (entry != 0) {
      const at = listOffsets + (<usize>(entry - 1) << 2);
      const listStart = load<i32>(at);
      if (load<i32>(at, 4) - listStart == size && memory.compare(data + start, listData + listStart, size) == 0) {
        byte |= <u32>1 << (row & 7);
        break;
      }
      slot = (slot + 1) & <u32>mask;
      entry = load<u32>(table + (<usize>slot << 2));
    }
    if ((row & 7) == 7) {
      store<u8>(out++, <u8>byte);
      byte = 0;
    }
  }
  if ((length & 7) != 0) store<u8>(out, <u8>byte);
}
