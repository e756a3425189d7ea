import { describe, expect, it } from "vitest";
import { WindowFunctionOperator, type WindowFunctionSpec } from "../../../../src/core/operators/window-function.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { valueState } from "../../../../src/core/state/descriptors.ts";
import { END_OF_TIME_MS } from "../../../../src/core/time/time.ts";
import { float64, int32, utf8 } from "../../../../src/core/types.ts";
import { CountEvictor } from "../../../../src/core/windows/evictor.ts";
import type { Trigger } from "../../../../src/core/windows/trigger.ts";
import {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  DeltaTrigger,
  NeverTrigger,
  PurgingTrigger,
} from "../../../../src/core/windows/triggers.ts";
import type { AnyWindowSpec } from "../../../../src/core/windows/window-assigner.ts";
import { applyWindow, type WindowCalculation } from "../../../../src/core/windows/window-calculation.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const INPUT = Schema.of({ key: utf8, value: int32 });
const RESULT = Schema.of({ key: utf8, startMs: float64, value: float64 });
const TUMBLING: AnyWindowSpec = { kind: "tumbling", sizeMs: 10 };

const SUM: WindowCalculation = {
  kind: "reduce",
  reduce: (left, right) => ({ ...left, value: (left.value as number) + (right.value as number) }),
};
const LIST: WindowCalculation = {
  kind: "process",
  process: applyWindow((key, { startMs }, rows) => rows.map(({ value }) => ({ key, startMs, value }))),
};

function run(
  spec: Partial<WindowFunctionSpec>,
  drive: (harness: StreamHarness) => void,
  options: { isBatchMode?: boolean; batchRows?: number; sideOutputs?: Record<string, { schema: Schema }> } = {},
): StreamHarness {
  const { keys = ["key"] } = spec;
  const calculation = spec.calculation ?? SUM;
  const isPlainReduce = calculation.kind === "reduce" && calculation.process === undefined;
  return withWorkspace((ws) => {
    const create = () =>
      new WindowFunctionOperator({ window: TUMBLING, ...spec, keys, calculation }, INPUT, {
        ...(isPlainReduce ? {} : { shape: { schema: RESULT } }),
        ...(options.sideOutputs === undefined ? {} : { sideOutputs: options.sideOutputs }),
        site: { name: "my window" },
        state: memoryState,
      });
    const harness = new StreamHarness(ws, create, [{ schema: INPUT, keys }], options);
    try {
      drive(harness);
    } finally {
      harness.close();
    }
    return harness;
  });
}

/** Rows of the key "a", by time. */
const send = (harness: StreamHarness, ...rows: readonly (readonly [time: number, value: number])[]) =>
  harness.rows(
    0,
    rows.map(([, value]) => ({ key: "a", value })),
    { times: rows.map(([time]) => time) },
  );
const valuesOf = ({ emitted }: StreamHarness) => emitted.map(({ row }) => row.value);

describe("WindowFunctionOperator", () => {
  it("gives results with the window's last millisecond ahead of the watermark, and frees the window", () => {
    const harness = run({}, (it) => {
      send(it, [1, 1], [12, 5], [3, 2]);
      it.watermark(8);
      expect(it.emitted).toEqual([]);
      it.watermark(9);
      expect(it.emitted).toEqual([{ row: { key: "a", value: 3 }, time: 9, kind: 0, subtask: 0 }]);
      it.endOfTime();
    });
    expect(harness.emitted.map(({ time }) => time)).toEqual([9, 19]);
    expect(harness.watermarks[0]).toEqual([8, 9, END_OF_TIME_MS]);
    expect(harness.metrics.get("openWindows")).toBe(0);
  });

  it("fires anew for each row in the allowed lateness, and sends later rows to the side output as they came", () => {
    const harness = run({ allowedLatenessMs: 5 }, (it) => {
      send(it, [1, 1]);
      it.watermark(13);
      send(it, [2, 10], [3, 100]);
      it.watermark(14);
      send(it, [4, 7], [11, 8]);
      it.endOfTime();
    });
    expect(valuesOf(harness)).toEqual([1, 11, 111, 8]);
    expect(harness.side).toEqual([{ tag: "late", row: { key: "a", value: 7 }, time: 4 }]);
    expect(harness.metrics.get("lateRows")).toBe(1);
  });

  it("counts rows in the gaps of sliding windows, which are not late", () => {
    const harness = run({ window: { kind: "sliding", sizeMs: 2, slideMs: 10 } }, (it) => send(it, [1, 1], [5, 1]));
    expect(harness.metrics.get("rowsOutsideWindows")).toBe(1);
    expect(harness.side).toEqual([]);
  });

  it("merges sessions that end behind the watermark, and takes rows that join an open one", () => {
    const harness = run({ window: { kind: "session", gapMs: 10 } }, (it) => {
      send(it, [0, 1], [20, 2]);
      it.watermark(25);
      // [12, 22) alone would be late; it joins [20, 30). [1, 11) is late for good.
      send(it, [12, 4], [1, 8]);
      it.endOfTime();
    });
    expect(valuesOf(harness)).toEqual([1, 6]);
    expect(harness.side.map(({ row }) => row.value)).toEqual([8]);
  });

  it("takes the gap of a session from the row", () => {
    const window: AnyWindowSpec = { kind: "dynamicSession", gapOf: ({ value }) => value as number };
    const harness = run({ window }, (it) => {
      send(it, [0, 5], [4, 2], [6, 1]);
      it.endOfTime();
    });
    expect(harness.emitted.map(({ row, time }) => [row.value, time])).toEqual([
      [7, 5],
      [1, 6],
    ]);
    expect(() => run({ window }, (it) => send(it, [0, 0]))).toThrow(
      expect.objectContaining({ code: "WINDOW_GAP_INVALID" }),
    );
  });

  it("counts rows: tumbling windows start anew, sliding ones keep the last rows, incomplete ones give nothing", () => {
    const rows = [1, 2, 3, 4, 5].map((value) => [value, value] as const);
    const drive = (it: StreamHarness) => {
      send(it, ...rows);
      it.endOfTime();
    };
    expect(valuesOf(run({ window: { kind: "count", rows: 2 } }, drive))).toEqual([3, 7]);
    expect(valuesOf(run({ window: { kind: "count", rows: 3, slideRows: 1 } }, drive))).toEqual([1, 3, 6, 9, 12]);
    const tumbling = run({ window: { kind: "count", rows: 2 } }, drive);
    expect(tumbling.emitted.map(({ time }) => time)).toEqual([2, 4]);
    const even = run({ window: { kind: "count", rows: 5 } }, drive);
    expect(even.metrics.get("openWindows") ?? 0).toBe(0);
  });

  it("gives windows over all rows without a key", () => {
    const harness = run({ keys: [], calculation: LIST }, (it) => {
      send(it, [1, 1], [2, 2]);
      it.endOfTime();
    });
    expect(harness.emitted.map(({ row }) => row)).toEqual([
      { key: null, startMs: 0, value: 1 },
      { key: null, startMs: 0, value: 2 },
    ]);
  });

  it("fires in processing time once the clock has reached the end, with the time of the firing", () => {
    const harness = run({ window: { kind: "tumbling", sizeMs: 10, domain: "processing" } }, (it) => {
      it.nowMs = 3;
      it.rows(0, [{ key: "a", value: 1 }]);
      it.processingTime(9);
      expect(it.emitted).toEqual([]);
      it.processingTime(12);
      it.rows(0, [{ key: "a", value: 2 }]);
      it.endOfTime();
    });
    expect(harness.emitted.map(({ row, time }) => [row.value, time])).toEqual([
      [1, 12],
      [2, 12],
    ]);
  });

  it("fires continuously, once for all the multiples that one watermark passes, and once in batch mode", () => {
    const spec = { window: { kind: "tumbling", sizeMs: 100 }, trigger: ContinuousEventTimeTrigger.of(10) } as const;
    const drive = (it: StreamHarness) => {
      send(it, [1, 1]);
      it.watermark(10);
      it.watermark(45);
      send(it, [50, 1]);
      it.watermark(50);
      it.endOfTime();
    };
    expect(valuesOf(run(spec, drive))).toEqual([1, 1, 2, 2]);
    const batch = run(
      spec,
      (it) => {
        send(it, [1, 1], [50, 1]);
        it.endOfTime();
      },
      { isBatchMode: true },
    );
    expect(valuesOf(batch)).toEqual([2]);
  });

  it("fires continuously in processing time", () => {
    const trigger = PurgingTrigger.of(ContinuousProcessingTimeTrigger.of(10));
    const harness = run({ window: { kind: "global" }, trigger }, (it) => {
      send(it, [1, 1], [2, 2]);
      it.processingTime(10);
      send(it, [3, 4]);
      it.processingTime(25);
      it.endOfTime();
    });
    expect(valuesOf(harness)).toEqual([3, 4]);
  });

  it("fires global windows as the trigger says: never, at the end, by distance", () => {
    const drive = (it: StreamHarness) => {
      send(it, [1, 1], [2, 3], [3, 9]);
      it.endOfTime();
    };
    const window = { kind: "global" } as const;
    expect(valuesOf(run({ window, trigger: NeverTrigger.create() }, drive))).toEqual([]);
    expect(valuesOf(run({ window }, drive))).toEqual([13]);
    const trigger = DeltaTrigger.of(5, (last, row) => (row.value as number) - (last.value as number));
    expect(valuesOf(run({ window, trigger }, drive))).toEqual([13]);
    const evictor = CountEvictor.of(2);
    expect(valuesOf(run({ window, trigger: CountTrigger.of(3), evictor, calculation: LIST }, drive))).toEqual([3, 9]);
  });

  it("gives functions state per window and per key, a call when the window closes, and side outputs", () => {
    const fired = valueState("fired", int32);
    const cleared: unknown[] = [];
    const calculation: WindowCalculation = {
      kind: "process",
      process: {
        process(key, context, rows) {
          const ofWindow = context.windowState(fired);
          const ofKey = context.globalState(valueState("total", int32));
          ofWindow.set((ofWindow.get() ?? 0) + 1);
          ofKey.set((ofKey.get() ?? 0) + 1);
          context.output("seen", { count: rows.length });
          return [{ key, startMs: (ofKey.get() ?? 0) * 100, value: ofWindow.get() }];
        },
        clear(context) {
          cleared.push([context.window.startMs, context.windowState(fired).get()]);
        },
      },
    };
    const harness = run(
      { calculation, trigger: CountTrigger.of(1) },
      (it) => {
        send(it, [1, 1], [2, 1]);
        it.restart(2);
        send(it, [3, 1], [11, 1]);
        it.endOfTime();
      },
      { sideOutputs: { seen: { schema: Schema.of({ count: int32 }) } } },
    );
    expect(harness.emitted.map(({ row }) => [row.startMs, row.value])).toEqual([
      [100, 1],
      [200, 2],
      [300, 3],
      [400, 1],
    ]);
    expect(cleared).toEqual([
      [0, 3],
      [10, 1],
    ]);
    expect(harness.side.map(({ tag, row, time }) => [tag, row.count, time])).toEqual([
      ["seen", 1, 9],
      ["seen", 2, 9],
      ["seen", 3, 9],
      ["seen", 1, 19],
    ]);
  });

  it("runs custom windows, merged by user code, and custom triggers with state", () => {
    const window: AnyWindowSpec = {
      kind: "custom",
      assignWindows: (_, timeMs) => [{ startMs: timeMs, endMs: timeMs + 1 }],
      // All windows of one hundred become one.
      mergeWindows: (windows) => {
        const hundreds = new Set(windows.map(({ startMs }) => Math.floor(startMs / 100)));
        return [...hundreds].map((hundred) => ({
          window: { startMs: hundred * 100, endMs: hundred * 100 + 100 },
          merged: windows.filter(({ startMs }) => Math.floor(startMs / 100) === hundred),
        }));
      },
    };
    const drive = (it: StreamHarness) => {
      send(it, [1, 1], [205, 2]);
      it.restart(1);
      send(it, [50, 4], [99, 8]);
      it.endOfTime();
    };
    expect(valuesOf(run({ window }, drive))).toEqual([13, 2]);
    const everySecond: Trigger<{ count: number }> = {
      onElement: (_row, _timestampMs, _window, context) => {
        const count = (context.state?.count ?? 0) + 1;
        context.state = { count };
        return count % 2 === 0 ? "FIRE_AND_PURGE" : "CONTINUE";
      },
      onEventTime: () => "CONTINUE",
      onProcessingTime: () => "CONTINUE",
      onMerge: (_window, context) => {
        context.state = { count: context.mergedStates.reduce((sum, { count }) => sum + count, 0) };
      },
      clear: (_window, context) => {
        context.state = undefined;
      },
    };
    expect(valuesOf(run({ window, trigger: everySecond as Trigger }, drive))).toEqual([5]);
  });

  it("tells which windows and timers wait", () => {
    run({ allowedLatenessMs: 5 }, (it) => {
      send(it, [1, 1], [12, 5]);
      expect(it.operators[0].pendingTimes?.()).toEqual([
        { what: "window [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:00.010Z)", timeDomain: "event", atMs: 9, count: 1 },
        {
          what: "window [1970-01-01T00:00:00.010Z, 1970-01-01T00:00:00.020Z)",
          timeDomain: "event",
          atMs: 19,
          count: 1,
        },
      ]);
    });
    run({ window: { kind: "global" }, trigger: ContinuousProcessingTimeTrigger.of(10) }, (it) => {
      send(it, [1, 1]);
      expect(it.operators[0].pendingTimes?.()).toEqual([
        { what: "trigger of window of all rows", timeDomain: "processing", atMs: 10, count: 1 },
      ]);
    });
  });

  it("gives many results a few batches per call, and the watermark behind them", () => {
    const harness = run(
      {},
      (it) => {
        const rows = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: i }));
        it.rows(0, rows, { times: rows.map(() => 1) });
        it.watermark(20);
      },
      { batchRows: 2 },
    );
    expect(harness.emitted.length).toBe(50);
    expect(harness.watermarks[0]).toEqual([20]);
  });

  it("refuses what cannot work while the plan is built", () => {
    const of = (spec: Partial<WindowFunctionSpec>) => () => run(spec, () => {});
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(of({ window: { kind: "tumbling", sizeMs: 0 } })).toThrow(code("WINDOW_SIZE_INVALID"));
    const delta = DeltaTrigger.of(1, () => 0) as Trigger;
    expect(of({ window: { kind: "session", gapMs: 1 }, trigger: delta })).toThrow(code("WINDOW_TRIGGER_UNMERGEABLE"));
    expect(of({ window: { kind: "count", rows: 2 }, trigger: delta })).toThrow(code("WINDOW_TRIGGER_INVALID"));
    expect(of({ keys: ["nokey"] })).toThrow(code("COLUMN_UNKNOWN"));
    expect(() => CountTrigger.of(0)).toThrow(code("TRIGGER_INVALID"));
    expect(() => CountEvictor.of(-1)).toThrow(code("EVICTOR_INVALID"));
    expect(
      () =>
        new WindowFunctionOperator({ keys: [], window: TUMBLING, calculation: LIST }, INPUT, { site: { name: "x" } }),
    ).toThrow(code("WINDOW_SHAPE_MISSING"));
  });

  it("says what user code did wrong", () => {
    const code = (expected: string) => expect.objectContaining({ code: expected });
    const failing: WindowCalculation = {
      kind: "reduce",
      reduce: () => {
        throw new Error("no");
      },
    };
    expect(() => run({ calculation: failing }, (it) => send(it, [1, 1], [1, 2]))).toThrow(code("USER_FUNCTION_FAILED"));
    const forgetful: WindowCalculation = { kind: "reduce", reduce: () => undefined as never };
    expect(() => run({ calculation: forgetful }, (it) => send(it, [1, 1], [1, 2]))).toThrow(code("ROW_INVALID"));
    const stateful: WindowCalculation = {
      kind: "process",
      process: (_key, context) => {
        context.windowState(valueState("x", int32)).get();
        return [];
      },
    };
    const session = { kind: "session", gapMs: 5 } as const;
    expect(() =>
      run({ window: session, calculation: stateful }, (it) => {
        send(it, [1, 1]);
        it.endOfTime();
      }),
    ).toThrow(code("WINDOW_STATE_MERGING"));
    const endless: Trigger = {
      onElement: (_row, timestampMs, _window, context) => {
        context.registerEventTimeTimer(timestampMs);
        return "CONTINUE";
      },
      onEventTime: (timeMs, _window, context) => {
        context.registerEventTimeTimer(timeMs + 1);
        return "CONTINUE";
      },
      onProcessingTime: () => "CONTINUE",
      clear: () => {},
    };
    expect(() =>
      run({ window: { kind: "global" }, trigger: endless }, (it) => {
        send(it, [1, 1]);
        it.endOfTime();
      }),
    ).toThrow(code("TIMERS_ENDLESS"));
    expect(() => run({}, (it) => it.rows(0, [{ key: "a", value: 1 }]))).toThrow(code("EVENT_TIME_MISSING"));
  });
});
