import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Workspace } from "../../src/core/workspace.ts";
import { crc32cReference } from "../reference/crc32c.ts";
import { withWorkspace } from "../support/workspace.ts";

/** The checksum of the pieces one after the other, each placed `skew` bytes off alignment. */
function crc32c(ws: Workspace, pieces: readonly Uint8Array[], skew = 0): number {
  const table = ws.checksumTable;
  let crc = 0;
  for (const piece of pieces) {
    const block = ws.allocate(piece.length + skew);
    ws.u8.set(piece, block.address + skew);
    crc = ws.kernels.crc32c(table, block.address + skew, piece.length, crc);
    block.release();
  }
  return crc >>> 0;
}

// RFC 3720, appendix B.4; the last is the usual check value.
it.each<[string, number[], number]>([
  ["32 bytes of zeros", new Array(32).fill(0), 0x8a9136aa],
  ["32 bytes of ones", new Array(32).fill(0xff), 0x62a8ab43],
  ["32 incrementing bytes", Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ["32 decrementing bytes", Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ["123456789", [...Buffer.from("123456789")], 0xe3069283],
])("has the published checksum of %s", (_, bytes, expected) =>
  withWorkspace((ws) => expect(crc32c(ws, [Uint8Array.from(bytes)])).toBe(expected)),
);

it("equals division bit by bit, at any alignment and however the bytes are cut", () =>
  withWorkspace((ws) => {
    const anyPieces = fc.array(fc.uint8Array({ maxLength: 70, size: "max" }), { maxLength: 4 });
    fc.assert(
      fc.property(anyPieces, fc.nat(16), (pieces, skew) => {
        expect(crc32c(ws, pieces, skew)).toBe(crc32cReference(Buffer.concat(pieces)));
      }),
    );
  }));

it("gives the same for long inputs where it may use the bytes up", () =>
  withWorkspace((ws) => {
    const table = ws.allocate(ws.kernels.crc32cTableBytes());
    ws.kernels.crc32cTable(table.address);
    const anyLength = fc.oneof(
      fc.nat(30_000),
      fc.nat(40).map((more) => 4 * 5275 - 20 + more),
    );
    fc.assert(
      fc.property(anyLength, fc.nat(16), fc.integer(), fc.integer(), (length, skew, seed, before) => {
        const bytes = pseudoRandom(length, seed);
        const block = ws.allocate(length + skew);
        ws.u8.set(bytes, block.address + skew);
        const plain = ws.kernels.crc32c(table.address, block.address + skew, length, before);
        expect(ws.kernels.crc32cConsume(table.address, block.address + skew, length, before)).toBe(plain);
        block.release();
      }),
      { numRuns: 300 },
    );
    table.release();
  }));

/** Bytes of xorshift. */
function pseudoRandom(length: number, seed: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
}
