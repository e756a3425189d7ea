/**
 * Functions of UTF-8 columns.
 *
 * Shared contract:
 *   data, offsets  bytes and i32[length + 1]; a single operand has one row and step 0 ("Single" flags)
 *   starts, ends   i32[length] byte positions in `data`, start <= end
 *   Text is valid UTF-8 and may be read up to 64 bytes past its end. Rows that are null hold valid offsets as well.
 */

@inline
function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

/** Bytes of the code point that starts with `lead`. */
@inline
function sequenceLength(lead: u8): i32 {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

@inline
function offsetAt(offsets: usize, row: i32): i32 {
  return load<i32>(offsets + (<usize>row << 2));
}

@inline
function setBit(out: usize, row: i32, value: bool): void {
  const address = out + (row >>> 3);
  const byte = (row & 7) == 0 ? <u8>0 : load<u8>(address);
  store<u8>(address, byte | (<u8>value << <u8>(row & 7)));
}

/** Code points in [from, to). */
function countCodePoints(from: usize, to: usize): i32 {
  let count = 0;
  let at = from;
  const limit = i8x16.splat(-65);
  for (; at + 16 <= to; at += 16) {
    // As signed bytes, continuation bytes are -128..-65.
    count += popcnt<i32>(i8x16.bitmask(i8x16.gt_s(v128.load(at), limit)));
  }
  for (; at < to; at++) count += isContinuation(load<u8>(at)) ? 0 : 1;
  return count;
}

/** out i32[length]: bytes per row. */
export function stringByteLengths(offsets: usize, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    store<i32>(out + (<usize>row << 2), offsetAt(offsets, row + 1) - offsetAt(offsets, row));
  }
}

/** out i32[length]: code points per row. */
export function stringLengths(data: usize, offsets: usize, length: i32, out: usize): void {
  let from = offsetAt(offsets, 0);
  for (let row = 0; row < length; row++) {
    const to = offsetAt(offsets, row + 1);
    store<i32>(out + (<usize>row << 2), countCodePoints(data + from, data + to));
    from = to;
  }
}

/** Whether all bytes in [from, from + byteLength) are ASCII. */
export function stringIsAscii(from: usize, byteLength: i32): bool {
  let at = from;
  const end = from + <usize>byteLength;
  for (; at + 16 <= end; at += 16) if (i8x16.bitmask(v128.load(at)) != 0) return false;
  for (; at < end; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}

/** Copies ASCII bytes with letters in upper (1) or lower (0) case; `out` owns byteLength rounded up to 16. */
export function stringAsciiCase(isUpper: bool, from: usize, byteLength: i32, out: usize): void {
  const low = i8x16.splat(isUpper ? 0x61 : 0x41);
  const high = i8x16.splat(isUpper ? 0x7a : 0x5a);
  const bit = i8x16.splat(0x20);
  for (let at: usize = 0; at < <usize>byteLength; at += 16) {
    const bytes = v128.load(from + at);
    const isLetter = v128.and(i8x16.ge_u(bytes, low), i8x16.le_u(bytes, high));
    v128.store(out + at, v128.xor(bytes, v128.and(isLetter, bit)));
  }
}

/** Offsets of ranges laid end to end; returns the total (f64, may pass 2 GiB, which the caller refuses). */
export function stringRangeOffsets(starts: usize, ends: usize, length: i32, outOffsets: usize): f64 {
  let total: u64 = 0;
  store<i32>(outOffsets, 0);
  for (let row = 0; row < length; row++) {
    total += <u64>(offsetAt(ends, row) - offsetAt(starts, row));
    store<i32>(outOffsets + (<usize>(row + 1) << 2), <i32>total);
  }
  return <f64>total;
}

/** Copies ranges end to end; `out` owns the total plus 16 bytes. */
export function stringCopyRanges(data: usize, starts: usize, ends: usize, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    const start = offsetAt(starts, row);
    const size = offsetAt(ends, row) - start;
    if (size <= 16) v128.store(out, v128.load(data + start));
    else memory.copy(out, data + start, size);
    out += size;
  }
}

/**
 * Ranges without the characters of a set at the ends: sides 1 start, 2 end, 3 both.
 *   characters  the set as UTF-8 text of `charactersLength` bytes
 */
export function stringTrim(data: usize, offsets: usize, length: i32, characters: usize, charactersLength: i32, sides: i32, starts: usize, ends: usize): void {
  for (let row = 0; row < length; row++) {
    let from = offsetAt(offsets, row);
    let to = offsetAt(offsets, row + 1);
    if (sides & 1) {
      while (from < to) {
        const size = sequenceLength(load<u8>(data + from));
        if (!isInSet(data + from, size, characters, charactersLength)) break;
        from += size;
      }
    }
    if (sides & 2) {
      while (from < to) {
        let start = to - 1;
        while (start > from && isContinuation(load<u8>(data + start))) start--;
        if (!isInSet(data + start, to - start, characters, charactersLength)) break;
        to = start;
      }
    }
    store<i32>(starts + (<usize>row << 2), from);
    store<i32>(ends + (<usize>row << 2), to);
  }
}

function isInSet(at: usize, size: i32, characters: usize, charactersLength: i32): bool {
  const first = load<u8>(at);
  for (let i = 0; i < charactersLength; ) {
    const candidate = load<u8>(characters + i);
    const candidateSize = sequenceLength(candidate);
    if (candidate == first && candidateSize == size && memory.compare(at, characters + i, size) == 0) return true;
    i += candidateSize;
  }
  return false;
}

/** Byte position `count` code points after `from`, at most `to`. */
@inline
function skipForward(data: usize, from: i32, to: i32, count: i64): i32 {
  while (count > 0 && from < to) {
    from += sequenceLength(load<u8>(data + from));
    count--;
  }
  return from;
}

/** Byte position `count` code points before `to`, at least `from`; `left` gets what is missing. */
@inline
function skipBackward(data: usize, from: i32, to: i32, count: i64): i32 {
  while (count > 0 && to > from) {
    to--;
    while (to > from && isContinuation(load<u8>(data + to))) to--;
    count--;
  }
  return to;
}

/**
 * Ranges of substrings: from code point `first` (1 is the first; 0 and below count the part before the text; with
 * `fromEnd`, negative ones count from the end) over `count` code points.
 *   first, count  i64[length] or one; count address 0 means to the end; negative counts are empty
 */
export function stringSubstring(
  data: usize,
  offsets: usize,
  dataSingle: bool,
  first: usize,
  firstSingle: bool,
  count: usize,
  countSingle: bool,
  length: i32,
  starts: usize,
  ends: usize,
): void {
  for (let row = 0; row < length; row++) {
    const textRow = dataSingle ? 0 : row;
    const from = offsetAt(offsets, textRow);
    const to = offsetAt(offsets, textRow + 1);
    const position = load<i64>(first + (firstSingle ? 0 : <usize>row << 3));
    let wanted = count == 0 ? i64.MAX_VALUE : load<i64>(count + (countSingle ? 0 : <usize>row << 3));
    let start: i32;
    if (position > 0) start = skipForward(data, from, to, position - 1);
    else if (position < 0) {
      start = skipBackward(data, from, to, 0 - position);
      // Before the first code point, the part that lies outside is used up first.
      const present = start == from ? <i64>countCodePoints(data + from, data + to) : 0 - position;
      const missing = 0 - position - present;
      if (count != 0 && missing > 0) wanted -= missing;
    } else {
      start = from;
      if (count != 0) wanted--;
    }
    const end = wanted <= 0 ? start : wanted > <i64>(to - start) ? to : skipForward(data, start, to, wanted);
    store<i32>(starts + (<usize>row << 2), start);
    store<i32>(ends + (<usize>row << 2), end);
  }
}

/** Ranges of the first (or, with `fromEnd`, last) `count` code points; a negative count leaves out that many at the other end. */
export function stringEdge(fromEnd: bool, data: usize, offsets: usize, dataSingle: bool, count: usize, countSingle: bool, length: i32, starts: usize, ends: usize): void {
  for (let row = 0; row < length; row++) {
    const textRow = dataSingle ? 0 : row;
    let from = offsetAt(offsets, textRow);
    let to = offsetAt(offsets, textRow + 1);
    const wanted = load<i64>(count + (countSingle ? 0 : <usize>row << 3));
    if (fromEnd) from = wanted >= 0 ? skipBackward(data, from, to, wanted) : skipForward(data, from, to, 0 - wanted);
    else to = wanted >= 0 ? skipForward(data, from, to, wanted) : skipBackward(data, from, to, 0 - wanted);
    store<i32>(starts + (<usize>row << 2), from);
    store<i32>(ends + (<usize>row << 2), to);
  }
}

/** First position of the needle in [from, to), or -1 (as usize.MAX). An empty needle is at `from`. */
function find(from: usize, to: usize, needle: usize, needleLength: i32): usize {
  if (needleLength == 0) return from;
  if (to - from < <usize>needleLength || to < from) return usize.MAX_VALUE;
  const last = to - needleLength;
  const first = load<u8>(needle);
  const splat = i8x16.splat(first);
  let at = from;
  while (at <= last) {
    // 16 candidates for the first byte at a time; those past `last` are cut off.
    let mask = <u32>i8x16.bitmask(i8x16.eq(v128.load(at), splat));
    if (at + 15 > last) mask &= (<u32>1 << <u32>(last - at + 1)) - 1;
    while (mask != 0) {
      const candidate = at + <usize>ctz<u32>(mask);
      if (memory.compare(candidate, needle, needleLength) == 0) return candidate;
      mask &= mask - 1;
    }
    at += 16;
  }
  return usize.MAX_VALUE;
}

/** Bits: 0 starts with, 1 ends with, 2 contains the other text. */
export function stringTest(
  test: i32,
  data: usize,
  offsets: usize,
  dataSingle: bool,
  otherData: usize,
  otherOffsets: usize,
  otherSingle: bool,
  length: i32,
  out: usize,
): void {
  for (let row = 0; row < length; row++) {
    const textRow = dataSingle ? 0 : row;
    const otherRow = otherSingle ? 0 : row;
    const from = offsetAt(offsets, textRow);
    const to = offsetAt(offsets, textRow + 1);
    const needle = otherData + offsetAt(otherOffsets, otherRow);
    const needleLength = offsetAt(otherOffsets, otherRow + 1) - offsetAt(otherOffsets, otherRow);
    let holds: bool;
    if (test == 2) holds = find(data + from, data + to, needle, needleLength) != usize.MAX_VALUE;
    else {
      const at = test == 0 ? from : to - needleLength;
      holds = needleLength <= to - from && memory.compare(data + at, needle, needleLength) == 0;
    }
    setBit(out, row, holds);
  }
}

/** out i32[length]: code point position of the other text, from 1; 0 where it does not occur. */
export function stringPosition(
  data: usize,
  offsets: usize,
  dataSingle: bool,
  otherData: usize,
  otherOffsets: usize,
  otherSingle: bool,
  length: i32,
  out: usize,
): void {
  for (let row = 0; row < length; row++) {
    const textRow = dataSingle ? 0 : row;
    const otherRow = otherSingle ? 0 : row;
    const from = data + offsetAt(offsets, textRow);
    const to = data + offsetAt(offsets, textRow + 1);
    const start = offsetAt(otherOffsets, otherRow);
    const at = find(from, to, otherData + start, offsetAt(otherOffsets, otherRow + 1) - start);
    store<i32>(out + (<usize>row << 2), at == usize.MAX_VALUE ? 0 : countCodePoints(from, at) + 1);
  }
}

const ANY_TEXT: u8 = 0xff;
const ANY_CODE_POINT: u8 = 0xfe;

/**
 * Bits of a LIKE pattern: bytes that stand for themselves, 0xff for any text, 0xfe for one code point.
 * Greedy with one point to come back to, so the time is at most text times pattern.
 */
export function stringLike(data: usize, offsets: usize, pattern: usize, patternLength: i32, length: i32, out: usize): void {
  for (let row = 0; row < length; row++) {
    setBit(out, row, matches(data + offsetAt(offsets, row), data + offsetAt(offsets, row + 1), pattern, pattern + patternLength));
  }
}

function matches(at: usize, end: usize, pattern: usize, patternEnd: usize): bool {
  let resumePattern: usize = 0;
  let resumeAt: usize = 0;
  while (at < end) {
    const wanted = pattern < patternEnd ? load<u8>(pattern) : 0;
    if (pattern < patternEnd && wanted == ANY_TEXT) {
      pattern++;
      // The literal text up to the next special byte is searched for; what follows a second % needs no coming back.
      let run = pattern;
      while (run < patternEnd && load<u8>(run) < ANY_CODE_POINT) run++;
      const runLength = <i32>(run - pattern);
      if (run == patternEnd) {
        return <usize>runLength <= end - at && memory.compare(end - runLength, pattern, runLength) == 0;
      }
      const found = find(at, end, pattern, runLength);
      if (found == usize.MAX_VALUE) return false;
      if (load<u8>(run) == ANY_TEXT) {
        at = found + runLength;
        pattern = run;
        resumePattern = 0;
      } else {
        resumePattern = pattern;
        resumeAt = found;
        at = found;
      }
    } else if (pattern < patternEnd && wanted == ANY_CODE_POINT) {
      pattern++;
      at += sequenceLength(load<u8>(at));
    } else if (pattern < patternEnd && wanted == load<u8>(at)) {
      pattern++;
      at++;
    } else if (resumePattern != 0) {
      // The last % takes one more code point.
      resumeAt += sequenceLength(load<u8>(resumeAt));
      at = resumeAt;
      pattern = resumePattern;
    } else return false;
  }
  while (pattern < patternEnd && load<u8>(pattern) == ANY_TEXT) pattern++;
  return pattern == patternEnd;
}

/** lengths[row] += bytes of the row; a null row adds nothing. For concatenation. */
export function stringAddLengths(offsets: usize, isSingle: bool, validity: usize, length: i32, lengths: usize): void {
  const single = offsetAt(offsets, 1) - offsetAt(offsets, 0);
  for (let row = 0; row < length; row++) {
    if (validity != 0 && ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) == 0) continue;
    const at = lengths + (<usize>row << 2);
    store<i32>(at, load<i32>(at) + (isSingle ? single : offsetAt(offsets, row + 1) - offsetAt(offsets, row)));
  }
}

/** Offsets from lengths; returns the total as f64, for the caller to check against 2 GiB. */
export function stringOffsetsOf(lengths: usize, length: i32, outOffsets: usize): f64 {
  let total: u64 = 0;
  store<i32>(outOffsets, 0);
  for (let row = 0; row < length; row++) {
    total += <u64>(<u32>offsetAt(lengths, row));
    store<i32>(outOffsets + (<usize>(row + 1) << 2), <i32>total);
  }
  return <f64>total;
}

/** Appends each row's text at its cursor (i32 position in `out`), and moves the cursor on. */
export function stringAppend(data: usize, offsets: usize, isSingle: bool, validity: usize, length: i32, cursors: usize, out: usize): void {
  for (let row = 0; row < length; row++) {
    if (validity != 0 && ((load<u8>(validity + (row >>> 3)) >> <u8>(row & 7)) & 1) == 0) continue;
    const textRow = isSingle ? 0 : row;
    const start = offsetAt(offsets, textRow);
    const size = offsetAt(offsets, textRow + 1) - start;
    const cursor = offsetAt(cursors, row);
    memory.copy(out + cursor, data + start, size);
    store<i32>(cursors + (<usize>row << 2), cursor + size);
  }
}

/**
 * Replaces every occurrence of one text by another. With `out` 0 it only fills lengths i32[length] of the results;
 * else it writes them end to end at `out`.
 */
export function stringReplace(
  data: usize,
  offsets: usize,
  length: i32,
  search: usize,
  searchLength: i32,
  replacement: usize,
  replacementLength: i32,
  lengths: usize,
  out: usize,
): void {
  for (let row = 0; row < length; row++) {
    let from = data + offsetAt(offsets, row);
    const to = data + offsetAt(offsets, row + 1);
    let size: usize = 0;
    while (true) {
      const found = searchLength == 0 ? usize.MAX_VALUE : find(from, to, search, searchLength);
      const until = found == usize.MAX_VALUE ? to : found;
      if (out != 0) {
        memory.copy(out, from, until - from);
        out += until - from;
      }
      size += until - from;
      if (found == usize.MAX_VALUE) break;
      if (out != 0) {
        memory.copy(out, replacement, replacementLength);
        out += replacementLength;
      }
      size += replacementLength;
      from = found + searchLength;
    }
    if (out == 0) store<i32>(lengths + (<usize>row << 2), <i32>size);
  }
}

/** Ranges of part `index` (1 is the first, -1 the last) between separators; an empty range where there is none. */
export function stringSplitPart(data: usize, offsets: usize, length: i32, separator: usize, separatorLength: i32, index: i32, starts: usize, ends: usize): void {
  for (let row = 0; row < length; row++) {
    const from = data + offsetAt(offsets, row);
    const to = data + offsetAt(offsets, row + 1);
    let wanted = index;
    if (separatorLength > 0 && index < 0) {
      let parts = 1;
      let at = find(from, to, separator, separatorLength);
      while (at != usize.MAX_VALUE) {
        parts++;
        at = find(at + separatorLength, to, separator, separatorLength);
      }
      wanted = parts + 1 + index;
    } else if (separatorLength == 0) wanted = index == 1 || index == -1 ? 1 : 0;
    let start = from;
    let end = from;
    if (wanted > 0) {
      let at = separatorLength == 0 ? usize.MAX_VALUE : find(start, to, separator, separatorLength);
      let part = 1;
      while (part < wanted && at != usize.MAX_VALUE) {
        start = at + separatorLength;
        at = find(start, to, separator, separatorLength);
        part++;
      }
      end = part == wanted ? (at == usize.MAX_VALUE ? to : at) : start;
    }
    store<i32>(starts + (<usize>row << 2), <i32>(start - data));
    store<i32>(ends + (<usize>row << 2), <i32>(end - data));
  }
}

/** Code points of each row in reverse order, under the same offsets; `out` holds the bytes from the first offset on. */
export function stringReverse(data: usize, offsets: usize, length: i32, out: usize): void {
  const base = offsetAt(offsets, 0);
  for (let row = 0; row < length; row++) {
    let from = offsetAt(offsets, row);
    const to = offsetAt(offsets, row + 1);
    let target = out + (to - base);
    while (from < to) {
      const size = sequenceLength(load<u8>(data + from));
      target -= size;
      for (let i = 0; i < size; i++) store<u8>(target + i, load<u8>(data + from + i));
      from += size;
    }
  }
}
