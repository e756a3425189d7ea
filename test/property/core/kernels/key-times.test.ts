import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Change, presentRows } from "../../../reference/changelog.ts";
import { first, NEVER, Places, renewed, type TimedKey } from "../../../reference/key-times.ts";
import { cases } from "../../../support/cases.ts";
import { inMemory } from "../../../support/kernel-memory.ts";

const GROUPS = 4;
const KINDS = { added: [0, 2], back: [1, 3] } as const;

const group = fc.nat(GROUPS - 1);
const time = fc.oneof(fc.integer({ min: -9, max: 30 }), fc.constantFrom(-(2 ** 51), 2 ** 51));
const ttl = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(2 ** 52));
const times = fc.array(fc.oneof(time, fc.constant(NEVER)), { minLength: GROUPS, maxLength: GROUPS });
const anyKey = fc.record({ group, timeMs: time, isBack: fc.boolean(), isUpdate: fc.boolean() });
const anyKeys = fc.array(anyKey, { maxLength: 24, size: "max" });

const kindsOf = (rows: readonly { readonly isBack: boolean; readonly isUpdate: boolean }[]) =>
  rows.map(({ isBack, isUpdate }) => KINDS[isBack ? "back" : "added"][isUpdate ? 1 : 0]);
const groupsOf = (rows: readonly { readonly group: number }[]) => rows.map((row) => row.group);
const timesOf = (rows: readonly TimedKey[]) => rows.map(({ timeMs }) => timeMs);

describe("kernels of keys that live for a time", () => {
  it("keyTimesRenew renews keys up to one that begins anew", () =>
    fc.assert(
      fc.property(anyKeys, times, ttl, fc.nat(30), fc.boolean(), (keys, before, ttlMs, start, hasKinds) => {
        const from = Math.min(start, keys.length);
        const rows = hasKinds ? keys : keys.map((row) => ({ ...row, isBack: false }));
        const expectedTimes = [...before];
        const expected = renewed(rows, from, ttlMs, expectedTimes);
        inMemory((memory, { kernels }) => {
          const [held, flags] = [memory.i64(before), memory.u8([0, 0, 0, 0])];
          const [expired, sizes] = [memory.room(rows.length * 4), memory.room(8)];
          kernels.keyTimesRenew(
            memory.u32(groupsOf(rows)),
            memory.i64(timesOf(rows)),
            hasKinds ? memory.u8(kindsOf(rows)) : 0,
            0,
            ttlMs,
            from,
            rows.length,
            held,
            flags,
            expired,
            sizes,
          );
          const [end, count] = memory.readU32(sizes, 2);
          expect({ end, expired: memory.readU32(expired, count) }).toEqual(expected);
          expect(memory.readI64(held, GROUPS)).toEqual(expectedTimes);
          expect(memory.readU32(flags, 1)).toEqual([0]);
        });
      }),
      { numRuns: cases(300) },
    ));

  it("keyTimesFirst gives the rows that begin a key, by their times or by the clock", () =>
    fc.assert(
      fc.property(anyKeys, times, ttl, fc.option(time), (keys, before, ttlMs, nowMs) => {
        const rows = nowMs === null ? keys : keys.map((row) => ({ ...row, timeMs: nowMs }));
        const expectedTimes = [...before];
        const expected = first(rows, ttlMs, expectedTimes);
        inMemory((memory, { kernels }) => {
          const [held, out] = [memory.i64(before), memory.room(rows.length * 4 + 4)];
          const rowTimes = nowMs === null ? memory.i64(timesOf(rows)) : 0;
          const groups = memory.u32(groupsOf(rows));
          const count = kernels.keyTimesFirst(groups, rowTimes, nowMs ?? 0, ttlMs, rows.length, held, out);
          expect(memory.readU32(out, count)).toEqual(expected);
          expect(memory.readI64(held, GROUPS)).toEqual(expectedTimes);
        });
      }),
      { numRuns: cases(300) },
    ));

  it("keyTimesPut keeps the later time, and keyTimesSelect tells who lives", () =>
    fc.assert(
      fc.property(anyKeys, times, time, fc.boolean(), (rows, before, boundMs, living) => {
        const expected = [...before];
        for (const { group: at, timeMs } of rows) expected[at] = Math.max(expected[at], timeMs);
        inMemory((memory, { kernels }) => {
          const [held, out] = [memory.i64(before), memory.room(GROUPS * 4 + 4)];
          kernels.keyTimesPut(memory.u32(groupsOf(rows)), memory.i64(timesOf(rows)), rows.length, held);
          expect(memory.readI64(held, GROUPS)).toEqual(expected);
          for (const from of [0, 1, GROUPS]) {
            const count = kernels.keyTimesSelect(held, boundMs, from, GROUPS - from, living, out);
            const chosen = [...expected.keys()].filter((at) => at >= from && expected[at] > boundMs === living);
            expect(memory.readU32(out, count)).toEqual(chosen);
          }
        });
      }),
      { numRuns: cases(200) },
    ));

  it("keyTimesForget forgets groups without rows, whatever counts them", () =>
    fc.assert(
      fc.property(
        fc.array(group, { maxLength: 8 }),
        times,
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }),
        fc.boolean(),
        fc.option(fc.array(fc.nat(7), { minLength: GROUPS, maxLength: GROUPS })),
        (groups, before, counts, isWide, places) => {
          const placeOf = (at: number) => (places === null ? at : places[at]);
          const expected = before.map((timeMs, at) =>
            groups.includes(at) && counts[placeOf(at)] === 0 ? NEVER : timeMs,
          );
          inMemory((memory, { kernels }) => {
            const held = memory.i64(before);
            // Counts of four bytes lie among other things, as in a record.
            const [counted, stride] = isWide
              ? [memory.i64(counts.map((count) => (count === 0 ? NEVER : count))), 8]
              : [memory.u32(counts.flatMap((count) => [count, 9, 9])), 12];
            const known = places === null ? 0 : memory.u32(places);
            kernels.keyTimesForget(memory.u32(groups), groups.length, counted, stride, isWide, known, held);
            expect(memory.readI64(held, GROUPS)).toEqual(expected);
          });
        },
      ),
      { numRuns: cases(200) },
    ));

  it("keyTimesPlace gives groups that begin anew the next places, and keyTimesLiving tells which hold something", () =>
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(group, { maxLength: GROUPS }), { maxLength: 5 }),
        times,
        time,
        fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 20, maxLength: 20 }),
        fc.nat(20),
        (rounds, held, boundMs, counts, start) => {
          const reference = new Places();
          // Every group has a place before it is asked for.
          const given = [[0, 1, 2, 3], ...rounds];
          inMemory((memory, { kernels }) => {
            const [places, owners] = [memory.u32([0, 0, 0, 0]), memory.room(24 * 4)];
            for (const groups of given) {
              const next = reference.owners.length;
              kernels.keyTimesPlace(memory.u32(groups), groups.length, next, places, owners);
              reference.give(groups);
            }
            const { length } = reference.owners;
            expect(memory.readU32(owners, length)).toEqual(reference.owners);
            expect(memory.readU32(places, GROUPS)).toEqual([0, 1, 2, 3].map((at) => reference.placeOf(at)));
            const from = Math.min(start, length);
            const asked = Array.from({ length: length - from }, (_, i) => counts[i % counts.length]);
            const out = memory.room(asked.length * 4 + 4);
            const [at, byPlace] = [memory.i64(held), memory.i64(asked)];
            const count = kernels.keyTimesLiving(at, boundMs, places, owners, from, asked.length, byPlace, out);
            expect(memory.readU32(out, count)).toEqual(reference.living(held, boundMs, from, asked));
          });
        },
      ),
      { numRuns: cases(300) },
    ));
});

describe("kernels of changelogs", () => {
  const anyCount = fc.constantFrom<number | "emptied">(0, 1, 2, 5, "emptied");

  it("changelogPresent gives the rows that count, up to one that begins what was emptied anew", () =>
    fc.assert(
      fc.property(
        anyKeys,
        fc.array(anyCount, { minLength: GROUPS, maxLength: GROUPS }),
        fc.boolean(),
        (keys, before, hasKinds) => {
          const changes: readonly Change[] = hasKinds ? keys : keys.map((row) => ({ ...row, isBack: false }));
          const expectedCounts = [...before];
          const expected = presentRows(changes, expectedCounts);
          const stored = (count: number | "emptied") => (count === "emptied" ? NEVER : count);
          inMemory((memory, { kernels }) => {
            const [counts, seen] = [memory.i64(before.map(stored)), memory.room(4)];
            const rows = memory.room(changes.length * 4 + 4);
            const kinds = hasKinds ? memory.u8(kindsOf(keys)) : 0;
            const groups = memory.u32(groupsOf(changes));
            const count = kernels.changelogPresent(groups, kinds, changes.length, counts, rows, seen);
            expect({ rows: memory.readU32(rows, count), seen: memory.readU32(seen, 1)[0] }).toEqual(expected);
            expect(memory.readI64(counts, GROUPS)).toEqual(expectedCounts.map(stored));
          });
        },
      ),
      { numRuns: cases(300) },
    ));

  it("changelogSelect parts rows that are added from those that are taken back", () =>
    fc.assert(
      fc.property(anyKeys, fc.boolean(), fc.boolean(), (keys, back, hasKinds) => {
        inMemory((memory, { kernels }) => {
          const out = memory.room(keys.length * 4 + 4);
          const count = kernels.changelogSelect(hasKinds ? memory.u8(kindsOf(keys)) : 0, keys.length, back, out);
          const isBack = (row: number) => hasKinds && keys[row].isBack;
          expect(memory.readU32(out, count)).toEqual([...keys.keys()].filter((row) => isBack(row) === back));
        });
      }),
      { numRuns: cases(200) },
    ));
});
