import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WindowFunctionOperator, type WindowFunctionSpec } from "../../../src/core/operators/window-function.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, list, utf8 } from "../../../src/core/types.ts";
import type { TaggedRow } from "../../../src/core/windows/tagged-row.ts";
import { EventTimeTrigger, ProcessingTimeTrigger } from "../../../src/core/windows/triggers.ts";
import { coGroupOfWindow, pairsOfWindow, type WindowPairsSpec } from "../../../src/core/windows/two-sided-windows.ts";
import type { AnyWindowSpec } from "../../../src/core/windows/window-assigner.ts";
import type { ProcessWindowFunction } from "../../../src/core/windows/window-calculation.ts";
import { joinWindows } from "../../reference/joined-windows.ts";
import { NaiveWindowOperator } from "../../reference/window-function.ts";
import {
  anyEvictor,
  anyTrigger,
  anyWindowSpec,
  anyWindowSteps,
  assignedWindows,
  isMerging,
} from "../../support/any-window-function.ts";
import { cases } from "../../support/cases.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { multiset } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

// The two sides have other columns, in another order; the gap of the right rows is hidden from everybody else.

const LEFT = Schema.of({ key: utf8, id: int32, gap: int32 });
const RIGHT = Schema.of({ id: int32, word: utf8, key: utf8, gap: int32 });
const INPUTS = [
  { schema: LEFT, keys: ["key"], side: "left", hiddenColumns: 1 },
  { schema: RIGHT, keys: ["key"], side: "right", hiddenColumns: 1 },
] as const;

interface Given {
  readonly input: 0 | 1;
  readonly key: string | null;
  readonly gap: number;
  readonly time: number;
}
type Tagged = TaggedRow & { readonly gap: number };

const anyRow: fc.Arbitrary<Given> = fc.record({
  input: fc.constantFrom(0 as const, 1 as const),
  key: fc.constantFrom("a", "b", null),
  gap: fc.integer({ min: 1, max: 9 }),
  time: fc.integer({ min: -15, max: 30 }),
});
const anySteps = anyWindowSteps(anyRow);

const idOf = (row: Record<string, unknown>): number => (row.row as { id: number }).id;

const anyWindow = fc
  .record({ window: anyWindowSpec, domain: fc.constantFrom("event" as const, "event" as const, "processing" as const) })
  .map(({ window, domain }): AnyWindowSpec => {
    if (window.kind === "global") return window;
    // As the API does with gaps that a function gives: they come in a hidden column.
    if (window.kind === "dynamicSession") return { kind: "session", gap: { kind: "column", name: "gap" }, domain };
    return { ...window, domain } as AnyWindowSpec;
  });

const anyCase = fc.record({
  window: anyWindow,
  trigger: anyTrigger(idOf),
  evictor: anyEvictor(idOf),
  latenessMs: fc.constantFrom(0, 0, 3, 10),
  steps: anySteps,
  batchRows: fc.constantFrom(1, 2, 1024),
});
type Case = typeof anyCase extends fc.Arbitrary<infer C> ? C : never;

/** What the operator gives, and the firings of windows by a naive run over the same steps. */
function run(given: Case, whole: ProcessWindowFunction, schema: Schema) {
  const { window, evictor, latenessMs, steps, batchRows } = given;
  const mayMerge = given.trigger?.onMerge !== undefined || !isMerging(window);
  const trigger = mayMerge ? given.trigger : undefined;
  const domain = "domain" in window && window.domain === "processing" ? "processing" : "event";
  // Without a trigger windows wait for late rows, which is as if the watermark were late itself.
  const waitsMs = trigger === undefined && domain === "event" && window.kind !== "global" ? latenessMs : 0;
  const naive = new NaiveWindowOperator({
    keyOf: ({ row }) => (row as { key: string | null }).key,
    windowsOf: ({ gap }, timeMs) => assignedWindows(window, timeMs, () => gap as number),
    merges: isMerging(window),
    domain,
    trigger:
      trigger ??
      (domain === "event" || window.kind === "global" ? new EventTimeTrigger() : new ProcessingTimeTrigger()),
    ...(evictor === undefined ? {} : { evictor }),
    latenessMs: waitsMs > 0 ? 0 : latenessMs,
  });
  const spec: WindowFunctionSpec = {
    keys: ["key"],
    window,
    calculation: { kind: "process", process: whole },
    ...(trigger === undefined ? {} : { trigger }),
    ...(evictor === undefined ? {} : { evictor }),
    ...(waitsMs > 0 ? { waitsMs } : { allowedLatenessMs: latenessMs }),
  };
  return withWorkspace((ws) => {
    const create = () => new WindowFunctionOperator(spec, INPUTS, { shape: { schema }, site: { name: "both" } });
    const harness = new StreamHarness(ws, create, INPUTS, { batchRows });
    let [watermarkMs, nowMs, id] = [-20, 0, 0];
    for (const step of steps) {
      if (step.kind === "rows") {
        for (const { input, key, gap, time } of step.rows) {
          const side = input === 0 ? "left" : "right";
          const row = input === 0 ? { key, id: id++ } : { id: id++, word: `word ${id}`, key };
          harness.rows(input, [{ ...row, gap }], { times: [time] });
          naive.row({ side, row, gap } satisfies Tagged, time);
        }
      } else if (step.kind === "watermark") {
        watermarkMs += step.byMs;
        harness.watermark(watermarkMs);
        naive.advance("event", watermarkMs - waitsMs);
      } else if (step.kind === "clock") {
        nowMs += step.byMs;
        harness.processingTime(nowMs);
        naive.advance("processing", nowMs);
      } else harness.restart(step.parallelism);
    }
    harness.endOfTime();
    naive.end();
    const firings = naive.firings.map(({ key, window: { startMs, endMs }, rows, timeMs }) => {
      const side = (wanted: string) =>
        (rows as unknown as Tagged[]).filter((row) => row.side === wanted).map(({ row }) => row);
      return { key, timeMs, start: startMs, end: endMs, left: side("left"), right: side("right") };
    });
    const late = (naive.late as unknown as Tagged[]).map(({ side, row }) => ({
      tag: side === "left" ? "lateLeft" : "lateRight",
      row,
    }));
    expect(multiset(harness.side.map(({ tag, row }) => ({ tag, row })))).toEqual(multiset(late));
    return { emitted: harness.emitted.map(({ row, time }) => ({ ...row, timeMs: time })), firings };
  });
}

describe("windows that two streams share, row by row", () => {
  it("give a function both sides of each firing, in the order in which they came", () => {
    const result = Schema.of({ key: utf8, left: list(int32), right: list(int32), words: utf8 });
    const ids = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => id);
    const words = (rows: readonly Record<string, unknown>[]) => rows.map(({ word }) => word).join();
    const coGroup = coGroupOfWindow(
      ({ key }, left, right) => {
        const [l, r] = [[...left], [...right]];
        for (const row of l) expect(Object.keys(row)).toEqual(["key", "id"]);
        for (const row of r) expect(Object.keys(row)).toEqual(["id", "word", "key"]);
        return [{ key, left: ids(l), right: ids(r), words: words(r) }];
      },
      ["key"],
      "both",
    );
    fc.assert(
      fc.property(anyCase, (given) => {
        const { emitted, firings } = run(given, coGroup, result);
        expect(multiset(emitted)).toEqual(
          multiset(
            firings.map(({ key, left, right, timeMs }) => {
              return { key, left: ids(left), right: ids(right), words: words(right), timeMs };
            }),
          ),
        );
      }),
      { numRuns: cases(200) },
    );
  });

  it("give the pairs of each firing, and rows without one, as a nested loop would", () => {
    const types = ["inner", "left", "right", "full", "semi", "anti"] as const;
    fc.assert(
      fc.property(anyCase, fc.constantFrom(...types), (given, type) => {
        const hasRight = type !== "semi" && type !== "anti";
        const spec: WindowPairsSpec = {
          type,
          leftKeys: ["key"],
          rightKeys: ["key"],
          output: [
            { side: "left", column: "key", name: "key" },
            { side: "left", column: "id", name: "l" },
            ...(hasRight ? ([{ side: "right", column: "id", name: "r" }] as const) : []),
            ...(hasRight ? ([{ side: "right", column: "word", name: "word" }] as const) : []),
          ],
        };
        const result = Schema.of({ key: utf8, l: int32, ...(hasRight ? { r: int32, word: utf8 } : {}) });
        const { emitted, firings } = run(given, pairsOfWindow(spec), result);
        const expected = joinWindows(
          firings,
          type,
          (left) => left.key !== null,
          (left, right, window) => ({
            key: (left ?? right)?.key,
            l: left?.id ?? null,
            ...(hasRight ? { r: right?.id ?? null, word: right?.word ?? null } : {}),
            timeMs: (window as (typeof firings)[number]).timeMs,
          }),
        );
        expect(multiset(emitted)).toEqual(multiset(expected));
      }),
      { numRuns: cases(200) },
    );
  });
});
