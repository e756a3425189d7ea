import { describe, expect, it } from "vitest";
import { aggregateWith, col, desc, ExecutionEnvironment, type Fields, Schema, sum, types } from "../../../src/index.ts";

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

  it("partitionByRange refuses expressions", () => {
    for (const key of [col("price"), desc(col("price"))]) {
      expect(() => untyped.partitionByRange(key)).toThrow(refusal("SORT_KEY_INVALID", "an expression"));
    }
  });

  it.each(["orderBy", "sortPartition", "partitionByRange"])("%s refuses what is no key", (name) => {
    for (const key of [7, null, {}, { expression: "price" }]) {
      expect(() => untyped[name](key)).toThrow(refusal("SORT_KEY_INVALID", "Name a column"));
    }
  });

  it.each(["orderBy", "sortPartition"])("%s refuses columns that are not there inside expressions", (name) => {
    expect(() => untyped[name](desc(col("prize").mul(2)))).toThrow(refusal("COLUMN_UNKNOWN", '"prize"'));
  });

  it.each([
    ["select", []],
    ["select", [{}]],
    ["groupBy", []],
    ["groupBy", [{}]],
    ["partitionByHash", []],
    ["drop", []],
  ])("%s%j refuses to do without columns", (name, columns) => {
    expect(() => untyped[name](...columns)).toThrow(refusal("COLUMNS_EMPTY", `${name} was given no column`));
  });

  it.each(["orderBy", "sortPartition", "partitionByRange"])("%s refuses to do without columns", (name) => {
    expect(() => untyped[name]()).toThrow(refusal("SORT_KEYS_EMPTY", "column"));
  });

  it.each<[string, unknown]>([
    ["select", ["id", "price"]],
    ["select", null],
    ["select", 42],
    ["select", col("price").add(1)],
    ["withColumns", col("price").add(1).as("more")],
    ["withColumns", undefined],
    ["groupBy", ["id"]],
    ["groupBy", 42],
    ["groupBy", col("price").add(1)],
    ["distinct", ["id"]],
    ["drop", ["id"]],
    ["partitionByHash", ["id"]],
  ])("%s refuses %o as a column", (name, given) => {
    expect(() => untyped[name](given)).toThrow(refusal("COLUMN_ARGUMENT_INVALID", `${name} was given `));
  });

  it("aggregate refuses to do without aggregates", () => {
    for (const given of [undefined, {}])
      expect(() => untyped.aggregate(given)).toThrow(refusal("AGGREGATES_EMPTY", ""));
  });

  it("iterations refuse a workset and results of a step that are no datasets", async () => {
    expect(() => untyped.iterateDelta([], 3, ["id"], () => ({}))).toThrow(refusal("DATASET_EXPECTED", "iterateDelta"));
    const collect = (data: unknown) => (data as typeof orders).collect();
    for (const given of [undefined, [], { next: 1 }]) {
      await expect(collect(untyped.iterate(3, () => given))).rejects.toMatchObject({ code: "DATASET_EXPECTED" });
    }
    const delta = untyped.iterateDelta(orders, 3, [(await orders.schema()).names[0]], () => ({ delta: orders }));
    await expect(collect(delta)).rejects.toMatchObject({ code: "DATASET_EXPECTED" });
  });

  it.each(["join", "leftOuterJoin", "antiJoin", "coGroup", "cross", "union"])(
    "%s refuses what is no dataset",
    (name) => {
      for (const other of [undefined, null, 42, []]) {
        expect(() => untyped[name](other)).toThrow(refusal("DATASET_EXPECTED", `${name} was given`));
      }
    },
  );

  describe("options", () => {
    const make = ExecutionEnvironment as unknown as { create(options: unknown): unknown };
    const untypedEnv = env as unknown as Record<string, (...args: unknown[]) => unknown>;
    const identity = (row: object) => row;

    it.each<[string, string, string, () => unknown]>([
      ["ExecutionEnvironment.create", "paralellism", "parallelism", () => make.create({ paralellism: 2 })],
      ["readCsv", "delimeter", "delimiter", () => untypedEnv.readCsv("x.csv", { delimeter: ";" })],
      ["readParquet", "shema", "schema", () => untypedEnv.readParquet("x.parquet", { shema: 1 })],
      ["readJson", "badlines", "badLines", () => untypedEnv.readJson("x.jsonl", { badlines: "drop" })],
      ["readText", "invalidUtf", "invalidUtf8", () => untypedEnv.readText("x.txt", { invalidUtf: "replace" })],
      ["writeParquet", "codecs", "codec", () => untyped.writeParquet("x", { codecs: "zstd" })],
      ["writeCsv", "partitionBY", "partitionBy", () => untyped.writeCsv("x", { partitionBY: ["a"] })],
      ["writeJson", "overwite", "overwrite", () => untyped.writeJson("x", { overwite: "append" })],
      ["writeArrow", "formt", "format", () => untyped.writeArrow("x", { formt: "file" })],
      ["writeText", "compresion", "compression", () => untyped.writeText("x", { compresion: "gzip" })],
      ["first", "ofset", "offset", () => untyped.first(1, { ofset: 1 })],
      ["join", "hnt", "hint", () => untyped.join(orders, { hnt: "x" })],
      ["map", "schemas", "schema", () => untyped.map(identity, { schemas: 1 })],
      ["filter", "nam", "name", () => untyped.filter(() => true, { nam: "x" })],
      ["groupBy", "typ", "type", () => untyped.groupBy(identity, { typ: 1 })],
      ["desc", "nullFirst", "nullsFirst", () => desc("id", { nullFirst: true } as object)],
      ["iterate", "convergance", "convergence", () => untyped.iterate(1, identity, { convergance: 1 })],
      ["A key to order by", "decending", "descending", () => untyped.orderBy({ column: "id", decending: true })],
    ])("%s refuses %s, and names %s", (method, given, meant, call) => {
      expect(call).toThrow(refusal("OPTION_UNKNOWN", `${method} has no option "${given}". Did you mean "${meant}"?`));
    });

    it.each(["collect", "collectArrow", "count", "persist"])("%s refuses an unknown one", async (name) => {
      const call = async () => untyped[name]({ signall: 1 });
      await expect(call()).rejects.toEqual(refusal("OPTION_UNKNOWN", `${name} has no option "signall"`));
    });

    it("execute refuses an unknown one, and forgets nothing of what was written", async () => {
      const options = { timeout: 1 } as object;
      await expect(env.execute(options)).rejects.toEqual(refusal("OPTION_UNKNOWN", "execute has no option"));
    });

    it.each([["a text"], [null], [17], [["offset"]]])("cannot be %j", (options) => {
      expect(() => untyped.first(1, options)).toThrow(refusal("OPTION_INVALID", "The options of first are"));
    });

    it.each([
      ["splitBytes", -1, "a whole number from 1"],
      ["nulls", "NA", "a list of texts"],
      ["header", 1, "true or false"],
      ["badLines", "skip", '"fail" or "drop"'],
      ["schema", { id: types.int32 }, "Schema.of"],
    ])("readCsv refuses values of %s that would pass for others", (name, value, says) => {
      const read = () => env.readCsv("nowhere.csv", { [name]: value } as object);
      expect(read).toThrow(refusal("OPTION_INVALID", `"${name}" of readCsv`));
      expect(read).toThrow(refusal("OPTION_INVALID", says));
    });

    it("a signal is an AbortSignal", async () => {
      const call = async () => untyped.collect({ signal: "now" });
      await expect(call()).rejects.toEqual(refusal("OPTION_INVALID", '"signal" of collect is "now"'));
      expect(await orders.count()).toBe(1);
    });

    it("plans are explained as text or as JSON", async () => {
      await expect(untyped.explain("yaml")).rejects.toThrow(refusal("OPTION_INVALID", 'explain is "yaml"'));
    });

    it("a hint is one of those that there are", () => {
      expect(() => untyped.join(orders, { hint: "BROADCAST" })).toThrow(
        refusal("OPTION_INVALID", "BROADCAST_HASH_FIRST"),
      );
    });
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

it.each(["sample", "sampleWithSize"])("the seed of %s is a number", async (name) => {
  const given = name === "sample" ? [false, 0.5, "x"] : [1, "x"];
  const sampled = untyped[name](...given) as typeof orders;
  await expect(sampled.count()).rejects.toEqual(refusal("OPTION_INVALID", 'The seed of a sample is "x"'));
});

it("two outputs of a job cannot go to one path", async () => {
  orders.writeCsv("same.csv");
  orders.writeCsv("file://".concat(`${process.cwd()}/other.csv`));
  orders.select("id").writeCsv("same.csv", { overwrite: "overwrite" });
  await expect(env.execute()).rejects.toEqual(refusal("TARGET_TWICE", '"same.csv"'));
  orders.writeCsv("same");
  orders.writeCsv("./other/../same/part.csv");
  await expect(env.execute()).rejects.toEqual(refusal("TARGET_TWICE", "part.csv"));
});

it.each(["constructor", "__proto__", "toString", "valueOf"])(
  "a column named %s keeps its name in rename",
  async (name) => {
    const named = env.fromColumns({ [name]: [1, 2], k: ["a", "b"] }) as unknown as typeof untyped;
    const renamed = named.rename({ k: "key" }) as typeof orders;
    expect((await renamed.schema()).names).toEqual([name, "key"]);
  },
);

describe("types that there are not", () => {
  const any = types as unknown as Record<string, (...args: unknown[]) => unknown>;
  it.each([
    ["decimal(39, 0)", () => any.decimal(39, 0)],
    ["decimal(5, 6)", () => any.decimal(5, 6)],
    ["decimal(1.5, 0)", () => any.decimal(1.5, 0)],
    ["decimal(4, -1)", () => any.decimal(4, -1)],
    ['time("h")', () => any.time("h")],
    ['timestamp("minutes")', () => any.timestamp("minutes")],
    ['timestamp("ms", 2)', () => any.timestamp("ms", 2)],
    ['"int32"', () => any.list("int32")],
    ["undefined", () => any.map(types.utf8)],
    ["an object", () => any.struct({ a: { kind: "int" } })],
    ["null", () => Schema.of(null as unknown as Fields)],
    ["a function", () => Schema.of({ when: types.timestamp } as unknown as Fields)],
  ])("%s", (shown, make) => {
    expect(make).toThrow(refusal("TYPE_INVALID", shown));
  });
});

it("a table needs a number of rows", async () => {
  await expect(orders.toText(-3)).rejects.toEqual(refusal("LIMIT_INVALID", "-3 is"));
});

describe("what is given where a function or a dataset is needed", () => {
  const step = { schema: Schema.of({ id: types.int32 }) };
  const aggregate = { resultType: types.int64, create: () => 0, add: () => 0, merge: () => 0, result: () => 0n };
  it.each<[string, string, string, () => unknown]>([
    ["iterate", "FUNCTION_INVALID", "iterate was given no function", () => untyped.iterate(3)],
    ["iterateDelta", "FUNCTION_INVALID", "5", () => untyped.iterateDelta(orders, 3, ["id"], 5)],
    ["an array with a method of the name", "FUNCTION_INVALID", "an array", () => untyped.map([], step)],
    ["broadcast", "DATASET_EXPECTED", '"x"', () => untyped.map(() => ({}), { ...step, broadcast: { x: [1] } })],
    [
      "aggregateWith",
      "FUNCTION_INVALID",
      '"merge"',
      () => aggregateWith("id", { ...aggregate, merge: undefined } as never),
    ],
    [
      "its type",
      "TYPE_INVALID",
      "resultType",
      () => aggregateWith("id", { ...aggregate, resultType: "int64" } as never),
    ],
    ["regexp", "LITERAL_INVALID", 'regexp was given "a+"', () => col("name").regexp("a+" as never)],
    ["fromRows", "MEMORY_INVALID", "the rows are an object", () => env.fromRows({ id: 1 } as never)],
  ])("%s", (_, code, says, make) => {
    expect(make).toThrow(refusal(code, says));
  });

  it("continueWhile", async () => {
    const looped = untyped.iterate(3, (next: typeof orders) => ({ next, continueWhile: true })) as typeof orders;
    await expect(looped.count()).rejects.toEqual(refusal("DATASET_EXPECTED", "was given true as continueWhile"));
  });
});

it("a value that does not fit is found by its row and column", async () => {
  const schema = Schema.of({ id: types.int32, at: types.struct({ x: types.int8 }) });
  const good = Array.from({ length: 9_000 }, (_, id) => ({ id, at: { x: 1 } }));
  const collect = async (wrong: unknown) => env.fromRows([...good, wrong as object], schema).collect();
  await expect(collect({ id: 1.5 })).rejects.toEqual(
    refusal("VALUE_INVALID", 'Row 9000, column "id": The value is 1.5'),
  );
  await expect(collect({ at: { x: 200 } })).rejects.toEqual(refusal("VALUE_INVALID", 'Row 9000, column "at"'));
  await expect(collect({ at: { y: 2 } })).rejects.toEqual(refusal("VALUE_INVALID", 'Row 9000, column "at"'));
  await expect(collect(5)).rejects.toEqual(refusal("ROW_INVALID", "Row 9000 is 5"));
  const columns = env.fromColumns({ a: [1, "x"] }, Schema.of({ a: types.int32 }));
  await expect(columns.collect()).rejects.toEqual(refusal("VALUE_INVALID", 'Row 1, column "a": The value is "x"'));
});

it("a time zone that nobody knows is named", async () => {
  const schema = Schema.of({ at: types.timestamp("ms", "Mars/Olympus") });
  const hours = env.fromRows([{ at: 0 }], schema).select({ hour: col("at").hour() });
  await expect(hours.collect()).rejects.toEqual(refusal("TIME_ZONE_UNKNOWN", '"Mars/Olympus"'));
  const utc = env.fromRows([{ at: 0 }], schema).select({ hour: col("at").cast(types.timestamp("ms", "UTC")).hour() });
  expect(await utc.collect()).toEqual([{ hour: 0 }]);
});
