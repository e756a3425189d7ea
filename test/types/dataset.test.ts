import { describe, expectTypeOf, it } from "vitest";
import { asc, avg, col, count, type DataSet, desc, max, sum, types } from "../../src/index.ts";

const fields = {
  id: types.int64,
  customer: types.utf8,
  price: types.float64,
  quantity: types.int32,
} as const;
type Fields = typeof fields;
declare const orders: DataSet<Fields>;
declare const customers: DataSet<{ name: types.SimpleType<"utf8">; price: types.SimpleType<"float64"> }>;
const nestedFields = {
  id: types.int64,
  address: types.struct({ city: types.utf8, zip: types.int32 }),
  items: types.list(types.struct({ product: types.utf8, price: types.float64 })),
  rates: types.map(types.utf8, types.float64),
} as const;
declare const nested: DataSet<typeof nestedFields>;
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
      orders.orderBy(col("price").mul(col("quantity")), desc(col("id")), asc("customer"));
      // @ts-expect-error: nor in a computed order
      orders.orderBy(col("prize").mul(2));
      // @ts-expect-error: nor with a direction
      orders.orderBy(desc(col("prize").mul(2)));
      // @ts-expect-error: groups are sorted by columns
      orders.groupBy("customer").sortGroup(desc(col("price")));
      // @ts-expect-error: nor in a join
      orders.join(customers).where("customer").equalTo("nam");
    });
  });

  it("follow nested values, and refuse fields that do not exist", () => {
    compiled(() => {
      nested.filter(col("address").field("city").eq("Ghent"));
      nested.select({ price: col("items").at(0).field("price"), rate: col("rates").get("EUR") });
      // @ts-expect-error: a misspelt field does not compile
      nested.filter(col("address").field("town").eq("Ghent"));
      // @ts-expect-error: nor within a list
      nested.select({ price: col("items").at(0).field("prize") });
      // @ts-expect-error: nor in a computed column
      nested.withColumns({ zip: col("address").field("zipp").add(1) });
      // @ts-expect-error: nor in a group key
      nested.groupBy({ city: col("address").field("town") });
      // @ts-expect-error: nor inside an aggregate
      nested.aggregate({ zip: max(col("address").field("zipp")) });
      // @ts-expect-error: a column that is no list is not unnested
      nested.unnest("id");
      // @ts-expect-error: a misspelt field of an unnested element
      nested.unnest("items").select({ price: col("items").field("prize") });
      const prices = nested
        .unnest("items")
        .select({ id: col("id"), price: col("items").field("price"), city: col("address").field("city") });
      expectTypeOf<Awaited<ReturnType<typeof prices.collect>>[number]>().branded.toEqualTypeOf<{
        readonly id: bigint | null;
        readonly price: number | null;
        readonly city: string | null;
      }>();
      const entries = nested
        .unnest("rates")
        .select({ key: col("rates").field("key"), rate: col("rates").field("value") });
      expectTypeOf<Awaited<ReturnType<typeof entries.collect>>[number]>().branded.toEqualTypeOf<{
        readonly key: string | null;
        readonly rate: number | null;
      }>();
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
