// Snappy raw format, https://github.com/google/snappy/blob/main/format_description.txt.
import { copy64, copyMatch } from "./wild-copy";

/**
 * What a tag byte says, as the reference decoder's char_table packs it: bits 0-7 length, bits 8-10 the high bits of a
 * one-byte offset, bits 11-13 the number of bytes that follow the tag.
 */
// prettier-ignore
const TAGS = memory.data<u16>([
  0x0001, 0x0804, 0x1001, 0x2001, 0x0002, 0x0805, 0x1002, 0x2002, 0x0003, 0x0806, 0x1003, 0x2003, 0x0004, 0x0807, 0x1004, 0x2004,
  0x0005, 0x0808, 0x1005, 0x2005, 0x0006, 0x0809, 0x1006, 0x2006, 0x0007, 0x080a, 0x1007, 0x2007, 0x0008, 0x080b, 0x1008, 0x2008,
  0x0009, 0x0904, 0x1009, 0x2009, 0x000a, 0x0905, 0x100a, 0x200a, 0x000b, 0x0906, 0x100b, 0x200b, 0x000c, 0x0907, 0x100c, 0x200c,
  0x000d, 0x0908, 0x100d, 0x200d, 0x000e, 0x0909, 0x100e, 0x200e, 0x000f, 0x090a, 0x100f, 0x200f, 0x0010, 0x090b, 0x1010, 0x2010,
  0x0011, 0x0a04, 0x1011, 0x2011, 0x0012, 0x0a05, 0x1012, 0x2012, 0x0013, 0x0a06, 0x1013, 0x2013, 0x0014, 0x0a07, 0x1014, 0x2014,
  0x0015, 0x0a08, 0x1015, 0x2015, 0x0016, 0x0a09, 0x1016, 0x2016, 0x0017, 0x0a0a, 0x1017, 0x2017, 0x0018, 0x0a0b, 0x1018, 0x2018,
  0x0019, 0x0b04, 0x1019, 0x2019, 0x001a, 0x0b05, 0x101a, 0x201a, 0x001b, 0x0b06, 0x101b, 0x201b, 0x001c, 0x0b07, 0x101c, 0x201c,
  0x001d, 0x0b08, 0x101d, 0x201d, 0x001e, 0x0b09, 0x101e, 0x201e, 0x001f, 0x0b0a, 0x101f, 0x201f, 0x0020, 0x0b0b, 0x1020, 0x2020,
  0x0021, 0x0c04, 0x1021, 0x2021, 0x0022, 0x0c05, 0x1022, 0x2022, 0x0023, 0x0c06, 0x1023, 0x2023, 0x0024, 0x0c07, 0x1024, 0x2024,
  0x0025, 0x0c08, 0x1025, 0x2025, 0x0026, 0x0c09, 0x1026, 0x2026, 0x0027, 0x0c0a, 0x1027, 0x2027, 0x0028, 0x0c0b, 0x1028, 0x2028,
  0x0029, 0x0d04, 0x1029, 0x2029, 0x002a, 0x0d05, 0x102a, 0x202a, 0x002b, 0x0d06, 0x102b, 0x202b, 0x002c, 0x0d07, 0x102c, 0x202c,
  0x002d, 0x0d08, 0x102d, 0x202d, 0x002e, 0x0d09, 0x102e, 0x202e, 0x002f, 0x0d0a, 0x102f, 0x202f, 0x0030, 0x0d0b, 0x1030, 0x2030,
  0x0031, 0x0e04, 0x1031, 0x2031, 0x0032, 0x0e05, 0x1032, 0x2032, 0x0033, 0x0e06, 0x1033, 0x2033, 0x0034, 0x0e07, 0x1034, 0x2034,
  0x0035, 0x0e08, 0x1035, 0x2035, 0x0036, 0x0e09, 0x1036, 0x2036, 0x0037, 0x0e0a, 0x1037, 0x2037, 0x0038, 0x0e0b, 0x1038, 0x2038,
  0x0039, 0x0f04, 0x1039, 0x2039, 0x003a, 0x0f05, 0x103a, 0x203a, 0x003b, 0x0f06, 0x103b, 0x203b, 0x003c, 0x0f07, 0x103c, 0x203c,
  0x0801, 0x0f08, 0x103d, 0x203d, 0x1001, 0x0f09, 0x103e, 0x203e, 0x1801, 0x0f0a, 0x103f, 0x203f, 0x2001, 0x0f0b, 0x1040, 0x2040,
]);
/** The low 0, 1, 2, 3 or 4 bytes of a word. */
const LOW_BYTES = memory.data<u32>([0, 0xff, 0xffff, 0xffffff, 0xffffffff]);
/**
 * The uncompressed length that a block of `sourceLength` bytes declares, or -1 where the preamble is malformed or
 * declares more than 2^31 - 1 bytes. Callers check it before they allocate.
 */
export function snappyDeclaredLength(source: usize, sourceLength: i32): i32 {
  let value: u64 = 0;
  for (let i = 0; i < 5 && i < sourceLength; i++) {
    const byte = load<u8>(source + i);
    value |= (<u64>(byte & 0x7f)) << (7 * i);
    if (byte < 0x80) return value > <u64>i32.MAX_VALUE ? -1 : <i32>value;
  }
  return -1;
}

/**
 * Decompresses one raw snappy block.
 *   source  sourceLength bytes; up to 64 bytes past its end may be read
 *   target  room for targetLength + 64 bytes, since copies run in whole vectors
 * Returns targetLength, or -1 where the block is malformed or does not hold exactly that many bytes.
 */
export function snappyDecompress(source: usize, sourceLength: i32, target: usize, targetLength: i32): i32 {
  if (snappyDeclaredLength(source, sourceLength) != targetLength) return -1;
  let at = source;
  const end = source + sourceLength;
  while (load<u8>(at++) >= 0x80) {}
  let to = target;
  const limit = target + targetLength;
  while (at < end) {
    const tag = <usize>load<u8>(at++);
    const entry = <u32>load<u16>(TAGS + (tag << 1));
    const extra = <usize>(entry >> 11);
    const trailer = load<u32>(at) & load<u32>(LOW_BYTES + (extra << 2));
    let length = <usize>(entry & 0xff);
    at += extra;
    if ((tag & 3) == 0) {
      length += <usize>trailer;
      // Compared as remaining room, so that a length near 2^32 cannot wrap.
      if (at > end || length > end - at || length > limit - to) return -1;
      if (length <= 16) v128.store(to, v128.load(at));
      else if (length <= 64) copy64(to, at);
      else memory.copy(to, at, length);
      at += length;
      to += length;
      continue;
    }
    const offset = <usize>((entry & 0x700) + trailer);
    if (at > end || offset - 1 >= to - target || length > limit - to) return -1;
    copyBack(to, offset, length);
    to += length;
  }
  return to == limit ? targetLength : -1;
}

/** copyMatch for the lengths of snappy, 1..64; writes up to 64 bytes. */
@inline
function copyBack(to: usize, offset: usize, length: usize): void {
  if (offset < 16) {
    copyMatch(to, offset, length);
    return;
  }
  const from = to - offset;
  v128.store(to, v128.load(from));
  if (length <= 16) return;
  v128.store(to, v128.load(from, 16), 16);
  if (length <= 32) return;
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}

/** Worst-case size of a compressed block: the format's own bound. */
export function snappyBound(sourceLength: i32): i32 {
  return 32 + sourceLength + sourceLength / 6;
}

const FRAGMENT_BYTES: usize = 65536;
const HASH_BITS: u32 = 14;

/**
 * Compresses into one raw snappy block, greedily, in independent fragments of 64 KiB like the reference encoder.
 *   source   sourceLength bytes; up to 16 bytes past its end may be read
 *   target   room for snappyBound(sourceLength) + 64 bytes
 *   scratch  u16[16384], contents irrelevant
 * Returns the compressed length.
 */
export function snappyCompress(source: usize, sourceLength: i32, target: usize, scratch: usize): i32 {
  let to = target;
  let left = <u32>sourceLength;
  for (; left >= 0x80; left >>= 7) store<u8>(to++, <u8>(left | 0x80));
  store<u8>(to++, <u8>left);
  const end = source + sourceLength;
  for (let at = source; at < end; at += FRAGMENT_BYTES) {
    to = compressFragment(at, min(FRAGMENT_BYTES, end - at), to, scratch);
  }
  return <i32>(to - target);
}

@inline
function hashOf(word: u32): usize {
  return <usize>((word * 0x1e35a7bd) >> (32 - HASH_BITS));
}

function compressFragment(base: usize, length: usize, target: usize, table: usize): usize {
  let to = target;
  const end = base + length;
  let literal = base;
  if (length >= 16) {
    memory.fill(table, 0, 2 << HASH_BITS);
    const matchLimit = end - 15;
    let at = base + 1;
    let word = load<u32>(at);
    while (true) {
      // The longer nothing matches, the larger the steps: incompressible data passes at copy speed.
      let skip: usize = 32;
      let candidate: usize = 0;
      do {
        const slot = table + (hashOf(word) << 1);
        candidate = base + <usize>load<u16>(slot);
        store<u16>(slot, <u16>(at - base));
        if (load<u32>(candidate) == word && candidate < at) break;
        at += skip >> 5;
        skip++;
        if (at >= matchLimit) return writeRest(to, literal, end);
        word = load<u32>(at);
      } while (true);
      to = writeLiteral(to, literal, at - literal);
      do {
        const matched: usize = 4 + matchLength(candidate + 4, at + 4, end);
        to = writeCopies(to, at - candidate, matched);
        at += matched;
        literal = at;
        if (at >= matchLimit) return writeRest(to, literal, end);
        store<u16>(table + (hashOf(load<u32>(at - 1)) << 1), <u16>(at - 1 - base));
        word = load<u32>(at);
        const slot = table + (hashOf(word) << 1);
        candidate = base + <usize>load<u16>(slot);
        store<u16>(slot, <u16>(at - base));
      } while (load<u32>(candidate) == word);
      at++;
      if (at >= matchLimit) return writeRest(to, literal, end);
      word = load<u32>(at);
    }
  }
  return writeRest(to, literal, end);
}

function writeRest(to: usize, literal: usize, end: usize): usize {
  return literal < end ? writeLiteral(to, literal, end - literal) : to;
}

@inline
function matchLength(a: usize, b: usize, end: usize): usize {
  const start = b;
  while (b + 8 <= end) {
    const difference = load<u64>(a) ^ load<u64>(b);
    if (difference != 0) return b - start + <usize>(ctz(difference) >> 3);
    a += 8;
    b += 8;
  }
  while (b < end && load<u8>(a) == load<u8>(b)) {
    a++;
    b++;
  }
  return b - start;
}

@inline
function writeLiteral(to: usize, from: usize, length: usize): usize {
  const last = <u32>length - 1;
  if (last < 60) {
    store<u8>(to++, <u8>(last << 2));
    if (length <= 16) {
      v128.store(to, v128.load(from));
      return to + length;
    }
  } else if (last < 256) {
    store<u8>(to, 60 << 2);
    store<u8>(to, <u8>last, 1);
    to += 2;
  } else {
    store<u8>(to, 61 << 2);
    store<u16>(to, <u16>last, 1);
    to += 3;
  }
  memory.copy(to, from, length);
  return to + length;
}

@inline
function writeCopies(to: usize, offset: usize, length: usize): usize {
  if (length < 12 && offset < 2048) return writeShortCopy(to, offset, length);
  // A remainder of at least 4 keeps the last copy encodable in the short form.
  while (length >= 68) {
    to = writeLongCopy(to, offset, 64);
    length -= 64;
  }
  if (length > 64) {
    to = writeLongCopy(to, offset, 60);
    length -= 60;
  }
  return length < 12 && offset < 2048 ? writeShortCopy(to, offset, length) : writeLongCopy(to, offset, length);
}

@inline
function writeShortCopy(to: usize, offset: usize, length: usize): usize {
  store<u8>(to, <u8>(1 | ((length - 4) << 2) | ((offset >> 8) << 5)));
  store<u8>(to, <u8>offset, 1);
  return to + 2;
}

@inline
function writeLongCopy(to: usize, offset: usize, length: usize): usize {
  store<u8>(to, <u8>(2 | ((length - 1) << 2)));
  store<u16>(to, <u16>offset, 1);
  return to + 3;
}
