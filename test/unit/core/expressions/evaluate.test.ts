import { describe, expect, it } from "vitest";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import type { EngineError } from "../../../../src/core/errors.ts";
import { coalesce, col, greatest, lit, makeDate, or, when } from "../../../../src/core/expressions/builders.ts";
import { compileExpression } from "../../../../src/core/expressions/evaluate.ts";
import type { Expression } from "../../../../src/core/expressions/expression.ts";
import { civilFromDays } from "../../../../src/core/expressions/temporal.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { formatType } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const fields = {
  a: types.int32,
  b: types.int32,
  tiny: types.int8,
  long: types.int64,
  big: types.uint64,
  x: types.float64,
  s: types.utf8,
  day: types.date,
  price: types.decimal(15, 2),
  berlin: types.timestamp("ms", "Europe/Berlin"),
  at: types.timestamp("us"),
  clock: types.time("ms"),
  bytes: types.binary,
};
const schema = Schema.of(fields);

/** Values of an expression over some rows, with its type. */
function run(expression: Expression, rows: readonly object[]): { type: string; values: unknown[] } {
  return withWorkspace((workspace) => {
    const compiled = compileExpression(expression.node, schema);
    const batch = buildBatch(workspace, schema, rows);
    try {
      const column = compiled.evaluate(workspace, batch);
      const read = columnReader(workspace, column);
      const values = rows.map((_, row) => read(row));
      column.release();
      return { type: formatType(compiled.type), values };
    } finally {
      compiled.close();
      batch.release();
    }
  });
}

const valuesOf = (expression: Expression, rows: readonly object[]) => run(expression, rows).values;

function failure(use: () => unknown): EngineError {
  try {
    use();
  } catch (error) {
    return error as EngineError;
  }
  throw new Error("It did not fail.");
}

describe("types", () => {
  it.each([
    [col("a").add(1), "int32"],
    [col("tiny").add(col("a")), "int32"],
    [col("a").add(col("long")), "int64"],
    [col("long").mul(1.5), "float64"],
    [col("a").div(2), "float64"],
    [col("price").mul(lit(1).sub(col("price"))), "decimal(31,4)"],
    [col("price").add(0.125), "decimal(17,3)"],
    [col("price").mul(col("x")), "float64"],
    [col("big").add(col("a")), "int64"],
    [lit(1).add(2), "int32"],
    [lit(5n), "int64"],
    [lit(3e9), "float64"],
    [coalesce(col("day"), "2024-01-01"), "date"],
    [when(col("a").gt(0)).then(1).otherwise(2.5), "float64"],
    [when(col("a").gt(0)).then(null), "null"],
    [col("berlin").dateTrunc("day"), "timestamp(ms, Europe/Berlin)"],
  ] as const)("%# resolve as SQL has them", (expression, type) => {
    expect(run(expression, []).type).toBe(type);
  });

  it("name the unknown column and the nearest ones", () => {
    const error = failure(() => run(col("prise").gt(1), []));
    expect(error.code).toBe("COLUMN_UNKNOWN");
    expect(error.message).toContain('no column "prise"');
    expect(error.message).toContain('Did you mean "price"?');
  });

  it("name the expression and both types that do not go together", () => {
    const error = failure(() => run(col("s").add(col("a")), []));
    expect(error.code).toBe("TYPE_MISMATCH");
    expect(error.message).toContain("s + a is not defined for utf8 and int32");
  });

  it.each([
    [col("tiny").add(1000), "LITERAL_OUT_OF_RANGE"],
    [col("a").sub(3_000_000_000), "LITERAL_OUT_OF_RANGE"],
    [col("day").lt("yesterday"), "TYPE_MISMATCH"],
    [col("s").gt(5), "TYPE_MISMATCH"],
    [col("a").and(true), "TYPE_MISMATCH"],
    [col("x").intDiv(2), "TYPE_MISMATCH"],
    [col("day").dateAdd(1, "hour"), "TYPE_MISMATCH"],
    [col("s").like(col("s") as unknown as string), "ARGUMENT_INVALID"],
    [col("s").cast(types.list(types.utf8)), "TYPE_MISMATCH"],
  ] as const)("%# are refused when the plan is built", (expression, code) => {
    expect(failure(() => run(expression, [])).code).toBe(code);
  });

  it("compare a small column with a literal past its range", () => {
    expect(valuesOf(col("tiny").lt(1000), [{ tiny: 5 }])).toEqual([true]);
    expect(valuesOf(col("a").lt(3_000_000_000), [{ a: 5 }])).toEqual([true]);
    expect(valuesOf(col("long").ge(3_000_000_000), [{ long: 3_000_000_000n }])).toEqual([true]);
  });
});

describe("failing rows", () => {
  it("name the expression, the row and a way out", () => {
    const error = failure(() => run(col("a").add(1), [{ a: 1 }, { a: 2_147_483_647 }]));
    expect(error.code).toBe("EXPRESSION_OVERFLOW");
    expect(error.message).toContain("a + 1 does not fit int32 (row 1 of the batch)");
    expect(error.message).toContain(".cast(int64)");
  });

  it("do not fail where they are null", () => {
    // 2^31 - 1 + null: the slot of the null operand may hold anything.
    expect(
      valuesOf(col("a").add(col("b")), [
        { a: 2_147_483_647, b: null },
        { a: 1, b: 2 },
      ]),
    ).toEqual([null, 3]);
  });

  it("divide by zero with an error for integers and IEEE results otherwise", () => {
    expect(failure(() => run(col("a").intDiv(col("b")), [{ a: 1, b: 0 }])).code).toBe("EXPRESSION_DIVIDE_BY_ZERO");
    expect(failure(() => run(col("a").mod(0), [{ a: 1 }])).code).toBe("EXPRESSION_DIVIDE_BY_ZERO");
    expect(failure(() => run(col("price").mod(0), [{ price: "1.00" }])).code).toBe("EXPRESSION_DIVIDE_BY_ZERO");
    expect(
      valuesOf(col("a").div(col("b")), [
        { a: 1, b: 0 },
        { a: 0, b: 0 },
      ]),
    ).toEqual([Number.POSITIVE_INFINITY, Number.NaN]);
    expect(failure(() => run(col("a").intDiv(-1), [{ a: -2_147_483_648 }])).code).toBe("EXPRESSION_OVERFLOW");
  });

  it("name the value that cannot be cast", () => {
    const error = failure(() => run(col("s").cast(types.int32), [{ s: "7" }, { s: "seven" }]));
    expect(error.code).toBe("CAST_FAILED");
    expect(error.message).toContain('The value "seven" in row 1');
    expect(valuesOf(col("s").tryCast(types.int32), [{ s: "7" }, { s: "seven" }])).toEqual([7, null]);
  });

  it("are spared in branches that they do not take", () => {
    const rows = [
      { a: 10, b: 0 },
      { a: 10, b: 3 },
      { a: null, b: 1 },
    ];
    expect(
      valuesOf(
        when(col("b").ne(0))
          .then(col("a").intDiv(col("b")))
          .otherwise(-1),
        rows,
      ),
    ).toEqual([-1, 3, null]);
    expect(
      valuesOf(
        col("b")
          .ne(0)
          .and(col("a").intDiv(col("b")).gt(2)),
        rows,
      ),
    ).toEqual([false, true, null]);
    expect(valuesOf(or(col("b").eq(0), col("a").intDiv(col("b")).gt(2)), rows)).toEqual([true, true, null]);
    expect(valuesOf(coalesce(col("a"), lit(1).intDiv(0)), [{ a: 1 }])).toEqual([1]);
    expect(valuesOf(col("a").intDiv(col("b").nullIf(0)), rows)).toEqual([null, 3, null]);
  });

  it("do not fail for no rows", () => {
    expect(valuesOf(lit(1).intDiv(0), [])).toEqual([]);
  });
});

describe("values", () => {
  it("order NaN above all numbers and equal to itself, and -0 equal to 0", () => {
    const rows = [Number.NaN, -0, 1, Number.POSITIVE_INFINITY].map((x) => ({ x }));
    expect(valuesOf(col("x").gt(1), rows)).toEqual([true, false, false, true]);
    expect(valuesOf(col("x").eq(Number.NaN), rows)).toEqual([true, false, false, false]);
    expect(valuesOf(col("x").eq(0), rows)).toEqual([false, true, false, false]);
    expect(valuesOf(greatest(col("x"), 5), rows)).toEqual([Number.NaN, 5, 5, Number.POSITIVE_INFINITY]);
  });

  it("follow three-valued logic", () => {
    const truth = (value: boolean | null) => lit(value, types.bool);
    const all = [true, false, null];
    const table = (fn: "and" | "or") => all.map((a) => all.map((b) => valuesOf(truth(a)[fn](truth(b)), [{}])[0]));
    expect(table("and")).toEqual([
      [true, false, null],
      [false, false, false],
      [null, false, null],
    ]);
    expect(table("or")).toEqual([
      [true, true, true],
      [true, false, null],
      [true, null, null],
    ]);
    expect(all.map((a) => valuesOf(truth(a).not(), [{}])[0])).toEqual([false, true, null]);
  });

  it("find list members with SQL's nulls", () => {
    const rows = [{ a: 1 }, { a: 9 }, { a: null }];
    expect(valuesOf(col("a").isIn([1, 2]), rows)).toEqual([true, false, null]);
    expect(valuesOf(col("a").isIn([1, null]), rows)).toEqual([true, null, null]);
    expect(valuesOf(col("a").isIn([]), rows)).toEqual([false, false, false]);
    expect(valuesOf(col("a").isIn(Array.from({ length: 5000 }, (_, i) => i * 9)), rows)).toEqual([false, true, null]);
    expect(valuesOf(col("price").isIn(["1.5", 2, 3, 4, 5]), [{ price: "1.50" }, { price: "1.51" }])).toEqual([
      true,
      false,
    ]);
  });

  it("compare unsigned and signed 64-bit integers exactly", () => {
    const rows = [{ big: 2n ** 64n - 1n, long: -1n }];
    expect(valuesOf(col("big").gt(col("long")), rows)).toEqual([true]);
    expect(valuesOf(col("big").gt(-1), rows)).toEqual([true]);
  });

  it("keep decimals exact up to 38 digits", () => {
    const nines = "9999999999999.99";
    expect(run(col("price").mul(col("price")), [{ price: nines }])).toEqual({
      type: "decimal(30,4)",
      values: ["99999999999999800000000000.0001"],
    });
    const wide = col("price").cast(types.decimal(38, 2));
    expect(failure(() => run(wide.mul(wide).mul(wide), [{ price: nines }])).code).toBe("EXPRESSION_OVERFLOW");
    expect(valuesOf(col("price").round(-2), [{ price: "1250.50" }, { price: "-1250.00" }])).toEqual(["1300", "-1300"]);
  });

  it("read and write text forms", () => {
    expect(valuesOf(col("day").cast(types.utf8), [{ day: "2024-02-29" }])).toEqual(["2024-02-29"]);
    expect(valuesOf(col("at").cast(types.utf8), [{ at: 1_709_214_310_500_000n }])).toEqual([
      "2024-02-29T13:45:10.500000",
    ]);
    const read = (text: string, type: types.DataType) => valuesOf(lit(text).cast(type), [{}])[0];
    expect(read("2024-02-29T13:45:10.5+02:00", types.timestamp("ms", "UTC"))).toBe(1_709_207_110_500);
    expect(read(" 12.5 ", types.decimal(5, 2))).toBe("12.50");
    expect(read("13:45", types.time("s"))).toBe(49_500);
    expect(read("Infinity", types.float64)).toBe(Number.POSITIVE_INFINITY);
    expect(failure(() => read("2023-02-29", types.date)).code).toBe("CAST_FAILED");
    expect(failure(() => read("0x10", types.int32)).code).toBe("CAST_FAILED");
    expect(valuesOf(col("bytes").cast(types.utf8), [{ bytes: Uint8Array.of(0xc3, 0xa9) }])).toEqual(["é"]);
    expect(valuesOf(col("bytes").tryCast(types.utf8), [{ bytes: Uint8Array.of(0xff) }])).toEqual([null]);
  });

  it("take the wall clock of a time zone", () => {
    // 2024-03-31 01:00 UTC is when Berlin goes from 02:00 to 03:00.
    const rows = ["2024-03-30T22:30:00Z", "2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z"].map((text) => ({
      berlin: Date.parse(text),
    }));
    expect(valuesOf(col("berlin").hour(), rows)).toEqual([23, 1, 3]);
    expect(valuesOf(col("berlin").cast(types.date), rows)).toEqual([19_812, 19_813, 19_813]);
    expect(valuesOf(col("berlin").dateTrunc("day"), rows)).toEqual([
      Date.parse("2024-03-29T23:00:00Z"),
      Date.parse("2024-03-30T23:00:00Z"),
      Date.parse("2024-03-30T23:00:00Z"),
    ]);
    // One local day is 23 hours long.
    expect(valuesOf(col("berlin").dateAdd(1, "day"), rows.slice(0, 1))).toEqual([Date.parse("2024-03-31T21:30:00Z")]);
    expect(valuesOf(col("berlin").dateAdd(24, "hour"), rows.slice(0, 1))).toEqual([Date.parse("2024-03-31T22:30:00Z")]);
    expect(valuesOf(col("berlin").cast(types.utf8), rows.slice(2))).toEqual(["2024-03-31T03:00:00+02:00"]);
  });

  it("find year, month and day of any date", () => {
    const days = [-719_469, -719_468, -1, 0, 499_999_999, 500_000_000, -2_000_000_000, 2_000_000_000];
    for (let day = -800_000; day < 3_000_000; day += 1009) days.push(day);
    const rows = days.map((day) => ({ day }));
    const dates = days.map(civilFromDays);
    expect(valuesOf(col("day").year(), rows)).toEqual(dates.map(({ year }) => year));
    expect(valuesOf(col("day").month(), rows)).toEqual(dates.map(({ month }) => month));
    expect(valuesOf(col("day").day(), rows)).toEqual(dates.map(({ day }) => day));
    expect(valuesOf(makeDate(col("day").year(), col("day").month(), col("day").day()), rows.slice(8))).toEqual(
      days.slice(8),
    );
  });

  it("read clocks of times", () => {
    expect(valuesOf(col("clock").minute(), [{ clock: 49_510_250 }])).toEqual([45]);
    expect(valuesOf(col("clock").millisecond(), [{ clock: 49_510_250 }])).toEqual([250]);
    expect(valuesOf(col("clock").cast(types.time("us")), [{ clock: 5 }])).toEqual([5000n]);
  });

  it("extract with regular expressions", () => {
    const rows = [{ s: "order-42" }, { s: "none" }, { s: null }];
    expect(valuesOf(col("s").regexpExtract(/(\d+)/, 1), rows)).toEqual(["42", null, null]);
    expect(valuesOf(col("s").regexp(/^ORDER/i), rows)).toEqual([true, false, null]);
  });

  it("hash equal values equally, whatever their width", () => {
    const [narrow] = valuesOf(col("a").hash64(), [{ a: 5 }]);
    const [wide] = valuesOf(col("long").hash64(), [{ long: 5n }]);
    expect(narrow).toBe(wide);
    expect(typeof valuesOf(col("s").hash64(), [{ s: null }])[0]).toBe("bigint");
  });

  it("concatenate nulls as nothing and spread constants", () => {
    expect(valuesOf(col("s").concat("-", col("s")), [{ s: "a" }, { s: null }])).toEqual(["a-a", "-"]);
    expect(valuesOf(lit("x"), [{}, {}])).toEqual(["x", "x"]);
    expect(valuesOf(lit(null, types.utf8), [{}, {}])).toEqual([null, null]);
  });
});

describe("a compiled expression", () => {
  it("gives a plain column itself", () =>
    withWorkspace((workspace) => {
      const batch = buildBatch(workspace, schema, [{ a: 1 }]);
      const compiled = compileExpression(col("a").as("renamed").node, schema);
      const column = compiled.evaluate(workspace, batch);
      expect(column).toBe(batch.column("a"));
      column.release();
      batch.release();
      compiled.close();
    }));
});
