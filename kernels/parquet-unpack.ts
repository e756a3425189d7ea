// Bit-packed values as the hybrid of Parquet holds them: little endian, groups of 8 values end at a byte.

/**
 * Unpacks `count` values of 1..32 bits to u32, whole groups of 8; true where one of them passes `greatest`.
 * Up to 64 bytes past the values may be read, `out` has room for 8 more.
 */
export function unpack(at: usize, width: i32, out: usize, count: u32, greatest: u32): bool {
  if (width > 25) return unpackWide(at, width, out, <i32>count, greatest);
  const groups = count >> 3;
  const over = width <= 9 ? unpackShort(at, <u32>width, out, groups) : unpackNarrow(at, <u32>width, out, groups);
  if (over > greatest) return true;
  const rest = <i32>(count & 7);
  return rest > 0 && unpackWide(at + groups * width, width, out + (<usize>groups << 5), rest, greatest);
}

/** Unpacks groups of 8 values of up to 9 bits, eight lanes at a time; returns the greatest value. */
function unpackShort(at: usize, w: u32, out: usize, groups: u32): u32 {
  // Lane k takes the two bytes where its value starts; multiplying by 2^(7 - bit) brings every value to bit 7.
  const lanes = i16x8(
    twoBytes(0),
    twoBytes(w >> 3),
    twoBytes((2 * w) >> 3),
    twoBytes((3 * w) >> 3),
    twoBytes((4 * w) >> 3),
    twoBytes((5 * w) >> 3),
    twoBytes((6 * w) >> 3),
    twoBytes((7 * w) >> 3),
  );
  const scale = i16x8(
    scaleOf(0),
    scaleOf(w),
    scaleOf(2 * w),
    scaleOf(3 * w),
    scaleOf(4 * w),
    scaleOf(5 * w),
    scaleOf(6 * w),
    scaleOf(7 * w),
  );
  const mask = i16x8.splat(<i16>((<u32>1 << w) - 1));
  let greatestSeen = i16x8.splat(0);
  for (let group: u32 = 0; group < groups; group++) {
    const all = v128.and(i16x8.shr_u(i16x8.mul(i8x16.swizzle(v128.load(at), lanes), scale), 7), mask);
    v128.store(out, i32x4.extend_low_i16x8_u(all));
    v128.store(out, i32x4.extend_high_i16x8_u(all), 16);
    greatestSeen = i16x8.max_u(greatestSeen, all);
    at += w;
    out += 32;
  }
  return greatestLane(i32x4.max_u(i32x4.extend_low_i16x8_u(greatestSeen), i32x4.extend_high_i16x8_u(greatestSeen)));
}

@inline
function twoBytes(first: u32): i16 {
  return <i16>(first * 0x0101 + 0x0100);
}

@inline
function scaleOf(bit: u32): i16 {
  const scale: u32 = 128;
  return <i16>(scale >> (bit & 7));
}

@inline
function greatestLane(lanes: v128): u32 {
  const pair = i32x4.max_u(lanes, i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max(<u32>i32x4.extract_lane(pair, 0), <u32>i32x4.extract_lane(pair, 1));
}

/** Unpacks groups of 8 values of up to 25 bits; returns the greatest value. */
function unpackNarrow(at: usize, w: u32, out: usize, groups: u32): u32 {
  // Lane k takes the four bytes where its value starts; multiplying by 2^(7 - bit) brings every value to bit 7.
  const low = byteLanes(0, w >> 3, (2 * w) >> 3, (3 * w) >> 3);
  const lowScale = i32x4(
    128,
    1 << (7 - (w & 7)),
    1 << (7 - ((2 * w) & 7)),
    1 << (7 - ((3 * w) & 7)),
  );
  const start = (4 * w) >> 3;
  const bit = (4 * w) & 7;
  const high = byteLanes(0, (bit + w) >> 3, (bit + 2 * w) >> 3, (bit + 3 * w) >> 3);
  const highScale = i32x4(
    1 << (7 - bit),
    1 << (7 - ((bit + w) & 7)),
    1 << (7 - ((bit + 2 * w) & 7)),
    1 << (7 - ((bit + 3 * w) & 7)),
  );
  const mask = i32x4.splat((1 << w) - 1);
  let greatestSeen = i32x4.splat(0);
  for (let group: u32 = 0; group < groups; group++) {
    const a = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(at), low), lowScale), 7), mask);
    const b = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(at + start), high), highScale), 7), mask);
    v128.store(out, a);
    v128.store(out, b, 16);
    greatestSeen = i32x4.max_u(greatestSeen, i32x4.max_u(a, b));
    at += w;
    out += 32;
  }
  return greatestLane(greatestSeen);
}

/** A swizzle that brings the bytes a..a+3, b..b+3, c..c+3 and d..d+3 into the four lanes. */
@inline
function byteLanes(a: u32, b: u32, c: u32, d: u32): v128 {
  return i32x4(fourBytes(a), fourBytes(b), fourBytes(c), fourBytes(d));
}

@inline
function fourBytes(first: u32): i32 {
  return <i32>(first * 0x01010101 + 0x03020100);
}

/** Unpacks `taken` values of 1..32 bits one by one. */
function unpackWide(at: usize, width: i32, out: usize, taken: i32, greatest: u32): bool {
  const mask = <u32>(((<u64>1) << width) - 1);
  let over = false;
  let bit: u64 = 0;
  for (let i = 0; i < taken; i++) {
    const value = <u32>(load<u64>(at + <usize>(bit >> 3)) >> (bit & 7)) & mask;
    over = over || value > greatest;
    store<u32>(out + (<usize>i << 2), value);
    bit += width;
  }
  return over;
}
