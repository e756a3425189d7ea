import { describe, expectTypeOf, it } from "vitest";
import { avg, col, count, type DataSet, desc, max, sum, types } from "../../src/index.ts";

const fields = {
  id: types.int64,
  customer: types.utf8,
  price: types.float64,
  quantity: types.int32,
} as const;
type Fields = typeof fields;
declare const orders: DataSet<Fields>;
declare const customers: DataSet<{ name: types.SimpleType<"utf8">; price: types.SimpleType<"float64"> }>;
// Type tests are compiled, never run.
const compiled = (_: () => unknown) => undefined;

describe("a dataset's types", () => {
  it("refuse columns that do not exist", () => {
    compiled(() => {
      orders.filter(col("price").gt(1));
      // @ts-expect-error: a misspelt column does not compile
      orders.filter(col("prize").gt(1));
      // @ts-expect-error: nor in a group key
      orders.groupBy("custommer");
      // @ts-expect-error: nor in a selection
      orders.select("id", "prize");
      // @ts-expect-error: nor in a computed column
      orders.select({ total: col("prize").mul(2) });
      // @ts-expect-error: nor in an aggregate
      orders.groupBy("customer").aggregate({ total: sum("prize") });
      // @ts-expect-error: nor inside its expression
      orders.groupBy("customer").aggregate({ total: sum(col("prize").mul(2)) });
      // @ts-expect-error: nor in an order
      orders.orderBy(desc("prize"));
      // @ts-expect-error: nor in a join
      orders.join(customers).where("customer").equalTo("nam");
    });
  });

  it("infer result columns", () => {
    compiled(() => {
      const totals = orders.groupBy("customer").aggregate({
        orders: count(),
        spent: sum(col("price").mul(col("quantity"))),
        items: sum("quantity"),
        top: max("price"),
        mean: avg("quantity"),
      });
      expectTypeOf<Awaited<ReturnType<typeof totals.collect>>[number]>().branded.toEqualTypeOf<{
        readonly customer: string | null;
        readonly orders: bigint | null;
        readonly spent: number | null;
        readonly items: bigint | null;
        readonly top: number | null;
        readonly mean: number | null;
      }>();
      const joined = orders.join(customers).where("customer").equalTo("name");
      expectTypeOf<keyof (typeof joined)["$fields"]>().toEqualTypeOf<
        "id" | "customer" | "price" | "quantity" | "name" | "price_right"
      >();
    });
  });
});
