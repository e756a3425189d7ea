// Encoding side of the finite state entropy tables with their default distributions, RFC 8878 section 4.1 and 3.1.1.3.2.2.

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

// Layout of an encoder: u16[64] states, then 8 bytes per symbol: u32 deltaBits, i32 deltaState.
const SYMBOLS: usize = 128;

/**
 * Builds an encoder: for each symbol, how many bits a state gives up and where it goes on.
 *   encoder  1 KiB
 *   work     256 bytes
 */
export function buildEncoder(kind: u32, encoder: usize, work: usize): void {
  const counts = kind == LENGTH_KIND ? LENGTH_DEFAULT : kind == OFFSET_KIND ? OFFSET_DEFAULT : MATCH_DEFAULT;
  const symbols: u32 = kind == LENGTH_KIND ? 36 : kind == OFFSET_KIND ? 29 : 53;
  const log: u32 = kind == OFFSET_KIND ? 5 : 6;
  const size: u32 = 1 << log;
  // The same spread of symbols over states as the decoder's.
  let high: u32 = size - 1;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    if (load<i16>(counts + (<usize>symbol << 1)) < 0) store<u8>(work + high--, <u8>symbol);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = <i32>load<i16>(counts + (<usize>symbol << 1));
    for (let i = 0; i < count; i++) {
      store<u8>(work + position, <u8>symbol);
      do {
        position = (position + step) & (size - 1);
      } while (position > high);
    }
  }
  // States of one symbol lie together, in the order of the table; work + 64 counts them.
  let total: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const raw = <i32>load<i16>(counts + (<usize>symbol << 1));
    const count = <u32>(raw < 0 ? 1 : raw);
    store<u8>(work + 64 + symbol, <u8>total);
    const entry = encoder + SYMBOLS + (<usize>symbol << 3);
    if (count == 1) {
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
    const next = work + 64 + <usize>load<u8>(work + state);
    const slot = <usize>load<u8>(next);
    store<u8>(next, <u8>(slot + 1));
    store<u16>(encoder + (slot << 1), <u16>(size + state));
  }
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
