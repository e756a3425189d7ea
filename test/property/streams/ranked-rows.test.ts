import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FirstRowsOperator } from "../../../src/core/operators/first-rows.ts";
import { RankedRowsOperator, type RankedRowsSpec, type RankKey } from "../../../src/core/operators/ranked-rows.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import { type Row, StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, fold, multiset, play, rowsOf, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, f: float64, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, 3, null),
    f: fc.constantFrom(0, -0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, null),
    text: fc.constantFrom("", "a", "a text that is long", "a text that is longer", "b".repeat(100), null),
  });

const anyKey: fc.Arbitrary<RankKey> = fc
  .record({ column: fc.constantFrom("f", "text", undefined), descending: fc.boolean(), nullsFirst: fc.boolean() })
  .map(({ column, ...direction }) => (column === undefined ? direction : { column, ...direction }));
const anySpec: fc.Arbitrary<RankedRowsSpec> = fc
  .record({
    keys: fc.constantFrom(["k"], ["text", "k"], ["f"], []),
    order: fc.array(anyKey, { maxLength: 2 }),
    count: fc.constantFrom(1, 2, 3, 100),
    prefersLater: fc.boolean(),
    hasRank: fc.boolean(),
  })
  .map(({ hasRank, ...spec }) => ({ kind: "rankedRows", ...spec, ...(hasRank ? { rankColumn: "rank" } : {}) }));

function compareValues(a: unknown, b: unknown): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a)) return 1;
  if (Number.isNaN(b)) return -1;
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** Sorts the rows of each key as a whole and takes the first. */
function reference(rows: readonly TimedRow[], { keys, order, count, prefersLater, rankColumn }: RankedRowsSpec): Row[] {
  const groups = new Map<string, TimedRow[]>();
  for (const entry of rows) {
    const key = keys.map((name) => (entry.row[name] === 0 ? 0 : entry.row[name]));
    const text = JSON.stringify(key.map((each) => [typeof each, String(each)]));
    groups.set(text, [...(groups.get(text) ?? []), entry]);
  }
  const compare = (a: TimedRow, b: TimedRow): number => {
    for (const { column, descending, nullsFirst } of order) {
      const [x, y] = [a, b].map(({ row, time }) => (column === undefined ? time : row[column]));
      if (x === null && y === null) continue;
      if (x === null || y === null) return (x === null) === (nullsFirst === true) ? -1 : 1;
      const found = compareValues(x, y);
      if (found !== 0) return descending === true ? -found : found;
    }
    return 0;
  };
  return [...groups.values()].flatMap((group) => {
    const inOrder = (prefersLater ? [...group].reverse() : group).toSorted(compare).slice(0, count);
    return inOrder.map(({ row }, i) => (rankColumn === undefined ? row : { ...row, [rankColumn]: BigInt(i + 1) }));
  });
}

const shown = (rows: readonly Row[]) =>
  multiset(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Number.isNaN(v) ? "NaN" : v]))),
  );

it("the changelog of ranked rows folds to the first rows of each key, whatever the cuts and restarts", () => {
  fc.assert(
    fc.property(
      anyScript(anyRow, { inputs: 1, maxRows: 40 }),
      anySpec,
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (steps, spec, isBatchMode, batchRows) => {
        withWorkspace((ws) => {
          const { keys } = spec;
          const script = keys.length > 0 ? steps : steps.filter(({ kind }) => kind !== "restart");
          const inputs = [{ schema: SCHEMA, keys }];
          const create = () => new RankedRowsOperator(spec, SCHEMA);
          const harness = new StreamHarness(ws, create, inputs, { isBatchMode, batchRows });
          play(harness, script);
          if (isBatchMode) expect(harness.emitted.every(({ kind }) => kind === 0)).toBe(true);
          expect(shown(fold(harness.emitted))).toEqual(shown(reference(rowsOf(script), spec)));
        });
      },
    ),
    { numRuns: 150 },
  );
});

it("equal states of ranked rows are equal bytes, and a restored one is the one before", () => {
  fc.assert(
    fc.property(anyScript(anyRow, { inputs: 1, restarts: false }), anySpec, (steps, spec) => {
      withWorkspace((ws) => {
        const inputs = [{ schema: SCHEMA, keys: spec.keys }];
        const harness = new StreamHarness(ws, () => new RankedRowsOperator(spec, SCHEMA), inputs);
        for (const step of steps) {
          if (step.kind !== "rows") continue;
          harness.rows(
            0,
            step.rows.map(({ row }) => row),
            { times: step.rows.map(({ time }) => time) },
          );
        }
        const before = harness.snapshotBytes();
        harness.restart(1);
        expect(harness.snapshotBytes()).toEqual(before);
        harness.close();
      });
    }),
    { numRuns: 60 },
  );
});

it("lets the first row of each key pass, with its event time, whatever the cuts and restarts", () => {
  fc.assert(
    fc.property(anyScript(anyRow, { inputs: 1 }), fc.constantFrom(["k"], ["f", "text"]), (steps, keys) => {
      withWorkspace((ws) => {
        const inputs = [{ schema: SCHEMA, keys }];
        const harness = new StreamHarness(ws, () => new FirstRowsOperator({ kind: "firstRows", keys }, SCHEMA), inputs);
        play(harness, steps);
        const expected = reference(rowsOf(steps), { kind: "rankedRows", keys, order: [], count: 1 });
        expect(shown(harness.emitted.map(({ row }) => row))).toEqual(shown(expected));
        const times = new Map(rowsOf(steps).map(({ row, time }) => [row.id, time]));
        for (const { row, time, kind } of harness.emitted) expect([time, kind]).toEqual([times.get(row.id), 0]);
      });
    }),
    { numRuns: 120 },
  );
});
