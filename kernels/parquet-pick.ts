// Reading some values of a page: of the hybrid of Parquet (parquet-hybrid.ts), of PLAIN byte arrays, and with nulls.
import { isPacked, MALFORMED, runEnd, runHeader, runLength, runValue, valueBytes } from "./parquet-run";
import { unpack } from "./parquet-unpack";

/** Indices that are unpacked at once: they stay in the first-level cache. */
const TILE: u32 = 1024;
/**
 * Finds the values [from, to) of a page whose dictionary entry matches, and writes their positions plus `base`.
 *   source   sourceLength bytes of the hybrid, at least `to` values; up to 64 bytes past its end may be read
 *   width    bits of a value, 0..32; values are below `limit` (1 or more)
 *   matches  u8[limit]: 1 for the entries that match, else 0
 *   cursor   u32[2], zero at first: where the last call for this page stopped, so that calls that go forward do not start
 *            over. Byte offset of a run, position of its first value
 *   scratch  u32[1024 + 8], contents irrelevant
 *   out      room for u32[to - from + 1]
 * Returns how many match, or -1 where a run is malformed, the source ends early or a value reaches the limit.
 */
export function parquetMatch(source: usize, sourceLength: i32, width: i32, limit: u32, matches: usize, cursor: usize, scratch: usize, from: i32, to: i32, base: i32, out: usize): i32 {
  if (<u32>width > 32) return -1;
  const start = out;
  if (width == 0) {
    if (load<u8>(matches)) out = sequence(out, <u32>(from + base), <u32>(to - from));
    return <i32>((out - start) >> 2);
  }
  const end = source + sourceLength;
  const valueSize = valueBytes(width);
  const greatest: u32 = limit - 1;
  let at = source + load<u32>(cursor);
  let position = <u64>load<u32>(cursor, 4);
  if (<u64>from < position) {
    at = source;
    position = 0;
  }
  while (true) {
    const parsed = runHeader(at, end);
    if (parsed == MALFORMED) return -1;
    const header = <u32>parsed;
    const body = at + <usize>(parsed >> 32);
    const length = runLength(header);
    if (position + length > <u64>from) {
      const first = <u32>(max<u64>(<u64>from, position) - position);
      const last = <u32>(min<u64>(<u64>to - position, length));
      const row = <u32>position + <u32>base;
      if (isPacked(header)) {
        if (((<u64>last * width + 7) >> 3) > <u64>(end - body)) return -1;
        for (let tile = first & ~7; tile < last; tile += TILE) {
          const some = min<u32>(TILE, last - tile);
          if (unpack(body + (<usize>tile >> 3) * width, width, scratch, some, greatest)) return -1;
          const skipped = max(first, tile) - tile;
          let from = scratch + (<usize>skipped << 2);
          const stop = scratch + (<usize>some << 2);
          for (let value = row + tile + skipped; from < stop; from += 4, value++) {
            store<u32>(out, value);
            out += <usize>load<u8>(matches + load<u32>(from)) << 2;
          }
        }
      } else {
        if (valueSize > end - body) return -1;
        const value = runValue(body, valueSize);
        if (value > greatest) return -1;
        if (load<u8>(matches + value)) out = sequence(out, row + first, last - first);
      }
      if (position + length >= <u64>to) break;
    }
    position += length;
    at = runEnd(header, body, width, end);
  }
  store<u32>(cursor, <u32>(at - source));
  store<u32>(cursor, <u32>position, 4);
  return <i32>((out - start) >> 2);
}

/** Writes first, first + 1, ... and returns the address behind them. */
@inline
function sequence(out: usize, first: u32, count: u32): usize {
  const end = out + (<usize>count << 2);
  for (; out < end; out += 4) store<u32>(out, first++);
  return end;
}

/**
 * Decodes the values at `count` ascending positions of a page to u32; contract of parquetMatch for the rest.
 *   positions  u32[count], each `base` too high
 *   out        room for u32[count]
 * Returns `count`, or -1 as parquetMatch does; values that are not picked are not looked at.
 */
export function parquetPick(source: usize, sourceLength: i32, width: i32, limit: u32, cursor: usize, positions: usize, count: i32, base: i32, out: usize): i32 {
  return pick(source, sourceLength, width, limit, cursor, positions, count, base, out, 0, false);
}

/**
 * Keeps of `count` ascending positions those whose value matches, with `base`: contracts of parquetMatch and parquetPick.
 *   out  room for u32[count]; may be `positions`
 * Returns how many, or -1.
 */
export function parquetKeep(source: usize, sourceLength: i32, width: i32, limit: u32, matches: usize, cursor: usize, positions: usize, count: i32, base: i32, out: usize): i32 {
  return pick(source, sourceLength, width, limit, cursor, positions, count, base, out, matches, true);
}

@inline
function pick(source: usize, sourceLength: i32, width: i32, limit: u32, cursor: usize, positions: usize, count: i32, base: i32, out: usize, matches: usize, isKept: bool): i32 {
  if (<u32>width > 32) return -1;
  const start = out;
  const bytes = <usize>count << 2;
  if (width == 0) {
    if (isKept) {
      if (!load<u8>(matches)) return 0;
      memory.copy(out, positions, bytes);
    } else memory.fill(out, 0, bytes);
    return count;
  }
  if (count == 0) return 0;
  const end = source + sourceLength;
  const stop = positions + bytes;
  const valueSize = valueBytes(width);
  const mask = <u32>(((<u64>1) << width) - 1);
  let greatest: u32 = 0;
  let at = source + load<u32>(cursor);
  let position = <u64>load<u32>(cursor, 4);
  let wanted = load<u32>(positions);
  if (<u64>(wanted - <u32>base) < position) {
    at = source;
    position = 0;
  }
  while (true) {
    const parsed = runHeader(at, end);
    if (parsed == MALFORMED) return -1;
    const header = <u32>parsed;
    const body = at + <usize>(parsed >> 32);
    const next = position + runLength(header);
    if (<u64>(wanted - <u32>base) < next) {
      if (isPacked(header)) {
        // Writers may leave the unused end of the last group out.
        const isWhole = <u64>(header >> 1) * width <= <u64>(end - body);
        const present = isWhole ? next : position + (<u64>(end - body) << 3) / width;
        const first = <u32>position + <u32>base;
        const room = <u32>min<u64>(present - position, <u64>u32.MAX_VALUE);
        while (wanted - first < room) {
          const bit = <u64>(wanted - first) * width;
          const value = <u32>(load<u64>(body + <usize>(bit >> 3)) >> (bit & 7)) & mask;
          if (isKept) {
            if (value >= limit) return -1;
            store<u32>(out, wanted);
            out += <usize>load<u8>(matches + value) << 2;
          } else {
            greatest = max(greatest, value);
            store<u32>(out, value);
            out += 4;
          }
          positions += 4;
          if (positions >= stop) break;
          wanted = load<u32>(positions);
        }
        if (positions < stop && <u64>(wanted - <u32>base) < next) return -1;
      } else {
        if (valueSize > end - body) return -1;
        const value = runValue(body, valueSize);
        if (value >= limit) return -1;
        const step = isKept ? <usize>load<u8>(matches + value) << 2 : 4;
        do {
          store<u32>(out, isKept ? wanted : value);
          out += step;
          positions += 4;
          if (positions >= stop) break;
          wanted = load<u32>(positions);
        } while (<u64>(wanted - <u32>base) < next);
      }
      if (positions >= stop) break;
    }
    position = next;
    at = runEnd(header, body, width, end);
  }
  store<u32>(cursor, <u32>(at - source));
  store<u32>(cursor, <u32>position, 4);
  return greatest >= limit ? -1 : <i32>((out - start) >> 2);
}

/** Sets matches[entries[i]] to 1. */
export function parquetMarkEntries(entries: usize, count: i32, matches: usize): void {
  const end = entries + (<usize>count << 2);
  for (; entries < end; entries += 4) store<u8>(matches + load<u32>(entries), 1);
}

/** The slots that a bitmap sets, as the values of a page fill them: out[i] = base + slot of value ranks[i], ascending. */
export function parquetSlotsOfValues(bitmap: usize, ranks: usize, count: i32, base: i32, out: usize): void {
  let at = bitmap;
  let before: u32 = 0;
  let word = load<u64>(at);
  let bits = <u32>popcnt(word);
  let done: u32 = 0;
  for (let i = 0; i < count; i++) {
    const rank = load<u32>(ranks + (<usize>i << 2));
    while (before + bits <= rank) {
      before += bits;
      at += 8;
      word = load<u64>(at);
      bits = <u32>popcnt(word);
      done = 0;
    }
    // The lowest bit that is left belongs to value before + done.
    for (; before + done < rank; done++) word &= word - 1;
    store<u32>(out + (<usize>i << 2), <u32>((at - bitmap) << 3) + <u32>ctz(word) + <u32>base);
  }
}

/**
 * Tells of ascending slots which hold a value, and which of the page's values that is.
 *   bitmap       of the page's slots, 8 bytes past it are readable
 *   slots        u32[count]
 *   ranks        receives u32, one per slot that holds a value; may be `slots`
 *   out, outBit  receives a bit per slot from bit outBit on; other bits are kept
 * Returns how many hold a value.
 */
export function parquetValuesOfSlots(bitmap: usize, slots: usize, count: i32, ranks: usize, out: usize, outBit: i32): i32 {
  const start = ranks;
  let at: usize = 0;
  let before: u32 = 0;
  for (let i = 0; i < count; i++) {
    const slot = load<u32>(slots + (<usize>i << 2));
    for (; at < <usize>(slot >> 6); at++) before += <u32>popcnt(load<u64>(bitmap + (at << 3)));
    const word = load<u64>(bitmap + (at << 3));
    const bit: u64 = <u64>1 << (slot & 63);
    const isPresent = (word & bit) != 0;
    store<u32>(ranks, before + <u32>popcnt(word & (bit - 1)));
    ranks += <usize>isPresent << 2;
    const target = <u32>(outBit + i);
    const address = out + (target >> 3);
    const mask = <u8>(<u32>1 << (target & 7));
    store<u8>(address, isPresent ? load<u8>(address) | mask : load<u8>(address) & ~mask);
  }
  return <i32>((ranks - start) >> 2);
}

/**
 * Finds PLAIN byte arrays (u32 length, bytes) at ascending positions.
 *   source     sourceLength bytes; 8 past them are readable
 *   positions  u32[count]
 *   starts     receives u32[count]: where in `source` the bytes of each begin
 *   offsets    receives i32[count]: the end of each behind the bytes of those before it, plus `base`
 * Returns the bytes of all of them, or -1 where the source ends before the last of them.
 */
export function parquetFindBytes(source: usize, sourceLength: i32, positions: usize, count: i32, base: i32, starts: usize, offsets: usize): i32 {
  const end = <u64>sourceLength;
  let at: u64 = 0;
  let position: u32 = 0;
  let total: u32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const wanted = load<u32>(positions + (i << 2));
    for (; position < wanted; position++) {
      if (at + 4 > end) return -1;
      at += 4 + <u64>load<u32>(source + <usize>at);
    }
    if (at + 4 > end) return -1;
    const length = load<u32>(source + <usize>at);
    if (<u64>length > end - at - 4) return -1;
    store<u32>(starts + (i << 2), <u32>at + 4);
    total += length;
    store<i32>(offsets + (i << 2), base + <i32>total);
    at += 4 + <u64>length;
    position++;
  }
  return <i32>total;
}

/**
 * Copies the byte arrays that parquetFindBytes found behind each other to `out`, which has room for 16 bytes more;
 * 16 bytes past `source` are readable. `offsets` holds i32[count + 1], the first of them where `out` begins.
 */
export function parquetCopyBytes(source: usize, starts: usize, offsets: usize, count: i32, out: usize): void {
  const base = load<i32>(offsets);
  for (let i: usize = 0; i < <usize>count; i++) {
    const from = load<i32>(offsets + (i << 2)) - base;
    const length = <usize>(load<i32>(offsets + (i << 2), 4) - base - from);
    const target = out + <usize>from;
    const at = source + <usize>load<u32>(starts + (i << 2));
    if (length <= 192) {
      for (let k: usize = 0; k < length; k += 16) v128.store(target + k, v128.load(at + k));
    } else memory.copy(target, at, length);
  }
}
