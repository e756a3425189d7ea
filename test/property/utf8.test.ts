import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withWorkspace } from "../support/workspace.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isText(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** `before` bytes of another text lie in front of the strings, and 15 bytes of garbage behind them. */
function firstInvalid(strings: readonly Uint8Array[], before = 0): number {
  return withWorkspace((ws) => {
    const total = strings.reduce((sum, each) => sum + each.length, before);
    const data = ws.allocate(total + 15);
    const offsets = ws.allocate((strings.length + 1) * 4);
    try {
      ws.u8.fill(0xff, data.address, data.address + total + 15);
      let end = before;
      ws.i32[offsets.address >>> 2] = end;
      strings.forEach((each, row) => {
        ws.u8.set(each, data.address + end);
        end += each.length;
        ws.i32[(offsets.address >>> 2) + row + 1] = end;
      });
      return ws.kernels.utf8FirstInvalid(data.address, offsets.address, strings.length);
    } finally {
      data.release();
      offsets.release();
    }
  });
}

/** First and last character of each length, what lies just outside, and every way to be cut off. */
// biome-ignore format: a table of bytes
const EDGES = [
  [0x00], [0x7f], [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2, 0x80], [0xdf, 0xbf], [0xc2], [0xc2, 0x41],
  [0xe0, 0x9f, 0xbf], [0xe0, 0xa0, 0x80], [0xed, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xee, 0x80, 0x80],
  [0xef, 0xbf, 0xbf], [0xe2, 0x82], [0xe2], [0xe2, 0x82, 0xac, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x90, 0x80, 0x80],
  [0xf4, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xf0, 0x9f, 0x92], [0xf0, 0x9f],
  [0xf0], [0xf8, 0x88, 0x80, 0x80, 0x80],
].map((bytes) => Uint8Array.from(bytes));

const valid = fc.string({ unit: "grapheme", maxLength: 90, size: "max" }).map((text) => new TextEncoder().encode(text));
const ascii = fc
  .string({ unit: "grapheme-ascii", maxLength: 90, size: "max" })
  .map((text) => new TextEncoder().encode(text));
const edge = fc.constantFrom(...EDGES);
const noise = fc.uint8Array({ maxLength: 20 });
const joined = fc
  .array(fc.oneof({ weight: 3, arbitrary: ascii }, { weight: 2, arbitrary: valid }, edge), { maxLength: 4 })
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));
const strings = fc.array(fc.oneof(valid, ascii, joined, noise), { maxLength: 30, size: "max" });

describe("strings that are not UTF-8", () => {
  it("are found where TextDecoder finds them", () =>
    fc.assert(
      fc.property(strings, fc.nat(70), (given, before) => {
        expect(firstInvalid(given, before)).toBe(given.findIndex((each) => !isText(each)));
      }),
    ));

  it("are found at every place of a long text", () => {
    for (const bytes of EDGES) {
      for (let place = 0; place <= 140; place++) {
        const text = new Uint8Array(140 + bytes.length).fill(0x61);
        text.set(bytes, place);
        expect([place, ...bytes, firstInvalid([text])]).toEqual([place, ...bytes, isText(text) ? -1 : 0]);
      }
    }
  });

  it("may be halves of one character", () => {
    const bytes = new TextEncoder().encode("über 💧 ünder");
    for (let cut = 0; cut <= bytes.length; cut++) {
      const halves = [bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)];
      expect(firstInvalid(halves)).toBe(halves.findIndex((each) => !isText(each)));
    }
  });
});
