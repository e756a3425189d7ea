import * as fc from "fast-check";
import { decompress as fzstdDecompress } from "fzstd";
import { describe, expect, it } from "vitest";
import { snappyDecompressReference } from "../../reference/snappy.ts";
import { newWorkspace } from "../../support/workspace.ts";

const workspace = newWorkspace();
const { kernels } = workspace;
const PADDING = 64;

/** Puts bytes into linear memory for the duration of a call. */
function withBytes<T>(bytes: Uint8Array, room: number, use: (source: number, target: number) => T): T {
  const source = workspace.allocate(bytes.length + PADDING);
  const target = workspace.allocate(room + 2 * PADDING);
  workspace.u8.set(bytes, source.address);
  // Kernels may write whole vectors behind the room: a pattern behind those shows a write too far.
  const guard = target.address + room + PADDING;
  workspace.u8.fill(0xa5, guard, guard + PADDING);
  try {
    const result = use(source.address, target.address);
    expect(workspace.u8.subarray(guard, guard + PADDING).every((byte) => byte === 0xa5)).toBe(true);
    return result;
  } finally {
    source.release();
    target.release();
  }
}

const copy = (address: number, length: number): Uint8Array => workspace.bytes(address, length).slice();

function snappyCompress(bytes: Uint8Array): Uint8Array {
  const table = workspace.allocate(32 * 1024);
  try {
    return withBytes(bytes, kernels.snappyBound(bytes.length) + PADDING, (source, target) =>
      copy(target, kernels.snappyCompress(source, bytes.length, target, table.address)),
    );
  } finally {
    table.release();
  }
}

function zstdCompress(bytes: Uint8Array): Uint8Array {
  const scratch = workspace.allocate(kernels.zstdCompressScratchBytes());
  try {
    return withBytes(bytes, kernels.zstdBound(bytes.length), (source, target) =>
      copy(target, kernels.zstdCompress(source, bytes.length, target, scratch.address)),
    );
  } finally {
    scratch.release();
  }
}

type Decompress = (bytes: Uint8Array, length: number) => Uint8Array | undefined;

const decompressWith =
  (kernel: (source: number, sourceLength: number, target: number, targetLength: number) => number): Decompress =>
  (bytes, length) =>
    withBytes(bytes, length, (source, target) => {
      const written = kernel(source, bytes.length, target, length);
      expect(written).toBeLessThanOrEqual(length);
      return written < 0 ? undefined : copy(target, written);
    });

const snappyDecompress = decompressWith(kernels.snappyDecompress);
const lz4Decompress = decompressWith(kernels.lz4Decompress);
const zstdDecompress: Decompress = (bytes, length) => {
  const scratch = workspace.allocate(kernels.zstdScratchBytes());
  try {
    return decompressWith((source, sourceLength, target, targetLength) =>
      kernels.zstdDecompress(source, sourceLength, target, targetLength, scratch.address),
    )(bytes, length);
  } finally {
    scratch.release();
  }
};

// Bytes as columns have them: repeats at every distance, runs, text, numbers, noise, and mixtures of these.
const pieces = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 200 })).map(([unit, times]) => {
    const bytes = new Uint8Array(unit.length * times);
    for (let i = 0; i < bytes.length; i++) bytes[i] = unit[i % unit.length];
    return bytes;
  }),
  fc.string({ maxLength: 60 }).map((text) => new TextEncoder().encode(text)),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 300 })).map(([start, count]) => {
    const numbers = new Float64Array(count).map((_, i) => start + i * 1.25);
    return new Uint8Array(numbers.buffer);
  }),
  fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 140_000 })).map(([byte, count]) => new Uint8Array(count).fill(byte)),
);

const anyBytes = fc.array(pieces, { maxLength: 15, size: "max" }).chain((parts) =>
  fc.array(fc.nat(Math.max(0, parts.length - 1)), { maxLength: 60, size: "max" }).map((order) => {
    const chosen = parts.length === 0 ? [] : order.map((index) => parts[index]);
    return new Uint8Array(Buffer.concat(chosen.slice(0, 40)).subarray(0, 300_000));
  }),
);

const mutated = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.tuple(fc.nat(Math.max(0, bytes.length - 1)), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((writes) => {
      const copy = bytes.slice();
      for (const [at, value] of writes) if (at < copy.length) copy[at] = value;
      return copy;
    });

/** Equal bytes, compared as memory: `toEqual` takes seconds for large arrays. */
function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  if (actual === undefined || expected === undefined) expect(actual).toBe(expected);
  else expect(Buffer.compare(actual, expected), "bytes differ").toBe(0);
}

describe("snappy", () => {
  it("gives back what it compressed, and its blocks follow the format", () =>
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const packed = snappyCompress(bytes);
        expect(packed.length).toBeLessThanOrEqual(kernels.snappyBound(bytes.length));
        expectBytes(snappyDecompressReference(packed), bytes);
        expectBytes(snappyDecompress(packed, bytes.length), bytes);
      }),
      { numRuns: 100 },
    ));

  it("decodes damaged blocks as the scalar reference does", () =>
    fc.assert(
      fc.property(
        anyBytes.chain((bytes) => mutated(snappyCompress(bytes.subarray(0, 3000)))),
        (packed) => {
          const expected = snappyDecompressReference(packed);
          // A damaged preamble may ask for any size; what matters is that the rest is judged alike.
          const length = expected?.length ?? Math.min(5000, Math.max(0, snappyLength(packed)));
          expectBytes(snappyDecompress(packed, length), expected);
        },
      ),
      { numRuns: 400 },
    ));

  it("decodes elements of every form as the scalar reference does", () =>
    fc.assert(
      fc.property(snappyElements, (packed) => {
        const expected = snappyDecompressReference(packed);
        expectBytes(snappyDecompress(packed, expected?.length ?? snappyLength(packed)), expected);
      }),
      { numRuns: 500 },
    ));

  it("takes long literals and far copies in every form", () => {
    const far = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) >> (i % 5));
    expectBytes(snappyDecompress(snappyCompress(far), far.length), far);
    // Four-byte length, four-byte offset: forms that our own encoder does not write.
    const block = Uint8Array.from([8, 63 << 2, 3, 0, 0, 0, 1, 2, 3, 4, 3 | (3 << 2), 4, 0, 0, 0]);
    expect(snappyDecompress(block, 8)).toEqual(Uint8Array.from([1, 2, 3, 4, 1, 2, 3, 4]));
  });
});

/** Blocks of elements in the forms that encoders seldom write too; an offset may reach in front of the block. */
const snappyElements = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => literal(bytes)) },
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.integer({ min: 1, max: 4 }))
        .map(([bytes, size]) => literal(bytes, size)),
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.integer({ min: 4, max: 11 }), fc.integer({ min: 1, max: 40 }))
          .map(([length, offset]) => ({
            length,
            bytes: [1 | ((length - 4) << 2) | ((offset >> 8) << 5), offset & 0xff],
          })),
      },
      fc
        .tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }))
        .map(([length, offset]) => ({ length, bytes: [2 | ((length - 1) << 2), offset & 0xff, offset >> 8] })),
      fc
        .tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }))
        .map(([length, offset]) => ({ length, bytes: [3 | ((length - 1) << 2), offset & 0xff, offset >> 8, 0, 0] })),
    ),
    { minLength: 1, maxLength: 120, size: "max" },
  )
  .map((elements) => {
    // Enough literals first for most offsets to be valid.
    const all = [literal(new Uint8Array(60).map((_, i) => i)), ...elements];
    const length = all.reduce((sum, element) => sum + element.length, 0);
    const preamble = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
    return Uint8Array.from([...preamble, ...all.flatMap((element) => element.bytes)]);
  });

/** A literal; with a size, its length is written in that many bytes behind the tag. */
function literal(bytes: Uint8Array, size = 0): { length: number; bytes: number[] } {
  const last = bytes.length - 1;
  const head = size === 0 ? [last << 2] : [(59 + size) << 2, last, 0, 0, 0].slice(0, 1 + size);
  return { length: bytes.length, bytes: [...head, ...bytes] };
}

const snappyLength = (packed: Uint8Array): number =>
  withBytes(packed, 0, (source) => kernels.snappyDeclaredLength(source, packed.length));

describe("zstd", () => {
  it("gives back what it compressed, and another decoder reads its frames", () =>
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const packed = zstdCompress(bytes);
        expectBytes(zstdDecompress(packed, bytes.length), bytes);
        expectBytes(fzstdDecompress(packed), bytes);
      }),
      { numRuns: 100 },
    ));

  it("gives an error or some bytes for damaged frames, and writes no further than it may", () =>
    fc.assert(
      fc.property(
        anyBytes.chain((bytes) => fc.tuple(fc.constant(bytes), mutated(zstdCompress(bytes.subarray(0, 5000))))),
        ([bytes, packed]) => {
          const length = Math.min(bytes.length, 5000);
          zstdDecompress(packed, length);
        },
      ),
      { numRuns: 400 },
    ));
});

describe("a zstd frame of the reference encoder at its highest level", () => {
  // 1,050 bytes: 600 drawn from "abcdefgh   ", then thirty times "the same again "; with a content checksum.
  const frame = new Uint8Array(
    Buffer.from(
      "KLUv/WQaA7UIABZmQhGwpZAODoJFI3LLvWGGoUwJRDoAPAA8ADNnKZe//x7amBkFZ0W/iZL5XL3WUtHNwmEjX94/8dQj9+de3ikhtIlw2wNFHVs9lrjhg8gMeh+eeAkiozBjtvpaeCxIV5ZkfDLzg+R+kETVyz6Bs/G8h/HImjAszyLIM2/3GOEy47WSz8TEPMMcrRX4PGFe8VU9yCGLZ70nv8YZnjaKvrcqEfR+dn9hfEZR6eYiCu2ER133D6N41bGOcHjvbGLCT2GaQpqg/hSqHxSU2AuDgKopEMAMAY+H9XFzNLwstDPSfBiR29YYBfURFKHsRYK6oD/IoRFG5pAGisK/c5kPYcThEBbRI/zfqNz16cMCAMaxMtXcEK4UBwCmTQ==",
      "base64",
    ),
  );

  it("is read, its checksum compared", () => {
    const bytes = zstdDecompress(frame, 1050);
    expectBytes(bytes, fzstdDecompress(frame));
    expect(
      Buffer.from(bytes ?? [])
        .toString()
        .endsWith("the same again ".repeat(30)),
    ).toBe(true);
    const damaged = frame.slice();
    damaged[damaged.length - 1] ^= 1;
    expect(zstdDecompress(damaged, 1050)).toBeUndefined();
    expect(zstdDecompress(frame, 1049)).toBeUndefined();
  });
});

describe("LZ4", () => {
  it("reads blocks of literals and overlapping copies", () => {
    // 5 literals, then a copy of 14 bytes from 2 back, then the last literals.
    const block = Uint8Array.from([0x5a, 1, 2, 3, 4, 5, 2, 0, 0x20, 9, 8]);
    const expected = Uint8Array.from([1, 2, 3, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 9, 8]);
    expect(lz4Decompress(block, expected.length)).toEqual(expected);
    expect(lz4Decompress(block, expected.length - 1)).toBeUndefined();
    expect(lz4Decompress(block.subarray(0, 7), expected.length)).toBeUndefined();
  });
});
