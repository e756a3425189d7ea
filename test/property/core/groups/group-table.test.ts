import fc from "fast-check";
import { expect, it } from "vitest";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { GroupTable } from "../../../../src/core/groups/group-table.ts";
import { type DataType, int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { groupRows, keyText } from "../../../reference/groups.ts";
import { anyType } from "../../../support/arbitrary-column.ts";
import { anyTable, forEachBatch, type TableSample } from "../../../support/arbitrary-table.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const anyKeys = fc.array(anyType, { minLength: 1, maxLength: 4, size: "max" });
const rowsOf = ({ columns, rowCount }: TableSample): unknown[][] =>
  Array.from({ length: rowCount }, (_, row) => columns.map((values) => values[row]));

function readKeys(ws: Workspace, table: GroupTable, from: number, count: number): string[] {
  const columns = table.keyColumns(from, count);
  const readers = columns.map((column) => columnReader(ws, column));
  const keys = Array.from({ length: count }, (_, row) => keyText(readers.map((read) => read(row))));
  for (const [i, column] of columns.entries()) {
    expect(column.type).toEqual(table.keyTypes[i]);
    column.release();
  }
  return keys;
}

function check(ws: Workspace, table: GroupTable, sample: TableSample): void {
  const expected = groupRows(rowsOf(sample));
  const actual: number[] = [];
  forEachBatch(ws, sample, (columns, rowCount) => {
    const groups = table.assign(columns, rowCount);
    actual.push(...ws.u32.slice(groups.address >>> 2, (groups.address >>> 2) + rowCount));
    groups.release();
  });
  expect(actual).toEqual(expected.groups);
  expect(table.groupCount).toBe(expected.keys.length);
  expect(readKeys(ws, table, 0, table.groupCount)).toEqual(expected.keys.map(keyText));
  const from = Math.floor(table.groupCount / 3);
  expect(readKeys(ws, table, from, table.groupCount - from)).toEqual(expected.keys.slice(from).map(keyText));
}

it("numbers groups by first occurrence, whatever types, encodings and cuts, also when all hashes collide", {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(anyTable(anyKeys), fc.boolean(), (sample, collide) =>
      withWorkspace((ws) => {
        const table = new GroupTable(ws, sample.types, collide ? { hashMask: 0 } : {});
        check(ws, table, sample);
        table.reset();
        expect(table.groupCount).toBe(0);
        check(ws, table, sample);
        table.release();
      }),
    ),
    { numRuns: 300 },
  );
});

it("keeps its groups while it grows from direct-mapped to hashed and back, and packs codes anew", () => {
  const spread = fc.constantFrom(1, 3, 1000, 100_003, 2 ** 20);
  fc.assert(
    fc.property(fc.array(spread, { minLength: 1, maxLength: 5 }), fc.integer(), (strides, seed) =>
      withWorkspace((ws) => {
        const types: DataType[] = strides.map((_, i) => (i % 2 === 0 ? int32 : utf8));
        const table = new GroupTable(ws, types);
        const rowCount = 3000;
        const columns = strides.map((stride, i) =>
          Array.from({ length: rowCount }, (_, row) => {
            const value = (((Math.imul(row + seed, 2654435761 + i * 2) >>> 7) % (row + 1)) * stride) | 0;
            return i % 2 === 0 ? value : `key ${value} of a long string`;
          }),
        );
        const shapes = types.map(() => ({ isEncoded: false, before: 0, after: 0 }));
        check(ws, table, { types, columns, rowCount, shapes, cuts: [10, 90, 900, 2000] });
        table.release();
      }),
    ),
    { numRuns: 25 },
  );
});

it("splits keys whose codes need more than 16 bytes", () => {
  withWorkspace((ws) => {
    const types: DataType[] = Array.from({ length: 20 }, () => int32);
    const rowCount = 2000;
    const columns = types.map((_, i) =>
      Array.from({ length: rowCount }, (_, row) => (row < 10 ? 0 : (row * (i + 1)) % (row < 100 ? 5 : 1009))),
    );
    const shapes = types.map(() => ({ isEncoded: false, before: 0, after: 0 }));
    const table = new GroupTable(ws, types);
    check(ws, table, { types, columns, rowCount, shapes, cuts: [5, 15, 80, 900, 1000] });
    table.release();
  });
});
