// Copies of decompressors, in whole vectors: they may write up to 64 bytes past the end of what they copy.

/** For an offset of 1..7: the greatest multiple of it that is at most 16, i.e. how far one vector of the pattern reaches. */
const PATTERN_STEP = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14]);

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
  else if (offset >= 8) {
    // Each half is read after the one before it was written, so that the pattern repeats.
    const from = to - offset;
    for (let done: usize = 0; done < length; done += 8) store<u64>(to + done, load<u64>(from + done));
  } else copyPattern(to, offset, length);
}

/** copyMatch for offsets 1..7: builds one vector of the repeated pattern and stores it in steps of whole periods. */
function copyPattern(to: usize, offset: usize, length: usize): void {
  const from = to - offset;
  for (let i: usize = 0; i < 16; i++) store<u8>(to + i, load<u8>(from + i));
  const pattern = v128.load(to);
  const step = <usize>load<u8>(PATTERN_STEP + offset);
  for (let done = step; done < length; done += step) v128.store(to + done, pattern);
}
