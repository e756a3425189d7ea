/**
 * Sort keys as words. A row's key is a sequence of u64 words that compares, word by word as unsigned integers, like
 * the row: the first difference decides, and equal sequences mean equal keys. No key is a proper prefix of another.
 *
 * Fixed-width parts are fields of bits, counted from the most significant bit of a row's first word on; a field may
 * straddle two words. Text takes whole words of 7 bytes, with the number of bytes in the low byte, or MORE where the
 * text goes on, so that a text sorts after its own prefixes whatever bytes follow.
 *
 * Where a row's words start: `cursors` is u32[length] of word positions, or 0 where rows are `stride` words apart.
 * `words` is zeroed before the first field is put. `validity` is an Arrow bitmap from bit 0, or 0 for "no nulls";
 * null rows are left at zero.
 */

/** Low byte of a text word that is not the last: more than the 7 bytes that any last word can hold. */
const MORE: u64 = 8;
const WORD_BYTES: i32 = 7;

@inline
function isValid(validity: usize, row: usize): bool {
  return ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) != 0;
}

@inline
function wordsOf(words: usize, cursors: usize, stride: i32, row: usize): usize {
  return words + ((cursors == 0 ? row * <usize>stride : <usize>load<u32>(cursors + (row << 2))) << 3);
}

/**
 * A value as an unsigned integer of its width whose order is the value's: integers biased, floats by sign and
 * magnitude (the order of IEEE 754 totalOrder, except that zeros are equal and every NaN is one greatest value).
 */
@inline
function ordered<T>(value: T): u64 {
  if (isFloat<T>()) {
    if (sizeof<T>() == 4) {
      if (value != value) return 0xffc00000;
      const bits = reinterpret<u32>(<f32>value + <f32>0); // -0 + 0 = 0
      return <u64>(bits ^ (<u32>(<i32>bits >> 31) | 0x80000000));
    }
    if (value != value) return 0xfff8000000000000;
    const bits = reinterpret<u64>(<f64>value + 0.0);
    return bits ^ (<u64>(<i64>bits >> 63) | 0x8000000000000000);
  }
  if (isSigned<T>()) return (<u64>value ^ (<u64>1 << (sizeof<T>() * 8 - 1))) & (<u64>-1 >> (64 - sizeof<T>() * 8));
  return <u64>value;
}

/** range[0], range[1] = least and greatest ordered value of the rows that are not null; greatest first where none is. */
@inline
function keyRange<T>(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  let least: u64 = u64.MAX_VALUE;
  let greatest: u64 = 0;
  for (let row: usize = 0; row < <usize>length; row++, values += <usize>step) {
    if (validity != 0 && !isValid(validity, row)) continue;
    const value = ordered<T>(load<T>(values));
    least = min<u64>(least, value);
    greatest = max<u64>(greatest, value);
  }
  store<u64>(range, least);
  store<u64>(range, greatest, 8);
}

@inline
function putField(at: usize, shift: i32, field: u64): void {
  // shift < 0: the field's last -shift bits go to the next word.
  if (shift >= 0) store<u64>(at, load<u64>(at) | (field << shift));
  else {
    store<u64>(at, load<u64>(at) | (field >> -shift));
    store<u64>(at, load<u64>(at, 8) | (field << (64 + shift)), 8);
  }
}

/** field = ordered value - base, or its complement within `bits` where `flip` is set. */
@inline
function keyPut<T>(
  values: usize,
  step: i32,
  validity: usize,
  length: i32,
  base: u64,
  flip: bool,
  bits: i32,
  bitOffset: i32,
  cursors: usize,
  stride: i32,
  words: usize,
): void {
  const complement: u64 = flip ? <u64>-1 >> (64 - bits) : 0;
  const target = words + ((<usize>(bitOffset >> 6)) << 3);
  const shift = 64 - (bitOffset & 63) - bits;
  for (let row: usize = 0; row < <usize>length; row++, values += <usize>step) {
    if (validity != 0 && !isValid(validity, row)) continue;
    const field = (ordered<T>(load<T>(values)) - base) ^ complement;
    putField(wordsOf(target, cursors, stride, row), shift, field);
  }
}

export function sortKeyRangeI8(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<i8>(values, step, validity, length, range);
}
export function sortKeyRangeI16(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<i16>(values, step, validity, length, range);
}
export function sortKeyRangeI32(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<i32>(values, step, validity, length, range);
}
export function sortKeyRangeI64(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<i64>(values, step, validity, length, range);
}
export function sortKeyRangeU8(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<u8>(values, step, validity, length, range);
}
export function sortKeyRangeU16(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<u16>(values, step, validity, length, range);
}
export function sortKeyRangeU32(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<u32>(values, step, validity, length, range);
}
export function sortKeyRangeU64(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<u64>(values, step, validity, length, range);
}
export function sortKeyRangeF32(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<f32>(values, step, validity, length, range);
}
export function sortKeyRangeF64(values: usize, step: i32, validity: usize, length: i32, range: usize): void {
  keyRange<f64>(values, step, validity, length, range);
}

export function sortKeyPutI8(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<i8>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutI16(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<i16>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutI32(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<i32>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutI64(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<i64>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutU8(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<u8>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutU16(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<u16>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutU32(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<u32>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutU64(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<u64>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutF32(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<f32>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}
export function sortKeyPutF64(
  values: usize, step: i32, validity: usize, length: i32, base: u64, flip: bool, bits: i32, bitOffset: i32,
  cursors: usize, stride: i32, words: usize,
): void {
  keyPut<f64>(values, step, validity, length, base, flip, bits, bitOffset, cursors, stride, words);
}

/** One bit per row of an Arrow bitmap, `flip` complementing it: bool values, and null flags with no validity. */
export function sortKeyPutBits(
  values: usize,
  validity: usize,
  length: i32,
  flip: bool,
  bitOffset: i32,
  cursors: usize,
  stride: i32,
  words: usize,
): void {
  const target = words + ((<usize>(bitOffset >> 6)) << 3);
  const shift = 63 - (bitOffset & 63);
  for (let row: usize = 0; row < <usize>length; row++) {
    if (validity != 0 && !isValid(validity, row)) continue;
    putField(wordsOf(target, cursors, stride, row), shift, <u64>(isValid(values, row) != flip));
  }
}

/** Words of a text of `byteLength` bytes of which the first `skip` are left out. */
@inline
function textWords(byteLength: i32): i32 {
  return byteLength <= WORD_BYTES ? 1 : (byteLength + WORD_BYTES - 1) / WORD_BYTES;
}

/**
 * counts[row] += words of the row's text without its first `skip` bytes; a null takes one word.
 *   offsets  i32[length + 1]
 */
export function sortKeyCountText(offsets: usize, validity: usize, length: i32, skip: i32, counts: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const byteLength = load<i32>(offsets + (row << 2), 4) - load<i32>(offsets + (row << 2)) - skip;
    const isNull = validity != 0 && !isValid(validity, row);
    const count = counts + (row << 2);
    store<u32>(count, load<u32>(count) + (isNull ? 1 : <u32>textWords(byteLength)));
  }
}

/** How many bytes every text that is not null starts with. */
export function sortKeyCommonPrefix(data: usize, offsets: usize, validity: usize, length: i32): i32 {
  let common: i32 = -1;
  let first: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    if (validity != 0 && !isValid(validity, row)) continue;
    const start = load<i32>(offsets + (row << 2));
    const byteLength = load<i32>(offsets + (row << 2), 4) - start;
    if (common < 0) {
      common = byteLength;
      first = data + <usize>start;
      continue;
    }
    common = min(common, byteLength);
    let i = 0;
    while (i < common && load<u8>(first + <usize>i) == load<u8>(data + <usize>(start + i))) i++;
    common = i;
    if (common == 0) return 0;
  }
  return max(common, 0);
}

/** Up to 7 bytes, the first one most significant, with zeros behind; never reads more than 8 bytes. */
@inline
function textWord(at: usize, byteLength: i32): u64 {
  const bytes = bswap<u64>(load<u64>(at)) & ~(<u64>0xff);
  return byteLength >= WORD_BYTES ? bytes : bytes & ~(<u64>-1 >> (byteLength << 3));
}

/**
 * Puts the texts at `fixedWords` words after each row's cursor, and moves the cursor behind them.
 * Reads up to 7 bytes past the last text.
 */
export function sortKeyPutText(
  data: usize,
  offsets: usize,
  validity: usize,
  length: i32,
  skip: i32,
  flip: bool,
  fixedWords: i32,
  cursors: usize,
  words: usize,
): void {
  const complement: u64 = flip ? <u64>-1 : 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = cursors + (row << 2);
    const position = load<u32>(cursor) + <u32>fixedWords;
    if (validity != 0 && !isValid(validity, row)) {
      store<u32>(cursor, position + 1);
      continue;
    }
    let out = words + ((<usize>position) << 3);
    const start = load<i32>(offsets + (row << 2)) + skip;
    let left = load<i32>(offsets + (row << 2), 4) - start;
    let at = data + <usize>start;
    for (; left > WORD_BYTES; left -= WORD_BYTES, at += WORD_BYTES, out += 8) {
      store<u64>(out, (textWord(at, left) | MORE) ^ complement);
    }
    store<u64>(out, (textWord(at, left) | <u64>left) ^ complement);
    store<u32>(cursor, <u32>((out - words) >> 3) + 1);
  }
}

/** Turns counts u32[length] into the positions where each row starts; positions[length] = the sum, also returned. */
export function sortKeyPositions(counts: usize, length: i32): u32 {
  let position: u32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const count = load<u32>(counts + (row << 2));
    store<u32>(counts + (row << 2), position);
    position += count;
  }
  store<u32>(counts + ((<usize>length) << 2), position);
  return position;
}

/** out[i] = value. */
export function sortKeyFill(out: usize, length: i32, value: u32): void {
  for (let i: usize = 0; i < <usize>length; i++) store<u32>(out + (i << 2), value);
}

/**
 * Order of two keys of `aWords` and `bWords` words (which differ only where a word before the shorter end differs):
 * below 0, 0 or above 0.
 */
@inline
export function sortKeyCompare(a: usize, aWords: i32, b: usize, bWords: i32): i32 {
  const count = min(aWords, bWords);
  for (let i: usize = 0; i < <usize>count; i++) {
    const left = load<u64>(a + (i << 3));
    const right = load<u64>(b + (i << 3));
    if (left != right) return left < right ? -1 : 1;
  }
  return 0;
}

/** A bit of 1 in every row. */
export function sortKeyPutConstant(length: i32, bitOffset: i32, cursors: usize, stride: i32, words: usize): void {
  const target = words + ((<usize>(bitOffset >> 6)) << 3);
  const shift = 63 - (bitOffset & 63);
  for (let row: usize = 0; row < <usize>length; row++) putField(wordsOf(target, cursors, stride, row), shift, 1);
}
