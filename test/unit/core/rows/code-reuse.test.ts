import { describe, expect, it } from "vitest";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import { createRowReader, type Row } from "../../../../src/core/rows/row-view.ts";
import { createRowWriter } from "../../../../src/core/rows/row-writer.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ n: types.int32, text: types.utf8 });
const functionText = "(row) => ({ n: row.n, text: row.text })";

describe("code of one user function", () => {
  it("serves the next job, which sees its own rows, and never two jobs at once", () => {
    withWorkspace((ws) => {
      const [first, second] = [buildBatch(ws, schema, [{ n: 1, text: "one" }]), buildBatch(ws, schema, [{ n: 2 }])];
      const one = createRowReader(ws, schema, { functionText });
      const meanwhile = createRowReader(ws, schema, { functionText });
      expect(meanwhile.each).not.toBe(one.each);
      one.bind(first);
      meanwhile.bind(second);
      const kept = one.viewAt(0);
      expect([kept.n, meanwhile.viewAt(0).n]).toEqual([1, 2]);
      one.close();
      one.close();
      expect(() => kept.n).toThrow(/read after the call/);

      const next = createRowReader(ws, schema, { functionText });
      expect(next.each).toBe(one.each);
      expect(createRowReader(ws, schema, { functionText }).each).not.toBe(one.each);
      next.bind(second);
      const seen: Row[] = [];
      next.each(
        (row) => ({ ...row }),
        undefined,
        0,
        1,
        (row) => seen.push(row),
      );
      expect(seen).toEqual([{ n: 2, text: null }]);
      for (const batch of [first, second]) batch.release();
    });
  });

  it("writes the next job's rows with the next job's messages", () => {
    withWorkspace((ws) => {
      const first = createRowWriter(ws, schema, { where: "map a", functionText });
      first.write({ n: 1, text: "one" });
      first.close();
      const second = createRowWriter(ws, schema, { where: "map b", functionText });
      expect(second.write).toBe(first.write);
      second.write({ n: 2, text: null });
      const batch = second.take();
      expect(readRows(ws, batch)).toEqual([{ n: 2, text: null }]);
      expect(() => second.write({ n: "three", text: null })).toThrow(/map b gave row 1/);
      batch.release();
      second.close();
    });
  });

  it("is not shared between functions of other text or rows of other columns", () => {
    withWorkspace((ws) => {
      const reader = createRowReader(ws, schema, { functionText });
      reader.close();
      const other = createRowReader(ws, schema, { functionText: "(row) => row" });
      const narrower = createRowReader(ws, Schema.of({ n: types.int32 }), { functionText });
      expect(other.each).not.toBe(reader.each);
      expect(narrower.each).not.toBe(reader.each);
    });
  });

  it("made for a batch with or without nulls reads the other kind too", () => {
    const wide = Schema.of({ n: types.int32, x: types.float64, big: types.int64 });
    const full = [1, 2, 3].map((n) => ({ n, x: n / 2, big: BigInt(n) }));
    const gaps = [{ n: null, x: 1.5, big: null }, full[1], { n: 7, x: null, big: null }];
    withWorkspace((ws) => {
      const batches = [full, gaps, full].map((rows) => buildBatch(ws, wide, rows));
      for (const sample of batches.slice(0, 2)) {
        const reader = createRowReader(ws, wide, { sample });
        const seen: Row[] = [];
        for (const batch of batches) {
          reader.bind(batch);
          reader.each(
            (row) => ({ ...row }),
            undefined,
            0,
            3,
            (row) => seen.push(row),
          );
          const kept = reader.viewAt(1);
          reader.unbind();
          expect(() => kept.x).toThrow(/read after the call/);
        }
        expect(seen).toEqual([...full, ...gaps, ...full]);
      }
      for (const batch of batches) batch.release();
    });
  });
});
