import { describe, expectTypeOf, it } from "vitest";
import { coalesce, col, concat, lit, when } from "../../src/core/expressions/builders.ts";
import type {
  AcceptsColumns,
  ColumnsOf,
  Expression,
  NamedExpression,
  Operand,
  ResultType,
  SelectedFields,
} from "../../src/core/expressions/expression.ts";
import type { DecimalType, Fields, SimpleType, TimestampType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";

const fields = {
  price: types.float64,
  qty: types.int32,
  id: types.int64,
  small: types.int8,
  tiny: types.uint8,
  big: types.uint64,
  real: types.float32,
  name: types.utf8,
  day: types.date,
  at: types.timestamp("ms"),
  tax: types.decimal(15, 2),
};
type F = typeof fields;

/** What an API layer does with expressions: types only. */
declare function filter(predicate: Expression<keyof F & string>): void;
declare function select<const E extends Record<string, Operand>>(
  expressions: { [N in keyof E]: AcceptsColumns<E[N], keyof F & string> },
): SelectedFields<E, F>;
declare function typeOf<const O extends Operand>(operand: O): ResultType<O, F>;

const neverCalled = (use: () => void) => use;

describe("expressions over a known schema", () => {
  it("refuse columns that do not exist", () => {
    neverCalled(() => {
      filter(col("price").gt(1));
      filter(col("price").gt(col("qty")).and(col("name").eq("x")));
      // @ts-expect-error: there is no column typo
      filter(col("typo").gt(1));
      // @ts-expect-error: the unknown column is an argument
      filter(col("price").gt(col("typo")));
      // @ts-expect-error: the unknown column is deep inside
      filter(coalesce(col("qty"), col("price").add(col("typo").abs())).gt(0));
      // @ts-expect-error: also in a case
      filter(when(col("typo").gt(1)).then(1).otherwise(0).eq(1));
      // @ts-expect-error: also in a projection
      select({ total: col("typo") });
    });
  });

  it("collect the columns that they read", () => {
    const expression = when(col("a").gt(1)).then(col("b")).when(col("c")).then(1).otherwise(col("d"));
    expectTypeOf<ColumnsOf<typeof expression>>().toEqualTypeOf<"a" | "b" | "c" | "d">();
    expectTypeOf(col("a").as("x")).toExtend<NamedExpression<"x", "a", unknown>>();
    expectTypeOf<ColumnsOf<5>>().toEqualTypeOf<never>();
  });

  it("infer the fields of a projection", () => {
    neverCalled(() => {
      const selected = select({
        total: col("price").mul(col("qty")),
        id: col("id"),
        isLong: col("name").length().gt(10),
        label: concat(col("name"), "!"),
        one: 1,
      });
      expectTypeOf(selected).toEqualTypeOf<{
        readonly total: SimpleType<"float64">;
        readonly id: SimpleType<"int64">;
        readonly isLong: SimpleType<"bool">;
        readonly label: SimpleType<"utf8">;
        readonly one: SimpleType<"int32">;
      }>();
    });
  });

  it("infer promotion as the planner resolves it", () => {
    neverCalled(() => {
      expectTypeOf(typeOf(col("qty").add(col("id")))).toEqualTypeOf<SimpleType<"int64">>();
      expectTypeOf(typeOf(col("qty").add(1))).toEqualTypeOf<SimpleType<"int32">>();
      expectTypeOf(typeOf(col("small").mul(2))).toEqualTypeOf<SimpleType<"int8">>();
      expectTypeOf(typeOf(col("qty").add(1.5))).toEqualTypeOf<SimpleType<"float64">>();
      expectTypeOf(typeOf(col("qty").div(2))).toEqualTypeOf<SimpleType<"float64">>();
      expectTypeOf(typeOf(col("real").div(col("real")))).toEqualTypeOf<SimpleType<"float32">>();
      expectTypeOf(typeOf(col("real").mul(2.5))).toEqualTypeOf<SimpleType<"float32">>();
      expectTypeOf(typeOf(col("real").mul(col("qty")))).toEqualTypeOf<SimpleType<"float64">>();
      expectTypeOf(typeOf(col("small").add(col("tiny")))).toEqualTypeOf<SimpleType<"int16">>();
      expectTypeOf(typeOf(col("tiny").add(col("tiny")))).toEqualTypeOf<SimpleType<"uint8">>();
      expectTypeOf(typeOf(col("big").add(col("qty")))).toEqualTypeOf<SimpleType<"int64">>();
      expectTypeOf(typeOf(col("tax").mul(0.9))).toEqualTypeOf<DecimalType>();
      expectTypeOf(typeOf(lit(1).sub(col("tax")))).toEqualTypeOf<DecimalType>();
      expectTypeOf(typeOf(col("tax").mul(col("price")))).toEqualTypeOf<SimpleType<"float64">>();
      expectTypeOf(typeOf(col("tax").add(col("qty")))).toEqualTypeOf<DecimalType>();
    });
  });

  it("infer common types of branches", () => {
    neverCalled(() => {
      expectTypeOf(typeOf(coalesce(col("qty"), 0))).toEqualTypeOf<SimpleType<"int32">>();
      expectTypeOf(typeOf(coalesce(col("qty"), col("price")))).toEqualTypeOf<SimpleType<"float64">>();
      expectTypeOf(typeOf(col("name").ifNull("none"))).toEqualTypeOf<SimpleType<"utf8">>();
      expectTypeOf(typeOf(when(col("qty").gt(1)).then("a").otherwise(col("name")))).toEqualTypeOf<SimpleType<"utf8">>();
      expectTypeOf(typeOf(when(col("qty").gt(1)).then(1).otherwise(null))).toEqualTypeOf<SimpleType<"int32">>();
      expectTypeOf(typeOf(when(col("qty").gt(1)).then(1))).toEqualTypeOf<SimpleType<"int32">>();
      expectTypeOf(typeOf(coalesce(col("day"), "2024-01-01"))).toEqualTypeOf<SimpleType<"date">>();
    });
  });

  it("know fixed results", () => {
    neverCalled(() => {
      expectTypeOf(typeOf(col("name").upper())).toEqualTypeOf<SimpleType<"utf8">>();
      expectTypeOf(typeOf(col("day").year())).toEqualTypeOf<SimpleType<"int32">>();
      expectTypeOf(typeOf(col("day").dateTrunc("month"))).toEqualTypeOf<SimpleType<"date">>();
      expectTypeOf(typeOf(col("qty").cast(types.int64))).toEqualTypeOf<SimpleType<"int64">>();
      expectTypeOf(typeOf(col("id").toTimestamp("s"))).toEqualTypeOf<TimestampType>();
      expectTypeOf(typeOf(col("price").isIn([1, 2]))).toEqualTypeOf<SimpleType<"bool">>();
      expectTypeOf(typeOf("text")).toEqualTypeOf<SimpleType<"utf8">>();
      expectTypeOf(typeOf(lit(1, types.int64))).toEqualTypeOf<SimpleType<"int64">>();
    });
  });

  it("stay usable over schemas that only the run knows", () => {
    const expression = col("anything").add(1);
    expectTypeOf(expression).toExtend<Expression>();
    expectTypeOf<ResultType<typeof expression, Fields>>().not.toBeNever();
  });
});
