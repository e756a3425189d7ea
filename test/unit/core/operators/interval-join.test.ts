import { describe, expect, it } from "vitest";
import { IntervalJoinOperator, type IntervalJoinSpec } from "../../../../src/core/operators/interval-join.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const ADS = Schema.of({ ad: utf8, shown: int32 });
const CLICKS = Schema.of({ ad: utf8, clicked: int32 });
const SPEC: IntervalJoinSpec = {
  kind: "intervalJoin",
  type: "left",
  leftKeys: ["ad"],
  rightKeys: ["ad"],
  lowerMs: 0,
  upperMs: 100,
  output: [
    { side: "left", column: "ad", name: "ad" },
    { side: "left", column: "shown", name: "shown" },
    { side: "right", column: "clicked", name: "clicked" },
  ],
};
const harnessOf = (ws: Workspace, spec: IntervalJoinSpec = SPEC) =>
  new StreamHarness(ws, () => new IntervalJoinOperator(spec, ADS, CLICKS), [
    { schema: ADS, keys: ["ad"] },
    { schema: CLICKS, keys: ["ad"] },
  ]);

describe("interval join", () => {
  it("gives pairs at once, and an impression without click when no click can come", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      harness.rows(
        0,
        [
          { ad: "a", shown: 1 },
          { ad: "b", shown: 2 },
        ],
        { times: [1000, 1010] },
      );
      harness.rows(1, [{ ad: "a", clicked: 7 }], { times: [1100] });
      expect(harness.emitted).toEqual([{ row: { ad: "a", shown: 1, clicked: 7 }, time: 1100, kind: 0, subtask: 0 }]);
      expect(harness.operators[0].pendingTimes?.()[0]).toMatchObject({ atMs: 1100, count: 2 });
      harness.watermark(1109);
      expect(harness.emitted).toHaveLength(1);
      harness.watermark(1110);
      expect(harness.emitted[1]).toEqual({
        row: { ad: "b", shown: 2, clicked: null },
        time: 1010,
        kind: 0,
        subtask: 0,
      });
      expect(harness.watermarks[0]).toEqual([1009, 1010]);
      harness.end();
    }));

  it("sends late rows to the side output of their input and counts them", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      harness.watermark(1000);
      harness.rows(
        0,
        [
          { ad: "a", shown: 1 },
          { ad: "a", shown: 2 },
        ],
        { times: [1000, 1001] },
      );
      harness.rows(1, [{ ad: "a", clicked: 3 }], { times: [999] });
      expect(harness.side).toEqual([
        { tag: "lateLeft", row: { ad: "a", shown: 1 }, time: 1000 },
        { tag: "lateRight", row: { ad: "a", clicked: 3 }, time: 999 },
      ]);
      expect(harness.metrics.get("lateRows")).toBe(2);
      harness.close();
    }));

  it("frees rows that are out of reach", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { ...SPEC, type: "inner" });
      const before = ws.allocator.liveBlocks;
      for (let time = 0; time < 50; time++) {
        harness.rows(0, [{ ad: "an ad with a long name", shown: time }], { times: [time] });
        harness.rows(1, [{ ad: "an ad with a long name", clicked: time }], { times: [time] });
      }
      expect(ws.allocator.liveBlocks).toBeGreaterThan(before);
      harness.watermark(1000);
      expect(ws.allocator.liveBlocks).toBe(before);
      harness.end();
    }));

  it("writes the same bytes for the same state", () =>
    withWorkspace((ws) => {
      const bytes = [1, 2].map(() => {
        const harness = harnessOf(ws);
        harness.rows(
          0,
          [
            { ad: "a", shown: 1 },
            { ad: null, shown: null },
          ],
          { times: [5, 3] },
        );
        harness.watermark(2);
        const written = harness.snapshotBytes();
        harness.close();
        return written;
      });
      expect(bytes[0]).toEqual(bytes[1]);
    }));

  it("refuses rows without event time, changelogs and empty intervals", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      expect(() => harness.rows(0, [{ ad: "a", shown: 1 }])).toThrow(/no event time/);
      expect(() => harness.rows(0, [{ ad: "a", shown: 1 }], { times: [1], kinds: [3] })).toThrow(/taken back/);
      harness.close();
      const make = (spec: Partial<IntervalJoinSpec>) => () =>
        new IntervalJoinOperator({ ...SPEC, ...spec }, ADS, CLICKS);
      expect(make({ lowerMs: 101 })).toThrow(/from 101 to 100 ms/);
      expect(make({ lowerMs: 100, upperExclusive: true })).toThrow(/INTERVAL|from 100 to 100/);
      expect(make({ lowerMs: 0.5 })).toThrow(/0.5/);
    }));
});
