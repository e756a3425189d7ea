import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from "@duckdb/node-api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DataType } from "../../src/core/types.ts";
import { type DataSet, EvaluationError, ExecutionEnvironment } from "../../src/index.ts";
import { Choices } from "../support/choices.ts";
import { collectCounted } from "../support/result-sink.ts";
import type { PipelineColumn } from "../support/sql-expressions.ts";
import { ordered, type Pipeline, step } from "../support/sql-pipelines.ts";
import { makeTable } from "../support/sql-tables.ts";

const IS_DEEP = process.env.MILLRACE_DEEP === "1";
const MIB = 1024 * 1024;

/** Tables by name, with the way in which DuckDB writes them as Parquet. */
const TABLES: Readonly<Record<string, { rows: number; parquet: string }>> = {
  none: { rows: 0, parquet: "" },
  one: { rows: 1, parquet: "COMPRESSION gzip" },
  few: { rows: 9, parquet: "PARQUET_VERSION v2, COMPRESSION zstd" },
  hundreds: { rows: 300, parquet: "COMPRESSION uncompressed, PARQUET_VERSION v2" },
  many: { rows: 4_000, parquet: "ROW_GROUP_SIZE 2048, COMPRESSION snappy" },
  large: { rows: 50_000, parquet: "ROW_GROUP_SIZE 10240, COMPRESSION lz4_raw" },
};

let folder: string;
let duckdb: DuckDBInstance;
let connection: DuckDBConnection;
/** Each table as each kind of source: `parquet few`, `rows few`, `arrow few`, `columns` of a persisted dataset. */
const sources = new Map<string, { read: (env: ExecutionEnvironment) => DataSet; table: string }>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-pipelines-"));
  duckdb = await DuckDBInstance.create(":memory:", { threads: "1" });
  connection = await duckdb.connect();
  const env = ExecutionEnvironment.create({ parallelism: 1, batchRows: 500 });
  for (const [seed, [table, { rows, parquet }]] of Object.entries(TABLES).entries()) {
    await makeTable(connection, table, rows, seed);
    const path = join(folder, `${table}.parquet`);
    await connection.run(
      `COPY ${table} TO '${path}' (${["FORMAT parquet", ...(parquet === "" ? [] : [parquet])].join(", ")})`,
    );
    const data = env.readParquet(path);
    sources.set(`parquet ${table}`, { read: (other) => other.readParquet(path), table });
    const schema = await data.schema();
    const objects = await data.collect();
    sources.set(`rows ${table}`, { read: (other) => other.fromRows(objects, schema), table });
    const arrow = await data.collectArrow();
    sources.set(`arrow ${table}`, { read: (other) => other.fromArrow(arrow), table });
    const kept = await data.persist();
    sources.set(`persisted ${table}`, { read: (other) => other.fromRows([], schema).union(kept), table });
  }
}, 120_000);

afterAll(async () => {
  connection.closeSync();
  duckdb.closeSync();
  rmSync(folder, { recursive: true, force: true });
  await ExecutionEnvironment.shutdown();
});

const rowsOf = async (sql: string): Promise<number> =>
  Number((await connection.runAndReadAll(`SELECT count(*) FROM (${sql})`)).getRows()[0][0]);

/** A value of either engine as text: equal texts for values that are one group. */
function text(value: unknown, type: DataType): string {
  if (value === null || value === undefined) return "NULL";
  const parts = value as { items?: unknown[]; days?: number; micros?: bigint; bytes?: Uint8Array };
  switch (type.kind) {
    case "list":
      return `[${(Array.isArray(value) ? value : (parts.items ?? [])).map((item) => text(item, type.element)).join()}]`;
    case "binary":
      return Buffer.from(parts.bytes ?? (value as Uint8Array)).toString("hex");
    case "date":
      return String(parts.days ?? value);
    case "timestamp":
      return String(parts.micros ?? value);
    case "float32":
    case "float64":
      return String(value === 0 ? 0 : value);
    default:
      return JSON.stringify(String(value));
  }
}

/** Rows as texts of their exact columns, with the other ones beside; sorted. */
function lines(rows: readonly (readonly unknown[])[], columns: readonly PipelineColumn[]) {
  const exact = columns.flatMap(({ exact }, i) => (exact ? [i] : []));
  const rounded = columns.flatMap(({ exact }, i) => (exact ? [] : [i]));
  return rows
    .map((row) => ({
      key: exact.map((i) => text(row[i], columns[i].type)).join("|"),
      numbers: rounded.map((i) => (row[i] === null ? null : Number(row[i]))),
    }))
    .sort(
      (a, b) =>
        compare(a.key, b.key) || a.numbers.reduce((order: number, x, i) => order || compareNumbers(x, b.numbers[i]), 0),
    );
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
/** Nulls, then NaN, then numbers; nearly equal ones are equal. */
function compareNumbers(a: number | null, b: number | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(!Number.isNaN(a)) - Number(!Number.isNaN(b));
  if (a === b || Math.abs(a - b) <= 1e-9 * Math.max(1e-9, Math.abs(a), Math.abs(b))) return 0;
  return a - b;
}

interface Setting {
  readonly parallelism: number;
  readonly batchRows: number;
  readonly memoryBytes: number;
}
const environments = new Map<string, ExecutionEnvironment>();
function environment(setting: Setting): ExecutionEnvironment {
  const key = JSON.stringify(setting);
  let env = environments.get(key);
  if (env === undefined) {
    env = ExecutionEnvironment.create(setting);
    environments.set(key, env);
  }
  return env;
}

async function theirRows(sql: string): Promise<DuckDBValue[][] | undefined> {
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } catch (error) {
    // Only a sum can fail, where it is past 64 bits.
    if (/out of range|overflow|can't be cast/i.test(String(error))) return undefined;
    throw new Error(`${sql}: ${error}`);
  }
}

/** Any steps over the tables give what the same steps in SQL give; the job's counters, if there was a result. */
async function expectSameRows(setting: Setting, tables: readonly string[], steps: number[][], mostRows: number) {
  const env = environment(setting);
  let stack = await Promise.all(
    tables.map(async (name): Promise<Pipeline> => {
      const source = sources.get(name);
      if (source === undefined) throw new Error(`no table ${name}`);
      const data = source.read(env);
      const { fields } = await data.schema();
      return {
        data,
        sql: `SELECT * FROM ${source.table}`,
        columns: fields.map(({ name, type }) => ({ name, type, exact: true })),
      };
    }),
  );
  const fails = (error: unknown) =>
    error instanceof EvaluationError || /out of range|overflow|can't be cast/i.test(String(error));
  try {
    for (const numbers of steps) stack = await step(stack, new Choices(numbers), rowsOf, mostRows);
  } catch (error) {
    if (fails(error)) return undefined;
    throw error;
  }
  const [{ data, sql, columns }, keys] = ordered(stack[0], new Choices(steps[0]));
  const theirs = await theirRows(sql);
  const settled = await collectCounted(env, data).catch((error: unknown) => error as Error);
  if (settled instanceof Error) {
    if (theirs === undefined && settled instanceof EvaluationError) return undefined;
    throw new Error(`${sql}\n${settled.message}`, { cause: settled });
  }
  if (theirs === undefined) return undefined;
  const ours = settled.rows.map((row) => columns.map(({ name }) => row[name]));
  const [found, wanted] = [lines(ours, columns), lines(theirs, columns)];
  expect(
    found.map(({ key }) => key),
    sql,
  ).toEqual(wanted.map(({ key }) => key));
  const wrong = found.filter(({ numbers }, i) =>
    numbers.some((number, j) => compareNumbers(number, wanted[i].numbers[j]) !== 0),
  );
  expect(wrong, sql).toEqual([]);
  if (keys.length > 0) {
    const places = keys.map(({ name }) => columns.findIndex((column) => column.name === name));
    const sequence = (rows: readonly (readonly unknown[])[]) =>
      rows.map((row) => places.map((i) => text(row[i], columns[i].type)).join("|"));
    expect(sequence(ours), sql).toEqual(sequence(theirs));
  }
  return settled.counters;
}

const anySetting = fc.record({
  parallelism: fc.constantFrom(1, 2),
  batchRows: fc.constantFrom(16_384, 1024, 64),
  memoryBytes: fc.constantFrom(512 * MIB, 16 * MIB),
});
const anySteps = (most: number) =>
  fc.array(fc.array(fc.nat({ max: 839 }), { minLength: 1, maxLength: 30, size: "max" }), {
    minLength: 1,
    maxLength: most,
    size: "max",
  });
const anyTables = (names: readonly string[]) =>
  fc.array(
    fc.constantFrom(
      ...["parquet", "rows", "arrow", "persisted"].flatMap((kind) => names.map((name) => `${kind} ${name}`)),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  );

it("gives the rows that DuckDB gives for the same steps in SQL", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      anySetting,
      anyTables(["none", "one", "few", "hundreds", "many"]),
      anySteps(8),
      async (setting, tables, steps) => {
        if ((await expectSameRows(setting, tables, steps, 10_000)) !== undefined) compared++;
      },
    ),
    { numRuns: IS_DEEP ? 4000 : 300 },
  );
  expect(compared).toBeGreaterThan(IS_DEEP ? 3000 : 200);
}, 3_600_000);

it("gives the rows that DuckDB gives while it spills", async () => {
  let spilledJobs = 0;
  const tight = anySetting.map((setting) => ({ ...setting, memoryBytes: 16 * MIB }));
  await fc.assert(
    fc.asyncProperty(tight, anyTables(["large"]), anySteps(3), async (setting, tables, steps) => {
      const counters = await expectSameRows(setting, tables, steps, 80_000);
      if ((counters?.get("spilledBytes") ?? 0) > 0) spilledJobs++;
    }),
    { numRuns: IS_DEEP ? 300 : 8 },
  );
  expect(spilledJobs).toBeGreaterThan(IS_DEEP ? 20 : 1);
}, 3_600_000);
