import { describe, expect, it } from "vitest";
import { ExecutionEnvironment, Schema, types } from "../../../src/index.ts";

const env = ExecutionEnvironment.create({ parallelism: 1 });
const left = env.fromRows([{ a: 1, b: "x" }], Schema.of({ a: types.int32, b: types.utf8 }));
const swapped = env.fromRows([{ b: "y", a: 2 }], Schema.of({ b: types.utf8, a: types.int32 }));
const wider = env.fromRows([{ c: [true], a: 3 }], Schema.of({ c: types.list(types.bool), a: types.int32 }));

describe("unionByName", () => {
  it("matches columns by name, in the order of the first side", async () => {
    const both = left.unionByName(swapped);
    expect(String(await both.schema())).toBe("a int32, b utf8");
    expect(await both.orderBy("a").collect()).toEqual([
      { a: 1, b: "x" },
      { a: 2, b: "y" },
    ]);
  });

  it("fills what a side lacks with nulls where that is allowed, nested columns too", async () => {
    const all = left.unionByName(wider, { allowMissing: true });
    expect(await all.orderBy("a").collect()).toEqual([
      { a: 1, b: "x", c: null },
      { a: 3, b: null, c: [true] },
    ]);
  });

  it("refuses missing columns otherwise, and columns of two types", () => {
    const refusal = expect.objectContaining({ code: "UNION_SCHEMAS_DIFFER" });
    expect(() => left.unionByName(wider)).toThrow(refusal);
    const texts = env.fromRows([{ a: "1" }], Schema.of({ a: types.utf8 }));
    expect(() => left.unionByName(texts, { allowMissing: true })).toThrow(refusal);
  });
});
