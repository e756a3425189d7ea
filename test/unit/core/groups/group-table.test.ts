import { expect, it } from "vitest";
import type { Column } from "../../../../src/core/column.ts";
import { columnOf } from "../../../../src/core/columns/allocate.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { GroupTable } from "../../../../src/core/groups/group-table.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

function encoded(ws: Workspace, dictionary: Column, indices: readonly number[]): Column {
  const data = ws.allocate(indices.length * 4);
  ws.i32.set(indices, data.address >>> 2);
  return columnOf(ws, utf8, indices.length, { data, dictionary: dictionary.retain() });
}

function assign(ws: Workspace, table: GroupTable, column: Column): number[] {
  const groups = table.assign([column], column.length);
  const numbers = [...ws.u32.slice(groups.address >>> 2, (groups.address >>> 2) + column.length)];
  groups.release();
  column.release();
  return numbers;
}

const entries = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `entry ${from + i}`);

it("knows the entries of dictionaries whose batches take turns", () => {
  withWorkspace((ws) => {
    const table = new GroupTable(ws, [utf8]);
    // Overlapping entries, at other indices.
    const dictionaries = [0, 2, 4].map((from) => buildColumn(ws, utf8, entries(from, 4)));
    expect(assign(ws, table, encoded(ws, dictionaries[0], [3, 0]))).toEqual([0, 1]);
    expect(assign(ws, table, encoded(ws, dictionaries[1], [1, 2, 0]))).toEqual([0, 2, 3]);
    expect(assign(ws, table, encoded(ws, dictionaries[2], [0, 3, 0]))).toEqual([2, 4, 2]);
    expect(assign(ws, table, encoded(ws, dictionaries[0], [0, 3, 2]))).toEqual([1, 0, 3]);
    expect(assign(ws, table, encoded(ws, dictionaries[1], [3, 2]))).toEqual([5, 2]);
    for (const dictionary of dictionaries) dictionary.release();
    table.release();
  });
});

it("forgets dictionaries that have not been used for long once they are large", () => {
  withWorkspace((ws) => {
    const table = new GroupTable(ws, [utf8]);
    const dictionaries = Array.from({ length: 12 }, (_, i) => buildColumn(ws, utf8, entries(i, 50_000)));
    for (let turn = 0; turn < 2; turn++) {
      for (const dictionary of dictionaries) {
        const indices = Array.from({ length: 4000 }, (_, i) => i % 3);
        expect(new Set(assign(ws, table, encoded(ws, dictionary, indices))).size).toBe(3);
      }
    }
    expect(table.groupCount).toBe(14);
    // Those of at most 2^18 entries and a small table of keys; all twelve would take 2.4 MB.
    expect(table.memoryBytes).toBeLessThan(1.5 * 2 ** 20);
    for (const dictionary of dictionaries) dictionary.release();
    table.release();
  });
});

it("numbers keys of sorted runs that an exchange has thinned out, as they change to a direct table", () => {
  withWorkspace((ws) => {
    const table = new GroupTable(ws, [int64]);
    const known = new Map<number, number>();
    const [rows, gap, far] = [8192, 12, 983_040];
    for (let batch = 0; batch < 40; batch++) {
      // Two runs in turn, each key twice: by the end the range is 12 times the number of groups.
      const start = (batch % 2) * far + (batch >>> 1) * (rows / 2) * gap;
      const keys = Array.from({ length: rows }, (_, i) => start + (i >>> 1) * gap);
      const expected = keys.map((key) => {
        if (!known.has(key)) known.set(key, known.size);
        return known.get(key);
      });
      const column = buildColumn(
        ws,
        int64,
        keys.map((key) => BigInt(key)),
      );
      expect(assign(ws, table, column)).toEqual(expected);
    }
    const [column] = table.keyColumns(0, table.groupCount);
    const read = columnReader(ws, column);
    expect(Array.from({ length: table.groupCount }, (_, i) => Number(read(i)))).toEqual([...known.keys()]);
    column.release();
    table.release();
  });
});
