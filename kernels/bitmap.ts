/**
 * Counts the set bits of an Arrow bitmap that starts at bit 0 of `bitmap`.
 * Bits of the last byte past `length` are ignored.
 */
export function bitmapCount(bitmap: usize, length: i32): i32 {
  let count: i32 = 0;
  let at = bitmap;
  const wordEnd = bitmap + ((<usize>(<u32>length >> 6)) << 3);
  for (; at < wordEnd; at += 8) count += <i32>popcnt<u64>(load<u64>(at));
  let left = length & 63;
  while (left >= 8) {
    count += <i32>popcnt<u32>(<u32>load<u8>(at));
    at += 1;
    left -= 8;
  }
  if (left > 0) count += <i32>popcnt<u32>(<u32>load<u8>(at) & ((1 << left) - 1));
  return count;
}

/**
 * Copies `length` bits from bit `sourceBit` of `source` to bit 0 of `target`.
 *   source  may be read up to 8 bytes past the last needed byte
 *   target  room for ceil(length / 8) bytes; unused bits of its last byte are cleared; may not overlap
 */
export function bitmapSlice(source: usize, sourceBit: i32, length: i32, target: usize): void {
  const shift = <u64>(sourceBit & 7);
  let from = source + (sourceBit >>> 3);
  let to = target;
  const bytes = (length + 7) >>> 3;
  if (shift == 0) {
    memory.copy(to, from, bytes);
  } else {
    let left = bytes;
    for (; left >= 8; left -= 8) {
      store<u64>(to, (load<u64>(from) >> shift) | ((<u64>load<u8>(from + 8)) << (64 - shift)));
      from += 8;
      to += 8;
    }
    for (; left > 0; left--) {
      store<u8>(to, <u8>((<u32>load<u16>(from)) >> (<u32>shift)));
      from += 1;
      to += 1;
    }
  }
  const tail = length & 7;
  if (tail > 0) {
    const last = target + bytes - 1;
    store<u8>(last, <u8>(<u32>load<u8>(last) & ((1 << <u32>tail) - 1)));
  }
}

/** Copies `length` bits from bit 0 of `source` to bit `targetBit` of `target`, leaving the bits around them. */
export function bitmapPlace(source: usize, length: i32, target: usize, targetBit: i32): void {
  let bit = 0;
  let at = targetBit;
  // Whole target bytes: 8 bits at a time, once the target is at a byte boundary.
  while (bit < length && (at & 7) != 0) {
    placeBit(source, bit++, target, at++);
  }
  const shift = <u32>(bit & 7);
  for (; bit + 8 <= length; bit += 8, at += 8) {
    const pair = <u32>load<u16>(source + (bit >>> 3));
    store<u8>(target + (at >>> 3), <u8>(pair >> shift));
  }
  while (bit < length) placeBit(source, bit++, target, at++);
}

@inline
function placeBit(source: usize, sourceBit: i32, target: usize, targetBit: i32): void {
  const value = (load<u8>(source + (sourceBit >>> 3)) >> (<u8>(sourceBit & 7))) & 1;
  const address = target + (targetBit >>> 3);
  const mask = <u8>(<u32>1 << <u32>(targetBit & 7));
  store<u8>(address, value ? load<u8>(address) | mask : load<u8>(address) & ~mask);
}

/** Sets `length` bits from bit `targetBit` of `target` to one, leaving the bits around them. */
export function bitmapSetRange(target: usize, targetBit: i32, length: i32): void {
  let bit = targetBit;
  const end = targetBit + length;
  while (bit < end && (bit & 7) != 0) setBit(target, bit++);
  const bytes = (end - bit) >> 3;
  if (bytes > 0) {
    memory.fill(target + (bit >>> 3), 0xff, bytes);
    bit += bytes << 3;
  }
  while (bit < end) setBit(target, bit++);
}

@inline
function setBit(target: usize, bit: i32): void {
  const address = target + (bit >>> 3);
  store<u8>(address, load<u8>(address) | <u8>(<u32>1 << <u32>(bit & 7)));
}

/** out = a AND b over ceil(length / 8) bytes; `out` may be `a` or `b`. */
export function bitmapAnd(a: usize, b: usize, length: i32, out: usize): void {
  const bytes = (length + 7) >>> 3;
  let i = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(out + i, v128.and(v128.load(a + i), v128.load(b + i)));
  for (; i < bytes; i++) store<u8>(out + i, load<u8>(a + i) & load<u8>(b + i));
}
