import { describe, expect, it } from "vitest";
import type { Operator } from "../../../../src/core/operator.ts";
import { CoGroupRows } from "../../../../src/core/operators/co-group-rows.ts";
import { CombineGroup } from "../../../../src/core/operators/combine-group.ts";
import { GroupReduce } from "../../../../src/core/operators/group-reduce.ts";
import { ReduceRows } from "../../../../src/core/operators/reduce-rows.ts";
import type { Row } from "../../../../src/core/rows/row-view.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { type RunOptions, runOperator } from "../../../support/run-operator.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ key: types.utf8, value: types.int32 });
const keys = [{ column: 0 }];
const site = { name: "reduceGroup", callSite: "job.ts:3:7" };
const out = { schema: Schema.of({ key: types.utf8, sum: types.float64, count: types.int32 }) };
const rows = ["a", "a", "b", "c", "c", "c", "c", "d", null, null].map((key, value) => ({ key, value }));
const batches = [rows.slice(0, 1), rows.slice(1, 4), [], rows.slice(4, 6), rows.slice(6)];

const summed = (key: Row, group: Iterable<Row>): object[] => {
  const values = [...group].map((row) => row.value as number);
  return [{ key: key.key, sum: values.reduce((a, b) => a + b, 0), count: values.length }];
};
const sums = [
  { key: "a", sum: 1, count: 2 },
  { key: "b", sum: 2, count: 1 },
  { key: "c", sum: 18, count: 4 },
  { key: "d", sum: 7, count: 1 },
  { key: null, sum: 17, count: 2 },
];
const run = (operator: Operator, options: RunOptions = {}) =>
  withWorkspace((ws) => runOperator(ws, operator, [{ schema, batches }], options));

describe("GroupReduce", () => {
  it("calls the function once per key, whatever batches a group spans", () => {
    expect(run(new GroupReduce(summed, schema, keys, out, site))).toEqual(sums);
    expect(run(new GroupReduce(summed, schema, keys, out, site), { batchRows: 1 })).toEqual(sums);
  });

  it("leaves a group that the function does not read", () => {
    const names = function* (key: Row): Generator<object> {
      yield { key: key.key };
    };
    expect(run(new GroupReduce(names, schema, keys, out, site)).map((row) => row.key)).toEqual([
      "a",
      "b",
      "c",
      "d",
      null,
    ]);
  });

  it("ends the rows of a group with its call", () => {
    const kept: Iterator<Row>[] = [];
    const keeping = (_: Row, group: Iterable<Row>): object[] => {
      for (const iterator of kept) expect(iterator.next().done).toBe(true);
      const iterator = group[Symbol.iterator]();
      iterator.next();
      kept.push(iterator);
      return [];
    };
    expect(run(new GroupReduce(keeping, schema, keys, out, site))).toEqual([]);
    expect(kept.length).toBe(5);
  });

  it("holds a group larger than its budget on disk", () => {
    const files = new MemoryFiles();
    const metrics = new Map<string, number>();
    const wide = Array.from({ length: 30 }, (_, value) => [{ key: "x".repeat(10_000), value }]);
    const ws = newWorkspace(100_000);
    const result = runOperator(ws, new GroupReduce(summed, schema, keys, out, site), [{ schema, batches: wide }], {
      files,
      metrics,
    });
    expect(result).toEqual([{ key: "x".repeat(10_000), sum: 435, count: 30 }]);
    expect(metrics.get("spilledRows")).toBeGreaterThan(0);
    expect(files.contents.size).toBe(0);
    expect(ws.allocator.liveBlocks).toBe(0);
  });

  it("releases what it holds after a failure", () => {
    const ws = newWorkspace();
    const failing = (key: Row): object[] => {
      if (key.key === "c") throw new Error("boom");
      return [];
    };
    const operator = new GroupReduce(failing, schema, keys, out, site);
    expect(() => runOperator(ws, operator, [{ schema, batches }])).toThrow(
      "A function passed to reduceGroup at job.ts:3:7 threw Error: boom.",
    );
    expect(ws.allocator.liveBlocks).toBe(0);
  });
});

describe("CombineGroup", () => {
  it("sums up to what a full reduce gives", () => {
    const shuffled = [[rows[9], rows[3], rows[0]], [rows[4], rows[8], rows[1]], [rows[2]], [rows[5], rows[7], rows[6]]];
    for (const batchRows of [1, 1024]) {
      const partial = withWorkspace((ws) =>
        runOperator(ws, new CombineGroup(summed, schema, keys, out, site), [{ schema, batches: shuffled }], {
          batchRows,
        }),
      );
      const totals = new Map<unknown, number>();
      for (const { key, sum } of partial) totals.set(key, (totals.get(key) ?? 0) + (sum as number));
      expect(totals).toEqual(new Map(sums.map(({ key, sum }) => [key, sum])));
    }
  });

  it("takes rich functions by their own name", () => {
    class Combine {
      combineGroup(key: Row, group: Iterable<Row>): object[] {
        return summed(key, group);
      }
    }
    expect(run(new CombineGroup(new Combine(), schema, keys, out, site))).toEqual(sums);
  });
});

describe("ReduceRows", () => {
  const add = (left: Row, right: Row): Row => ({ ...left, value: (left.value as number) + (right.value as number) });
  const greater = (left: Row, right: Row): Row => ((left.value as number) >= (right.value as number) ? left : right);

  it("folds all rows into one", () => {
    expect(run(new ReduceRows(add, schema, [], site))).toEqual([{ key: "a", value: 45 }]);
  });

  it("lets the function return either of its rows", () => {
    expect(run(new ReduceRows(greater, schema, [], site))).toEqual([{ key: null, value: 9 }]);
  });

  it("lets the function change its left row", () => {
    const inPlace = (left: Row, right: Row): Row => {
      left.value = (left.value as number) + (right.value as number);
      return left;
    };
    expect(run(new ReduceRows(inPlace, schema, [], site))).toEqual([{ key: "a", value: 45 }]);
  });

  it("folds the rows of each key", () => {
    const expected = sums.map(({ key, sum }) => ({ key, value: sum }));
    expect(run(new ReduceRows(add, schema, keys, site))).toEqual(expected);
    expect(run(new ReduceRows(add, schema, keys, site), { batchRows: 1 })).toEqual(expected);
  });

  it("gives nothing for no rows", () => {
    const none = withWorkspace((ws) =>
      runOperator(ws, new ReduceRows(add, schema, [], site), [{ schema, batches: [[]] }]),
    );
    expect(none).toEqual([]);
  });
});

describe("CoGroupRows", () => {
  const other = Schema.of({ id: types.utf8, weight: types.float64 });
  const right = ["0", "a", "c", "c", "e", null].map((id, weight) => ({ id, weight }));
  const listed = (key: Row, left: Iterable<Row>, others: Iterable<Row>): object[] => [
    {
      // Under the names of the left side, also where only the right one has it.
      key: key.key,
      left: [...left].map((row) => row.value),
      right: [...others].map((row) => row.weight),
    },
  ];
  const lists = {
    schema: Schema.of({ key: types.utf8, left: types.list(types.int32), right: types.list(types.float64) }),
  };

  it("meets the rows of both inputs by key", () => {
    for (const batchRows of [1, 1024]) {
      const operator = new CoGroupRows(listed, { schema, keys }, { schema: other, keys }, lists, site);
      const result = withWorkspace((ws) =>
        runOperator(
          ws,
          operator,
          [
            { schema, batches },
            { schema: other, batches: [right.slice(0, 3), right.slice(3)] },
          ],
          { batchRows },
        ),
      );
      expect(result).toEqual([
        { key: "0", left: [], right: [0] },
        { key: "a", left: [0, 1], right: [1] },
        { key: "b", left: [2], right: [] },
        { key: "c", left: [3, 4, 5, 6], right: [2, 3] },
        { key: "d", left: [7], right: [] },
        { key: "e", left: [], right: [4] },
        { key: null, left: [8, 9], right: [5] },
      ]);
    }
  });

  it("refuses keys of two types", () => {
    const create = () =>
      new CoGroupRows(listed, { schema, keys }, { schema: other, keys: [{ column: 1 }] }, lists, site);
    expect(create).toThrow(expect.objectContaining({ code: "KEY_TYPES_DIFFER" }));
  });
});
