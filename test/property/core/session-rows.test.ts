import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Address } from "../../../src/core/memory/allocator.ts";
import { rowsByNode, rowsBySession } from "../../reference/session-rows.ts";
import { withWorkspace } from "../../support/workspace.ts";

const NODES = 9;

it("rows by session are what the scalar reference says, however they were cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(NODES - 1), { maxLength: 12 }), { maxLength: 6, size: "max" }),
      fc.uniqueArray(fc.nat(NODES - 1), { maxLength: NODES }),
      fc.array(fc.nat(3), { minLength: NODES, maxLength: NODES }),
      fc.nat(3),
      (cuts, nodes, sessions, first) => {
        withWorkspace((ws) => {
          const { kernels } = ws;
          const added = cuts.flat();
          const blocks: { release(): void }[] = [];
          const zeroed = (bytes: number): Address => {
            const block = ws.allocateZeroed(bytes);
            blocks.push(block);
            return block.address;
          };
          const numbers = (values: readonly number[]): Address => {
            const at = zeroed(values.length * 4);
            ws.u32.set(values, at >>> 2);
            return at;
          };
          const read = (at: Address, count: number) => [...ws.u32.subarray(at >>> 2, (at >>> 2) + count)];
          const lists = zeroed(NODES * 12);
          const next = zeroed(added.length * 4);
          let row = 0;
          for (const cut of cuts) {
            kernels.sessionRowsAdd(numbers(cut), cut.length, row, lists, next);
            row += cut.length;
          }
          const chosen = nodes.map((node, i) => ({ node, session: sessions[i] }));
          const expected = rowsBySession(rowsByNode(added, NODES), chosen);
          const [from, of] = [numbers(nodes), numbers(chosen.map(({ session }) => session))];
          const count = kernels.sessionRowsCount(from, nodes.length, lists);
          expect(count).toBe(expected.length);
          const [elements, scratch] = [zeroed(count * 8), zeroed(count * 8)];
          kernels.sessionRowsTake(from, of, nodes.length, lists, next, elements);
          const sorted = kernels.sortRadix(elements, count, 0, scratch, zeroed(kernels.sortCountsBytes())) >>> 0;
          const [rows, numbered] = [zeroed(count * 4), zeroed(count * 4)];
          kernels.sessionRowsSplit(sorted, count, 0, rows, numbered);
          expect(read(numbered, count).map((session, i) => [session, read(rows, count)[i]])).toEqual(expected);
          kernels.sessionRowsSplit(sorted, count, 1, rows, numbered);
          expect(read(numbered, count)).toEqual(expected.map(([session]) => (session - 1) >>> 0));
          const found = expected.findIndex(([session]) => session >= first);
          expect(kernels.sessionRowsSeek(sorted, 0, count, first)).toBe(found < 0 ? count : found);
          kernels.sessionRowsSwap(sorted, count);
          const other = sorted === elements ? scratch : elements;
          const byRow = kernels.sortRadix(sorted, count, 0, other, zeroed(kernels.sortCountsBytes())) >>> 0;
          kernels.sessionRowsSwap(byRow, count);
          kernels.sessionRowsSplit(byRow, count, 0, rows, numbered);
          expect(read(rows, count).map((row, i) => [read(numbered, count)[i], row])).toEqual(
            expected.toSorted(([, a], [, b]) => a - b),
          );
          for (const block of blocks) block.release();
        });
      },
    ),
  );
});

it("gaps of bounds, and the first of two numbers that is there", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          start: fc.maxSafeInteger().map((n) => Math.trunc(n / 2)),
          gap: fc.integer({ min: 1, max: 2 ** 40 }),
          a: fc.option(fc.nat()),
          b: fc.nat(),
        }),
        { maxLength: 40 },
      ),
      (rows) => {
        withWorkspace((ws) => {
          const { kernels } = ws;
          const count = rows.length;
          const blocks = [8, 8, 8, 4, 4, 4, 1].map((width) => ws.allocateZeroed(count * width));
          const [starts, ends, gaps, a, b, out, bits] = blocks.map(({ address }) => address);
          for (const [i, row] of rows.entries()) {
            ws.i64[starts / 8 + i] = BigInt(row.start);
            ws.i64[ends / 8 + i] = BigInt(row.start + row.gap);
            ws.u32[a / 4 + i] = row.a ?? 77;
            ws.u32[b / 4 + i] = row.b;
            if (row.a !== null) ws.u8[bits + (i >> 3)] |= 1 << (i & 7);
          }
          kernels.sessionRowsGaps(starts, ends, count, gaps);
          expect(rows.map((_, i) => Number(ws.i64[gaps / 8 + i]))).toEqual(rows.map(({ gap }) => gap));
          kernels.sessionRowsEither(a, bits, b, count, out);
          expect(rows.map((_, i) => ws.u32[out / 4 + i])).toEqual(rows.map((row) => row.a ?? row.b));
          for (const block of blocks) block.release();
        });
      },
    ),
  );
});
