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
    const isSafe = at < safeEnd && to < safeLimit;
    if (!isSafe && at >= end) break;
    const tag = <usize>load<u8>(at++);
    const kind = tag & 3;
    if (kind == 0) {
      let length = (tag >> 2) + 1;
      if (length <= 4 && isSafe) {
        // Numbers alternate short literals with copies: one load holds both, so that decoding waits for memory once.
        const word = load<u64>(at);
        store<u32>(to, <u32>word);
        to += length;
        const next = <usize>(word >> <u64>(length << 3));
        const copyKind = next & 3;
        at += length;
        if (copyKind == 0 || copyKind == 3) continue;
        const isTwo = copyKind == 2;
        const offset = select<usize>((next >> 8) & 0xffff, ((next & 0xe0) << 3) | ((next >> 8) & 0xff), isTwo);
        const copied = select<usize>(((next & 0xff) >> 2) + 1, ((next >> 2) & 7) + 4, isTwo);
        at += copyKind + 1;
        if (offset - 1 >= to - target) return -1;
        copyBack(to, offset, copied);
        to += copied;
        continue;
      }
      if (length > 60) {
        const extra = length - 60;
        length = <usize>(load<u32>(at) & (0xffffffff >> (32 - (<u32>extra << 3)))) + 1;
        at += extra;
        // Compared as remaining room, so that a length near 2^32 cannot wrap; 0 is such a length that did.
        if (length == 0 || at > end || length > end - at || length > limit - to) return -1;
        memory.copy(to, at, length);
      } else {
        if (!isSafe && (length > end - at || length > limit - to)) return -1;
        v128.store(to, v128.load(at));
        if (length > 16) {
          v128.store(to, v128.load(at, 16), 16);
          v128.store(to, v128.load(at, 32), 32);
          v128.store(to, v128.load(at, 48), 48);
        }
      }
      at += length;
      to += length;
      continue;
    }
    let length: usize;
    let offset: usize;
    if (kind == 3) {
      length = (tag >> 2) + 1;
      offset = <usize>load<u32>(at);
      at += 4;
    } else {
      // Both short forms without a branch: which one follows is hard to predict.
      const word = <usize>load<u16>(at);
      const isTwo = kind == 2;
      offset = select<usize>(word, ((tag & 0xe0) << 3) | (word & 0xff), isTwo);
      length = select<usize>((tag >> 2) + 1, ((tag >> 2) & 7) + 4, isTwo);
      at += kind;
    }
    if (offset - 1 >= to - target) return -1;
    if (!isSafe && (at > end || length > limit - to)) return -1;
    copyBack(to, offset, length);
    to += length;
  }
  return to == limit ? targetLength : -1;
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
