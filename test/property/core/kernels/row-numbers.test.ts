import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cases } from "../../../support/cases.ts";
import { inMemory } from "../../../support/kernel-memory.ts";

// Kernels that number rows, or tell them apart by their times: the twins are the one-liners beside them.

const BOUND = 2 ** 51;
const time = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.constantFrom(-BOUND, BOUND, 0, -1));
const times = fc.array(time, { maxLength: 70, size: "max" });
const bound = fc.oneof(time, fc.constantFrom(-BOUND - 1, BOUND + 1));

describe("kernels of event times", () => {
  it("find extremes, and whether times ascend, at every length", () =>
    fc.assert(
      fc.property(times, fc.boolean(), (given, isSorted) => {
        const values = isSorted ? given.toSorted((a, b) => a - b) : given;
        inMemory((memory, { kernels }) => {
          const at = memory.i64(values);
          const ascend = values.every((value, i) => i === 0 || values[i - 1] <= value);
          expect(Boolean(kernels.eventTimesAscend(at, values.length))).toBe(ascend);
          if (values.length === 0) return;
          expect(kernels.eventTimeMin(at, values.length)).toBe(Math.min(...values));
          expect(kernels.eventTimeMax(at, values.length)).toBe(Math.max(...values));
        });
      }),
      { numRuns: cases(300) },
    ));

  it("part rows by a bound, those on either side in their order", () =>
    fc.assert(
      fc.property(times, bound, (values, boundMs) => {
        inMemory((memory, { kernels }) => {
          const rows = memory.room(values.length * 4 + 4);
          const count = kernels.eventTimeSplit(memory.i64(values), values.length, boundMs, rows);
          const numbers = [...values.keys()];
          const later = numbers.filter((row) => values[row] > boundMs);
          expect(count).toBe(later.length);
          expect(memory.readU32(rows, values.length)).toEqual([
            ...later,
            ...numbers.filter((row) => values[row] <= boundMs),
          ]);
          const sorted = values.toSorted((a, b) => a - b);
          for (const each of [boundMs, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
            const before = kernels.eventTimesBefore(memory.i64(sorted), sorted.length, each);
            expect(before).toBe(sorted.filter((value) => value < each).length);
          }
        });
      }),
      { numRuns: cases(200) },
    ));

  it("write one time for all, and the later of two", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(time, time), { maxLength: 40, size: "max" }), time, (pairs, timeMs) => {
        inMemory((memory, { kernels }) => {
          const { length } = pairs;
          const out = memory.room(length * 8 + 8);
          kernels.eventTimeFill(timeMs, length, out);
          expect(memory.readI64(out, length)).toEqual(pairs.map(() => timeMs));
          const [a, b] = [0, 1].map((i) => memory.i64(pairs.map((pair) => pair[i])));
          kernels.eventTimeLater(a, b, length, out);
          expect(memory.readI64(out, length)).toEqual(pairs.map((pair) => Math.max(...pair)));
        });
      }),
      { numRuns: cases(100) },
    ));

  it("number panes: two for each slide, the second one behind the cut", () =>
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: -9, max: 9 }),
        fc.integer({ min: 1, max: 12 }).chain((slide) => fc.tuple(fc.constant(slide), fc.nat(slide - 1))),
        (values, offset, [slide, cut]) => {
          inMemory((memory, { kernels }) => {
            const at = memory.i64(values);
            // In place.
            kernels.paneNumbers(at, values.length, offset, slide, cut, at);
            expect(memory.readI64(at, values.length)).toEqual(
              values.map((value) => {
                const step = Math.floor((value - offset) / slide);
                return 2 * step + (cut > 0 && value - offset - step * slide >= cut ? 1 : 0);
              }),
            );
          });
        },
      ),
      { numRuns: cases(200) },
    ));
});

describe("kernels of row numbers", () => {
  it("joinCross counts every pair, from any of them on", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(40), fc.nat(30), (buildCount, start, count) => {
        inMemory((memory, { kernels }) => {
          const [probe, build] = [memory.room(count * 4 + 4), memory.room(count * 4 + 4)];
          kernels.joinCross(start, count, buildCount, probe, build);
          const pairs = Array.from({ length: count }, (_, i) => start + i);
          expect(memory.readU32(probe, count)).toEqual(pairs.map((pair) => Math.floor(pair / buildCount)));
          expect(memory.readU32(build, count)).toEqual(pairs.map((pair) => pair % buildCount));
        });
      }),
      { numRuns: cases(100) },
    ));

  it("changelogIndices gives row kinds as indices, inserts where there are none", () =>
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 20 }), fc.boolean(), (kinds, hasKinds) => {
        inMemory((memory, { kernels }) => {
          const out = memory.room(kinds.length * 4 + 4);
          kernels.changelogIndices(hasKinds ? memory.u8(kinds) : 0, kinds.length, out);
          expect(memory.readU32(out, kinds.length)).toEqual(kinds.map((kind) => (hasKinds ? kind : 0)));
        });
      }),
      { numRuns: cases(100) },
    ));

  const word = fc.constantFrom(0n, 1n, 2n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n);
  /** Of keys none of which is the beginning of another. */
  const compare = (a: readonly bigint[], b: readonly bigint[]): number => {
    const at = a.findIndex((value, i) => value !== b[i]);
    if (at < 0) return 0;
    return a[at] > b[at] ? 1 : -1;
  };

  it("mergeBound counts the sorted keys below a bound, of one length or of any", () =>
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { minLength: 1, maxLength: 3 }), { maxLength: 20, size: "max" }),
        fc.array(word, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 3 })),
        (given, limit, orEqual, stride) => {
          // Keys of one length where there is a stride; else they tell their own.
          const keyOf = (key: readonly bigint[]) =>
            stride === null ? [BigInt(key.length), ...key] : Array.from({ length: stride }, (_, i) => key[i] ?? 0n);
          const keys = given.map(keyOf).sort(compare);
          const [end, to] = [keyOf(limit), keys.length];
          const from = Math.min(3, to);
          inMemory((memory, { kernels }) => {
            const words = memory.u64(keys.flat());
            const starts = [0];
            for (const key of keys) starts.push((starts.at(-1) ?? 0) + key.length);
            const positions = stride === null ? memory.u32(starts) : 0;
            const found = kernels.mergeBound(
              words,
              positions,
              stride ?? 0,
              from,
              to,
              memory.u64(end),
              end.length,
              orEqual,
            );
            const isBelow = (key: readonly bigint[]) => compare(key, end) < (orEqual ? 1 : 0);
            expect(found).toBe(keys.slice(from).filter(isBelow).length);
          });
        },
      ),
      { numRuns: cases(300) },
    ));
});
