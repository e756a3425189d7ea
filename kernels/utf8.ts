// Is text well-formed UTF-8 (RFC 3629: no overlong forms, surrogates or code points past U+10FFFF)?
// Sixteen bytes at a time: J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per byte", Software:
// Practice and Experience 51(5), 2021; classes of errors and tables as in its section 6.

const TOO_SHORT: u8 = 1; // a lead byte without its continuation
const TOO_LONG: u8 = 2; // a continuation behind ASCII
const OVERLONG_3: u8 = 4;
const TOO_LARGE: u8 = 8;
const SURROGATE: u8 = 16;
const OVERLONG_2: u8 = 32;
const TOO_LARGE_1000: u8 = 64;
const OVERLONG_4: u8 = 64;
const TWO_CONTINUATIONS: u8 = 128;
const CARRY: u8 = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS;
const LARGE: u8 = CARRY | TOO_LARGE | TOO_LARGE_1000;

/** Loaded at 16 - n, its first n bytes are ones. */
// prettier-ignore
const FIRST_BYTES = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0,
]);

/**
 * Finds the first string that is not UTF-8.
 *   offsets  i32[rows + 1] into `data`
 *   data     readable for 15 bytes past the last string
 * Returns its row, -1 where all are.
 */
export function utf8FirstInvalid(data: usize, offsets: usize, rows: i32): i32 {
  const first = load<i32>(offsets);
  const last = load<i32>(offsets + (<usize>rows << 2));
  const kind = kindOfText(data + <usize>first, last - first);
  if (kind == ASCII) return -1;
  if (kind == UTF8 && startsAreCharacters(data, offsets, rows, last)) return -1;
  for (let row = 0; row < rows; row++) {
    const at = offsets + (<usize>row << 2);
    if (!isUtf8(data + <usize>load<i32>(at), data + <usize>load<i32>(at, 4))) return row;
  }
  return -1;
}

/** Whether no string begins within a character: with all of them together valid, each is. */
function startsAreCharacters(data: usize, offsets: usize, rows: i32, last: i32): bool {
  for (let row = 1; row < rows; row++) {
    const start = load<i32>(offsets + (<usize>row << 2));
    if (start < last && (load<u8>(data + <usize>start) & 0xc0) == 0x80) return false;
  }
  return true;
}

const ASCII: i32 = 0;
const UTF8: i32 = 1;
const INVALID: i32 = 2;

/** One text, readable for 15 bytes past its end. */
function kindOfText(at: usize, length: i32): i32 {
  const end = at + <usize>length;
  let kind = ASCII;
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  // Whether `before` may end within a character.
  let isOpen = false;
  for (; at + 64 <= end; at += 64) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    if (i8x16.bitmask(v128.or(v128.or(a, b), v128.or(c, d))) == 0) {
      if (isOpen) errors = v128.or(errors, errorsIn(before, a));
      isOpen = false;
    } else {
      if (!isOpen) before = i8x16.splat(0);
      errors = v128.or(errors, v128.or(errorsIn(before, a), errorsIn(a, b)));
      errors = v128.or(errors, v128.or(errorsIn(b, c), errorsIn(c, d)));
      before = d;
      isOpen = true;
      kind = UTF8;
    }
  }
  if (!isOpen) before = i8x16.splat(0);
  for (; at < end; at += 16) {
    const left = end - at;
    let text = v128.load(at);
    if (left < 16) text = v128.and(text, v128.load(FIRST_BYTES + 16 - left));
    if (i8x16.bitmask(text) != 0) kind = UTF8;
    errors = v128.or(errors, errorsIn(before, text));
    before = text;
  }
  // Zeros behind the end: a character that is cut off is too short.
  errors = v128.or(errors, errorsIn(before, i8x16.splat(0)));
  return v128.any_true(errors) ? INVALID : kind;
}

/** Bits where `text`, which follows `before`, is wrong. */
@inline
function errorsIn(before: v128, text: v128): v128 {
  const back1 = v128.shuffle<u8>(before, text, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  const back2 = v128.shuffle<u8>(before, text, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  const back3 = v128.shuffle<u8>(before, text, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  const pairs = v128.and(
    v128.and(byHighOfFirst(i8x16.shr_u(back1, 4)), byLowOfFirst(v128.and(back1, i8x16.splat(15)))),
    byHighOfSecond(i8x16.shr_u(text, 4)),
  );
  // The third and fourth byte of a character are the only places where two continuations in a row are right.
  const third = i8x16.sub_sat_u(back2, i8x16.splat(0x60));
  const fourth = i8x16.sub_sat_u(back3, i8x16.splat(0x70));
  const due = v128.and(v128.or(third, fourth), i8x16.splat(-128));
  return v128.xor(due, pairs);
}

@inline
function byHighOfFirst(nibbles: v128): v128 {
  return i8x16.swizzle(
    i8x16(
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      TOO_LONG,
      <i8>TWO_CONTINUATIONS,
      <i8>TWO_CONTINUATIONS,
      <i8>TWO_CONTINUATIONS,
      <i8>TWO_CONTINUATIONS,
      TOO_SHORT | OVERLONG_2,
      TOO_SHORT,
      TOO_SHORT | OVERLONG_3 | SURROGATE,
      TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
    ),
    nibbles,
  );
}

@inline
function byLowOfFirst(nibbles: v128): v128 {
  return i8x16.swizzle(
    i8x16(
      <i8>(CARRY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4),
      <i8>(CARRY | OVERLONG_2),
      <i8>CARRY,
      <i8>CARRY,
      <i8>(CARRY | TOO_LARGE),
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>LARGE,
      <i8>(LARGE | SURROGATE),
      <i8>LARGE,
      <i8>LARGE,
    ),
    nibbles,
  );
}

@inline
function byHighOfSecond(nibbles: v128): v128 {
  return i8x16.swizzle(
    i8x16(
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      <i8>(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4),
      <i8>(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE),
      <i8>(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE),
      <i8>(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE),
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
      TOO_SHORT,
    ),
    nibbles,
  );
}

/** One text, byte by byte. Unicode Standard, table 3-7: well-formed UTF-8 byte sequences. */
export function isUtf8(from: usize, to: usize): bool {
  let at = from;
  while (at < to) {
    const lead = <u32>load<u8>(at++);
    if (lead < 0x80) continue;
    let more = 1;
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    if (lead < 0xc2 || lead > 0xf4) return false;
    if (lead >= 0xf0) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else if (lead >= 0xe0) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    }
    if (at + more > to) return false;
    const second = <u32>load<u8>(at++);
    if (second < low || second > high) return false;
    for (; more > 1; more--) {
      if ((load<u8>(at++) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}
