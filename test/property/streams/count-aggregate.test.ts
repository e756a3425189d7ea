import fc from "fast-check";
import { expect, it } from "vitest";
import { CountAggregateOperator, type CountAggregateSpec } from "../../../src/core/operators/count-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import { LAST_EVENT_TIME_MS } from "../../../src/core/windows/window.ts";
import { cases } from "../../support/cases.ts";
import { type Emitted, StreamHarness } from "../../support/stream-harness.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ unused: float64, key: utf8, value: int32, text: utf8 });

interface Row {
  readonly unused: number;
  readonly key: string | null;
  readonly value: number | null;
  readonly text: string;
  readonly time: number;
  [name: string]: unknown;
}

type Step =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  | { readonly kind: "restart"; readonly parallelism: number };

const anyRow: fc.Arbitrary<Row> = fc.record({
  unused: fc.constant(0.5),
  key: fc.constantFrom("", "a", "b", null),
  value: fc.option(fc.integer({ min: -100, max: 100 })),
  text: fc.constantFrom("", "x", "yy", "\ud800", "zzz"),
  time: fc.integer({ min: -60, max: 80 }),
});

const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("rows" as const),
        rows: fc.array(anyRow, { maxLength: 20, size: "max" }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("restart" as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
    },
  ),
  { maxLength: 20, size: "max" },
);

const aggregates: CountAggregateSpec["aggregates"] = [
  { fn: "countAll", as: "n" },
  { fn: "sum", column: "value", as: "total" },
  { fn: "min", column: "value", as: "least" },
  { fn: "max", column: "text", as: "longest" },
  { fn: "first", column: "value", as: "first" },
  { fn: "list", column: "value", as: "values" },
  { fn: "countDistinct", column: "value", as: "kinds" },
];

/** Panes of these alone are merged in blocks; with any other, each is merged into every window. */
const merging = aggregates.slice(0, 4);

/** JavaScript's lone surrogates become U+FFFD in UTF-8. */
const bytesOf = (text: string) => Buffer.from(text).toString("hex");

function resultOf(rows: readonly Row[]) {
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  const texts = rows.map(({ text }) => text).sort((a, b) => (bytesOf(a) < bytesOf(b) ? -1 : 1));
  return {
    n: BigInt(rows.length),
    total: values.length === 0 ? null : BigInt(values.reduce((a, b) => a + b, 0)),
    least: values.length === 0 ? null : Math.min(...values),
    longest: bytesOf(texts[texts.length - 1]),
    first: values.length === 0 ? null : rows.find(({ value }) => value !== null)?.value,
    values: rows.map(({ value }) => value),
    kinds: BigInt(new Set(values).size),
    time: Math.max(...rows.map(({ time }) => time)),
  };
}

/** Keeps all rows of a key and looks at the last ones. */
function reference(window: CountAggregateSpec["window"], isKeyed: boolean, steps: readonly Step[]) {
  const rowsOf = new Map<string, Row[]>();
  const results = new Map<string, unknown[]>();
  const give = (key: string, rows: readonly Row[], marks: { time?: number } = {}) => {
    const known = results.get(key) ?? [];
    known.push({ ...resultOf(rows), ...marks });
    results.set(key, known);
  };
  for (const row of steps.flatMap((step) => (step.kind === "rows" ? step.rows : []))) {
    const key = isKeyed ? String(row.key) : "all";
    const rows = rowsOf.get(key) ?? [];
    rowsOf.set(key, rows);
    rows.push(row);
    if (window.kind !== "count") continue;
    const { slideRows = window.rows } = window;
    if (rows.length % slideRows === 0) give(key, rows.slice(-window.rows));
  }
  if (window.kind === "global") {
    for (const [key, rows] of rowsOf) give(key, rows, { time: LAST_EVENT_TIME_MS });
  }
  return results;
}

function run(spec: CountAggregateSpec, steps: readonly Step[], batchRows: number, isBatchMode: boolean) {
  return withWorkspace((ws) => {
    const create = () => new CountAggregateOperator(spec, SCHEMA);
    const { keys } = spec;
    const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys }], { batchRows, isBatchMode });
    for (const step of steps) {
      if (step.kind === "rows") harness.rows(0, step.rows, { times: step.rows.map(({ time }) => time) });
      else harness.restart(spec.keys.length === 0 ? 1 : step.parallelism);
    }
    harness.end();
    return harness.emitted;
  });
}

/** By key, in the order in which they came. */
function byKey(
  emitted: readonly Emitted[],
  isKeyed: boolean,
  choose = (result: Record<string, unknown>): Record<string, unknown> => result,
) {
  const results = new Map<string, unknown[]>();
  for (const { row, time } of emitted) {
    const { key, longest, ...others } = row;
    const name = isKeyed ? String(key) : "all";
    const result = { ...others, longest: bytesOf(longest as string), time };
    const known = results.get(name) ?? [];
    known.push(choose(result));
    results.set(name, known);
  }
  return results;
}

const anyWindow: fc.Arbitrary<CountAggregateSpec["window"]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record(
      {
        kind: fc.constant("count" as const),
        rows: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 70 })),
        slideRows: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 })),
      },
      { requiredKeys: ["kind", "rows"] },
    ),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "global" as const }) },
);

it("count windows give what the last rows of a key give, at every cut, size, slide and parallelism", () => {
  fc.assert(
    fc.property(
      anyWindow,
      fc.boolean(),
      fc.constantFrom(aggregates, merging),
      anySteps,
      fc.constantFrom(1, 3, 1024),
      fc.boolean(),
      (window, isKeyed, chosen, steps, batchRows, isBatchMode) => {
        const keys = isKeyed ? ["key"] : [];
        const spec: CountAggregateSpec = { kind: "countAggregate", keys, window, aggregates: chosen };
        const wanted = reference(window, isKeyed, steps);
        const names = ["time", ...chosen.map(({ as }) => as)];
        for (const [key, results] of wanted) {
          const some = results.map((each) => Object.entries(each as object).filter(([name]) => names.includes(name)));
          wanted.set(key, some.map(Object.fromEntries));
        }
        expect(byKey(run(spec, steps, batchRows, isBatchMode), isKeyed)).toEqual(wanted);
      },
    ),
    { numRuns: cases(150) },
  );
});

it("clears what no window needs any more away, and goes on as before", () => {
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (const [rows, slideRows] of [
    [3, 3],
    [5, 2],
    [2, 5],
    [40, 1],
  ]) {
    const steps = Array.from({ length: 24 }, (): Step => {
      const batch = Array.from({ length: 1000 }, () => {
        const key = String(next(next(2) === 0 ? 7 : 9000));
        return { unused: 0, key, value: next(50), text: String(next(100)), time: next(1000) };
      });
      return { kind: "rows", rows: batch };
    });
    steps.splice(12, 0, { kind: "restart", parallelism: 2 });
    const spec: CountAggregateSpec = {
      kind: "countAggregate",
      keys: ["key"],
      window: { kind: "count", rows, slideRows },
      aggregates: aggregates.slice(0, 3),
    };
    const some = ({ n, total, least, time }: Record<string, unknown>) => ({ n, total, least, time });
    const wanted = reference(spec.window, true, steps);
    const found = run(spec, steps, 1024, false);
    for (const [key, results] of wanted)
      wanted.set(
        key,
        results.map((each) => some(each as Record<string, unknown>)),
      );
    expect(
      byKey(
        found.map(({ row, ...marks }) => ({ ...marks, row: { ...row, longest: "" } })),
        true,
        some,
      ),
    ).toEqual(wanted);
  }
});
