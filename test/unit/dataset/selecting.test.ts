import { describe, expect, expectTypeOf, it } from "vitest";
import { col, ExecutionEnvironment, type RowOf, Schema, types } from "../../../src/index.ts";

const env = ExecutionEnvironment.create({ parallelism: 1 });
const orders = env.fromRows(
  [
    { id: 1, price: 2.5 },
    { id: 2, price: 4 },
  ],
  Schema.of({ id: types.int32, price: types.float64 }),
);

describe("select", () => {
  it("takes names and named expressions together, in their order", async () => {
    const rows = await orders.select("price", col("id").mul(10).as("tens"), "id").collect();
    expectTypeOf<(typeof rows)[number]>().branded.toEqualTypeOf<
      RowOf<{
        readonly price: typeof types.float64;
        readonly tens: typeof types.int32;
        readonly id: typeof types.int32;
      }>
    >();
    expect(rows.map((row) => Object.entries(row))).toEqual([
      Object.entries({ price: 2.5, tens: 10, id: 1 }),
      Object.entries({ price: 4, tens: 20, id: 2 }),
    ]);
  });

  it("refuses named expressions over columns that do not exist", () => {
    // @ts-expect-error: a misspelt column does not compile
    expect(() => orders.select("id", col("prize").as("p"))).toThrow(
      expect.objectContaining({ code: "COLUMN_UNKNOWN" }),
    );
  });
});

describe("a cancelled", () => {
  const signal = AbortSignal.abort();

  it("count fails as such", () => expect(orders.count({ signal })).rejects.toMatchObject({ code: "JOB_CANCELLED" }));
  it("persist fails as such", () =>
    expect(orders.persist({ signal })).rejects.toMatchObject({ code: "JOB_CANCELLED" }));
});

describe("a function without declared columns", () => {
  const rowsOf = (result: unknown) => orders.map(() => result as object).collect();

  it("must not be asynchronous", () =>
    expect(rowsOf(Promise.resolve({ a: 1 }))).rejects.toMatchObject({
      code: "ROW_INVALID",
      message: expect.stringContaining("synchronous"),
    }));

  it("must give objects", async () => {
    for (const result of [[1], null, undefined, 7]) {
      await expect(rowsOf(result)).rejects.toMatchObject({ code: "ROW_INVALID" });
    }
  });

  it("must give an iterable where several rows are asked for", () =>
    expect(orders.flatMap(() => undefined as unknown as object[]).collect()).rejects.toMatchObject({
      code: "RESULT_NOT_ITERABLE",
    }));
});
