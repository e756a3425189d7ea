import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { AggregateSpec } from "../../../src/core/aggregates/spec.ts";
import type { OperatorSnapshot } from "../../../src/core/job-snapshot.ts";
import { UpdatingAggregateOperator } from "../../../src/core/operators/updating-aggregate.ts";
import { Schema } from "../../../src/core/schema.ts";
import { wholeTable } from "../../../src/core/state/table-batches.ts";
import { float64, int64, utf8 } from "../../../src/core/types.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { tableContents } from "../../support/table-contents.ts";
import { withWorkspace } from "../../support/workspace.ts";

const FIELDS = Schema.of({ word: utf8, number: float64, n: int64 });
const KEYS = ["word", "number"];
const total: AggregateSpec = { fn: "sum", column: "n", as: "total" };
/** Of a changelog it keeps all values, in an order of its own behind a restore. */
const most: AggregateSpec = { fn: "max", column: "n", as: "most" };

/** Rows come and are taken back, checkpoints are taken, which fail or do not, and the job is restored at another parallelism. */
type Step =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  | { readonly kind: "takeBack"; readonly share: number }
  | { readonly kind: "checkpoint"; readonly isComplete: boolean }
  | { readonly kind: "restore"; readonly parallelism: number };

interface Row {
  readonly word: string | null;
  readonly number: number | null;
  readonly n: bigint;
}

const anyRow: fc.Arbitrary<Row> = fc.record({
  word: fc.constantFrom(null, "", "a", "b", "é", "a longer word that is not kept in place", "\u{1f600}"),
  number: fc.constantFrom(null, 0, -0, Number.NaN, 1.5, Number.POSITIVE_INFINITY),
  n: fc.bigInt({ min: -9n, max: 9n }),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("rows" as const),
      rows: fc.array(anyRow, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("takeBack" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), isComplete: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restore" as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
  },
);

it(
  "reads from checkpoints that build on each other what one that is written whole holds",
  () => {
    let withChanges = 0;
    withWorkspace((ws) => {
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 20, size: "max" }), fc.boolean(), (steps, isChangelogInput) => {
          const create = () =>
            new UpdatingAggregateOperator(
              {
                kind: "updatingAggregate",
                keys: KEYS,
                aggregates: isChangelogInput ? [total] : [total, most],
                isChangelogInput,
              },
              FIELDS,
              {
                fewestDead: 8,
              },
            );
          let job = new StreamOperator(ws, create, { batchRows: 3 });
          const there: Row[] = [];
          let newest: OperatorSnapshot | undefined;
          try {
            for (const step of steps) {
              if (step.kind === "rows") {
                if (!isChangelogInput) there.length = 0;
                there.push(...step.rows);
                job.send(
                  FIELDS,
                  step.rows.map((row) => ({ row, kind: 0 })),
                  { keys: KEYS },
                );
              } else if (step.kind === "takeBack" && isChangelogInput && there.length > 0) {
                const back = there.splice(Math.floor(step.share * (there.length - 1)), 3);
                job.send(
                  FIELDS,
                  back.map((row) => ({ row, kind: 3 })),
                  { keys: KEYS },
                );
              } else if (step.kind === "checkpoint") {
                const whole = job.snapshot();
                const built = job.checkpoint(step.isComplete);
                if (Object.values(built.tables).some(({ changes }) => changes !== undefined)) withChanges++;
                expect(tableContents(ws, built)).toEqual(tableContents(ws, whole));
                const rewritten = Object.entries(built.tables).map(([name, table]) => [name, wholeTable(ws, table)]);
                expect(tableContents(ws, { tables: Object.fromEntries(rewritten) })).toEqual(tableContents(ws, whole));
                newest = built;
              } else if (step.kind === "restore") {
                newest = job.checkpoint();
                job.close();
                job = new StreamOperator(ws, create, { batchRows: 3, parallelism: step.parallelism, restore: newest });
                expect(tableContents(ws, job.snapshot())).toEqual(tableContents(ws, newest));
              }
            }
          } finally {
            job.close();
          }
        }),
        { numRuns: cases(60) },
      );
    });
    expect(withChanges).toBeGreaterThan(20);
  },
  patienceMs(60_000),
);
