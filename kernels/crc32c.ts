// CRC-32C (Castagnoli), RFC 3720 appendix B.4, reflected polynomial 0x82F63B78;
// slicing as in Kounavis and Berry, "A Systematic Approach to Building High Performance CRC Generators", 2005.

/** Bytes of the table that `crc32cTable` fills: 16 tables of 256 u32. */
export function crc32cTableBytes(): i32 {
  return 16 << 10;
}

/** Fills `table` (u32[16 * 256], 4-byte aligned): row k holds the remainder of a byte followed by k zero bytes. */
export function crc32cTable(table: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    store<u32>(table + (<usize>byte << 2), crc);
  }
  for (let i: usize = 256; i < 16 * 256; i++) {
    const previous = load<u32>(table + ((i - 256) << 2));
    store<u32>(table + (i << 2), (previous >>> 8) ^ load<u32>(table + ((<usize>previous & 255) << 2)));
  }
}

@inline
function fold(table: usize, row: usize, byte: u32): u32 {
  return load<u32>(table + (row << 10) + (<usize>(byte & 255) << 2));
}

@inline
function foldWord(table: usize, row: usize, word: u32): u32 {
  return (
    fold(table, row + 3, word) ^
    fold(table, row + 2, word >>> 8) ^
    fold(table, row + 1, word >>> 16) ^
    fold(table, row, word >>> 24)
  );
}

/**
 * The checksum of `byteLength` bytes that follow bytes of checksum `crc` (0 at the start).
 *   table  as `crc32cTable` filled it
 */
export function crc32c(table: usize, bytes: usize, byteLength: usize, crc: u32): u32 {
  let state = ~crc;
  const end = bytes + byteLength;
  while (bytes + 16 <= end) {
    state =
      foldWord(table, 12, load<u32>(bytes) ^ state) ^
      foldWord(table, 8, load<u32>(bytes, 4)) ^
      foldWord(table, 4, load<u32>(bytes, 8)) ^
      foldWord(table, 0, load<u32>(bytes, 12));
    bytes += 16;
  }
  while (bytes < end) {
    state = (state >>> 8) ^ fold(table, 0, state ^ <u32>load<u8>(bytes));
    bytes++;
  }
  return ~state;
}
