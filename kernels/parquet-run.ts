// Runs of Parquet's hybrid (parquet-hybrid.ts): a header, then the value that all repeat, or packed groups of 8 values.

/** What `runHeader` returns for a header that is cut off, too long or of no values. */
export const MALFORMED: u64 = u64.MAX_VALUE;

/** The header of a run in the low half, its bytes in the high half. */
@inline
export function runHeader(at: usize, end: usize): u64 {
  let header: u32 = 0;
  let shift: u32 = 0;
  const start = at;
  while (true) {
    if (at >= end || shift > 28) return MALFORMED;
    const byte = <u32>load<u8>(at++);
    header |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7;
  }
  return header < 2 ? MALFORMED : (<u64>(at - start) << 32) | header;
}

@inline
export function isPacked(header: u32): bool {
  return (header & 1) != 0;
}

/** How many values a run holds. */
@inline
export function runLength(header: u32): u64 {
  return isPacked(header) ? <u64>(header >> 1) << 3 : <u64>(header >> 1);
}

/** Bytes of a repeated value. */
@inline
export function valueBytes(width: i32): usize {
  return <usize>((width + 7) >> 3);
}

/** The value that a run repeats, of so many bytes; 4 are readable. */
@inline
export function runValue(body: usize, byteCount: usize): u32 {
  const value = load<u32>(body);
  return byteCount < 4 ? value & ((<u32>1 << (<u32>byteCount << 3)) - 1) : value;
}

/** Where the next run begins, behind the body of one: writers may leave the unused end of the last group out. */
@inline
export function runEnd(header: u32, body: usize, width: i32, end: usize): usize {
  const byteCount = isPacked(header) ? <u64>(header >> 1) * width : <u64>valueBytes(width);
  return byteCount > <u64>(end - body) ? end : body + <usize>byteCount;
}
