// Snappy raw format, https://github.com/google/snappy/blob/main/format_description.txt.
import { copyMatch } from "./wild-copy";

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

/** By the tag of a copy: its length, and bits 8 to 10 of the offset that the short form keeps in the tag. */
const COPIES = memory.data<u16>([
  0, 4, 1, 0, 0, 5, 2, 0, 0, 6, 3, 0, 0, 7, 4, 0,
  0, 8, 5, 0, 0, 9, 6, 0, 0, 10, 7, 0, 0, 11, 8, 0,
  0, 260, 9, 0, 0, 261, 10, 0, 0, 262, 11, 0, 0, 263, 12, 0,
  0, 264, 13, 0, 0, 265, 14, 0, 0, 266, 15, 0, 0, 267, 16, 0,
  0, 516, 17, 0, 0, 517, 18, 0, 0, 518, 19, 0, 0, 519, 20, 0,
  0, 520, 21, 0, 0, 521, 22, 0, 0, 522, 23, 0, 0, 523, 24, 0,
  0, 772, 25, 0, 0, 773, 26, 0, 0, 774, 27, 0, 0, 775, 28, 0,
  0, 776, 29, 0, 0, 777, 30, 0, 0, 778, 31, 0, 0, 779, 32, 0,
  0, 1028, 33, 0, 0, 1029, 34, 0, 0, 1030, 35, 0, 0, 1031, 36, 0,
  0, 1032, 37, 0, 0, 1033, 38, 0, 0, 1034, 39, 0, 0, 1035, 40, 0,
  0, 1284, 41, 0, 0, 1285, 42, 0, 0, 1286, 43, 0, 0, 1287, 44, 0,
  0, 1288, 45, 0, 0, 1289, 46, 0, 0, 1290, 47, 0, 0, 1291, 48, 0,
  0, 1540, 49, 0, 0, 1541, 50, 0, 0, 1542, 51, 0, 0, 1543, 52, 0,
  0, 1544, 53, 0, 0, 1545, 54, 0, 0, 1546, 55, 0, 0, 1547, 56, 0,
  0, 1796, 57, 0, 0, 1797, 58, 0, 0, 1798, 59, 0, 0, 1799, 60, 0,
  0, 1800, 61, 0, 0, 1801, 62, 0, 0, 1802, 63, 0, 0, 1803, 64, 0,
]);

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
  // Far from both ends an element, or a short literal and the copy behind it (at most 61 bytes in, 68 out), needs no
  // check but that of its offset.
  const safeEnd = sourceLength > 64 ? end - 64 : source;
  const safeLimit = targetLength > 72 ? limit - 72 : target;
  while (true) {
    while (at < safeEnd && to < safeLimit) {
      let word = load<u64>(at);
      if ((word & 0xf3) == 0) {
        // Numbers alternate literals of 1 to 4 bytes with copies: one load holds both.
        store<u32>(to, <u32>(word >> 8));
        const length = <usize>(((word >> 2) & 3) + 1);
        word = (word >> 16) >> ((word << 1) & 24);
        at += length + 1;
        to += length;
        if ((word & 3) == 0) continue;
      } else if ((word & 3) == 0) {
        const length = literalLength(at);
        at += literalStart(at);
        if (length <= 60) copyShortLiteral(to, at, length);
        else {
          // Compared as remaining room, so that a length near 2^32 cannot wrap; 0 is such a length that did.
          if (length == 0 || length > end - at || length > limit - to) return -1;
          memory.copy(to, at, length);
        }
        at += length;
        to += length;
        continue;
      }
      const kind = <usize>(word & 3);
      if (kind == 3) break;
      // Both short forms without a branch: which one follows is hard to predict.
      const copy = <usize>load<u16>(COPIES + (<usize>(word & 0xff) << 1));
      const offset = (copy & 0x700) | (<usize>(word >> 8) & select<usize>(0xffff, 0xff, kind == 2));
      const length = copy & 0xff;
      at += kind + 1;
      if (offset - 1 >= to - target) return -1;
      copyBack(to, offset, length);
      to += length;
    }
    // One element with all checks: near the ends, and the copies with offsets of four bytes, which hardly occur.
    if (at >= end) break;
    const tag = <usize>load<u8>(at);
    const kind = tag & 3;
    let length: usize;
    if (kind == 0) {
      length = literalLength(at);
      at += literalStart(at);
      if (length == 0 || at > end || length > end - at || length > limit - to) return -1;
      memory.copy(to, at, length);
      at += length;
    } else {
      let offset: usize;
      if (kind == 3) {
        length = (tag >> 2) + 1;
        offset = <usize>load<u32>(at, 1);
        at += 5;
      } else {
        const copy = <usize>load<u16>(COPIES + (tag << 1));
        length = copy & 0xff;
        offset = kind == 1 ? (copy & 0x700) | <usize>load<u8>(at, 1) : <usize>load<u16>(at, 1);
        at += kind + 1;
      }
      if (offset - 1 >= to - target || at > end || length > limit - to) return -1;
      copyBack(to, offset, length);
    }
    to += length;
  }
  return to == limit ? targetLength : -1;
}

/** The length of the literal whose tag lies at `at`; 0 where it claims 2^32 bytes. */
@inline
function literalLength(at: usize): usize {
  const short = <usize>load<u8>(at) >> 2;
  if (short < 60) return short + 1;
  return <usize>(load<u32>(at, 1) & (0xffffffff >> (32 - ((<u32>short - 59) << 3)))) + 1;
}

/** How far behind its tag the bytes of a literal start. */
@inline
function literalStart(at: usize): usize {
  const short = <usize>load<u8>(at) >> 2;
  return short < 60 ? 1 : short - 58;
}

/** Copies 1..60 bytes; reads and writes up to 64. */
@inline
function copyShortLiteral(to: usize, from: usize, length: usize): void {
  v128.store(to, v128.load(from));
  if (length <= 16) return;
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}

/** copyMatch for the lengths of snappy, 1..64; writes up to 64 bytes. */
@inline
function copyBack(to: usize, offset: usize, length: usize): void {
  const from = to - offset;
  if (offset < 16) {
    if (offset < 8) {
      copyMatch(to, offset, length);
      return;
    }
    // Each half is read after the one before it was written, so that the pattern repeats.
    for (let done: usize = 0; done < length; done += 8) store<u64>(to + done, load<u64>(from + done));
    return;
  }
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
