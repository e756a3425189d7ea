// CRC-32C (Castagnoli), RFC 3720 appendix B.4, reflected polynomial 0x82F63B78;
// slicing as in Kounavis and Berry, "A Systematic Approach to Building High Performance CRC Generators", 2005;
// long inputs as in Russell, "Chorba: A novel CRC32 implementation", arXiv 2412.16398, 2024.

/** Bytes of the table that `crc32cTable` fills: 16 tables of 256 u32. */
export function crc32cTableBytes(): i32 {
  return 16 << 10;
}

/** Fills `table` (u32[16 * 256], 4-byte aligned): row k holds the remainder of a byte followed by k zero bytes. */
export function crc32cTable(table: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    store<u32>(table + (<usize>byte << 2), crc);
  }
  for (let i: usize = 256; i < 16 * 256; i++) {
    const previous = load<u32>(table + ((i - 256) << 2));
    store<u32>(table + (i << 2), (previous >>> 8) ^ load<u32>(table + ((<usize>previous & 255) << 2)));
  }
}

@inline
function fold(table: usize, row: usize, byte: u32): u32 {
  return load<u32>(table + (row << 10) + (<usize>(byte & 255) << 2));
}

@inline
function foldWord(table: usize, row: usize, word: u32): u32 {
  return (
    fold(table, row + 3, word) ^
    fold(table, row + 2, word >>> 8) ^
    fold(table, row + 1, word >>> 16) ^
    fold(table, row, word >>> 24)
  );
}

/**
 * The checksum of `byteLength` bytes that follow bytes of checksum `crc` (0 at the start).
 *   table  as `crc32cTable` filled it
 */
export function crc32c(table: usize, bytes: usize, byteLength: usize, crc: u32): u32 {
  let state = ~crc;
  const end = bytes + byteLength;
  while (bytes + 16 <= end) {
    state =
      foldWord(table, 12, load<u32>(bytes) ^ state) ^
      foldWord(table, 8, load<u32>(bytes, 4)) ^
      foldWord(table, 4, load<u32>(bytes, 8)) ^
      foldWord(table, 0, load<u32>(bytes, 12));
    bytes += 16;
  }
  while (bytes < end) {
    state = (state >>> 8) ^ fold(table, 0, state ^ <u32>load<u8>(bytes));
    bytes++;
  }
  return ~state;
}

/*
 * x^5275 + x^4508 + x^2751 + 1 is a multiple of the polynomial, and so is its eighth power, whose exponents are eight
 * times these. So a byte may be taken out of a message where it is added, without carry, to those 767, 2524 and 5275
 * behind it: what is left at the end, 5275 bytes, has the checksum of all. No multiple of four terms is shorter.
 */
const NEAR: usize = 767;
const MIDDLE: usize = 2524;
const FAR: usize = 5275;
/** Shorter inputs are not worth it. */
const LONG: usize = 4 * FAR;

/** Adds to [from, to) what stands the given distances before it, in order; 0 is none. */
@inline
function carryOver(from: usize, to: usize, near: usize, middle: usize, far: usize): void {
  let at = from;
  if (at + 16 <= to) {
    const last = to - 16;
    do {
      let sum = v128.load(at);
      if (near != 0) sum = v128.xor(sum, v128.load(at - near));
      if (middle != 0) sum = v128.xor(sum, v128.load(at - middle));
      if (far != 0) sum = v128.xor(sum, v128.load(at - far));
      v128.store(at, sum);
      at += 16;
    } while (at <= last);
  }
  while (at < to) {
    let sum = load<u8>(at);
    if (near != 0) sum ^= load<u8>(at - near);
    if (middle != 0) sum ^= load<u8>(at - middle);
    if (far != 0) sum ^= load<u8>(at - far);
    store<u8>(at, sum);
    at++;
  }
}

/** The same as `crc32c`, several times as fast for long inputs; the bytes are anything afterwards. */
export function crc32cConsume(table: usize, bytes: usize, byteLength: usize, crc: u32): u32 {
  if (byteLength < LONG) return crc32c(table, bytes, byteLength, crc);
  store<u32>(bytes, load<u32>(bytes) ^ ~crc);
  const rest = bytes + byteLength - FAR;
  carryOver(bytes + NEAR, bytes + MIDDLE, NEAR, 0, 0);
  carryOver(bytes + MIDDLE, bytes + FAR, NEAR, MIDDLE, 0);
  carryOver(bytes + FAR, rest, NEAR, MIDDLE, FAR);
  carryOver(rest, rest + NEAR, NEAR, MIDDLE, FAR);
  carryOver(rest + NEAR, rest + MIDDLE, 0, MIDDLE, FAR);
  carryOver(rest + MIDDLE, rest + FAR, 0, 0, FAR);
  // What stands before the rest is taken for zeros, behind which the state is zero.
  return crc32c(table, rest, FAR, 0xffffffff);
}
