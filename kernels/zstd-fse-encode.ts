// Encoding side of finite state entropy: tables of counts, their descriptions and the states, RFC 8878 section 4.1.

export const LENGTH_KIND: u32 = 0;
export const OFFSET_KIND: u32 = 1;
export const MATCH_KIND: u32 = 2;

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

/** Bytes of an encoder: u16[512] states, 8 bytes per symbol (u32 deltaBits, i32 deltaState) for 64 symbols, u32 log. */
export const ENCODER_BYTES: usize = 2048;
const SYMBOLS: usize = 1024;
const LOG: usize = 1536;

// Layout of the work memory: 2 KiB.
/** u32[64]: how often each symbol occurs; the caller counts. */
export const FREQUENCIES: usize = 0;
const COUNTS: usize = 256; // i16[64]: normalised to the size of the table
const SPREAD: usize = 384; // u8[512]
const NEXT: usize = 896; // u16[64]

/** Makes an encoder for the default distribution of a kind of code. */
export function buildDefaultEncoder(kind: u32, encoder: usize, work: usize): void {
  const counts = kind == LENGTH_KIND ? LENGTH_DEFAULT : kind == OFFSET_KIND ? OFFSET_DEFAULT : MATCH_DEFAULT;
  const symbols: u32 = kind == LENGTH_KIND ? 36 : kind == OFFSET_KIND ? 29 : 53;
  buildEncoder(counts, symbols, kind == OFFSET_KIND ? 5 : 6, encoder, work);
}

/** Makes an encoder for a stream in which only `symbol` occurs: it takes no bits. */
export function buildSingleEncoder(symbol: u32, encoder: usize, work: usize): void {
  memory.fill(work + COUNTS, 0, 128);
  store<i16>(work + COUNTS + (<usize>symbol << 1), 1);
  buildEncoder(work + COUNTS, symbol + 1, 0, encoder, work);
}

/**
 * Makes an encoder for FREQUENCIES (at least two symbols occur) and writes the description of its table.
 *   symbolCount  the greatest symbol that occurs plus 1, at most 64
 *   total        the sum of the frequencies
 * Returns the bytes of the description.
 */
export function describeEncoder(symbolCount: u32, total: u32, greatestLog: u32, encoder: usize, to: usize, work: usize): usize {
  const log = tableLog(symbolCount, total, greatestLog);
  normalise(symbolCount, total, log, work);
  buildEncoder(work + COUNTS, symbolCount, log, encoder, work);
  return writeCounts(log, to, work);
}

function tableLog(symbolCount: u32, total: u32, greatestLog: u32): u32 {
  const bySize = 29 - clz<u32>(total - 1 | 1);
  let log: u32 = <i32>bySize < <i32>greatestLog ? max<u32>(bySize, 5) : greatestLog;
  // Every symbol needs a state.
  const least: u32 = 33 - clz<u32>(symbolCount);
  if (log < least) log = least;
  return max<u32>(5, min<u32>(log, greatestLog));
}

/** Scales the frequencies to the size of the table, at least 1 for each symbol that occurs. */
function normalise(symbolCount: u32, total: u32, log: u32, work: usize): void {
  const size: i32 = 1 << log;
  let left: i32 = size;
  let largest: usize = work + COUNTS;
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const frequency = load<u32>(work + FREQUENCIES + (<usize>symbol << 2));
    const slot = work + COUNTS + (<usize>symbol << 1);
    const scaled = <i32>(((<u64>frequency << log) + (total >> 1)) / total);
    const count: i32 = frequency == 0 ? 0 : max(1, scaled);
    store<i16>(slot, <i16>count);
    left -= count;
    if (count > load<i16>(largest)) largest = slot;
  }
  if (left >= 0 || load<i16>(largest) + left > load<i16>(largest) >> 1) {
    store<i16>(largest, <i16>(load<i16>(largest) + left));
    return;
  }
  // Many rare symbols took too much: the others give back one by one.
  while (left < 0) {
    for (let symbol: u32 = 0; symbol < symbolCount && left < 0; symbol++) {
      const slot = work + COUNTS + (<usize>symbol << 1);
      const count = load<i16>(slot);
      if (count <= 1) continue;
      store<i16>(slot, count - 1);
      left++;
    }
  }
}

/** Writes COUNTS as a table description. */
function writeCounts(log: u32, to: usize, work: usize): usize {
  let bits: u64 = log - 5;
  let used: u32 = 4;
  let at = to;
  let remaining: u32 = 1 << log;
  let symbol: u32 = 0;
  while (remaining > 0) {
    const count = <u32>load<i16>(work + COUNTS + (<usize>symbol << 1));
    symbol++;
    const width: u32 = 32 - clz<u32>(remaining + 1);
    const low: u32 = (1 << (width - 1)) - 1;
    const threshold: u32 = (1 << width) - 1 - (remaining + 1);
    const value = count + 1;
    // Small values take a bit less.
    if (value < threshold) {
      bits |= <u64>value << used;
      used += width - 1;
    } else {
      bits |= <u64>(value > low ? value + threshold : value) << used;
      used += width;
    }
    remaining -= count;
    if (count == 0) {
      let zeros: u32 = 0;
      while (load<i16>(work + COUNTS + (<usize>symbol << 1)) == 0) {
        zeros++;
        symbol++;
      }
      for (; zeros >= 3; zeros -= 3) {
        bits |= <u64>3 << used;
        used += 2;
        store<u64>(at, bits);
        at += used >> 3;
        bits >>= <u64>(used & 0x38);
        used &= 7;
      }
      bits |= <u64>zeros << used;
      used += 2;
    }
    store<u64>(at, bits);
    at += used >> 3;
    bits >>= <u64>(used & 0x38);
    used &= 7;
  }
  return at + <usize>((used + 7) >> 3) - to;
}

/** Builds an encoder: for each symbol, how many bits a state gives up and where it goes on. */
function buildEncoder(counts: usize, symbols: u32, log: u32, encoder: usize, work: usize): void {
  store<u32>(encoder + LOG, log);
  const size: u32 = 1 << log;
  // The same spread of symbols over states as the decoder's.
  let high: u32 = size - 1;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    if (load<i16>(counts + (<usize>symbol << 1)) < 0) store<u8>(work + SPREAD + high--, <u8>symbol);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = <i32>load<i16>(counts + (<usize>symbol << 1));
    for (let i = 0; i < count; i++) {
      store<u8>(work + SPREAD + position, <u8>symbol);
      do {
        position = (position + step) & (size - 1);
      } while (position > high);
    }
  }
  // States of one symbol lie together, in the order of the table.
  let total: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const raw = <i32>load<i16>(counts + (<usize>symbol << 1));
    const count = <u32>(raw < 0 ? 1 : raw);
    store<u16>(work + NEXT + (<usize>symbol << 1), <u16>total);
    const entry = encoder + SYMBOLS + (<usize>symbol << 3);
    if (count <= 1) {
      store<u32>(entry, (log << 16) - size);
      store<i32>(entry, <i32>total - 1, 4);
    } else {
      const bits = log - (31 - clz<u32>(count - 1));
      store<u32>(entry, (bits << 16) - (count << bits));
      store<i32>(entry, <i32>total - <i32>count, 4);
    }
    total += count;
  }
  for (let state: u32 = 0; state < size; state++) {
    const next = work + NEXT + (<usize>load<u8>(work + SPREAD + state) << 1);
    const slot = <usize>load<u16>(next);
    store<u16>(next, <u16>(slot + 1));
    store<u16>(encoder + (slot << 1), <u16>(size + state));
  }
}

/** Bits of the state at the end of a stream. */
@inline
export function encoderLog(encoder: usize): u32 {
  return load<u32>(encoder + LOG);
}

/** The state that the last symbol of a stream starts with. */
@inline
export function startEncoderState(encoder: usize, symbol: u32): u32 {
  const entry = encoder + SYMBOLS + (<usize>symbol << 3);
  const deltaBits = load<u32>(entry);
  const bits = (deltaBits + (1 << 15)) >> 16;
  const value = (bits << 16) - deltaBits;
  return <u32>load<u16>(encoder + (<usize>(<i32>(value >> bits) + load<i32>(entry, 4)) << 1));
}

/** How many low bits of `state` the stream takes before `symbol`. */
@inline
export function encoderBits(encoder: usize, symbol: u32, state: u32): u32 {
  return (state + load<u32>(encoder + SYMBOLS + (<usize>symbol << 3))) >> 16;
}

/** The state after `symbol`, `bits` of `state` having been written. */
@inline
export function nextEncoderState(encoder: usize, symbol: u32, state: u32, bits: u32): u32 {
  const delta = load<i32>(encoder + SYMBOLS + (<usize>symbol << 3), 4);
  return <u32>load<u16>(encoder + (<usize>(<i32>(state >> bits) + delta) << 1));
}
