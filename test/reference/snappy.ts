/** Decompresses a raw snappy block byte by byte; undefined where it breaks the format. */
export function snappyDecompressReference(block: Uint8Array): Uint8Array | undefined {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (at >= block.length || shift > 28) return undefined;
    const byte = block[at++];
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > 2 ** 31 - 1) return undefined;
  const output: number[] = [];
  const take = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (block[at++] ?? Number.NaN) * 2 ** (8 * i);
    return value;
  };
  while (at < block.length) {
    const tag = block[at++];
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const count = (short < 60 ? short : take(short - 59)) + 1;
      if (!(at + count <= block.length) || output.length + count > length) return undefined;
      for (let i = 0; i < count; i++) output.push(block[at++]);
      continue;
    }
    const count = kind === 1 ? 4 + ((tag >> 2) & 7) : (tag >> 2) + 1;
    const offset = kind === 1 ? (tag >> 5) * 256 + take(1) : take(kind === 2 ? 2 : 4);
    if (!(offset >= 1 && offset <= output.length) || output.length + count > length) return undefined;
    for (let i = 0; i < count; i++) output.push(output[output.length - offset]);
  }
  return output.length === length ? Uint8Array.from(output) : undefined;
}
