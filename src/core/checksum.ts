import type { Workspace } from "./workspace.ts";

/** Bytes outside of linear memory pass through it in pieces of this size. */
const PIECE_BYTES = 1 << 18;

/** CRC-32C of bytes that follow each other, wherever they lie, as an unsigned 32-bit integer; behind bytes of checksum `before`. */
export function crc32cOf(workspace: Workspace, parts: readonly Uint8Array[], before = 0): number {
  const { kernels } = workspace;
  const longest = parts.reduce((most, { length }) => Math.max(most, length), 0);
  const piece = workspace.allocate(Math.min(longest, PIECE_BYTES));
  try {
    const table = workspace.checksumTable;
    let crc = before;
    for (const bytes of parts) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const slice = bytes.length <= PIECE_BYTES ? bytes : bytes.subarray(at, at + PIECE_BYTES);
        workspace.u8.set(slice, piece.address);
        crc = kernels.crc32cConsume(table, piece.address, slice.length, crc);
      }
    }
    return crc >>> 0;
  } finally {
    piece.release();
  }
}
