import * as fc from "fast-check";
import { expect, it } from "vitest";
import { callNode, columnNode } from "../../../src/core/expressions/node.ts";
import { WindowCoGroupRows } from "../../../src/core/operators/window-co-group-rows.ts";
import { WindowJoinOperator, type WindowJoinSpec } from "../../../src/core/operators/window-join.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, int64, utf8 } from "../../../src/core/types.ts";
import type { SessionWindowSpec } from "../../../src/core/windows/window-spec.ts";
import { joinWindows, type SessionRow, sessionsInOrder } from "../../reference/joined-windows.ts";
import { cases } from "../../support/cases.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, multiset, play, type Step, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, text: utf8, id: int32, gap: int64 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, 3, null),
    text: fc.constantFrom("", "a", "a text that does not fit inline", null),
    gap: fc.integer({ min: 1, max: 9 }).map(BigInt),
  });

interface Sessions {
  readonly key: "k" | "text";
  readonly window: SessionWindowSpec;
  readonly allowedLatenessMs: number;
}
const anySessions: fc.Arbitrary<Sessions> = fc.record({
  key: fc.constantFrom("k", "text"),
  window: fc.oneof(
    fc.record({ kind: fc.constant("session" as const), gapMs: fc.integer({ min: 1, max: 10 }) }),
    fc.constant<SessionWindowSpec>({ kind: "session", gap: columnNode("gap") }),
  ),
  allowedLatenessMs: fc.constantFrom(0, 0, 3, 20),
});

/** Scripts whose watermarks may be ahead of what their rows keep to, so that rows are late. */
const anySteps = fc
  .tuple(anyScript(anyRow, { maxRows: 40 }), fc.constantFrom(0, 0, 4, 12))
  .map(([steps, ahead]) =>
    steps.map((step): Step => (step.kind === "watermark" ? { ...step, timeMs: step.timeMs + ahead } : step)),
  );

function expectedOf(steps: readonly Step[], { key, window, allowedLatenessMs }: Sessions) {
  const inOrder = steps.flatMap((step): (SessionRow<TimedRow> | number)[] => {
    if (step.kind === "watermark") return [step.timeMs];
    if (step.kind === "restart") return [];
    return step.rows.map((row) => ({
      key: row.row[key],
      time: row.time,
      gap: "gapMs" in window ? window.gapMs : Number(row.row.gap),
      isLeft: row.input === 0,
      row,
    }));
  });
  return sessionsInOrder(inOrder, allowedLatenessMs);
}

const lateOf = (rows: readonly SessionRow<TimedRow>[]) =>
  rows.map(({ row, isLeft, time }) => `${isLeft ? "lateLeft" : "lateRight"} ${row.row.id}@${time}`).sort();
const sideOf = ({ side }: StreamHarness) => side.map(({ tag, row, time }) => `${tag} ${row.id}@${time}`).sort();
const inputs = (key: string) => [
  { schema: SCHEMA, keys: [key] },
  { schema: SCHEMA, keys: [key] },
];

it("a join in sessions equals the nested loop per session over both sides, at every cut, lateness, watermark and restart", () => {
  fc.assert(
    fc.property(
      fc.record({
        sessions: anySessions,
        type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
        hasResidual: fc.boolean(),
        nullEquals: fc.boolean(),
        batchRows: fc.integer({ min: 1, max: 9 }),
        collide: fc.boolean(),
      }),
      anySteps,
      ({ sessions, type, hasResidual, nullEquals, batchRows, collide }, steps) => {
        const { key, window, allowedLatenessMs } = sessions;
        const isFilter = type === "semi" || type === "anti";
        const spec: WindowJoinSpec = {
          kind: "windowJoin",
          type,
          window,
          allowedLatenessMs,
          nullEquals,
          leftKeys: [key],
          rightKeys: [key],
          startColumn: "start",
          endColumn: "end",
          output: [
            { side: "left", column: "id", name: "session" },
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
        const { windows, late } = expectedOf(steps, sessions);
        const matches = (l: TimedRow, r: TimedRow): boolean =>
          (nullEquals || l.row[key] !== null) &&
          l.row[key] === r.row[key] &&
          (!hasResidual || Number(l.row.id) < Number(r.row.id));
        const expected = joinWindows(windows, type, matches, (l, r, { start, end }) => ({
          session: l?.row.id ?? null,
          t: l?.row.text ?? null,
          ...(isFilter ? {} : { r: r?.row.id ?? null }),
          start,
          end,
          time: end - 1,
        }));
        withWorkspace((ws) => {
          const create = () => new WindowJoinOperator(spec, SCHEMA, SCHEMA, collide ? 0 : 0xffffffff);
          const harness = new StreamHarness(ws, create, inputs(key), { batchRows });
          play(harness, steps);
          expect(sideOf(harness)).toEqual(lateOf(late));
          expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(multiset(expected));
        });
      },
    ),
    { numRuns: cases(100) },
  );
});

it("a coGroup in sessions gives the rows of both sides of each session in the order in which they came", () => {
  const RESULT = Schema.of({ k: int32, text: utf8, left: utf8, right: utf8 });
  fc.assert(
    fc.property(anySessions, anySteps, fc.integer({ min: 1, max: 5 }), (sessions, steps, batchRows) => {
      const { key, window, allowedLatenessMs } = sessions;
      const side = { schema: SCHEMA, keys: [{ column: key === "k" ? 0 : 1 }] };
      const seen = (rows: Iterable<Record<string, unknown>>) =>
        [...rows].map((row) => Object.values(row).join("/")).join();
      const texts = (rows: readonly TimedRow[]) =>
        rows.map(({ row: { k, text, id, gap } }) => [k, text, id, gap].join("/")).join();
      const { windows, late } = expectedOf(steps, sessions);
      withWorkspace((ws) => {
        const create = () =>
          new WindowCoGroupRows(
            (found, left, right) => [{ k: null, text: null, ...found, left: seen(left), right: seen(right) }],
            side,
            side,
            window,
            { schema: RESULT },
            { name: "coGroup" },
            allowedLatenessMs,
          );
        const harness = new StreamHarness(ws, create, inputs(key), { batchRows });
        play(harness, steps);
        expect(sideOf(harness)).toEqual(lateOf(late));
        const expected = windows.map(({ end, left, right }) => ({
          k: null,
          text: null,
          [key]: (left[0] ?? right[0]).row[key],
          left: texts(left),
          right: texts(right),
          time: end - 1,
        }));
        expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(multiset(expected));
      });
    }),
    { numRuns: cases(60) },
  );
});
