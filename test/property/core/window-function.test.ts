import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WindowFunctionOperator, type WindowFunctionSpec } from "../../../src/core/operators/window-function.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, int64, list, utf8 } from "../../../src/core/types.ts";
import { EventTimeTrigger, ProcessingTimeTrigger, PurgingTrigger } from "../../../src/core/windows/triggers.ts";
import type { AnyWindowSpec } from "../../../src/core/windows/window-assigner.ts";
import type { WindowCalculation } from "../../../src/core/windows/window-calculation.ts";
import { memoryState } from "../../../src/state/memory/memory-backend.ts";
import { NaiveWindowOperator } from "../../reference/window-function.ts";
import {
  anyEvictor,
  anyTrigger,
  anyWindowSpec,
  anyWindowSteps,
  assignedWindows,
  isMerging,
  type WindowStep,
} from "../../support/any-window-function.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { withWorkspace } from "../../support/workspace.ts";

const INPUT = Schema.of({ key: utf8, id: int32, gap: int32 });
const RESULT = Schema.of({ key: utf8, startMs: float64, endMs: float64, ids: list(int32), sum: int64 });

type Row = { key: string; id: number; gap: number };

const anyTime = fc.integer({ min: -15, max: 30 });
const idOf = (row: Record<string, unknown>) => row.id as number;

type Step = WindowStep<Row & { time: number }>;

const anyRow = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  id: fc.integer({ min: 0, max: 20 }),
  gap: fc.integer({ min: 1, max: 9 }),
  time: anyTime,
});
const anySteps = anyWindowSteps(anyRow);

const calculations: Record<string, WindowCalculation> = {
  process: {
    kind: "process",
    process: (key, { window }, rows) => [
      { key, ...window, ids: rows.map(({ id }) => id), sum: rows.reduce((sum, { id }) => sum + (id as number), 0) },
    ],
  },
  reduceProcess: {
    kind: "reduce",
    reduce: (left, right) => ({ ...left, id: (left.id as number) + (right.id as number) }),
    process: (key, { window }, [row]) => [{ key, ...window, ids: null, sum: row.id }],
  },
  aggregateProcess: {
    kind: "aggregate",
    aggregate: {
      createAccumulator: () => ({ ids: [] as number[], sum: 0n }),
      add: (accumulator, row) => {
        const { ids, sum } = accumulator as { ids: number[]; sum: bigint };
        ids.push(row.id as number);
        return { ids, sum: sum + BigInt(row.id as number) };
      },
      getResult: (accumulator) => accumulator,
      merge: (left, right) => {
        const [a, b] = [left, right] as { ids: number[]; sum: bigint }[];
        return { ids: [...a.ids, ...b.ids], sum: a.sum + b.sum };
      },
    },
    process: (key, { window }, [row]) => [{ key, ...window, ids: row.ids, sum: row.sum }],
  },
};

/** Runs steps in the operator and in the reference, which knows no restarts and no subtasks. */
function compare(
  spec: Omit<WindowFunctionSpec, "keys" | "calculation">,
  calculation: keyof typeof calculations,
  steps: readonly Step[],
  options: { batchRows: number; isAll?: boolean },
): void {
  const { window, trigger, evictor } = spec;
  const keys = options.isAll ? [] : ["key"];
  const domain = "domain" in window && window.domain === "processing" ? "processing" : "event";
  const defaultTrigger =
    window.kind === "global"
      ? new EventTimeTrigger()
      : domain === "event"
        ? new EventTimeTrigger()
        : new ProcessingTimeTrigger();
  const naive = new NaiveWindowOperator({
    keyOf: (row) => (options.isAll ? null : row.key),
    windowsOf: (row, timeMs) => assignedWindows(window, timeMs, () => row.gap as number),
    merges: isMerging(window),
    domain,
    trigger: trigger ?? defaultTrigger,
    ...(evictor === undefined ? {} : { evictor }),
    latenessMs: spec.allowedLatenessMs ?? 0,
  });
  withWorkspace((ws) => {
    const create = () =>
      new WindowFunctionOperator({ ...spec, keys, calculation: calculations[calculation] }, INPUT, {
        shape: { schema: RESULT },
        site: { name: "window" },
        state: memoryState,
      });
    const harness = new StreamHarness(ws, create, [{ schema: INPUT, keys }], { batchRows: options.batchRows });
    let [watermarkMs, nowMs] = [-20, 0];
    for (const step of steps) {
      if (step.kind === "rows") {
        const times = step.rows.map(({ time }) => time);
        harness.rows(
          0,
          step.rows.map(({ key, id, gap }) => ({ key, id, gap })),
          { times },
        );
        for (const { time, ...row } of step.rows) naive.row(row, time);
      } else if (step.kind === "watermark") {
        watermarkMs += step.byMs;
        harness.watermark(watermarkMs);
        naive.advance("event", watermarkMs);
      } else if (step.kind === "clock") {
        nowMs += step.byMs;
        harness.processingTime(nowMs);
        naive.advance("processing", nowMs);
      } else if (step.kind === "restart") harness.restart(options.isAll ? 1 : step.parallelism);
    }
    // As the runtime: the clock ends first.
    harness.endOfTime();
    naive.end();
    const expected = naive.firings.map(({ key, window: { startMs, endMs }, rows, timeMs }) => ({
      key: (options.isAll ? null : key) ?? null,
      startMs,
      endMs,
      ids: calculation === "reduceProcess" ? null : rows.map(({ id }) => id),
      sum: BigInt(rows.reduce((sum, { id }) => sum + (id as number), 0)),
      timeMs,
    }));
    const ofKey = (all: readonly { key: unknown }[], key: unknown) => all.filter((row) => row.key === key);
    const found = harness.emitted.map(({ row, time }) => ({ ...row, timeMs: time })) as unknown as typeof expected;
    // Windows of one key and one time may fire in any order.
    for (const key of [null, "a", "b", "c"]) {
      expect(sorted(ofKey(found, key))).toEqual(sorted(ofKey(expected, key)));
    }
    expect(sorted(harness.side.map(({ row }) => row))).toEqual(sorted(naive.late));
    expect(harness.metrics.get("rowsOutsideWindows") ?? 0).toBe(naive.outside.length);
  });
}

const sorted = (rows: readonly object[]): string[] =>
  rows.map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? Number(value) : value))).sort();

const anyCase = fc.record({
  window: anyWindowSpec,
  domain: fc.constantFrom("event" as const, "event" as const, "processing" as const),
  trigger: anyTrigger(idOf),
  evictor: anyEvictor(idOf),
  allowedLatenessMs: fc.constantFrom(0, 0, 3, 10),
  calculation: fc.constantFrom(...Object.keys(calculations)),
  steps: anySteps,
  batchRows: fc.constantFrom(1, 2, 1024),
  isAll: fc.boolean(),
});

describe("windows with user code", () => {
  it("give what row by row semantics give, for any disorder, trigger, evictor, restart and rescaling", () => {
    fc.assert(
      fc.property(
        anyCase,
        ({ window, domain, trigger, evictor, allowedLatenessMs, calculation, steps, batchRows, isAll }) => {
          const chosen =
            isMerging(window) && trigger !== undefined && trigger.onMerge === undefined ? undefined : trigger;
          compare(
            {
              window: window.kind === "global" ? window : ({ ...window, domain } as AnyWindowSpec),
              ...(chosen === undefined ? {} : { trigger: chosen }),
              ...(evictor === undefined ? {} : { evictor }),
              allowedLatenessMs,
            },
            calculation,
            steps,
            { batchRows, isAll },
          );
        },
      ),
      { numRuns: 250 },
    );
  }, 60_000);

  it("put each row in a window or among the late rows", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0, 4),
        anySteps,
        (sizeMs, allowedLatenessMs, steps) => {
          withWorkspace((ws) => {
            const create = () =>
              new WindowFunctionOperator(
                {
                  keys: ["key"],
                  window: { kind: "tumbling", sizeMs },
                  calculation: calculations.process,
                  // Every row is in one result, late firings included.
                  trigger: PurgingTrigger.of(new EventTimeTrigger()),
                  allowedLatenessMs,
                },
                INPUT,
                { shape: { schema: RESULT }, site: { name: "window" } },
              );
            const harness = new StreamHarness(ws, create, [{ schema: INPUT, keys: ["key"] }]);
            let watermarkMs = -20;
            const ids: number[] = [];
            for (const step of steps) {
              if (step.kind === "watermark") {
                watermarkMs += step.byMs;
                harness.watermark(watermarkMs);
              }
              if (step.kind === "restart") harness.restart(step.parallelism);
              if (step.kind !== "rows") continue;
              harness.rows(
                0,
                step.rows.map(({ key, id, gap }) => ({ key, id, gap })),
                { times: step.rows.map(({ time }) => time) },
              );
              ids.push(...step.rows.map(({ id }) => id));
            }
            harness.endOfTime();
            const windowed = harness.emitted.flatMap(({ row }) => row.ids as number[]);
            const late = harness.side.map(({ row }) => row.id as number);
            expect([...windowed, ...late].sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b));
            const restarted = steps.some(({ kind }) => kind === "restart");
            if (!restarted) expect(harness.metrics.get("openWindows") ?? 0).toBe(0);
          });
        },
      ),
      { numRuns: 80 },
    );
  });

  it("have snapshots of equal bytes for equal states, however rows were cut into batches", () => {
    fc.assert(
      fc.property(anyWindowSpec, anyEvictor(idOf), fc.array(anyRow, { maxLength: 20 }), (window, evictor, rows) => {
        const bytes = (cuts: readonly (typeof rows)[], restarts: boolean) =>
          withWorkspace((ws) => {
            const create = () =>
              new WindowFunctionOperator(
                {
                  keys: ["key"],
                  window,
                  calculation: calculations.aggregateProcess,
                  ...(evictor === undefined ? {} : { evictor }),
                },
                INPUT,
                { shape: { schema: RESULT }, site: { name: "window" } },
              );
            const harness = new StreamHarness(ws, create, [{ schema: INPUT, keys: ["key"] }]);
            for (const cut of cuts) {
              if (cut.length === 0) continue;
              const times = cut.map(({ time }) => time);
              harness.rows(
                0,
                cut.map(({ key, id, gap }) => ({ key, id, gap })),
                { times },
              );
              if (restarts) harness.restart(1);
            }
            const found = harness.snapshotBytes();
            harness.close();
            return found;
          });
        const whole = bytes([rows], false);
        expect(
          bytes(
            rows.map((row) => [row]),
            false,
          ),
        ).toEqual(whole);
        expect(
          bytes(
            rows.map((row) => [row]),
            true,
          ),
        ).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});
