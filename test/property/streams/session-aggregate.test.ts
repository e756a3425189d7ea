import fc from "fast-check";
import { expect, it } from "vitest";
import { SessionAggregateOperator, type SessionAggregateSpec } from "../../../src/core/operators/session-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import type { SessionWindowSpec } from "../../../src/core/windows/window-spec.ts";
import { cases } from "../../support/cases.ts";
import { type Emitted, StreamHarness } from "../../support/stream-harness.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ key: utf8, value: int32, price: float64, gap: int32 });
const START_MS = -70;

interface Row {
  readonly key: string;
  readonly time: number;
  readonly value: number | null;
  readonly price: number;
  readonly gap: number;
  [name: string]: unknown;
}

type Step =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  | { readonly kind: "watermark"; readonly byMs: number }
  | { readonly kind: "restart"; readonly parallelism: number };

const anyRow: fc.Arbitrary<Row> = fc.record({
  key: fc.constantFrom("", "a", "b", "c"),
  time: fc.integer({ min: -60, max: 80 }),
  value: fc.option(fc.integer({ min: -100, max: 100 })),
  price: fc.integer({ min: -8, max: 8 }).map((eighths) => eighths / 8),
  gap: fc.integer({ min: 1, max: 12 }),
});

const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("rows" as const), rows: fc.array(anyRow, { maxLength: 12 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("watermark" as const), byMs: fc.integer({ min: 1, max: 25 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("restart" as const),
        parallelism: fc.integer({ min: 1, max: 3 }),
      }),
    },
  ),
  { maxLength: 25, size: "max" },
);

interface Session {
  readonly key: string;
  start: number;
  end: number;
  rows: Row[];
}

/** Row by row: joins what overlaps, lets go of what has closed. Gives every session as it was whenever it fired. */
function reference(steps: readonly Step[], gapOf: (row: Row) => number, latenessMs: number) {
  let open: Session[] = [];
  const late: Row[] = [];
  const fired = new Map<string, unknown>();
  let watermark = START_MS;
  const fire = () => {
    for (const session of open) {
      if (session.end - 1 <= watermark)
        fired.set(idOf(session.key, session.start, session.end), resultOf(session.rows));
    }
  };
  for (const step of steps) {
    if (step.kind === "watermark") {
      watermark += step.byMs;
      fire();
      open = open.filter(({ end }) => end - 1 + latenessMs > watermark);
    } else if (step.kind === "rows") {
      for (const row of step.rows) {
        const joined: Session = { key: row.key, start: row.time, end: row.time + gapOf(row), rows: [] };
        const met = open.filter(({ key, start, end }) => key === row.key && start < joined.end && end > joined.start);
        for (const session of met) {
          joined.start = Math.min(joined.start, session.start);
          joined.end = Math.max(joined.end, session.end);
          joined.rows.push(...session.rows);
        }
        joined.rows.push(row);
        if (joined.end - 1 + latenessMs <= watermark) late.push(row);
        else open = [...open.filter((session) => !met.includes(session)), joined];
      }
      fire();
    }
  }
  watermark = Number.POSITIVE_INFINITY;
  fire();
  return { fired, late };
}

const idOf = (key: unknown, start: number, end: number) => JSON.stringify([key, start, end]);

function resultOf(rows: readonly Row[]) {
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  const sum = values.reduce((a, b) => a + b, 0);
  return {
    n: BigInt(rows.length),
    total: values.length === 0 ? null : BigInt(sum),
    mean: values.length === 0 ? null : sum / values.length,
    least: values.length === 0 ? null : Math.min(...values),
    kinds: BigInt(new Set(values).size),
    prices: rows.map(({ price }) => price).sort((a, b) => a - b),
  };
}

const aggregates: SessionAggregateSpec["aggregates"] = [
  { fn: "countAll", as: "n" },
  { fn: "sum", column: "value", as: "total" },
  { fn: "avg", column: "value", as: "mean" },
  { fn: "min", column: "value", as: "least" },
  { fn: "countDistinct", column: "value", as: "kinds" },
  { fn: "list", column: "price", as: "prices" },
];

function run(spec: SessionAggregateSpec, steps: readonly Step[], batchRows: number) {
  return withWorkspace((ws) => {
    const create = () => new SessionAggregateOperator(spec, SCHEMA);
    const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: ["key"] }], { batchRows });
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
    return { emitted: harness.emitted, late: harness.side.map(({ tag, row, time }) => ({ tag, time, ...row })) };
  });
}

/** The last result of each session. */
function folded(emitted: readonly Emitted[]) {
  const last = new Map<string, unknown>();
  for (const { row, time } of emitted) {
    const { key, windowStart, windowEnd, prices, ...results } = row;
    expect(time, "results carry the last millisecond of their session").toBe(Number(windowEnd) - 1);
    const sorted = [...(prices as number[])].sort((a, b) => a - b);
    last.set(idOf(key, Number(windowStart), Number(windowEnd)), { ...results, prices: sorted });
  }
  return last;
}

const byText = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();

const anyGap: fc.Arbitrary<SessionWindowSpec> = fc.oneof(
  fc.integer({ min: 1, max: 12 }).map((gapMs) => ({ kind: "session" as const, gapMs })),
  fc.constant({ kind: "session" as const, gap: { kind: "column" as const, name: "gap" } }),
);

it("sessions join what lies less than a gap apart, row by row, at every cut, disorder, lateness and parallelism", () => {
  fc.assert(
    fc.property(
      anyGap,
      fc.constantFrom(0, 0, 7, 40),
      anySteps,
      fc.constantFrom(1, 3, 1024),
      (window, allowedLatenessMs, steps, batchRows) => {
        const gapOf = (row: Row) => ("gapMs" in window ? window.gapMs : row.gap);
        const wanted = reference(steps, gapOf, allowedLatenessMs);
        const spec: SessionAggregateSpec = {
          kind: "sessionAggregate",
          keys: ["key"],
          window,
          aggregates,
          allowedLatenessMs,
        };
        const given = run(spec, steps, batchRows);
        const late = wanted.late.map(({ key, value, price, gap, time }) => ({
          tag: "late",
          time,
          key,
          value,
          price,
          gap,
        }));
        expect(byText(given.late)).toEqual(byText(late));
        const results = folded(given.emitted);
        expect([...results.keys()].sort()).toEqual([...wanted.fired.keys()].sort());
        for (const [id, result] of wanted.fired) expect(results.get(id)).toEqual(result);
        if (allowedLatenessMs === 0) expect(given.emitted.length, "one result per session").toBe(results.size);
      },
    ),
    { numRuns: cases(120) },
  );
});
