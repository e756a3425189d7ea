import { describe, expect, it } from "vitest";
import { CrossRows } from "../../../../src/core/operators/cross-rows.ts";
import { JoinRows } from "../../../../src/core/operators/join-rows.ts";
import type { Row } from "../../../../src/core/rows/row-view.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { runOperator } from "../../../support/run-operator.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const site = { name: "join" };

describe("JoinRows", () => {
  const schema = Schema.of({
    "left.id": types.int32,
    "right.id": types.int32,
    "right.name": types.utf8,
    found: types.bool,
  });
  const left = { columns: [{ name: "id", column: 0 }] };
  const right = {
    columns: [
      { name: "id", column: 1 },
      { name: "name", column: 2 },
    ],
    found: 3,
  };
  const rows = [
    { "left.id": 1, "right.id": 1, "right.name": "one", found: true },
    { "left.id": 2, "right.id": null, "right.name": null, found: false },
    { "left.id": 3, "right.id": 3, "right.name": null, found: true },
  ];

  it("shows each side under its own names, and null for a side that was not found", () => {
    const shape = { schema: Schema.of({ left: types.utf8, right: types.utf8 }) };
    const join = (a: Row, b: Row) => ({ left: JSON.stringify(a), right: b === null ? null : JSON.stringify(b) });
    const operator = new JoinRows(join, schema, left, right, shape, site);
    expect(withWorkspace((ws) => runOperator(ws, operator, [{ schema, batches: [rows] }]))).toEqual([
      { left: '{"id":1}', right: '{"id":1,"name":"one"}' },
      { left: '{"id":2}', right: null },
      { left: '{"id":3}', right: '{"id":3,"name":null}' },
    ]);
  });

  it("names the row at which the function failed", () => {
    const shape = { schema: Schema.of({ id: types.int32 }) };
    const join = (_: Row, b: Row) => ({ id: b.id });
    const ws = newWorkspace();
    const operator = new JoinRows(join, schema, left, right, shape, site);
    expect(() => runOperator(ws, operator, [{ schema, batches: [rows] }])).toThrow(/join \(row 1\) threw TypeError/);
    expect(ws.allocator.liveBlocks).toBe(0);
  });
});

describe("CrossRows", () => {
  const left = Schema.of({ a: types.int32 });
  const right = Schema.of({ b: types.utf8 });
  const both = { schema: Schema.of({ a: types.int32, b: types.utf8 }) };
  const leftRows = Array.from({ length: 7 }, (_, a) => ({ a }));
  const rightRows = ["x", null, "z", "w", "v"].map((b) => ({ b }));
  const inputs = [
    { schema: left, batches: [leftRows.slice(0, 3), [], leftRows.slice(3)] },
    { schema: right, batches: [rightRows.slice(0, 2), rightRows.slice(2)] },
  ];
  const expected = leftRows.flatMap(({ a }) => rightRows.map(({ b }) => ({ a, b })));
  const inOrder = (rows: Record<string, unknown>[]) =>
    rows.toSorted(
      (p, q) =>
        (p.a as number) - (q.a as number) ||
        rightRows.findIndex(({ b }) => b === p.b) - rightRows.findIndex(({ b }) => b === q.b),
    );
  const together = (a: Row, b: Row) => ({ ...a, ...b });

  it.each([1, 2, 6, 1024])("puts every row beside every row, in batches of %i", (batchRows) => {
    for (const cross of [undefined, together]) {
      const operator = new CrossRows(cross, left, right, both, site);
      const rows = withWorkspace((ws) => runOperator(ws, operator, inputs, { batchRows }));
      expect(rows.length).toBe(expected.length);
      expect(inOrder(rows)).toEqual(expected);
    }
  });

  it("gives nothing where a side is empty", () => {
    for (const empty of [0, 1]) {
      const some = inputs.map((input, i) => (i === empty ? { ...input, batches: [[]] } : input));
      const operator = new CrossRows(together, left, right, both, site);
      expect(withWorkspace((ws) => runOperator(ws, operator, some))).toEqual([]);
    }
  });

  it("holds its right side on disk over budget", () => {
    const files = new MemoryFiles();
    const wide = Array.from({ length: 20 }, (_, i) => [{ b: String(i).repeat(10_000) }]);
    const ws = newWorkspace(100_000);
    const operator = new CrossRows((a, b) => ({ a: a.a, b: (b.b as string).slice(0, 3) }), left, right, both, site);
    const rows = runOperator(
      ws,
      operator,
      [
        { schema: left, batches: [leftRows.slice(0, 1), leftRows.slice(1, 2)] },
        { schema: right, batches: wide },
      ],
      { files },
    );
    expect(rows).toEqual([0, 1].flatMap((a) => wide.map(([{ b }]) => ({ a, b: b.slice(0, 3) }))));
    expect(files.contents.size).toBe(0);
    expect(ws.allocator.liveBlocks).toBe(0);
  });
});
