import { describe, expect, it } from "vitest";
import { col, count, ExecutionEnvironment, Schema, types } from "../../../../src/index.ts";
import { withDirectory } from "../../../support/host.ts";

const schema = Schema.of({ id: types.int64, items: types.list(types.struct({ n: types.int32 })) });
const rows = Array.from({ length: 5000 }, (_, i) => ({
  id: BigInt(i),
  items: i % 7 === 0 ? null : Array.from({ length: i % 5 }, (_, n) => ({ n })),
}));
const elements = rows.flatMap((row) => row.items ?? []).length;
const without = rows.filter((row) => (row.items ?? []).length === 0).length;

describe.each([1, 2])("unnest of a Parquet file (parallelism %i)", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, batchRows: 100 });

  it("gives a row per element, also behind filters that move below it", () =>
    withDirectory(async (directory) => {
      const path = `${directory}/nested.parquet`;
      env.fromRows(rows, schema).writeParquet(path, { rowGroupRows: 1000 });
      await env.execute();
      const read = env.readParquet(path, { schema });
      expect(await read.unnest("items").count()).toBe(elements);
      expect(await read.unnest("items", { keepEmpty: true }).count()).toBe(elements + without);
      const perElement = await read
        .unnest("items")
        .filter(col("id").lt(1000).and(col("items").field("n").ge(2)))
        .groupBy({ n: col("items").field("n") })
        .aggregate({ rows: count() })
        .orderBy("n")
        .collect();
      const expected = rows.slice(0, 1000).flatMap((row) => row.items ?? []);
      expect(perElement).toEqual(
        [2, 3].map((n) => ({ n, rows: BigInt(expected.filter((item) => item.n === n).length) })),
      );
      const ordered = await read
        .orderBy("id")
        .unnest("items")
        .select({ id: col("id") })
        .first(3)
        .collect();
      expect(ordered).toEqual([{ id: 1n }, { id: 2n }, { id: 2n }]);
    }));
});

describe("what cannot be unnested or read", () => {
  const data = ExecutionEnvironment.create({ parallelism: 1 }).fromRows(rows.slice(0, 3), schema);
  const untyped = data as unknown as Record<string, (...args: unknown[]) => unknown>;

  it.each<[string, () => unknown]>([
    ["TYPE_MISMATCH", () => untyped.unnest("id")],
    ["COLUMN_UNKNOWN", () => untyped.unnest("item")],
    ["OPTION_UNKNOWN", () => untyped.unnest("items", { keepEmtpy: true })],
    ["FIELD_UNKNOWN", () => untyped.select({ x: col("items").at(0).field("m") })],
    ["TYPE_MISMATCH", () => untyped.select({ x: col("id").field("m") })],
    ["TYPE_MISMATCH", () => untyped.select({ x: col("id").at(0) })],
    ["TYPE_MISMATCH", () => untyped.select({ x: col("items").at("first") })],
    ["TYPE_MISMATCH", () => untyped.select({ x: col("items").get("a") })],
  ])("is %s", (code, call) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});
