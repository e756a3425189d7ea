import { expect, it } from "vitest";
import { columnOf } from "../../../../src/core/columns/allocate.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { RowStore } from "../../../../src/core/row-state/row-store.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const TEXTS = ["", "short", "twelve bytes", "a text that does not fit inline", "another one that is too long"];

it("gives back texts of dictionaries, small and large ones, with and without nulls", () =>
  withWorkspace((ws) => {
    const store = new RowStore(ws, [utf8, int32]);
    const expected: (string | null)[] = [];
    for (const [hasNulls, entryCount] of [
      [false, 5],
      [true, 5],
      [true, 200],
    ] as const) {
      const entries = Array.from({ length: entryCount }, (_, i) => TEXTS[i % TEXTS.length] + (i < 5 ? "" : i));
      const values = Array.from({ length: 50 }, (_, i) =>
        hasNulls && i % 3 === 0 ? null : entries[(i * 7) % entryCount],
      );
      const data = ws.allocate(values.length * 4);
      ws.u32.set(
        values.map((value) => (value === null ? 0 : entries.indexOf(value))),
        data.address >>> 2,
      );
      const validity = ws.allocateZeroed(8);
      for (const [i, value] of values.entries())
        if (value !== null) ws.u8[validity.address + (i >>> 3)] |= 1 << (i & 7);
      const dictionary = buildColumn(ws, utf8, entries);
      const texts = columnOf(ws, utf8, values.length, { data, validity, dictionary });
      const numbers = buildColumn(
        ws,
        int32,
        values.map((_, i) => i),
      );
      expect(store.append([texts, numbers], values.length)).toBe(expected.length);
      expected.push(...values);
      for (const column of [texts, numbers]) column.release();
    }
    const rows = ws.allocate(expected.length * 4);
    ws.u32.set([...expected.keys()].reverse(), rows.address >>> 2);
    const found = store.gatherAll(rows.address, expected.length);
    const [text, number] = found.map((column) => columnReader(ws, column));
    expect(expected.map((_, i) => text(i))).toEqual([...expected].reverse());
    expect(expected.map((_, i) => number(i))).toEqual(expected.map((_, i) => (expected.length - 1 - i) % 50));
    for (const owned of [...found, rows, store]) owned.release();
  }));
