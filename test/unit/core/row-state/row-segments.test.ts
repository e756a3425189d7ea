import { describe, expect, it } from "vitest";
import type { Column } from "../../../../src/core/column.ts";
import { columnOf } from "../../../../src/core/columns/allocate.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { NO_ROW } from "../../../../src/core/columns/gather.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { RowStore } from "../../../../src/core/row-state/row-store.ts";
import { bool, type DataType, int64, list, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const TYPES: readonly DataType[] = [int64, utf8, bool, list(int64), utf8];
const textOf = (row: number): string | null => (row % 7 === 0 ? null : "x".repeat(row % 30) + row);
const valuesOf = (row: number): unknown[] => [
  row % 5 === 0 ? null : BigInt(row),
  textOf(row),
  row % 3 === 0,
  row % 11 === 0 ? null : [BigInt(row)],
  textOf(row % 40),
];

function indexBlock(ws: Workspace, rows: readonly number[]) {
  const block = ws.allocate(rows.length * 4);
  for (const [i, row] of rows.entries()) ws.u32[block.address / 4 + i] = row;
  return block;
}

/** Texts of rows by a dictionary of all that there can be. */
function encoded(ws: Workspace, rows: readonly number[], dictionary: Column): Column {
  const data = indexBlock(
    ws,
    rows.map((row) => row % 40),
  );
  const nulls = buildColumn(
    ws,
    bool,
    rows.map((row) => textOf(row % 40) !== null),
  );
  const validity = ws.allocate(Math.ceil(rows.length / 8));
  ws.kernels.copyBytes(validity.address, nulls.data, Math.ceil(rows.length / 8));
  nulls.release();
  // Null rows hold index 0.
  for (const [i, row] of rows.entries()) if (textOf(row % 40) === null) ws.u32[data.address / 4 + i] = 0;
  return columnOf(ws, utf8, rows.length, { data, validity, dictionary: dictionary.retain() });
}

describe("rows in segments", () => {
  it.each([1, 39, 6000])("come back in any order, across segments, from batches of up to %d rows", (step) =>
    withWorkspace((ws) => {
      const store = new RowStore(ws, TYPES);
      const dictionary = buildColumn(
        ws,
        utf8,
        Array.from({ length: 40 }, (_, i) => textOf(i) ?? "no text"),
      );
      const rowCount = step === 1 ? 300 : 20_000;
      for (let from = 0; from < rowCount; from += step) {
        const rows = Array.from({ length: Math.min(step, rowCount - from) }, (_, i) => from + i);
        const plain = TYPES.slice(0, 4).map((type, field) =>
          buildColumn(
            ws,
            type,
            rows.map((row) => valuesOf(row)[field]),
          ),
        );
        const columns = [...plain, encoded(ws, rows, dictionary)];
        expect(store.append(columns, rows.length)).toBe(from);
        for (const column of columns) column.release();
      }
      dictionary.release();
      const taken = Array.from({ length: 997 }, (_, i) => (i * 8191) % rowCount);
      const indices = indexBlock(ws, [...taken, NO_ROW]);
      for (const [field] of TYPES.entries()) {
        const column = store.gather(field, indices.address, taken.length + 1, true);
        const read = columnReader(ws, column);
        expect(taken.map((_, i) => read(i))).toEqual(taken.map((row) => valuesOf(row)[field]));
        expect(read(taken.length)).toBe(null);
        column.release();
      }
      expect(store.memoryBytes).toBeGreaterThan(rowCount * 50);
      indices.release();
      store.release();
    }),
  );
});
