import { describe, expect, it } from "vitest";
import { asc, col, desc, ExecutionEnvironment, when } from "../../../src/index.ts";

const rows = [
  { id: 1, price: 4, quantity: 5, "price * quantity": "a" },
  { id: 2, price: 9, quantity: 1, "price * quantity": "b" },
  { id: 3, price: null, quantity: 7, "price * quantity": "c" },
  { id: 4, price: 2, quantity: 3, "price * quantity": "d" },
];
const total = col("price").mul(col("quantity"));

describe.each([1, 2])("orderBy with %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism });
  const orders = env.fromRows(rows);
  const ids = (data: { collect(): Promise<{ id: unknown }[]> }) =>
    data.collect().then((found) => found.map(({ id }) => Number(id)));

  it("orders by computed values, nulls last", async () => {
    expect(await ids(orders.orderBy(total))).toEqual([4, 2, 1, 3]);
    expect(await ids(orders.orderBy(desc(total)))).toEqual([1, 2, 4, 3]);
    expect(await ids(orders.orderBy(asc(total, { nullsFirst: true })))).toEqual([3, 4, 2, 1]);
  });

  it("mixes columns and computed values", async () => {
    const isDear = when(col("price").gt(3)).then(1).otherwise(0);
    expect(await ids(orders.orderBy(desc(isDear), "quantity"))).toEqual([2, 1, 4, 3]);
    expect(await ids(orders.orderBy(isDear, desc(col("id"))))).toEqual([4, 3, 2, 1]);
  });

  it("keeps the columns as they are, whatever their names", async () => {
    const data = orders.orderBy(total);
    expect((await data.schema()).names).toEqual(["id", "price", "quantity", "price * quantity"]);
    expect((await data.collect()).map((row) => row["price * quantity"])).toEqual(["d", "b", "a", "c"]);
  });

  it("gives the first rows as a top-n", async () => {
    const top = orders.orderBy(desc(total)).first(2);
    expect(await ids(top)).toEqual([1, 2]);
    expect(await top.explain()).toContain("top");
  });

  it("keeps the order of many rows", async () => {
    const numbers = env.sequence(0, 100_000).orderBy(col("value").mod(1000), desc(col("value").mul(-1)));
    const found = (await numbers.collect()).map(({ value }) => Number(value));
    const expected = Array.from({ length: 100_000 }, (_, i) => i).sort((a, b) => (a % 1000) - (b % 1000) || a - b);
    expect(found).toEqual(expected);
  });

  it("orders each partition", async () => {
    expect(await ids(orders.rebalance().sortPartition(desc(total)).orderBy("id"))).toEqual([1, 2, 3, 4]);
  });
});
