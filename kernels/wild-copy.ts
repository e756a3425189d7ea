// Copies of decompressors, in whole vectors: they may write up to 64 bytes past the end of what they copy.

/** For an offset of 1..15: the greatest multiple of it that is at most 16, i.e. how far one vector of the pattern reaches. */
const PATTERN_STEP = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);

/** Copies 64 bytes. */
@inline
export function copy64(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}

/** Copies `length` bytes that do not overlap; reads and writes up to 15 bytes more. */
@inline
export function copyVectors(to: usize, from: usize, length: usize): void {
  v128.store(to, v128.load(from));
  for (let done: usize = 16; done < length; done += 16) v128.store(to + done, v128.load(from + done));
}

/** Repeats what lies `offset` (1 or more) bytes back for `length` bytes; writes up to 15 bytes more. */
@inline
export function copyMatch(to: usize, offset: usize, length: usize): void {
  if (offset >= 16) copyVectors(to, to - offset, length);
  else copyPattern(to, offset, length);
}

/** copyMatch for offsets 1..15: builds one vector of the repeated pattern and stores it in steps of whole periods. */
function copyPattern(to: usize, offset: usize, length: usize): void {
  const from = to - offset;
  for (let i: usize = 0; i < 16; i++) store<u8>(to + i, load<u8>(from + i));
  const pattern = v128.load(to);
  const step = <usize>load<u8>(PATTERN_STEP + offset);
  for (let done = step; done < length; done += step) v128.store(to + done, pattern);
}
