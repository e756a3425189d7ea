import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileError } from "../../src/host/node-errors.ts";
import { col, count, type DataSet, EngineError, type ExecutionEnvironment, Schema, types } from "../../src/index.ts";
import { NotingSink } from "../support/custom-connectors.ts";
import { hostWithFiles, privateEnvironment } from "../support/environments.ts";
import { testDirectory } from "../support/temporary-directory.ts";

const MIB = 1024 * 1024;
const folder = testDirectory();
const at = (...names: string[]) => join(folder.path, ...names);
const schema = Schema.of({ id: types.int64, name: types.utf8 });
const rows = Array.from({ length: 5000 }, (_, id) => ({ id: BigInt(id), name: `name ${id % 90}` }));

type Job = (env: ExecutionEnvironment) => Pick<DataSet, "collect">;

interface Broken {
  what: string;
  /** Prepares files; `good` is a Parquet file of `rows`. */
  given?: (good: Buffer) => void;
  job: Job;
  code: string;
  says: RegExp;
  /** Whether the error names an operator; what fails while planning has a stack instead. */
  operator?: RegExp;
}

const flipped = (bytes: Buffer, position: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[position] ^= 0x40;
  return copy;
};
const numbers = (env: ExecutionEnvironment) => env.fromRows(rows, schema);

const inputs: Broken[] = [
  {
    what: "a missing file",
    job: (env) => env.readParquet(at("none.parquet")),
    code: "FILE_NOT_FOUND",
    says: /none\.parquet" could not be read: no such file/,
  },
  {
    what: "a directory without files",
    given: () => mkdirSync(at("empty")),
    job: (env) => env.readCsv(at("empty")),
    code: "FILES_NONE_MATCH",
    says: /empty/,
  },
  {
    what: "text called Parquet",
    given: () => writeFileSync(at("text.parquet"), "id,name\n".repeat(50)),
    job: (env) => env.readParquet(at("text.parquet")),
    code: "PARQUET_NOT_PARQUET",
    says: /text\.parquet/,
  },
  {
    what: "a truncated Parquet file",
    given: (good) => writeFileSync(at("cut.parquet"), good.subarray(0, good.length >> 1)),
    job: (env) => env.readParquet(at("cut.parquet")),
    code: "PARQUET_FOOTER_CORRUPT",
    says: /cut\.parquet/,
  },
  {
    what: "a flipped bit in a Parquet page",
    given: (good) => writeFileSync(at("flip.parquet"), flipped(good, 300)),
    job: (env) => env.readParquet(at("flip.parquet")),
    code: "PARQUET_CHECKSUM_MISMATCH",
    says: /flip\.parquet".*row group 0.*column/,
    operator: /parquet/,
  },
  {
    what: "a ragged CSV line",
    given: () => writeFileSync(at("ragged.csv"), "id,name\n1,a\n2,b,c\n"),
    job: (env) => env.readCsv(at("ragged.csv")),
    code: "CSV_FIELD_COUNT",
    says: /ragged\.csv", line 3 has 3 fields/,
    operator: /csv/,
  },
  {
    what: "a value of another type than the schema's",
    given: () => writeFileSync(at("typed.csv"), "id,name\n1,a\nx2,b\n"),
    job: (env) => env.readCsv(at("typed.csv"), { schema }),
    code: "CSV_VALUE_INVALID",
    says: /typed\.csv.*line 3, column "id": "x2" is no int64/,
    operator: /csv/,
  },
  {
    what: "CSV that is not UTF-8",
    given: () => writeFileSync(at("latin.csv"), Buffer.from("id,name\n1,caf\xe9\n", "latin1")),
    job: (env) => env.readCsv(at("latin.csv"), { schema }),
    code: "CSV_UTF8_INVALID",
    says: /latin\.csv.*line 2, column "name"/,
    operator: /csv/,
  },
  {
    what: "garbage among JSON lines",
    given: () => writeFileSync(at("garbage.jsonl"), '{"id":1}\n{"id":\n'),
    job: (env) => env.readJson(at("garbage.jsonl")),
    code: "JSON_INVALID",
    says: /garbage\.jsonl", line 2/,
  },
  {
    what: "a truncated Arrow file",
    given: () => writeFileSync(at("cut.arrow"), readFileSync(at("good.arrow")).subarray(0, -40)),
    job: (env) => env.readArrow(at("cut.arrow")),
    code: "ARROW_TRUNCATED",
    says: /cut\.arrow/,
  },
  {
    what: "a function that throws",
    job: (env) =>
      numbers(env).map(
        (row) => {
          if (row.id === 4000n) throw new TypeError("of mine");
          return row;
        },
        { schema },
      ),
    code: "USER_FUNCTION_FAILED",
    says: /map.*hostile\.test\.ts:\d+.*TypeError: of mine/,
    operator: /map/,
  },
  {
    what: "a function whose rows change their shape",
    job: (env) => numbers(env).map((row) => (row.id === 3000n ? { other: 1 } : { id: row.id })),
    code: "ROW_SHAPE_CHANGED",
    says: /hostile\.test\.ts:\d+/,
    operator: /map/,
  },
  {
    what: "a function that returns no row",
    job: (env) => numbers(env).map(() => undefined as unknown as object, { schema }),
    code: "ROW_INVALID",
    says: /map/,
  },
  {
    what: "a misspelt column",
    job: (env) => (env.fromRows(rows, schema) as unknown as DataSet).filter(col("nmae").eq("x")),
    code: "COLUMN_UNKNOWN",
    says: /nmae.*name/,
  },
  {
    what: "a number that grows too large",
    job: (env) => numbers(env).select({ big: col("id").mul(9_223_372_036_854_775_807n) }),
    code: "EXPRESSION_OVERFLOW",
    says: /overflow|int64/i,
    operator: /select/,
  },
];

describe.each([1, 2])("on %i threads", (parallelism) => {
  const { env, liveBlocks, close } = privateEnvironment({ parallelism });
  let good: Buffer;
  beforeAll(async () => {
    if (existsSync(at("good.parquet"))) {
      good = readFileSync(at("good.parquet"));
      return;
    }
    numbers(env).writeParquet(at("good.parquet"));
    numbers(env).writeArrow(at("good.arrow"));
    await env.execute();
    good = readFileSync(at("good.parquet"));
    for (const { given } of inputs) given?.(good);
  });
  afterAll(close);

  it.each(inputs)("says where $what is, leaves nothing behind and goes on", async ({ job, code, says, operator }) => {
    let failure: unknown;
    try {
      await job(env).collect();
    } catch (thrown) {
      failure = thrown;
    }
    expect(failure).toBeInstanceOf(EngineError);
    const error = failure as EngineError;
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(error.whatToDo).not.toBe("");
    if (operator !== undefined) expect(error.operator).toMatch(operator);
    expect(await liveBlocks()).toBe(0);
    expect(folder.leftovers()).toEqual([]);
    expect(await numbers(env).count()).toBe(5000);
  });

  it("refuses a target that exists before it reads anything, and commits none of several sinks", async () => {
    const [taken, other] = [at(`taken-${parallelism}`), at(`other-${parallelism}`)];
    mkdirSync(taken);
    writeFileSync(join(taken, "mine.txt"), "mine");
    numbers(env).writeCsv(other);
    numbers(env).writeCsv(taken);
    await expect(env.execute()).rejects.toMatchObject({ code: "TARGET_EXISTS" });
    expect(existsSync(other)).toBe(false);
    expect(readdirSync(taken)).toEqual(["mine.txt"]);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("."))).toEqual([]);
    expect(await liveBlocks()).toBe(0);
  });

  it("commits nothing where one of several outputs fails", async () => {
    const target = at(`half-${parallelism}`);
    const sink = new NotingSink();
    numbers(env).writeParquet(target);
    numbers(env)
      .select({ big: col("id").mul(9_223_372_036_854_775_807n) })
      .output(sink);
    await expect(env.execute()).rejects.toMatchObject({ code: "EXPRESSION_OVERFLOW" });
    expect(existsSync(target)).toBe(false);
    expect(sink.notes).not.toContain("commit");
    expect(sink.notes.at(-1)).toBe("abort");
    expect(readdirSync(folder.path).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("a full disk", () => {
  // Spill files live in the temporary directory, results beside their target.
  let writable = Number.POSITIVE_INFINITY;
  const host = hostWithFiles((files) => ({
    openWrite: (path) => {
      const file = files.openWrite(path);
      const write = (bytes: Uint8Array) => {
        writable -= bytes.length;
        if (writable < 0) throw fileError(Object.assign(new Error("no space"), { code: "ENOSPC" }), "written", path);
        file.write(bytes);
      };
      return { path: file.path, write, sync: () => file.sync(), close: () => file.close() };
    },
  }));
  const { env, liveBlocks, close } = privateEnvironment({ parallelism: 1, memoryBytes: 16 * MIB }, host);
  afterAll(close);
  const huge = (n: number) =>
    env.sequence(0, n).withColumns({ text: col("value").cast(types.utf8).concat(" and more text") });

  it.each<[string, () => Pick<DataSet, "collect">]>([
    ["a sort", () => huge(2_000_000).orderBy("text")],
    ["a group-by", () => huge(2_000_000).groupBy("text").aggregate({ n: count() })],
    ["a distinct", () => huge(2_000_000).distinct()],
    [
      "a join",
      () =>
        huge(2_000_000).join(huge(1_000_000), { hint: "REPARTITION_HASH_SECOND" }).on("text").aggregate({ n: count() }),
    ],
    [
      "two readers of one dataset",
      () => {
        const data = huge(1_000_000);
        return data.aggregate({ n: count() }).cross(data).aggregate({ n: count() });
      },
    ],
    [
      "groups of functions",
      () =>
        huge(1_000_000)
          .groupBy("text")
          .reduceGroup((key) => [{ text: key.text }], { schema: Schema.of({ text: types.utf8 }) }),
    ],
  ])("ends %s with a typed error, at any byte", async (_, job) => {
    for (const bytes of [0, 100_000, 5 * MIB]) {
      writable = bytes;
      const outcome = await job()
        .collect()
        .then(
          () => "done",
          (thrown: unknown) => thrown,
        );
      writable = Number.POSITIVE_INFINITY;
      if (outcome !== "done") {
        expect(outcome).toBeInstanceOf(EngineError);
        expect(outcome).toMatchObject({ code: "SPILL_DISK_FULL", origin: "external" });
      }
      expect(await liveBlocks()).toBe(0);
      expect(folder.leftovers()).toEqual([]);
    }
  });

  it("leaves no half-written file", async () => {
    for (const bytes of [0, 10_000, MIB]) {
      huge(200_000).writeParquet(at("full"));
      writable = bytes;
      await expect(env.execute()).rejects.toMatchObject({ code: "DISK_FULL" });
      writable = Number.POSITIVE_INFINITY;
      expect(existsSync(at("full"))).toBe(false);
      expect(readdirSync(folder.path).filter((name) => name.startsWith("."))).toEqual([]);
      expect(await liveBlocks()).toBe(0);
    }
  });
});
