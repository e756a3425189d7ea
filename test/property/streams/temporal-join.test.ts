import * as fc from "fast-check";
import { expect, it } from "vitest";
import { TemporalJoinOperator, type TemporalJoinSpec } from "../../../src/core/operators/temporal-join.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32, utf8 } from "../../../src/core/types.ts";
import { cases } from "../../support/cases.ts";
import { StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, multiset, play, rowsOf, type Step, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, null),
    text: fc.constantFrom("", "a", "a text that does not fit inline", null),
  });

const anySpec: fc.Arbitrary<TemporalJoinSpec> = fc
  .record({
    type: fc.constantFrom("inner", "left" as const),
    keys: fc.constantFrom(["k"], ["text"], ["k", "text"]),
    nullEquals: fc.boolean(),
    time: fc.constantFrom("event", "event", "processing" as const),
  })
  .map(({ keys, ...spec }) => ({
    kind: "temporalJoin",
    ...spec,
    leftKeys: keys,
    rightKeys: keys,
    output: [
      { side: "left", column: "id", name: "l" },
      { side: "left", column: "text", name: "t" },
      { side: "right", column: "id", name: "r" },
      { side: "right", column: "text", name: "u" },
    ],
  }));
const KINDS = [0, 0, 1, 2, 3] as const;

/** Rows of the right side as a changelog. */
const withKinds = (steps: readonly Step[], choices: readonly number[]): Step[] => {
  let at = 0;
  return steps.map((step) =>
    step.kind !== "rows" || step.input === 0
      ? step
      : { ...step, rows: step.rows.map((row) => ({ ...row, kind: KINDS[choices[at++ % choices.length]] })) },
  );
};

/** Looks through all versions for each row. By processing time a version is valid from its arrival on. */
function reference(rows: readonly TimedRow[], spec: TemporalJoinSpec): object[] {
  const timed = rows.map((row, i) => ({ ...row, at: spec.time === "event" ? row.time : i }));
  return timed.flatMap((left) => {
    if (left.input !== 0) return [];
    const isMatch = ({ row }: TimedRow): boolean =>
      spec.leftKeys.every((key) => row[key] === left.row[key] && (row[key] !== null || spec.nullEquals === true));
    const versions = timed.filter((row) => row.input === 1 && row.kind !== 1 && row.at <= left.at && isMatch(row));
    // Sorting is stable: of versions of one time, the one that came last is valid.
    const newest = versions.toSorted((a, b) => a.at - b.at).at(-1);
    const joined = { l: left.row.id, t: left.row.text };
    if (newest !== undefined && newest.kind !== 3) {
      return [{ ...joined, r: newest.row.id, u: newest.row.text, time: left.time }];
    }
    return spec.type === "left" ? [{ ...joined, r: null, u: null, time: left.time }] : [];
  });
}

const inputs = ({ leftKeys, rightKeys }: TemporalJoinSpec) => [
  { schema: SCHEMA, keys: leftKeys },
  { schema: SCHEMA, keys: rightKeys },
];
const choices = fc.array(fc.nat(KINDS.length - 1), { minLength: 30, maxLength: 30 });

it("a temporal join finds the version of each row's time, whatever the disorder, cuts, watermarks and restarts", () => {
  fc.assert(
    fc.property(
      anySpec,
      anyScript(anyRow, { maxRows: 40 }),
      choices,
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (spec, script, kinds, batchRows, isBatchMode) => {
        withWorkspace((ws) => {
          const steps = withKinds(script, kinds).filter(({ kind }) => !isBatchMode || kind !== "watermark");
          const create = () => new TemporalJoinOperator(spec, SCHEMA, SCHEMA);
          const harness = new StreamHarness(ws, create, inputs(spec), { batchRows, isBatchMode });
          play(harness, steps);
          expect(harness.side).toEqual([]);
          expect(multiset(harness.emitted.map(({ row, time }) => ({ ...row, time })))).toEqual(
            multiset(reference(rowsOf(steps), spec)),
          );
        });
      },
    ),
    { numRuns: cases(200) },
  );
});

it("joined rows and late rows are the rows of the left side, and none is late behind the watermark passed on", () => {
  fc.assert(
    fc.property(
      anySpec,
      anyScript(anyRow, { restarts: false }),
      fc.array(fc.integer({ min: -20, max: 40 }), { maxLength: 6 }),
      (given, script, ahead) => {
        const spec: TemporalJoinSpec = { ...given, type: "left", time: "event" };
        withWorkspace((ws) => {
          const harness = new StreamHarness(ws, () => new TemporalJoinOperator(spec, SCHEMA, SCHEMA), inputs(spec));
          let watermark = Number.MIN_SAFE_INTEGER;
          const steps = script.filter(({ kind }) => kind === "rows");
          for (const [i, step] of steps.entries()) {
            if (step.kind !== "rows") continue;
            const seen = harness.emitted.length;
            const passed = watermark;
            if (ahead[i] !== undefined && ahead[i] > watermark) {
              watermark = ahead[i];
              harness.watermark(watermark);
            }
            for (const { time } of harness.emitted.slice(seen)) expect(time).toBeGreaterThan(passed);
            harness.rows(
              step.input,
              step.rows.map(({ row }) => row),
              { times: step.rows.map(({ time }) => time) },
            );
          }
          harness.end();
          const lefts = rowsOf(steps).filter(({ input }) => input === 0);
          const ids = [...harness.emitted.map(({ row }) => row.l), ...harness.side.map(({ row }) => row.id)];
          expect(ids.sort()).toEqual(lefts.map(({ row }) => row.id).sort());
          expect(harness.side.every(({ tag }) => tag === "lateLeft")).toBe(true);
          expect(harness.metrics.get("lateRows") ?? 0).toBe(harness.side.length);
        });
      },
    ),
    { numRuns: cases(200) },
  );
});
