// LZ4 block format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
import { copyMatch } from "./wild-copy";

/**
 * Decompresses one raw LZ4 block.
 *   source  sourceLength bytes; up to 64 bytes past its end may be read
 *   target  room for targetLength + 64 bytes, since copies run in whole vectors
 * Returns how many bytes were written, at most targetLength, or -1 where the block is malformed or larger.
 */
export function lz4Decompress(source: usize, sourceLength: i32, target: usize, targetLength: i32): i32 {
  let at = source;
  const end = source + sourceLength;
  let to = target;
  const limit = target + targetLength;
  while (at < end) {
    const token = <u32>load<u8>(at++);
    let length = <usize>(token >> 4);
    if (length == 15) {
      let byte: u32 = 255;
      while (byte == 255) {
        if (at >= end) return -1;
        byte = <u32>load<u8>(at++);
        length += byte;
      }
    }
    if (length > end - at || length > limit - to) return -1;
    if (length <= 16) v128.store(to, v128.load(at));
    else memory.copy(to, at, length);
    at += length;
    to += length;
    // The last sequence is literals alone.
    if (at >= end) break;
    if (end - at < 2) return -1;
    const offset = <usize>load<u16>(at);
    at += 2;
    length = <usize>(token & 15) + 4;
    if (length == 19) {
      let byte: u32 = 255;
      while (byte == 255) {
        if (at >= end) return -1;
        byte = <u32>load<u8>(at++);
        length += byte;
      }
    }
    if (offset == 0 || offset > to - target || length > limit - to) return -1;
    copyMatch(to, offset, length);
    to += length;
  }
  return <i32>(to - target);
}

/**
 * Decompresses Hadoop's framing of LZ4: any number of frames, each a big-endian u32 uncompressed length, a big-endian
 * u32 compressed length and a raw block. Same contract as lz4Decompress.
 */
export function lz4HadoopDecompress(source: usize, sourceLength: i32, target: usize, targetLength: i32): i32 {
  let at = source;
  const end = source + sourceLength;
  let written: u32 = 0;
  while (at < end) {
    if (end - at < 8) return -1;
    const plain = bswap<u32>(load<u32>(at));
    const packed = bswap<u32>(load<u32>(at, 4));
    at += 8;
    if (packed > <u32>(end - at) || plain > <u32>targetLength - written) return -1;
    if (lz4Decompress(at, <i32>packed, target + written, <i32>plain) != <i32>plain) return -1;
    at += packed;
    written += plain;
  }
  return <i32>written;
}
