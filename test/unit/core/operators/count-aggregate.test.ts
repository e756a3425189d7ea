import { describe, expect, it } from "vitest";
import { CountAggregateOperator, type CountAggregateSpec } from "../../../../src/core/operators/count-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { runOperator } from "../../../support/run-operator.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ key: utf8, value: int32 });
const create = (window: CountAggregateSpec["window"], keys = ["key"]) =>
  new CountAggregateOperator(
    { kind: "countAggregate", keys, window, aggregates: [{ fn: "sum", column: "value", as: "total" }] },
    SCHEMA,
  );
const rows = Array.from({ length: 20 }, (_, i) => ({ key: i % 2 === 0 ? "a" : "b", value: i }));

describe("CountAggregateOperator", () => {
  it("gives rows without times where some have none", () =>
    withWorkspace((ws) => {
      const harness = new StreamHarness(ws, () => create({ kind: "count", rows: 2 }), [{ schema: SCHEMA, keys: [] }]);
      harness.rows(0, rows.slice(0, 3));
      harness.rows(0, rows.slice(3, 4));
      harness.rows(0, rows.slice(4, 8), { times: [5, 9, 7, 1] });
      harness.end();
      expect(harness.emitted.map(({ row, time }) => [row.key, row.total, time])).toEqual([
        ["a", 2n, undefined],
        ["b", 4n, undefined],
        ["a", 10n, 7],
        ["b", 12n, 9],
      ]);
    }));

  it("gives the global window's results ahead of the last watermark, and once", () =>
    withWorkspace((ws) => {
      for (const isBatchMode of [false, true]) {
        const inputs = [{ schema: SCHEMA, keys: ["key"] }];
        const harness = new StreamHarness(ws, () => create({ kind: "global" }), inputs, { isBatchMode, batchRows: 1 });
        harness.rows(0, rows);
        harness.watermark(5);
        expect(harness.emitted).toEqual([]);
        harness.endOfTime();
        expect(harness.emitted.map(({ row }) => row)).toEqual([
          { key: "a", total: 90n },
          { key: "b", total: 100n },
        ]);
      }
    }));

  it("lets go of everything where nobody wants more", () =>
    withWorkspace((ws) => {
      const found = runOperator(
        ws,
        create({ kind: "count", rows: 3, slideRows: 1 }),
        [{ schema: SCHEMA, batches: [rows, rows, rows] }],
        { batchRows: 2, closeAfter: 4 },
      );
      expect(found.length).toBe(4);
    }));

  it("counts all rows together without a key, and skips those that no window has", () =>
    withWorkspace((ws) => {
      const window = { kind: "count", rows: 2, slideRows: 5 } as const;
      expect(runOperator(ws, create(window, []), [{ schema: SCHEMA, batches: [rows] }])).toEqual([
        { total: 7n },
        { total: 17n },
        { total: 27n },
        { total: 37n },
      ]);
    }));

  it("refuses rows that may be taken back", () =>
    withWorkspace((ws) => {
      const harness = new StreamHarness(ws, () => create({ kind: "global" }), [{ schema: SCHEMA, keys: [] }]);
      expect(() => harness.rows(0, rows, { kinds: rows.map(() => 0) })).toThrow(
        expect.objectContaining({ code: "CHANGELOG_UNSUPPORTED" }),
      );
      harness.close();
    }));
});
