/**
 * Three-valued logic on bitmaps, and bitmaps as row selections.
 * A bool operand is its value bits and its validity bits (0 where no row is null); all start at bit 0.
 * Whole vectors are processed: `out` bitmaps own ceil(length / 8) rounded up to 16 bytes, inputs may be read as far.
 */

@inline
function bits(address: usize, at: usize): v128 {
  return address == 0 ? i64x2.splat(-1) : v128.load(address + at);
}

/**
 * Kleene AND and OR: `isOr` 0 or 1.
 * out = value bits; outValidity = validity bits, or 0 when neither operand has nulls.
 * False AND null is false, true OR null is true.
 */
export function booleanCombine(
  isOr: bool,
  left: usize,
  leftValidity: usize,
  right: usize,
  rightValidity: usize,
  length: i32,
  out: usize,
  outValidity: usize,
): void {
  const end = <usize>((length + 7) >>> 3);
  for (let at: usize = 0; at < end; at += 16) {
    const a = v128.load(left + at);
    const b = v128.load(right + at);
    const value = isOr ? v128.or(a, b) : v128.and(a, b);
    if (outValidity != 0) {
      const aKnown = bits(leftValidity, at);
      const bKnown = bits(rightValidity, at);
      // What decides the result alone: a known false for AND, a known true for OR.
      const decided = isOr
        ? v128.or(v128.and(a, aKnown), v128.and(b, bKnown))
        : v128.or(v128.andnot(aKnown, a), v128.andnot(bKnown, b));
      v128.store(outValidity + at, v128.or(v128.and(aKnown, bKnown), decided));
      // A slot of a null operand may hold any bit, so a decided result is written explicitly.
      v128.store(out + at, isOr ? v128.or(value, decided) : v128.andnot(value, decided));
    } else v128.store(out + at, value);
  }
}

/** out = NOT bits. */
export function booleanNot(values: usize, length: i32, out: usize): void {
  const end = <usize>((length + 7) >>> 3);
  for (let at: usize = 0; at < end; at += 16) v128.store(out + at, v128.not(v128.load(values + at)));
}

/** out = values AND validity: null counts as false. `validity` 0 copies. */
export function booleanTrue(values: usize, validity: usize, length: i32, out: usize): void {
  const end = <usize>((length + 7) >>> 3);
  for (let at: usize = 0; at < end; at += 16) v128.store(out + at, v128.and(v128.load(values + at), bits(validity, at)));
}

/** 0 and, 1 or, 2 xor, 3 and-not of two bitmaps; `out` may be either. */
export function booleanBits(operation: i32, left: usize, right: usize, length: i32, out: usize): void {
  const end = <usize>((length + 7) >>> 3);
  for (let at: usize = 0; at < end; at += 16) {
    const a = v128.load(left + at);
    const b = v128.load(right + at);
    v128.store(
      out + at,
      operation == 0 ? v128.and(a, b) : operation == 1 ? v128.or(a, b) : operation == 2 ? v128.xor(a, b) : v128.andnot(a, b),
    );
  }
}

/**
 * Row numbers of the set bits among the first `length`, ascending.
 *   out  room for u32[length + 8]: eight are written at a time
 * Returns how many rows there are; `out` past that is unspecified.
 */
export function booleanIndices(bitmap: usize, length: i32, out: usize): i32 {
  const start = out;
  const words = length >>> 6;
  let base: u32 = 0;
  for (let word = 0; word < words; word++, base += 64) {
    const value = load<u64>(bitmap + (<usize>word << 3));
    out = value == u64.MAX_VALUE ? sequence(base, out) : expand(value, base, out);
  }
  const left = length & 63;
  if (left > 0) out = expand(load<u64>(bitmap + (<usize>words << 3)) & (((<u64>1) << left) - 1), base, out);
  return <i32>((out - start) >> 2);
}

@inline
function sequence(base: u32, out: usize): usize {
  let rows = i32x4.add(i32x4.splat(base), i32x4(0, 1, 2, 3));
  const step = i32x4.splat(4);
  for (let i: usize = 0; i < 256; i += 16) {
    v128.store(out + i, rows);
    rows = i32x4.add(rows, step);
  }
  return out + 256;
}

/**
 * One byte of the bitmap at a time: a table gives the positions of its set bits as eight bytes, which are widened and
 * stored at once; only the first popcount of them count.
 */
@inline
function expand(word: u64, base: u32, out: usize): usize {
  while (word != 0) {
    const byte = <usize>(word & 0xff);
    if (byte != 0) {
      const positions = i16x8.extend_low_i8x16_u(v128.load64_zero(BIT_POSITIONS + (byte << 3)));
      const from = i32x4.splat(base);
      v128.store(out, i32x4.add(i32x4.extend_low_i16x8_u(positions), from));
      v128.store(out + 16, i32x4.add(i32x4.extend_high_i16x8_u(positions), from));
      out += <usize>popcnt<u32>(<u32>byte) << 2;
    }
    word >>= 8;
    base += 8;
  }
  return out;
}

/** For each byte, the positions of its set bits, lowest first, padded with 0. */
// prettier-ignore
const BIT_POSITIONS = memory.data<u8>([
  0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0, 0,1,0,0,0,0,0,0,
  2,0,0,0,0,0,0,0, 0,2,0,0,0,0,0,0, 1,2,0,0,0,0,0,0, 0,1,2,0,0,0,0,0,
  3,0,0,0,0,0,0,0, 0,3,0,0,0,0,0,0, 1,3,0,0,0,0,0,0, 0,1,3,0,0,0,0,0,
  2,3,0,0,0,0,0,0, 0,2,3,0,0,0,0,0, 1,2,3,0,0,0,0,0, 0,1,2,3,0,0,0,0,
  4,0,0,0,0,0,0,0, 0,4,0,0,0,0,0,0, 1,4,0,0,0,0,0,0, 0,1,4,0,0,0,0,0,
  2,4,0,0,0,0,0,0, 0,2,4,0,0,0,0,0, 1,2,4,0,0,0,0,0, 0,1,2,4,0,0,0,0,
  3,4,0,0,0,0,0,0, 0,3,4,0,0,0,0,0, 1,3,4,0,0,0,0,0, 0,1,3,4,0,0,0,0,
  2,3,4,0,0,0,0,0, 0,2,3,4,0,0,0,0, 1,2,3,4,0,0,0,0, 0,1,2,3,4,0,0,0,
  5,0,0,0,0,0,0,0, 0,5,0,0,0,0,0,0, 1,5,0,0,0,0,0,0, 0,1,5,0,0,0,0,0,
  2,5,0,0,0,0,0,0, 0,2,5,0,0,0,0,0, 1,2,5,0,0,0,0,0, 0,1,2,5,0,0,0,0,
  3,5,0,0,0,0,0,0, 0,3,5,0,0,0,0,0, 1,3,5,0,0,0,0,0, 0,1,3,5,0,0,0,0,
  2,3,5,0,0,0,0,0, 0,2,3,5,0,0,0,0, 1,2,3,5,0,0,0,0, 0,1,2,3,5,0,0,0,
  4,5,0,0,0,0,0,0, 0,4,5,0,0,0,0,0, 1,4,5,0,0,0,0,0, 0,1,4,5,0,0,0,0,
  2,4,5,0,0,0,0,0, 0,2,4,5,0,0,0,0, 1,2,4,5,0,0,0,0, 0,1,2,4,5,0,0,0,
  3,4,5,0,0,0,0,0, 0,3,4,5,0,0,0,0, 1,3,4,5,0,0,0,0, 0,1,3,4,5,0,0,0,
  2,3,4,5,0,0,0,0, 0,2,3,4,5,0,0,0, 1,2,3,4,5,0,0,0, 0,1,2,3,4,5,0,0,
  6,0,0,0,0,0,0,0, 0,6,0,0,0,0,0,0, 1,6,0,0,0,0,0,0, 0,1,6,0,0,0,0,0,
  2,6,0,0,0,0,0,0, 0,2,6,0,0,0,0,0, 1,2,6,0,0,0,0,0, 0,1,2,6,0,0,0,0,
  3,6,0,0,0,0,0,0, 0,3,6,0,0,0,0,0, 1,3,6,0,0,0,0,0, 0,1,3,6,0,0,0,0,
  2,3,6,0,0,0,0,0, 0,2,3,6,0,0,0,0, 1,2,3,6,0,0,0,0, 0,1,2,3,6,0,0,0,
  4,6,0,0,0,0,0,0, 0,4,6,0,0,0,0,0, 1,4,6,0,0,0,0,0, 0,1,4,6,0,0,0,0,
  2,4,6,0,0,0,0,0, 0,2,4,6,0,0,0,0, 1,2,4,6,0,0,0,0, 0,1,2,4,6,0,0,0,
  3,4,6,0,0,0,0,0, 0,3,4,6,0,0,0,0, 1,3,4,6,0,0,0,0, 0,1,3,4,6,0,0,0,
  2,3,4,6,0,0,0,0, 0,2,3,4,6,0,0,0, 1,2,3,4,6,0,0,0, 0,1,2,3,4,6,0,0,
  5,6,0,0,0,0,0,0, 0,5,6,0,0,0,0,0, 1,5,6,0,0,0,0,0, 0,1,5,6,0,0,0,0,
  2,5,6,0,0,0,0,0, 0,2,5,6,0,0,0,0, 1,2,5,6,0,0,0,0, 0,1,2,5,6,0,0,0,
  3,5,6,0,0,0,0,0, 0,3,5,6,0,0,0,0, 1,3,5,6,0,0,0,0, 0,1,3,5,6,0,0,0,
  2,3,5,6,0,0,0,0, 0,2,3,5,6,0,0,0, 1,2,3,5,6,0,0,0, 0,1,2,3,5,6,0,0,
  4,5,6,0,0,0,0,0, 0,4,5,6,0,0,0,0, 1,4,5,6,0,0,0,0, 0,1,4,5,6,0,0,0,
  2,4,5,6,0,0,0,0, 0,2,4,5,6,0,0,0, 1,2,4,5,6,0,0,0, 0,1,2,4,5,6,0,0,
  3,4,5,6,0,0,0,0, 0,3,4,5,6,0,0,0, 1,3,4,5,6,0,0,0, 0,1,3,4,5,6,0,0,
  2,3,4,5,6,0,0,0, 0,2,3,4,5,6,0,0, 1,2,3,4,5,6,0,0, 0,1,2,3,4,5,6,0,
  7,0,0,0,0,0,0,0, 0,7,0,0,0,0,0,0, 1,7,0,0,0,0,0,0, 0,1,7,0,0,0,0,0,
  2,7,0,0,0,0,0,0, 0,2,7,0,0,0,0,0, 1,2,7,0,0,0,0,0, 0,1,2,7,0,0,0,0,
  3,7,0,0,0,0,0,0, 0,3,7,0,0,0,0,0, 1,3,7,0,0,0,0,0, 0,1,3,7,0,0,0,0,
  2,3,7,0,0,0,0,0, 0,2,3,7,0,0,0,0, 1,2,3,7,0,0,0,0, 0,1,2,3,7,0,0,0,
  4,7,0,0,0,0,0,0, 0,4,7,0,0,0,0,0, 1,4,7,0,0,0,0,0, 0,1,4,7,0,0,0,0,
  2,4,7,0,0,0,0,0, 0,2,4,7,0,0,0,0, 1,2,4,7,0,0,0,0, 0,1,2,4,7,0,0,0,
  3,4,7,0,0,0,0,0, 0,3,4,7,0,0,0,0, 1,3,4,7,0,0,0,0, 0,1,3,4,7,0,0,0,
  2,3,4,7,0,0,0,0, 0,2,3,4,7,0,0,0, 1,2,3,4,7,0,0,0, 0,1,2,3,4,7,0,0,
  5,7,0,0,0,0,0,0, 0,5,7,0,0,0,0,0, 1,5,7,0,0,0,0,0, 0,1,5,7,0,0,0,0,
  2,5,7,0,0,0,0,0, 0,2,5,7,0,0,0,0, 1,2,5,7,0,0,0,0, 0,1,2,5,7,0,0,0,
  3,5,7,0,0,0,0,0, 0,3,5,7,0,0,0,0, 1,3,5,7,0,0,0,0, 0,1,3,5,7,0,0,0,
  2,3,5,7,0,0,0,0, 0,2,3,5,7,0,0,0, 1,2,3,5,7,0,0,0, 0,1,2,3,5,7,0,0,
  4,5,7,0,0,0,0,0, 0,4,5,7,0,0,0,0, 1,4,5,7,0,0,0,0, 0,1,4,5,7,0,0,0,
  2,4,5,7,0,0,0,0, 0,2,4,5,7,0,0,0, 1,2,4,5,7,0,0,0, 0,1,2,4,5,7,0,0,
  3,4,5,7,0,0,0,0, 0,3,4,5,7,0,0,0, 1,3,4,5,7,0,0,0, 0,1,3,4,5,7,0,0,
  2,3,4,5,7,0,0,0, 0,2,3,4,5,7,0,0, 1,2,3,4,5,7,0,0, 0,1,2,3,4,5,7,0,
  6,7,0,0,0,0,0,0, 0,6,7,0,0,0,0,0, 1,6,7,0,0,0,0,0, 0,1,6,7,0,0,0,0,
  2,6,7,0,0,0,0,0, 0,2,6,7,0,0,0,0, 1,2,6,7,0,0,0,0, 0,1,2,6,7,0,0,0,
  3,6,7,0,0,0,0,0, 0,3,6,7,0,0,0,0, 1,3,6,7,0,0,0,0, 0,1,3,6,7,0,0,0,
  2,3,6,7,0,0,0,0, 0,2,3,6,7,0,0,0, 1,2,3,6,7,0,0,0, 0,1,2,3,6,7,0,0,
  4,6,7,0,0,0,0,0, 0,4,6,7,0,0,0,0, 1,4,6,7,0,0,0,0, 0,1,4,6,7,0,0,0,
  2,4,6,7,0,0,0,0, 0,2,4,6,7,0,0,0, 1,2,4,6,7,0,0,0, 0,1,2,4,6,7,0,0,
  3,4,6,7,0,0,0,0, 0,3,4,6,7,0,0,0, 1,3,4,6,7,0,0,0, 0,1,3,4,6,7,0,0,
  2,3,4,6,7,0,0,0, 0,2,3,4,6,7,0,0, 1,2,3,4,6,7,0,0, 0,1,2,3,4,6,7,0,
  5,6,7,0,0,0,0,0, 0,5,6,7,0,0,0,0, 1,5,6,7,0,0,0,0, 0,1,5,6,7,0,0,0,
  2,5,6,7,0,0,0,0, 0,2,5,6,7,0,0,0, 1,2,5,6,7,0,0,0, 0,1,2,5,6,7,0,0,
  3,5,6,7,0,0,0,0, 0,3,5,6,7,0,0,0, 1,3,5,6,7,0,0,0, 0,1,3,5,6,7,0,0,
  2,3,5,6,7,0,0,0, 0,2,3,5,6,7,0,0, 1,2,3,5,6,7,0,0, 0,1,2,3,5,6,7,0,
  4,5,6,7,0,0,0,0, 0,4,5,6,7,0,0,0, 1,4,5,6,7,0,0,0, 0,1,4,5,6,7,0,0,
  2,4,5,6,7,0,0,0, 0,2,4,5,6,7,0,0, 1,2,4,5,6,7,0,0, 0,1,2,4,5,6,7,0,
  3,4,5,6,7,0,0,0, 0,3,4,5,6,7,0,0, 1,3,4,5,6,7,0,0, 0,1,3,4,5,6,7,0,
  2,3,4,5,6,7,0,0, 0,2,3,4,5,6,7,0, 1,2,3,4,5,6,7,0, 0,1,2,3,4,5,6,7,
]);

/** Sets bit rows[i] of `out` for each set bit i of `bits`; other bits stay. */
export function booleanScatter(bits: usize, rows: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    if (((load<u8>(bits + (i >>> 3)) >> <u8>(i & 7)) & 1) == 0) continue;
    const row = load<u32>(rows + (<usize>i << 2));
    const address = out + (row >>> 3);
    store<u8>(address, load<u8>(address) | <u8>(<u32>1 << (row & 7)));
  }
}
