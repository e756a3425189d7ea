// String fields of a csvScan table to Arrow strings; the arguments shared by all such kernels are described in csv-field.ts.
import { BAD, isNullText } from "./csv-field";
import { isUtf8, utf8FirstInvalid } from "./utf8";

/**
 * Copies fields as UTF-8 bytes. A quoted field loses its quotes and is never null; a quoted field that goes on after its
 * closing quote is BAD.
 *   escape   as in csvScan
 *   offsets  i32[rows + 1], out: the first is `used`
 *   data     `used` bytes are there; room for all bytes of the records and 16 more
 *   result   i32, out: how many rows are BAD
 * Returns the bytes used in `data`.
 */
export function csvStrings(
  text: usize,
  table: usize,
  stride: i32,
  column: i32,
  rows: i32,
  quote: i32,
  escape: i32,
  nulls: usize,
  offsets: usize,
  data: usize,
  used: i32,
  valid: usize,
  bad: usize,
  result: usize,
): i32 {
  const emptyIsNull = load<u32>(nulls) != 0;
  const hasNullTexts = load<u32>(nulls, 4) != 0;
  let badCount = 0;
  let record = table + (<usize>column << 2);
  let end = used;
  store<i32>(offsets, end);
  for (let row: usize = 0; row < <usize>rows; row++, record += <usize>stride) {
    const from = text + <usize>(load<i32>(record) + 1);
    const to = text + <usize>load<i32>(record, 4);
    const length = <i32>(to - from);
    let isValid: u8 = 1;
    if (length == 0) isValid = emptyIsNull ? 0 : 1;
    else if (<i32>load<u8>(from) == quote) {
      const written = unquote(from + 1, to, quote, escape, data + <usize>end);
      if (written < 0) {
        store<u8>(bad + row, load<u8>(bad + row) | BAD);
        badCount++;
      } else end += written;
    } else if (hasNullTexts && isNullText(from, to, nulls)) isValid = 0;
    else {
      copyShort(data + <usize>end, from, length);
      end += length;
    }
    store<u8>(valid + row, isValid);
    store<i32>(offsets + ((row + 1) << 2), end);
  }
  store<i32>(result, badCount);
  return end;
}

/** Copies in steps of 16 bytes, up to 15 more than asked: both sides have room for them. */
@inline
function copyShort(to: usize, from: usize, length: i32): void {
  if (length <= 16) {
    v128.store(to, v128.load(from));
    return;
  }
  if (length > 256) {
    memory.copy(to, from, <usize>length);
    return;
  }
  for (let i = 0; i < length; i += 16) v128.store(to + <usize>i, v128.load(from + <usize>i));
}

/** Writes the content of a quoted field whose opening quote is before `from`; -1 where it does not end at `to`. */
function unquote(from: usize, to: usize, quote: i32, escape: i32, out: usize): i32 {
  let at = from;
  let written = out;
  while (at < to) {
    const byte = load<u8>(at++);
    if (<i32>byte == escape && escape != quote) {
      if (at == to) return -1;
      store<u8>(written++, load<u8>(at++));
    } else if (<i32>byte == quote) {
      if (at == to) return <i32>(written - out);
      if (<i32>load<u8>(at) != quote) return -1;
      at++;
      store<u8>(written++, byte);
    } else store<u8>(written++, byte);
  }
  return -1;
}

/**
 * Marks strings that are not UTF-8 (RFC 3629: no overlong forms, surrogates or code points past U+10FFFF) as BAD.
 *   offsets  i32[rows + 1] into `data`
 *   data     readable for 15 bytes past the last string
 * Returns how many it marked.
 */
export function csvMarkInvalidUtf8(data: usize, offsets: usize, rows: i32, bad: usize): i32 {
  const firstBad = utf8FirstInvalid(data, offsets, rows);
  if (firstBad < 0) return 0;
  let badCount = 0;
  for (let row: usize = <usize>firstBad; row < <usize>rows; row++) {
    const from = load<i32>(offsets + (row << 2));
    const to = load<i32>(offsets + (row << 2), 4);
    if (isUtf8(data + <usize>from, data + <usize>to)) continue;
    store<u8>(bad + row, load<u8>(bad + row) | BAD);
    badCount++;
  }
  return badCount;
}
