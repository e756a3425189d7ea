// Finding records and fields of delimited text. Positions are byte offsets from `text`, which stays below 2 GiB.

const NEWLINE: i32 = 10;
const RETURN: u8 = 13;

/**
 * Cuts delimited text into records of `fields` fields.
 *   text       the first byte of a record; up to 64 bytes past `length` may be read
 *   delimiter  a byte; NEWLINE where records are whole lines
 *   quote      a byte, or -1; it opens a quoted field at the field's first byte only, elsewhere it is text; doubled inside
 *              a quoted field it stands for itself; delimiters and newlines inside quotes are text
 *   escape     a byte that takes the next byte of a quoted field as text, or -1
 *   comment    a byte that makes a record that starts with it a comment, or -1
 *   table      room for u32[maxRows * (fields + 1) + 1]: per record the position before its first byte, then each field's
 *              end, without the carriage return of a CRLF
 *   bad        room for u32[maxBad * 3]: records with another number of fields: start, end, fields
 *   result     i32[4]: records in `table`, records in `bad`, bytes taken up to the start of the next record,
 *              1 if the text ends inside quotes
 * Empty lines are skipped unless a record is one field. Stops at maxRows or maxBad records; a last record without its
 * newline is not taken.
 * The quote mask follows Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28, 2019.
 */
export function csvScan(
  text: usize,
  length: i32,
  delimiter: i32,
  quote: i32,
  escape: i32,
  comment: i32,
  fields: i32,
  maxRows: i32,
  table: usize,
  bad: usize,
  maxBad: i32,
  result: usize,
): void {
  const stride = <usize>(fields + 1) << 2;
  const isPlain = escape < 0 && comment < 0;
  const delimiters = i8x16.splat(<i8>delimiter);
  const newlines = i8x16.splat(<i8>NEWLINE);
  const quotes = i8x16.splat(<i8>quote);
  let rows = 0;
  let badRows = 0;
  let slot = table;
  let start = 0;
  let field = 0;
  let inside: u64 = 0; // all ones inside quotes
  let mayOpen: u64 = 1; // the byte before was a field boundary or a closing quote
  let isEscaped = false;
  let inComment = false;
  store<i32>(slot, -1);
  for (let base = 0; base < length; base += 64) {
    const at = text + <usize>base;
    const left = length - base;
    const present: u64 = left >= 64 ? ~0 : (<u64>1 << <u64>left) - 1;
    let newlineBits = matches(at, newlines) & present;
    let ends: u64;
    if (isPlain) {
      ends = newlineBits | (matches(at, delimiters) & present);
      const quoteBits = quote < 0 ? 0 : matches(at, quotes) & present;
      if ((quoteBits | inside) == 0) {
        mayOpen = ends >> 63;
      } else {
        const within = prefixXor(quoteBits) ^ inside;
        const outer = ends & ~within;
        const boundaries = outer | (quoteBits & ~within);
        if ((quoteBits & within & ~((boundaries << 1) | mayOpen)) == 0) {
          ends = outer;
          inside = <u64>(<i64>within >> 63);
          mayOpen = boundaries >> 63;
        } else {
          // A quote in the middle of an unquoted field: only byte by byte is it known what later quotes mean.
          const count = min(left, 64);
          let bits: u64 = 0;
          for (let i = 0; i < count; i++) {
            const byte = <i32>load<u8>(at + <usize>i);
            if (inside != 0) {
              if (byte == quote) {
                inside = 0;
                mayOpen = 1;
              }
            } else if (byte == quote && mayOpen != 0) {
              inside = ~0;
              mayOpen = 0;
            } else {
              mayOpen = (ends >> <u64>i) & 1;
              bits |= mayOpen << <u64>i;
            }
          }
          ends = bits;
        }
      }
    } else {
      const count = min(left, 64);
      ends = 0;
      for (let i = 0; i < count; i++) {
        const byte = <i32>load<u8>(at + <usize>i);
        const isRecordStart = mayOpen == 2 || (base == 0 && i == 0);
        if (isEscaped) {
          isEscaped = false;
        } else if (inComment) {
          if (byte == NEWLINE) {
            inComment = false;
            ends |= <u64>1 << <u64>i;
            mayOpen = 2;
          }
        } else if (inside != 0) {
          if (byte == escape && escape != quote) isEscaped = true;
          else if (byte == quote) {
            inside = 0;
            mayOpen = 1;
          }
        } else if (byte == quote && quote >= 0 && mayOpen != 0) {
          inside = ~0;
          mayOpen = 0;
        } else if (byte == comment && comment >= 0 && isRecordStart) {
          inComment = true;
          mayOpen = 0;
        } else if (byte == NEWLINE || byte == delimiter) {
          ends |= <u64>1 << <u64>i;
          mayOpen = byte == NEWLINE ? 2 : 1;
        } else mayOpen = 0;
      }
    }
    for (; ends != 0; ends &= ends - 1) {
      const bit = ctz(ends);
      const position = base + <i32>bit;
      if (((newlineBits >> bit) & 1) == 0) {
        if (++field < fields) store<i32>(slot + (<usize>field << 2), position);
        continue;
      }
      let end = position;
      if (end > start && load<u8>(text + <usize>(end - 1)) == RETURN) end--;
      field++;
      if (comment >= 0 && end > start && <i32>load<u8>(text + <usize>start) == comment) {
        // A comment leaves no record.
      } else if (field == fields) {
        store<i32>(slot + (<usize>field << 2), end);
        slot += stride;
        rows++;
      } else if (field != 1 || end != start) {
        const entry = bad + <usize>badRows * 12;
        store<i32>(entry, start);
        store<i32>(entry, end, 4);
        store<i32>(entry, field, 8);
        badRows++;
      }
      start = position + 1;
      field = 0;
      store<i32>(slot, position);
      if (rows == maxRows || badRows == maxBad) {
        finish(result, rows, badRows, start, 0);
        return;
      }
    }
  }
  finish(result, rows, badRows, start, inside != 0 ? 1 : 0);
}

@inline
function finish(result: usize, rows: i32, badRows: i32, taken: i32, endsInside: i32): void {
  store<i32>(result, rows);
  store<i32>(result, badRows, 4);
  store<i32>(result, taken, 8);
  store<i32>(result, endsInside, 12);
}

/** Bit i is set where byte i of the 64 at `at` equals the splatted byte. */
@inline
function matches(at: usize, splat: v128): u64 {
  const a = <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at), splat)));
  const b = <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 16), splat)));
  const c = <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 32), splat)));
  const d = <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 48), splat)));
  return a | (b << 16) | (c << 32) | (d << 48);
}

/** Bit i is the parity of bits 0..i. */
@inline
function prefixXor(bits: u64): u64 {
  let x = bits ^ (bits << 1);
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  return x ^ (x << 32);
}

/**
 * Looks for the last quote that certainly opens a field: after a delimiter or newline, and before a byte that may not
 * follow a closing quote. Inside a quoted field no such quote can stand, so the text before it ends outside quotes.
 *   text, length  the byte at `text` is not tested itself: it only precedes; length bytes, all present
 * Returns its position, -1 where the text holds no quote at all, or -2 where it holds quotes but none that is certain.
 */
export function csvLastOpeningQuote(text: usize, length: i32, delimiter: i32, quote: i32): i32 {
  let found = -1;
  for (let i = length - 1; i >= 0; i--) {
    if (<i32>load<u8>(text + <usize>i) != quote) continue;
    found = -2;
    if (i == 0 || i + 1 >= length) continue;
    const before = <i32>load<u8>(text + <usize>i - 1);
    const after = <i32>load<u8>(text + <usize>i + 1);
    if (before != delimiter && before != NEWLINE) continue;
    if (after == delimiter || after == NEWLINE || after == quote || after == <i32>RETURN) continue;
    return i;
  }
  return found;
}

/** How many of `length` bytes equal `byte`; up to 64 bytes past the end may be read. */
export function csvCountByte(text: usize, length: i32, byte: i32): i32 {
  const splat = i8x16.splat(<i8>byte);
  let count = 0;
  for (let base = 0; base < length; base += 64) {
    const left = length - base;
    const present: u64 = left >= 64 ? ~0 : (<u64>1 << <u64>left) - 1;
    count += <i32>popcnt(matches(text + <usize>base, splat) & present);
  }
  return count;
}

/** Packs bytes that are 0 or 1 into a bitmap from bit 0; up to 64 bytes past `flags` may be read. */
export function csvPackBits(flags: usize, length: i32, bitmap: usize): void {
  const zero = i8x16.splat(0);
  let row = 0;
  for (; row + 16 <= length; row += 16) {
    store<u16>(bitmap + <usize>(row >>> 3), <u16>i8x16.bitmask(i8x16.ne(v128.load(flags + <usize>row), zero)));
  }
  for (; row < length; row += 8) {
    let bits: u32 = 0;
    for (let i = 0; i < min(8, length - row); i++) bits |= <u32>(load<u8>(flags + <usize>(row + i)) & 1) << <u32>i;
    store<u8>(bitmap + <usize>(row >>> 3), <u8>bits);
  }
}

/**
 * The position of the first record-ending newline at or after `minimum`, or -1 where there is none.
 *   text, length  starts outside quotes; isFieldStart tells whether a quote at `text` would open a field
 */
export function csvNextNewline(
  text: usize,
  length: i32,
  delimiter: i32,
  quote: i32,
  escape: i32,
  isFieldStart: bool,
  minimum: i32,
): i32 {
  let mayOpen = isFieldStart;
  let inside = false;
  for (let i = 0; i < length; i++) {
    const byte = <i32>load<u8>(text + <usize>i);
    if (inside) {
      if (byte == escape && escape != quote) i++;
      else if (byte == quote) {
        inside = false;
        mayOpen = true;
      }
    } else if (byte == quote && mayOpen) {
      inside = true;
      mayOpen = false;
    } else if (byte == NEWLINE) {
      if (i >= minimum) return i;
      mayOpen = true;
    } else mayOpen = byte == delimiter;
  }
  return -1;
}
