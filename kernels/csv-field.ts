// Fields of a csvScan table to column values. Every kernel here takes
//   text, table, stride, column, rows, quote   as csvScan left them; stride is the bytes of one record of the table
//   nulls   texts that mean null: u32 1 if the empty text does, u32 count, then per text u8 length and its bytes
//   valid   u8[rows], out: 1 where there is a value
//   bad     u8[rows], in and out: BAD is set where the field is no value of the type; such rows get a zero value
// and returns how many rows it marked. Numbers, dates and bools may have blanks around them and may be quoted.

/** Mark of a row whose field is no value of its column. */
export const BAD: u8 = 1;
/** Maybe a value, but only the exact, slower conversion of the caller can tell. */
export const UNDECIDED: u8 = 2;

export const MINUS: u8 = 45;
export const PLUS: u8 = 43;
export const POINT: u8 = 46;

/** Start (upper half) and end (lower half) of a field, without blanks and quotes around it. */
@inline
export function bounds(text: usize, record: usize, column: i32, quote: i32): u64 {
  const entry = record + (<usize>column << 2);
  const from = text + <usize>(load<i32>(entry) + 1);
  const to = text + <usize>load<i32>(entry, 4);
  if (from < to) {
    const first = load<u8>(from);
    if (first <= 32 || <i32>first == quote || load<u8>(to - 1) <= 32) return trimmed(from, to, quote);
  }
  return (<u64>from << 32) | <u64>to;
}

export function trimmed(start: usize, end: usize, quote: i32): u64 {
  let from = start;
  let to = end;
  while (from < to && isBlank(load<u8>(from))) from++;
  while (from < to && isBlank(load<u8>(to - 1))) to--;
  if (to - from >= 2 && <i32>load<u8>(from) == quote && <i32>load<u8>(to - 1) == quote) {
    from++;
    to--;
    while (from < to && isBlank(load<u8>(from))) from++;
    while (from < to && isBlank(load<u8>(to - 1))) to--;
  }
  return (<u64>from << 32) | <u64>to;
}

@inline
export function isBlank(byte: u8): bool {
  return byte == 32 || byte == 9;
}

@inline
export function isNull(from: usize, to: usize, nulls: usize): bool {
  if (from == to) return load<u32>(nulls) != 0;
  if (load<u32>(nulls, 4) == 0) return false;
  return isNullText(from, to, nulls);
}

export function isNullText(from: usize, to: usize, nulls: usize): bool {
  const length = <u32>(to - from);
  let entry = nulls + 8;
  for (let left = load<u32>(nulls, 4); left > 0; left--) {
    const size = <u32>load<u8>(entry);
    if (size == length) {
      let i: u32 = 0;
      while (i < size && load<u8>(from + i) == load<u8>(entry + 1 + i)) i++;
      if (i == size) return true;
    }
    entry += 1 + size;
  }
  return false;
}

@inline
export function digitAt(at: usize): u32 {
  return <u32>load<u8>(at) - 48;
}
