/**
 * Columns of text in Arrow layout. Each kernel writes the texts of the events at positions [first, first + count):
 *   settings  the block of settings.ts
 *   offsets   i32[count + 1], beginning with 0; rows of another event type are empty
 *   data      room for the longest possible texts of the type's rows, and 16 bytes more
 * Returns the bytes written.
 */
import { below, draw, GOLDEN, LENGTH, mix, mixLanes, startOf } from "./draws";
import { AUCTION, PERSON, typeOf } from "./numbers";
import { cityLength, eventNumber, letterOf, nameLength } from "./settings";

const BLANK: u8 = 32;

/** 16 letters of the words that begin in the lanes: each byte times 26, divided by 256, and "a" more. */
@inline
export function lettersOf(lanes: v128): v128 {
  const bytes = mixLanes(lanes);
  const times = i16x8.splat(26);
  const even = i16x8.shr_u(i16x8.mul(v128.and(bytes, i16x8.splat(255)), times), 8);
  const odd = v128.and(i16x8.mul(i16x8.shr_u(bytes, 8), times), i16x8.splat(-256));
  return i8x16.add(v128.or(even, odd), i8x16.splat(97));
}

/** Writes `length` letters, and up to 15 bytes more behind them. */
@inline
function writeLetters(start: u32, length: u32, out: usize): void {
  let lanes = i32x4.add(i32x4.splat(start), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(GOLDEN)));
  for (let written: u32 = 0; written < length; written += 16) {
    v128.store(out + written, lettersOf(lanes));
    lanes = i32x4.add(lanes, i32x4.splat(4 * GOLDEN));
  }
}

/** Writes letters and blanks without those at the ends; returns the length. */
@inline
function writeWords(settings: usize, start: u32, length: u32, out: usize): u32 {
  let word: u32 = 0;
  let written: u32 = 0;
  let trimmed: u32 = 0;
  for (let i: u32 = 0; i < length; i++, word >>= 8) {
    if ((i & 3) == 0) word = mix(start + (i >> 2) * GOLDEN);
    const letter = letterOf(settings, word & 255);
    if (letter == BLANK && written == 0) continue;
    store<u8>(out + written++, letter);
    if (letter != BLANK) trimmed = written;
  }
  return trimmed;
}

@inline
function wordsLength(start: u32, field: u32, most: u32): u32 {
  return 3 + below(draw(start, field + LENGTH), most - 3);
}

@inline
function extraLength(start: u32, field: u32, size: u32, average: u32): u32 {
  if (size > average) return 0;
  const missing = average - size;
  const spread = (missing * 2 + 5) / 10;
  return missing - spread + (spread == 0 ? 0 : below(draw(start, field + LENGTH), 2 * spread));
}

/** Names (`field` 14, `most` 20) and descriptions (15, 100) of auctions. */
export function auctionWords(
  settings: usize,
  first: u32,
  count: i32,
  field: u32,
  most: u32,
  offsets: usize,
  data: usize,
): u32 {
  let end: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    if (typeOf(number) == AUCTION) {
      const start = startOf(settings, number);
      end += writeWords(settings, draw(start, field), wordsLength(start, field, most), data + end);
    }
    store<u32>(offsets + (<usize>i << 2), end, 4);
  }
  return end;
}

export function auctionExtras(settings: usize, first: u32, count: i32, offsets: usize, data: usize): u32 {
  let end: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    if (typeOf(number) == AUCTION) {
      const start = startOf(settings, number);
      const size = 48 + wordsLength(start, 14, 20) + wordsLength(start, 15, 100);
      const length = extraLength(start, 16, size, 500);
      writeLetters(draw(start, 16), length, data + end);
      end += length;
    }
    store<u32>(offsets + (<usize>i << 2), end, 4);
  }
  return end;
}

export function emailAddresses(settings: usize, first: u32, count: i32, offsets: usize, data: usize): u32 {
  let end: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    if (typeOf(number) == PERSON) {
      const start = startOf(settings, number);
      end += writeWords(settings, draw(start, 2), wordsLength(start, 2, 7), data + end);
      store<u8>(data + end++, 64); // @
      end += writeWords(settings, draw(start, 3), wordsLength(start, 3, 5), data + end);
      store<u32>(data + end, 0x6d6f632e); // .com
      end += 4;
    }
    store<u32>(offsets + (<usize>i << 2), end, 4);
  }
  return end;
}

export function creditCards(settings: usize, first: u32, count: i32, offsets: usize, data: usize): u32 {
  let end: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    if (typeOf(number) == PERSON) {
      const card = draw(startOf(settings, number), 4);
      for (let part: u32 = 0; part < 4; part++) {
        const digits = below(mix(card + part * GOLDEN), 10000);
        if (part > 0) store<u8>(data + end++, BLANK);
        store<u8>(data + end, <u8>(48 + digits / 1000));
        store<u8>(data + end, <u8>(48 + ((digits / 100) % 10)), 1);
        store<u8>(data + end, <u8>(48 + ((digits / 10) % 10)), 2);
        store<u8>(data + end, <u8>(48 + (digits % 10)), 3);
        end += 4;
      }
    }
    store<u32>(offsets + (<usize>i << 2), end, 4);
  }
  return end;
}

/** Fillers of persons; their sizes depend on names and cities, of which there are `names` and `cities`. */
export function personExtras(
  settings: usize,
  first: u32,
  count: i32,
  names: u32,
  cities: u32,
  offsets: usize,
  data: usize,
): u32 {
  let end: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < <u32>count; i++) {
    const number = eventNumber(settings, first + i);
    if (typeOf(number) == PERSON) {
      const start = startOf(settings, number);
      const name = nameLength(settings, below(draw(start, 1), names));
      const city = cityLength(settings, below(draw(start, 5), cities));
      const email = wordsLength(start, 2, 7) + wordsLength(start, 3, 5) + 5;
      const length = extraLength(start, 7, 8 + name + email + 19 + city + 2, 200);
      writeLetters(draw(start, 7), length, data + end);
      end += length;
    }
    store<u32>(offsets + (<usize>i << 2), end, 4);
  }
  return end;
}
