import { describe, expect, it } from "vitest";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import { formatValue } from "../../../src/dataset/format-value.ts";
import { formatTable, textWidth } from "../../../src/dataset/show.ts";

const schema = Schema.of({ id: types.int64, name: types.utf8, price: types.float64 });
const rows = [
  { id: 1n, name: "one", price: 1.5 },
  { id: 20n, name: null, price: null },
  { id: 300n, name: "日本", price: -0 },
];
const lines = (text: string) => text.split("\n");

describe("formatTable", () => {
  it("aligns values under names and types", () => {
    expect(lines(formatTable(schema, rows))).toEqual([
      "┌───────┬──────┬─────────┐",
      "│  id   │ name │  price  │",
      "│ int64 │ utf8 │ float64 │",
      "├───────┼──────┼─────────┤",
      "│     1 │ one  │     1.5 │",
      "│    20 │ NULL │    NULL │",
      "│   300 │ 日本 │      -0 │",
      "└───────┴──────┴─────────┘",
      "3 rows",
    ]);
  });

  it("shows the first and the last of many rows", () => {
    const many = Array.from({ length: 10 }, (_, id) => ({ id: BigInt(id), name: "x", price: 0 }));
    const shown = lines(formatTable(schema, many, { limit: 3 }));
    expect(shown.slice(4, 8).map((line) => line.split("│")[1].trim())).toEqual(["0", "1", "·", "9"]);
    expect(shown.at(-1)).toBe("10 rows (3 shown)");
  });

  it("tells how many rows there are beside the given ones", () => {
    const shown = lines(formatTable(schema, rows, { rowCount: 1_234_567 }));
    expect(shown.at(-1)).toBe("1,234,567 rows (3 shown)");
    expect(shown.at(-3)).toContain("·");
    expect(lines(formatTable(schema, rows, { isComplete: false })).at(-1)).toBe("first 3 rows, there are more");
    expect(lines(formatTable(schema, rows.slice(0, 1))).at(-1)).toBe("1 row");
  });

  it("shows a table without rows and one without columns", () => {
    expect(lines(formatTable(schema, [])).length).toBe(6);
    expect(formatTable(Schema.of({}), [{}, {}])).toBe("2 rows");
  });

  it.each([20, 40, 60, 80, 120])("stays within %i columns", (width) => {
    const wide = new Schema(Array.from({ length: 9 }, (_, i) => ({ name: `column ${i}`, type: types.utf8 })));
    const row = Object.fromEntries(wide.names.map((name, i) => [name, "日本語 text ".repeat(i)]));
    const shown = lines(formatTable(wide, [row, row], { width }));
    const table = shown.slice(0, -1);
    const widths = new Set(table.map(textWidth));
    expect(widths.size).toBe(1);
    expect(Math.max(...widths)).toBeLessThanOrEqual(width);
    expect(shown.at(-1)).toMatch(/^2 rows, 9 columns \(\d shown\)$/);
  });

  it("cuts long cells before it leaves out columns", () => {
    const shown = formatTable(schema, [{ id: 1n, name: "x".repeat(500), price: 1 }], { width: 60 });
    expect(shown).toContain("xxx…");
    expect(shown.endsWith("\n1 row")).toBe(true);
  });

  it("lets no data move the cursor or turn text around", () => {
    const shown = formatTable(schema, [{ id: 1n, name: "a\n\t\u001b[31m\u202eb\u2028\ud800", price: 1 }]);
    expect(shown).toContain(String.raw`a\n\t\u{1b}[31m\u{202e}b\u{2028}\u{d800}`);
  });

  it("reads columns named like members of objects", () => {
    const odd = new Schema(["__proto__", "constructor"].map((name) => ({ name, type: types.utf8 })));
    const shown = formatTable(odd, [JSON.parse('{"__proto__": "data"}')]);
    expect(lines(shown)[4]).toBe("│ data      │ NULL        │");
  });
});

it("measures text as a terminal does", () => {
  for (const [text, width] of [
    ["", 0],
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["日本", 4],
    ["ｱ", 1],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["☀️", 2],
    ["a\u200bb", 2],
  ] as const) {
    expect([text, textWidth(text)]).toEqual([text, width]);
  }
});

it.each([
  [-1, types.date, "1969-12-31"],
  [49_501, types.time("s"), "13:45:01"],
  [-1, types.timestamp("ms"), "1969-12-31 23:59:59.999"],
  [1_700_000_000_000_000_000n, types.timestamp("ns", "UTC"), "2023-11-14 22:13:20Z"],
  [0, types.timestamp("s", "Europe/Berlin"), "1970-01-01 01:00:00+01:00"],
  [0, types.timestamp("s", "Nowhere/Land"), "1970-01-01 00:00:00Z"],
  [Uint8Array.of(0, 255), types.binary, "00ff"],
  ["12.50", types.decimal(4, 2), "12.50"],
  [true, types.bool, "true"],
  [{ months: 1, days: -2, nanoseconds: 3_000_000_000n }, types.interval, "1 months -2 days 00:00:03"],
  [["a", null, 'q"'], types.list(types.utf8), '["a", NULL, "q\\""]'],
  [{ a: 1, b: [0] }, types.struct({ a: types.int8, b: types.list(types.date) }), "{a: 1, b: [1970-01-01]}"],
  [[["k", null]], types.map(types.utf8, types.int8), '{"k": NULL}'],
])("shows %o", (value, type, text) => {
  expect(formatValue(value, type)).toBe(text);
});
