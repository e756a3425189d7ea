import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../src/core/batch.ts";
import { CoGroups } from "../../src/core/columns/co-groups.ts";
import { callNode, columnNode } from "../../src/core/expressions/node.ts";
import type { JoinSpec } from "../../src/core/joins/join-plan.ts";
import type { Operator } from "../../src/core/operator.ts";
import { HashJoinOperator } from "../../src/core/operators/hash-join.ts";
import { SortMergeJoinOperator } from "../../src/core/operators/sort-merge-join.ts";
import { Schema } from "../../src/core/schema.ts";
import type { DataType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { joinReference } from "../reference/join.ts";
import { compareKeys } from "../reference/sort.ts";
import {
  anyKeyType,
  anyShape,
  anyType,
  nullable,
  type Shape,
  shapedColumn,
  valueOfType,
} from "../support/arbitrary-column.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { type RunOptions, runBatches } from "../support/run-operator.ts";
import { withWorkspace } from "../support/workspace.ts";

interface Key {
  type: DataType;
  leftShape: Shape;
  rightShape: Shape;
}
type Rows = unknown[][];

/** Few distinct values, so that keys of both sides meet, repeat and collide. */
const anyCase = (keyType: fc.Arbitrary<DataType>) =>
  fc
    .array(fc.record({ type: keyType, leftShape: anyShape, rightShape: anyShape }), { minLength: 1, maxLength: 3 })
    .chain((keys) => {
      const pool = ({ type }: Key) => fc.array(nullable(valueOfType(type)), { minLength: 1, maxLength: 4 });
      return fc.tuple(fc.constant(keys), fc.tuple(...keys.map(pool)));
    })
    .chain(([keys, pools]) => {
      const row = fc.tuple(...pools.map((pool) => fc.constantFrom(...pool)));
      const rows: fc.Arbitrary<Rows> = fc.array(row, { maxLength: 12, size: "max" });
      return fc.record({
        keys: fc.constant(keys),
        left: fc.array(rows, { maxLength: 4 }),
        right: fc.array(rows, { maxLength: 4 }),
        type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
        nullEquals: fc.boolean(),
        withResidual: fc.boolean(),
        batchRows: fc.integer({ min: 1, max: 20 }),
      });
    });
type JoinCase = ReturnType<typeof anyCase> extends fc.Arbitrary<infer T> ? T : never;

/** One side: batches of key rows, with a last column that numbers them through. */
class Side {
  readonly schema: Schema;
  readonly batches: readonly Rows[];
  readonly #shapes: readonly Shape[];

  constructor(keys: readonly Key[], batches: readonly Rows[], shapes: readonly Shape[]) {
    this.schema = new Schema([
      ...keys.map(({ type }, i) => ({ name: `k${i}`, type })),
      { name: "id", type: types.int32 },
    ]);
    let id = 0;
    this.batches = batches.map((rows) => rows.map((row) => [...row, id++]));
    this.#shapes = [...shapes, { isEncoded: false, before: 0, after: 0 }];
  }

  get rows(): Rows {
    return this.batches.flat();
  }

  inputs(ws: Workspace): (() => Batch)[] {
    return this.batches.map((rows) => () => {
      const column = (i: number) => rows.map((row) => row[i]);
      const columns = this.schema.fields.map(({ type }, i) => shapedColumn(ws, type, column(i), this.#shapes[i]));
      return new Batch(this.schema, rows.length, columns);
    });
  }
}

const sidesOf = ({ keys, left, right }: JoinCase) => ({
  left: new Side(
    keys,
    left,
    keys.map((key) => key.leftShape),
  ),
  right: new Side(
    keys,
    right,
    keys.map((key) => key.rightShape),
  ),
});

/** Runs a join of the case and compares it with the nested loop. */
function checkJoin(
  joinCase: JoinCase,
  makeOperator: (spec: JoinSpec, left: Schema, right: Schema) => Operator,
  options: RunOptions & { limitBytes?: number | undefined } = {},
): void {
  const { keys, type, nullEquals, withResidual, batchRows } = joinCase;
  const { left, right } = sidesOf(joinCase);
  const names = keys.map((_, i) => `k${i}`);
  const ids = [
    { side: "left", column: "id", name: "l" },
    { side: "right", column: "id", name: "r" },
  ] as const;
  const key = { side: "left", column: "k0", name: "key" } as const;
  const isFilter = type === "semi" || type === "anti";
  const spec: JoinSpec = {
    type,
    leftKeys: names,
    rightKeys: names,
    nullEquals,
    output: isFilter ? [ids[0], key] : [...ids, key],
    ...(withResidual
      ? { residual: { columns: ids, condition: callNode("lt", columnNode("l"), columnNode("r")) } }
      : {}),
  };
  const files = new MemoryFiles();
  const actual = withWorkspace(
    (ws) =>
      runBatches(ws, makeOperator(spec, left.schema, right.schema), [left.inputs(ws), right.inputs(ws)], {
        ...options,
        files,
        batchRows,
      }),
    options.limitBytes,
  );
  const at = keys.length;
  const keyTypes = keys.map((key) => key.type);
  const expected = joinReference(type, keyTypes, left.rows, right.rows, {
    nullEquals,
    ...(withResidual ? { residual: (a, b) => (a[at] as number) < (b[at] as number) } : {}),
  }).map(([a, b]) => ({ l: a?.[at] ?? null, ...(isFilter ? {} : { r: b?.[at] ?? null }), key: a?.[0] ?? null }));
  const number = (value: unknown) => Number(value ?? -1);
  const inOrder = (rows: Record<string, unknown>[]) =>
    rows.sort((x, y) => number(x.l) - number(y.l) || number(x.r) - number(y.r));
  expect(inOrder(actual)).toEqual(inOrder(expected));
  expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
}

it(
  "a hash join equals a nested loop: every type, nulls, duplicates, encodings, collisions, spilled or not",
  () =>
    fc.assert(
      fc.property(
        anyCase(anyType),
        fc.record({
          buildSide: fc.constantFrom("left", "right" as const),
          hashMask: fc.constantFrom(0xffffffff, 0xffffffff, 0, 1),
          limitBytes: fc.constantFrom(undefined, undefined, 1, 30_000),
        }),
        (joinCase, { buildSide, hashMask, limitBytes }) =>
          checkJoin(
            joinCase,
            (spec, left, right) =>
              new HashJoinOperator({ ...spec, kind: "hashJoin", buildSide }, left, right, hashMask),
            { limitBytes },
          ),
      ),
      { numRuns: 400 },
    ),
  60_000,
);

/** The same case with both sides sorted by their keys, cut into batches of the same sizes. */
function sortedCase(joinCase: JoinCase): JoinCase {
  const keyTypes = joinCase.keys.map((key) => key.type);
  const order = joinCase.keys.map(() => ({}));
  const sort = (batches: Rows[]): Rows[] => {
    const rows = batches.flat().sort((a, b) => compareKeys(keyTypes, order, a, b));
    return batches.map((batch) => rows.splice(0, batch.length));
  };
  return { ...joinCase, left: sort(joinCase.left), right: sort(joinCase.right) };
}

it(
  "a sort-merge join of sorted inputs equals a nested loop",
  () =>
    fc.assert(
      fc.property(anyCase(anyKeyType), (joinCase) =>
        checkJoin(sortedCase(joinCase), (spec, left, right) => new SortMergeJoinOperator(spec, left, right)),
      ),
      { numRuns: 300 },
    ),
  60_000,
);

it(
  "aligned groups have all rows of a key of both sides, in order of the keys",
  () =>
    fc.assert(
      fc.property(anyCase(anyKeyType), (unsorted) =>
        withWorkspace((ws) => {
          const joinCase = sortedCase(unsorted);
          const { left, right } = sidesOf(joinCase);
          const at = joinCase.keys.length;
          const keyTypes = joinCase.keys.map((key) => key.type);
          const order = joinCase.keys.map(() => ({}));
          const keys = joinCase.keys.map((_, column) => ({ column }));
          const groups = new CoGroups(ws, { schema: left.schema, keys }, { schema: right.schema, keys });
          const waiting = [left.inputs(ws), right.inputs(ws)] as const;
          const actual: [number[], number[]][] = [];
          const idsOf = (batch: Batch, start: number, end: number) => [
            ...new Int32Array(ws.memory.buffer, batch.columns[at].data + start * 4, end - start),
          ];
          const hasEnded = [false, false];
          while (!hasEnded[0] || !hasEnded[1]) {
            const input = groups.wanted;
            const batch = waiting[input].shift()?.();
            if (batch === undefined) {
              groups.end(input);
              hasEnded[input] = true;
            } else {
              groups.offer(input, batch);
              batch.release();
            }
            for (let group = groups.nextGroup(); group !== undefined; group = groups.nextGroup()) {
              const { leftStart, leftEnd, rightStart, rightEnd } = group;
              actual.push([idsOf(group.left, leftStart, leftEnd), idsOf(group.right, rightStart, rightEnd)]);
            }
          }
          groups.close();
          const expected: [number[], number[]][] = [];
          const all = [...left.rows.map((row) => ({ row, side: 0 })), ...right.rows.map((row) => ({ row, side: 1 }))];
          all.sort((a, b) => compareKeys(keyTypes, order, a.row, b.row) || a.side - b.side);
          for (const [i, { row, side }] of all.entries()) {
            if (i === 0 || compareKeys(keyTypes, order, all[i - 1].row, row) !== 0) expected.push([[], []]);
            expected[expected.length - 1][side].push(row[at] as number);
          }
          expect(actual).toEqual(expected);
        }),
      ),
      { numRuns: 200 },
    ),
  60_000,
);

it("refuses keys of different types, and unknown columns", () => {
  const left = Schema.of({ a: types.int32 });
  const right = Schema.of({ a: types.int64 });
  const spec: JoinSpec = { type: "inner", leftKeys: ["a"], rightKeys: ["a"], output: [] };
  const make = (changes: Partial<JoinSpec>) => () =>
    new HashJoinOperator({ ...spec, ...changes, kind: "hashJoin", buildSide: "left" }, left, right);
  expect(make({})).toThrow(expect.objectContaining({ code: "JOIN_KEY_TYPES" }));
  expect(make({ rightKeys: [] })).toThrow(expect.objectContaining({ code: "JOIN_KEY_TYPES" }));
  expect(make({ leftKeys: ["b"] })).toThrow(expect.objectContaining({ code: "COLUMN_UNKNOWN" }));
});

it("closes cleanly where the output closes early, or the disk is full", () =>
  withWorkspace((ws) => {
    const side = (seed: number) =>
      new Side(
        [],
        Array.from({ length: 8 }, () => Array.from({ length: 50 + seed }, () => [])),
        [],
      );
    const [left, right] = [side(0), side(1)];
    const spec = {
      kind: "hashJoin",
      type: "full",
      leftKeys: ["id"],
      rightKeys: ["id"],
      buildSide: "right",
      output: [{ side: "left", column: "id", name: "l" }],
    } as const;
    const run = (options: RunOptions) =>
      runBatches(ws, new HashJoinOperator(spec, left.schema, right.schema), [left.inputs(ws), right.inputs(ws)], {
        batchRows: 8,
        ...options,
      });
    expect(run({ closeAfter: 20 }).length).toBeLessThan(60);
    ws.setLimit(1);
    const files = new MemoryFiles();
    expect(run({ files, closeAfter: 20 }).length).toBeLessThan(60);
    expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
    files.writableBytes = 3000;
    expect(() => run({ files })).toThrow(expect.objectContaining({ code: "SPILL_DISK_FULL" }));
    expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
  }));

it("needs no probe rows where the build side is empty and unmatched rows are not kept", () => {
  const schema = Schema.of({ a: types.int32 });
  const isSatisfied = (type: JoinSpec["type"], buildSide: "left" | "right") =>
    withWorkspace((ws) => {
      const spec: JoinSpec = { type, leftKeys: ["a"], rightKeys: ["a"], output: [] };
      const operator = new HashJoinOperator({ ...spec, kind: "hashJoin", buildSide }, schema, schema);
      runBatches(ws, operator, [[], []]);
      return operator.isSatisfied;
    });
  expect(
    ["inner", "left", "right", "full", "semi", "anti"].filter((type) => isSatisfied(type as JoinSpec["type"], "right")),
  ).toEqual(["inner", "right", "semi"]);
  expect(
    ["inner", "left", "right", "full", "semi", "anti"].filter((type) => isSatisfied(type as JoinSpec["type"], "left")),
  ).toEqual(["inner", "left", "semi", "anti"]);
});
