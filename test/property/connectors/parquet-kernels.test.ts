import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deltaEncodeReference, hybridReference, spreadReference } from "../../reference/parquet.ts";
import { newWorkspace } from "../../support/workspace.ts";

const workspace = newWorkspace();
const { kernels } = workspace;
const GUARD = 0xa5;

/** Memory with `bytes` at its start and a guard behind `room`; checks that the guard survives. */
function withMemory<T>(bytes: Uint8Array, room: number, use: (source: number, out: number) => T): T {
  const source = workspace.allocate(bytes.length + 64);
  const out = workspace.allocate(room + 64);
  // What lies behind the source must not matter.
  workspace.u8.fill(0xff, source.address, source.address + bytes.length + 64);
  workspace.u8.set(bytes, source.address);
  workspace.u8.fill(GUARD, out.address + room, out.address + room + 64);
  const result = use(source.address, out.address);
  expect(workspace.u8.subarray(out.address + room, out.address + room + 64).every((byte) => byte === GUARD)).toBe(true);
  source.release();
  out.release();
  return result;
}

const u32s = (address: number, count: number): number[] =>
  Array.from(workspace.u32.subarray(address >>> 2, (address >>> 2) + count));

// Runs and noise, as levels and indices have them.
const anyValues = (width: number): fc.Arbitrary<number[]> => {
  const value = fc.integer({ min: 0, max: 2 ** width - 1 });
  return fc
    .array(
      fc.oneof(
        fc.array(value, { maxLength: 30 }),
        fc.tuple(value, fc.integer({ min: 1, max: 100 })).map(([one, times]) => new Array<number>(times).fill(one)),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.flat());
};

const anyWidth = fc.integer({ min: 1, max: 32 });

function encodeHybrid(values: readonly number[], width: number): Uint8Array {
  const bytes = new Uint8Array(Uint32Array.from(values).buffer);
  return withMemory(bytes, values.length * 6 + 64, (source, out) =>
    workspace.bytes(out, kernels.parquetEncodeHybrid(source, values.length, width, out)).slice(),
  );
}

function decodeHybrid(bytes: Uint8Array, width: number, limit: number, count: number): number[] | undefined {
  return withMemory(bytes, count * 4 + 32, (source, out) => {
    const consumed = kernels.parquetHybridU32(source, bytes.length, width, limit, out, count);
    expect(consumed).toBeLessThanOrEqual(bytes.length);
    return consumed < 0 ? undefined : u32s(out, count);
  });
}

/** Some values of a hybrid, in calls that go forward: matches of a dictionary, and values at positions. */
function readSome(
  bytes: Uint8Array,
  width: number,
  limit: number,
  cuts: readonly number[],
  matches: Uint8Array,
  base: number,
) {
  const table = workspace.allocate(limit);
  const cursors = workspace.allocateZeroed(16);
  const scratch = workspace.allocate(4 * (1024 + 8));
  workspace.u8.set(matches, table.address);
  const count = cuts[cuts.length - 1];
  const matched: number[] = [];
  const picked: number[] = [];
  const kept: number[] = [];
  let isMalformed = false;
  withMemory(bytes, count * 4 + 4, (source, out) => {
    const head = [source, bytes.length, width, limit] as const;
    for (const [i, to] of cuts.entries()) {
      const from = i === 0 ? 0 : cuts[i - 1];
      if (from === to) continue;
      const tail = [scratch.address, from, to, base, out] as const;
      const found = kernels.parquetMatch(...head, table.address, cursors.address, ...tail);
      if (found < 0) isMalformed = true;
      else matched.push(...u32s(out, found));
      // Every second position.
      const positions = Array.from({ length: (to - from + 1) >> 1 }, (_, at) => from + 2 * at + base);
      const place = workspace.allocate(positions.length * 4);
      workspace.u32.set(positions, place.address >>> 2);
      const asked = [place.address, positions.length, base] as const;
      const some = kernels.parquetPick(...head, cursors.address + 8, ...asked, out);
      if (some < 0) isMalformed = true;
      else picked.push(...u32s(out, some));
      const left = kernels.parquetKeep(...head, table.address, cursors.address + 8, ...asked, place.address);
      if (left < 0) isMalformed = true;
      else kept.push(...u32s(place.address, left));
      place.release();
    }
  });
  for (const block of [table, cursors, scratch]) block.release();
  return isMalformed ? undefined : { matched, picked, kept };
}

const anyCuts = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(count), { maxLength: 4 }).map((cuts) => [...cuts, count].sort((a, b) => a - b));

describe("reading some values of the hybrid", () => {
  const anyCase = fc
    .integer({ min: 1, max: 12 })
    .chain((width) =>
      fc.tuple(
        fc.constant(width),
        anyValues(width).filter((values) => values.length > 0),
      ),
    )
    .chain(([width, values]) =>
      fc.record({
        width: fc.constant(width),
        values: fc.constant(values),
        cuts: anyCuts(values.length),
        matches: fc.uint8Array({ minLength: 1 << width, maxLength: 1 << width, max: 1, size: "max" }),
        base: fc.constantFrom(0, 7, 1_000_000),
      }),
    );

  it("finds what matches and what stands at positions, wherever calls go on", () =>
    fc.assert(
      fc.property(anyCase, ({ width, values, cuts, matches, base }) => {
        const some = readSome(encodeHybrid(values, width), width, 1 << width, cuts, matches, base);
        const starts = [0, ...cuts];
        const asked = values.flatMap((_, row) => {
          const start = starts.findLast((cut, i) => cut <= row && row < (cuts[i] ?? 0)) ?? 0;
          return (row - start) % 2 === 0 ? [row] : [];
        });
        expect(some).toEqual({
          matched: values.flatMap((value, row) => (matches[value] === 1 ? [row + base] : [])),
          picked: asked.map((row) => values[row]),
          kept: asked.filter((row) => matches[values[row]] === 1).map((row) => row + base),
        });
      }),
      { numRuns: 300 },
    ));

  it("refuses or reads noise, and touches nothing else", () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 0, max: 8 }),
        anyCuts(90),
        (bytes, width, cuts) => {
          const limit = Math.max(1, (1 << width) - 1);
          const some = readSome(bytes, width, limit, cuts, new Uint8Array(limit).fill(1), 0);
          if (some !== undefined) expect(some.matched.length).toBe(cuts[cuts.length - 1]);
        },
      ),
      { numRuns: 500 },
    ));
});

const entryOf = (index: number): number => (index * 2_654_435_761) >>> 0;

/** The entries of a dictionary of `limit` entries that the bytes stand for. */
function lookUp(
  bytes: Uint8Array,
  width: number,
  limit: number,
  count: number,
  entryBytes: number,
): number[] | undefined {
  const dictionary = workspace.allocate(limit * entryBytes);
  const scratch = workspace.allocate(1024 * 4 + 32);
  const words = entryBytes / 4;
  for (let i = 0; i < limit; i++) {
    const at = (dictionary.address >>> 2) + i * words;
    workspace.u32[at] = entryOf(i);
    if (entryBytes === 8) workspace.u32[at + 1] = i;
  }
  const kernel = entryBytes === 4 ? kernels.parquetLookup32 : kernels.parquetLookup64;
  const found = withMemory(bytes, count * entryBytes + 16, (source, out) => {
    const consumed = kernel(source, bytes.length, width, limit, dictionary.address, scratch.address, out, count);
    expect(consumed).toBeLessThanOrEqual(bytes.length);
    if (consumed < 0) return undefined;
    const all = u32s(out, count * words);
    // The upper half of a wide entry is its index.
    if (entryBytes === 8) expect(all.every((word, i) => i % 2 === 0 || entryOf(word) === all[i - 1])).toBe(true);
    return all.filter((_, i) => i % words === 0);
  });
  dictionary.release();
  scratch.release();
  return found;
}

describe("the RLE / bit-packed hybrid", () => {
  it("gives back what was encoded, in the form of the format", () =>
    fc.assert(
      fc.property(
        anyWidth.chain((width) => fc.tuple(fc.constant(width), anyValues(width))),
        ([width, values]) => {
          const bytes = encodeHybrid(values, width);
          expect(hybridReference(bytes, width, 0, values.length)).toEqual(values);
          expect(decodeHybrid(bytes, width, 0, values.length)).toEqual(values);
        },
      ),
      { numRuns: 300 },
    ));

  it("decodes and refuses arbitrary bytes as the reference does", () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 16, 17)), { maxLength: 60, size: "max" }),
        fc.integer({ min: 0, max: 32 }),
        fc.nat(200),
        fc.constantFrom(0, 1, 2, 7, 200),
        (raw, width, count, limit) => {
          const bytes = Uint8Array.from(raw);
          expect(decodeHybrid(bytes, width, limit, count)).toEqual(hybridReference(bytes, width, limit, count));
        },
      ),
      { numRuns: 1500 },
    ));

  it("looks up the entries that the reference's indices stand for, and refuses what it refuses", () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 16, 17)), { maxLength: 60, size: "max" }),
        fc.integer({ min: 0, max: 32 }),
        fc.nat(200),
        fc.constantFrom(1, 2, 7, 200),
        fc.constantFrom(4, 8),
        (raw, width, count, limit, entryBytes) => {
          const bytes = Uint8Array.from(raw);
          const expected = hybridReference(bytes, width, limit, count)?.map((index) => entryOf(index));
          expect(lookUp(bytes, width, limit, count, entryBytes)).toEqual(expected);
        },
      ),
      { numRuns: 1500 },
    ));

  it("looks up packed runs of any width that are longer than what it unpacks at once", () => {
    for (let width = 1; width <= 20; width++) {
      const limit = Math.min(2 ** width, 40_000);
      const indices = Array.from({ length: 2_500 }, (_, i) => (i * 7919 + (i >> 3)) % limit);
      const bytes = encodeHybrid(indices, width);
      for (const entryBytes of [4, 8]) {
        expect(lookUp(bytes, width, limit, indices.length, entryBytes)).toEqual(indices.map(entryOf));
        const highest = Math.max(...indices);
        expect(lookUp(bytes, width, highest, indices.length, entryBytes)).toBeUndefined();
      }
    }
  });

  it("reads wide indices in runs, which parquetjs-lite gets wrong", () => {
    // 70,000 times the value 300 at 17 bits.
    const header = [0xe0, 0xc5, 0x08];
    expect(
      decodeHybrid(Uint8Array.from([...header, 0x2c, 0x01, 0x00]), 17, 0, 70_000)?.every((value) => value === 300),
    ).toBe(true);
  });

  it("decodes bits at every offset as it decodes numbers", () =>
    fc.assert(
      fc.property(anyValues(1), fc.nat(70), (values, firstBit) => {
        const bytes = encodeHybrid(values, 1);
        const room = ((firstBit + values.length + 7) >> 3) + 8;
        withMemory(bytes, room, (source, out) => {
          workspace.u8.fill(0xff, out, out + room);
          expect(kernels.parquetHybridBits(source, bytes.length, out, firstBit, values.length)).toBeGreaterThanOrEqual(
            0,
          );
          const bit = (i: number): number => (workspace.u8[out + (i >> 3)] >> (i & 7)) & 1;
          expect(Array.from({ length: firstBit }, (_, i) => bit(i))).toEqual(new Array(firstBit).fill(1));
          expect(values.map((_, i) => bit(firstBit + i))).toEqual(values);
          const ones = values.filter((value) => value === 1).length;
          expect(kernels.parquetCountBits(out, firstBit, values.length)).toBe(ones);
        });
      }),
      { numRuns: 300 },
    ));
});

describe("DELTA_BINARY_PACKED", () => {
  const edges = [0n, 1n, -1n, 2n ** 31n - 1n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)];

  it.each([32, 64] as const)("decodes %i-bit values, wrapping differences included", (bits) =>
    fc.assert(
      fc.property(
        fc.array(
          fc
            .oneof(fc.constantFrom(...edges), fc.bigInt({ min: -1000n, max: 1000n }))
            .map((value) => BigInt.asIntN(bits, value)),
          { minLength: 1, maxLength: 300, size: "max" },
        ),
        (values) => {
          const bytes = deltaEncodeReference(values, bits);
          withMemory(bytes, (values.length * bits) / 8, (source, out) => {
            const decode = bits === 32 ? kernels.parquetDelta32 : kernels.parquetDelta64;
            expect(decode(source, bytes.length, out, values.length)).toBe(bytes.length);
            const decoded =
              bits === 32
                ? Array.from(workspace.i32.subarray(out >>> 2, (out >>> 2) + values.length), BigInt)
                : Array.from(workspace.i64.subarray(out >>> 3, (out >>> 3) + values.length));
            expect(decoded).toEqual(values);
            // One value more or fewer than the page says is refused.
            expect(decode(source, bytes.length, out, values.length - 1)).toBe(-1);
          });
        },
      ),
      { numRuns: 200 },
    ),
  );

  it("refuses or decodes arbitrary bytes within its bounds", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80, size: "max" }), fc.nat(40), (bytes, count) => {
        withMemory(bytes, count * 8, (source, out) => {
          expect(kernels.parquetDelta64(source, bytes.length, out, count)).toBeLessThanOrEqual(bytes.length);
        });
      }),
      { numRuns: 1000 },
    ));
});

describe("null spreading", () => {
  const widths = [
    [1, kernels.parquetSpread8],
    [2, kernels.parquetSpread16],
    [4, kernels.parquetSpread32],
    [8, kernels.parquetSpread64],
    [16, kernels.parquetSpread128],
  ] as const;

  it.each(widths)("puts values of %i bytes where the bitmap says, at every bit offset", (width, spread) =>
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 150, size: "max" }), fc.nat(20), (present, firstBit) => {
        const bitmap = new Uint8Array(((firstBit + present.length) >> 3) + 1);
        present.forEach((isPresent, i) => {
          if (isPresent) bitmap[(firstBit + i) >> 3] |= 1 << ((firstBit + i) & 7);
        });
        const dense = present.filter(Boolean).map((_, i) => (i * 37 + 1) % 251);
        withMemory(bitmap, present.length * width, (source, out) => {
          workspace.u8.fill(0, out, out + present.length * width);
          for (const [i, value] of dense.entries()) workspace.u8.fill(value, out + i * width, out + (i + 1) * width);
          spread(out, source, firstBit, present.length, dense.length);
          spreadReference(dense, present).forEach((value, i) => {
            const bytes = workspace.u8.subarray(out + i * width, out + (i + 1) * width);
            // Null slots hold something initialised: a value of the page, or zero.
            if (value === undefined) expect(bytes.every((byte) => byte === 0 || dense.includes(byte))).toBe(true);
            else expect(bytes.every((byte) => byte === value)).toBe(true);
          });
        });
      }),
      { numRuns: 100 },
    ),
  );
});

describe("BYTE_STREAM_SPLIT", () => {
  it.each([4, 8, 3, 16])("brings the streams of %i-byte values together", (width) =>
    fc.assert(
      fc.property(fc.nat(100), (count) => {
        const values = Uint8Array.from({ length: count * width }, (_, i) => (i * 131) % 256);
        const split = new Uint8Array(values.length);
        values.forEach((byte, i) => {
          split[(i % width) * count + Math.floor(i / width)] = byte;
        });
        withMemory(split, values.length, (source, out) => {
          kernels.parquetByteStreams(source, width, count, out);
          expect(Buffer.compare(workspace.bytes(out, values.length), values)).toBe(0);
        });
      }),
      { numRuns: 60 },
    ),
  );
});

it("turns half floats into the floats that they are", () => {
  const half = new DataView(new ArrayBuffer(4));
  withMemory(new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer), 65_536 * 4, (source, out) => {
    kernels.parquetFloat16(source, 65_536, out);
    for (let bits = 0; bits < 65_536; bits++) {
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const magnitude =
        exponent === 31
          ? fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : exponent === 0
            ? fraction * 2 ** -24
            : (1024 + fraction) * 2 ** (exponent - 25);
      half.setFloat32(0, bits >= 0x8000 ? -magnitude : magnitude);
      const actual = workspace.f32[(out >>> 2) + bits];
      if (!Object.is(actual, half.getFloat32(0))) expect(actual, `half ${bits}`).toBe(half.getFloat32(0));
    }
  });
});
