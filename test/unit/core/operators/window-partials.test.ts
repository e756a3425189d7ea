import { describe, expect, it } from "vitest";
import { WindowPartialsOperator, type WindowPartialsSpec } from "../../../../src/core/operators/window-partials.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ key: utf8, value: int32 });
const TUMBLING = { kind: "tumbling", sizeMs: 10 } as const;

function driverOf(ws: Workspace, given: Partial<WindowPartialsSpec> = {}) {
  const spec: WindowPartialsSpec = {
    kind: "windowPartials",
    keys: ["key"],
    window: TUMBLING,
    aggregates: [{ fn: "max", column: "value", as: "most" }],
    holdMs: 10,
    ...given,
  };
  const harness = new StreamHarness(ws, () => new WindowPartialsOperator(spec, SCHEMA), [{ schema: SCHEMA, keys: [] }]);
  let seen = 0;
  return {
    harness,
    push: (...rows: [key: string, time: number, value?: number][]) =>
      harness.rows(
        0,
        rows.map(([key, , value = 1]) => ({ key, value })),
        { times: rows.map(([, time]) => time) },
      ),
    /** What came since the last call: key, greatest value, rows, row time. */
    taken: () => {
      const fresh = harness.emitted.slice(seen);
      seen = harness.emitted.length;
      return fresh.map(({ row, time }) => {
        const [key, most, rows] = Object.values(row);
        return [key, most, new DataView((rows as Uint8Array).slice().buffer).getInt32(0, true), time];
      });
    },
  };
}

describe("partial aggregates of windows", () => {
  it("leave when the watermark reaches the last millisecond of their pane, a row for each key", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws);
      push(["a", 1, 3], ["b", 9], ["a", 4, 7]);
      push(["a", 12, 5]);
      harness.watermark(8);
      expect(taken()).toEqual([]);
      harness.watermark(9);
      expect(taken()).toEqual([
        ["a", 7, 2, 9],
        ["b", 1, 1, 9],
      ]);
      expect(harness.watermarks).toEqual([[8, 9]]);
      harness.end();
      expect(taken()).toEqual([["a", 5, 1, 19]]);
    });
  });

  it("leave at once where their pane is over: another sender may be behind, and wait for nothing", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws);
      harness.watermark(15);
      push(["a", 3]);
      expect(taken()).toEqual([["a", 1, 1, 9]]);
      push(["a", 17], ["a", 11]);
      expect(taken()).toEqual([]);
      harness.end();
      expect(taken()).toEqual([["a", 1, 2, 19]]);
    });
  });

  it("leave early where they take more than a share of a small budget of memory", () => {
    for (const [limitBytes, isSent] of [[2 ** 20, true] as const, [2 ** 27, false] as const]) {
      withWorkspace((ws) => {
        const { harness, push, taken } = driverOf(ws);
        push(...Array.from({ length: 3000 }, (_, i): [string, number] => [`key ${i}`, 3]));
        expect(taken()).toHaveLength(isSent ? 3000 : 0);
        harness.end();
        expect(taken()).toHaveLength(isSent ? 0 : 3000);
      }, limitBytes);
    }
  });

  it("leave ahead of a barrier, so there is no state", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws);
      push(["a", 3], ["b", 17]);
      harness.flush();
      expect(taken()).toHaveLength(2);
      expect(harness.snapshotBytes()).toEqual([""]);
      harness.end();
      expect(taken()).toEqual([]);
    });
  });

  it("leave with those of the panes that share a table, which few rows of many panes do", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws);
      push(["a", 3], ["b", 17]);
      harness.watermark(9);
      expect(taken()).toEqual([
        ["a", 1, 1, 9],
        ["b", 1, 1, 19],
      ]);
      harness.end();
    });
  });

  it("are held for the buffer timeout in processing time, without row times", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws, { window: { ...TUMBLING, domain: "processing" } });
      harness.processingTime(100);
      push(["a", 3], ["b", 17]);
      harness.processingTime(105);
      push(["a", 30]);
      harness.watermark(50);
      expect(taken()).toEqual([]);
      harness.processingTime(110);
      expect(taken()).toEqual([
        ["a", 1, 2, undefined],
        ["b", 1, 1, undefined],
      ]);
      harness.endOfTime();
    });
  });

  it("are of single rows, with their own times, for a while after combining has saved little", () => {
    withWorkspace((ws) => {
      const { harness, push, taken } = driverOf(ws, { reduction: { lookRows: 2, poorShare: 0.5, passedRows: 3 } });
      push(["a", 1], ["b", 2]);
      harness.watermark(9);
      expect(taken()).toHaveLength(2);
      push(["a", 11, 1], ["a", 12, 2], ["a", 13, 3]);
      expect(taken()).toEqual([
        ["a", 1, 1, 11],
        ["a", 2, 1, 12],
        ["a", 3, 1, 13],
      ]);
      push(["a", 14, 1], ["a", 15, 2]);
      expect(taken()).toEqual([]);
      harness.end();
      expect(taken()).toEqual([["a", 2, 2, 19]]);
    });
  });

  it("leave out rows between windows, and tell which windows wait", () => {
    withWorkspace((ws) => {
      const { harness, push } = driverOf(ws, { window: { kind: "sliding", sizeMs: 3, slideMs: 5 } });
      push(["a", 1], ["a", 4], ["a", 6]);
      expect(harness.metrics.get("rowsOutsideWindows")).toBe(1);
      expect(harness.operators[0].pendingTimes?.().map(({ atMs, timeDomain }) => [atMs, timeDomain])).toEqual([
        [2, "event"],
        [7, "event"],
      ]);
      harness.end();
    });
  });

  it("do not pile up: beyond some megabytes they leave early", () => {
    withWorkspace((ws) => {
      const { harness, taken } = driverOf(ws);
      for (let from = 0; from < 20_000; from += 2_000) {
        const rows = Array.from({ length: 2_000 }, (_, i) => ({ key: `${from + i}`.padEnd(600), value: 1 }));
        harness.rows(0, rows, { times: rows.map(() => 5) });
      }
      expect(taken().length).toBeGreaterThan(0);
      expect(harness.stateBytes).toBeLessThan(16 * 1024 * 1024);
      harness.close();
    });
  });
});
