/** first, first + step, ... to i64[length], wrapping at the ends of the range. out: 8-byte aligned */
export function sequenceI64(first: i64, step: i64, length: i32, out: usize): void {
  const end = out + (<usize>length << 3);
  let pair = i64x2.replace_lane(i64x2.splat(first), 1, first + step);
  const increment = i64x2.splat(step + step);
  let at = out;
  for (; at + 16 <= end; at += 16) {
    v128.store(at, pair);
    pair = i64x2.add(pair, increment);
  }
  if (at < end) store<i64>(at, i64x2.extract_lane(pair, 0));
}
