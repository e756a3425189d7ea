import { describe, expect, it } from "vitest";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../../../../src/core/operators/window-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { END_OF_TIME_MS } from "../../../../src/core/time/time.ts";
import { float64, int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { windowsOf } from "../../../reference/windows.ts";
import { type Emitted, type Row, StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ key: utf8, value: int32, price: float64 });
const at = (time: number, key = "a", value = 1): Row => ({ time, key, value, price: value / 2 });

const spec = (window: WindowAggregateSpec["window"], rest: Partial<WindowAggregateSpec> = {}): WindowAggregateSpec => ({
  kind: "windowAggregate",
  keys: ["key"],
  window,
  aggregates: [
    { fn: "countAll", as: "n" },
    { fn: "sum", column: "value", as: "total" },
  ],
  ...rest,
});

/** An operator whose rows have their event time as field `time`, which is no column. */
class Driver extends StreamHarness {
  push(rows: readonly Row[]): void {
    this.rows(0, rows, { times: rows.map(({ time }) => Number(time)) });
  }

  get results(): unknown[][] {
    return this.emitted.map(brief);
  }
}

const driverOf = (ws: Workspace, given: WindowAggregateSpec): Driver =>
  new Driver(ws, () => new WindowAggregateOperator(given, SCHEMA), [{ schema: SCHEMA, keys: given.keys }]);

/** Runs `steps` on an operator, and gives its results as [key, start, end, n] in the order in which they came. */
function run(given: WindowAggregateSpec, steps: (driver: Driver) => void): unknown[][] {
  return withWorkspace((ws) => {
    const driver = driverOf(ws, given);
    steps(driver);
    driver.close();
    return driver.results;
  });
}

const brief = ({ row }: Emitted): unknown[] => [row.key, Number(row.windowStart), Number(row.windowEnd), Number(row.n)];

describe("window aggregate", () => {
  it("gives a tumbling window when the watermark reaches its last millisecond, ahead of the watermark", () => {
    withWorkspace((ws) => {
      const driver = driverOf(ws, spec({ kind: "tumbling", sizeMs: 10 }));
      driver.push([at(3), at(12), at(9, "b", 5), at(4)]);
      driver.watermark(8);
      expect(driver.emitted).toEqual([]);
      driver.watermark(9);
      expect(driver.results).toEqual([
        ["a", 0, 10, 2],
        ["b", 0, 10, 1],
      ]);
      expect(driver.emitted[0].time).toBe(9);
      driver.end();
      expect(driver.results.slice(2)).toEqual([["a", 10, 20, 1]]);
      expect(driver.stateBytes).toBe(0);
      driver.close();
    });
  });

  it("forgets keys without rows in windows that slide, and counts the others on", () => {
    const crowd = Array.from({ length: 3000 }, (_, i) => at(i % 10, `k${i}`));
    const given = spec({ kind: "sliding", sizeMs: 20, slideMs: 10 });
    const rows = run(given, (driver) => {
      driver.push([...crowd, at(3)]);
      for (let time = 10; time < 100; time += 10) {
        driver.push([at(time, "a"), at(time + 1, "b"), at(time + 2, "a")]);
        driver.watermark(time);
      }
      driver.end();
    });
    expect(rows.filter(([key]) => String(key).startsWith("k"))).toHaveLength(6000);
    const steps = [...Array(11).keys()].map((i) => i * 10 - 10);
    const wanted = steps.flatMap((start) => {
      const a = [start, start + 10].reduce((sum, pane) => sum + (pane === 0 ? 1 : pane > 0 && pane < 100 ? 2 : 0), 0);
      const b = [start, start + 10].filter((pane) => pane > 0 && pane < 100).length;
      return [["a", start, start + 20, a], ...(b === 0 ? [] : [["b", start, start + 20, b]])];
    });
    expect(rows.filter(([key]) => !String(key).startsWith("k"))).toEqual(wanted);
  });

  it("puts negative times and offsets in the window that starts before them", () => {
    const rows = run(spec({ kind: "tumbling", sizeMs: 10, offsetMs: -3 }), (driver) => {
      driver.push([at(-4), at(-3), at(-13), at(-14)]);
      driver.end();
    });
    expect(rows.toSorted((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      ["a", -23, -13, 1],
      ["a", -13, -3, 2],
      ["a", -3, 7, 1],
    ]);
  });

  it("shares rows among sliding windows", () => {
    const rows = run(spec({ kind: "sliding", sizeMs: 10, slideMs: 4 }), (driver) => {
      driver.push([at(9)]);
      driver.watermark(13);
      driver.push([at(15, "b")]);
      driver.end();
    });
    expect(rows).toEqual([
      ["a", 0, 10, 1],
      ["a", 4, 14, 1],
      ["a", 8, 18, 1],
      ["b", 8, 18, 1],
      ["b", 12, 22, 1],
    ]);
  });

  it("leaves out rows in the gaps of a slide greater than the size", () => {
    withWorkspace((ws) => {
      const driver = driverOf(ws, spec({ kind: "sliding", sizeMs: 3, slideMs: 5 }));
      driver.push([0, 2, 3, 4, 5, 9, -1, -5].map((time) => at(time)));
      driver.end();
      expect(driver.results).toEqual([
        ["a", -5, -2, 1],
        ["a", 0, 3, 2],
        ["a", 5, 8, 1],
      ]);
      expect(driver.metrics.get("rowsOutsideWindows")).toBe(4);
      driver.close();
    });
  });

  it("grows cumulating windows step by step", () => {
    const rows = run(spec({ kind: "cumulate", maxSizeMs: 9, stepMs: 3 }), (driver) => {
      driver.push([at(1), at(4), at(10)]);
      driver.end();
    });
    expect(rows).toEqual([
      ["a", 0, 3, 1],
      ["a", 0, 6, 2],
      ["a", 0, 9, 2],
      ["a", 9, 12, 1],
      ["a", 9, 15, 1],
      ["a", 9, 18, 1],
    ]);
  });

  it("gives a window anew for late rows within the lateness, and sends later ones to the side output", () => {
    withWorkspace((ws) => {
      const given = spec({ kind: "tumbling", sizeMs: 10 }, { allowedLatenessMs: 5 });
      const driver = driverOf(ws, given);
      driver.push([at(1), at(2, "b")]);
      driver.watermark(13);
      driver.push([at(3), at(12)]);
      expect(driver.results).toEqual([
        ["a", 0, 10, 1],
        ["b", 0, 10, 1],
        ["a", 0, 10, 2],
      ]);
      driver.watermark(14);
      driver.push([at(9, "late"), at(10)]);
      expect(driver.side.map(({ tag, row }) => [tag, row.key])).toEqual([["late", "late"]]);
      driver.end();
      expect(driver.results.slice(3)).toEqual([["a", 10, 20, 2]]);
      driver.close();
    });
  });

  it("aggregates all rows without keys", () => {
    withWorkspace((ws) => {
      const driver = driverOf(ws, spec({ kind: "sliding", sizeMs: 4, slideMs: 2 }, { keys: [] }));
      driver.push([at(1), at(3, "b"), at(100)]);
      driver.end();
      expect(driver.emitted.map(({ row }) => [Number(row.windowStart), Number(row.n)])).toEqual([
        [-2, 1],
        [0, 2],
        [2, 1],
        [98, 1],
        [100, 1],
      ]);
      driver.close();
    });
  });

  it("fires windows of processing time by the clock and lets watermarks pass", () => {
    withWorkspace((ws) => {
      const driver = driverOf(ws, spec({ kind: "tumbling", sizeMs: 10, domain: "processing" }));
      driver.processingTime(7);
      driver.push([at(0), at(0)]);
      driver.watermark(1000);
      expect(driver.watermarks).toEqual([[1000]]);
      driver.processingTime(9);
      expect(driver.emitted).toEqual([]);
      driver.processingTime(10);
      driver.push([at(0)]);
      driver.end();
      expect(driver.results).toEqual([
        ["a", 0, 10, 2],
        ["a", 10, 20, 1],
      ]);
      driver.close();
    });
  });

  it("gives early results of windows that have changed", () => {
    withWorkspace((ws) => {
      const given = spec({ kind: "sliding", sizeMs: 20, slideMs: 10 }, { earlyEveryMs: 100 });
      const driver = driverOf(ws, given);
      driver.push([at(1)]);
      driver.processingTime(99);
      expect(driver.emitted).toEqual([]);
      driver.processingTime(1000);
      expect(driver.results).toEqual([
        ["a", -10, 10, 1],
        ["a", 0, 20, 1],
      ]);
      driver.push([at(12)]);
      driver.processingTime(1100);
      expect(driver.results.slice(2)).toEqual([
        ["a", 0, 20, 2],
        ["a", 10, 30, 1],
      ]);
      driver.close();
    });
  });

  it("tells which windows wait", () => {
    withWorkspace((ws) => {
      const driver = driverOf(ws, spec({ kind: "tumbling", sizeMs: 1000 }));
      driver.push([at(500), at(3500)]);
      expect(driver.operators[0].pendingTimes?.()).toEqual([
        {
          what: "window [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:01.000Z)",
          timeDomain: "event",
          atMs: 999,
          count: 1,
        },
        {
          what: "window [1970-01-01T00:00:03.000Z, 1970-01-01T00:00:04.000Z)",
          timeDomain: "event",
          atMs: 3999,
          count: 1,
        },
      ]);
      driver.close();
    });
  });

  it("says what is wrong with a window or its rows", () => {
    const refused = (window: WindowAggregateSpec["window"], code: string) =>
      expect(() => new WindowAggregateOperator(spec(window), SCHEMA)).toThrow(expect.objectContaining({ code }));
    refused({ kind: "tumbling", sizeMs: 0 }, "WINDOW_SIZE_INVALID");
    refused({ kind: "tumbling", sizeMs: 1.5 }, "WINDOW_SIZE_INVALID");
    refused({ kind: "sliding", sizeMs: 10, slideMs: -1 }, "WINDOW_SLIDE_INVALID");
    refused({ kind: "cumulate", maxSizeMs: 10, stepMs: 3 }, "WINDOW_STEP_INVALID");
    refused({ kind: "tumbling", sizeMs: 10, offsetMs: Number.NaN }, "WINDOW_OFFSET_INVALID");
    expect(
      () => new WindowAggregateOperator(spec({ kind: "tumbling", sizeMs: 1 }, { allowedLatenessMs: -1 }), SCHEMA),
    ).toThrow(expect.objectContaining({ code: "WINDOW_LATENESS_INVALID" }));
  });

  it("closes everything at the end of time, far away as it may be", () => {
    const window = { kind: "sliding", sizeMs: 7, slideMs: 3 } as const;
    const times = [-8_000_000_000_000, 8_000_000_000_000];
    const rows = run(spec(window), (driver) => {
      driver.push(times.map((time) => at(time)));
      driver.watermark(END_OF_TIME_MS);
    });
    expect(rows).toEqual(times.flatMap((time) => windowsOf(window, time)).map((bounds) => ["a", ...bounds, 1]));
  });
});
