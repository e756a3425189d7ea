import { describe, expect, it } from "vitest";
import { col, desc, ExecutionEnvironment, Schema, sum, types } from "../../../src/index.ts";

const env = ExecutionEnvironment.create({ parallelism: 1 });
const orders = env.fromRows([{ id: 1, price: 2.5 }], Schema.of({ id: types.int32, price: types.float64 }));
/** As JavaScript sees it, where nothing holds wrong arguments back. */
const untyped = orders as unknown as Record<string, (...args: unknown[]) => unknown>;

const refusal = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

describe("at the line of the mistake", () => {
  it.each([
    ["a text", "price > 2"],
    ["what JavaScript made of a comparison", (col("price") as unknown as number) > 2],
    ["nothing", undefined],
    ["an object without the method", { map: () => true }],
  ])("filter refuses %s", (_, condition) => {
    expect(() => untyped.filter(condition)).toThrow(refusal("FUNCTION_INVALID", "filter"));
  });

  it.each(["filter", "map", "flatMap", "mapPartition", "reduceGroup", "reduce"])(
    "%s refuses async functions",
    (name) => {
      expect(() => untyped[name](async () => ({}))).toThrow(refusal("FUNCTION_INVALID", "remove async"));
      expect(() => untyped[name]({ [name]: async () => ({}) })).toThrow(refusal("FUNCTION_INVALID", "remove async"));
    },
  );

  it("groupBy refuses async functions", () => {
    expect(() => untyped.groupBy(async () => 1)).toThrow(refusal("FUNCTION_INVALID", "remove async"));
  });

  it("aggregate refuses what is no aggregate", () => {
    expect(() => untyped.aggregate({ total: col("price") })).toThrow(refusal("AGGREGATE_INVALID", '"total"'));
    expect(() => untyped.aggregate({ total: sum })).toThrow(refusal("AGGREGATE_INVALID", '"total"'));
  });

  it.each(["orderBy", "sortPartition", "partitionByRange"])("%s refuses expressions", (name) => {
    for (const key of [col("price"), desc(col("price") as unknown as string)]) {
      expect(() => untyped[name](key)).toThrow(refusal("SORT_KEY_INVALID", "withColumns"));
    }
  });

  it("misspelt columns meet the one that was meant", () => {
    expect(() => untyped.filter(col("pirce").gt(1))).toThrow(refusal("COLUMN_UNKNOWN", 'Did you mean "price"?'));
    expect(() => untyped.orderBy("Price")).toThrow(refusal("COLUMN_UNKNOWN", 'Did you mean "price"?'));
    expect(() => untyped.aggregate({ total: sum("prices") })).toThrow(refusal("COLUMN_UNKNOWN", '"price"'));
  });
});

it("all rows reach an object with reduceGroup", async () => {
  const counted = orders.reduceGroup({ reduceGroup: (rows: Iterable<object>) => [{ count: [...rows].length }] });
  expect(await counted.collect()).toEqual([{ count: 1 }]);
});

it("a table needs a number of rows", async () => {
  await expect(orders.toText(-3)).rejects.toEqual(refusal("LIMIT_INVALID", "-3 is"));
});
