import fc from "fast-check";
import { expect, it } from "vitest";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../../../src/core/operators/window-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import type { AlignedWindowSpec } from "../../../src/core/windows/window-spec.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { type Interval, windowsOf } from "../../reference/windows.ts";
import { cases } from "../../support/cases.ts";
import { type Emitted, StreamHarness } from "../../support/stream-harness.ts";
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

const offsetMs = fc.integer({ min: -25, max: 25 });
const anyWindow: fc.Arbitrary<AlignedWindowSpec> = fc.oneof(
  fc.record({ kind: fc.constant("tumbling" as const), sizeMs: fc.integer({ min: 1, max: 20 }), offsetMs }),
  fc.record({
    kind: fc.constant("sliding" as const),
    sizeMs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 400 })),
    slideMs: fc.integer({ min: 1, max: 20 }),
    offsetMs,
  }),
  fc
    .record({ stepMs: fc.integer({ min: 1, max: 8 }), steps: fc.integer({ min: 1, max: 6 }), offsetMs })
    .map(({ stepMs, steps, offsetMs }) => ({ kind: "cumulate" as const, maxSizeMs: stepMs * steps, stepMs, offsetMs })),
);

const anyRow = fc.record({
  key: fc.constantFrom(...KEYS),
  time: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -60, max: 60 }) }, fc.integer({ min: -9000, max: 9000 })),
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

const START_MS = -70;

/** Windows and late rows by definition: every row put into every window that is not closed when it comes. */
function reference(window: AlignedWindowSpec, latenessMs: number, steps: readonly Step[], isKeyed: boolean) {
  const windows = new Map<string, { key: string; bounds: Interval; rows: Row[] }>();
  const late: Row[] = [];
  let outside = 0;
  let watermark = START_MS;
  for (const step of steps) {
    if (step.kind === "watermark") watermark += step.byMs;
    if (step.kind !== "rows") continue;
    for (const row of step.rows) {
      const all = windowsOf(window, row.time);
      const open = all.filter(([, end]) => end - 1 + latenessMs > watermark);
      if (all.length === 0) outside++;
      else if (open.length === 0) late.push(row);
      for (const bounds of open) {
        const key = isKeyed ? row.key : "";
        const id = JSON.stringify([key, ...bounds]);
        const found = windows.get(id) ?? { key, bounds, rows: [] };
        windows.set(id, found);
        found.rows.push(row);
      }
    }
  }
  return { windows, late, outside };
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

/** The last result of each key and window. */
function folded(emitted: readonly Emitted[]) {
  const last = new Map<string, Record<string, unknown>>();
  for (const { row, time } of emitted) {
    const { key = "", windowStart, windowEnd, prices, ...results } = row;
    expect(time, "results carry the last millisecond of their window").toBe(Number(windowEnd) - 1);
    const id = JSON.stringify([key, Number(windowStart), Number(windowEnd)]);
    const sorted = prices === undefined ? {} : { prices: [...(prices as number[])].sort((a, b) => a - b) };
    last.set(id, { ...results, ...sorted });
  }
  return last;
}

const byText = (rows: readonly object[]) =>
  rows.map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? Number(value) : value))).sort();

it("windows hold what a group-by over the whole input gives, at every cut, disorder, lateness and parallelism", () => {
  fc.assert(
    fc.property(
      anyWindow,
      fc.constantFrom(0, 0, 7, 50),
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
        const results = folded(given.results);
        if (allowedLatenessMs === 0) expect(given.results.length, "one result per key and window").toBe(results.size);
        expect([...results.keys()].sort()).toEqual([...wanted.windows.keys()].sort());
        for (const [id, { rows }] of wanted.windows) {
          const wantedRow = Object.entries(resultOf(rows)).filter(([name]) => aggregates.some(({ as }) => as === name));
          expect(results.get(id)).toEqual(Object.fromEntries(wantedRow));
        }
      },
    ),
    { numRuns: cases(200) },
  );
});
