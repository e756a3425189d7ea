import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { sliceBatch } from "../../../../src/core/columns/slice.ts";
import { createRowReader, type Row, type RowReader, VIEW_COUNT } from "../../../../src/core/rows/row-view.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { encodedColumn } from "../../../support/arbitrary-column.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const oddNames = ["__proto__", "a b", "quote\"'`", "constructor", "\u2028", "$" + "{x}", "0", ""];

describe.each([true, false])("with generated code: %s", (generate) => {
  function withRows(schema: Schema, rows: readonly object[], use: (reader: RowReader) => void): void {
    withWorkspace((ws) => {
      const batch = buildBatch(ws, schema, rows);
      const reader = createRowReader(ws, schema, { generate });
      reader.bind(batch);
      use(reader);
      reader.unbind();
      batch.release();
    });
  }
  const numbered = Schema.of({ n: types.int32 });
  const numbers = Array.from({ length: VIEW_COUNT + 2 }, (_, n) => ({ n }));

  it("reads columns of any name", () => {
    const schema = new Schema(oddNames.map((name) => ({ name, type: types.utf8 })));
    const row = Object.fromEntries(oddNames.map((name, i) => [name, `value ${i}`]));
    withRows(schema, [row], (reader) => {
      const view = reader.viewAt(0);
      for (const [name, value] of Object.entries(row)) expect(view[name]).toBe(value);
      expect(reader.copyAt(0)).toEqual(row);
      expect(Object.keys(reader.copyAt(0)).sort()).toEqual([...oddNames].sort());
      expect(Object.getPrototypeOf(reader.copyAt(0))).toBe(Object.prototype);
    });
  });

  it("spreads, lists its keys, serialises and prints as an ordinary object does", () => {
    const schema = Schema.of({ id: types.int32, name: types.utf8, tags: types.list(types.utf8) });
    const row = { id: 7, name: "seven", tags: ["a", null] };
    withRows(schema, [row], (reader) => {
      const view = reader.viewAt(0);
      expect({ ...view, more: 1 }).toEqual({ ...row, more: 1 });
      expect(Object.entries(view)).toEqual(Object.entries(row));
      expect(JSON.stringify(view)).toBe(JSON.stringify(row));
      expect(inspect(view)).toBe(inspect(row));
      const { id, ...rest } = view;
      expect([id, rest]).toEqual([7, { name: "seven", tags: ["a", null] }]);
    });
  });

  it("cannot be written to", () => {
    withRows(numbered, numbers, (reader) => {
      const view = reader.viewAt(0);
      expect(() => {
        view.n = 1;
      }).toThrow(TypeError);
    });
  });

  it("fails when a row is read after its call", () => {
    withRows(numbered, numbers, (reader) => {
      const kept: Row[] = [];
      reader.each(
        (row) => kept.push(row),
        null,
        0,
        3,
        () => {},
      );
      for (const row of kept) expect(() => row.n).toThrow(expect.objectContaining({ code: "ROW_STALE" }));
      expect(() => ({ ...kept[0] })).toThrow(/keep a copy/);
    });
  });

  it("fails when a function compares with a row that it kept", () => {
    withRows(numbered, numbers, (reader) => {
      let previous: Row | undefined;
      const difference = (row: Row): number => {
        const before = (previous?.n ?? 0) as number;
        previous = row;
        return (row.n as number) - before;
      };
      expect(() => reader.each(difference, null, 0, numbers.length, () => {})).toThrow(/ROW_STALE|after the call/);
      expect(reader.row).toBe(1);
    });
  });

  it("settles a view into a copy, and leaves other objects as they are", () => {
    withRows(numbered, numbers, (reader) => {
      const other = { n: 5 };
      expect(reader.settle(other)).toBe(other);
      expect(reader.settle(null)).toBe(null);
      const view = reader.viewAt(3);
      const copy = reader.settle(view);
      reader.retire(view);
      expect(copy).toEqual({ n: 3 });
    });
  });

  it("reads texts of any length, plain or through a dictionary, across batches that share it", () => {
    const texts = ["", "short", "é", "sixteen bytes ..", "seventeen bytes .", "x".repeat(100), "abc\u00e9", null];
    withWorkspace((ws) => {
      const schema = Schema.of({ text: types.utf8 });
      const reader = createRowReader(ws, schema, { generate });
      for (const build of [buildColumn, encodedColumn]) {
        const batch = new Batch(schema, texts.length, [build(ws, types.utf8, texts)]);
        const rest = sliceBatch(ws, batch, 3, texts.length - 3);
        for (const [part, expected] of [
          [batch, texts],
          [rest, texts.slice(3)],
          [batch, texts],
        ] as const) {
          reader.bind(part);
          expect(expected.map((_, row) => reader.viewAt(row).text)).toEqual(expected);
        }
        rest.release();
        batch.release();
      }
    });
  });

  it("selects the rows that a function wants, truthy values included", () => {
    withRows(numbered, numbers, (reader) => {
      const out = new Uint32Array(numbers.length);
      const count = reader.select((row) => (row.n as number) % 2, null, 5, out);
      expect([...out.subarray(0, count)]).toEqual([1, 3]);
    });
  });
});
