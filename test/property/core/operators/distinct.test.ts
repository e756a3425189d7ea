import fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { DistinctOperator } from "../../../../src/core/operators/distinct.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { groupRows, keyText } from "../../../reference/groups.ts";
import { anyType } from "../../../support/arbitrary-column.ts";
import { anyTable, forEachBatch } from "../../../support/arbitrary-table.ts";
import { runBatches } from "../../../support/run-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

it("lets the first row of each key pass, in order", { timeout: 60_000 }, () => {
  const columns = fc.array(anyType, { minLength: 1, maxLength: 3, size: "max" });
  fc.assert(
    fc.property(anyTable(columns), fc.boolean(), (sample, byFirst) =>
      withWorkspace((ws) => {
        const schema = new Schema(sample.types.map((type, i) => ({ name: `c${i}`, type })));
        const batches: Batch[] = [];
        forEachBatch(ws, sample, (columns, rowCount) => {
          batches.push(
            new Batch(
              schema,
              rowCount,
              columns.map((column) => column.retain()),
            ),
          );
        });
        const operator = new DistinctOperator({ kind: "distinct", ...(byFirst ? { keys: ["c0"] } : {}) }, schema);
        const actual = runBatches(ws, operator, [batches.map((batch) => () => batch)]);
        const rows = Array.from({ length: sample.rowCount }, (_, row) => sample.columns.map((values) => values[row]));
        const { groups } = groupRows(byFirst ? rows.map(([key]) => [key]) : rows);
        const expected = rows.filter((_, row) => groups.indexOf(groups[row]) === row);
        expect(actual.map((row) => keyText(Object.values(row)))).toEqual(expected.map((row) => keyText(row)));
      }),
    ),
    { numRuns: 200 },
  );
});

it("lets one row of each key pass when its keys are spilled, the first by its other columns", {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer(), (distinct, seed) => {
      const schema = Schema.of({ key: utf8, position: int32 });
      const rows = Array.from({ length: 4000 }, (_, position) => {
        const random = Math.imul(position + seed, 2654435761) >>> 0;
        return { key: random % 97 === 0 ? null : `a long key, ${random % distinct}`, position };
      });
      const metrics = new Map<string, number>();
      const actual = withWorkspace((ws) => {
        const batches = Array.from(
          { length: 40 },
          (_, i) => () => buildBatch(ws, schema, rows.slice(i * 100, i * 100 + 100)),
        );
        const operator = new DistinctOperator({ kind: "distinct", keys: ["key"] }, schema);
        return runBatches(ws, operator, [batches], { batchRows: 128, metrics });
      }, 60_000);
      if (distinct > 2000) expect(metrics.get("spillFiles") ?? 0).toBeGreaterThan(0);
      const { groups } = groupRows(rows.map(({ key }) => [key]));
      const expected = rows.filter((_, row) => groups.indexOf(groups[row]) === row);
      expect([...actual].sort((a, b) => Number(a.position) - Number(b.position))).toEqual(expected);
    }),
    { numRuns: 8 },
  );
});
