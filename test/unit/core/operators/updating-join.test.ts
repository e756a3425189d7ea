import { describe, expect, it } from "vitest";
import {
  UpdatingJoinOperator,
  type UpdatingJoinOptions,
  type UpdatingJoinSpec,
} from "../../../../src/core/operators/updating-join.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const ORDERS = Schema.of({ id: utf8, total: int32 });
const PAYMENTS = Schema.of({ order: utf8, paid: int32 });
const SPEC: UpdatingJoinSpec = {
  kind: "updatingJoin",
  type: "left",
  leftKeys: ["id"],
  rightKeys: ["order"],
  output: [
    { side: "left", column: "id", name: "id" },
    { side: "left", column: "total", name: "total" },
    { side: "right", column: "paid", name: "paid" },
  ],
};
const harnessOf = (ws: Workspace, spec: Partial<UpdatingJoinSpec> = {}, options: UpdatingJoinOptions = {}) =>
  new StreamHarness(ws, () => new UpdatingJoinOperator({ ...SPEC, ...spec }, ORDERS, PAYMENTS, options), [
    { schema: ORDERS, keys: ["id"] },
    { schema: PAYMENTS, keys: ["order"] },
  ]);
const taken = (harness: StreamHarness) =>
  harness.emitted.splice(0).map(({ row, kind }) => [kind, row.id, row.total, row.paid]);

describe("updating join", () => {
  it("takes the row without a match back when one comes, and gives it again when the last one goes", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { changelogs: { right: true } });
      harness.rows(0, [
        { id: "a", total: 1 },
        { id: null, total: 2 },
      ]);
      expect(taken(harness)).toEqual([
        [0, null, 2, null],
        [0, "a", 1, null],
      ]);
      harness.rows(1, [{ order: "a", paid: 5 }]);
      expect(taken(harness)).toEqual([
        [3, "a", 1, null],
        [0, "a", 1, 5],
      ]);
      harness.rows(1, [{ order: "a", paid: 5 }], { kinds: [3] });
      expect(taken(harness)).toEqual([
        [3, "a", 1, 5],
        [0, "a", 1, null],
      ]);
      harness.close();
    }));

  it("says nothing of what a batch does and undoes, nor of a match that is replaced", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { changelogs: { right: true } });
      harness.rows(0, [{ id: "a", total: 1 }]);
      harness.rows(1, [{ order: "a", paid: 5 }]);
      taken(harness);
      const same = { order: "a", paid: 9 };
      harness.rows(1, [same, same], { kinds: [0, 3] });
      expect(taken(harness)).toEqual([]);
      harness.rows(
        1,
        [
          { order: "a", paid: 5 },
          { order: "a", paid: 6 },
        ],
        { kinds: [1, 2] },
      );
      expect(taken(harness)).toEqual([
        [3, "a", 1, 5],
        [0, "a", 1, 6],
      ]);
      harness.close();
    }));

  it("gives rows as often as they are there, in pieces of a batch", () =>
    withWorkspace((ws) => {
      const harness = new StreamHarness(
        ws,
        () => new UpdatingJoinOperator({ ...SPEC, changelogs: { left: true, right: true } }, ORDERS, PAYMENTS),
        [
          { schema: ORDERS, keys: ["id"] },
          { schema: PAYMENTS, keys: ["order"] },
        ],
        { batchRows: 4 },
      );
      harness.rows(
        0,
        Array.from({ length: 3 }, () => ({ id: "a", total: 1 })),
      );
      harness.rows(
        1,
        Array.from({ length: 5 }, () => ({ order: "a", paid: 1 })),
      );
      const changes = taken(harness);
      expect(changes.filter(([kind]) => kind === 3)).toHaveLength(3);
      expect(changes.filter(([, , , paid]) => paid === 1)).toHaveLength(15);
      harness.rows(0, [{ id: "a", total: 1 }], { kinds: [3] });
      expect(taken(harness)).toEqual(Array.from({ length: 5 }, () => [3, "a", 1, 1]));
      harness.close();
    }));

  it("has no row kinds where no result is ever taken back", () =>
    withWorkspace((ws) => {
      for (const type of ["inner", "semi"] as const) {
        const output = type === "semi" ? SPEC.output.slice(0, 2) : SPEC.output;
        const operator = new UpdatingJoinOperator({ ...SPEC, type, output }, ORDERS, PAYMENTS);
        const harness = new StreamHarness(ws, () => operator, [
          { schema: ORDERS, keys: ["id"] },
          { schema: PAYMENTS, keys: ["order"] },
        ]);
        harness.rows(0, [{ id: "a", total: 1 }]);
        for (const paid of [5, 6]) harness.rows(1, [{ order: "a", paid }]);
        expect(harness.emitted.map(({ kind }) => kind)).toEqual(type === "semi" ? [0] : [0, 0]);
        harness.close();
      }
    }));

  it("clears rows away that have gone", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { changelogs: { left: true } });
      let bytes = 0;
      for (let round = 0; round < 40; round++) {
        const rows = Array.from({ length: 1000 }, (_, i) => ({ id: `a key of some length ${round} ${i}`, total: i }));
        harness.rows(0, rows);
        harness.rows(0, rows, { kinds: rows.map(() => 3) });
        if (round === 10) bytes = ws.allocator.liveBytes;
      }
      expect(ws.allocator.liveBytes).toBeLessThanOrEqual(bytes * 1.5);
      expect(harness.stateBytes).toBeGreaterThan(0);
      harness.close();
    }));

  it("forgets rows after their time to live, by the clock, though no more come", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { ttl: { ttlMs: 1000 } });
      const empty = harness.stateBytes;
      harness.rows(
        0,
        Array.from({ length: 20_000 }, (_, i) => ({ id: `order ${i}`, total: i })),
      );
      const full = harness.stateBytes;
      taken(harness);
      harness.nowMs = 999;
      harness.rows(1, [{ order: "order 1", paid: 1 }]);
      expect(taken(harness)).toHaveLength(2);
      harness.processingTime(1000);
      harness.rows(1, [{ order: "order 2", paid: 1 }]);
      expect(taken(harness)).toEqual([]);
      expect(harness.stateBytes).toBeLessThan((full - empty) / 10);
      harness.close();
    }));

  it("counts rows that are taken back and are not there", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { changelogs: { left: true } });
      harness.rows(0, [{ id: "a", total: 1 }]);
      taken(harness);
      const row = { id: "a", total: 1 };
      harness.rows(0, [row, row, row], { kinds: [3, 3, 1] });
      expect(taken(harness)).toEqual([[3, "a", 1, null]]);
      expect(harness.metrics.get("retractionsMissed")).toBe(2);
      harness.close();
    }));

  it("restores rows that a changelog had several times where the input has no updates any more", () =>
    withWorkspace((ws) => {
      let isChangelog = true;
      const harness = new StreamHarness(
        ws,
        () => new UpdatingJoinOperator({ ...SPEC, changelogs: { left: isChangelog } }, ORDERS, PAYMENTS),
        [
          { schema: ORDERS, keys: ["id"] },
          { schema: PAYMENTS, keys: ["order"] },
        ],
      );
      const row = { id: "a", total: 1 };
      harness.rows(0, [row, row, row]);
      isChangelog = false;
      harness.restart(1);
      taken(harness);
      harness.rows(1, [{ order: "a", paid: 2 }]);
      expect(taken(harness).filter(([kind]) => kind === 0)).toHaveLength(3);
      harness.close();
    }));

  it("writes the same bytes for the same state", () =>
    withWorkspace((ws) => {
      const bytes = [1, 2].map(() => {
        const harness = harnessOf(ws, { changelogs: { left: true } });
        harness.rows(0, [
          { id: "a", total: 1 },
          { id: "a", total: 1 },
        ]);
        harness.rows(1, [{ order: "a", paid: null }]);
        const written = harness.snapshotBytes();
        harness.close();
        return written;
      });
      expect(bytes[0]).toEqual(bytes[1]);
    }));

  it("refuses a changelog that it was not told of, and rows without the time that they live by", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      expect(() => harness.rows(0, [{ id: "a", total: 1 }], { kinds: [3] })).toThrow(/taken back/);
      harness.close();
      const timed = harnessOf(ws, { ttl: { ttlMs: 10, timeDomain: "event" } });
      expect(() => timed.rows(0, [{ id: "a", total: 1 }])).toThrow(/no event time/);
      timed.close();
    }));
});
