// Huffman-coded literals of Zstandard, RFC 8878 section 4.2.
import { readWeights } from "./zstd-fse";

/** Decoding tables always have 2^11 entries, whatever the longest code: u16, bits of the code | symbol << 8. */
const TABLE_LOG: u32 = 11;

// Layout of the work memory: readWeights uses the first 1792 bytes.
const WEIGHTS: usize = 1792; // u8[256]
const RANKS: usize = 2048; // u32[16]: where the symbols of a weight start

/** Reads a tree description at `at` into `table`. Returns the bytes taken, or -1. */
export function readHuffmanTable(at: usize, end: usize, table: usize, work: usize): i32 {
  if (at >= end) return -1;
  const weights = work + WEIGHTS;
  const header = <u32>load<u8>(at);
  let count: u32;
  let taken: u32;
  if (header < 128) {
    taken = 1 + header;
    if (taken > <u32>(end - at)) return -1;
    const read = readWeights(at + 1, at + taken, weights, work);
    if (read < 0 || read > 255) return -1;
    count = <u32>read;
  } else {
    count = header - 127;
    taken = 1 + ((count + 1) >> 1);
    if (taken > <u32>(end - at)) return -1;
    for (let i: u32 = 0; i < count; i += 2) {
      const pair = <u32>load<u8>(at + 1 + (i >> 1));
      store<u8>(weights + i, <u8>(pair >> 4));
      store<u8>(weights + i + 1, <u8>(pair & 15));
    }
  }
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const weight = <u32>load<u8>(weights + i);
    if (weight > TABLE_LOG) return -1;
    total += (<u32>1 << weight) >> 1;
  }
  if (total == 0) return -1;
  // The last weight is not stored: it completes the sum to a power of two.
  const log: u32 = 32 - clz<u32>(total);
  if (log > TABLE_LOG) return -1;
  const rest = (<u32>1 << log) - total;
  if ((rest & (rest - 1)) != 0) return -1;
  store<u8>(weights + count, <u8>(32 - clz<u32>(rest)));
  count++;
  memory.fill(work + RANKS, 0, 64);
  for (let i: u32 = 0; i < count; i++) {
    const rank = work + RANKS + (<usize>load<u8>(weights + i) << 2);
    store<u32>(rank, load<u32>(rank) + 1);
  }
  // A code of weight w fills 2^(w - 1) entries of a table of `log` bits, more of ours.
  const scale = TABLE_LOG - log;
  let start: u32 = 0;
  for (let weight: u32 = 1; weight <= log; weight++) {
    const rank = work + RANKS + (<usize>weight << 2);
    const symbols = load<u32>(rank);
    store<u32>(rank, start);
    start += symbols << (weight - 1 + scale);
  }
  if (start != 1 << TABLE_LOG) return -1;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const weight = <u32>load<u8>(weights + symbol);
    if (weight == 0) continue;
    const rank = work + RANKS + (<usize>weight << 2);
    const first = load<u32>(rank);
    const length: u32 = 1 << (weight - 1 + scale);
    store<u32>(rank, first + length);
    const entry = <u16>((log + 1 - weight) | (symbol << 8));
    for (let i: u32 = 0; i < length; i++) store<u16>(table + (<usize>(first + i) << 1), entry);
  }
  return <i32>taken;
}

/** Unread bits of the backward stream [start, end), or -1 where its end mark is missing. */
@inline
function streamBits(start: usize, end: usize): i32 {
  if (start >= end) return -1;
  const lastByte = <u32>load<u8>(end - 1);
  return lastByte == 0 ? -1 : (<i32>(end - start) << 3) - 8 + (31 - <i32>clz<u32>(lastByte));
}

/** Decodes the rest of a stream symbol by symbol; true where it ends exactly with the last one. */
function decodeRest(start: usize, bits: i32, table: usize, out: usize, outEnd: usize): bool {
  let left = bits;
  while (out < outEnd && left >= 0) {
    // Codes near the start of the stream are looked up with foreign bits behind them, which do not matter.
    const from = left - <i32>TABLE_LOG;
    const index = (load<u32>(start + (from >> 3)) >> (<u32>from & 7)) & ((1 << TABLE_LOG) - 1);
    const entry = <u32>load<u16>(table + (<usize>index << 1));
    store<u8>(out++, <u8>(entry >> 8));
    left -= <i32>(entry & 0xff);
  }
  return left == 0 && out == outEnd;
}

/** One stream of literals. */
export function decodeLiterals1(start: usize, end: usize, table: usize, out: usize, count: u32): bool {
  const bits = streamBits(start, end);
  return bits >= 0 && decodeRest(start, bits, table, out, out + count);
}

@inline
function windowOf(start: usize, left: i32): usize {
  return start + ((left + 7) >> 3) - 8;
}

/** The window's bits brought to the top, with a mark below them: trailing zeros tell how many were used. */
@inline
function markedBits(window: usize, left: i32): u64 {
  return (load<u64>(window) | 1) << <u64>(-left & 7);
}

@inline
function entryOf(table: usize, bits: u64): u32 {
  return <u32>load<u16>(table + (<usize>(bits >> (64 - TABLE_LOG)) << 1));
}

/** Four streams, decoded side by side so that their table lookups overlap; five symbols each per refill. */
export function decodeLiterals4(start: usize, end: usize, table: usize, out: usize, count: u32): bool {
  if (end - start < 10) return false;
  const part = (count + 3) >> 2;
  if (part * 3 > count) return false;
  const start1 = start + 6;
  const start2 = start1 + load<u16>(start);
  const start3 = start2 + load<u16>(start, 2);
  const start4 = start3 + load<u16>(start, 4);
  if (start4 >= end) return false;
  let left1 = streamBits(start1, start2);
  let left2 = streamBits(start2, start3);
  let left3 = streamBits(start3, start4);
  let left4 = streamBits(start4, end);
  if (left1 < 0 || left2 < 0 || left3 < 0 || left4 < 0) return false;
  let out1 = out;
  let out2 = out1 + part;
  let out3 = out2 + part;
  let out4 = out3 + part;
  const end4 = out + count;
  // A refill needs a whole window inside the stream; the ends are decoded one by one.
  while (out4 + 5 <= end4 && left1 >= 64 && left2 >= 64 && left3 >= 64 && left4 >= 64) {
    const window1 = windowOf(start1, left1);
    const window2 = windowOf(start2, left2);
    const window3 = windowOf(start3, left3);
    const window4 = windowOf(start4, left4);
    let bits1 = markedBits(window1, left1);
    let bits2 = markedBits(window2, left2);
    let bits3 = markedBits(window3, left3);
    let bits4 = markedBits(window4, left4);
    for (let i: usize = 0; i < 5; i++) {
      const entry1 = entryOf(table, bits1);
      const entry2 = entryOf(table, bits2);
      const entry3 = entryOf(table, bits3);
      const entry4 = entryOf(table, bits4);
      store<u8>(out1 + i, <u8>(entry1 >> 8));
      store<u8>(out2 + i, <u8>(entry2 >> 8));
      store<u8>(out3 + i, <u8>(entry3 >> 8));
      store<u8>(out4 + i, <u8>(entry4 >> 8));
      bits1 <<= <u64>(entry1 & 0x3f);
      bits2 <<= <u64>(entry2 & 0x3f);
      bits3 <<= <u64>(entry3 & 0x3f);
      bits4 <<= <u64>(entry4 & 0x3f);
    }
    left1 = (<i32>(window1 - start1) << 3) + 64 - <i32>ctz(bits1);
    left2 = (<i32>(window2 - start2) << 3) + 64 - <i32>ctz(bits2);
    left3 = (<i32>(window3 - start3) << 3) + 64 - <i32>ctz(bits3);
    left4 = (<i32>(window4 - start4) << 3) + 64 - <i32>ctz(bits4);
    out1 += 5;
    out2 += 5;
    out3 += 5;
    out4 += 5;
  }
  return (
    decodeRest(start1, left1, table, out1, out + part) &&
    decodeRest(start2, left2, table, out2, out + part * 2) &&
    decodeRest(start3, left3, table, out3, out + part * 3) &&
    decodeRest(start4, left4, table, out4, end4)
  );
}
