import { describe, expect, it } from "vitest";
import { RankedRowsOperator, type RankedRowsSpec } from "../../../../src/core/operators/ranked-rows.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, interval, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { fold } from "../../../support/stream-script.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ k: utf8, v: int32 });
const SPEC: RankedRowsSpec = { kind: "rankedRows", keys: ["k"], order: [{ column: "v", descending: true }], count: 2 };
const harnessOf = (ws: Workspace, spec: Partial<RankedRowsSpec> = {}) =>
  new StreamHarness(ws, () => new RankedRowsOperator({ ...SPEC, ...spec }, SCHEMA), [{ schema: SCHEMA, keys: ["k"] }]);
const rowsOf = (...values: number[]) => values.map((v) => ({ k: "a", v }));
const taken = (harness: StreamHarness) => harness.emitted.splice(0).map(({ row, kind }) => [kind, row.v, row.rank]);

describe("ranked rows", () => {
  it("tells which rows have gone and which have come", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      harness.rows(0, rowsOf(1, 5, 3));
      expect(taken(harness)).toEqual([
        [0, 5, undefined],
        [0, 3, undefined],
      ]);
      harness.rows(0, rowsOf(2, 3));
      expect(taken(harness)).toEqual([]);
      harness.rows(0, rowsOf(9, 4, 8));
      expect(taken(harness)).toEqual([
        [3, 5, undefined],
        [3, 3, undefined],
        [0, 9, undefined],
        [0, 8, undefined],
      ]);
      harness.close();
    }));

  it("tells with ranks which place has another row", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { rankColumn: "rank" });
      harness.rows(0, rowsOf(5));
      harness.rows(0, rowsOf(3));
      expect(taken(harness)).toEqual([
        [0, 5, 1n],
        [0, 3, 2n],
      ]);
      harness.rows(0, rowsOf(4));
      expect(taken(harness)).toEqual([
        [1, 3, 2n],
        [2, 4, 2n],
      ]);
      harness.rows(0, rowsOf(6));
      expect(taken(harness)).toEqual([
        [1, 5, 1n],
        [2, 6, 1n],
        [1, 4, 2n],
        [2, 5, 2n],
      ]);
      harness.close();
    }));

  it("updates the one row of a key, to the earlier or the later of equal ones", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { count: 1, order: [], prefersLater: true });
      for (const v of [1, 2]) harness.rows(0, rowsOf(v));
      expect(taken(harness)).toEqual([
        [0, 1, undefined],
        [1, 1, undefined],
        [2, 2, undefined],
      ]);
      harness.close();
    }));

  it("keeps no more than the rows of each key, however many come", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      const text = "a value of k that does not fit inline ";
      const most = [0, 0, 0];
      for (let round = 0; round < 60; round++) {
        harness.rows(
          0,
          Array.from({ length: 2000 }, (_, i) => ({ k: text + (i % 500), v: round * 2000 + i })),
        );
        const third = Math.floor(round / 20);
        most[third] = Math.max(most[third], ws.allocator.liveBytes);
      }
      expect(most[2]).toBeLessThanOrEqual(most[1]);
      const left = fold(harness.emitted);
      expect(left).toHaveLength(1000);
      expect(left.map(({ v }) => v as number).sort((a, b) => a - b)[0]).toBe(60 * 2000 - 1000);
      harness.close();
    }));

  it("gives the next row where one is taken back, and counts those that are not there", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { isChangelogInput: true, rankColumn: "rank" });
      harness.rows(0, rowsOf(1, 5, 3, 3), { kinds: [0, 0, 0, 0] });
      harness.emitted.splice(0);
      harness.rows(0, rowsOf(5, 7), { kinds: [3, 1] });
      expect(taken(harness)).toEqual([
        [1, 5, 1n],
        [2, 3, 1n],
      ]);
      expect(harness.metrics.get("retractionsMissed")).toBe(1);
      harness.rows(0, rowsOf(3, 3, 1), { kinds: [3, 1, 3] });
      expect(taken(harness)).toEqual([
        [3, 3, 1n],
        [3, 3, 2n],
      ]);
      harness.close();
    }));

  it("keeps no more of a changelog than what is there, and of keys that expire than those that live", () =>
    withWorkspace((ws) => {
      const text = "a value of k that does not fit inline ";
      const ttl = { ttlMs: 1000, timeDomain: "event" } as const;
      for (const spec of [{ isChangelogInput: true }, { ttl }, { isChangelogInput: true, ttl, rankColumn: "rank" }]) {
        const harness = harnessOf(ws, spec);
        const most = [0, 0, 0];
        for (let round = 0; round < 60; round++) {
          const given = Array.from({ length: 2000 }, (_, i) => ({ k: `${text}${round} ${i >> 1}`, v: i }));
          const times = given.map(() => round * 500);
          harness.rows(0, given, { times });
          // With a time to live, nobody takes the rows back.
          if (!("ttl" in spec)) harness.rows(0, given, { times, kinds: given.map(() => 3) });
          harness.watermark(round * 500);
          harness.emitted.splice(0);
          const third = Math.floor(round / 20);
          most[third] = Math.max(most[third], ws.allocator.liveBytes);
        }
        expect(most[2]).toBeLessThanOrEqual(most[1]);
        expect(harness.stateBytes).toBeGreaterThan(0);
        harness.close();
        expect(harness.stateBytes).toBe(0);
      }
    }));

  it("forgets keys by the clock while no rows come", () =>
    withWorkspace((ws) => {
      const create = () => new RankedRowsOperator({ ...SPEC, ttl: { ttlMs: 10 } }, SCHEMA);
      const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: ["k"] }]);
      harness.rows(
        0,
        Array.from({ length: 20_000 }, (_, i) => ({ k: `a key of its own ${i}`, v: i })),
      );
      const before = ws.allocator.liveBytes;
      harness.processingTime(10);
      expect(ws.allocator.liveBytes).toBeLessThan(before / 4);
      harness.close();
    }));

  it("refuses what it cannot rank by", () => {
    const refused =
      (spec: Partial<RankedRowsSpec>, schema: Schema = SCHEMA) =>
      () =>
        new RankedRowsOperator({ ...SPEC, ...spec }, schema);
    expect(refused({ count: 0 })).toThrow(/first 0 rows/);
    expect(refused({ count: 1.5 })).toThrow(/1.5/);
    expect(refused({ rankColumn: "v" })).toThrow(/"v"/);
    expect(refused({}, Schema.of({ k: utf8, v: interval }))).toThrow(/no order/);
  });
});
