import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { AggregateSpec } from "../../../src/core/aggregates/spec.ts";
import { UpdatingAggregateOperator } from "../../../src/core/operators/updating-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import { cases } from "../../support/cases.ts";
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
    { numRuns: cases(120) },
  );
});

/** Rows that come at one moment, whose event times go on by `stepMs` from each to the next. */
const anyTimedStep = fc.record({
  pauseMs: fc.constantFrom(0, 1, 3, 9, 10, 25),
  /** Rows of a batch may go back, though not behind the watermark. */
  stepMs: fc.constantFrom(0, 1, 6, 10, -3),
  rows: fc.array(fc.record({ row: anyRow(), isBack: fc.boolean() }), { maxLength: 8, size: "max" }),
  watermark: fc.boolean(),
  restart: fc.option(fc.constantFrom(1, 2, 3), { freq: 4 }),
});
const TTL_MS = 10;

it("a key of an updating aggregate that has had no row for its time to live begins anew, and what it gave stays", () => {
  fc.assert(
    fc.property(
      fc.array(anyTimedStep, { maxLength: 25, size: "max" }),
      fc.constantFrom(["k"], ["f"], ["text", "k"]),
      fc.constantFrom("processing" as const, "event" as const),
      fc.boolean(),
      (steps, keys, timeDomain, isChangelogInput) => {
        withWorkspace((ws) => {
          // How often a row is there is all that is known of rows that are taken back once they were forgotten.
          const aggregates = isChangelogInput ? AGGREGATES.slice(0, 1) : AGGREGATES;
          const spec = { kind: "updatingAggregate", keys, aggregates, isChangelogInput } as const;
          const ttl = { ttlMs: TTL_MS, timeDomain };
          const create = () => new UpdatingAggregateOperator({ ...spec, ttl }, SCHEMA, { fewestDead: 3 });
          const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys }], { batchRows: 3 });
          const lives = new Map<string, { lastMs: number; rows: Row[]; before: Row[][] }>();
          let [nowMs, missed, watermarkMs] = [0, 0, -1];
          for (const { pauseMs, stepMs, rows, watermark, restart } of steps) {
            nowMs += pauseMs;
            harness.processingTime(nowMs);
            const times = rows.map((_, i) => Math.max(watermarkMs + 1, nowMs + i * stepMs));
            const kinds = rows.map(({ isBack }) => (isBack && isChangelogInput ? 3 : 0));
            const given = rows.map(({ row }) => row as Row);
            for (const [i, row] of given.entries()) {
              const timeMs = timeDomain === "event" ? times[i] : nowMs;
              const key = shown([Object.fromEntries(keys.map((name) => [name, row[name] === 0 ? 0 : row[name]]))])[0];
              const life = lives.get(key) ?? { lastMs: Number.NEGATIVE_INFINITY, rows: [], before: [] };
              lives.set(key, life);
              if (life.lastMs + TTL_MS <= timeMs) {
                life.before.push(life.rows);
                life.rows = [];
              }
              life.lastMs = Math.max(life.lastMs, timeMs);
              if (kinds[i] === 0) life.rows.push(row);
              else {
                if (life.rows.pop() === undefined) missed++;
                if (life.rows.length === 0) life.lastMs = Number.NEGATIVE_INFINITY;
              }
            }
            if (rows.length > 0) harness.rows(0, given, { times, kinds });
            if (timeDomain === "event") nowMs = Math.max(nowMs, ...times);
            if (watermark) {
              watermarkMs = nowMs - 1;
              harness.watermark(watermarkMs);
            }
            if (restart !== null) harness.restart(restart);
          }
          harness.close();
          const all = [...lives.values()]
            .flatMap(({ rows, before }) => [...before, rows])
            .filter((one) => one.length > 0);
          const names = [...keys, ...aggregates.map(({ as }) => as)];
          const expected = all
            .flatMap((rows) => reference(rows, keys))
            .map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
          expect(shown(fold(harness.emitted))).toEqual(shown(expected as Row[]));
          expect(harness.metrics.get("retractionsMissed") ?? 0).toBe(missed);
        });
      },
    ),
    { numRuns: cases(80) },
  );
});

it("nothing is left of forgotten rows that were taken back, once their key has no row any more", () => {
  const given = [
    { timeMs: 0, v: 5, kind: 0 },
    { timeMs: 20, v: 7, kind: 0 }, // the 5 is forgotten
    { timeMs: 21, v: 5, kind: 3 }, // it cannot be told from the 7
    { timeMs: 22, v: 7, kind: 3 },
    { timeMs: 23, v: 3, kind: 0 },
  ];
  const aggregates: readonly AggregateSpec[] = [
    { fn: "countAll", as: "rows" },
    { fn: "sum", column: "v", as: "sum" },
    { fn: "min", column: "v", as: "min" },
  ];
  fc.assert(
    fc.property(fc.subarray([1, 2, 3, 4]), fc.subarray([1, 2, 3, 4]), (cuts, restarts) => {
      withWorkspace((ws) => {
        const spec = { kind: "updatingAggregate", keys: ["k"], aggregates, isChangelogInput: true } as const;
        const ttl = { ttlMs: TTL_MS, timeDomain: "event" } as const;
        const create = () => new UpdatingAggregateOperator({ ...spec, ttl }, SCHEMA, { fewestDead: 3 });
        const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: ["k"] }]);
        const all = [...new Set([0, ...cuts, ...restarts, given.length])].sort((a, b) => a - b);
        for (const [i, from] of all.slice(0, -1).entries()) {
          if (restarts.includes(from)) harness.restart(1);
          const part = given.slice(from, all[i + 1]);
          const options = { times: part.map(({ timeMs }) => timeMs), kinds: part.map(({ kind }) => kind) };
          harness.rows(
            0,
            part.map(({ v }) => ({ k: 1, f: null, v, text: null, id: 0 })),
            options,
          );
        }
        harness.close();
        expect(harness.emitted.at(-1)).toMatchObject({ kind: 0, row: { k: 1, rows: 1n, sum: 3n, min: 3 } });
        expect(harness.metrics.get("retractionsMissed")).toBe(1);
      });
    }),
    { numRuns: 100 },
  );
});

it.each(["processing", "event"] as const)("keys that have expired in %s time are freed", (timeDomain) =>
  withWorkspace((ws) => {
    const spec = { kind: "updatingAggregate", keys: ["id"], aggregates: AGGREGATES.slice(0, 3) } as const;
    const create = () => new UpdatingAggregateOperator({ ...spec, ttl: { ttlMs: 1000, timeDomain } }, SCHEMA);
    const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: ["id"] }]);
    const bytes: number[] = [];
    for (let round = 0; round < 60; round++) {
      const rows = Array.from({ length: 2000 }, (_, i) => ({ id: round * 2000 + i, v: i }));
      harness.processingTime(round * 500);
      harness.rows(0, rows, { times: rows.map(() => round * 500) });
      harness.watermark(round * 500);
      harness.emitted.splice(0);
      bytes.push(harness.stateBytes);
    }
    expect(Math.max(...bytes.slice(40))).toBeLessThanOrEqual(Math.max(...bytes.slice(0, 40)));
    harness.close();
    expect(harness.stateBytes).toBe(0);
  }),
);
