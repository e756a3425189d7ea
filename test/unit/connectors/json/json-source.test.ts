import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseExactJson } from "../../../../src/connectors/json/exact-json.ts";
import { jsonSink } from "../../../../src/connectors/json/json-sink.ts";
import { JsonSource, type JsonSourceSpec } from "../../../../src/connectors/json/json-source.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { failureOf, readSource, writeSink } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

type Options = Partial<JsonSourceSpec>;

const read = (text: string | Uint8Array, options: Options = {}, batchRows?: number) =>
  withDirectory(async (directory) => {
    const path = join(directory, "in.jsonl");
    writeFileSync(path, text);
    const source = new JsonSource({ kind: "json", paths: path, ...options }, testHost());
    return { schema: String(source.schema), ...(await readSource(source, batchRows)) };
  });

describe("JsonSource", () => {
  it("finds columns and types, nested ones as well", async () => {
    const { schema, rows } = await read(
      '{"id":1,"x":1.5,"ok":true,"tags":["a",null],"who":{"name":"ann","age":3}}\r\n\n' +
        '{"id":9007199254740993,"x":2,"extra":null,"tags":[],"who":{"name":"b"}}\n{"who":null}',
    );
    expect(schema).toBe(
      'id int64, x float64, ok bool, tags list<utf8>, who struct<"name": utf8, "age": int64>, extra utf8',
    );
    expect(rows).toEqual([
      { id: 1n, x: 1.5, ok: true, tags: ["a", null], who: { name: "ann", age: 3n }, extra: null },
      { id: 9007199254740993n, x: 2, ok: null, tags: [], who: { name: "b", age: null }, extra: null },
      { id: null, x: null, ok: null, tags: null, who: null, extra: null },
    ]);
  });

  it("finds columns in several small files", () =>
    withDirectory(async (directory) => {
      const files = ['{"id":1,"price":null}\n', "\n", '{"id":2,"price":2.5,"note":"x"}\n'];
      for (const [i, text] of files.entries()) writeFileSync(join(directory, `${i}.jsonl`), text);
      const source = new JsonSource({ kind: "json", paths: directory }, testHost());
      expect(String(source.schema)).toBe("id int64, price float64, note utf8");
      expect((await readSource(source)).rows).toEqual([
        { id: 1n, price: null, note: null },
        { id: 2n, price: 2.5, note: "x" },
      ]);
    }));

  it("keeps the JSON text of values of different types, and finds times where it is told to", async () => {
    const { schema, rows } = await read(
      '{"v":1,"t":"2020-01-01T00:00:01Z"}\n{"v":"a"}\n{"v":{"b":[12345678901234567890]}}\n',
      {
        timestamps: true,
      },
    );
    expect(schema).toBe("v utf8, t timestamp(ms, UTC)");
    expect(rows.map((row) => row.v)).toEqual(["1", "a", '{"b":[12345678901234567890]}']);
    expect(rows[0].t).toBe(1577836801000);
  });

  it("reads every type of a schema", async () => {
    const schema = [
      { name: "u", type: types.uint64 },
      { name: "d", type: types.decimal(38, 10) },
      { name: "f", type: types.float32 },
      { name: "b", type: types.binary },
      { name: "day", type: types.date },
      { name: "t", type: types.time("us") },
      { name: "at", type: types.timestamp("ns") },
      { name: "m", type: types.map(types.utf8, types.int32) },
      { name: "p", type: types.map(types.int32, types.bool) },
    ];
    const { rows } = await read(
      '{"u":18446744073709551615,"d":1234567890123456789012345.0123456789,"f":"NaN","b":"AQI=","day":"1969-12-31",' +
        '"t":"23:59:59.000001","at":"1969-12-31T23:59:59.999999999+01:00","m":{"__proto__":1,"a":null},"p":[[1,true]]}\n' +
        '{"u":"7","d":"0.5"}\n',
      { schema },
    );
    expect(rows[0]).toEqual({
      u: 18446744073709551615n,
      d: "1234567890123456789012345.0123456789",
      f: Number.NaN,
      b: Uint8Array.of(1, 2),
      day: -1,
      t: 86399000001n,
      at: -3600000000001n,
      m: [
        ["__proto__", 1],
        ["a", null],
      ],
      p: [[1, true]],
    });
    expect(rows[1]).toMatchObject({ u: 7n, d: "0.5000000000" });
  });

  it("keeps what is nested too deeply for a type as text, and refuses what is too deep for that", async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    const kept = await read(nested(200));
    expect(JSON.stringify(kept.rows[0])).toContain('"{\\"a\\":');
    expect(await failureOf(() => read(nested(20_000)))).toMatchObject({ code: "JSON_INVALID" });
    const schema = Schema.of({ a: types.utf8 });
    expect(await failureOf(() => read(nested(20_000), { schema: schema.fields }))).toMatchObject({
      code: "JSON_INVALID",
    });
  });

  it("treats __proto__ and inherited names as data", async () => {
    const { schema, rows } = await read('{"__proto__":{"a":1},"b":12345678901234567}\n{"b":2}\n', {});
    expect(schema).toBe('__proto__ struct<"a": int64>, b int64');
    expect(Object.getOwnPropertyDescriptor(rows[0], "__proto__")?.value).toEqual({ a: 1n });
    const missing = await read('{"a":1}\n', { schema: [{ name: "constructor", type: types.utf8 }] });
    expect(Object.getOwnPropertyDescriptor(missing.rows[0], "constructor")?.value).toBeNull();
  });

  it("names the place of what it cannot read, or drops and counts it", async () => {
    const schema = [{ name: "a", type: types.int8 }];
    const lines = '{"a":1}\n{"a":300}\ngarbage\n[1]\n{"a":12345678901234567890x}\n{"a":2}\n';
    const failure = (text: string | Uint8Array) => failureOf(() => read(text, { schema }));
    expect(await failure(lines)).toMatchObject({
      code: "JSON_VALUE_INVALID",
      message: expect.stringContaining('in.jsonl", line 2: column "a": "300" is no int8.'),
    });
    expect(await failure('{"a":1}\n\ngarbage\n')).toMatchObject({
      code: "JSON_INVALID",
      message: expect.stringContaining('line 3: "garbage" is no JSON'),
    });
    expect(await failure('{"a":1}\n[1]\n')).toMatchObject({ code: "JSON_INVALID" });
    expect(await failure('{"a":12345678901234567890x}')).toMatchObject({ code: "JSON_INVALID" });
    expect(await failure(Buffer.from('{"b":"\xff"}\n', "latin1"))).toMatchObject({ code: "JSON_UTF8_INVALID" });
    expect(await failure(`{"b":123456789012345678,"a":${"[".repeat(10_000)}`)).toMatchObject({ code: "JSON_INVALID" });
    const dropped = await read(lines, { schema, badLines: "drop" });
    expect(dropped.rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(dropped.counts).toEqual({ badLines: 4 });
    expect((await failureOf(() => read("no json\n"))).code).toBe("JSON_NO_OBJECT");
    expect(await failureOf(() => read('[{"a":1},\n{"a":2}]\n'))).toMatchObject({
      code: "JSON_NO_OBJECT",
      message: expect.stringContaining("holds a JSON array"),
    });
    expect(await failureOf(() => read(`{"a":"${"x".repeat(2 ** 20)}"}\n`))).toMatchObject({
      code: "JSON_NO_OBJECT",
      message: expect.stringContaining("give a schema"),
    });
  });

  it("parses exactly what JSON.parse parses", () => {
    for (const text of [
      "1",
      '"a\\u0041\\n"',
      '[1, {"a":[]}]',
      " null ",
      "-0.5e+3",
      '{"a":{"b":"x"}, "c":[true,false]}',
    ]) {
      const long = `[12345678901234567, ${text}]`;
      expect((parseExactJson(long) as unknown[])[1]).toEqual(JSON.parse(text));
    }
    for (const text of ["", "[1,]", '{"a"}', "01", "1.", "tru", '"\n"', '"\\x"', "[1]x", '{"a":1,}']) {
      expect(() => parseExactJson(`[12345678901234567,${text}]${text === "[1]x" ? "x" : ""}`), text).toThrow(
        SyntaxError,
      );
    }
  });
});

describe("json sink", () => {
  it("writes null for numbers that JSON does not have", () =>
    withDirectory(async (directory) => {
      const rows = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5].map((f) => ({ f }));
      const path = join(directory, "out.jsonl");
      await writeSink(jsonSink({ kind: "json", path }, testHost()), Schema.of({ f: types.float64 }), rows);
      expect(readFileSync(path, "utf8")).toBe('{"f":null}\n{"f":null}\n{"f":null}\n{"f":0.5}\n');
    }));

  it("writes what the source reads back", () =>
    withDirectory(async (directory) => {
      const schema = Schema.of({
        i: types.int64,
        f: types.float64,
        s: types.utf8,
        d: types.decimal(20, 2),
        at: types.timestamp("us", "UTC"),
        day: types.date,
        b: types.binary,
        l: types.list(types.struct({ x: types.int32 })),
        m: types.map(types.utf8, types.bool),
        v: types.interval,
      });
      const rows = [
        {
          i: -(2n ** 63n),
          f: -0,
          s: 'a"\n\u2028é',
          d: "123456789012345678.90",
          at: -1n,
          day: -719528,
          b: Uint8Array.of(0, 255),
          l: [{ x: 1 }, null, { x: null }],
          m: [["k", true]],
          v: { months: 1, days: -2, nanoseconds: 3n },
        },
        { i: null, f: 1e300, s: null, d: null, at: null, day: null, b: null, l: null, m: null, v: null },
      ];
      const path = join(directory, "out.jsonl");
      await writeSink(jsonSink({ kind: "json", path }, testHost()), schema, rows);
      expect(readFileSync(path, "utf8").split("\n")[0]).toBe(
        '{"i":-9223372036854775808,"f":-0.0,"s":"a\\"\\n\u2028é","d":123456789012345678.90,"at":"1969-12-31T23:59:59.999999Z",' +
          '"day":"0000-01-01","b":"AP8=","l":[{"x":1},null,{"x":null}],"m":{"k":true},"v":{"months":1,"days":-2,"nanoseconds":3}}',
      );
      const source = new JsonSource({ kind: "json", paths: path, schema: schema.fields }, testHost());
      expect((await readSource(source)).rows).toEqual(rows);
    }));
});
