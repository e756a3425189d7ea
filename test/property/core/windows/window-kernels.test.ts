import fc from "fast-check";
import { expect, it } from "vitest";
import { PaneGrid } from "../../../../src/core/windows/pane-grid.ts";
import type { AlignedWindowSpec } from "../../../../src/core/windows/window-spec.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { windowsOf } from "../../../reference/windows.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const FAR_MS = 2 ** 50;
const anyTime = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.constantFrom(-1, 0, 1, -FAR_MS, FAR_MS, 1_700_000_000_000),
  fc.maxSafeInteger().map((n) => n % FAR_MS),
);
const nearTimes = fc.tuple(anyTime, fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 40 }));
const anySpec: fc.Arbitrary<AlignedWindowSpec & { kind: "sliding" }> = fc.record({
  kind: fc.constant("sliding" as const),
  sizeMs: fc.integer({ min: 1, max: 30 }),
  slideMs: fc.integer({ min: 1, max: 30 }),
  offsetMs: anyTime,
});

/** Times as i64 in memory while `use` runs. */
function withTimes<T>(ws: Workspace, times: readonly number[], use: (address: number) => T): T {
  const block = ws.allocate(times.length * 8);
  times.forEach((time, i) => {
    ws.i64[(block.address >>> 3) + i] = BigInt(time);
  });
  const result = use(block.address);
  block.release();
  return result;
}

/** What `write` puts in i32[length], and what it returns. */
function i32Of(ws: Workspace, length: number, write: (address: number) => number | undefined): [number[], number] {
  const block = ws.allocate((length + 1) * 4);
  const returned = write(block.address) ?? 0;
  const values = [...ws.i32.slice(block.address >>> 2, (block.address >>> 2) + length)];
  block.release();
  return [values, returned];
}

it("rows get the panes that the grid says, and panes their starts", () => {
  fc.assert(
    fc.property(anySpec, nearTimes, (spec, [base, deltas]) => {
      const grid = new PaneGrid(spec);
      const times = deltas.map((delta) => base + delta);
      const first = grid.paneOf(Math.min(...times));
      withWorkspace((ws) => {
        const { windowPanes, windowPaneStarts } = ws.kernels;
        const { offsetMs, periodMs, cutMs } = grid;
        const [panes] = withTimes(ws, times, (address) =>
          i32Of(ws, times.length, (out) => {
            windowPanes(address, times.length, offsetMs, periodMs, cutMs, first, out);
            return undefined;
          }),
        );
        expect(panes).toEqual(times.map((time) => grid.paneOf(time) - first));
        const [numbers, starts] = [ws.allocate(panes.length * 4), ws.allocate(panes.length * 8)];
        ws.i32.set(panes, numbers.address >>> 2);
        windowPaneStarts(numbers.address, panes.length, first, offsetMs, periodMs, cutMs, starts.address);
        const given = panes.map((_, i) => Number(ws.i64[(starts.address >>> 3) + i]));
        expect(given).toEqual(panes.map((pane) => grid.startMs(first + pane)));
        for (const block of [numbers, starts]) block.release();
      });
    }),
  );
});

it("knows the greatest and the least time, wherever they lie", () => {
  fc.assert(
    fc.property(fc.array(anyTime, { minLength: 1, maxLength: 70, size: "max" }), (times) => {
      withWorkspace((ws) => {
        const { eventTimeMax, eventTimeMin } = ws.kernels;
        expect(withTimes(ws, times, (at) => eventTimeMax(at, times.length))).toBe(Math.max(...times));
        expect(withTimes(ws, times, (at) => eventTimeMin(at, times.length))).toBe(Math.min(...times));
      });
    }),
  );
});

it("a window is the panes from its first to its last, and a time lies in the windows that have its pane", () => {
  fc.assert(
    fc.property(anySpec, anyTime, (spec, time) => {
      const grid = new PaneGrid(spec);
      const pane = grid.paneOf(time);
      expect(grid.startMs(pane)).toBeLessThanOrEqual(time);
      expect(grid.startMs(pane + 1)).toBeGreaterThan(time);
      const found: number[][] = [];
      for (let window = grid.firstWindowOf(pane); window <= grid.lastWindowOf(pane); window++) {
        found.push([grid.windowStartMs(window), grid.windowEndMs(window)]);
      }
      expect(found).toEqual(windowsOf(spec, time));
      const next = grid.firstWindowEndingAfter(time);
      expect(grid.windowEndMs(next) - 1).toBeGreaterThan(time);
      expect(grid.windowEndMs(next - 1) - 1).toBeLessThanOrEqual(time);
    }),
  );
});

it("rows are told apart by a time, by gaps and by ranges of time", () => {
  fc.assert(
    fc.property(
      anySpec,
      nearTimes,
      fc.integer({ min: -100, max: 100 }),
      fc.nat({ max: 60 }),
      (spec, [base, deltas], at, span) => {
        const times = deltas.map((delta) => base + delta);
        const bound = base + at;
        const { length } = times;
        withWorkspace((ws) => {
          const { kernels } = ws;
          withTimes(ws, times, (address) => {
            const before = times.map((time) => time < bound);
            expect(i32Of(ws, length, (out) => kernels.windowSides(address, length, bound, out))).toEqual([
              before.map((isBefore) => (isBefore ? 0 : 1)),
              before.filter(Boolean).length,
            ]);
            const { offsetMs = 0, sizeMs } = spec;
            const strideMs = sizeMs + span;
            const gaps = times.map(
              (time) => windowsOf({ kind: "sliding", sizeMs, slideMs: strideMs, offsetMs }, time).length === 0,
            );
            expect(
              i32Of(ws, length, (out) => kernels.windowGapSides(address, length, offsetMs, sizeMs, strideMs, out)),
            ).toEqual([gaps.map((isGap) => (isGap ? 0 : 1)), gaps.filter(Boolean).length]);
            const end = bound + span;
            expect(kernels.windowCountBetween(address, length, bound, end)).toBe(
              times.filter((time) => time >= bound && time < end).length,
            );
            expect(kernels.windowNextTime(address, length, bound)).toBe(
              Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time >= bound)),
            );
            const starts = [Math.min(...times), bound, end]
              .sort((a, b) => a - b)
              .filter((start) => start >= Math.min(...times));
            const [numbers] = withTimes(ws, starts, (from) =>
              i32Of(ws, length, (out) => {
                kernels.windowRanges(address, length, from, starts.length, out);
                return undefined;
              }),
            );
            expect(numbers).toEqual(times.map((time) => starts.findLastIndex((start) => start <= time)));
          });
        });
      },
    ),
  );
});

it("sorts rows by key and time, those of one time in their order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: -40, max: 40 })), { maxLength: 300, size: "max" }),
      (rows) => {
        withWorkspace((ws) => {
          const { kernels } = ws;
          const length = rows.length;
          const blocks = [ws.allocate(length * 4), ws.allocate(16), ws.allocate(length * 4), ws.allocate(length * 4)];
          const [keys, ends, order, scratch] = blocks.map(({ address }) => address);
          ws.u32.set(
            rows.map(([key]) => key),
            keys >>> 2,
          );
          kernels.partitionRows(keys, length, 4, ends, order);
          withTimes(
            ws,
            rows.map(([, time]) => time),
            (times) => kernels.sessionSort(order, ends, 4, times, scratch),
          );
          const wanted = [...rows.keys()].sort((a, b) => rows[a][0] - rows[b][0] || rows[a][1] - rows[b][1] || a - b);
          expect([...ws.u32.slice(order >>> 2, (order >>> 2) + length)]).toEqual(wanted);
          for (const block of blocks) block.release();
        });
      },
    ),
  );
});
