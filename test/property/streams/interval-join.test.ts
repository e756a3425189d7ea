import * as fc from "fast-check";
import { expect, it } from "vitest";
import { callNode, columnNode } from "../../../src/core/expressions/node.ts";
import { IntervalJoinOperator, type IntervalJoinSpec } from "../../../src/core/operators/interval-join.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, utf8 } from "../../../src/core/types.ts";
import { cases } from "../../support/cases.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, multiset, play, rowsOf, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, null),
    text: fc.constantFrom("", "a", "a text that does not fit inline", null),
  });

const anySpec: fc.Arbitrary<IntervalJoinSpec> = fc
  .record({
    type: fc.constantFrom("inner", "left", "right", "full" as const),
    byText: fc.boolean(),
    bounds: fc.tuple(fc.integer({ min: -8, max: 8 }), fc.integer({ min: 0, max: 8 })),
    lowerExclusive: fc.boolean(),
    upperExclusive: fc.boolean(),
    hasResidual: fc.boolean(),
  })
  .filter(({ bounds, lowerExclusive, upperExclusive }) => bounds[1] >= Number(lowerExclusive) + Number(upperExclusive))
  .map(({ type, byText, bounds, lowerExclusive, upperExclusive, hasResidual }) => {
    const keys = byText ? ["text"] : ["k"];
    return {
      kind: "intervalJoin",
      type,
      leftKeys: keys,
      rightKeys: keys,
      lowerMs: bounds[0],
      upperMs: bounds[0] + bounds[1],
      lowerExclusive,
      upperExclusive,
      output: [
        { side: "left", column: "id", name: "l" },
        { side: "left", column: "text", name: "t" },
        { side: "right", column: "id", name: "r" },
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

/** The nested loop over the whole input. */
function reference(rows: readonly TimedRow[], spec: IntervalJoinSpec): object[] {
  const [left, right] = [0, 1].map((input) => rows.filter((row) => row.input === input));
  const matched = new Set<TimedRow>();
  const result: object[] = [];
  const least = spec.lowerMs + Number(spec.lowerExclusive);
  const greatest = spec.upperMs - Number(spec.upperExclusive);
  const [key] = spec.leftKeys;
  for (const l of left) {
    for (const r of right) {
      const distance = r.time - l.time;
      if (l.row[key] === null || l.row[key] !== r.row[key] || distance < least || distance > greatest) continue;
      if (spec.residual !== undefined && Number(l.row.id) >= Number(r.row.id)) continue;
      matched.add(l).add(r);
      result.push({ l: l.row.id, t: l.row.text, r: r.row.id, time: Math.max(l.time, r.time) });
    }
  }
  const keeps = (side: string) => spec.type === side || spec.type === "full";
  for (const l of left) {
    if (keeps("left") && !matched.has(l)) result.push({ l: l.row.id, t: l.row.text, r: null, time: l.time });
  }
  for (const r of right) {
    if (keeps("right") && !matched.has(r)) result.push({ l: null, t: null, r: r.row.id, time: r.time });
  }
  return result;
}

const inputs = (spec: IntervalJoinSpec) => [
  { schema: SCHEMA, keys: spec.leftKeys },
  { schema: SCHEMA, keys: spec.rightKeys },
];

it("an interval join equals the nested loop, whatever the disorder, cuts, watermarks and restarts", () => {
  fc.assert(
    fc.property(
      anySpec,
      anyScript(anyRow),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (spec, steps, batchRows, collide) => {
        withWorkspace((ws) => {
          const create = () =>
            new IntervalJoinOperator(spec, SCHEMA, SCHEMA, { chunkRows: 4, ...(collide ? { hashMask: 0 } : {}) });
          const harness = new StreamHarness(ws, create, inputs(spec), { batchRows });
          play(harness, steps);
          expect(harness.side).toEqual([]);
          expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(
            multiset(reference(rowsOf(steps), spec)),
          );
        });
      },
    ),
    { numRuns: cases(300) },
  );
});

it("no result of an interval join is late behind the watermark that it passed on", () => {
  fc.assert(
    fc.property(anySpec, anyScript(anyRow, { restarts: false }), (spec, steps) => {
      withWorkspace((ws) => {
        const harness = new StreamHarness(ws, () => new IntervalJoinOperator(spec, SCHEMA, SCHEMA), inputs(spec));
        let seen = 0;
        for (const step of steps) {
          const passed = harness.watermarks[0].at(-1) ?? Number.MIN_SAFE_INTEGER;
          if (step.kind === "watermark") harness.watermark(step.timeMs);
          if (step.kind === "rows") {
            harness.rows(
              step.input,
              step.rows.map(({ row }) => row),
              { times: step.rows.map(({ time }) => time) },
            );
          }
          for (const { time } of harness.emitted.slice(seen)) expect(time).toBeGreaterThan(passed);
          seen = harness.emitted.length;
        }
        harness.end();
        expect(harness.watermarks[0]).toEqual([...harness.watermarks[0]].sort((a, b) => a - b));
      });
    }),
    { numRuns: cases(200) },
  );
});

it("late rows of an interval join and rows in time are the input", () => {
  fc.assert(
    fc.property(anySpec, anyScript(anyRow), fc.nat(12), (spec, steps, ahead) => {
      withWorkspace((ws) => {
        const harness = new StreamHarness(ws, () => new IntervalJoinOperator(spec, SCHEMA, SCHEMA), inputs(spec));
        const tooEarly = steps.map((step) =>
          step.kind === "watermark" ? { ...step, timeMs: step.timeMs + ahead } : step,
        );
        const onTime: TimedRow[] = [];
        const late: unknown[] = [];
        let watermark = Number.NEGATIVE_INFINITY;
        for (const step of tooEarly) {
          if (step.kind === "watermark") watermark = step.timeMs;
          if (step.kind !== "rows") continue;
          for (const row of step.rows) {
            if (row.time > watermark) onTime.push(row);
            else late.push({ tag: row.input === 0 ? "lateLeft" : "lateRight", row: row.row, time: row.time });
          }
        }
        play(harness, tooEarly);
        const side = harness.side.map(({ tag, row, time }) => ({
          tag,
          row: { k: row.k, text: row.text, id: row.id },
          time,
        }));
        expect(multiset(side)).toEqual(multiset(late));
        expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(
          multiset(reference(onTime, spec)),
        );
      });
    }),
    { numRuns: cases(200) },
  );
});
