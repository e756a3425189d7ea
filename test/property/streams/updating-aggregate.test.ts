import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { AggregateSpec } from "../../../src/core/aggregates/spec.ts";
import { UpdatingAggregateOperator } from "../../../src/core/operators/updating-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import { type Row, StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, fold, multiset, play, retractSome, rowsOf, type TimedRow } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, f: float64, v: int32, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, 3, null),
    f: fc.constantFrom(0, -0, 1.5, Number.NaN, null),
    v: fc.constantFrom(1, 2, 5, -7, null),
    text: fc.constantFrom("", "a", "b is a text that does not fit inline", null),
  });
const AGGREGATES: readonly AggregateSpec[] = [
  { fn: "countAll", as: "rows" },
  { fn: "count", column: "v", as: "count" },
  { fn: "sum", column: "v", as: "sum" },
  { fn: "min", column: "v", as: "min" },
  { fn: "max", column: "text", as: "max" },
  { fn: "countDistinct", column: "text", as: "texts" },
  { fn: "sum", column: "v", distinct: true, as: "distinctSum" },
];

function reference(rows: readonly Row[], keys: readonly string[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(keys.map((name) => (Number.isNaN(row[name]) ? "NaN" : row[name] === 0 ? 0 : row[name])));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const values = group.flatMap(({ v }) => (v === null ? [] : [Number(v)]));
    const texts = group.flatMap(({ text }) => (text === null ? [] : [String(text)]));
    const sum = (of: readonly number[]) => (of.length === 0 ? null : BigInt(of.reduce((a, b) => a + b, 0)));
    return {
      ...Object.fromEntries(keys.map((name) => [name, group[0][name] === 0 ? 0 : group[0][name]])),
      rows: BigInt(group.length),
      count: BigInt(values.length),
      sum: sum(values),
      min: values.length === 0 ? null : Math.min(...values),
      max: texts.length === 0 ? null : texts.sort()[texts.length - 1],
      texts: BigInt(new Set(texts).size),
      distinctSum: sum([...new Set(values)]),
    };
  });
}

const shown = (rows: readonly Row[]) =>
  multiset(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Number.isNaN(v) ? "NaN" : v]))),
  );
const anyKeys = fc.constantFrom(["k"], ["f"], ["text", "k"], []);

it("the changelog of an updating aggregate folds to the aggregate of the rows that are left", () => {
  fc.assert(
    fc.property(
      anyScript(anyRow, { inputs: 1 }),
      anyKeys,
      fc.array(fc.nat(4), { minLength: 30, maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      (steps, keys, choices, isChangelogInput, isBatchMode) => {
        withWorkspace((ws) => {
          const script = isChangelogInput ? retractSome(steps, choices) : steps;
          const harness = new StreamHarness(
            ws,
            () =>
              new UpdatingAggregateOperator(
                { kind: "updatingAggregate", keys, aggregates: AGGREGATES, isChangelogInput },
                SCHEMA,
              ),
            [{ schema: SCHEMA, keys }],
            { isBatchMode, batchRows: 3 },
          );
          // Without keys there is one subtask.
          play(harness, keys.length > 0 ? script : script.filter(({ kind }) => kind !== "restart"));
          const left = fold(rowsOf(script).map(({ row, kind }: TimedRow) => ({ row, kind: kind ?? 0 })));
          if (isBatchMode) expect(harness.emitted.every(({ kind }) => kind === 0)).toBe(true);
          expect(shown(fold(harness.emitted))).toEqual(shown(reference(left, keys)));
        });
      },
    ),
    { numRuns: 120 },
  );
});
