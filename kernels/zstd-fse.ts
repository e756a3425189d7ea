// Finite state entropy tables of Zstandard, RFC 8878 section 4.1.

// What a code stands for: its base value and how many extra bits follow.
const LENGTH_BASE = memory.data<u32>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024,
  2048, 4096, 8192, 16384, 32768, 65536,
]);
const LENGTH_BITS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const MATCH_BASE = memory.data<u32>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
  34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539,
]);
const MATCH_BITS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3,
  3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
// The default distributions.
const LENGTH_DEFAULT = memory.data<i16>([
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
]);
const OFFSET_DEFAULT = memory.data<i16>([
  1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
]);
const MATCH_DEFAULT = memory.data<i16>([
  1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
]);

// Layout of the 4 KiB of work memory.
const COUNTS: usize = 0; // i16[256]: normalised counts
const NEXT: usize = 512; // u16[256]
const SYMBOLS: usize = 1024; // u8[512]

@inline
function highBit(value: u32): u32 {
  return 31 - clz<u32>(value);
}

/**
 * Reads a table description into COUNTS of `work`. Returns the bytes taken (from bit 32 on), the number of symbols (from
 * bit 16 on) and the accuracy, or -1.
 */
function readCounts(at: usize, end: usize, greatestSymbol: u32, greatestLog: u32, work: usize): i64 {
  if (at >= end) return -1;
  const counts = work + COUNTS;
  const log = (<u32>load<u8>(at) & 15) + 5;
  if (log > greatestLog) return -1;
  const bitLimit = <u32>(end - at) << 3;
  let bit: u32 = 4;
  let remaining: i32 = 1 << log;
  let symbol: u32 = 0;
  while (remaining > 0) {
    if (symbol > greatestSymbol || bit > bitLimit) return -1;
    const width = highBit(<u32>remaining + 1) + 1;
    let value = (load<u32>(at + (bit >> 3)) >> (bit & 7)) & ((1 << width) - 1);
    bit += width;
    const low = (<u32>1 << (width - 1)) - 1;
    const threshold = ((<u32>1 << width) - 1) - (<u32>remaining + 1);
    if ((value & low) < threshold) {
      value &= low;
      bit -= 1;
    } else if (value > low) value -= threshold;
    const count = <i32>value - 1;
    remaining -= count < 0 ? 1 : count;
    store<i16>(counts + (<usize>symbol << 1), <i16>count);
    symbol++;
    if (count == 0) {
      let zeros: u32 = 3;
      while (zeros == 3) {
        zeros = (load<u32>(at + (bit >> 3)) >> (bit & 7)) & 3;
        bit += 2;
        if (symbol + zeros > greatestSymbol + 1 || bit > bitLimit) return -1;
        for (let i: u32 = 0; i < zeros; i++) store<i16>(counts + (<usize>(symbol + i) << 1), 0);
        symbol += zeros;
      }
    }
  }
  if (remaining != 0 || bit > bitLimit) return -1;
  return (<i64>((bit + 7) >> 3) << 32) | (<i64>symbol << 16) | <i64>log;
}

/** Spreads the symbols of COUNTS over the states in SYMBOLS, and sets NEXT to each symbol's count. */
function spreadSymbols(counts: usize, symbolCount: u32, log: u32, work: usize): void {
  const size: u32 = 1 << log;
  let high: u32 = size - 1;
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const count = load<i16>(counts + (<usize>symbol << 1));
    store<u16>(work + NEXT + (<usize>symbol << 1), count < 0 ? 1 : <u16>count);
    if (count < 0) store<u8>(work + SYMBOLS + high--, <u8>symbol);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const count = <i32>load<i16>(counts + (<usize>symbol << 1));
    for (let i = 0; i < count; i++) {
      store<u8>(work + SYMBOLS + position, <u8>symbol);
      do {
        position = (position + step) & (size - 1);
      } while (position > high);
    }
  }
}

/** Writes the decoding entries of one of the three sequence tables. */
function fillSequenceTable(kind: u32, symbolCount: u32, counts: usize, log: u32, entries: usize, work: usize): void {
  spreadSymbols(counts, symbolCount, log, work);
  const size: u32 = 1 << log;
  for (let state: u32 = 0; state < size; state++) {
    const symbol = <u32>load<u8>(work + SYMBOLS + state);
    const next = work + NEXT + (<usize>symbol << 1);
    const reached = <u32>load<u16>(next);
    store<u16>(next, <u16>(reached + 1));
    const stateBits = log - highBit(reached);
    storeEntry(entries + (<usize>state << 3), kind, symbol, (reached << stateBits) - size, stateBits);
  }
}

@inline
function storeEntry(entry: usize, kind: u32, symbol: u32, nextState: u32, stateBits: u32): void {
  store<u16>(entry, <u16>nextState);
  store<u8>(entry, kind == 0 ? load<u8>(LENGTH_BITS + symbol) : kind == 1 ? <u8>symbol : load<u8>(MATCH_BITS + symbol), 2);
  store<u8>(entry, <u8>stateBits, 3);
  const symbolAt = <usize>symbol << 2;
  store<u32>(entry, kind == 0 ? load<u32>(LENGTH_BASE + symbolAt) : kind == 1 ? <u32>1 << symbol : load<u32>(MATCH_BASE + symbolAt), 4);
}

@inline
function greatestSymbolOf(kind: u32): u32 {
  return kind == 0 ? 35 : kind == 1 ? 31 : 52;
}

/**
 * Builds a sequence table from the default distribution (`symbol` -1) or for one repeated symbol.
 *   log  receives the table's accuracy plus 1
 */
export function buildSequenceTable(kind: u32, symbol: i32, entries: usize, log: usize, work: usize): bool {
  if (symbol >= 0) {
    if (<u32>symbol > greatestSymbolOf(kind)) return false;
    storeEntry(entries, kind, <u32>symbol, 0, 0);
    store<u32>(log, 1);
    return true;
  }
  const counts = kind == 0 ? LENGTH_DEFAULT : kind == 1 ? OFFSET_DEFAULT : MATCH_DEFAULT;
  const symbols: u32 = kind == 0 ? 36 : kind == 1 ? 29 : 53;
  const accuracy: u32 = kind == 1 ? 5 : 6;
  fillSequenceTable(kind, symbols, counts, accuracy, entries, work);
  store<u32>(log, accuracy + 1);
  return true;
}

/** Reads a described sequence table. Returns the bytes taken, or -1. */
export function readSequenceTable(at: usize, end: usize, kind: u32, entries: usize, log: usize, work: usize): i32 {
  const read = readCounts(at, end, greatestSymbolOf(kind), kind == 1 ? 8 : 9, work);
  if (read < 0) return -1;
  const accuracy = <u32>(read & 0xffff);
  fillSequenceTable(kind, <u32>(read >> 16) & 0xffff, work + COUNTS, accuracy, entries, work);
  store<u32>(log, accuracy + 1);
  return <i32>(read >> 32);
}

/**
 * Decodes FSE-compressed Huffman weights in [at, end): two states take turns until the stream is used up.
 *   weights  u8[256]
 *   work     table memory as above, and from WEIGHT_TABLE on 64 entries of u32
 * Returns the number of weights, or -1.
 */
export function readWeights(at: usize, end: usize, weights: usize, work: usize): i32 {
  const WEIGHT_TABLE: usize = 1536;
  const read = readCounts(at, end, 255, 6, work);
  if (read < 0) return -1;
  const log = <u32>(read & 0xffff);
  const start = at + <usize>(read >> 32);
  spreadSymbols(work + COUNTS, <u32>(read >> 16) & 0xffff, log, work);
  const size: u32 = 1 << log;
  for (let state: u32 = 0; state < size; state++) {
    const symbol = <u32>load<u8>(work + SYMBOLS + state);
    const next = work + NEXT + (<usize>symbol << 1);
    const reached = <u32>load<u16>(next);
    store<u16>(next, <u16>(reached + 1));
    const stateBits = log - highBit(reached);
    store<u32>(work + WEIGHT_TABLE + (<usize>state << 2), ((reached << stateBits) - size) | (stateBits << 16) | (symbol << 24));
  }
  if (start >= end) return -1;
  const lastByte = <u32>load<u8>(end - 1);
  if (lastByte == 0) return -1;
  let left = (<i32>(end - start) << 3) - 8 + <i32>highBit(lastByte);
  left -= <i32>log;
  let state1 = bitsAt(start, left, log);
  left -= <i32>log;
  let state2 = bitsAt(start, left, log);
  if (left < 0) return -1;
  let count = 0;
  while (true) {
    if (count > 253) return -1;
    const entry1 = load<u32>(work + WEIGHT_TABLE + (<usize>state1 << 2));
    store<u8>(weights + count++, <u8>(entry1 >> 24));
    const bits1 = (entry1 >> 16) & 0xff;
    left -= <i32>bits1;
    if (left < 0) {
      store<u8>(weights + count++, <u8>(load<u32>(work + WEIGHT_TABLE + (<usize>state2 << 2)) >> 24));
      return count;
    }
    state1 = (entry1 & 0xffff) + bitsAt(start, left, bits1);
    const entry2 = load<u32>(work + WEIGHT_TABLE + (<usize>state2 << 2));
    store<u8>(weights + count++, <u8>(entry2 >> 24));
    const bits2 = (entry2 >> 16) & 0xff;
    left -= <i32>bits2;
    if (left < 0) {
      store<u8>(weights + count++, <u8>(load<u32>(work + WEIGHT_TABLE + (<usize>state1 << 2)) >> 24));
      return count;
    }
    state2 = (entry2 & 0xffff) + bitsAt(start, left, bits2);
  }
}

/** `count` (0..8) bits from bit `bit` of a stream; a bit before the stream reads foreign memory, which callers discard. */
@inline
function bitsAt(stream: usize, bit: i32, count: u32): u32 {
  return (<u32>load<u16>(stream + (bit >> 3)) >> (<u32>bit & 7)) & ((1 << count) - 1);
}
