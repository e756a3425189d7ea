import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../src/core/batch.ts";
import { callNode, columnNode } from "../../src/core/expressions/node.ts";
import { HashJoinOperator, type HashJoinSpec } from "../../src/core/operators/hash-join.ts";
import { Schema } from "../../src/core/schema.ts";
import type { DataType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { joinReference } from "../reference/join.ts";
import { anyShape, anyType, nullable, type Shape, shapedColumn, valueOfType } from "../support/arbitrary-column.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { runBatches } from "../support/run-operator.ts";
import { withWorkspace } from "../support/workspace.ts";

interface Key {
  type: DataType;
  leftShape: Shape;
  rightShape: Shape;
}
type Rows = unknown[][];

/** Few distinct values, so that keys of both sides meet, repeat and collide. */
const anyKey = fc.record({ type: anyType, leftShape: anyShape, rightShape: anyShape });
const anyCase = fc.array(anyKey, { minLength: 1, maxLength: 3 }).chain((keys) =>
  fc
    .tuple(...keys.map(({ type }) => fc.array(nullable(valueOfType(type)), { minLength: 1, maxLength: 4 })))
    .chain((pools) => {
      const rows: fc.Arbitrary<Rows> = fc.array(fc.tuple(...pools.map((pool) => fc.constantFrom(...pool))), {
        maxLength: 12,
        size: "max",
      });
      return fc.record({
        keys: fc.constant(keys),
        left: fc.array(rows, { maxLength: 4 }),
        right: fc.array(rows, { maxLength: 4 }),
        type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
        buildSide: fc.constantFrom("left", "right" as const),
        nullEquals: fc.boolean(),
        withResidual: fc.boolean(),
        hashMask: fc.constantFrom(undefined, undefined, 0, 1),
        limitBytes: fc.constantFrom(undefined, undefined, 1, 30_000),
        batchRows: fc.integer({ min: 1, max: 20 }),
      });
    }),
);

/** leftId < rightId */
const condition = callNode("lt", columnNode("l"), columnNode("r"));

function sideSchema(keys: readonly Key[], id: string): Schema {
  return new Schema([...keys.map(({ type }, i) => ({ name: `k${i}`, type })), { name: id, type: types.int32 }]);
}

/** Batches of key rows with a last column that numbers them through. */
function sideBatches(ws: Workspace, schema: Schema, batches: readonly Rows[], shapes: readonly Shape[]) {
  const plain = { isEncoded: false, before: 0, after: 0 };
  return batches.map((rows) => () => {
    const columns = schema.fields.map(({ type }, i) =>
      shapedColumn(
        ws,
        type,
        rows.map((row) => row[i]),
        shapes[i] ?? plain,
      ),
    );
    return new Batch(schema, rows.length, columns);
  });
}

const numbered = (batches: readonly Rows[]): Rows[] => {
  let id = 0;
  return batches.map((rows) => rows.map((row) => [...row, id++]));
};

it(
  "equals a nested loop: every type, nulls, duplicates, collisions, encodings, either build side, spilled or not",
  () =>
    fc.assert(
      fc.property(
        anyCase,
        ({ keys, type, buildSide, nullEquals, withResidual, hashMask, limitBytes, batchRows, ...sides }) => {
          const left = numbered(sides.left);
          const right = numbered(sides.right);
          const files = new MemoryFiles();
          const leftSchema = sideSchema(keys, "leftId");
          const rightSchema = sideSchema(keys, "rightId");
          const names = keys.map((_, i) => `k${i}`);
          const output = [
            { side: "left", column: "leftId", name: "l" },
            { side: "right", column: "rightId", name: "r" },
            { side: "left", column: "k0", name: "key" },
          ] as const;
          const isFilter = type === "semi" || type === "anti";
          const spec: HashJoinSpec = {
            kind: "hashJoin",
            type,
            leftKeys: names,
            rightKeys: names,
            buildSide,
            nullEquals,
            output: isFilter ? [output[0], output[2]] : output,
            ...(withResidual ? { residual: { columns: output.slice(0, 2), condition } } : {}),
          };
          const actual = withWorkspace((ws) => {
            const operator = new HashJoinOperator(spec, leftSchema, rightSchema, hashMask);
            const inputs = [
              sideBatches(
                ws,
                leftSchema,
                left,
                keys.map((key) => key.leftShape),
              ),
              sideBatches(
                ws,
                rightSchema,
                right,
                keys.map((key) => key.rightShape),
              ),
            ];
            return runBatches(ws, operator, inputs, { files, batchRows });
          }, limitBytes);
          const at = keys.length;
          const expected = joinReference(
            type,
            keys.map((key) => key.type),
            left.flat(),
            right.flat(),
            {
              nullEquals,
              ...(withResidual ? { residual: (a, b) => (a[at] as number) < (b[at] as number) } : {}),
            },
          ).map(([a, b]) =>
            isFilter
              ? { l: a?.[at] ?? null, key: a?.[0] ?? null }
              : { l: a?.[at] ?? null, r: b?.[at] ?? null, key: a?.[0] ?? null },
          );
          const order = (rows: Record<string, unknown>[]) =>
            rows.sort((x, y) => Number(x.l ?? -1) - Number(y.l ?? -1) || Number(x.r ?? -1) - Number(y.r ?? -1));
          expect(order(actual)).toEqual(order(expected));
          expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
        },
      ),
      { numRuns: 400 },
    ),
  60_000,
);
