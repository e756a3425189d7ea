import { describe, expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader, readRows } from "../../../../src/core/columns/read.ts";
import { col, lit } from "../../../../src/core/expressions/builders.ts";
import type { Expression } from "../../../../src/core/expressions/expression.ts";
import type { Operator, OperatorContext, Output } from "../../../../src/core/operator.ts";
import { FilterOperator } from "../../../../src/core/operators/filter.ts";
import { ProjectOperator } from "../../../../src/core/operators/project.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ id: types.int32, price: types.float64, name: types.utf8 });
const rows = [
  { id: 1, price: 10, name: "a" },
  { id: 2, price: null, name: "b" },
  { id: 3, price: 30, name: null },
];

/** Pushes one batch through an operator and gives what comes out; emitted batches are handed to `use` and released. */
function push(workspace: Workspace, operator: Operator, batch: Batch, use: (batch: Batch) => void): number {
  let emitted = 0;
  const output = {
    emit(result: Batch) {
      emitted++;
      use(result);
      result.release();
    },
    emitWatermark() {},
    emitSide() {},
    isClosed: false,
  } satisfies Output;
  operator.open({ workspace } as OperatorContext);
  try {
    expect(operator.processBatch(batch, output, 0)).toBe("done");
    expect(operator.endInput(output, 0)).toBe("done");
  } finally {
    operator.close();
    batch.release();
  }
  return emitted;
}

describe("FilterOperator", () => {
  const filter = (predicate: Expression, columns?: string[]) =>
    new FilterOperator(
      { kind: "filter", predicate: predicate.node, ...(columns === undefined ? {} : { columns }) },
      schema,
    );

  it("keeps rows for which the condition is true, and only the wanted columns", () =>
    withWorkspace((workspace) => {
      const operator = filter(col("price").gt(5).and(col("id").lt(3)), ["name"]);
      expect(operator.outputSchema.names).toEqual(["name"]);
      const emitted = push(workspace, operator, buildBatch(workspace, schema, rows), (batch) => {
        expect(readRows(workspace, batch)).toEqual([{ name: "a" }]);
      });
      expect(emitted).toBe(1);
    }));

  it("passes a batch through where all rows stay, and nothing where none does", () =>
    withWorkspace((workspace) => {
      const batch = buildBatch(workspace, schema, rows);
      push(workspace, filter(col("id").gt(0)), batch, (result) => expect(result).toBe(batch));
      const none = push(workspace, filter(col("id").gt(9)), buildBatch(workspace, schema, rows), () => {});
      expect(none).toBe(0);
    }));

  it("moves row kinds and times with their rows", () =>
    withWorkspace((workspace) => {
      const plain = buildBatch(workspace, schema, rows);
      const kinds = buildColumn(workspace, types.int8, [0, 1, 3]);
      const batch = new Batch(
        schema,
        3,
        plain.columns.map((column) => column.retain()),
        { kinds, times: buildColumn(workspace, types.int64, [10n, 20n, 30n]) },
      );
      plain.release();
      push(workspace, filter(col("id").ne(2)), batch, (result) => {
        const read = result.rowKinds && columnReader(workspace, result.rowKinds);
        expect([read?.(0), read?.(1)]).toEqual([0, 3]);
        const times = result.rowTimes && columnReader(workspace, result.rowTimes);
        expect([times?.(0), times?.(1)]).toEqual([10n, 30n]);
      });
    }));

  it("releases everything where a row fails", () =>
    withWorkspace((workspace) => {
      const operator = filter(lit(10).intDiv(col("id").sub(2)).gt(0));
      expect(() => push(workspace, operator, buildBatch(workspace, schema, rows), () => {})).toThrow(/divides by zero/);
    }));

  it("is refused without a condition or with unknown columns", () => {
    expect(() => filter(col("id").add(1))).toThrow(/The filter id \+ 1 has the type int32/);
    expect(() => filter(col("nope").gt(1))).toThrow(/no column "nope"/);
  });
});

describe("ProjectOperator", () => {
  it("computes named columns and shares what it passes on", () =>
    withWorkspace((workspace) => {
      const spec = {
        kind: "project",
        columns: [
          { name: "id", expression: col("id").node },
          { name: "gross", expression: col("price").mul(1.5).node },
          { name: "again", expression: col("price").mul(1.5).add(1).node },
          { name: "one", expression: lit(1).node },
        ],
      } as const;
      // A plan reaches workers as JSON.
      const operator = new ProjectOperator(JSON.parse(JSON.stringify(spec)), schema);
      const batch = buildBatch(workspace, schema, rows);
      const [id] = batch.columns;
      push(workspace, operator, batch, (result) => {
        expect(result.columns[0]).toBe(id);
        expect(readRows(workspace, result)).toEqual([
          { id: 1, gross: 15, again: 16, one: 1 },
          { id: 2, gross: null, again: null, one: 1 },
          { id: 3, gross: 45, again: 46, one: 1 },
        ]);
      });
    }));
});
