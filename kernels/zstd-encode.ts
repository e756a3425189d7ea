// Zstandard compression, RFC 8878: one frame; a greedy match finder with one hash probe and the last offset, Huffman-coded
// literals, and sequences in distributions of their own.
import { buildHuffmanCodes, encodeLiterals4, writeWeights } from "./zstd-huffman-encode";
import {
  buildDefaultEncoder,
  buildSingleEncoder,
  describeEncoder,
  ENCODER_BYTES,
  encoderBits,
  encoderLog,
  FREQUENCIES,
  LENGTH_KIND,
  MATCH_KIND,
  nextEncoderState,
  OFFSET_KIND,
  startEncoderState,
} from "./zstd-fse-encode";

const BLOCK_BYTES: usize = 128 * 1024;
const HASH_BITS: u32 = 15;
const LEAST_MATCH: usize = 5;
/** The default distribution of offsets ends at 2^28. */
const FARTHEST: usize = 1 << 27;

// Layout of the scratch memory.
const HASHES: usize = 0; // u32[2^15]
const SEQUENCES: usize = 131072; // 12 bytes each: literal length, match length, offset value
const LITERALS: usize = SEQUENCES + 12 * (128 * 1024 / 4 + 8);
const LENGTH_ENCODER: usize = LITERALS + 128 * 1024 + 64;
const OFFSET_ENCODER: usize = LENGTH_ENCODER + ENCODER_BYTES;
const MATCH_ENCODER: usize = OFFSET_ENCODER + ENCODER_BYTES;
const WORK: usize = MATCH_ENCODER + ENCODER_BYTES; // 16 KiB
const SCRATCH_BYTES: usize = WORK + 16384;

// What a code covers; extra bits follow it. As in zstd-fse.
const LENGTH_CODES = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21,
  22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
  24, 24,
]);
const MATCH_CODES = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
  32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 36, 36, 37, 37, 37, 37, 38, 38, 38, 38, 38, 38, 38, 38, 39, 39, 39, 39, 39, 39,
  39, 39, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41,
  41, 41, 41, 41, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42,
  42, 42, 42, 42, 42, 42,
]);
const LENGTH_BITS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const MATCH_BITS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3,
  3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);

export function zstdCompressScratchBytes(): usize {
  return SCRATCH_BYTES;
}

/** Room that zstdCompress may use: a block is first written compressed, even if it turns out larger than raw. */
export function zstdBound(sourceLength: i32): i32 {
  return sourceLength + sourceLength / 128 + 512 * 1024;
}

/**
 * Compresses into one frame that declares its size and has no checksum.
 *   source   sourceLength bytes; up to 16 bytes past its end may be read
 *   target   room for zstdBound(sourceLength) bytes
 *   scratch  zstdCompressScratchBytes() bytes, 8-byte aligned, contents irrelevant
 * Returns the compressed length.
 */
export function zstdCompress(source: usize, sourceLength: i32, target: usize, scratch: usize): i32 {
  let to = target;
  store<u32>(to, 0xfd2fb528);
  // A single segment with a content size of four bytes.
  store<u8>(to, 0xa0, 4);
  store<u32>(to, <u32>sourceLength, 5);
  to += 9;
  memory.fill(scratch + HASHES, 0, 4 << HASH_BITS);
  const end = source + sourceLength;
  let at = source;
  // The repeated offsets go on from block to block, but only through compressed blocks.
  let repeat1: u32 = 1;
  let repeat2: u32 = 4;
  let repeat3: u32 = 8;
  do {
    const length = min(BLOCK_BYTES, end - at);
    const isLast: u32 = at + length == end ? 1 : 0;
    store<u32>(scratch + WORK, repeat1);
    store<u32>(scratch + WORK, repeat2, 4);
    store<u32>(scratch + WORK, repeat3, 8);
    const written: usize = length < 32 ? <usize>0 : compressBlock(source, at, length, to + 3, scratch);
    if (written > 0 && written < length) {
      storeHeader(to, isLast | (2 << 1) | (<u32>written << 3));
      to += 3 + written;
      repeat1 = load<u32>(scratch + WORK);
      repeat2 = load<u32>(scratch + WORK, 4);
      repeat3 = load<u32>(scratch + WORK, 8);
    } else {
      storeHeader(to, isLast | (<u32>length << 3));
      memory.copy(to + 3, at, length);
      to += 3 + length;
    }
    at += length;
  } while (at < end);
  return <i32>(to - target);
}

@inline
function storeHeader(to: usize, header: u32): void {
  store<u16>(to, <u16>header);
  store<u8>(to, <u8>(header >> 16), 2);
}

@inline
function hashOf(word: u64): usize {
  return <usize>(((word << 24) * 889523592379) >> (64 - HASH_BITS));
}

/** Writes one compressed block; returns its length. WORK holds the repeated offsets before and after. */
function compressBlock(source: usize, start: usize, length: usize, to: usize, scratch: usize): usize {
  const hashes = scratch + HASHES;
  const sequences = scratch + SEQUENCES;
  const end = start + length;
  const matchLimit = end - 12;
  let repeat1 = load<u32>(scratch + WORK);
  let repeat2 = load<u32>(scratch + WORK, 4);
  let repeat3 = load<u32>(scratch + WORK, 8);
  let sequence = sequences;
  let literals = scratch + LITERALS;
  let literal = start;
  let at = start;
  let misses: usize = 0;
  while (at < matchLimit) {
    const word = load<u64>(at);
    const slot = hashes + (hashOf(word) << 2);
    // Positions are stored plus one, so that 0 means none.
    const candidate = source + <usize>load<u32>(slot) - 1;
    store<u32>(slot, <u32>(at - source) + 1);
    let from = at;
    let offset: u32 = 0;
    let matched: usize = 0;
    const repeated = at + 1 - <usize>repeat1;
    if (<usize>repeat1 <= at + 1 - source && load<u32>(repeated) == load<u32>(at + 1)) {
      from = at + 1;
      offset = repeat1;
      matched = 4 + matchLength(repeated + 4, from + 4, end);
    } else if (candidate >= source && candidate < at && at - candidate < FARTHEST && load<u32>(candidate) == <u32>word) {
      matched = 4 + matchLength(candidate + 4, at + 4, end);
      offset = <u32>(at - candidate);
      if (matched < LEAST_MATCH) matched = 0;
    }
    if (matched == 0) {
      at += 1 + (misses >> 6);
      misses++;
      continue;
    }
    misses = 0;
    const literalLength = from - literal;
    copyLiterals(literals, literal, literalLength);
    literals += literalLength;
    // Offset values 1 to 3 stand for the repeated offsets; which ones depends on whether literals come first.
    let value: u32;
    if (literalLength > 0) {
      value = offset == repeat1 ? 1 : offset == repeat2 ? 2 : offset == repeat3 ? 3 : offset + 3;
      if (value != 1) {
        if (value != 2) repeat3 = repeat2;
        repeat2 = repeat1;
        repeat1 = offset;
      }
    } else {
      value = offset == repeat2 ? 1 : offset == repeat3 ? 2 : offset == repeat1 - 1 ? 3 : offset + 3;
      if (value != 1) repeat3 = repeat2;
      repeat2 = repeat1;
      repeat1 = offset;
    }
    store<u32>(sequence, <u32>literalLength);
    store<u32>(sequence, <u32>matched, 4);
    store<u32>(sequence, value, 8);
    sequence += 12;
    at = from + matched;
    literal = at;
    if (at < matchLimit) {
      const behind = at - 2;
      store<u32>(hashes + (hashOf(load<u64>(behind)) << 2), <u32>(behind - source) + 1);
    }
  }
  const rest = end - literal;
  memory.copy(literals, literal, rest);
  literals += rest;
  store<u32>(scratch + WORK, repeat1);
  store<u32>(scratch + WORK, repeat2, 4);
  store<u32>(scratch + WORK, repeat3, 8);
  const literalBytes = writeLiterals(scratch + LITERALS, <u32>(literals - scratch - LITERALS), to, scratch + WORK + 64);
  const sequenceBytes = writeSequences(sequences, <u32>(sequence - sequences) / 12, to + literalBytes, scratch);
  return literalBytes + sequenceBytes;
}

@inline
function copyLiterals(to: usize, from: usize, length: usize): void {
  v128.store(to, v128.load(from));
  if (length > 16) memory.copy(to + 16, from + 16, length - 16);
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

/** The literals section: Huffman-coded where that is smaller, raw otherwise. Returns its length. */
function writeLiterals(literals: usize, count: u32, to: usize, work: usize): usize {
  if (count >= 256) {
    const codes = buildHuffmanCodes(literals, count, work);
    if (codes > 0) {
      const header: usize = count < 1024 ? 3 : count < 16384 ? 4 : 5;
      const weights = writeWeights(to + header, work);
      if (weights > 0) {
        const streams = encodeLiterals4(literals, count, to + header + weights, work);
        const packed = <u32>(weights + streams);
        // The size of the header follows from both lengths.
        if (packed < count - (count >> 5)) {
          if (header == 3) storeHeader(to, 2 | (1 << 2) | (count << 4) | (packed << 14));
          else if (header == 4) store<u32>(to, 2 | (2 << 2) | (count << 4) | (packed << 18));
          else {
            const bits = <u64>(2 | (3 << 2)) | (<u64>count << 4) | (<u64>packed << 22);
            store<u32>(to, <u32>bits);
            store<u8>(to, <u8>(bits >> 32), 4);
          }
          return header + packed;
        }
      }
    }
  }
  let header: usize;
  if (count < 32) {
    store<u8>(to, <u8>(count << 3));
    header = 1;
  } else if (count < 4096) {
    store<u16>(to, <u16>((1 << 2) | (count << 4)));
    header = 2;
  } else {
    storeHeader(to, (3 << 2) | (count << 4));
    header = 3;
  }
  memory.copy(to + header, literals, count);
  return header + count;
}

@inline
function lengthCode(length: u32): u32 {
  return length < 64 ? <u32>load<u8>(LENGTH_CODES + length) : 50 - clz<u32>(length);
}

@inline
function matchCode(length: u32): u32 {
  const base = length - 3;
  return base < 128 ? <u32>load<u8>(MATCH_CODES + base) : 67 - clz<u32>(base);
}

/** Below this many sequences a description costs more than it saves. */
const DESCRIBED_SEQUENCES: u32 = 48;

@inline
function codeOf(sequence: usize, kind: u32): u32 {
  if (kind == LENGTH_KIND) return lengthCode(load<u32>(sequence));
  return kind == MATCH_KIND ? matchCode(load<u32>(sequence, 4)) : 31 - clz<u32>(load<u32>(sequence, 8));
}

/**
 * Chooses how the codes of one kind are distributed and makes their encoder.
 * Returns the mode (0 default, 1 one code only, 2 described) and from bit 2 on the bytes written to `to`.
 */
function prepareEncoder(sequences: usize, count: u32, kind: u32, encoder: usize, to: usize, work: usize): usize {
  memory.fill(work + FREQUENCIES, 0, 256);
  let greatest: u32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const code = codeOf(sequences + i * 12, kind);
    const slot = work + FREQUENCIES + (<usize>code << 2);
    store<u32>(slot, load<u32>(slot) + 1);
    greatest = max(greatest, code);
  }
  if (load<u32>(work + FREQUENCIES + (<usize>greatest << 2)) == count) {
    buildSingleEncoder(greatest, encoder, work);
    store<u8>(to, <u8>greatest);
    return 1 | (1 << 2);
  }
  if (count < DESCRIBED_SEQUENCES) {
    buildDefaultEncoder(kind, encoder, work);
    return 0;
  }
  const bytes = describeEncoder(greatest + 1, count, kind == OFFSET_KIND ? 8 : 9, encoder, to, work);
  return 2 | (bytes << 2);
}

/** The sequences section; returns its length. The stream is written from the last sequence to the first. */
function writeSequences(sequences: usize, count: u32, to: usize, scratch: usize): usize {
  let at = to;
  if (count < 128) store<u8>(at++, <u8>count);
  else if (count < 0x7f00) {
    store<u8>(at, <u8>((count >> 8) + 128));
    store<u8>(at, <u8>count, 1);
    at += 2;
  } else {
    store<u8>(at, 255);
    store<u16>(at, <u16>(count - 0x7f00), 1);
    at += 3;
  }
  if (count == 0) return at - to;
  const work = scratch + WORK + 64;
  const modes = at++;
  const lengthMode = prepareEncoder(sequences, count, LENGTH_KIND, scratch + LENGTH_ENCODER, at, work);
  at += lengthMode >> 2;
  const offsetMode = prepareEncoder(sequences, count, OFFSET_KIND, scratch + OFFSET_ENCODER, at, work);
  at += offsetMode >> 2;
  const matchMode = prepareEncoder(sequences, count, MATCH_KIND, scratch + MATCH_ENCODER, at, work);
  at += matchMode >> 2;
  store<u8>(modes, <u8>(((lengthMode & 3) << 6) | ((offsetMode & 3) << 4) | ((matchMode & 3) << 2)));
  let bits: u64 = 0;
  let used: u32 = 0;
  let lengthState: u32 = 0;
  let offsetState: u32 = 0;
  let matchState: u32 = 0;
  for (let i = count; i > 0; i--) {
    const sequence = sequences + <usize>(i - 1) * 12;
    const literalLength = load<u32>(sequence);
    const matched = load<u32>(sequence, 4);
    const value = load<u32>(sequence, 8);
    const ofLength = lengthCode(literalLength);
    const ofMatch = matchCode(matched);
    const ofOffset = 31 - clz<u32>(value);
    if (i == count) {
      matchState = startEncoderState(scratch + MATCH_ENCODER, ofMatch);
      offsetState = startEncoderState(scratch + OFFSET_ENCODER, ofOffset);
      lengthState = startEncoderState(scratch + LENGTH_ENCODER, ofLength);
    } else {
      let n = encoderBits(scratch + OFFSET_ENCODER, ofOffset, offsetState);
      bits |= (<u64>offsetState & ((1 << n) - 1)) << used;
      used += n;
      offsetState = nextEncoderState(scratch + OFFSET_ENCODER, ofOffset, offsetState, n);
      n = encoderBits(scratch + MATCH_ENCODER, ofMatch, matchState);
      bits |= (<u64>matchState & ((1 << n) - 1)) << used;
      used += n;
      matchState = nextEncoderState(scratch + MATCH_ENCODER, ofMatch, matchState, n);
      n = encoderBits(scratch + LENGTH_ENCODER, ofLength, lengthState);
      bits |= (<u64>lengthState & ((1 << n) - 1)) << used;
      used += n;
      lengthState = nextEncoderState(scratch + LENGTH_ENCODER, ofLength, lengthState, n);
      store<u64>(at, bits);
      at += used >> 3;
      bits >>= <u64>(used & 0x38);
      used &= 7;
    }
    const lengthBits = <u32>load<u8>(LENGTH_BITS + ofLength);
    bits |= (<u64>literalLength & ((1 << lengthBits) - 1)) << used;
    used += lengthBits;
    const matchBits = <u32>load<u8>(MATCH_BITS + ofMatch);
    bits |= (<u64>(matched - 3) & ((1 << matchBits) - 1)) << used;
    used += matchBits;
    store<u64>(at, bits);
    at += used >> 3;
    bits >>= <u64>(used & 0x38);
    used &= 7;
    bits |= (<u64>value & ((<u64>1 << ofOffset) - 1)) << used;
    used += ofOffset;
    store<u64>(at, bits);
    at += used >> 3;
    bits >>= <u64>(used & 0x38);
    used &= 7;
  }
  // Final states in the order that the decoder reads backwards, then the end mark.
  const matchLog = encoderLog(scratch + MATCH_ENCODER);
  bits |= (<u64>matchState & ((1 << matchLog) - 1)) << used;
  used += matchLog;
  const offsetLog = encoderLog(scratch + OFFSET_ENCODER);
  bits |= (<u64>offsetState & ((1 << offsetLog) - 1)) << used;
  used += offsetLog;
  const lengthLog = encoderLog(scratch + LENGTH_ENCODER);
  bits |= (<u64>lengthState & ((1 << lengthLog) - 1)) << used;
  used += lengthLog;
  bits |= <u64>1 << used;
  used += 1;
  store<u64>(at, bits);
  return at + <usize>((used + 7) >> 3) - to;
}
