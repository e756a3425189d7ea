/** CRC-32C bit by bit: the remainder of the message, behind one of checksum `before`, by the reflected polynomial 0x82f63b78. */
export function crc32cReference(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
