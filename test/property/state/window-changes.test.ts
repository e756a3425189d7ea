import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { AggregateSpec } from "../../../src/core/aggregates/spec.ts";
import type { OperatorSnapshot } from "../../../src/core/job-snapshot.ts";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../../../src/core/operators/window-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { wholeTable } from "../../../src/core/state/table-batches.ts";
import { float64, int64, utf8 } from "../../../src/core/types.ts";
import { anyAlignedWindow, anyLatenessMs, anyRowTime, START_MS } from "../../support/arbitrary-window.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { tableContents } from "../../support/table-contents.ts";
import { withWorkspace } from "../../support/workspace.ts";

const FIELDS = Schema.of({ word: utf8, number: float64, n: int64 });

interface Row {
  readonly word: string | null;
  readonly number: number | null;
  readonly n: bigint;
  readonly timeMs: number;
}

/** Rows come, late ones too, time goes on, checkpoints are taken, which fail or do not, and the job goes on from one. */
type Step =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  /** Rows of one pane or few, beside which little changes. */
  | { readonly kind: "fill"; readonly timeMs: number }
  | { readonly kind: "time"; readonly byMs: number }
  | { readonly kind: "checkpoint"; readonly isComplete: boolean }
  | { readonly kind: "restore"; readonly parallelism: number };

const WORDS = [null, "", "a", "b", "é", "a longer word that is not kept in place"];
const NUMBERS = [null, 0, -0, Number.NaN, 1.5];
const anyRow: fc.Arbitrary<Row> = fc.record({
  word: fc.constantFrom(...WORDS),
  number: fc.constantFrom(...NUMBERS),
  n: fc.bigInt({ min: -9n, max: 9n }),
  timeMs: anyRowTime(600),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("rows" as const),
      rows: fc.array(anyRow, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("fill" as const), timeMs: anyRowTime(60) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("time" as const), byMs: fc.integer({ min: 1, max: 20 }) }) },
  {
    weight: 9,
    arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), isComplete: fc.constantFrom(true, true, false) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restore" as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
  },
);

/** With states of one record per group, and with states that are read all at once. */
const AGGREGATES: readonly (readonly AggregateSpec[])[] = [
  [
    { fn: "countAll", as: "rows" },
    { fn: "sum", column: "n", as: "total" },
    { fn: "max", column: "number", as: "most" },
  ],
  [
    { fn: "min", column: "word", as: "least" },
    { fn: "countDistinct", column: "n", as: "kinds" },
  ],
];

it(
  "of windows is in checkpoints that build on each other as in one that is written whole",
  () => {
    let withChanges = 0;
    let restored = 0;
    withWorkspace((ws) => {
      fc.assert(
        fc.property(
          anyAlignedWindow,
          anyLatenessMs,
          fc.constantFrom<readonly string[]>(["word", "number"], ["word"], []),
          fc.constantFrom(...AGGREGATES),
          fc.constantFrom("event" as const, "event" as const, "processing" as const),
          fc.array(anyStep, { maxLength: 30, size: "max" }),
          (window, allowedLatenessMs, keys, aggregates, domain, steps) => {
            const isEventTime = domain === "event";
            const spec: WindowAggregateSpec = {
              kind: "windowAggregate",
              keys,
              window: { ...window, domain },
              aggregates,
              ...(isEventTime ? { allowedLatenessMs } : {}),
            };
            const create = () => new WindowAggregateOperator(spec, FIELDS);
            let job = new StreamOperator(ws, create, { batchRows: 3 });
            const to = keys.length === 0 ? {} : { keys };
            const send = (rows: readonly Row[]): void => {
              const timed = rows.map(({ timeMs, ...row }) => (isEventTime ? { row, timeMs } : { row }));
              job.send(FIELDS, timed, to);
            };
            let watermarkMs = START_MS;
            const checkpoint = (isComplete: boolean): OperatorSnapshot => {
              const whole = tableContents(ws, job.snapshot());
              const built = job.checkpoint(isComplete);
              if (built.tables.panes.changes !== undefined) withChanges++;
              expect(tableContents(ws, built)).toEqual(whole);
              return built;
            };
            try {
              job.watermark(watermarkMs);
              for (const step of steps) {
                if (step.kind === "rows") send(step.rows);
                else if (step.kind === "fill") {
                  const { timeMs } = step;
                  send(WORDS.flatMap((word) => NUMBERS.map((number) => ({ word, number, n: 1n, timeMs }))));
                } else if (step.kind === "time" && isEventTime) {
                  watermarkMs += step.byMs;
                  job.watermark(watermarkMs);
                } else if (step.kind === "time") job.advanceTo(job.nowMs + step.byMs);
                else if (step.kind === "checkpoint") checkpoint(step.isComplete);
                else {
                  const built = checkpoint(true);
                  const { nowMs } = job;
                  job.close();
                  const parallelism = keys.length === 0 ? 1 : step.parallelism;
                  job = new StreamOperator(ws, create, { batchRows: 3, nowMs, parallelism, restore: built });
                  const rewritten = Object.entries(built.tables).map(([name, table]) => [name, wholeTable(ws, table)]);
                  const { panes } = tableContents(ws, { tables: Object.fromEntries(rewritten) });
                  expect(tableContents(ws, job.snapshot()).panes).toEqual(panes);
                  restored++;
                }
              }
            } finally {
              job.close();
            }
          },
        ),
        { numRuns: cases(200) },
      );
    });
    expect(withChanges).toBeGreaterThan(100);
    expect(restored).toBeGreaterThan(20);
  },
  patienceMs(120_000),
);
