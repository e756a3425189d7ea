// Zstandard decompression, RFC 8878. A frame's output is contiguous, so the window is simply what was written so far.
import { hashBytes } from "./hash";
import { copyMatch, copyVectors } from "./wild-copy";
import { buildSequenceTable, readSequenceTable } from "./zstd-fse";
import { decodeLiterals1, decodeLiterals4, readHuffmanTable } from "./zstd-huffman";

const MAGIC: u32 = 0xfd2fb528;
const SKIPPABLE: u32 = 0x184d2a50;
const BLOCK_BYTES: u32 = 128 * 1024;

// Layout of the scratch memory.
const HUFFMAN: usize = 0; // u16[2048]
const LENGTHS: usize = 4096; // literal lengths, 512 entries of 8 bytes
const OFFSETS: usize = 8192; // offsets, 256 entries
const MATCHES: usize = 10240; // match lengths, 512 entries
const WORK: usize = 14336; // 4 KiB for building tables
const STATE: usize = 18432; // which tables are valid, and the repeated offsets
const LITERALS: usize = 18496; // one block's literals
/** Bytes of scratch memory that zstdDecompress needs. */
const SCRATCH_BYTES: usize = LITERALS + 128 * 1024 + 64;

// Fields of STATE, u32 each.
const HAS_HUFFMAN: usize = STATE;
const LENGTH_LOG: usize = STATE + 4; // accuracy of the table plus 1; 0 = none yet
const OFFSET_LOG: usize = STATE + 8;
const MATCH_LOG: usize = STATE + 12;
const REPEATS: usize = STATE + 16; // u32[3]

export function zstdScratchBytes(): usize {
  return SCRATCH_BYTES;
}

/**
 * Decompresses any number of frames.
 *   source   sourceLength bytes; up to 64 bytes past its end may be read, and up to 64 KiB in front of it
 *   target   room for targetLength + 64 bytes
 *   scratch  zstdScratchBytes() bytes, 8-byte aligned, contents irrelevant
 * Returns how many bytes were written, at most targetLength, or -1 where the input is malformed, larger, or needs a
 * dictionary, or where a frame does not have its content checksum.
 */
export function zstdDecompress(source: usize, sourceLength: i32, target: usize, targetLength: i32, scratch: usize): i32 {
  let at = source;
  const end = source + sourceLength;
  let to = target;
  const limit = target + targetLength;
  while (at < end) {
    if (end - at < 8) return -1;
    const magic = load<u32>(at);
    if ((magic & 0xfffffff0) == SKIPPABLE) {
      const length = <usize>load<u32>(at, 4);
      at += 8;
      if (length > end - at) return -1;
      at += length;
      continue;
    }
    if (magic != MAGIC) return -1;
    const descriptor = <u32>load<u8>(at, 4);
    at += 5;
    // Dictionary ids other than "none", and the reserved bit, are refused.
    if ((descriptor & 8) != 0 || (descriptor & 3) != 0) return -1;
    const isSingle = (descriptor & 32) != 0;
    const sizeFlag = descriptor >> 6;
    at += isSingle ? 0 : 1;
    at += sizeFlag == 0 ? (isSingle ? 1 : 0) : <usize>1 << sizeFlag;
    const hasChecksum = (descriptor & 4) != 0;
    store<u32>(scratch + HAS_HUFFMAN, 0);
    store<u32>(scratch + LENGTH_LOG, 0);
    store<u32>(scratch + OFFSET_LOG, 0);
    store<u32>(scratch + MATCH_LOG, 0);
    store<u32>(scratch + REPEATS, 1);
    store<u32>(scratch + REPEATS, 4, 4);
    store<u32>(scratch + REPEATS, 8, 8);
    const frame = to;
    let isLast = false;
    while (!isLast) {
      if (at + 3 > end) return -1;
      const header = <u32>load<u16>(at) | (<u32>load<u8>(at, 2) << 16);
      at += 3;
      isLast = (header & 1) != 0;
      const kind = (header >> 1) & 3;
      const size = <usize>(header >> 3);
      if (kind == 1) {
        if (at >= end || size > limit - to) return -1;
        memory.fill(to, load<u8>(at), size);
        at += 1;
        to += size;
        continue;
      }
      if (size > end - at) return -1;
      if (kind == 0) {
        if (size > limit - to) return -1;
        memory.copy(to, at, size);
        to += size;
      } else if (kind == 2) {
        const written = decodeBlock(at, at + size, frame, to, limit, scratch);
        if (written < 0) return -1;
        to += <usize>written;
      } else return -1;
      at += size;
    }
    if (hasChecksum) {
      if (end - at < 4 || load<u32>(at) != <u32>hashBytes(frame, <i32>(to - frame))) return -1;
      at += 4;
    }
  }
  return <i32>(to - target);
}

/** Decodes one compressed block to `to`; matches may reach back to `frame`. Returns the bytes written, or -1. */
function decodeBlock(source: usize, end: usize, frame: usize, to: usize, limit: usize, scratch: usize): i32 {
  let at = source;
  if (end - at < 2) return -1;
  const first = <u32>load<u8>(at);
  const kind = first & 3;
  const format = (first >> 2) & 3;
  let literals = scratch + LITERALS;
  let literalCount: u32;
  if (kind < 2) {
    if ((format & 1) == 0) {
      literalCount = first >> 3;
      at += 1;
    } else if (format == 1) {
      literalCount = <u32>load<u16>(at) >> 4;
      at += 2;
    } else {
      literalCount = (<u32>load<u16>(at) | (<u32>load<u8>(at, 2) << 16)) >> 4;
      at += 3;
    }
    if (literalCount > BLOCK_BYTES || at > end) return -1;
    if (kind == 0) {
      if (literalCount > <u32>(end - at)) return -1;
      literals = at;
      at += literalCount;
    } else {
      if (at >= end) return -1;
      memory.fill(literals, load<u8>(at), literalCount);
      at += 1;
    }
  } else {
    let packed: u32;
    if (format < 2) {
      const header = load<u32>(at);
      literalCount = (header >> 4) & 0x3ff;
      packed = (header >> 14) & 0x3ff;
      at += 3;
    } else if (format == 2) {
      const header = load<u32>(at);
      literalCount = (header >> 4) & 0x3fff;
      packed = header >> 18;
      at += 4;
    } else {
      const header = load<u64>(at);
      literalCount = <u32>(header >> 4) & 0x3ffff;
      packed = <u32>(header >> 22) & 0x3ffff;
      at += 5;
    }
    if (literalCount > BLOCK_BYTES || at > end || packed > <u32>(end - at)) return -1;
    const literalEnd = at + packed;
    if (kind == 2) {
      const tree = readHuffmanTable(at, literalEnd, scratch + HUFFMAN, scratch + WORK);
      if (tree < 0) return -1;
      at += <usize>tree;
      store<u32>(scratch + HAS_HUFFMAN, 1);
    } else if (load<u32>(scratch + HAS_HUFFMAN) == 0) return -1;
    const isDecoded =
      format == 0
        ? decodeLiterals1(at, literalEnd, scratch + HUFFMAN, literals, literalCount)
        : decodeLiterals4(at, literalEnd, scratch + HUFFMAN, literals, literalCount);
    if (!isDecoded) return -1;
    at = literalEnd;
  }
  return decodeSequences(at, end, literals, literals + literalCount, frame, to, limit, scratch);
}

/** Reads the sequences of a block and executes them. Returns the bytes written, or -1. */
function decodeSequences(source: usize, end: usize, literal: usize, literalEnd: usize, frame: usize, target: usize, limit: usize, scratch: usize): i32 {
  let at = source;
  let to = target;
  if (at >= end) return -1;
  let count = <u32>load<u8>(at++);
  if (count >= 128) {
    if (count < 255) {
      if (at >= end) return -1;
      count = ((count - 128) << 8) + <u32>load<u8>(at++);
    } else {
      if (end - at < 2) return -1;
      count = <u32>load<u16>(at) + 0x7f00;
      at += 2;
    }
  }
  if (count == 0) {
    if (at != end) return -1;
  } else {
    if (at >= end) return -1;
    const modes = <u32>load<u8>(at++);
    if ((modes & 3) != 0) return -1;
    const work = scratch + WORK;
    let used = table(at, end, modes >> 6, 0, scratch + LENGTHS, scratch + LENGTH_LOG, work);
    if (used < 0) return -1;
    at += <usize>used;
    used = table(at, end, (modes >> 4) & 3, 1, scratch + OFFSETS, scratch + OFFSET_LOG, work);
    if (used < 0) return -1;
    at += <usize>used;
    used = table(at, end, (modes >> 2) & 3, 2, scratch + MATCHES, scratch + MATCH_LOG, work);
    if (used < 0) return -1;
    at += <usize>used;
    if (at >= end) return -1;
    const lastByte = <u32>load<u8>(end - 1);
    if (lastByte == 0) return -1;
    // `left` bits of the stream are unread; it is read from its end to its start.
    let left = (<i32>(end - at) << 3) - 8 + (31 - <i32>clz<u32>(lastByte));
    const lengthTable = scratch + LENGTHS;
    const offsetTable = scratch + OFFSETS;
    const matchTable = scratch + MATCHES;
    let bits = topBits(at, left);
    let n = <u64>(load<u32>(scratch + LENGTH_LOG) - 1);
    let lengthState = <usize>take(bits, n);
    bits <<= n;
    left -= <i32>n;
    n = <u64>(load<u32>(scratch + OFFSET_LOG) - 1);
    let offsetState = <usize>take(bits, n);
    bits <<= n;
    left -= <i32>n;
    n = <u64>(load<u32>(scratch + MATCH_LOG) - 1);
    let matchState = <usize>take(bits, n);
    left -= <i32>n;
    if (left < 0) return -1;
    let repeat1 = load<u32>(scratch + REPEATS);
    let repeat2 = load<u32>(scratch + REPEATS, 4);
    let repeat3 = load<u32>(scratch + REPEATS, 8);
    while (true) {
      // An entry: u16 next state, u8 extra bits, u8 state bits, u32 base.
      const lengthEntry = load<u64>(lengthTable + (lengthState << 3));
      const offsetEntry = load<u64>(offsetTable + (offsetState << 3));
      const matchEntry = load<u64>(matchTable + (matchState << 3));
      const offsetBits = (offsetEntry >> 16) & 0xff;
      const matchBits = (matchEntry >> 16) & 0xff;
      const lengthBits = (lengthEntry >> 16) & 0xff;
      bits = topBits(at, left);
      const offsetValue = <u32>(offsetEntry >> 32) + <u32>take(bits, offsetBits);
      bits <<= offsetBits;
      left -= <i32>offsetBits;
      // At most 57 bits are at hand: 31 of an offset, or 26 of the states, leave too few in rare cases.
      if (offsetBits + matchBits + lengthBits > 30) bits = topBits(at, left);
      const matchLength = <usize>(<u32>(matchEntry >> 32) + <u32>take(bits, matchBits));
      bits <<= matchBits;
      const literalLength = <usize>(<u32>(lengthEntry >> 32) + <u32>take(bits, lengthBits));
      bits <<= lengthBits;
      left -= <i32>(matchBits + lengthBits);

      let offset: u32;
      if (offsetValue > 3) {
        offset = offsetValue - 3;
        repeat3 = repeat2;
        repeat2 = repeat1;
        repeat1 = offset;
      } else {
        const which = offsetValue + <u32>(literalLength == 0);
        if (which == 1) offset = repeat1;
        else {
          offset = which == 2 ? repeat2 : which == 3 ? repeat3 : repeat1 - 1;
          if (which != 2) repeat3 = repeat2;
          repeat2 = repeat1;
          repeat1 = offset;
        }
      }

      if (literalLength > literalEnd - literal || literalLength > limit - to) return -1;
      copyVectors(to, literal, literalLength);
      literal += literalLength;
      to += literalLength;
      if (<usize>offset - 1 >= to - frame || matchLength > limit - to) return -1;
      copyMatch(to, <usize>offset, matchLength);
      to += matchLength;

      if (--count == 0) break;
      if (offsetBits + matchBits + lengthBits > 30) bits = topBits(at, left);
      n = lengthEntry >> 24 & 0xff;
      lengthState = <usize>(lengthEntry & 0xffff) + <usize>take(bits, n);
      bits <<= n;
      left -= <i32>n;
      n = matchEntry >> 24 & 0xff;
      matchState = <usize>(matchEntry & 0xffff) + <usize>take(bits, n);
      bits <<= n;
      left -= <i32>n;
      n = offsetEntry >> 24 & 0xff;
      offsetState = <usize>(offsetEntry & 0xffff) + <usize>take(bits, n);
      left -= <i32>n;
      if (left < 0) return -1;
    }
    if (left != 0) return -1;
    store<u32>(scratch + REPEATS, repeat1);
    store<u32>(scratch + REPEATS, repeat2, 4);
    store<u32>(scratch + REPEATS, repeat3, 8);
  }
  const rest = literalEnd - literal;
  if (rest > limit - to) return -1;
  memory.copy(to, literal, rest);
  return <i32>(to + rest - target);
}

/** The unread bits of a backward stream, brought to the top: at least 57 of them, fewer ones followed by foreign bits. */
@inline
function topBits(stream: usize, left: i32): u64 {
  return load<u64>(stream + ((left + 7) >> 3) - 8) << <u64>(-left & 7);
}

/** The top `count` (0..56) bits. */
@inline
function take(bits: u64, count: u64): u64 {
  return (bits >> 1) >> (63 - count);
}

/** Prepares one of the three tables (0 literal lengths, 1 offsets, 2 match lengths); returns the bytes it took, or -1. */
function table(at: usize, end: usize, mode: u32, kind: u32, entries: usize, log: usize, work: usize): i32 {
  if (mode == 3) return load<u32>(log) == 0 ? -1 : 0;
  if (mode == 2) return readSequenceTable(at, end, kind, entries, log, work);
  if (mode == 1) {
    if (at >= end) return -1;
    return buildSequenceTable(kind, <i32>load<u8>(at), entries, log, work) ? 1 : -1;
  }
  return buildSequenceTable(kind, -1, entries, log, work) ? 0 : -1;
}
