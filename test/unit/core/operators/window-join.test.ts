import { describe, expect, it } from "vitest";
import { WindowJoinOperator, type WindowJoinSpec } from "../../../../src/core/operators/window-join.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const PERSONS = Schema.of({ person: utf8, age: int32 });
const AUCTIONS = Schema.of({ seller: utf8, item: int32 });
const SPEC: WindowJoinSpec = {
  kind: "windowJoin",
  type: "inner",
  leftKeys: ["person"],
  rightKeys: ["seller"],
  window: { kind: "tumbling", sizeMs: 10 },
  startColumn: "start",
  output: [
    { side: "left", column: "person", name: "person" },
    { side: "right", column: "item", name: "item" },
  ],
};
const harnessOf = (ws: Workspace, spec: WindowJoinSpec = SPEC) =>
  new StreamHarness(ws, () => new WindowJoinOperator(spec, PERSONS, AUCTIONS), [
    { schema: PERSONS, keys: ["person"] },
    { schema: AUCTIONS, keys: ["seller"] },
  ]);

describe("window join", () => {
  it("joins a window when it closes, before the watermark travels on", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      const empty = ws.allocator.liveBlocks;
      harness.rows(0, [{ person: "ann", age: 30 }], { times: [11] });
      harness.rows(
        1,
        [
          { seller: "ann", item: 1 },
          { seller: "ann", item: 2 },
        ],
        { times: [9, 19] },
      );
      expect(harness.operators[0].pendingTimes?.()).toEqual([
        { what: "window [0, 10) ms", timeDomain: "event", atMs: 9, count: 1 },
        { what: "window [10, 20) ms", timeDomain: "event", atMs: 19, count: 1 },
      ]);
      harness.watermark(18);
      expect(harness.emitted).toEqual([]);
      harness.watermark(19);
      expect(harness.emitted).toEqual([{ row: { person: "ann", item: 2, start: 10 }, time: 19, kind: 0, subtask: 0 }]);
      expect(ws.allocator.liveBlocks).toBe(empty);
      harness.rows(1, [{ seller: "ann", item: 3 }], { times: [19] });
      expect(harness.side).toEqual([{ tag: "lateRight", row: { seller: "ann", item: 3 }, time: 19 }]);
      harness.end();
      expect(harness.watermarks[0]).toEqual([18, 19, Number.MAX_SAFE_INTEGER]);
    }));

  it("closes windows of processing time by the clock", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { ...SPEC, window: { kind: "tumbling", sizeMs: 10, domain: "processing" } });
      harness.nowMs = 3;
      harness.rows(0, [{ person: "ann", age: 30 }]);
      harness.nowMs = 8;
      harness.rows(1, [{ seller: "ann", item: 1 }]);
      harness.watermark(1000);
      harness.processingTime(9);
      expect(harness.emitted).toEqual([]);
      harness.processingTime(10);
      expect(harness.emitted).toMatchObject([{ row: { person: "ann", item: 1, start: 0 }, time: 9 }]);
      harness.end();
    }));

  it("joins sessions that rows of both sides hold together, and frees what has closed", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { ...SPEC, type: "full", window: { kind: "session", gapMs: 10 } });
      const empty = ws.allocator.liveBlocks;
      harness.rows(0, [{ person: "ann", age: 30 }], { times: [0] });
      harness.rows(1, [{ seller: "ann", item: 1 }], { times: [16] });
      expect(harness.operators[0].pendingTimes?.()).toEqual([
        { what: "the session that ends first", timeDomain: "event", atMs: 9, count: 1 },
      ]);
      expect(harness.stateBytes).toBeGreaterThan(0);
      // What joins both: from now on they are one session.
      harness.rows(0, [{ person: "ann", age: 31 }], { times: [8] });
      harness.watermark(24);
      expect(harness.emitted).toEqual([]);
      harness.watermark(25);
      const [first, second] = [0, 0].map(() => ({ row: { person: "ann", item: 1, start: 0 }, time: 25 }));
      expect(harness.emitted).toMatchObject([first, second]);
      expect(ws.allocator.liveBlocks).toBe(empty);
      harness.rows(1, [{ seller: "ann", item: 3 }], { times: [15] });
      expect(harness.side).toEqual([{ tag: "lateRight", row: { seller: "ann", item: 3 }, time: 15 }]);
      harness.end();
      expect(harness.watermarks[0]).toEqual([24, 25, Number.MAX_SAFE_INTEGER]);
    }));

  it("closes sessions of processing time by the clock, whatever lateness is allowed", () =>
    withWorkspace((ws) => {
      const window = { kind: "session", gapMs: 10, domain: "processing" } as const;
      const harness = harnessOf(ws, { ...SPEC, window, allowedLatenessMs: 1000 });
      harness.nowMs = 3;
      harness.rows(0, [{ person: "ann", age: 30 }]);
      harness.nowMs = 8;
      harness.rows(1, [{ seller: "ann", item: 1 }]);
      harness.watermark(1000);
      harness.processingTime(17);
      expect(harness.emitted).toEqual([]);
      harness.restart(2);
      harness.processingTime(18);
      expect(harness.emitted).toMatchObject([{ row: { person: "ann", item: 1, start: 3 }, time: 17 }]);
      harness.end();
    }));

  it("keeps memory in bounds where sessions close beside one that never does", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { ...SPEC, type: "left", window: { kind: "session", gapMs: 10 } });
      const rows = 4000;
      let most = 0;
      for (let round = 0; round < 20; round++) {
        const persons = Array.from({ length: rows }, (_, i) => ({ person: `${round} ${i % 50}`, age: i }));
        const times = persons.map(() => round * 100);
        harness.rows(0, [...persons, { person: "ann", age: round }], { times: [...times, round * 100] });
        for (let at = 0; at < 100; at += 8)
          harness.rows(1, [{ seller: "ann", item: at }], { times: [round * 100 + at] });
        harness.watermark(round * 100 + 50);
        if (round > 3) most = Math.max(most, harness.stateBytes);
        if (round === 9) {
          const before = harness.snapshotBytes();
          expect(harness.snapshotBytes()).toEqual(before);
        }
      }
      expect(harness.emitted.length).toBe(rows * 20);
      // The rows of three rounds, and what tables grow ahead.
      expect(most).toBeLessThan(3 * rows * 200);
      harness.end();
      expect(harness.emitted.length).toBe(rows * 20 + 20 * 13 * 20);
    }));

  it("refuses windows without length", () => {
    const make = (spec: Partial<WindowJoinSpec>) => () =>
      new WindowJoinOperator({ ...SPEC, ...spec }, PERSONS, AUCTIONS);
    expect(make({ window: { kind: "tumbling", sizeMs: 0 } })).toThrow(/sizeMs 0/);
    expect(make({ window: { kind: "sliding", sizeMs: 1, slideMs: -1 } })).toThrow(/slideMs -1/);
    expect(make({ window: { kind: "session", gapMs: 0 } })).toThrow(/gapMs 0/);
    expect(make({ allowedLatenessMs: 0.5 })).toThrow(/lateness is 0.5/);
  });
});
