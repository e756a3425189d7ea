import * as fc from "fast-check";
import { expect, it } from "vitest";
import { callNode, columnNode } from "../../../src/core/expressions/node.ts";
import { WindowCoGroupRows } from "../../../src/core/operators/window-co-group-rows.ts";
import { WindowJoinOperator, type WindowJoinSpec } from "../../../src/core/operators/window-join.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, utf8 } from "../../../src/core/types.ts";
import type { AlignedWindowSpec } from "../../../src/core/windows/window-spec.ts";
import { type JoinedWindow, joinWindows } from "../../reference/joined-windows.ts";
import { windowsOf as boundsOf } from "../../reference/windows.ts";
import { cases } from "../../support/cases.ts";
import { type Row, StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, multiset, play, rowsOf, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, null),
    text: fc.constantFrom("", "a", "a text that does not fit inline", null),
  });

const anyWindow: fc.Arbitrary<AlignedWindowSpec> = fc
  .record({
    kind: fc.constantFrom("tumbling" as const, "sliding" as const, "cumulate" as const),
    sizeMs: fc.integer({ min: 1, max: 12 }),
    slideMs: fc.integer({ min: 1, max: 15 }),
    steps: fc.integer({ min: 1, max: 4 }),
    offsetMs: fc.integer({ min: -20, max: 20 }),
  })
  .map(({ kind, sizeMs, slideMs, steps, offsetMs }): AlignedWindowSpec => {
    if (kind === "sliding") return { kind, sizeMs, slideMs, offsetMs };
    if (kind === "tumbling") return { kind, sizeMs, offsetMs };
    return { kind, maxSizeMs: sizeMs * steps, stepMs: sizeMs, offsetMs };
  });

const anySpec: fc.Arbitrary<WindowJoinSpec & { readonly window: AlignedWindowSpec }> = fc
  .record({
    type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
    byText: fc.boolean(),
    window: anyWindow,
    hasResidual: fc.boolean(),
    allowedLatenessMs: fc.constantFrom(0, 0, 3),
  })
  .map(({ type, byText, window, hasResidual, allowedLatenessMs }) => {
    const keys = byText ? ["text"] : ["k"];
    const isFilter = type === "semi" || type === "anti";
    return {
      kind: "windowJoin",
      type,
      window,
      allowedLatenessMs,
      leftKeys: keys,
      rightKeys: keys,
      startColumn: "start",
      endColumn: "end",
      output: [
        { side: "left", column: "id", name: "l" },
        { side: "left", column: "text", name: "t" },
        ...(isFilter ? [] : [{ side: "right", column: "id", name: "r" } as const]),
      ],
      ...(hasResidual
        ? {
            residual: {
              columns: [
                { side: "left", column: "id", name: "a" },
                { side: "right", column: "id", name: "b" },
              ],
              condition: callNode("lt", columnNode("a"), columnNode("b")),
            },
          }
        : {}),
    };
  });

function windowsOf(rows: readonly TimedRow[], window: AlignedWindowSpec): JoinedWindow<TimedRow>[] {
  const windows = new Map<string, { start: number; end: number; left: TimedRow[]; right: TimedRow[] }>();
  for (const row of rows) {
    for (const [start, end] of boundsOf(window, row.time)) {
      const found = windows.get(`${start} ${end}`) ?? { start, end, left: [], right: [] };
      windows.set(`${start} ${end}`, found);
      (row.input === 0 ? found.left : found.right).push(row);
    }
  }
  return [...windows.values()].sort((a, b) => a.start - b.start);
}

/** The nested loop in each window. */
function reference(rows: readonly TimedRow[], spec: WindowJoinSpec & { readonly window: AlignedWindowSpec }): Row[] {
  const [key] = spec.leftKeys;
  const { type } = spec;
  const matches = (l: TimedRow, r: TimedRow): boolean =>
    l.row[key] !== null &&
    l.row[key] === r.row[key] &&
    (spec.residual === undefined || Number(l.row.id) < Number(r.row.id));
  return joinWindows(windowsOf(rows, spec.window), type, matches, (l, r, { start, end }) => ({
    l: l?.row.id ?? null,
    t: l?.row.text ?? null,
    ...(type === "semi" || type === "anti" ? {} : { r: r?.row.id ?? null }),
    start,
    end,
    time: end - 1,
  }));
}

const inputs = (keys: readonly string[]) => [
  { schema: SCHEMA, keys },
  { schema: SCHEMA, keys },
];

it("a window join equals the nested loop per window, whatever the disorder, cuts, watermarks and restarts", () => {
  fc.assert(
    fc.property(
      anySpec,
      anyScript(anyRow),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (spec, steps, batchRows, collide) => {
        withWorkspace((ws) => {
          const create = () => new WindowJoinOperator(spec, SCHEMA, SCHEMA, collide ? 0 : 0xffffffff);
          const harness = new StreamHarness(ws, create, inputs(spec.leftKeys), { batchRows });
          play(harness, steps);
          expect(harness.side).toEqual([]);
          expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(
            multiset(reference(rowsOf(steps), spec)),
          );
        });
      },
    ),
    { numRuns: cases(150) },
  );
});

it("rows of a window join are late if and only if all their windows are closed; the others are joined", () => {
  fc.assert(
    fc.property(anySpec, anyScript(anyRow), fc.nat(15), (spec, steps, ahead) => {
      withWorkspace((ws) => {
        const tooEarly = steps.map((step) =>
          step.kind === "watermark" ? { ...step, timeMs: step.timeMs + ahead } : step,
        );
        const late: number[] = [];
        const joined: { watermark: number; row: TimedRow }[] = [];
        let watermark = Number.NEGATIVE_INFINITY;
        const lateness = spec.allowedLatenessMs ?? 0;
        const isClosed = ([, end]: readonly [number, number]) => end - 1 + lateness <= watermark;
        for (const step of tooEarly) {
          if (step.kind === "watermark") watermark = Math.max(watermark, step.timeMs);
          if (step.kind !== "rows") continue;
          for (const row of step.rows) {
            const bounds = boundsOf(spec.window, row.time);
            if (bounds.length > 0 && bounds.every(isClosed)) late.push(Number(row.row.id));
            else if (bounds.length > 0) joined.push({ watermark, row });
          }
        }
        const harness = new StreamHarness(
          ws,
          () => new WindowJoinOperator(spec, SCHEMA, SCHEMA),
          inputs(spec.leftKeys),
        );
        play(harness, tooEarly);
        const gaps = new Set(
          rowsOf(tooEarly)
            .filter(({ time }) => boundsOf(spec.window, time).length === 0)
            .map(({ row }) => Number(row.id)),
        );
        // A row in a gap between windows is in none: whether it counts as late is not said.
        const told = harness.side.map(({ row }) => Number(row.id)).filter((id) => !gaps.has(id));
        expect(told.sort((a, b) => a - b)).toEqual(late.sort((a, b) => a - b));
      });
    }),
    { numRuns: cases(200) },
  );
});

it("a window coGroup gives the rows of both sides of each key and window", () => {
  const RESULT = Schema.of({ k: int32, left: utf8, right: utf8 });
  fc.assert(
    fc.property(anyWindow, anyScript(anyRow), fc.integer({ min: 1, max: 5 }), (window, steps, batchRows) => {
      withWorkspace((ws) => {
        const side = { schema: SCHEMA, keys: [{ column: 0 }] };
        const ids = (rows: Iterable<Record<string, unknown>>) =>
          [...rows]
            .map(({ id }) => Number(id))
            .sort((a, b) => a - b)
            .join();
        const harness = new StreamHarness(
          ws,
          () =>
            new WindowCoGroupRows(
              (key, left, right) => [{ k: key.k, left: ids(left), right: ids(right) }],
              side,
              side,
              window,
              { schema: RESULT },
              { name: "coGroup" },
            ),
          inputs(["k"]),
          { batchRows },
        );
        play(harness, steps);
        const expected = windowsOf(rowsOf(steps), window).flatMap(({ end, left, right }) => {
          const keys = new Set([...left, ...right].map(({ row }) => row.k));
          return [...keys].map((k) => ({
            k,
            left: ids(left.filter(({ row }) => row.k === k).map(({ row }) => row)),
            right: ids(right.filter(({ row }) => row.k === k).map(({ row }) => row)),
            time: end - 1,
          }));
        });
        expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(multiset(expected));
      });
    }),
    { numRuns: cases(60) },
  );
});
