import { describe, expect, it } from "vitest";
import { readRows } from "../../../../src/core/columns/read.ts";
import { inferSchema } from "../../../../src/core/rows/infer-schema.ts";
import { createRowWriter, type RowWriter } from "../../../../src/core/rows/row-writer.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

describe.each([true, false])("RowWriter with generated code: %s", (generate) => {
  function withWriter(schema: Schema, options: object, use: (writer: RowWriter) => void): void {
    withWorkspace((ws) => {
      const writer = createRowWriter(ws, schema, { where: "map at job.ts:1:2", generate, ...options });
      try {
        use(writer);
      } finally {
        writer.close();
      }
    });
  }
  function written(schema: Schema, rows: readonly unknown[], options: object = {}): Record<string, unknown>[] {
    let read: Record<string, unknown>[] = [];
    withWorkspace((ws) => {
      const writer = createRowWriter(ws, schema, { where: "map at job.ts:1:2", generate, ...options });
      try {
        for (const row of rows) (writer.wantsCheck ? writer.writeChecked : writer.write)(row);
        const batch = writer.take();
        read = readRows(ws, batch);
        batch.release();
      } finally {
        writer.close();
      }
    });
    return read;
  }
  const one = Schema.of({ v: types.int32 });

  it("takes a missing property as null", () => {
    const schema = Schema.of({ a: types.float64, b: types.utf8, c: types.bool, d: types.list(types.int8) });
    expect(written(schema, [{ a: 1 }, {}, { b: undefined, c: true }])).toEqual([
      { a: 1, b: null, c: null, d: null },
      { a: null, b: null, c: null, d: null },
      { a: null, b: null, c: true, d: null },
    ]);
  });

  it("does not take what Object.prototype has for a column", () => {
    const names = ["constructor", "__proto__", "toString"];
    const schema = new Schema(names.map((name) => ({ name, type: types.utf8 })));
    const parsed: object = JSON.parse('{"__proto__": "data", "toString": "text"}');
    const [row] = written(schema, [parsed]);
    expect(Object.entries(row)).toEqual([
      ["constructor", null],
      ["__proto__", "data"],
      ["toString", "text"],
    ]);
  });

  it("keeps what it has while it grows, nulls in any part", () => {
    const schema = Schema.of({ a: types.int64, b: types.utf8, c: types.bool });
    const rows = Array.from({ length: 300 }, (_, i) => ({
      a: i % 7 === 0 ? null : BigInt(i) << 40n,
      b: i < 200 && i % 11 !== 0 ? `text ${"é".repeat(i % 40)}` : null,
      c: i > 150 ? i % 2 === 0 : null,
    }));
    expect(written(schema, rows)).toEqual(rows);
  });

  it("takes the other forms of a value that fit exactly", () => {
    const schema = Schema.of({
      i: types.int16,
      l: types.int64,
      d: types.date,
      t: types.timestamp("us"),
      m: types.timestamp("ms"),
    });
    const day = new Date("2024-02-29T12:00:00.123Z");
    const rows = [
      { i: 5n, l: -3, d: day, t: day, m: -1 },
      { i: -0, l: Number.MIN_SAFE_INTEGER, d: "1969-12-31", t: -1, m: 5n },
    ];
    expect(written(schema, rows)).toEqual([
      { i: 5, l: -3n, d: 19_782, t: 1_709_208_000_123_000n, m: -1 },
      { i: 0, l: BigInt(Number.MIN_SAFE_INTEGER), d: -1, t: -1n, m: 5 },
    ]);
  });

  it.each([
    [types.int8, 128],
    [types.uint8, -1],
    [types.int16, 1.5],
    [types.uint16, 65_536],
    [types.int32, 2 ** 31],
    [types.int32, "5"],
    [types.int32, Number.NaN],
    [types.uint32, -1],
    [types.uint32, 2n ** 32n],
    [types.int64, 2n ** 63n],
    [types.int64, 0.5],
    [types.uint64, -1n],
    [types.float64, "1"],
    [types.float32, 1n],
    [types.bool, 1],
    [types.utf8, 5],
    [types.date, "today"],
    [types.timestamp("ms"), 1.5],
    [types.decimal(3, 1), "1.25"],
    [types.list(types.int8), 5],
  ])("refuses a value that does not fit: %o %s", (type, value) => {
    withWriter(Schema.of({ column: type }), {}, (writer) => {
      writer.write({ column: null });
      expect(() => writer.write({ column: value })).toThrow(
        expect.objectContaining({
          code: "VALUE_INVALID",
          message: expect.stringMatching(/map at job.ts:1:2 gave row 1 .* column "column"/),
        }),
      );
    });
  });

  it.each([[null], [undefined], [5], ["text"], [[1, 2]], [Promise.resolve({ v: 1 })]])("refuses %o as a row", (row) => {
    withWriter(one, {}, (writer) => {
      expect(() => writer.writeChecked(row)).toThrow(expect.objectContaining({ code: "ROW_INVALID" }));
    });
  });

  it("refuses a property that is no column, unless told otherwise", () => {
    const row = { v: 1, w: 2 };
    expect(() => written(one, [row])).toThrow(expect.objectContaining({ code: "ROW_PROPERTY_UNKNOWN" }));
    expect(() => written(one, [row], { isInferred: true })).toThrow(
      expect.objectContaining({ code: "ROW_SHAPE_CHANGED" }),
    );
    expect(written(one, [row], { allowsExtra: true })).toEqual([{ v: 1 }]);
  });

  it("finds a misspelt property without checking every row", () => {
    withWriter(one, {}, (writer) => {
      expect(() => writer.write({ V: 1 })).toThrow(/the property "V", which is no column/);
    });
  });

  it("says that an inferred schema does not fit", () => {
    expect(() => written(Schema.of({ v: types.float64 }), [{ v: 1 }, { v: "x" }], { isInferred: true })).toThrow(
      expect.objectContaining({
        code: "ROW_SHAPE_CHANGED",
        message: expect.stringContaining("Declare the output schema"),
      }),
    );
  });

  it("checks the first rows and then some batches, and all of an inferred schema", () => {
    withWorkspace((ws) => {
      const checksOf = (isInferred: boolean) => {
        const writer = createRowWriter(ws, one, { where: "map", isInferred, generate });
        const checks: boolean[] = [];
        for (let batch = 0; batch < 40; batch++) {
          checks.push(writer.wantsCheck);
          for (let row = 0; row < 600; row++) writer.write({ v: row });
          writer.take().release();
        }
        writer.close();
        return checks.flatMap((isChecked, batch) => (isChecked ? [batch] : []));
      };
      expect(checksOf(false)).toEqual([0, 1, 16, 32]);
      expect(checksOf(true).length).toBe(40);
    });
  });
});

describe("inferSchema", () => {
  it("knows the types of plain values", () => {
    const row = {
      n: 1,
      b: 1n,
      s: "",
      t: true,
      d: new Date(0),
      u: new Uint8Array(1),
      l: [1, null],
      o: { x: "a", y: [] },
      m: new Map([["k", 1n]]),
      z: null,
    };
    expect(inferSchema([row]).toString()).toBe(
      'n float64, b int64, s utf8, t bool, d timestamp(ms, UTC), u binary, l list<float64>, o struct<"x": utf8, "y": list<null>>, m map<utf8, int64>, z null',
    );
  });

  it("fills in what earlier rows left open", () => {
    const schema = inferSchema([
      { a: null, o: { x: null } },
      { b: 2, o: { x: [], y: 1 } },
      { a: "x", o: { x: ["a"] } },
    ]);
    expect(schema.toString()).toBe('a utf8, o struct<"x": list<utf8>, "y": float64>, b float64');
  });

  it("takes __proto__ as a name like any other", () => {
    expect(inferSchema([JSON.parse('{"__proto__": 1}')]).names).toEqual(["__proto__"]);
  });

  it.each([
    [[{ a: 1 }, { a: "x" }], "ROW_SHAPE_CHANGED"],
    [[{ a: [1, "x"] }], "ROW_SHAPE_CHANGED"],
    [[{ a: 1 }, { a: 1n }], "ROW_SHAPE_CHANGED"],
    [[{ a: () => 1 }], "ROW_TYPE_UNKNOWN"],
    [[5], "ROW_INVALID"],
    [[[1]], "ROW_INVALID"],
  ])("refuses %o", (rows, code) => {
    expect(() => inferSchema(rows)).toThrow(expect.objectContaining({ code }));
  });
});
