import type { Checksum } from "./manifest.ts";

/** How much is summed up in one turn of the thread: a fraction of a millisecond. */
const TURN_BYTES = 1 << 21;

/** The checksum of bytes; `turn` lets other work of the thread come between. */
export async function checksumInTurns(
  checksum: Checksum,
  bytes: Uint8Array,
  turn: () => Promise<void>,
): Promise<number> {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    if (at > 0) await turn();
    crc = checksum(bytes.subarray(at, at + TURN_BYTES), crc);
  }
  return crc;
}
