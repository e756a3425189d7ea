// Huffman coding of Zstandard's literals, RFC 8878 section 4.2: codes of at most 11 bits.
import {
  describeEncoder,
  ENCODER_BYTES,
  encoderBits,
  encoderLog,
  FREQUENCIES,
  nextEncoderState,
  startEncoderState,
} from "./zstd-fse-encode";

const GREATEST_LENGTH: u32 = 11;

// Layout of the work memory (16 KiB less 64 bytes).
const COUNTS: usize = 0; // u32[256]
const LENGTHS: usize = 1024; // u8[256]: bits of each symbol's code, 0 = unused
const CODES: usize = 1280; // u16[256]
const ORDER: usize = 1792; // u8[256]: used symbols by ascending count
const NODE_COUNTS: usize = 2048; // u32[512]
const NODE_PARENTS: usize = 4096; // u16[512]
const STARTS: usize = 5120; // u32[16]
const SUMMARY: usize = 5184; // u32 greatest symbol, u32 longest code
const WEIGHT_ENCODER: usize = 5248;
const WEIGHT_WORK: usize = WEIGHT_ENCODER + ENCODER_BYTES; // 2 KiB

/** Counts the literals and builds codes. Returns the number of used symbols, or 0 where there is only one. */
export function buildHuffmanCodes(literals: usize, count: u32, work: usize): u32 {
  memory.fill(work, 0, 1280);
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = work + COUNTS + (<usize>load<u8>(literals + i) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  let used: u32 = 0;
  let greatest: u32 = 0;
  for (let symbol: u32 = 0; symbol < 256; symbol++) {
    const weight = load<u32>(work + COUNTS + (<usize>symbol << 2));
    if (weight == 0) continue;
    greatest = symbol;
    // Insertion by ascending count.
    let at = used++;
    while (at > 0 && load<u32>(work + COUNTS + (<usize>load<u8>(work + ORDER + at - 1) << 2)) > weight) {
      store<u8>(work + ORDER + at, load<u8>(work + ORDER + at - 1));
      at--;
    }
    store<u8>(work + ORDER + at, <u8>symbol);
  }
  if (used < 2) return 0;
  store<u32>(work + SUMMARY, greatest);
  depths(used, work);
  limitDepths(used, work);
  assignCodes(greatest, work);
  return used;
}

/** Code lengths of an optimal tree, by the two-queue method: leaves and inner nodes both come in ascending order. */
function depths(used: u32, work: usize): void {
  let leaf: u32 = 0;
  let inner: u32 = used;
  const root: u32 = 2 * used - 2;
  for (let i: u32 = 0; i < used; i++) {
    const symbol = <usize>load<u8>(work + ORDER + i);
    store<u32>(work + NODE_COUNTS + (<usize>i << 2), load<u32>(work + COUNTS + (symbol << 2)));
  }
  for (let node = used; node <= root; node++) {
    let sum: u32 = 0;
    for (let k = 0; k < 2; k++) {
      const takesLeaf = leaf < used && (inner >= node || load<u32>(work + NODE_COUNTS + (<usize>leaf << 2)) <= load<u32>(work + NODE_COUNTS + (<usize>inner << 2)));
      const child = takesLeaf ? leaf++ : inner++;
      sum += load<u32>(work + NODE_COUNTS + (<usize>child << 2));
      store<u16>(work + NODE_PARENTS + (<usize>child << 1), <u16>node);
    }
    store<u32>(work + NODE_COUNTS + (<usize>node << 2), sum);
  }
  // Counts are no longer needed: they become depths, from the root down.
  store<u32>(work + NODE_COUNTS + (<usize>root << 2), 0);
  for (let i = <i32>root - 1; i >= 0; i--) {
    const parent = <usize>load<u16>(work + NODE_PARENTS + (<usize>i << 1));
    store<u32>(work + NODE_COUNTS + (<usize>i << 2), load<u32>(work + NODE_COUNTS + (parent << 2)) + 1);
  }
  for (let i: u32 = 0; i < used; i++) {
    const symbol = <usize>load<u8>(work + ORDER + i);
    const depth = load<u32>(work + NODE_COUNTS + (<usize>i << 2));
    store<u8>(work + LENGTHS + symbol, <u8>min(depth, GREATEST_LENGTH));
  }
}

/** After cutting long codes off, lengthens rare ones until the code is possible and shortens some until it is complete. */
function limitDepths(used: u32, work: usize): void {
  const full: i32 = 1 << GREATEST_LENGTH;
  let total: i32 = 0;
  for (let i: u32 = 0; i < used; i++) {
    total += full >> load<u8>(work + LENGTHS + <usize>load<u8>(work + ORDER + i));
  }
  while (total > full) {
    for (let i: u32 = 0; i < used && total > full; i++) {
      const slot = work + LENGTHS + <usize>load<u8>(work + ORDER + i);
      const length = load<u8>(slot);
      if (<u32>length >= GREATEST_LENGTH) continue;
      store<u8>(slot, length + 1);
      total -= full >> (length + 1);
    }
  }
  while (total < full) {
    for (let i = <i32>used - 1; i >= 0 && total < full; i--) {
      const slot = work + LENGTHS + <usize>load<u8>(work + ORDER + i);
      const length = load<u8>(slot);
      const gain = full >> length;
      if (length <= 1 || gain > full - total) continue;
      store<u8>(slot, length - 1);
      total += gain;
    }
  }
}

/** Canonical codes as the decoder's table implies them: from the longest codes on, symbols in order. */
function assignCodes(greatest: u32, work: usize): void {
  let longest: u32 = 0;
  for (let symbol: u32 = 0; symbol <= greatest; symbol++) longest = max(longest, <u32>load<u8>(work + LENGTHS + symbol));
  store<u32>(work + SUMMARY, longest, 4);
  memory.fill(work + STARTS, 0, 64);
  for (let symbol: u32 = 0; symbol <= greatest; symbol++) {
    const slot = work + STARTS + (<usize>load<u8>(work + LENGTHS + symbol) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  let start: u32 = 0;
  for (let length = longest; length > 0; length--) {
    const slot = work + STARTS + (<usize>length << 2);
    const symbols = load<u32>(slot);
    store<u32>(slot, start);
    start = (start + symbols) >> 1;
  }
  for (let symbol: u32 = 0; symbol <= greatest; symbol++) {
    const length = <usize>load<u8>(work + LENGTHS + symbol);
    if (length == 0) continue;
    const slot = work + STARTS + (length << 2);
    const code = load<u32>(slot);
    store<u32>(slot, code + 1);
    store<u16>(work + CODES + (<usize>symbol << 1), <u16>code);
  }
}

/**
 * The tree description: the weights of all symbols but the last, as finite state entropy or, where that is shorter, four
 * bits each. Returns its length, or 0 where neither can hold them.
 */
export function writeWeights(to: usize, work: usize): usize {
  const greatest = load<u32>(work + SUMMARY);
  const longest = load<u32>(work + SUMMARY, 4);
  const direct = <usize>((greatest + 1) >> 1);
  const packed = packWeights(greatest, longest, to + 1, work);
  if (packed > 0 && packed < 128 && (packed < direct || greatest > 128)) {
    store<u8>(to, <u8>packed);
    return 1 + packed;
  }
  if (greatest > 128) return 0;
  store<u8>(to, <u8>(127 + greatest));
  for (let symbol: u32 = 0; symbol < greatest; symbol += 2) {
    const high = weightOf(symbol, longest, work);
    const low = symbol + 1 < greatest ? weightOf(symbol + 1, longest, work) : 0;
    store<u8>(to + 1 + (symbol >> 1), <u8>((high << 4) | low));
  }
  return 1 + direct;
}

/** Weights of symbols 0 to count - 1 by two states in turn, the last symbol first; 0 where they are all equal or few. */
function packWeights(count: u32, longest: u32, to: usize, work: usize): usize {
  if (count < 8) return 0;
  const encoder = work + WEIGHT_ENCODER;
  const frequencies = work + WEIGHT_WORK + FREQUENCIES;
  memory.fill(frequencies, 0, 256);
  let greatestWeight: u32 = 0;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const weight = weightOf(symbol, longest, work);
    const slot = frequencies + (<usize>weight << 2);
    store<u32>(slot, load<u32>(slot) + 1);
    greatestWeight = max(greatestWeight, weight);
  }
  if (load<u32>(frequencies + (<usize>greatestWeight << 2)) == count) return 0;
  let at = to + describeEncoder(greatestWeight + 1, count, 6, encoder, to, work + WEIGHT_WORK);
  let even: u32 = 0;
  let odd: u32 = 0;
  let bits: u64 = 0;
  let used: u32 = 0;
  for (let left = count; left > 0; left--) {
    const symbol = left - 1;
    const weight = weightOf(symbol, longest, work);
    const isEven = (symbol & 1) == 0;
    if (left > count - 2) {
      const state = startEncoderState(encoder, weight);
      if (isEven) even = state;
      else odd = state;
      continue;
    }
    const state = isEven ? even : odd;
    const n = encoderBits(encoder, weight, state);
    bits |= (<u64>state & ((1 << n) - 1)) << used;
    used += n;
    const next = nextEncoderState(encoder, weight, state, n);
    if (isEven) even = next;
    else odd = next;
    store<u64>(at, bits);
    at += used >> 3;
    bits >>= <u64>(used & 0x38);
    used &= 7;
  }
  const log = encoderLog(encoder);
  bits |= (<u64>odd & ((1 << log) - 1)) << used;
  used += log;
  bits |= (<u64>even & ((1 << log) - 1)) << used;
  used += log;
  bits |= <u64>1 << used;
  used += 1;
  store<u64>(at, bits);
  return at + <usize>((used + 7) >> 3) - to;
}

@inline
function weightOf(symbol: u32, longest: u32, work: usize): u32 {
  const length = <u32>load<u8>(work + LENGTHS + symbol);
  return length == 0 ? 0 : longest + 1 - length;
}

/** Four streams behind a table of their lengths; returns the bytes written. */
export function encodeLiterals4(literals: usize, count: u32, to: usize, work: usize): usize {
  const part = <usize>((count + 3) >> 2);
  const end = literals + count;
  let at = to + 6;
  for (let stream: usize = 0; stream < 4; stream++) {
    const start = literals + stream * part;
    const length = encodeStream(start, min(start + part, end), at, work);
    if (stream < 3) store<u16>(to + (stream << 1), <u16>length);
    at += length;
  }
  return at - to;
}

/** One stream, written from the last literal to the first; returns the bytes written. */
function encodeStream(start: usize, end: usize, to: usize, work: usize): usize {
  let at = to;
  let bits: u64 = 0;
  let used: u32 = 0;
  let from = end;
  while (from > start) {
    // Four codes of up to 11 bits fit behind 7 left-over ones.
    for (let i = 0; i < 4 && from > start; i++) {
      const symbol = <usize>load<u8>(--from);
      bits |= <u64>load<u16>(work + CODES + (symbol << 1)) << used;
      used += <u32>load<u8>(work + LENGTHS + symbol);
    }
    store<u64>(at, bits);
    at += used >> 3;
    bits >>= <u64>(used & 0x38);
    used &= 7;
  }
  store<u8>(at, <u8>(bits | (<u64>1 << used)));
  return at + 1 - to;
}
