import type { Workspace } from "./workspace.ts";

/** Bytes outside of linear memory pass through it in pieces of this size. */
const PIECE_BYTES = 1 << 18;

/** CRC-32C of bytes that follow each other, wherever they lie, as an unsigned 32-bit integer; behind bytes of checksum `before`. */
export function crc32cOf(workspace: Workspace, parts: readonly Uint8Array[], before = 0): number {
  const { kernels } = workspace;
  const table = workspace.allocate(kernels.crc32cTableBytes());
  const piece = workspace.allocate(PIECE_BYTES);
  try {
    kernels.crc32cTable(table.address);
    let crc = before;
    for (const bytes of parts) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const slice = bytes.subarray(at, at + PIECE_BYTES);
        workspace.u8.set(slice, piece.address);
        crc = kernels.crc32cConsume(table.address, piece.address, slice.length, crc);
      }
    }
    return crc >>> 0;
  } finally {
    piece.release();
    table.release();
  }
}
