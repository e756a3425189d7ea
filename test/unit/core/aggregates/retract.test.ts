import { expect, it } from "vitest";
import type { GroupedRows } from "../../../../src/core/aggregates/accumulator.ts";
import { CountAccumulator } from "../../../../src/core/aggregates/count.ts";
import { SumAccumulator } from "../../../../src/core/aggregates/sum.ts";
import type { Column } from "../../../../src/core/column.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import * as types from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const cases: readonly (readonly [types.DataType, unknown[], unknown, unknown])[] = [
  [types.int8, [-128, 127, null, 5], -128n, 5n],
  [types.int32, [1, 2, null, 3], 1n, 3n],
  [types.int64, [-(2n ** 63n), 2n ** 63n - 1n, null, 7n], -(2n ** 63n), 7n],
  [types.uint64, [9n, 2n ** 64n - 1n, null, 4n], 9n, 4n],
  [types.decimal(38, 2), ["-1.25", `${"9".repeat(36)}.00`, null, "0.50"], "-1.25", "0.50"],
  [types.float64, [0.1, 1e300, null, 2.5], 0.1, 2.5],
];

it.each(cases)("takes rows of %s back exactly", (type, values, firstGroup, secondGroup) => {
  withWorkspace((ws) => {
    const groups = ws.allocate(16);
    ws.u32.set([0, 0, 1, 1], groups.address / 4);
    const rows: GroupedRows = { groups: groups.address, rowCount: 4, groupCount: 2 };
    const column = buildColumn(ws, type, values);
    const undone = buildColumn(ws, type, [null, values[1], null, null]);
    const read = (result: Column): unknown[] => {
      const reader = columnReader(ws, result);
      const both = [reader(0), reader(1)];
      result.release();
      return both;
    };
    const sum = new SumAccumulator(ws, type, "column");
    sum.update(rows, [column]);
    sum.retract(rows, [undone]);
    expect(read(sum.sum(0, 2))).toEqual([firstGroup, secondGroup]);
    expect(read(sum.count(0, 2))).toEqual([1n, 1n]);
    const count = new CountAccumulator(ws);
    count.update(rows, [column]);
    count.retract(rows, [undone]);
    expect(read(count.count(0, 2))).toEqual([1n, 1n]);
    sum.retract(rows, [column]);
    sum.update(rows, [undone]);
    expect(read(sum.sum(0, 2))).toEqual([null, null]);
    for (const owned of [groups, column, undone, sum, count]) owned.release();
  });
});

it.each(cases)("takes merged states of %s back to the last bit where sums are exact", (type, values) => {
  withWorkspace((ws) => {
    const groups = ws.allocate(16);
    ws.u32.set([0, 1, 0, 1], groups.address / 4);
    const column = buildColumn(ws, type, values);
    const bytesOf = (accumulator: SumAccumulator | CountAccumulator): number[] => {
      const [states] = accumulator.stateColumns(0, 2);
      const bytes = [...ws.u8.slice(states.data, states.data + ws.i32[states.offsets / 4 + 2])];
      states.release();
      return bytes;
    };
    for (const create of [() => new SumAccumulator(ws, type, "column"), () => new CountAccumulator(ws)]) {
      const [single, total, copy] = [create(), create(), create()];
      if (single instanceof SumAccumulator && type === types.float64) {
        expect(single.isInvertible, "what was rounded would stay").toBe(false);
        continue;
      }
      const sequence = ws.allocate(16);
      ws.u32.set([0, 1, 2, 3], sequence.address / 4);
      single.update({ groups: sequence.address, rowCount: 4, groupCount: 4 }, [column]);
      const states = single.stateColumns(0, 4);
      total.merge({ groups: groups.address, rowCount: 1, groupCount: 2 }, states);
      const before = bytesOf(total);
      const rest = { groups: groups.address + 4, rowCount: 3, groupCount: 2 };
      total.mergeFrom(rest, states, 1, 1);
      total.mergeFrom(rest, states, 1, -1);
      expect(bytesOf(total)).toEqual(before);
      ws.u32.set([1, 0], sequence.address / 4);
      copy.copyGroups(total, sequence.address, 2, 0);
      const half = before.length / 2;
      expect(bytesOf(copy)).toEqual([...before.slice(half), ...before.slice(0, half)]);
      for (const owned of [sequence, single, total, copy, ...states]) owned.release();
    }
    for (const owned of [groups, column]) owned.release();
  });
});
