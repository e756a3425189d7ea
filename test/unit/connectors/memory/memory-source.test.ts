import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { MemorySource } from "../../../../src/connectors/memory/memory-source.ts";
import { TableSource } from "../../../../src/connectors/memory/table-source.ts";
import { connectorRegistry } from "../../../../src/connectors/registry.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { failureOf, readSource } from "../../../support/connectors.ts";
import { testHost } from "../../../support/host.ts";

describe("MemorySource", () => {
  it("reads rows, with found or given types", async () => {
    const rows = [
      { a: 1, b: "x", c: [1n] },
      { a: 2.5, b: null, c: null },
    ];
    const source = new MemorySource({ kind: "memory", rows });
    expect(String(source.schema)).toBe("a float64, b utf8, c list<int64>");
    expect((await readSource(source, 1)).rows).toEqual(rows);
    expect((await readSource(source.withColumns(["b"]))).rows).toEqual([{ b: "x" }, { b: null }]);
    const typed = new MemorySource({ kind: "memory", rows: [{ a: 1 }], schema: Schema.of({ a: types.int8 }) });
    expect((await readSource(typed)).rows).toEqual([{ a: 1 }]);
    const wrong = new MemorySource({ kind: "memory", rows: [{ a: "x" }], schema: Schema.of({ a: types.int8 }) });
    expect((await failureOf(() => readSource(wrong))).code).toBe("VALUE_INVALID");
  });

  const failure = async (value: unknown, type: types.DataType) =>
    await failureOf(() =>
      readSource(new MemorySource({ kind: "memory", rows: [{ a: value }], schema: Schema.of({ a: type }) })),
    );

  it.each([
    ["a day that there is not", "2024-02-30", types.date],
    ["an array as a struct", [1], types.struct({ x: types.int32 })],
    ["a Map as a struct", new Map([["x", 1]]), types.struct({ x: types.int32 })],
    ["a property that is no field", { x: 1, y: 2 }, types.struct({ x: types.int32 })],
    ["such a property further inside", [{ x: { z: 1 } }], types.list(types.struct({ x: types.struct({}) }))],
    ["a null key", new Map([[null, 1]]), types.map(types.utf8, types.int32)],
    ["an object without methods", Object.create(null), types.int32],
  ])("refuses %s, where content would be lost or bent", async (_, value, type) => {
    expect((await failure(value, type)).code).toBe("VALUE_INVALID");
  });

  it("takes days at the ends of months and of time", async () => {
    const days = ["2024-02-29", "1900-02-28", "2000-12-31", "0001-01-01"];
    const rows = days.map((a) => ({ a }));
    const source = new MemorySource({ kind: "memory", rows, schema: Schema.of({ a: types.date }) });
    const expected = days.map((a) => ({ a: Date.parse(a) / 86_400_000 }));
    expect((await readSource(source)).rows).toEqual(expected);
  });

  it.each([
    ["Set", new Set([1])],
    ["RegExp", /x/],
    ["Promise", Promise.resolve(1)],
  ])("finds no type for a %s, which would be an empty struct", (_, value) => {
    const make = () => new MemorySource({ kind: "memory", rows: [{ a: [value] }] });
    expect(make).toThrow(expect.objectContaining({ code: "ROW_TYPE_UNKNOWN" }));
  });

  it.each([5, "text", null])("refuses %j as a column", (a) => {
    const make = () => new MemorySource({ kind: "memory", data: { a } as never });
    expect(make).toThrow(expect.objectContaining({ code: "MEMORY_INVALID" }));
  });

  it("reads columns and typed arrays", async () => {
    const count = 140_000;
    const data = {
      i: Int32Array.from({ length: count }, (_, i) => i - 5),
      f: Float32Array.from({ length: count }, (_, i) => i / 2),
      s: Array.from({ length: count }, (_, i) => (i % 7 === 0 ? null : `s${i % 10}`)),
      d: Int32Array.from({ length: count }, (_, i) => i % 100),
    };
    const schema = Schema.of({ i: types.int32, f: types.float32, s: types.utf8, d: types.date });
    const source = new MemorySource({ kind: "memory", data, schema });
    expect(source.splits().length).toBeGreaterThan(1);
    const { rows } = await readSource(source);
    expect(rows).toHaveLength(count);
    expect(rows[131_073]).toEqual({ i: 131_068, f: 65536.5, s: "s3", d: 73 });
    const found = new MemorySource({ kind: "memory", data: { u: new BigUint64Array(2), b: [true, null] } });
    expect(String(found.schema)).toBe("u uint64, b bool");
  });

  it("reads Arrow tables of several batches", async () => {
    const one = arrow.tableFromArrays({ a: [1, 2, 3], s: ["x", "y", "x"] });
    const table = one.concat(arrow.tableFromArrays({ a: [4], s: ["z"] }));
    const { rows } = await readSource(new TableSource(table), 2);
    expect(rows).toEqual([
      { a: 1, s: "x" },
      { a: 2, s: "y" },
      { a: 3, s: "x" },
      { a: 4, s: "z" },
    ]);
  });

  it("reads any columns of an Arrow table, in any order", async () => {
    const source = new TableSource(arrow.tableFromArrays({ a: [1, 2], b: [10, 20], c: ["x", "y"], d: [100, 200] }));
    const read = async (...columns: string[]) => (await readSource(source.withColumns(columns))).rows;
    expect(await read("b")).toEqual([{ b: 10 }, { b: 20 }]);
    expect(await read("d", "a")).toEqual([
      { d: 100, a: 1 },
      { d: 200, a: 2 },
    ]);
    expect(await read("c", "b")).toEqual([
      { c: "x", b: 10 },
      { c: "y", b: 20 },
    ]);
    expect(await read()).toEqual([{}, {}]);
  });

  it("refuses data that is no table", async () => {
    expect((await failureOf(() => new MemorySource({ kind: "memory" }))).code).toBe("MEMORY_INVALID");
    const ragged = { a: [1], b: [1, 2] };
    expect((await failureOf(() => new MemorySource({ kind: "memory", data: ragged }))).code).toBe("MEMORY_INVALID");
  });
});

describe("the connector registry", () => {
  it("loads connectors by kind and names what it does not know", async () => {
    for (const kind of ["arrow", "csv", "json", "memory", "parquet", "sequence", "text"]) {
      expect(typeof (await connectorRegistry.sourceFactory(kind))).toBe("function");
    }
    for (const kind of ["arrow", "csv", "json", "parquet", "text"]) {
      expect(typeof (await connectorRegistry.sinkFactory(kind))).toBe("function");
    }
    expect((await failureOf(() => connectorRegistry.sourceFactory("toString"))).code).toBe("CONNECTOR_UNKNOWN");
    const factory = await connectorRegistry.sourceFactory("sequence");
    const source = factory({ kind: "sequence", from: 0, to: 3 }, testHost());
    expect((await readSource(source)).rows).toEqual([{ value: 0n }, { value: 1n }, { value: 2n }]);
  });
});
