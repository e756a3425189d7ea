import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { Column } from "../../../src/core/column.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { compileExpression } from "../../../src/core/expressions/evaluate.ts";
import { UnnestOperator } from "../../../src/core/operators/unnest.ts";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { col, type Expression } from "../../../src/index.ts";
import { elementAt, fieldOf, sizeOf, unnested, valueOfKey } from "../../reference/nested.ts";
import {
  anyShape,
  encodedColumn,
  nullable,
  type Shape,
  shapedColumn,
  valueOfType,
} from "../../support/arbitrary-column.ts";
import { runBatches } from "../../support/run-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const item = types.struct({ name: types.utf8, tags: types.list(types.bool), size: types.struct({ n: types.int16 }) });
const elementTypes = [
  types.int32,
  types.bool,
  types.utf8,
  types.decimal(20, 2),
  types.nullType,
  types.list(types.int8),
  item,
];

/** The same values with children that are dictionary-encoded where they can be. */
function withEncodedChildren(ws: Workspace, column: Column): Column {
  const children = column.children.map((child) => {
    if (child.dictionary !== undefined || ["null", "bool"].includes(child.type.kind)) return child.retain();
    if (types.isNested(child.type)) return withEncodedChildren(ws, child);
    const batch = new Batch(Schema.of({ v: child.type }), child.length, [child.retain()]);
    const values = readRows(ws, batch).map((row) => row.v);
    batch.release();
    return encodedColumn(ws, child.type, values);
  });
  return new Column(column.type, column.length, { ...column.layout, children }, column.retainBlocks());
}

function makeColumn(ws: Workspace, type: types.DataType, values: readonly unknown[], shape: Shape): Column {
  const plain = shapedColumn(ws, type, values, { ...shape, isEncoded: false });
  if (!shape.isEncoded) return plain;
  const encoded = withEncodedChildren(ws, plain);
  plain.release();
  return encoded;
}

const rowsOf = (type: types.DataType) => fc.array(nullable(valueOfType(type)), { maxLength: 40, size: "max" });

/** Evaluates over a column `x`, and gives what was read of it beside what came out. */
function evaluated(
  ws: Workspace,
  type: types.DataType,
  values: readonly unknown[],
  shape: Shape,
  expressions: readonly Expression[],
  position: readonly (number | null)[] = values.map(() => null),
) {
  const schema = Schema.of({ x: type, position: types.int32 });
  const batch = new Batch(schema, values.length, [
    makeColumn(ws, type, values, shape),
    shapedColumn(ws, types.int32, position, shape),
  ]);
  const inputs = readRows(ws, batch);
  const outputs = expressions.map((expression) => {
    const compiled = compileExpression(expression.node, schema);
    const column = compiled.evaluate(ws, batch);
    const result = new Batch(Schema.of({ v: compiled.type }), values.length, [column]);
    const rows = readRows(ws, result).map((row) => row.v);
    result.release();
    compiled.close();
    return rows;
  });
  batch.release();
  return { inputs: inputs.map((row) => row.x as never), outputs };
}

describe("access to nested values is what the reference gives", () => {
  it("for fields of structs, also of structs in structs", () =>
    fc.assert(
      fc.property(rowsOf(item), anyShape, (values, shape) =>
        withWorkspace((ws) => {
          const x = col("x");
          const { inputs, outputs } = evaluated(ws, item, values, shape, [
            x.field("name"),
            x.field("tags"),
            x.field("size").field("n"),
            x.field("name").upper().isNull(),
          ]);
          expect(outputs[0]).toEqual(inputs.map((each) => fieldOf(each, "name")));
          expect(outputs[1]).toEqual(inputs.map((each) => fieldOf(each, "tags")));
          expect(outputs[2]).toEqual(inputs.map((each) => fieldOf(fieldOf(each, "size") as never, "n")));
          expect(outputs[3]).toEqual(inputs.map((each) => fieldOf(each, "name") === null));
        }),
      ),
    ));

  it("for elements of lists by constants and by columns, and for lengths", () =>
    fc.assert(
      fc.property(
        fc
          .constantFrom(...elementTypes)
          .chain((element) => fc.tuple(fc.constant(types.list(element)), rowsOf(types.list(element)))),
        fc.array(nullable(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(2147483647, -2147483648))), {
          minLength: 40,
          maxLength: 40,
        }),
        anyShape,
        ([type, values], positions, shape) =>
          withWorkspace((ws) => {
            const position = positions.slice(0, values.length);
            const { inputs, outputs } = evaluated(
              ws,
              type,
              values,
              shape,
              [col("x").at(0), col("x").at(-1), col("x").at(col("position")), col("x").length()],
              position,
            );
            expect(outputs[0]).toEqual(inputs.map((each) => elementAt(each, 0)));
            expect(outputs[1]).toEqual(inputs.map((each) => elementAt(each, -1)));
            expect(outputs[2]).toEqual(inputs.map((each, i) => elementAt(each, position[i])));
            expect(outputs[3]).toEqual(inputs.map((each) => sizeOf(each)));
          }),
      ),
    ));

  it("for values of maps", () =>
    fc.assert(
      fc.property(
        fc
          .constantFrom(types.map(types.utf8, types.float64), types.map(types.int32, item))
          .chain((type) => fc.tuple(fc.constant(type), rowsOf(type), valueOfType(type.key))),
        anyShape,
        ([type, values, other], shape) =>
          withWorkspace((ws) => {
            const used = values.flatMap((map) => (map as [unknown, unknown][] | null) ?? []).map(([key]) => key);
            for (const key of [...used.slice(0, 2), other]) {
              const sent = typeof key === "string" ? new TextDecoder().decode(new TextEncoder().encode(key)) : key;
              const { inputs, outputs } = evaluated(ws, type, values, shape, [
                col("x").get(sent as string),
                col("x").length(),
              ]);
              expect(outputs[0]).toEqual(inputs.map((each) => valueOfKey(each, sent)));
              expect(outputs[1]).toEqual(inputs.map((each) => sizeOf(each)));
            }
          }),
      ),
    ));
});

describe("unnest gives the rows of the reference", () => {
  const types_ = [...elementTypes.map((element) => types.list(element)), types.map(types.utf8, types.int8)];
  it("whatever the elements, the batches in and the batches out", () =>
    fc.assert(
      fc.property(
        fc
          .constantFrom<types.DataType>(...types_)
          .chain((type) => fc.tuple(fc.constant(type), fc.array(rowsOf(type), { maxLength: 3 }))),
        anyShape,
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        ([type, batches], shape, keepsEmpty, batchRows) =>
          withWorkspace((ws) => {
            const schema = Schema.of({ id: types.utf8, x: type });
            const inputs: Record<string, unknown>[] = [];
            const made = batches.map((values, n) => () => {
              const ids = values.map((_, i) => (i % 3 === 0 ? null : `${n}-${i}`));
              const columns = [shapedColumn(ws, types.utf8, ids, shape), makeColumn(ws, type, values, shape)];
              const batch = new Batch(schema, values.length, columns);
              inputs.push(...readRows(ws, batch));
              return batch;
            });
            const operator = new UnnestOperator({ kind: "unnest", column: "x", keepsEmpty }, schema);
            const rows = runBatches(ws, operator, [made], { batchRows });
            const asEntries =
              type.kind === "map"
                ? inputs.map((row) => ({
                    ...row,
                    x: (row.x as [unknown, unknown][] | null)?.map(([key, value]) => ({ key, value })) ?? null,
                  }))
                : inputs;
            expect(rows).toEqual(unnested(asEntries, "x", keepsEmpty));
          }),
      ),
    ));
});
