import fc from "fast-check";
import { expect, it } from "vitest";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../../../src/core/operators/window-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import type { AlignedWindowSpec } from "../../../src/core/windows/window-spec.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { WindowedRows } from "../../reference/windowed-rows.ts";
import { anyAlignedWindow, anyLatenessMs, anyRowTime, START_MS } from "../../support/arbitrary-window.ts";
import { cases } from "../../support/cases.ts";
import { type Emitted, StreamHarness } from "../../support/stream-harness.ts";
import { expectResults } from "../../support/window-results.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ key: utf8, value: int32, price: float64 });
const KEYS = ["", "a", "b", "c", "d"];

interface Row {
  readonly key: string;
  readonly time: number;
  readonly value: number | null;
  readonly price: number;
  [name: string]: unknown;
}

type Step =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  | { readonly kind: "watermark"; readonly byMs: number }
  | { readonly kind: "restore"; readonly parallelism: number };

const anyRow = fc.record({
  key: fc.constantFrom(...KEYS),
  time: anyRowTime(9000),
  value: fc.option(fc.integer({ min: -100, max: 100 })),
  price: fc.integer({ min: -8, max: 8 }).map((eighths) => eighths / 8),
});

const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("rows" as const), rows: fc.array(anyRow, { maxLength: 12 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("watermark" as const), byMs: fc.integer({ min: 1, max: 30 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("restore" as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
    },
  ),
  { maxLength: 25, size: "max" },
);

function reference(window: AlignedWindowSpec, latenessMs: number, steps: readonly Step[], isKeyed: boolean) {
  const wanted = new WindowedRows<Row>(window, latenessMs, isKeyed);
  let watermark = START_MS;
  for (const step of steps) {
    if (step.kind === "watermark") watermark += step.byMs;
    if (step.kind === "rows") for (const row of step.rows) wanted.add(row, watermark);
  }
  return wanted;
}

/** What the aggregates under test mean. */
function resultOf(rows: readonly Row[]) {
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  const sum = values.reduce((a, b) => a + b, 0);
  return {
    n: BigInt(rows.length),
    total: values.length === 0 ? null : BigInt(sum),
    mean: values.length === 0 ? null : sum / values.length,
    price: rows.reduce((a, b) => a + b.price, 0),
    least: values.length === 0 ? null : Math.min(...values),
    greatestPrice: Math.max(...rows.map(({ price }) => price)),
    kinds: BigInt(new Set(values).size),
    prices: rows.map(({ price }) => price).sort((a, b) => a - b),
  };
}

const aggregates: WindowAggregateSpec["aggregates"] = [
  { fn: "countAll", as: "n" },
  { fn: "sum", column: "value", as: "total" },
  { fn: "avg", column: "value", as: "mean" },
  { fn: "sum", column: "price", as: "price" },
  { fn: "min", column: "value", as: "least" },
  { fn: "max", column: "price", as: "greatestPrice" },
  { fn: "countDistinct", column: "value", as: "kinds" },
  { fn: "list", column: "price", as: "prices" },
];

const of = (...names: string[]): WindowAggregateSpec["aggregates"] => aggregates.filter(({ as }) => names.includes(as));
/** All of them; those that panes can be taken back from; those that are read group by group, floats among them. */
const anyAggregates = fc.constantFrom(
  aggregates,
  of("n", "total", "mean"),
  of("total", "price", "least", "greatestPrice"),
);

/** Runs the steps on as many subtasks as the last restore said, and gives all that came out. */
function run(ws: Workspace, spec: WindowAggregateSpec, steps: readonly Step[], batchRows: number) {
  const create = () => new WindowAggregateOperator(spec, SCHEMA);
  const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: spec.keys }], { batchRows });
  let watermark = START_MS;
  harness.watermark(watermark);
  for (const step of steps) {
    if (step.kind === "watermark") {
      watermark += step.byMs;
      harness.watermark(watermark);
    } else if (step.kind === "rows") harness.rows(0, step.rows, { times: step.rows.map(({ time }) => time) });
    else harness.restart(step.parallelism);
  }
  harness.end();
  return {
    results: harness.emitted,
    late: harness.side.map(({ tag, row, time }) => ({ tag, time, ...row })),
    outside: harness.metrics.get("rowsOutsideWindows") ?? 0,
    stateBytes: harness.stateBytes,
  };
}

/** Lists have no order. */
const sorted = (emitted: readonly Emitted[]): Emitted[] =>
  emitted.map(({ row, ...rest }) =>
    row.prices === undefined
      ? { row, ...rest }
      : { row: { ...row, prices: [...(row.prices as number[])].sort((a, b) => a - b) }, ...rest },
  );

const byText = (rows: readonly object[]) =>
  rows.map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? Number(value) : value))).sort();

it("windows hold what a group-by over the whole input gives, at every cut, disorder, lateness and parallelism", () => {
  fc.assert(
    fc.property(
      anyAlignedWindow,
      anyLatenessMs,
      anySteps,
      fc.constantFrom(1, 3, 1024),
      fc.boolean(),
      anyAggregates,
      (window, allowedLatenessMs, steps, batchRows, isKeyed, aggregates) => {
        const keys = isKeyed ? ["key"] : [];
        const spec: WindowAggregateSpec = { kind: "windowAggregate", keys, window, aggregates, allowedLatenessMs };
        const wanted = reference(window, allowedLatenessMs, steps, isKeyed);
        const fitting = isKeyed
          ? steps
          : steps.map((step) => (step.kind === "restore" ? { ...step, parallelism: 1 } : step));
        const given = withWorkspace((ws) => run(ws, spec, fitting, batchRows));
        expect(given.outside).toBe(wanted.outside);
        const late = wanted.late.map(({ key, value, price, time }) => ({ tag: "late", time, key, value, price }));
        expect(byText(given.late)).toEqual(byText(late));
        expectResults(sorted(given.results), wanted, resultOf, spec);
      },
    ),
    { numRuns: cases(200) },
  );
});
