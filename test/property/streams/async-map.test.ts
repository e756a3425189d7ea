import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AsyncMap } from "../../../src/core/operators/async-map.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32 } from "../../../src/core/types.ts";
import { cases } from "../../support/cases.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { newWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ n: int32 });

type Step =
  | { kind: "rows"; count: number }
  | { kind: "watermark" }
  | { kind: "answer"; which: number }
  | { kind: "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("rows" as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "watermark" as const }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("answer" as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

describe("async I/O", () => {
  it("gives what a map gives, in its order or between the same watermarks, over restores", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 40, size: "max" }),
        async (isOrdered, capacity, steps) => {
          const ws = newWorkspace();
          let open: (() => void)[] = [];
          const create = () =>
            new AsyncMap(
              (row) => new Promise<object>((resolve) => void open.push(() => resolve({ n: (row.n as number) * 2 }))),
              SCHEMA,
              { shape: { schema: SCHEMA }, site: { name: "asyncMap" }, isOrdered, capacity },
            );
          let op = new StreamOperator(ws, create);
          const emitted: StreamOperator["emitted"] = [];
          let sent = 0;
          const settle = async () => {
            await new Promise<void>((resolve) => setImmediate(resolve));
            op.answerWakes();
          };
          try {
            for (const one of steps) {
              if (one.kind === "rows") {
                const rows = Array.from({ length: one.count }, () => ({ row: { n: sent }, timeMs: sent++ }));
                op.send(SCHEMA, rows);
              } else if (one.kind === "watermark") op.watermark(sent - 1);
              else if (one.kind === "answer") {
                open.splice(one.which % Math.max(1, open.length), 1)[0]?.();
                await settle();
              } else {
                emitted.push(...op.emitted);
                const restore = op.snapshot();
                op.close();
                open = [];
                op = new StreamOperator(ws, create, { restore });
                op.answerWakes();
              }
              expect(open.length).toBeLessThanOrEqual(capacity);
            }
            while (open.length > 0) {
              open.shift()?.();
              await settle();
            }
            emitted.push(...op.emitted);
            const rows = emitted.flatMap((each) => ("row" in each ? [each] : []));
            for (const { row, timeMs } of rows) expect(row.n).toBe((timeMs ?? Number.NaN) * 2);
            const times = rows.map(({ timeMs }) => timeMs as number);
            const all = Array.from({ length: sent }, (_, i) => i);
            expect(isOrdered ? times : [...times].sort((a, b) => a - b)).toEqual(all);
            // No result comes behind a watermark that says it cannot come any more.
            let watermark = -1;
            for (const each of emitted) {
              if ("watermark" in each) watermark = each.watermark;
              else expect(each.timeMs).toBeGreaterThan(watermark);
            }
          } finally {
            op.close();
          }
          expect(ws.allocator.liveBlocks).toBe(0);
        },
      ),
      { numRuns: cases(150) },
    );
  });
});
