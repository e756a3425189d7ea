import fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64 } from "../../../../src/core/types.ts";
import { BatchTimes } from "../../../../src/core/windows/batch-times.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const FAR_MS = 2 ** 50;
const anyTime = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(-FAR_MS, FAR_MS),
  fc.maxSafeInteger().map((n) => n % FAR_MS),
);

it("rows in the order of time are cut where others are looked at one by one", () => {
  fc.assert(
    fc.property(
      fc.array(anyTime, { minLength: 1, maxLength: 60, size: "max" }),
      fc.boolean(),
      fc.option(fc.tuple(fc.nat(59), fc.nat(59))),
      anyTime,
      fc.nat(30),
      (unordered, isSorted, swapped, fromMs, spanMs) => {
        const given = isSorted ? unordered.toSorted((a, b) => a - b) : unordered;
        // One that is out of order, anywhere.
        if (swapped !== null) {
          const [i, j] = swapped.map((at) => at % given.length);
          [given[i], given[j]] = [given[j], given[i]];
        }
        const inOrder = given.every((time, i) => i === 0 || given[i - 1] <= time);
        withWorkspace((ws) => {
          const times = buildColumn(ws, int64, given.map(BigInt));
          const batch = new Batch(Schema.of({ time: int64 }), given.length, [times.retain()], { times });
          const rows = new BatchTimes(ws, batch);
          expect([rows.leastMs, rows.greatestMs]).toEqual([Math.min(...given), Math.max(...given)]);
          const toMs = fromMs + spanMs;
          expect(rows.countBetween(fromMs, toMs)).toBe(given.filter((time) => time >= fromMs && time < toMs).length);
          const from = Math.min(fromMs, rows.greatestMs);
          expect(rows.firstFrom(from)).toBe(Math.min(...given.filter((time) => time >= from)));
          const parts = rows.cut(batch, [fromMs, toMs, Number.POSITIVE_INFINITY]);
          expect(parts !== undefined).toBe(inOrder);
          const cutTimes = parts?.map((part) => readRows(ws, part).map(({ time }) => Number(time)));
          if (inOrder) {
            const between = (low: number, high: number) => given.filter((time) => time >= low && time < high);
            expect(cutTimes).toEqual([
              between(Number.NEGATIVE_INFINITY, fromMs),
              between(fromMs, toMs),
              between(toMs, Number.POSITIVE_INFINITY),
            ]);
          }
          for (const part of parts ?? []) part.release();
          batch.release();
        });
      },
    ),
  );
});
